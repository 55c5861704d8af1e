"""Random effects eliminated level by level and factor by factor, against whole dense matrices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from dense_twin import Shape, close, shapes
from hypothesis import given, settings
from hypothesis import strategies as st
from linalg_problem import Problem, check_against_dense

from pylmer.linalg import cross_products as sums_room
from pylmer.linalg import crossed as crossed_room
from pylmer.linalg.crossed import Crossed, DenseLink, SparseLink
from pylmer.linalg.dense_square import DenseSquare
from pylmer.linalg.one_factor import OneFactor, Responses
from pylmer.linalg.small import bmm, inverse_logdet, lower_inverse

#: DENSE_CELLS and FULL_PRODUCT: dense or sparse links, diagonal blocks of W from full products or from the inverse.
STORAGE = [(10**6, 10**6), (10**6, 0), (0, 10**6), (0, 0)]


@contextmanager
def storage(dense_cells: int, full_product: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sums_room, "DENSE_CELLS", dense_cells)
        patch.setattr(crossed_room, "FULL_PRODUCT", full_product)
        yield


@settings(max_examples=15, deadline=None)
@given(shapes(max_factors=1), st.integers(1, 3))
def test_one_factor(shape: Shape, R: int) -> None:
    check_against_dense(Problem(shape, R), OneFactor)


@pytest.mark.parametrize("how", STORAGE)
@settings(max_examples=8, deadline=None)
@given(shapes().filter(lambda s: len(s.factors) > 1), st.integers(1, 3))
def test_crossed_and_nested_factors(how: tuple[int, int], shape: Shape, R: int) -> None:
    with storage(*how):
        check_against_dense(Problem(shape, R), Crossed)


@settings(max_examples=12, deadline=None)
@given(shapes())
def test_one_dense_square(shape: Shape) -> None:
    problem = Problem(shape)
    check_against_dense(problem, lambda sums: DenseSquare(sums, problem.responses))


@pytest.mark.parametrize("how", STORAGE)
def test_the_largest_factor_leads_wherever_it_stands(how: tuple[int, int]) -> None:
    factors = [(2, (1,)), (3, (2,)), (9, (3,))]
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        shape = Shape(7, tuple(factors[i] for i in order))
        with storage(*how):
            problem = Problem(shape)
            assert Crossed(problem.sums).leading == order.index(2)
            check_against_dense(problem, Crossed)


@pytest.mark.parametrize("how", STORAGE)
@pytest.mark.parametrize("zero", [0, 1])
def test_variances_of_zero(how: tuple[int, int], zero: int) -> None:
    with storage(*how):
        problem = Problem(Shape(11, ((5, (2,)), (3, (2,)))), 2)
        problem.L[zero][:] = 0.0
        problem.L[1 - zero][:, 1, 1] = 0.0
        check_against_dense(problem, Crossed)


def test_a_link_is_stored_as_the_cross_block_asks() -> None:
    shape = Shape(3, ((6, (2,)), (4, (1,))))
    with storage(10**6, 300):
        assert isinstance(Crossed(Problem(shape).sums).link, DenseLink)
    with storage(0, 300):
        assert isinstance(Crossed(Problem(shape).sums).link, SparseLink)


def test_memory_is_told_for_the_choice_of_chunks() -> None:
    small, large = (Problem(Shape(1, ((J, (1,)), (3, (1,))))) for J in (4, 20))
    assert 0 < Crossed(small.sums).bytes_per_replicate() < Crossed(large.sums).bytes_per_replicate()
    one = OneFactor(Problem(Shape(1, ((4, (1,)),))).sums)
    assert one.bytes_per_replicate() > 0
    assert one.shapes == ((4, 1),)


def test_responses_can_be_selected() -> None:
    problem = Problem(Shape(2, ((4, (2,)),)), 4)
    responses = problem.responses
    some = responses.take(np.array([2, 0]))
    assert (responses.R, some.R) == (4, 2)
    close(Responses.of(problem.sums).Zy[0], responses.take(slice(0, 1)).Zy[0])
    np.testing.assert_array_equal(some.Zy[0], responses.Zy[0][[2, 0]])
    np.testing.assert_array_equal(some.yy, responses.yy[[2, 0]])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 5), st.integers(1, 4))
def test_small_matrices(seed: int, k: int, R: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(R, 3, k)), rng.normal(size=(R, k, 2))
    close(bmm(a, b), np.einsum("rik,rkj->rij", a, b), 1e-12)
    A = rng.normal(size=(R, k, k + 2))
    spd = np.eye(k) + A @ A.swapaxes(-1, -2)
    inverse, logdet = inverse_logdet(spd)
    close(inverse, np.linalg.inv(spd), 1e-10)
    close(logdet, np.linalg.slogdet(spd)[1], 1e-12)
    L = np.linalg.cholesky(spd)
    close(lower_inverse(L), np.linalg.inv(L), 1e-10)
