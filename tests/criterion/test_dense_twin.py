"""The criterion, its derivatives and the state at one theta, against whole dense matrices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dense_twin import Dense, FloatArray, Shape, close, draw_design, draw_theta, shapes, stretched
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer.criterion import criterion as room
from pylmer.criterion.criterion import Criterion, Evaluation, mkLmerDevfun
from pylmer.formula.design import Design
from pylmer.linalg.one_factor import Responses


def drawn(shape: Shape, R: int = 1) -> tuple[Design, FloatArray]:
    design = draw_design(shape)
    return design, draw_theta(design, np.random.default_rng(shape.seed + 1), R)


def central_differences(f: Criterion, theta: FloatArray) -> FloatArray:
    """Gradient by differences of fourth order."""
    out = np.empty_like(theta)
    for i in range(len(theta)):
        h = 1e-3 * max(abs(theta[i]), 1e-3)
        one = np.eye(len(theta))[i] * h
        out[i] = (8 * (f(theta + one) - f(theta - one)) - (f(theta + 2 * one) - f(theta - 2 * one))) / (12 * h)
    return out


def relative(design: Design, theta: FloatArray) -> FloatArray:
    """Sizes by which derivatives by theta are multiplied to be comparable: those of theta."""
    return np.abs(theta) + 1e-3 * np.abs(theta).max()


def expected_hessian(twin: Dense, got: Evaluation) -> FloatArray:
    """The second derivative, or where it is not asked for, the average information and the curvature of L L'."""
    return twin.hessian if got.exact else twin.average_information + twin.curvature


def small_shapes() -> st.SearchStrategy[Shape]:
    """One factor with one or two columns, or some factors with one each."""
    one = st.tuples(st.integers(2, 6), st.sampled_from([(1,), (2,), (1, 1)])).map(lambda f: (f,))
    scalar = st.lists(st.tuples(st.integers(2, 6), st.just((1,))), min_size=2, max_size=3).map(tuple)
    return st.builds(
        Shape,
        st.integers(0, 2**31),
        st.one_of(one, scalar),
        st.integers(25, 60),
        st.integers(0, 3),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.booleans(),
    )


@settings(max_examples=20, deadline=None)
@given(shapes(), st.booleans())
def test_value_gradient_and_hessian(shape: Shape, REML: bool) -> None:
    design, (theta,) = drawn(shape)
    f, twin = mkLmerDevfun(design, REML), Dense(design, theta, REML)
    got = f.evaluate(theta[None])
    size = relative(design, theta)
    close(f(theta), twin.value, 1e-10)
    close(got.value[0], twin.value, 1e-10)
    close(got.gradient[0] * size, twin.gradient * size, 1e-7)
    close(got.hessian[0] * np.outer(size, size), expected_hessian(twin, got) * np.outer(size, size), 1e-7)


@settings(max_examples=20, deadline=None)
@given(small_shapes(), st.booleans())
def test_one_response_in_closed_form(shape: Shape, REML: bool) -> None:
    """What has a form of its own is what elimination gives, but for the Hessian: it is exact."""
    design, (theta,) = drawn(shape)
    f, twin, size = mkLmerDevfun(design, REML), Dense(design, theta, REML), relative(design, theta)
    got, plain = f.evaluate(theta[None]), f.by_elimination(theta[None])
    assert f.one_response is not None
    assert got.exact
    assert not plain.exact
    close(f(theta), got.value[0], 1e-12)
    close(got.value, plain.value, 1e-11)
    close(got.gradient * size, plain.gradient * size, 1e-9)
    close(got.hessian[0] * np.outer(size, size), twin.hessian * np.outer(size, size), 1e-8)
    again = f.with_responses(f.sum_responses(design.y[None] * twin.w), f.beta0 * 0.0)
    close(again(theta), f.with_responses(again.responses, f.beta0).by_elimination(theta[None]).value, 1e-11)


@settings(max_examples=12, deadline=None)
@given(shapes().filter(lambda s: len(s.factors) > 1), st.booleans())
def test_block_elimination_is_the_same_as_one_dense_square(shape: Shape, REML: bool) -> None:
    design, (theta,) = drawn(shape)
    size = relative(design, theta)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "DENSE_Q", 0)
        blocks = mkLmerDevfun(design, REML).by_elimination(theta[None])
        patch.setattr(room, "DENSE_Q", 10**6)
        square = mkLmerDevfun(design, REML).by_elimination(theta[None])
    close(blocks.value, square.value, 1e-11)
    close(blocks.gradient * size, square.gradient * size, 1e-8)
    close(blocks.hessian * np.outer(size, size), square.hessian * np.outer(size, size), 1e-8)


