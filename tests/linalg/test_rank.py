from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer.errors import DataError
from pylmer.linalg.rank import is_safely_full_rank, pivoted_qr, pivoted_rank

if TYPE_CHECKING:
    from rcompare.engines.r import RSession


def _matrix(seed: int, n: int, p: int) -> np.ndarray:
    """A matrix with copies, sums, zero columns and constant columns mixed in."""
    rng = np.random.default_rng(seed)
    columns: list[np.ndarray] = []
    for j in range(p):
        kind = rng.integers(6)
        if kind == 0 and columns:
            columns.append(columns[rng.integers(len(columns))] * 2.0)
        elif kind == 1 and len(columns) > 1:
            columns.append(columns[0] - columns[j - 1])
        elif kind == 2:
            columns.append(np.zeros(n))
        elif kind == 3:
            columns.append(np.ones(n))
        else:
            columns.append(rng.normal(size=n) * 10.0 ** rng.integers(-4, 5))
    return np.column_stack(columns)


seeds = st.integers(0, 2**31)


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, 12), st.integers(1, 7))
def test_pivot_is_a_permutation_that_keeps_the_order_of_the_kept(seed: int, n: int, p: int) -> None:
    rank, pivot = pivoted_rank(_matrix(seed, n, p))
    assert sorted(pivot.tolist()) == list(range(p))
    assert (np.diff(pivot[:rank]) > 0).all()
    assert rank <= min(n, p)


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(2, 12), st.integers(1, 6))
def test_effects_are_an_isometry_and_solve_gives_least_squares(seed: int, n: int, p: int) -> None:
    X = _matrix(seed, n, p)
    y = np.random.default_rng(seed + 1).normal(size=(n, 2))
    qr = pivoted_qr(X)
    effects = qr.effects(y)
    np.testing.assert_allclose(qr.expand(effects), y, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(effects, axis=0), np.linalg.norm(y, axis=0))
    kept = X[:, qr.pivot[: qr.rank]]
    np.testing.assert_allclose(qr.Q @ qr.R, kept, atol=1e-9 * max(1.0, np.abs(X).max()))
    residuals = y - kept @ qr.solve(effects)
    scale = np.linalg.norm(X, axis=0) + 1.0
    np.testing.assert_allclose(X.T @ residuals / scale[:, None], 0.0, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(6, 30), st.integers(1, 5))
def test_fast_path_agrees_with_its_plain_twin(seed: int, n: int, p: int) -> None:
    X = np.random.default_rng(seed).normal(size=(n, p))
    if is_safely_full_rank(X.T @ X):
        rank, pivot = pivoted_rank(X, tol=1.0001e-5)  # above the limit of the fast path
        assert rank == p
        assert pivot.tolist() == list(range(p))


def test_the_inverse_cross_product() -> None:
    X = np.random.default_rng(3).normal(size=(20, 4))
    np.testing.assert_allclose(pivoted_qr(X).xtx_inverse, np.linalg.inv(X.T @ X), rtol=1e-12)


def test_a_missing_value_is_refused() -> None:
    X = np.ones((4, 2))
    X[1, 1] = np.nan
    with pytest.raises(DataError, match="NA/NaN/Inf in 'x'"):
        pivoted_rank(X)


def test_no_columns_and_no_rows() -> None:
    assert pivoted_rank(np.zeros((3, 0)))[0] == 0
    assert pivoted_rank(np.zeros((0, 2)))[0] == 0
    y = np.array([1.0, 2.0])
    qr = pivoted_qr(np.zeros((2, 0)))
    np.testing.assert_array_equal(qr.effects(y), y)
    assert qr.solve(y).shape == (0,)


@pytest.mark.r
@pytest.mark.parametrize("rows", [3, 4])
def test_signs_of_columns_already_zero_below_the_head_are_those_of_r(R: RSession, rows: int) -> None:
    X = np.zeros((rows, 3))
    X[:3] = [[2.0, 1.0, -1.0], [0.0, -3.0, 2.0], [0.0, 0.0, 4.0]]
    R.assign("rank_x", X)
    np.testing.assert_allclose(pivoted_qr(X).R, R.num("qr.R(qr(rank_x))"), atol=1e-14)


@pytest.mark.r
def test_rank_pivot_triangle_and_effects_are_those_of_r(R: RSession) -> None:
    R("rank_qr <- function() { q <- qr(rank_x); list(q$rank, q$pivot - 1, qr.R(q), qr.qty(q, rank_y)) }")
    shapes = [(5, 3), (12, 6), (4, 4), (3, 6), (1, 3), (20, 7), (8, 8), (30, 5)]
    close = {"rtol": 1e-9, "atol": 1e-9}
    for seed in range(40):
        n, p = shapes[seed % len(shapes)]
        X = _matrix(seed, n, p)
        y = np.random.default_rng(seed).normal(size=n)
        R.assign("rank_x", X)
        R.assign("rank_y", y)
        r_rank, r_pivot, r_triangle, r_effects = R.eval("rank_qr()")
        qr = pivoted_qr(X)
        k = qr.rank
        assert (k, qr.pivot.tolist()) == (int(r_rank[0]), [int(j) for j in r_pivot])
        # The sign of a row of R is that of a rounding error when the head of the column is zero but for rounding.
        if np.abs(X).min() > 0 or n <= 3:
            np.testing.assert_allclose(qr.R, r_triangle[:k, :k], **close)
            np.testing.assert_allclose(qr.effects(y), r_effects, **close)
        else:
            np.testing.assert_allclose(np.abs(qr.R), np.abs(r_triangle[:k, :k]), **close)
