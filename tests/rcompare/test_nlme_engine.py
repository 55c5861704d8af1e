"""nlme as an engine: what it is asked, what it is not, and that two packages of R and pylmer meet."""

from __future__ import annotations

from dataclasses import replace

import pytest
from click.testing import CliRunner

from pylmer import lFormula
from rcompare.case import Case, CaseError, builtin_cases, select
from rcompare.cli import main
from rcompare.datatable import case_data
from rcompare.engines.base import NotOffered
from rcompare.engines.nlme import lme_call
from rcompare.engines.r import RSession
from rcompare.results import Results


def call_of(case: Case) -> str:
    frame = case_data(case)
    design = lFormula(case.formula, frame, weights=case.weights, subset=case.subset, offset=case.offset)
    return lme_call(case, design, len(frame)).code


def case_on(data: str, formula: str, **more: object) -> Case:
    return replace(Case("x", data, formula=formula), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("case", "code"),
    [
        (
            case_on("Machines", "score ~ Machine + (1 | Worker/Machine)", REML=False),
            "lme(score ~ Machine, data = Machines, random = list(Worker = pdLogChol(~1), rc.group2 = pdLogChol(~1)), "
            'method = "ML", na.action = na.omit)',
        ),
        (
            case_on("Orthodont", "distance ~ age + (age || Subject)", subset='Sex == "Female"'),
            "lme(distance ~ age, data = Orthodont, random = list(Subject = pdBlocked(list(pdLogChol(~1), "
            'pdLogChol(~0 + age)))), method = "REML", subset = Sex == "Female", na.action = na.omit)',
        ),
        (
            case_on("cbpp", "incidence ~ period + (1 | herd)", weights="size"),
            "lme(incidence ~ period, data = cbpp, random = list(herd = pdLogChol(~1)), "
            'method = "REML", weights = varFixed(~I(1/size)), na.action = na.omit)',
        ),
        (
            case_on("Pastes", "strength ~ 1 + (1 | sample) + (1 | batch)"),
            "lme(strength ~ 1, data = Pastes, random = list(batch = pdLogChol(~1), sample = pdLogChol(~1)), "
            'method = "REML", na.action = na.omit)',
        ),
    ],
    ids=["nested", "uncorrelated", "weights", "implicitly nested"],
)
def test_formulas_are_translated_from_the_tree(case: Case, code: str) -> None:
    assert call_of(case) == code


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (case_on("Penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)"), "no crossed grouping factors"),
        (case_on("sleepstudy", "Reaction ~ Days + offset(5 * Days) + (1 | Subject)"), "no offset"),
        (case_on("cbpp", "incidence ~ period + (1 | herd)", offset="size"), "no offset"),
        (
            case_on("sleepstudy", "Reaction ~ poly(Days, 2) + (1 | Subject)", subset="Days > 1"),
            r"lme works poly\(\) out of the rows kept, lmer of all rows",
        ),
        (
            case_on("Machines", "score ~ Machine + (Machine | Worker)", contrasts={"Machine": "contr.sum"}),
            "for the random effects too",
        ),
    ],
)
def test_what_lme_cannot_express_is_said(case: Case, why: str) -> None:
    with pytest.raises(NotOffered, match=why):
        call_of(case)


def test_what_may_not_reach_r_is_refused() -> None:
    case = case_on("sleepstudy", "Reaction ~ Days + (1 | Subject)", weights="`")
    with pytest.raises(CaseError, match="cannot be handed to R"):
        lme_call(case, lFormula(case.formula, case_data(case)))


@pytest.mark.r
def test_pylmer_and_nlme_meet(R: RSession) -> None:
    """At nlme's own parameters to ten digits, each at its own optimum as close as two optimizers come."""
    names = ["sleepstudy-slopes-reml", "machines-nested", "cbpp-weights", "orthodont-uncorrelated", "oxboys-poly"]
    done = CliRunner().invoke(main, ["run", *names, "--against", "nlme", "-v"], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert "5 cases" in done.output
    assert done.output.count("at R's theta") > 5 * 12
    assert "not offered" not in done.output


@pytest.mark.r
def test_nlme_meets_what_lme4_recorded_and_counts_what_it_cannot_express(R: RSession) -> None:
    done = CliRunner().invoke(main, ["run", "dyestuff", "penicillin", "--engine", "nlme"], env={"COLUMNS": "200"})
    assert "lme has no crossed grouping factors (sample and plate)" in done.output
    score = CliRunner().invoke(
        main, ["scoreboard", "pastes-ml", "penicillin", "--engine", "nlme", "-v"], env={"COLUMNS": "200"}
    )
    assert score.exit_code == 0, score.output
    assert "1 without a fit, lme has no crossed grouping factors (sample and plate): penicillin" in score.output


@pytest.mark.r
def test_an_error_of_lme_is_its_answer(R: RSession) -> None:
    from rcompare.engines.nlme import NlmeEngine

    (case,) = select(builtin_cases(), ["cake-slopes"])
    answer = NlmeEngine().run(case)
    assert isinstance(answer, Results)
    assert "nlminb problem" in (answer.error or "")


@pytest.mark.r
def test_lmertest_is_asked_for_degrees_of_freedom(R: RSession) -> None:
    done = CliRunner().invoke(
        main, ["run", "machines-intercept", "--against", "lmerTest", "-v"], env={"COLUMNS": "200"}
    )
    assert done.exit_code == 0, done.output
    assert "Satterthwaite df" in done.output
