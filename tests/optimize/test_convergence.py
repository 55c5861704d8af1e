"""What is said of an optimum, and when the exact Hessian is asked for."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from pylmer import datasets, lFormula, lmer, lmerControl, mkLmerDevfun, optimizeLmer
from pylmer.errors import ModelError, RWarning
from pylmer.optimize.convergence import Rules, derivatives, judge_derivatives, needs_a_look
from rcompare.engines.r import RSession


@pytest.mark.r
@pytest.mark.parametrize(
    ("setting", "settings"),
    [
        ("", {}),
        (", calc.derivs = FALSE", {"calc_derivs": False}),
        (", check.conv.grad = 'ignore'", {"check_conv_grad": "ignore"}),
        (", check.conv.hess = 'ignore'", {"check_conv_hess": "ignore"}),
        (
            ", check.conv.hess = .makeCC('warning', tol = 100)",
            {"check_conv_hess": {"action": "warning", "tol": 100.0}},
        ),
    ],
)
def test_settings(R: RSession, setting: str, settings: dict[str, object]) -> None:
    R(f"cnv_control <- lmerControl(optCtrl = list(maxeval = 5){setting})")
    R("cnv <- suppressWarnings(lmer(Reaction ~ Days + (Days | Subject), sleepstudy, control = cnv_control))")
    control = lmerControl("nloptwrap", optCtrl={"maxeval": 5}, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy(), control=control)
    said = R.strings("cnv@optinfo$conv$lme4$messages") if R.num("length(cnv@optinfo$conv$lme4$messages)") else []
    assert list(m.opt.warnings) == said


@pytest.mark.filterwarnings("ignore:convergence code")
def test_a_check_that_stops() -> None:
    control = lmerControl("nloptwrap", optCtrl={"maxeval": 5}, check_conv_hess="stop", check_conv_grad="ignore")
    with pytest.raises(ModelError, match="degenerate  Hessian"):
        lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy(), control=control)
    with pytest.raises(ModelError, match="choose one of"):
        lmerControl(check_conv_hess="message")
    with pytest.raises(ModelError, match="'action' and 'tol'"):
        lmerControl(check_conv_grad={"tolerance": 1.0})


def test_a_badly_scaled_predictor_is_told_of() -> None:
    data = datasets.sleepstudy().assign(small=lambda d: d["Days"] * 1e-4)
    with pytest.warns(RWarning) as said:
        lmer("Reaction ~ small + (small | Subject)", data)
    assert "Rescale variables?" in str(said[-1].message)


def test_nothing_is_computed_that_nobody_needs() -> None:
    criterion = mkLmerDevfun(lFormula("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy()))
    counts = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opt = optimizeLmer(criterion, trace=lambda theta, value: counts.append(value))
    assert len(counts) <= opt.evaluations  # the last step is taken without looking at where it leads
    assert not needs_a_look(opt.hessian, Rules())
    assert needs_a_look(opt.hessian * 1e8, Rules())
    assert not needs_a_look(opt.hessian * 1e8, Rules(hessian=None))


def test_differences_of_gradients_are_the_hessian() -> None:
    criterion = mkLmerDevfun(lFormula("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff()))
    theta = np.array([0.7])
    gradient, hessian = derivatives(criterion, theta)
    h = 1e-4
    values = [criterion(theta + d) for d in (-h, 0.0, h)]
    np.testing.assert_allclose(gradient, (values[2] - values[0]) / (2 * h), rtol=1e-6)
    np.testing.assert_allclose(hessian[0, 0], (values[2] - 2 * values[1] + values[0]) / h**2, rtol=1e-4)
    assert judge_derivatives(gradient, hessian, Rules(None, None)) == ()
