"""The golden files are complete, say where they come from, and belong to today's data and scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from rcompare.case import builtin_cases
from rcompare.check import stale_files
from rcompare.engines.base import EngineUnavailable
from rcompare.engines.golden import GoldenEngine, latest_golden
from rcompare.results import Labelled

CASES = builtin_cases()


def test_no_golden_file_is_missing_or_stale() -> None:
    assert stale_files(CASES, GoldenEngine()) == []


def test_recordings_were_made_at_fixed_addresses_in_the_c_locale() -> None:
    golden = GoldenEngine()
    for case in CASES:
        stamp = golden.run(case).stamp
        assert (stamp["fixed_addresses"], stamp["locale"]) == (True, "C")


def test_r_never_stops_below_its_own_tight_optimum() -> None:
    golden = GoldenEngine()
    for case in CASES:
        recorded = golden.run(case)
        if recorded.tight:
            tight = recorded.tight["criterion"]
            assert isinstance(tight, Labelled)
            assert recorded.number("criterion") >= float(tight.values), case.id


def test_long_vectors_are_kept_in_part_only() -> None:
    large = next(case for case in CASES if case.id == "insteval-service")
    fitted = GoldenEngine().run(large).values["fitted"]
    assert isinstance(fitted, Labelled)
    assert fitted.sampled
    assert 2000 <= fitted.values.size <= 2010


def test_the_newest_version_is_chosen(tmp_path: Path) -> None:
    for name in ("lme4-1.1-9", "lme4-1.1-31", "lme4-1.1-4"):
        (tmp_path / name).mkdir()
    assert latest_golden(tmp_path).name == "lme4-1.1-31"


def test_no_golden_files_is_said(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="rcompare record"):
        latest_golden(tmp_path)
    with pytest.raises(EngineUnavailable, match="there is no folder"):
        GoldenEngine(tmp_path / "nowhere")
