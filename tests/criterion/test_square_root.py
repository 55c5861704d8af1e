"""The criterion in square roots of the covariances: the same as in theta, and few steps where these are singular."""

from __future__ import annotations

import numpy as np
import pytest
from dense_twin import Dense, FloatArray, Shape, close, draw_design, draw_theta
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer.criterion.criterion import Criterion, mkLmerDevfun
from pylmer.criterion.square_root import SquareRoot
from pylmer.optimize.newton_one import newton_one
from pylmer.optimize.optimum import optimizeLmer

SHAPES = (((6, (3,)),), ((6, (2, 1)),), ((6, (2,)), (5, (1,))), ((5, (2, 1)), (6, (3,))))


def drawn(seed: int, factors: tuple[tuple[int, tuple[int, ...]], ...], REML: bool) -> tuple[Criterion, FloatArray]:
    design = draw_design(Shape(seed, factors, weights=True))
    return mkLmerDevfun(design, REML), draw_theta(design, np.random.default_rng(seed + 1))[0]


def turned(roots: SquareRoot, par: FloatArray, rng: np.random.Generator) -> FloatArray:
    """F times a rotation, term by term."""
    out = par.copy()
    for first, last, k in zip(roots.edges, roots.edges[1:], roots.sizes, strict=False):
        Q = np.linalg.qr(rng.normal(size=(k, k)))[0]
        out[first:last] = (par[first:last].reshape(k, k) @ Q).ravel()
    return out


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(SHAPES[1:]), st.booleans())
def test_rotations_say_the_same(seed: int, factors: tuple[tuple[int, tuple[int, ...]], ...], REML: bool) -> None:
    f, theta = drawn(seed, factors, REML)
    roots = f.square_root
    if roots is None:  # what has a closed form needs none
        assert f.one_response is not None
        return
    par = turned(roots, roots.lift(theta), np.random.default_rng(seed))
    got, by_theta = roots.evaluate(par[None]), f.by_elimination(theta[None])
    size = np.abs(theta) + 1e-3 * np.abs(theta).max()
    close(roots(par), f(theta), 1e-11)
    close(got.value, by_theta.value, 1e-11)
    close(np.abs(roots.theta(par)) / size, np.abs(f.canonical(theta[None])[0]) / size, 1e-8)
    back, gradient, _ = roots.by_theta(par, got.gradient[0], got.hessian[0])
    close(gradient * size, f.by_elimination(back[None]).gradient[0] * size, 1e-6)


@pytest.mark.parametrize("factors", [SHAPES[0], SHAPES[3]])
def test_gradient_is_the_slope_of_the_value_and_turns_are_flat(
    factors: tuple[tuple[int, tuple[int, ...]], ...],
) -> None:
    f, theta = drawn(3, factors, True)
    roots = f.square_root
    assert roots is not None
    par = turned(roots, roots.lift(theta), np.random.default_rng(0))
    gradient = roots.evaluate(par[None]).gradient[0]
    steps = 1e-6 * np.maximum(np.abs(par), 1e-3)
    slopes = [(roots(par + d) - roots(par - d)) / (2 * h) for d, h in zip(np.diag(steps), steps, strict=True)]
    scale = np.abs(par) + 1e-3
    close(gradient * scale, np.array(slopes) * scale, 1e-4, 1e-4)
    turns = roots._turns(par)
    close(turns.T @ turns, np.eye(turns.shape[1]), 1e-10, 1e-10)
    close(turns.T @ gradient, np.zeros(turns.shape[1]), atol=1e-8 * np.abs(gradient).max())


def crossed_without_slopes(seed: int) -> Criterion:
    """Two crossed factors of three effects each where there is next to nothing but intercepts: singular."""
    rng = np.random.default_rng(seed)
    design = draw_design(Shape(seed, ((12, (3,)), (9, (3,))), n=400))
    y = rng.normal(size=design.n)
    for t in design.re.terms:
        t.columns[:, 1:] = np.where(rng.random((design.n, 2)) < 0.5, -1.0, 1.0)
        y += 0.6 * rng.normal(size=t.J)[t.codes]
    design.y[:] = y
    return mkLmerDevfun(design)


@pytest.mark.parametrize("seed", range(6))
def test_singular_models_take_few_evaluations(seed: int) -> None:
    f = crossed_without_slopes(seed)
    found = optimizeLmer(f)
    assert found.convergence == 0
    assert found.evaluations <= 14
    assert (np.abs(f.evaluate(found.theta[None]).gradient) < 5e-3).all()
    plain = newton_one(f.evaluate, f, f.start)
    assert found.value <= plain.value + 1e-7


def test_theta_and_hessian_of_an_optimum_inside() -> None:
    design = draw_design(Shape(8, ((30, (3,)),), n=600))
    f = mkLmerDevfun(design)
    found = optimizeLmer(f)
    here = f.by_elimination(found.theta[None])
    size = np.abs(found.theta) + 1e-3 * np.abs(found.theta).max()
    close(found.value, Dense(design, found.theta).value, 1e-10)
    close(found.hessian * np.outer(size, size), here.hessian[0] * np.outer(size, size), 1e-3)
