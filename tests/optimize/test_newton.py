"""Newton's method on functions whose minima are known, one by one and many at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from dense_twin import FloatArray, IntArray, close
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer.optimize.newton import newton, newton_step
from pylmer.optimize.newton_one import newton_one


@dataclass(frozen=True)
class Answer:
    value: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    exact: bool = True


Function = Callable[[FloatArray, IntArray], Answer]


def quadratics(H: FloatArray, minimum: FloatArray) -> Function:
    """One quadratic form a problem: ``(x - minimum)'H(x - minimum) / 2``."""

    def evaluate(x: FloatArray, rows: IntArray) -> Answer:
        d = x - minimum[rows]
        g = (H[rows] @ d[..., None])[..., 0]
        return Answer(0.5 * (d * g).sum(axis=-1), g, H[rows])

    return evaluate


def rosenbrock(x: FloatArray, rows: IntArray) -> Answer:
    a, b = x[:, 0], x[:, 1]
    value = 100 * (b - a**2) ** 2 + (1 - a) ** 2
    gradient = np.stack([-400 * a * (b - a**2) - 2 * (1 - a), 200 * (b - a**2)], axis=-1)
    hessian = np.empty((len(x), 2, 2))
    hessian[:, 0, 0] = 1200 * a**2 - 400 * b + 2
    hessian[:, 0, 1] = hessian[:, 1, 0] = -400 * a
    hessian[:, 1, 1] = 200
    return Answer(value, gradient, hessian)


def wells(x: FloatArray, rows: IntArray) -> Answer:
    """``sum (x^2 - 1)^2``: a hill at 0, minima at -1 and 1 in each coordinate."""
    d = x**2 - 1
    return Answer((d**2).sum(axis=-1), 4 * x * d, (12 * x**2 - 4)[:, None] * np.eye(x.shape[1]))


def cosh(x: FloatArray, rows: IntArray) -> Answer:
    """``sum sqrt(1 + x^2)``: Newton's own step overshoots from beyond 1."""
    root = np.sqrt(1 + x**2)
    return Answer(root.sum(axis=-1), x / root, (1 / root**3)[:, None] * np.eye(x.shape[1]))


def alone(f: Function, start: FloatArray, **settings: float) -> FloatArray:
    """The minimum that ``newton_one`` finds from each row of ``start``."""
    rows = np.zeros(1, dtype=np.intp)
    ends = []
    for x in start:
        found = newton_one(lambda t: f(t, rows), lambda t: float(f(t[None], rows).value[0]), x, **settings)
        assert found.converged
        assert found.value == f(found.theta[None], rows).value[0]
        ends.append(found.theta)
    return np.array(ends)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 5), st.integers(1, 4))
