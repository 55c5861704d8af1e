"""Trailing factors kept as a graph of linked levels, against whole dense matrices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

import numpy as np
import pytest
from dense_twin import FloatArray, Shape, close, shapes
from hypothesis import given, settings
from hypothesis import strategies as st
from linalg_problem import Problem, check_against_dense

from pylmer.linalg import cross_products as sums_room
from pylmer.linalg import level_graph, ordering
from pylmer.linalg.cross_products import Factor
from pylmer.linalg.sparse_crossed import SparseCrossed


@contextmanager
def pieces(size: int, dense_cells: int = 400_000, apart: bool = False) -> Iterator[None]:
    """Look at a few pairs at a time; do not join fronts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(level_graph, "TABLE", size)
        patch.setattr(level_graph, "PIECE", size)
        patch.setattr(sums_room, "DENSE_CELLS", dense_cells)
        if apart:
            patch.setattr(ordering, "CELL", 1e-30)
            patch.setattr(ordering, "ADD", 0.0)
        yield


class Schools(Problem):
    """Students and teachers within schools, some of whom move; a nesting of three levels beside them."""

    @cached_property
    def factors(self) -> list[Factor]:
        rng = np.random.default_rng(self.shape.seed)
        n = self.shape.n
        student = np.repeat(np.arange(n // 4), 4)
        school = np.where(rng.random(n) < 0.05, rng.integers(0, 6, n), student % 6)
        teacher = school * 4 + rng.integers(0, 4, n)
        area = school // 2
        out = []
        for codes, width in zip((student, teacher, school, area), (1, 2, 1, 1), strict=True):
            levels, codes = np.unique(codes, return_inverse=True)
            columns = rng.normal(size=(n, width))
            columns[:, 0] = 1.0
            out.append(Factor(codes, columns, len(levels)))
        return out


@settings(max_examples=25, deadline=None)
@given(shapes(4).filter(lambda s: len(s.factors) > 1), st.integers(1, 3), st.sampled_from([10**6, 7]), st.booleans())
def test_crossed_and_nested_factors(shape: Shape, R: int, size: int, apart: bool) -> None:
    with pieces(size, 400_000 if size > 7 else 0, apart):
        check_against_dense(Problem(shape, R), SparseCrossed)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("size", [10**6, 50])
def test_schools(size: int, apart: bool) -> None:
    with pieces(size, apart=apart):
        problem = Schools(Shape(3, (), n=240, p=2), 2)
        check_against_dense(problem, SparseCrossed)
        plan = SparseCrossed(problem.sums).plan
        assert not apart or len(plan.batches) > 3


@pytest.mark.parametrize("levels", [(3, 9), (2, 6, 18), (2, 4, 8, 24)])
@pytest.mark.parametrize("width", [1, 2])
def test_nested_levels_leave_no_new_links(levels: tuple[int, ...], width: int) -> None:
    n = 6 * levels[-1]
    rng = np.random.default_rng(len(levels))
    inner = np.arange(n) % levels[-1]
    factors = [Factor(inner * J // levels[-1], rng.normal(size=(n, width)), J) for J in levels]
    problem = Problem(Shape(8, (), n=n), 2)
    problem.__dict__["factors"] = factors
    with pieces(10**6, apart=True):
        check_against_dense(problem, SparseCrossed)
        structure = SparseCrossed(problem.sums)
    above = sum(i * J for i, J in enumerate(levels[:-1]))
    assert structure.graph.pattern.nnz == above
    assert int(structure.plan.b.max()) <= (len(levels) - 2) * width


@pytest.mark.parametrize("zero", [0, 1, 2])
@pytest.mark.parametrize("tiny", [0.0, 1e-12, 1e-7, 1e-4])
def test_variances_of_zero(zero: int, tiny: float) -> None:
    problem = Problem(Shape(11, ((5, (2,)), (3, (2,)), (4, (1,)))), 2)
    problem.L[zero][:] *= tiny
    problem.L[1 - zero if zero < 2 else 0][:, 1, 1] = 0.0
    check_against_dense(problem, SparseCrossed)


def test_a_variance_of_nearly_zero_keeps_the_digits_of_its_derivative() -> None:
    problem = Problem(Shape(13, ((6, (1,)), (4, (1,)), (3, (1,)))))
    at = SparseCrossed(problem.sums)
    sums = []
    for size in (0.0, 1e-10, 1e-8):
        problem.L[2][:] = size
        sums.append(at.at(problem.L, problem.responses).W_sums()[2])
    close(sums[1], sums[0], 1e-12, 0.0)
    close(sums[2], sums[0], 1e-12, 0.0)


@settings(max_examples=15, deadline=None)
@given(shapes(4).filter(lambda s: len(s.factors) > 1), st.sampled_from([10**6, 7]))
def test_rows(shape: Shape, size: int) -> None:
    with pieces(size):
        problem = Problem(shape)
        got = SparseCrossed(problem.sums).at(problem.L, problem.responses).H_rows(problem.factors)
    Z, G = np.concatenate(problem.Z, axis=1), problem.G(0)
    H: FloatArray = G - G @ Z.T @ problem.V0_inverse(0) @ Z @ G
    close(got, np.einsum("na,ab,nb->n", Z, H, Z), 1e-8)


def test_memory_per_replicate() -> None:
    small, large = (Problem(Shape(1, ((J, (1,)), (3, (1,))))) for J in (4, 20))
    assert 0 < SparseCrossed(small.sums).bytes_per_replicate() < SparseCrossed(large.sums).bytes_per_replicate()
