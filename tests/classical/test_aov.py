from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from classical_cases import cases, fitted_case, frame_of, name_of_case, table

from pylmer.classical.aov import AovList, aov
from pylmer.classical.record import Aov
from pylmer.errors import FormulaError, ModelError

CLOSE = {"rtol": 1e-10, "atol": 1e-11}


def _same(ours: pd.DataFrame, recorded: dict[str, Any]) -> None:
    expected = frame_of(recorded)
    assert list(ours.index) == list(expected.index)
    assert list(ours.columns) == list(expected.columns)
    np.testing.assert_allclose(ours.to_numpy(dtype=float), expected.to_numpy(), **CLOSE)


@pytest.mark.parametrize("case", cases("aov"), ids=name_of_case)
def test_without_strata(case: dict[str, Any]) -> None:
    fit, said = fitted_case(case, "aov")
    assert isinstance(fit, Aov)
    assert said == case["warnings"]
    assert list(fit.coef().index) == case["names"]
    np.testing.assert_allclose(fit.coef(), np.array(case["coefficients"], dtype=float), **CLOSE)
    _same(fit.summary().table, case["table"])
    _same(fit.summary(intercept=True).table, case["with_intercept"])


@pytest.mark.parametrize("case", cases("aovlist"), ids=name_of_case)
def test_with_strata(case: dict[str, Any]) -> None:
    fit, said = fitted_case(case, "aov")
    assert isinstance(fit, AovList)
    assert said == case["warnings"]
    assert list(fit.strata) == [made["label"] for made in case["strata"]]
    tables = fit.summary()
    for made in case["strata"]:
        stratum = fit[made["label"]]
        coef = stratum.coef()
        assert list(coef.index) == made["names"]
        np.testing.assert_allclose(coef, np.array(made["coefficients"], dtype=float), rtol=1e-9, atol=1e-10)
        assert stratum.fit.df_residual == made["df_residual"]
        if made["table"] is not None:
            _same(tables[made["label"]], made["table"])


def test_strata_share_out_the_sum_of_squares() -> None:
    y = table("hsb")["mathach"].to_numpy()
    fit = aov("mathach ~ cses + Error(school)", table("hsb"))
    assert isinstance(fit, AovList)
    total = sum(float((s.fit.effects**2).sum()) for s in fit.strata.values())
    np.testing.assert_allclose(total, y @ y, rtol=1e-12)


def test_what_makes_no_sense_is_refused() -> None:
    npk = table("npk")
    with pytest.raises(FormulaError, match="there are 2 Error terms: only 1 is allowed"):
        aov("yield ~ N + Error(block) + Error(P)", npk)
    with pytest.raises(ModelError, match="weights are not supported in a multistratum aov"):
        aov("yield ~ N + Error(block)", npk, weights=np.ones(24))
    with pytest.raises(FormulaError, match="Error\\(\\) must be a term of its own"):
        aov("yield ~ N:Error(block)", npk)
    with pytest.raises(FormulaError, match="Error\\(\\) needs one argument"):
        aov("yield ~ N + Error()", npk)