def test_a_quadratic_takes_one_step(seed: int, R: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(R, m, m + 1))
    H = A @ A.swapaxes(-1, -2) + 0.1 * np.eye(m)
    minimum = rng.normal(size=(R, m))
    found = newton(quadratics(H, minimum), rng.normal(size=(R, m)))
    assert found.converged.all()
    assert (found.evaluations <= 3).all()
    close(found.theta, minimum, 1e-6)
    assert (found.value < 1e-10).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_a_quadratic_of_any_scale_takes_one_step(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = 10.0 ** rng.uniform(-5, 5, 3)
    A = rng.normal(size=(1, 3, 5)) * size[:, None]
    H = A @ A.swapaxes(-1, -2)
    minimum = rng.normal(size=(1, 3)) / size
    found = newton(quadratics(H, minimum), minimum + 1e-3 / size)
    assert found.converged.all()
    close(found.theta * size, minimum * size, 1e-5)


def test_many_rosenbrock_valleys_at_once() -> None:
    start = np.random.default_rng(1).uniform(-2, 2, (20, 2))
    found = newton(rosenbrock, start)
    assert found.converged.all()
    close(found.theta, np.ones((20, 2)), 1e-5)
    close(alone(rosenbrock, start, tolerance=1e-12), np.ones((20, 2)), 1e-5)


@pytest.mark.parametrize("m", [1, 2, 4])
def test_a_start_on_a_hill_goes_down(m: int) -> None:
    start = np.random.default_rng(m).uniform(-0.4, 0.4, (8, m))
    start[np.abs(start) < 0.01] = 0.01
    found = newton(wells, start)
    assert found.converged.all()
    close(found.theta, np.sign(start), 1e-6)
    close(alone(wells, start), np.sign(start), 1e-6)
    assert (np.linalg.eigvalsh(found.hessian) > 0).all()


@pytest.mark.parametrize("m", [1, 3])
def test_a_start_far_away(m: int) -> None:
    start = np.random.default_rng(m).normal(size=(6, m)) * 1e3
    found = newton(cosh, start)
    assert found.converged.all()
    close(found.theta, np.zeros((6, m)), atol=1e-3)
    close(alone(cosh, start), np.zeros((6, m)), atol=1e-3)


def test_a_stationary_start_stays() -> None:
    start = np.array([[1.0, 1.0]])
    found = newton(rosenbrock, start)
    assert found.converged.all()
    assert found.evaluations.tolist() == [1]
    np.testing.assert_array_equal(found.theta, start)


def test_problems_leave_when_they_have_converged() -> None:
    asked: list[list[int]] = []

    def evaluate(x: FloatArray, rows: IntArray) -> Answer:
        asked.append(rows.tolist())
        return rosenbrock(x, rows)

    told: list[int] = []
    found = newton(evaluate, np.array([[1.0, 1.0], [-1.2, 1.0], [0.9, 0.8]]), on_done=told.append)
    assert asked[0] == [0, 1, 2]
    assert all(0 not in rows for rows in asked[1:])
    assert sum(map(len, asked)) == found.evaluations.sum()
    assert told == sorted(told)
    assert told[-1] == 3


def test_together_and_alone_give_the_same() -> None:
    start = np.random.default_rng(3).uniform(-2, 2, (7, 2))
    together = newton(rosenbrock, start)
    for r in range(7):
        one = newton(rosenbrock, start[r : r + 1])
        assert one.evaluations[0] == together.evaluations[r]
        np.testing.assert_array_equal(one.theta[0], together.theta[r])


def test_the_limit_of_evaluations_is_kept_and_told() -> None:
    start = np.array([[-1.2, 1.0], [1.0, 1.0]])
    found = newton(rosenbrock, start, max_evaluations=5)
    assert found.converged.tolist() == [False, True]
    assert found.evaluations[0] == 5
    assert np.isfinite(found.value).all()
    assert found.value[0] < rosenbrock(start, np.arange(2)).value[0]
    rows = np.zeros(1, dtype=np.intp)
    one = newton_one(
        lambda t: rosenbrock(t, rows),
        lambda t: float(rosenbrock(t[None], rows).value[0]),
        start[0],
        max_evaluations=5,
    )
    assert not one.converged
    assert one.evaluations == 5


def test_a_function_that_is_not_a_number_ends_its_problem_only() -> None:
    def evaluate(x: FloatArray, rows: IntArray) -> Answer:
        got = rosenbrock(x, rows)
        value = np.where(rows == 1, np.nan, got.value)
        return Answer(value, got.gradient, got.hessian)

    found = newton(evaluate, np.array([[-1.2, 1.0], [0.5, 0.5]]))
    assert found.converged.tolist() == [True, False]
    close(found.theta[0], [1.0, 1.0], 1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 4))
def test_the_step_goes_downhill_and_no_further_than_allowed(seed: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    H = rng.normal(size=(5, m, m))
    H = H + H.swapaxes(-1, -2)
    g = rng.normal(size=(5, m))
    longest = rng.uniform(0.1, 10, 5)
    step, decrease = newton_step(g, H, longest)
    assert ((g * step).sum(axis=-1) < 0).all()
    assert (np.abs(step).max(axis=-1) <= longest * (1 + 1e-12)).all()
    assert (decrease > 0).all()
