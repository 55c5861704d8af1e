"""Newton's method for one problem: what ``newton`` does for many, without the bookkeeping of a batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from pylmer.errors import ModelError
from pylmer.optimize.newton import ARMIJO, ROUNDING, Evaluated, direction_down, newton_step

FloatArray = NDArray[np.float64]
Point = tuple[float, FloatArray, FloatArray, bool]
"""Value, gradient ``(m,)``, Hessian ``(m, m)``, and whether that is exact."""

#: Steps that promised less than this are near enough to the optimum for the change of the gradient to be trusted.
NEAR = 0.1
#: By an exact Hessian, a step is the last when it leaves less than this share of the tolerance to be gained ...
LEFT = 1e-6
#: ... and lowers the criterion by what it promised, up to this share.
AS_PROMISED = 0.1
#: A step that promises less than this share of the criterion is not worth an evaluation.
NOTHING = 1e-20

__all__ = ["One", "newton_one"]


@dataclass(frozen=True)
class One:
    """Where the problem ended: theta ``(m,)``, gradient ``(m,)`` and Hessian ``(m, m)`` there or one step before."""

    theta: FloatArray
    value: float
    gradient: FloatArray
    hessian: FloatArray
    expected_decrease: float
    evaluations: int
    converged: bool


def newton_one(
    evaluate: Callable[[FloatArray], Evaluated],
    value_at: Callable[[FloatArray], float],
    start: FloatArray,
    tolerance: float = 1e-9,
    max_evaluations: int = 200,
    max_step: float = 10.0,
    correct: bool = True,
) -> One:
    """Minimize one function of m parameters.

    Parameters
    ----------
    evaluate
        Value, gradient and Hessian at theta ``(1, m)``.
    value_at
        The value alone at theta ``(m,)``.
    start
        ``(m,)``.
    tolerance
        When a step promises to lower the criterion by less than this (relative to ``1 + |criterion| / 1e4``), it is
        taken without asking for derivatives again, and the problem has converged: Newton's method leaves the square
        of what was missing.  By an exact Hessian the same is done as soon as the step is to leave a millionth of
        that: a thousandth is nothing in the criterion, but 1e-7 in theta, and R's printed digits show it.
    max_evaluations
        Limit.
    max_step
        Longest step, in units of ``1 + max|theta|``.
    correct
        Whether an approximate Hessian is corrected by the change of the gradient near the optimum.
    """
    theta = start.copy()
    value, gradient, hessian, exact = _at(evaluate, theta)
    count, before = 1, 0.0
    while True:
        if not math.isfinite(value + sum(gradient.tolist()) + float(np.add.reduce(hessian, axis=None))):
            return One(theta, value, gradient, hessian, np.inf, count, False)
        step, expected = _step(gradient, hessian, max_step * (1.0 + max(map(abs, theta.tolist()))))
        enough = tolerance * (1.0 + abs(value) / 1e4)
        quadratic = exact and _left_after(expected, before) <= LEFT * enough
        if expected <= enough or quadratic:
            downhill = direction_down(hessian)
            left = 0.0 if downhill is None else _leave_saddle(value_at, theta, value, downhill)
            if downhill is not None and left:
                theta, before = theta + left * downhill, 0.0
                value, gradient, hessian, exact = _at(evaluate, theta)
                count += 2
                continue
            if expected <= NOTHING * (1.0 + abs(value)):
                return One(theta, value, gradient, hessian, expected, count, True)
            last = theta + step
            at_last = value_at(last)
            count += 1
            noise = ROUNDING * abs(value)
            if expected <= enough or abs(value - at_last - expected) <= AS_PROMISED * expected + noise:
                if at_last <= value + noise:
                    theta, value = last, at_last
                return One(theta, value, gradient, hessian, expected, count, True)
        found = _search(evaluate, theta, value, step, float(gradient @ step), max_evaluations - count)
        count += found.tries
        if found.at is None:
            return One(theta, value, gradient, hessian, expected, count, False)
        moved = found.scale * step
        theta, (value, slopes, hessian, exact) = theta + moved, found.at
        if correct and expected < NEAR and not exact:
            hessian = secant(hessian, moved, slopes - gradient)
        gradient, before = slopes, expected


def _left_after(expected: float, before: float) -> float:
    """What a step that promises ``expected`` leaves, the one before it having promised ``before``.

    By an exact Hessian each promise is in proportion to the square of the one before.
    """
    return expected * (expected / before) ** 2 if before > 0.0 else expected


def secant(hessian: FloatArray, moved: FloatArray, change: FloatArray) -> FloatArray:
    """Correct an approximate Hessian so that it explains the last change of the gradient (symmetric rank one).

    The average information misses the Hessian by some percent; after the correction the last steps converge
    superlinearly, for no further evaluation.
    """
    missing = change - hessian @ moved
    along = float(missing @ moved)
    if abs(along) <= 1e-8 * float(np.sqrt((missing @ missing) * (moved @ moved))):
        return hessian
    corrected: FloatArray = hessian + missing[:, None] * missing / along
    return corrected


class _Search(NamedTuple):
    """A line search: the share of the step that was taken, what was found there, and after how many evaluations."""

    scale: float
    at: Point | None
    tries: int


def _search(
    evaluate: Callable[[FloatArray], Evaluated],
    theta: FloatArray,
    value: float,
    step: FloatArray,
    slope: float,
    most: int,
) -> _Search:
    """Shorten the step until the criterion falls as the slope promises."""
    scale, tries = 1.0, 0
    while tries < most and scale >= 1e-10 and math.isfinite(value):
        at = _at(evaluate, theta + scale * step)
        tries += 1
        tried = at[0]
        if tried <= value + ARMIJO * scale * slope + ROUNDING * abs(value):
            return _Search(scale, at, tries)
        share = -scale * slope / (2.0 * (tried - value - scale * slope))
        scale *= min(max(share, 0.1), 0.5) if math.isfinite(share) else 0.1
    return _Search(scale, None, tries)


def _leave_saddle(
    value_at: Callable[[FloatArray], float], theta: FloatArray, value: float, downhill: FloatArray
) -> float:
    """How far to go along a direction of negative curvature for the criterion to fall; 0 if it nowhere does."""
    length = 0.5
    while length > 1e-4:
        if value_at(theta + length * downhill) < value - 1e-10 * (1.0 + abs(value)):
            return length
        length *= 0.25
    return 0.0


def _at(evaluate: Callable[[FloatArray], Evaluated], theta: FloatArray) -> Point:
    try:
        got = evaluate(theta[None])
    except ModelError:  # a matrix that is not positive definite, to rounding: no place to be
        m = len(theta)
        return math.nan, np.full(m, math.nan), np.full((m, m), math.nan), False
    return float(got.value[0]), got.gradient[0], got.hessian[0], got.exact


def _step(g: FloatArray, H: FloatArray, longest: float) -> tuple[FloatArray, float]:
    """Newton's step by Cholesky where the Hessian is well positive definite, else as ``newton_step``."""
    if len(g) == 1:
        slope, curvature = float(g[0]), max(abs(float(H[0, 0])), 1e-300)
        return np.array([min(max(-slope / curvature, -longest), longest)]), 0.5 * slope**2 / curvature
    R, x, info = lapack.dposv(H, g)
    pivots = zip(R.diagonal().tolist(), H.diagonal().tolist(), strict=True)
    if info == 0 and all(r * r > 1e-6 * h for r, h in pivots):
        length = max(map(abs, x.tolist()))
        return x * (-1.0 if length <= longest else -longest / length), 0.5 * float(x @ g)
    steps, decreases = newton_step(g[None], H[None], np.array([longest]))
    return steps[0], float(decreases[0])
