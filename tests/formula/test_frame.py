"""Rows: transforms see all of them, then subset, then missing values, then unused levels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylmer.errors import DataError, FormulaError, PylmerError, RWarning
from pylmer.formula.bars import findbars
from pylmer.formula.lformula import lFormula
from pylmer.formula.linear import mkReTrms, model_frame, model_matrix
from pylmer.formula.values import Vector, missing
from pylmer.rcompat.options import options

DATA = pd.DataFrame(
    {
        "y": [1.0, 2.0, np.nan, 4.0, 5.0, 6.0, 7.0, 8.0],
        "x": [1.0, 2.0, 3.0, 4.0, np.nan, 6.0, 7.0, 80.0],
        "f": ["a", "b", "c", "a", "b", "a", "b", "a"],
        "g": [1, 1, 2, 2, 3, 3, 4, 4],
        "w": [1.0, 2.0, 1.0, 2.0, 1.0, np.nan, 1.0, 2.0],
    },
    index=list("rstuvwxz"),
)


def rows(**choice):
    return model_frame("y ~ x + f", DATA, **choice).frame


def test_missing_values_go_and_labels_stay():
    frame = rows()
    assert list(frame.row_names) == list("rsuwxz")
    assert frame.na_rows.tolist() == [2, 4]
    assert frame["f"].factor().levels == ("a", "b")  # the only c went with its row
    assert not frame.na_exclude
    assert rows(na_action="na.exclude").na_exclude


def test_transforms_see_rows_that_later_go():
    frame = model_frame("y ~ scale(x)", DATA, subset="x < 10").frame
    x = DATA["x"].to_numpy()
    expected = (x[[0, 1, 3, 5, 6]] - np.nanmean(x)) / np.nanstd(x, ddof=1)
    assert np.allclose(frame["scale(x)"].values[:, 0], expected, rtol=1e-14)


@pytest.mark.parametrize(
    "subset",
    [
        "g > 2",
        DATA["g"] > 2,
        (DATA["g"] > 2).to_numpy(),
        (DATA["g"] > 2).tolist(),
        [4, 5, 6, 7],
        np.array([4, 5, 6, 7]),
        "5:8",
        "-(1:4)",
    ],
)
def test_subset_in_every_form(subset):
    frame = rows(subset=subset)
    assert list(frame.row_names) == list("wxz")
    assert frame.na_rows.tolist() == [0]  # counted after the choice


def test_subset_leaves_out_what_is_missing():
    assert list(rows(subset="w == 1").row_names) == list("rx")


def test_weights_and_offset_lose_the_same_rows():
    frame = rows(weights="w", offset=np.arange(8.0))
    assert list(frame.row_names) == list("rsuxz")  # the missing weight costs a row
    assert frame.weights.tolist() == [1, 2, 2, 1, 2]
    assert frame.offset.tolist() == [0, 1, 3, 6, 7]
    assert rows(weights="2 * g").weights.tolist() == [2, 2, 4, 6, 8, 8]


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        ({"na_action": "na.fail"}, "missing values in object: 2 of 8 rows"),
        ({"na_action": "omit"}, "use one of na.omit"),
        ({"subset": "f"}, "'subset' must be logical"),
        ({"subset": [True, False]}, "2 truth values for 8 rows"),
        ({"subset": [9]}, "outside the 8 rows"),
        ({"weights": [1.0]}, r"variable lengths differ \(found for '\(weights\)'\): 1, not 8"),
        ({"weights": "f"}, "'weights' must be a numeric vector"),
    ],
)
def test_refuses(choice, sentence):
    with pytest.raises(DataError, match=sentence):
        rows(**choice)


def test_no_rows_left():
    with pytest.raises(DataError, match=r"0 \(non-NA\) cases"):
        lFormula("y ~ x + (1 | g)", DATA, subset="x > 1000")


@given(st.lists(st.floats(), max_size=20))
def test_the_quick_look_for_missing_values_finds_them_all(values):
    x = np.array(values, dtype=float)
    found = missing(Vector(x))
    assert np.array_equal(np.isnan(x), np.zeros(len(x), bool) if found is None else found)
    assert (found is None) == (not np.isnan(x).any())


def test_collation_is_an_option():
    data = {"s": ["b", "_", "A", "a", "B"]}
    assert model_matrix("~ 0 + s", data).names == ("sA", "sB", "s_", "sa", "sb")
    with options(collation="en"):
        assert model_matrix("~ 0 + s", data).names == ("s_", "sa", "sA", "sb", "sB")
        assert model_matrix("~ I(s < 'B')", data).matrix[:, 1].tolist() == [1, 1, 1, 1, 0]
    with pytest.raises(PylmerError, match="unknown collation"):
        options(collation="tlh")


def test_na_pass_keeps_them():
    frame = rows(na_action="na.pass")
    assert frame.n == 8
    assert np.isnan(model_matrix("~ x + f", DATA[["x", "f"]]).matrix).sum() == 0
    assert np.isnan(frame["x"].values).sum() == 1


def test_contrasts_of_a_factor_that_loses_levels():
    with pytest.warns(
        RWarning, match=r"contrasts dropped from factor C\(factor\(f\), contr.sum\) due to missing levels"
    ):
        model_frame("y ~ C(factor(f), contr.sum)", DATA)


def test_contrasts_argument():
    X = model_matrix("~ f", DATA, contrasts={"f": "contr.sum"})
    assert X.names == ("(Intercept)", "f1", "f2")
    assert X.contrasts == {"f": "contr.sum"}
    given = pd.DataFrame({"ab": [1.0, -1.0, 0.0], ".c": [0.0, 0.0, 1.0]})
    assert model_matrix("~ f", DATA, contrasts={"f": given}).names == ("(Intercept)", "fab", "f.c")
    with pytest.warns(RWarning, match="non-list contrasts argument ignored"):
        model_matrix("~ f", DATA, contrasts="contr.sum")
    with pytest.raises(FormulaError, match="contrasts apply only to factors: 'x' is numeric"):
        model_matrix("~ x", DATA, contrasts={"x": "contr.sum"})


def test_terms_of_a_frame_one_at_a_time():
    framed = model_frame("y ~ x + (x | g)", DATA)
    terms = mkReTrms(findbars("y ~ x + (x | g)"), framed)
    whole = lFormula("y ~ x + (x | g)", DATA, control=_unchecked()).re
    assert terms.terms[0].names == whole.terms[0].names
    assert np.array_equal(terms.terms[0].columns, whole.terms[0].columns)


def _unchecked():
    from types import SimpleNamespace

    return SimpleNamespace(check_nobs_vs_nRE="ignore", check_nobs_vs_nlev="ignore")
