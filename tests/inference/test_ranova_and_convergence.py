"""Tests of random-effects terms against lmerTest, AIC and the check of convergence against lme4, live."""

from __future__ import annotations

import numpy as np
import pytest

from pylmer import checkConv, datasets, extractAIC, lmer, options, ranova
from pylmer.errors import ConvergenceWarning
from pylmer.model import at_theta
from pylmer.optimize.convergence import judge_derivatives
from rcompare.engines.r import RSession

MODELS = [
    ("sleepstudy", "Reaction ~ Days + (Days | Subject)"),
    ("sleepstudy", "Reaction ~ Days + (Days || Subject)"),
    ("sleepstudy", "Reaction ~ Days + (1 | Subject)"),
    ("Penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)"),
    ("cake", "angle ~ recipe * temperature + (1 | recipe:replicate)"),
]


@pytest.mark.r
@pytest.mark.parametrize(("name", "formula"), MODELS)
@pytest.mark.parametrize("reduce", [True, False])
def test_ranova(R: RSession, name: str, formula: str, reduce: bool) -> None:
    R("if (!requireNamespace('lmerTest', quietly = TRUE)) stop('lmerTest is missing')")
    ours = ranova(lmer(formula, getattr(datasets, name)()), reduce)
    R(f"rnv_m <- lmerTest::lmer({formula}, {name})")
    R(f"rnv <- lmerTest::ranova(rnv_m, reduce.terms = {str(reduce).upper()})")
    assert ours.index.tolist() == R.strings("rownames(rnv)")
    assert ours.columns.tolist() == R.strings("names(rnv)")
    np.testing.assert_allclose(ours.iloc[:, :5], R.num("as.matrix(rnv[, 1:5])"), rtol=2e-7, atol=2e-6)
    np.testing.assert_allclose(ours["Pr(>Chisq)"], R.num("rnv[, 6]"), rtol=1e-5)
    with options(useFancyQuotes=False):
        assert str(ours).splitlines() == R.output("print(rnv)")


@pytest.mark.r
@pytest.mark.parametrize(("name", "formula"), MODELS[:4])
def test_extracted_aic(R: RSession, name: str, formula: str) -> None:
    R(f"eaic_m <- lmer({formula}, {name})")
    m = lmer(formula, getattr(datasets, name)())
    np.testing.assert_allclose(extractAIC(m), R.num("extractAIC(eaic_m)"), rtol=1e-8)
    np.testing.assert_allclose(extractAIC(m, k=3), R.num("extractAIC(eaic_m, k = 3)"), rtol=1e-8)


DERIVATIVES = [
    ([1e-5, 2e-6], [[50.0, 3.0], [3.0, 20.0]]),
    ([0.5, -2.25], [[50.0, 3.0], [3.0, 20.0]]),
    ([0.5, -0.1], [[5.0, 30.0], [30.0, 2.0]]),
    ([1e-5, 1e-6], [[5.0, 0.0], [0.0, 1e-7]]),
    ([1e-5, 1e-6], [[5e7, 0.0], [0.0, 1e7]]),
    ([1e-5, 1e-6], [[-1.0, 0.0], [0.0, -3.0]]),
    ([1e-5, 1e-6], [[-1.0, 0.0], [0.0, 1e-8]]),
    ([1e-5, 1e-6], [[5e5, 0.0], [0.0, 0.1]]),
    ([1e-5, 1e-6], [[5e7, 0.0], [0.0, 0.1]]),
]


@pytest.mark.r
@pytest.mark.parametrize(("gradient", "hessian"), DERIVATIVES)
def test_messages_of_lme4(R: RSession, gradient: list[float], hessian: list[list[float]]) -> None:
    R.assign("cc_g", np.array(gradient))
    R.assign("cc_H", np.array(hessian))
    R(
        "cc <- suppressWarnings(checkConv(list(gradient = cc_g, Hessian = cc_H), c(1, 1), "
        "lmerControl()$checkConv, c(0, 0)))"
    )
    ours = judge_derivatives(np.array(gradient), np.array(hessian))
    assert list(ours) == (R.strings("cc$messages") if R.num("length(cc$messages)").item() else [])


def test_an_optimum_passes_and_another_point_does_not() -> None:
    m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    found = checkConv(m)
    assert (found.code, found.messages) == (0, ())
    assert np.abs(found.gradient).max() < 1e-3
    away = at_theta(type(m), m.design, m.theta + 0.1)
    with pytest.warns(ConvergenceWarning, match=r"max\|grad\|"):
        assert checkConv(away).code == -1
    assert checkConv(away, quiet=True).messages


def test_options_are_there() -> None:
    with options(digits=5):
        assert "Single term deletions" in str(ranova(lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())))
