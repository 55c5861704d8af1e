"""Fitted values, residuals and predictions row by row, against live R at R's own theta."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from dense_twin import close
from lme4_fits import FITS, Fit, Pair, by_id, pair

from pylmer import NA, datasets, fitted, lmer, predict, residuals
from pylmer.errors import ModelError
from rcompare.engines.r import RSession


@pytest.fixture(params=FITS, ids=lambda fit: fit.id)
def both(request: pytest.FixtureRequest, R: RSession) -> Pair:
    fit: Fit = request.param
    return pair(fit, R)


def same_rows(ours: pd.Series[float], both: Pair, code: str, tolerance: float = 1e-9) -> None:
    """Values and row names, missing ones in the same places."""
    theirs = both.num(f"unname({code})")
    assert ours.index.astype(str).tolist() == both.strings(f"names({code})")
    np.testing.assert_array_equal(ours.isna(), np.isnan(theirs))
    close(ours.dropna(), theirs[~np.isnan(theirs)], tolerance)


def test_fitted_values(both: Pair) -> None:
    same_rows(fitted(both.there), both, "fitted({m})")


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("type_", ["response", "pearson", "working", "deviance"])
def test_residuals(both: Pair, type_: str, scaled: bool) -> None:
    ours = residuals(both.there, type_, scaled)  # type: ignore[arg-type]
    same_rows(ours, both, f"residuals({{m}}, type = '{type_}', scaled = {str(scaled).upper()})")


def test_predictions_for_the_rows_of_the_fit(both: Pair) -> None:
    m = both.there
    same_rows(predict(m), both, "predict({m})")
    same_rows(predict(m, re_form=NA), both, "predict({m}, re.form = NA)")
    if both.fit.id == "holes":  # lme4 1.1-31 pads a random part twice
        pd.testing.assert_series_equal(predict(m, random_only=True), predict(m) - predict(m, re_form=NA))
    else:
        same_rows(predict(m, random_only=True), both, "predict({m}, random.only = TRUE)")


def test_residuals_and_fitted_values_give_the_response(both: Pair) -> None:
    m = both.there
    close((fitted(m) + residuals(m)).dropna(), m.design.y, 1e-12)
    close(m.scaled_residuals(), residuals(m, "pearson", scaled=True).dropna(), 1e-14)


def test_an_unknown_kind_of_residual_is_refused(R: RSession) -> None:
    with pytest.raises(ModelError, match="type='partial': choose 'response'"):
        residuals(pair(by_id("slopes"), R).there, "partial")


def test_rows_dropped_for_missing_values_are_padded_only_when_asked(R: RSession) -> None:
    data = datasets.sleepstudy()
    data.index = pd.Index([f"row{i}" for i in range(180)])
    data.loc["row7", "Reaction"] = np.nan
    omitted = lmer("Reaction ~ Days + (Days | Subject)", data)
    padded = lmer("Reaction ~ Days + (Days | Subject)", data, na_action="na.exclude")
    assert len(fitted(omitted)) == 179
    assert "row7" not in fitted(omitted).index
    assert fitted(padded).index.tolist() == data.index.tolist()
    assert fitted(padded).isna().to_numpy().nonzero()[0].tolist() == [7]
    assert residuals(padded).isna().to_numpy().nonzero()[0].tolist() == [7]
    pd.testing.assert_series_equal(fitted(padded).dropna(), fitted(omitted))


def test_padding_counts_rows_after_the_subset(R: RSession) -> None:
    from rcompare.engines.lme4 import send_frame

    data = datasets.sleepstudy()
    data.loc[data.index[[2, 13, 14]], "Reaction"] = np.nan
    data.index = pd.RangeIndex(1, 181)
    m = lmer("Reaction ~ Days + (1 | Subject)", data, subset="Days > 2", na_action="na.exclude")
    send_frame(R, "rows_data", data)
    R("rows_fit <- lmer(Reaction ~ Days + (1 | Subject), rows_data, subset = Days > 2, na.action = na.exclude)")
    assert fitted(m).index.astype(str).tolist() == R.strings("names(fitted(rows_fit))")
    np.testing.assert_array_equal(fitted(m).isna(), np.isnan(R.num("unname(fitted(rows_fit))")))
    close(fitted(m).dropna(), R.num("unname(na.omit(fitted(rows_fit)))"), 1e-6)
