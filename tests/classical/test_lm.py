from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from classical_cases import cases, fitted_case, frame_of, name_of_case, table

from pylmer.classical.lm import lm
from pylmer.errors import DataError, FormulaError, ModelError, RWarning

CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def _same(ours: pd.DataFrame, recorded: dict[str, Any], scale: float = 1.0) -> None:
    expected = frame_of(recorded)
    assert list(ours.index) == list(expected.index)
    assert list(ours.columns) == list(expected.columns)
    np.testing.assert_allclose(ours.to_numpy(dtype=float) / scale, expected.to_numpy() / scale, **CLOSE)


def _numbers(values: list[Any]) -> np.ndarray:
    return np.array(values, dtype=np.float64)


@pytest.mark.parametrize("case", cases("lm"), ids=name_of_case)
def test_estimates(case: dict[str, Any]) -> None:
    fit, said = fitted_case(case, "lm")
    assert said == case["warnings"]
    assert list(fit.names) == case["names"]
    scale = max(1.0, float(np.abs(fit.y).max()))
    np.testing.assert_allclose(fit.coef() / scale, _numbers(case["coefficients"]) / scale, **CLOSE)
    assert (fit.rank, fit.df_residual()) == (case["rank"], case["df_residual"])
    assert fit.assign.tolist() == case["assign"]
    np.testing.assert_allclose(fit.effects[: fit.rank] / scale, _numbers(case["effects"]) / scale, **CLOSE)
    np.testing.assert_allclose(fit.deviance(), case["deviance"], **CLOSE)


@pytest.mark.parametrize("case", cases("lm"), ids=name_of_case)
def test_values_by_row(case: dict[str, Any]) -> None:
    fit, _ = fitted_case(case, "lm")
    k = len(case["residuals"])
    assert [str(name) for name in fit.residuals().index[:k]] == case["row_names"]
    for ours, name in ((fit.residuals(), "residuals"), (fit.residuals("pearson"), "pearson"), (fit.fitted(), "fitted")):
        np.testing.assert_allclose(ours.iloc[:k], _numbers(case[name]), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("case", cases("lm"), ids=name_of_case)
def test_summary_and_likelihood(case: dict[str, Any]) -> None:
    fit, _ = fitted_case(case, "lm")
    s = fit.summary()
    np.testing.assert_allclose(s.sigma, case["sigma"], **CLOSE)
    if case["r_squared"]:
        np.testing.assert_allclose(
            [s.r_squared, s.adj_r_squared], [case["r_squared"][0], case["adj_r_squared"][0]], **CLOSE
        )
    if case["fstatistic"]:
        assert s.fstatistic is not None
        np.testing.assert_allclose(
            [s.fstatistic.value, s.fstatistic.numdf, s.fstatistic.dendf], case["fstatistic"], **CLOSE
        )
    else:
        assert s.fstatistic is None
    if case["table"] is not None:
        _same(s.coefficients, case["table"])
        _same(s.cov_unscaled, case["cov_unscaled"])
        _same(fit.vcov(), case["vcov"])
        _same(fit.confint(), case["confint"])
    ll = fit.logLik()
    assert (ll.df, ll.nobs, fit.nobs()) == (case["logLik_df"], case["nobs"], case["nobs"])
    np.testing.assert_allclose([ll, fit.AIC(), fit.BIC()], [case[k] for k in ("logLik", "AIC", "BIC")], **CLOSE)
    if case["REML"] is not None:  # R has none for a model without coefficients
        np.testing.assert_allclose(fit.logLik(REML=True), case["REML"], **CLOSE)
    _same(fit.anova().table, case["sums"])


@pytest.mark.parametrize("case", [c for c in cases("lm") if c["predict"] is not None], ids=name_of_case)
def test_predictions(case: dict[str, Any]) -> None:
    fit, _ = fitted_case(case, "lm")
    recorded = case["predict"]
    new = table(case["data"]).head(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RWarning)
        p = fit.predict(new, se_fit=True, interval="confidence", level=0.9)
        future = fit.predict(new, interval="prediction")
    close = {"rtol": 1e-9, "atol": 1e-10}
    np.testing.assert_allclose(p.fit, frame_of(recorded["confidence"]), **close)
    np.testing.assert_allclose(p.se_fit, _numbers(recorded["se_fit"]), **close)
    assert p.df == recorded["df"]
    np.testing.assert_allclose(p.residual_scale, recorded["residual_scale"], **CLOSE)
    np.testing.assert_allclose(future, frame_of(recorded["prediction"]), **close)
    np.testing.assert_allclose(fit.predict(interval="confidence").head(3), frame_of(recorded["own"]), **close)
    np.testing.assert_allclose(fit.predict(), fit.fitted())


@pytest.mark.parametrize("case", cases("comparisons"), ids=name_of_case)
def test_anova_of_several(case: dict[str, Any]) -> None:
    fits = [lm(formula, table(case["data"])) for formula in case["formulas"]]
    ours = fits[0].anova(*fits[1:], test=case["test"]).table
    expected = frame_of(case["table"])
    assert list(ours.columns) == list(expected.columns)
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-12)


