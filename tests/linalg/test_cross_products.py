"""Sums over rows against dense products."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations

import numpy as np
import pytest
from dense_twin import Shape, close, shapes
from hypothesis import given, settings
from hypothesis import strategies as st
from linalg_problem import Problem, dense

from pylmer.linalg import cross_products as room
from pylmer.linalg.cross_products import CrossProducts, Factor, cross_products, group_sums


@contextmanager
def dense_cells(limit: int) -> Iterator[None]:
    """Keep cross blocks of more than ``limit`` cells as sparse matrices."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "DENSE_CELLS", limit)
        yield


def same_sums(a: CrossProducts, b: CrossProducts) -> None:
    assert a.n == b.n
    for left, right in zip((*a.A, *a.B, a.C), (*b.A, *b.B, b.C), strict=True):
        close(left, right, 1e-12, 1e-12)
    assert a.cross.keys() == b.cross.keys()
    for pair, block in a.cross.items():
        close(dense(block), dense(b.cross[pair]), 1e-12, 1e-12)


@settings(max_examples=20, deadline=None)
@given(shapes(), st.booleans())
def test_every_sum_is_the_dense_product(shape: Shape, sparse: bool) -> None:
    problem = Problem(shape)
    with dense_cells(0 if sparse else 10**6):
        sums = problem.sums
    assert sums.n == shape.n
    close(sums.C, problem.Xy @ problem.Xy.T)
    for f, Z, A, B in zip(problem.factors, problem.Z, sums.A, sums.B, strict=True):
        whole = (Z.T @ Z).reshape(f.J, f.k, f.J, f.k)
        close(A, [whole[j, :, j] for j in range(f.J)])
        close(B, (problem.Xy @ Z).T.reshape(f.J, f.k, -1))
    assert sorted(sums.cross) == list(combinations(range(len(problem.factors)), 2))
    for (f, s), block in sums.cross.items():
        assert isinstance(block, np.ndarray) is not sparse
        close(dense(block), problem.Z[f].T @ problem.Z[s])


@settings(max_examples=12, deadline=None)
@given(shapes(), st.integers(0, 2**31), st.sampled_from([0, 10**6]), st.sampled_from([0, 10**6]))
def test_batches_of_rows_add_up_however_each_is_stored(shape: Shape, seed: int, first: int, second: int) -> None:
    problem = Problem(shape)
    here = np.random.default_rng(seed).random(shape.n) < 0.5
    with dense_cells(first):
        a = problem.part(np.flatnonzero(here))
    with dense_cells(second):
        b = problem.part(np.flatnonzero(~here))
    same_sums(a + b, problem.sums)
    same_sums(b + a, problem.sums)


def test_three_batches_add_in_any_grouping() -> None:
    problem = Problem(Shape(5, ((4, (2,)), (3, (1, 1)))))
    a, b, c = (problem.part(slice(lo, hi)) for lo, hi in ((0, 7), (7, 30), (30, 40)))
    same_sums((a + b) + c, a + (b + c))
    same_sums(a + b + c, problem.sums)


def test_sums_of_other_factors_are_refused() -> None:
    one, other = Problem(Shape(1, ((3, (1,)),))), Problem(Shape(1, ((4, (1,)),)))
    with pytest.raises(ValueError, match="different factors, levels or columns"):
        one.sums + other.sums


@settings(max_examples=20, deadline=None)
@given(shapes(), st.integers(1, 4), st.booleans())
def test_a_response_Zb_needs_no_pass_over_the_rows(shape: Shape, R: int, sparse: bool) -> None:
    problem = Problem(shape)
    rng = np.random.default_rng(shape.seed)
    b = [rng.normal(size=(R, f.J, f.k)) for f in problem.factors]
    with dense_cells(0 if sparse else 10**6):
        ZZb, XZb = problem.sums.times_Z(b)
    rows = sum(part.reshape(R, -1) @ Z.T for part, Z in zip(b, problem.Z, strict=True))
    close(XZb, rows @ problem.Xy[:-1].T)
    for got, Z in zip(ZZb, problem.Z, strict=True):
        close(got.reshape(R, -1), rows @ Z)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 8), st.integers(0, 30), st.integers(1, 3))
def test_group_sums_do_not_mind_the_order_of_rows(seed: int, J: int, more: int, c: int) -> None:
    rng = np.random.default_rng(seed)
    codes = np.sort(np.concatenate([np.arange(J), rng.integers(0, J, more)])).astype(np.intp)
    rows = rng.normal(size=(c, len(codes)))
    by_level = group_sums(codes, rows, J)
    close(by_level, [[row[codes == j].sum() for j in range(J)] for row in rows], 1e-13, 1e-13)
    order = rng.permutation(len(codes))
    close(group_sums(codes[order], np.ascontiguousarray(rows[:, order]), J), by_level, 1e-13, 1e-13)


@pytest.mark.parametrize("codes", [[0, 0, 2, 2], [1, 1, 2, 2], [0, 1, 0, 2], [2, 1, 0, 0], [0, 2, 1, 1]])
def test_group_sums_with_levels_missing_or_out_of_order(codes: list[int]) -> None:
    rows = np.arange(8.0).reshape(2, 4)
    expected = [[row[np.array(codes) == j].sum() for j in range(3)] for row in rows]
    np.testing.assert_array_equal(group_sums(np.array(codes), rows, 3), expected)


def test_no_columns_but_the_response() -> None:
    y = np.arange(1.0, 5.0)
    sums = cross_products([Factor(np.array([0, 1, 1, 0]), np.ones((4, 1)), 2)], y[None])
    np.testing.assert_array_equal(sums.B[0][:, 0, 0], [y[0] + y[3], y[1] + y[2]])
    np.testing.assert_array_equal(sums.C, [[(y**2).sum()]])
