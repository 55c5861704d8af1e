"""Predictions for new rows against live R at R's own theta."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from dense_twin import close
from lme4_fits import FITS, Fit, Pair, by_id, pair

from pylmer import NA, predict
from pylmer.errors import PylmerError
from pylmer.rcompat.missing import NAType
from rcompare.engines.lme4 import send_frame
from rcompare.engines.r import RSession

each_model = pytest.mark.parametrize("fit", FITS, ids=lambda fit: fit.id)


def same_as_r(both: Pair, newdata: pd.DataFrame, ours: pd.Series[float], more: str = "") -> None:
    send_frame(both.R, "predict_new", newdata)
    both.R("row.names(predict_new) <- NULL")
    theirs = both.num(f"unname(predict({{m}}, newdata = predict_new{more}))")
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
    close(ours.dropna(), theirs[~np.isnan(theirs)], 1e-9)


def some_rows(both: Pair) -> pd.DataFrame:
    """Every seventh row, backwards and without the response."""
    response = both.fit.formula.split("~")[0].strip()
    return both.data.iloc[::-7].drop(columns=response).reset_index(drop=True)


@each_model
def test_rows_of_the_table_as_new_data(R: RSession, fit: Fit) -> None:
    both = pair(fit, R)
    new = some_rows(both)
    m = both.there
    same_as_r(both, new, predict(m, new))
    same_as_r(both, new, predict(m, new, re_form=NA), ", re.form = NA")
    same_as_r(both, new, predict(m, new, re_form="~0"), ", re.form = ~0")
    same_as_r(both, new, predict(m, new, random_only=True), ", random.only = TRUE")
    assert predict(m, new).index.tolist() == new.index.tolist()


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("slopes", "~(1 | Subject)"),
        ("slopes", "~(0 + Days | Subject)"),
        ("penicillin", "~(1 | plate)"),
        ("penicillin", "~(1 | sample) + (1 | plate)"),
        ("pastes-slash", "~(1 | batch)"),
        ("raters", "~(1 | d) + (1 | s)"),
        ("crossed-slopes", "~(x | b)"),
        ("crossed-slopes", "~(1 | a)"),
        ("three-terms", "~(0 + Days | Subject)"),
    ],
)
def test_some_of_the_random_effects(R: RSession, name: str, form: str) -> None:
    both = pair(by_id(name), R)
    new = some_rows(both)
    same_as_r(both, new, predict(both.there, new, re_form=form), f", re.form = {form}")


@pytest.mark.parametrize("name", ["slopes", "penicillin", "crossed-slopes", "machines"])
def test_levels_that_the_fit_has_not_seen(R: RSession, name: str) -> None:
    both = pair(by_id(name), R)
    group = next(iter(both.there.ngrps().index))
    new = some_rows(both)
    new[group] = ["stranger" if i % 3 == 0 else str(v) for i, v in enumerate(new[group])]
    code = f"tryCatch(predict({both.name}, newdata = predict_new), error = conditionMessage)"
    ours = predict(both.there, new, allow_new_levels=True)
    same_as_r(both, new, ours, ", allow.new.levels = TRUE")
    (sentence,) = R.strings(code)
    with pytest.raises(PylmerError) as caught:
        predict(both.there, new)
    assert str(caught.value).split(":")[0] == sentence.split(":")[0]
    assert "stranger" in str(caught.value)


@pytest.mark.parametrize(("re_form", "code"), [(None, "NULL"), (NA, "NA")])
def test_rows_with_missing_values(R: RSession, re_form: NAType | None, code: str) -> None:
    both = pair(by_id("slopes"), R)
    new = some_rows(both)
    new.loc[[2, 5], "Days"] = np.nan
    same_as_r(both, new, predict(both.there, new, re_form=re_form), f", re.form = {code}")


def test_new_values_of_the_covariates(R: RSession) -> None:
    both = pair(by_id("oxboys"), R)
    new = pd.DataFrame({"age": [-2.0, 0.3, 3.0], "Subject": ["1", "10", "26"]})
    same_as_r(both, new, predict(both.there, new))
    both = pair(by_id("cake"), R)
    new = both.data.iloc[[0, 50, 100]].copy()
    new["temperature"] = pd.Categorical(["225", "175", "205"], both.data["temperature"].cat.categories, ordered=True)
    new = new.reset_index(drop=True)
    same_as_r(both, new, predict(both.there, new, re_form=NA), ", re.form = NA")
    same_as_r(both, new, predict(both.there, new))


def test_the_rows_of_the_fit_are_the_default(R: RSession) -> None:
    both = pair(by_id("slopes"), R)
    m = both.there
    close(predict(m, both.data), predict(m), 1e-12)
    close(m.predict(both.data.iloc[:3]), m.fitted().iloc[:3], 1e-12)
