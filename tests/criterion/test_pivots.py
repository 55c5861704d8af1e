"""Sums of logarithms of pivots: for two columns they are written out, for more Cholesky gives them."""

from __future__ import annotations

import numpy as np
import pytest
from dense_twin import close
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer.criterion.pivots import Pivots


def line(seed: int, c: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A positive definite matrix and two symmetric ones."""
    rng = np.random.default_rng(seed)
    S, first, second = rng.normal(size=(3, c, c))
    return S @ S.T + np.eye(c), first + first.T, second + second.T


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.booleans())
def test_two_columns_are_written_out(seed: int, REML: bool) -> None:
    S, first, second = line(seed, 2)
    pivots = Pivots.of(0, 1, 17, REML)
    chol, value = pivots.factor(S)
    inverse, K = pivots.kernel(chol)
    Y = inverse @ first @ inverse.T
    expected = (value, (K * first).sum(), (K * second).sum() - pivots.products(Y[None])[0, 0])
    close(pivots.along(S.ravel(), first.ravel(), second.ravel()), expected, 1e-10)


@pytest.mark.parametrize("c", [2, 3, 5])
def test_derivatives_along_a_line_are_those_of_differences(c: int) -> None:
    S, first, second = line(c, c)
    pivots, h = Pivots.of(0, c - 1, 17, True), 1e-4

    def at(t: float) -> float:
        return pivots.factor(S + t * first + 0.5 * t * t * second)[1]

    _, slope, curve = pivots.along(S.ravel(), first.ravel(), second.ravel())
    close(slope, (at(h) - at(-h)) / (2 * h), 1e-6)
    close(curve, (at(h) - 2 * at(0.0) + at(-h)) / h**2, 1e-5)


def test_what_is_not_positive_definite_is_no_number() -> None:
    pivots = Pivots.of(0, 1, 17, True)
    for S in (np.array([1.0, 2.0, 2.0, 1.0]), np.array([0.0, 0.0, 0.0, 1.0]), np.full(4, np.nan)):
        assert np.isnan(pivots.along(S, S, S)).all()