@settings(max_examples=8, deadline=None)
@given(shapes(max_factors=2), st.booleans())
def test_gradient_is_the_slope_of_the_value(shape: Shape, REML: bool) -> None:
    design, (theta,) = drawn(shape)
    f = mkLmerDevfun(design, REML)
    size = relative(design, theta)
    gradient = f.evaluate(theta[None]).gradient[0]
    close(gradient * size, central_differences(f, theta) * size, 1e-5, 1e-5)


@settings(max_examples=12, deadline=None)
@given(shapes(), st.booleans())
def test_state(shape: Shape, REML: bool) -> None:
    design, (theta,) = drawn(shape)
    f, twin = mkLmerDevfun(design, REML), Dense(design, theta, REML)
    s = f.state(theta)
    scale = np.abs(design.X).max(axis=0, initial=1.0)
    close(s.value, twin.value, 1e-10)
    close(s.beta * scale, twin.beta * scale, 1e-8)
    close(np.concatenate([u.ravel() for u in s.u]), twin.u, 1e-8)
    for t, got, b in zip(design.re.terms, s.b, np.split(twin.b, design.re.Gp[1:-1]), strict=True):
        size = np.abs(t.columns).max(axis=0)
        close(got * size, b.reshape(t.J, t.k) * size, 1e-8)
    close(s.RX.T @ s.RX / np.outer(scale, scale), twin.XVX / np.outer(scale, scale), 1e-8)
    close(np.tril(s.RX, -1), 0.0)
    close([s.ldL2, s.ldRX2, s.pwrss, s.ussq], [twin.ldL2, twin.ldRX2, twin.r2, twin.u @ twin.u], 1e-9)
    for t, got, expected in zip(design.re.terms, f.condVar(theta), twin.blocks(twin.condVar), strict=True):
        size = np.abs(t.columns).max(axis=0)
        close(got * np.outer(size, size), expected * np.outer(size, size), 1e-8)


@settings(max_examples=10, deadline=None)
@given(shapes(), st.integers(2, 5), st.booleans())
def test_many_replicates_at_once_are_each_one_alone(shape: Shape, R: int, REML: bool) -> None:
    design, theta = drawn(shape, R)
    rng = np.random.default_rng(shape.seed + 2)
    base = mkLmerDevfun(design, REML)
    rows = rng.normal(size=(R, design.n))
    f = base.with_responses(base.sum_responses(rows), base.beta0)
    together = f.evaluate(theta)
    some = f.evaluate(theta[[R - 1, 0]], np.array([R - 1, 0]))
    for r in range(R):
        alone = base.with_responses(base.sum_responses(rows[r : r + 1]), base.beta0).evaluate(theta[r : r + 1])
        size = relative(design, theta[r])
        close(together.value[r], alone.value[0], 1e-11)
        close(together.gradient[r] * size, alone.gradient[0] * size, 1e-9)
        if not alone.exact:
            close(together.hessian[r] * np.outer(size, size), alone.hessian[0] * np.outer(size, size), 1e-9)
    close(some.value, together.value[[R - 1, 0]], 1e-11)


@settings(max_examples=10, deadline=None)
@given(shapes())
def test_sums_of_a_response_are_those_made_with_it(shape: Shape) -> None:
    design, _ = drawn(shape)
    f = mkLmerDevfun(design)
    y = design.y - (0.0 if design.offset is None else design.offset) - design.X @ f.beta0
    rows = y if design.weights is None else y * np.sqrt(design.weights)
    again, first = f.sum_responses(rows[None]), Responses.of(f.sums)
    for a, b in zip((*again.Zy, again.Xy, again.yy), (*first.Zy, first.Xy, first.yy), strict=True):
        close(a, b, 1e-11, 1e-8)


@settings(max_examples=10, deadline=None)
@given(shapes(max_factors=2), st.booleans())
def test_scaling_the_columns_of_Z_scales_theta(shape: Shape, REML: bool) -> None:
    design, (theta,) = drawn(shape)
    factor = 10.0 ** np.random.default_rng(shape.seed).uniform(-6, 6, sum(t.k for t in design.re.terms))
    per_row, edge = [], 0
    for t in design.re.terms:
        per_row.append(factor[edge : edge + t.k][np.triu_indices(t.k)[1]])
        edge += t.k
    scaled = theta / np.concatenate(per_row)
    a, b = mkLmerDevfun(design, REML), mkLmerDevfun(stretched(design, factor), REML)
    close(b(scaled), a(theta), 1e-10)
    one, other = a.evaluate(theta[None]), b.evaluate(scaled[None])
    size, other_size = relative(design, theta), relative(design, theta) / np.concatenate(per_row)
    close(other.gradient[0] * other_size, one.gradient[0] * size, 1e-7)