SMALL = {"x": [1.0, 2.0, 3.0, 4.0, 5.0], "y": [1.0, 2.5, 2.0, 4.5, 5.0], "z": [1.0, 1.0, 2.0, 2.0, 1.0]}


def test_model_matrix_and_choice_of_intervals() -> None:
    fit = lm("y ~ x", SMALL)
    assert list(fit.model_matrix().columns) == ["(Intercept)", "x"]
    np.testing.assert_array_equal(fit.model_matrix()["x"], SMALL["x"])
    assert list(fit.confint("x", level=0.9).columns) == ["5 %", "95 %"]
    assert list(fit.confint([1, 0]).index) == ["x", "(Intercept)"]
    with pytest.raises(ModelError, match="no coefficient is named 'w'"):
        fit.confint("w")


def test_the_call_knows_names_and_texts() -> None:
    d = SMALL
    w = np.array([1.0, 1.0, 2.0, 1.0, 1.0])
    from pylmer.formula.deparse import deparse

    fit = lm("y ~ x", d, subset="x > 1", weights=w, na_action="na.exclude", offset="z")
    assert (
        deparse(fit.source.call)
        == "lm(formula = y ~ x, data = d, subset = x > 1, weights = w, na.action = na.exclude, offset = z)"
    )


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(FormulaError, match="no response"):
        lm("~ x", SMALL)
    with pytest.raises(DataError, match="response must be numeric"):
        lm("g ~ x", {"g": ["a", "b"], "x": [1.0, 2.0]})
    with pytest.raises(DataError, match="missing or negative weights not allowed"):
        lm("y ~ x", SMALL, weights=[-1.0, 1.0, 1.0, 1.0, 1.0])
    with pytest.raises(DataError, match="0 \\(non-NA\\) cases"):
        lm("y ~ x", SMALL, subset="x > 9")
    fit = lm("y ~ x", SMALL)
    with pytest.raises(ModelError, match="'type' should be one of"):
        fit.residuals("partial")
    with pytest.raises(ModelError, match="'interval' should be one of"):
        fit.predict(interval="both")
    with pytest.raises(ModelError, match="'test' should be one of"):
        fit.anova(fit, test="Cp")
    with pytest.raises(ModelError, match="same size of dataset"):
        fit.anova(lm("y ~ x", SMALL, subset="x > 1"))


def test_warnings_are_those_of_r() -> None:
    perfect = lm("z2 ~ x", {"x": SMALL["x"], "z2": [2.0, 4.0, 6.0, 8.0, 10.0]})
    with pytest.warns(RWarning, match="essentially perfect fit: summary may be unreliable"):
        perfect.summary()
    with pytest.warns(RWarning, match="ANOVA F-tests on an essentially perfect fit are unreliable"):
        perfect.anova()
    fit = lm("y ~ x + I(2 * x)", SMALL)
    with pytest.warns(RWarning, match="prediction from a rank-deficient fit may be misleading"):
        fit.predict(SMALL)
    with pytest.warns(RWarning, match="future_ responses"):
        fit.predict(interval="prediction")
    with pytest.warns(RWarning, match='models with response "z" removed'):
        lm("y ~ 1", SMALL).anova(lm("y ~ x", SMALL), lm("z ~ x", SMALL))
