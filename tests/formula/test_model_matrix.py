"""Model matrices that are picked from a remembered table, or shared, are those that are built."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer import lFormula
from pylmer.formula.model_matrix import _built, _from_cells, _from_numbers
from pylmer.formula.parse import as_formula
from pylmer.formula.plan import plan_of
from pylmer.formula.values import Vector
from pylmer.rcompat.factors import Contrast, Factor, cross

HELMERT = Contrast(np.array([[-1.0, -1.0], [1.0, -1.0], [0.0, 2.0]]), ("one", "two"))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**31),
    st.sampled_from(["a", "a * b", "0 + a:b", "b + a:b", "0 + b", "a %in% b"]),
    st.booleans(),
    st.sampled_from([None, "contr.sum", HELMERT]),
)
def test_a_matrix_of_factors_is_picked_from_its_cells(
    seed: int, rhs: str, ordered: bool, contrasts: str | Contrast | None
) -> None:
    rng = np.random.default_rng(seed)
    n = 40
    frame = {
        "a": Factor(rng.integers(0, 3, n), ("x", "y", "z"), ordered, contrasts),
        "b": Factor(rng.integers(0, 4, n), ("p", "q", "r", "s")),
    }
    layout = plan_of(as_formula(f"y ~ {rhs} + (1 | g)"), ()).layout
    picked, built = _from_cells(layout, frame, n), _built(layout, frame, n, {})
    assert picked is not None
    np.testing.assert_array_equal(picked.matrix, built.matrix)
    np.testing.assert_array_equal(picked.assign, built.assign)
    np.testing.assert_array_equal(picked.numeric, built.numeric)
    assert (picked.names, picked.contrasts) == (built.names, built.contrasts)
    assert picked.matrix.flags.writeable
    assert picked.matrix.flags.f_contiguous


@pytest.mark.parametrize("rhs", ["1", "0 + a", "a + b", "0 + b + a", "a + offset(b)", "b - 1 + a"])
def test_a_matrix_of_numbers_is_filled_without_its_terms(rhs: str) -> None:
    rng = np.random.default_rng(2)
    frame = {"a": Vector(rng.normal(size=9)), "b": Vector(rng.normal(size=9), "integer")}
    layout = plan_of(as_formula(f"y ~ {rhs} + (1 | g)"), ()).layout
    filled, built = _from_numbers(layout, frame, 9), _built(layout, frame, 9, {})
    assert filled is not None
    np.testing.assert_array_equal(filled.matrix, built.matrix)
    np.testing.assert_array_equal(filled.assign, built.assign)
    np.testing.assert_array_equal(filled.numeric, built.numeric)
    assert (filled.names, filled.contrasts) == (built.names, built.contrasts)
    logical = {"a": Vector(np.array([0.0, 1.0]), "logical"), "b": Vector(np.array([0.0, 1.0]), "logical")}
    assert "a" not in rhs or _from_numbers(layout, logical, 2) is None
    product = plan_of(as_formula("y ~ a:b + (1 | g)"), ()).layout
    assert _from_numbers(product, frame, 9) is None


def test_missing_values_and_many_cells_are_left_to_the_terms() -> None:
    f = Factor(np.array([0, 1, -1, 0]), ("x", "y"))
    layout = plan_of(as_formula("y ~ a + (1 | g)"), ()).layout
    assert _from_cells(layout, {"a": f}, 4) is None
    assert _from_cells(layout, {"a": Factor(np.arange(2), ("x", "y"))}, 1) is None


@pytest.mark.parametrize("rhs", ["x + (x | g)", "x + (x | x)", "0 + x + (0 + x | g) + (1 | g)"])
def test_terms_share_the_matrices_that_are_the_same(rhs: str) -> None:
    rng = np.random.default_rng(0)
    data = {"y": rng.normal(size=30), "x": rng.integers(0, 4, 30), "g": np.repeat(list("abc"), 10)}
    design = lFormula(f"y ~ {rhs}", data, control={"check_nobs_vs_nRE": "ignore"})
    x = np.asarray(data["x"], dtype=np.float64)
    expected = x[:, None] if rhs.startswith("0") else np.stack([np.ones(30), x], axis=1)
    np.testing.assert_array_equal(design.X, expected)
    first = design.re.terms[0]
    if rhs.endswith("| x)"):  # as a grouping factor, x is a factor on the left too
        assert first.names == ("(Intercept)", "x1", "x2", "x3")
    elif rhs.startswith("x"):
        assert first.columns is design.X
    else:
        assert {t.names for t in design.re.terms} == {("x",), ("(Intercept)",)}


def test_combinations_are_counted_as_they_are_sorted() -> None:
    rng = np.random.default_rng(5)
    a, b = Factor(rng.integers(0, 4, 50), tuple("abcd")), Factor(rng.integers(0, 6, 50), tuple("uvwxyz"))
    counted = cross(a, b)
    padded = cross(Factor(np.append(a.codes, -1), a.levels), Factor(np.append(b.codes, 0), b.levels))
    np.testing.assert_array_equal(counted.codes, padded.codes[:-1])
    assert counted.levels == padded.levels