@pytest.mark.parametrize("REML", [True, False])
@pytest.mark.parametrize("weights", [True, False])
def test_a_response_far_from_zero_keeps_its_digits(REML: bool, weights: bool) -> None:
    design, (theta,) = drawn(Shape(17, ((6, (2,)), (4, (1,))), weights=weights))
    far = replace(design, y=design.y + 1e6)
    a, b = mkLmerDevfun(design, REML), mkLmerDevfun(far, REML)
    assert b(theta) == pytest.approx(a(theta), abs=1e-7)
    close(b.evaluate(theta[None]).gradient, a.evaluate(theta[None]).gradient, 1e-8)
    close(b.state(theta).beta - a.state(theta).beta, [1e6, 0.0], 1e-14)
    close(b.state(theta).u[0], a.state(theta).u[0], 1e-7)


@pytest.mark.parametrize("factors", [((5, (2,)),), ((5, (2,)), (4, (1, 1)))])
def test_no_fixed_effects(factors: tuple[tuple[int, tuple[int, ...]], ...]) -> None:
    design, (theta,) = drawn(Shape(4, factors, p=0))
    reml, ml = mkLmerDevfun(design, True), mkLmerDevfun(design, False)
    assert reml.nu == ml.nu == design.n
    assert reml(theta) == pytest.approx(ml(theta), rel=1e-14)
    assert reml(theta) == pytest.approx(Dense(design, theta).value, rel=1e-11)
    assert reml.state(theta).beta.shape == (0,)


@pytest.mark.parametrize("REML", [True, False])
@pytest.mark.parametrize("factors", [((5, (3,)),), ((5, (2, 1)), (4, (2,))), ((4, (1,)), (5, (1,)), (3, (1,)))])
def test_points_where_variances_are_zero(factors: tuple[tuple[int, tuple[int, ...]], ...], REML: bool) -> None:
    design, (theta,) = drawn(Shape(23, factors))
    rng = np.random.default_rng(0)
    f = mkLmerDevfun(design, REML)
    for zeros in (np.ones(len(theta), dtype=bool), design.re.lower == 0, *(rng.random((6, len(theta))) < 0.5)):
        at = np.where(zeros, 0.0, theta)
        twin = Dense(design, at, REML)
        got = f.evaluate(at[None])
        assert got.value[0] == pytest.approx(twin.value, rel=1e-11)
        size = relative(design, theta)
        close(got.gradient[0] * size, twin.gradient * size, 1e-8)
        expected = expected_hessian(twin, got) * np.outer(size, size)
        close(got.hessian[0] * np.outer(size, size), expected, 1e-8)


def test_at_theta_zero_the_criterion_is_that_of_least_squares() -> None:
    design, (theta,) = drawn(Shape(29, ((5, (2,)), (4, (1,)))))
    residual = design.y - design.X @ np.linalg.lstsq(design.X, design.y, rcond=None)[0]
    n, rss = design.n, residual @ residual
    assert mkLmerDevfun(design, False)(0 * theta) == pytest.approx(n * (1 + np.log(2 * np.pi * rss / n)), rel=1e-12)
    assert not mkLmerDevfun(design).evaluate(0 * theta[None]).gradient.any()


def test_as_ml_is_the_same_problem_by_maximum_likelihood() -> None:
    design, (theta,) = drawn(Shape(31, ((5, (2,)),), weights=True))
    assert mkLmerDevfun(design).as_ML()(theta) == mkLmerDevfun(design, False)(theta)


def test_scaling_the_weights_scales_theta_and_leaves_the_likelihood() -> None:
    design, (theta,) = drawn(Shape(37, ((5, (2,)), (3, (1,))), weights=True))
    assert design.weights is not None
    more = replace(design, weights=design.weights * 7.0)
    for REML in (True, False):
        a, b = mkLmerDevfun(design, REML), mkLmerDevfun(more, REML)
        assert b(theta / np.sqrt(7.0)) == pytest.approx(a(theta), rel=1e-12)
