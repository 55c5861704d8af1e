"""The scoreboard counts what engines agree on; packages that are not there are said to be so."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from rcompare.case import builtin_cases, select
from rcompare.cli import main
from rcompare.compare import compare_case
from rcompare.engines.base import EngineUnavailable
from rcompare.engines.golden import GoldenEngine
from rcompare.engines.others import OTHERS
from rcompare.results import Labelled, Results
from rcompare.scoreboard import as_markdown, score


def off(results: Results, name: str, factor: float) -> Results:
    value = results.values[name]
    assert isinstance(value, Labelled)
    return replace(results, values={**results.values, name: replace(value, values=value.values * factor)})


def test_counts() -> None:
    golden = GoldenEngine()
    cases = select(builtin_cases(), ["dyestuff", "penicillin", "rail"])
    right = [golden.run(case) for case in cases]
    mine = [right[0], off(right[1], "se", 1.01), Results("rail", {}, error="it fell over")]
    mine[0] = replace(mine[0], values={k: v for k, v in mine[0].values.items() if k != "varcor.vcov"})
    found = score("it", [compare_case(c, a, b, partial=True) for c, a, b in zip(cases, mine, right, strict=True)])
    assert (found.cases, found.fitted, found.good, found.above) == (3, 2, 2, 0)
    assert found.agreeing == ((2, 2), (1, 2), (1, 1))
    assert as_markdown([found]).splitlines()[2] == "| it | 2 of 3 | 2 | 0 | 2 of 2 | 1 of 2 | 1 of 1 |"


def test_the_command_writes_the_table(tmp_path: Path) -> None:
    file = tmp_path / "score.md"
    done = CliRunner().invoke(main, ["scoreboard", "dyestuff", "rail", "--engine", "pylmer", "--markdown", str(file)])
    assert done.exit_code == 0, done.output
    assert "2 of 2 | 2 | 0 | 2 of 2 | 2 of 2 | 2 of 2 |" in file.read_text()


@pytest.mark.parametrize("name", OTHERS)
def test_packages_that_are_missing_are_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None)
    with pytest.raises(EngineUnavailable, match=f"pip install {name}"):
        OTHERS[name]()
    assert CliRunner().invoke(main, ["scoreboard", "rail", "--engine", name]).exit_code == 3


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.filterwarnings("ignore")
def test_packages_that_are_there_answer_under_rs_labels(name: str) -> None:
    pytest.importorskip(OTHERS[name].module)
    (case,) = select(builtin_cases(), ["sleepstudy-slopes-ml"])
    answers, theirs = OTHERS[name]().run(case), GoldenEngine().run(case)
    beta, reference = answers.values["beta"], theirs.values["beta"]
    assert isinstance(beta, Labelled)
    assert isinstance(reference, Labelled)
    assert beta.labels == reference.labels
    assert np.allclose(beta.values, reference.values, rtol=1e-3)
