"""pylmer beside what real R recorded, case by case, and beside R itself where it is there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rcompare.case import Case, builtin_cases
from rcompare.differences import Comparison
from rcompare.engines.golden import GoldenEngine
from rcompare.engines.pylmer import PylmerEngine
from rcompare.engines.r import RSession
from rcompare.run import compare_engines

CASES = [case for case in builtin_cases() if "large" not in case.tags]
MANY = 100


def explain(comparison: Comparison) -> str:
    lines = [
        f"{d.quantity} ({d.stage_name}) {d.status}: {d.ours} against {d.theirs} at {d.where}, "
        f"difference {d.size:.2g}, allowed {d.tolerance:.2g}; {d.note}"
        for d in comparison.failures
    ]
    return "\n".join(lines)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_pylmer_agrees_with_the_recording(case: Case) -> None:
    golden = GoldenEngine()
    comparison = compare_engines(case, PylmerEngine(lme4=golden.lme4_version), golden)
    assert comparison.passed, explain(comparison)


def without_many_draws(case: Case) -> Case:
    """Leave out what takes R long: bootstraps of many draws; profiles and bootstraps of large thetas, seen recorded."""
    many = case.boot is not None and case.boot.nsim > MANY
    left_out = {"boot"} if many else set()
    if case.id in ("surface-sleepstudy", "surface-penicillin"):
        left_out |= {"intervals", "bootstrap"}
    return replace(case, groups=tuple(g for g in case.groups if g not in left_out))


@pytest.mark.r
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_pylmer_agrees_with_live_r(case: Case, R: RSession) -> None:
    from rcompare.engines.lme4 import REngine

    engine = REngine()
    case = without_many_draws(case)
    comparison = compare_engines(case, PylmerEngine(lme4=engine.lme4_version), engine)
    assert comparison.passed, explain(comparison)


@pytest.mark.r
def test_live_r_still_says_what_was_recorded(R: RSession) -> None:
    from rcompare.engines.lme4 import REngine

    engine, golden = REngine(), GoldenEngine()
    if engine.lme4_version != golden.lme4_version:
        pytest.skip(f"recorded by lme4 {golden.lme4_version}, here is {engine.lme4_version}")
    for case in CASES:
        if case.id in ("hsb-lm", "dyestuff", "penicillin", "rail-ml"):
            comparison = compare_engines(case, engine, golden)
            assert comparison.passed, explain(comparison)
