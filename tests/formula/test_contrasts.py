"""Contrast matrices against R's, and the identities that define them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylmer.errors import FormulaError
from pylmer.formula.contrasts import (
    CONTRAST_FUNCTIONS,
    Contrast,
    as_contrast,
    attach,
    coding,
    contr_helmert,
    contr_poly,
    contr_sum,
    contr_treatment,
)
from pylmer.formula.linear import model_matrix
from pylmer.rcompat.factors import Factor

RECORD = Path(__file__).parents[2] / "fixtures" / "formula" / "frames_checks.json"


@cache
def record():
    return json.loads(RECORD.read_text())


def columns(recorded):
    return np.column_stack([[float(v) for v in c] for c in recorded])


@pytest.mark.parametrize("case", record()["contrasts"], ids=lambda c: f"{c['name']}({c['n']})")
def test_is_R_s_matrix(case):
    made = CONTRAST_FUNCTIONS[case["name"]](case["n"])
    rounding = 4e-16 * 2 ** max(case["n"] - 4, 2)  # R orthogonalizes powers, which are ill-conditioned
    assert np.allclose(made.matrix, columns(case["columns"]), rtol=0, atol=rounding)
    assert (None if made.names is None else list(made.names)) == (case["names"] or None)


def test_scores_of_a_polynomial_contrast():
    made = contr_poly(5, scores=[1, 2, 4, 7, 11])
    assert np.allclose(made.matrix, columns(record()["scored"]), rtol=0, atol=2e-15)


@pytest.mark.parametrize("case", record()["completed"])
def test_too_few_columns_are_completed(case):
    f = Factor(np.arange(4), ("a", "b", "c", "d"))
    made = attach(f, Contrast(np.array(case["given"], dtype=float).T)).contrasts
    assert isinstance(made, Contrast)
    assert np.allclose(made.matrix, columns(case["columns"]), rtol=0, atol=2e-15)


@given(st.integers(2, 30))
def test_orthogonal_ones_are_orthogonal(L):
    helmert, poly = contr_helmert(L).matrix, contr_poly(L).matrix
    for C in (helmert, poly, contr_sum(L).matrix):
        assert np.allclose(C.sum(axis=0), 0.0, atol=1e-12)
    assert np.allclose(poly.T @ poly, np.eye(L - 1), atol=1e-13)
    gram = helmert.T @ helmert
    assert np.allclose(gram, np.diag(np.diag(gram)))


@given(st.integers(2, 12), st.data())
def test_treatment_contrasts_are_indicators_of_all_but_the_base(L, data):
    base = data.draw(st.integers(1, L))
    made = contr_treatment([f"l{i}" for i in range(1, L + 1)], base=base)
    assert np.array_equal(made.matrix.sum(axis=0), np.ones(L - 1))
    assert not made.matrix[base - 1].any()
    assert f"l{base}" not in (made.names or ())


def test_ordered_factors_are_coded_by_polynomials():
    f = Factor(np.array([0, 1, 2]), ("l", "m", "h"), ordered=True)
    assert coding(f, full=False).names == (".L", ".Q")
    assert coding(f, full=True).names == ("l", "m", "h")
    assert coding(f, full=False, spec="contr.treatment").names == ("m", "h")


def test_a_data_frame_names_its_columns():
    given_ = pd.DataFrame({"up": [0.0, 1.0], "x": [1.0, 1.0]})
    made = as_contrast(given_, ("a", "b"))
    assert isinstance(made, Contrast)
    assert made.names == ("up", "x")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: contr_treatment(1), "not enough degrees of freedom to define contrasts"),
        (lambda: contr_treatment(3, base=4), "baseline group number out of range"),
        (lambda: contr_poly(3, scores=[1, 1, 2]), "must all be different numbers"),
        (lambda: contr_poly(3, scores=[1, 2]), "wrong length"),
        (lambda: contr_poly(96), "orthogonal polynomials cannot be represented accurately enough"),
        (lambda: as_contrast("contr.none", ("a", "b")), "was not found"),
        (lambda: as_contrast(np.eye(3), ("a", "b")), "wrong number of contrast matrix rows"),
        (lambda: as_contrast([["u"], ["v"]], ("a", "b")), "neither a name nor a matrix"),
        (lambda: attach(Factor(np.arange(2), ("a", "b", "c")), Contrast(np.ones((3, 1)))), "singular contrast matrix"),
        (lambda: coding(Factor(np.zeros(2, dtype=int), ("a",)), False), "contrasts can be applied only to factors"),
    ],
)
def test_refuses(make, sentence):
    with pytest.raises(FormulaError, match=sentence):
        make()


@pytest.mark.parametrize(
    "contr",
    [
        "contr.treatment",
        '"contr.treatment"',
        "treatment",
        "contr.SAS",
        "SAS",
        "contr.treatment, 1",
        "contr.treatment, base = 3",
        '"contr.treatment", base = 2',
        "treatment, base = 2",
        "contr.sum",
        "poly",
    ],
)
def test_a_function_numbers_its_columns_where_its_name_would_label_them(R, contr):
    expected = R.strings(f'colnames(model.matrix(~ C(factor(c("x", "y", "z", "y")), {contr})))')
    found = model_matrix(f"~ C(factor(s), {contr})", {"s": ["x", "y", "z", "y"]}).names
    assert [name.rpartition(")")[2] for name in found[1:]] == [name.rpartition(")")[2] for name in expected[1:]]
