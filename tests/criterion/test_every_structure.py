"""One model stored in every way: values, derivatives and what is asked of a fit are those of whole dense matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from dense_twin import Dense, FloatArray, Shape, close, draw_design, draw_theta, shapes
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer.criterion import criterion as room
from pylmer.criterion.criterion import Criterion, mkLmerDevfun
from pylmer.criterion.deletion import Deletions
from pylmer.formula.design import Design
from pylmer.linalg.cross_products import CrossProducts
from pylmer.linalg.crossed import Crossed
from pylmer.linalg.sparse_crossed import SparseCrossed

STRUCTURES = [Crossed, SparseCrossed]
several = shapes(4).filter(lambda s: len(s.factors) > 1)


@contextmanager
def stored_as(structure: Callable[[CrossProducts], Crossed | SparseCrossed]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "DENSE_Q", 0)
        patch.setattr(room, "structure_of", structure)
        yield


def relative(theta: FloatArray) -> FloatArray:
    return np.abs(theta) + 1e-3 * np.abs(theta).max()


def drawn(shape: Shape, R: int = 1) -> tuple[Design, FloatArray]:
    design = draw_design(shape)
    return design, draw_theta(design, np.random.default_rng(shape.seed + 1), R)


def central_differences(f: Criterion, theta: FloatArray) -> FloatArray:
    out = np.empty_like(theta)
    for i in range(len(theta)):
        h = 1e-3 * max(abs(theta[i]), 1e-3)
        one = np.eye(len(theta))[i] * h
        out[i] = (8 * (f(theta + one) - f(theta - one)) - (f(theta + 2 * one) - f(theta - 2 * one))) / (12 * h)
    return out


@pytest.mark.parametrize("structure", STRUCTURES)
@settings(max_examples=15, deadline=None)
@given(several, st.booleans())
def test_value_gradient_and_information(
    structure: Callable[[CrossProducts], Crossed | SparseCrossed], shape: Shape, REML: bool
) -> None:
    design, (theta,) = drawn(shape)
    twin, size = Dense(design, theta, REML), relative(theta)
    with stored_as(structure):
        f = mkLmerDevfun(design, REML)
        got = f.evaluate(theta[None])
        differences = central_differences(f, theta)
    close(got.value[0], twin.value, 1e-10)
    close(got.gradient[0] * size, twin.gradient * size, 1e-7)
    close(got.gradient[0] * size, differences * size, 1e-5, 1e-5)
    expected = (twin.average_information + twin.curvature) * np.outer(size, size)
    close(got.hessian[0] * np.outer(size, size), expected, 1e-7)


@pytest.mark.parametrize("structure", STRUCTURES)
@settings(max_examples=10, deadline=None)
@given(several)
def test_state_conditional_variances_and_leverages(
    structure: Callable[[CrossProducts], Crossed | SparseCrossed], shape: Shape
) -> None:
    design, (theta,) = drawn(shape)
    twin = Dense(design, theta)
    with stored_as(structure):
        f = mkLmerDevfun(design)
        state, condVar, leverages = f.state(theta), f.condVar(theta), f.leverages(theta)
    close(state.beta, twin.beta, 1e-8)
    close(np.concatenate([b.ravel() for b in state.b]), twin.b, 1e-7)
    close(np.concatenate([u.ravel() for u in state.u]), twin.u, 1e-7)
    for got, expected in zip(condVar, twin.blocks(twin.condVar), strict=True):
        close(got, expected, 1e-7)
    hat = np.eye(design.n) - twin.P
    close(leverages, np.diagonal(hat), 1e-7)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("factors", [((5, (2, 1)), (4, (2,))), ((4, (1,)), (5, (1,)), (3, (1,)), (3, (2,)))])
def test_variances_of_zero(
    structure: Callable[[CrossProducts], Crossed | SparseCrossed], factors: tuple[tuple[int, tuple[int, ...]], ...]
) -> None:
    design, (theta,) = drawn(Shape(23, factors))
    rng = np.random.default_rng(0)
    size = np.outer(relative(theta), relative(theta))
    with stored_as(structure):
        f = mkLmerDevfun(design)
        for zeros in (np.ones(len(theta), dtype=bool), design.re.lower == 0, *(rng.random((6, len(theta))) < 0.5)):
            at = np.where(zeros, 0.0, theta)
            twin, got = Dense(design, at), f.evaluate(at[None])
            assert got.value[0] == pytest.approx(twin.value, rel=1e-11)
            close(got.gradient[0] * relative(theta), twin.gradient * relative(theta), 1e-8)
            close(got.hessian[0] * size, (twin.average_information + twin.curvature) * size, 1e-8)


@pytest.mark.parametrize("structure", STRUCTURES)
@settings(max_examples=6, deadline=None)
@given(several, st.integers(2, 4))
def test_many_responses_are_one_by_one(
    structure: Callable[[CrossProducts], Crossed | SparseCrossed], shape: Shape, R: int
) -> None:
    design, thetas = drawn(shape, R)
    Y = np.random.default_rng(shape.seed).normal(size=(R, design.n))
    with stored_as(structure):
        f = mkLmerDevfun(design)
        many = f.with_responses(f.sum_responses(Y), np.zeros((R, f.p)))
        together = many.evaluate(thetas, np.arange(R))
        for r in range(R):
            one = f.with_responses(f.sum_responses(Y[r : r + 1]), np.zeros(f.p)).evaluate(thetas[r : r + 1])
            size = relative(thetas[r])
            close(together.value[r], one.value[0], 1e-11)
            close(together.gradient[r] * size, one.gradient[0] * size, 1e-8)
            close(together.hessian[r] * np.outer(size, size), one.hessian[0] * np.outer(size, size), 1e-8)


@pytest.mark.parametrize("structure", STRUCTURES)
@settings(max_examples=8, deadline=None)
@given(several.filter(lambda s: s.p < 3), st.integers(1, 6))
def test_without_some_rows(
    structure: Callable[[CrossProducts], Crossed | SparseCrossed], shape: Shape, gone: int
) -> None:
    design, (theta,) = drawn(shape)
    rows = np.random.default_rng(shape.seed).choice(design.n, gone, replace=False)
    with stored_as(structure):
        f = mkLmerDevfun(design)
        left, kept = Deletions(f, design).without(rows)
        got = left.evaluate(theta[None])
    with stored_as(Crossed):
        other, _ = Deletions(mkLmerDevfun(design), design).without(rows)
        expected = other.evaluate(theta[None])
    assert len(kept) == left.p
    close(got.value, expected.value, 1e-10)
    close(got.gradient * relative(theta), expected.gradient * relative(theta), 1e-7)
