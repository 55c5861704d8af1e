"""Sums over batches: the sums over all rows at once, however the rows are split."""

from __future__ import annotations

import numpy as np
import pytest
from dense_twin import Shape
from hypothesis import given, settings
from hypothesis import strategies as st
from linalg_problem import Problem, dense

from pylmer.errors import ModelError
from pylmer.linalg import accumulate
from pylmer.linalg.accumulate import Accumulator, RunningSum, estimated_bytes, order_statistics
from pylmer.linalg.cross_products import Factor, cross_products


def accumulated(factors: list[Factor], Xy: np.ndarray, cuts: list[int]) -> Accumulator:
    sums = Accumulator([(f.J, f.k) for f in factors], len(Xy))
    for first, last in zip([0, *cuts], [*cuts, Xy.shape[1]], strict=True):
        rows = slice(first, last)
        sums.add([Factor(f.codes[rows], f.columns[rows], f.J) for f in factors], Xy[:-1, rows], Xy[-1, rows])
    return sums


def assert_same(factors: list[Factor], Xy: np.ndarray, sums: Accumulator) -> None:
    whole, parts = cross_products(factors, Xy), sums.result()
    assert parts.n == whole.n
    for ours, theirs in zip((*parts.A, *parts.B, parts.C), (*whole.A, *whole.B, whole.C), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12 * np.abs(theirs).max())
    for pair, block in whole.cross.items():
        assert isinstance(parts.cross[pair], np.ndarray) == isinstance(block, np.ndarray)
        np.testing.assert_allclose(dense(parts.cross[pair]), dense(block), rtol=1e-12, atol=1e-12)
    for f, counts in zip(factors, sums.counts, strict=True):
        np.testing.assert_array_equal(counts, np.bincount(f.codes, minlength=f.J))


SHAPES = [
    Shape(1, ((7, (2,)),), 60, 3),
    Shape(2, ((11, (1,)), (4, (2, 1))), 60, 2),
    Shape(3, ((9, (1,)), (5, (1,)), (3, (1,))), 80, 1),
]


@pytest.mark.parametrize("cells", [400_000, 0], ids=["dense", "sparse"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_splitting_does_not_matter(shape: Shape, cells: int, data: st.DataObject) -> None:
    problem = Problem(shape)
    cuts = sorted(data.draw(st.lists(st.integers(0, shape.n), max_size=6)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accumulate, "DENSE_CELLS", cells)
        patch.setattr("pylmer.linalg.cross_products.DENSE_CELLS", cells)
        assert_same(problem.factors, problem.Xy, accumulated(problem.factors, problem.Xy, cuts))


def rows_of(codes: np.ndarray, J: int, seed: int) -> tuple[list[Factor], np.ndarray]:
    rng = np.random.default_rng(seed)
    n = len(codes)
    columns = np.column_stack([np.ones(n), rng.normal(size=n)])
    return [Factor(codes, columns, J)], np.vstack([np.ones(n), rng.normal(size=(2, n))])


def test_sorted_rows_and_few_of_many_levels() -> None:
    rng = np.random.default_rng(4)
    for codes, J in [
        (np.repeat(np.arange(6), 40), 6),
        (np.repeat([5, 0, 5, 2], 50), 6),
        (rng.integers(0, 1000, 90), 1000),
        (np.repeat(rng.integers(0, 1000, 9), 20), 1000),
    ]:
        factors, Xy = rows_of(np.asarray(codes, dtype=np.intp), J, 5)
        assert_same(factors, Xy, accumulated(factors, Xy, [3, 3, len(codes) // 2]))


def test_rounding_is_carried() -> None:
    total = RunningSum((1,))
    for value in [1e16, 1.0, 1.0, -1e16]:
        total.add(np.array([value]))
    assert total.value.tolist() == [2.0]


def test_many_batches_lose_no_digits() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(1e4, 1.0, size=20_000)
    total, plain = RunningSum((1,)), 0.0
    for part in np.split(x, 2_000):
        total.add(part.sum(keepdims=True))
        plain += part.sum()
    exact = float(np.sum(x, dtype=np.longdouble))
    assert abs(total.value[0] - exact) <= abs(plain - exact)
    assert total.value[0] == pytest.approx(exact, rel=1e-15)


def test_sparse_blocks_have_a_limit() -> None:
    rng = np.random.default_rng(7)
    f, s = (Factor(rng.integers(0, 2000, 500), np.ones((500, 1)), 2000) for _ in range(2))
    sums = Accumulator([(2000, 1), (2000, 1)], 1, most_bytes=1000)
    with pytest.raises(ModelError, match="grouping factors take more than"):
        sums.add([f, s], np.empty((0, 500)), np.ones(500))


def test_estimate_grows_with_levels_alone() -> None:
    assert estimated_bytes([(2000, 2)], 5) == 2 * estimated_bytes([(1000, 2)], 5)


@given(
    numbers=st.lists(st.floats(allow_nan=False, width=64), min_size=1, max_size=60),
    size=st.integers(1, 20),
)
def test_order_statistics_of_parts(numbers: list[float], size: int) -> None:
    x = np.array(numbers)
    ranks = np.arange(len(x))[:: max(1, len(x) // 5)]
    found = order_statistics(lambda: iter(np.split(x, range(size, len(x), size))), ranks)
    np.testing.assert_array_equal(found, np.sort(x)[ranks])
