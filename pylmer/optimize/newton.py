"""Newton's method for many small problems at once.

Each of R problems has its own parameters; they are stepped together, and those that have converged leave.  The
criterion is a function of ``L L'`` and therefore does not notice the sign of a column of L: no bound is needed on the
way, and a variance of zero is an ordinary stationary point in theta, reached at Newton's rate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["NewtonResult", "direction_down", "newton"]

#: Sufficient decrease: this share of what the slope promises.
ARMIJO = 1e-4
#: Changes of the criterion below this share of its size are rounding.
ROUNDING = 2e-13

#: Steps that promised less than this are near enough to the optimum for the change of the gradient to be trusted.
NEAR = 0.1


class Evaluated(Protocol):
    """Value ``(R,)``, gradient ``(R, m)`` and Hessian ``(R, m, m)``."""

    @property
    def value(self) -> FloatArray:
        """The criterion."""

    @property
    def gradient(self) -> FloatArray:
        """Its gradient."""

    @property
    def hessian(self) -> FloatArray:
        """Its Hessian, exact or approximate."""

    @property
    def exact(self) -> bool:
        """Whether the Hessian is exact."""


@dataclass(frozen=True)
class NewtonResult:
    """Where each of R problems ended, and how."""

    theta: FloatArray
    value: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    expected_decrease: FloatArray
    evaluations: IntArray
    converged: NDArray[np.bool_]


def newton(
    evaluate: Callable[[FloatArray, IntArray], Evaluated],
    start: FloatArray,
    tolerance: float = 1e-12,
    max_evaluations: int = 200,
    max_step: float = 10.0,
    on_done: Callable[[int], None] | None = None,
    last_step: float = 0.0,
    correct: bool = False,
) -> NewtonResult:
    """Minimize R functions of m parameters.

    Parameters
    ----------
    evaluate
        Called with theta ``(S, m)`` and the S positions among the R problems.
    start
        ``(R, m)``.
    tolerance
        A problem has converged when a further step would lower its criterion by less than this, by the quadratic
        model (half of ``g'H^-1 g``), relative to ``1 + |criterion| / 1e4``.
    max_evaluations
        Limit for each problem.
    max_step
        Longest step, in units of ``1 + max|theta|``.
    on_done
        Told how many problems have ended, for a progress bar.
    last_step
        A step that promises less than this (relative as ``tolerance``) is taken without another evaluation, and the
        problem has converged: gradient and Hessian stay those of one step before.
    correct
        Whether approximate Hessians are corrected by the change of the gradient near the optimum.
    """
    R, m = start.shape
    theta = start.copy()
    value = np.empty(R)
    gradient = np.empty((R, m))
    hessian = np.empty((R, m, m))
    expected = np.full(R, np.inf)
    count = np.ones(R, dtype=np.intp)
    converged = np.zeros(R, dtype=bool)
    live = np.arange(R)
    first = evaluate(theta, live)
    value[:], gradient[:], hessian[:] = first.value, first.gradient, first.hessian
    step = np.zeros((R, m))
    scale = np.ones(R)
    fresh = np.ones(R, dtype=bool)
    escaping = np.zeros(R, dtype=bool)
    while len(live):
        new = live[fresh[live]]
        step[new], expected[new] = newton_step(gradient[new], hessian[new], max_step * (1 + np.abs(theta[new]).max(-1)))
        scale[new] = 1.0
        enough = max(tolerance, last_step) * (1.0 + np.abs(value[live]) / 1e4)
        done = expected[live] <= enough
        for r in live[done & ~escaping[live]]:
            downhill = direction_down(hessian[r])
            if downhill is not None:
                step[r], expected[r], escaping[r] = 0.5 * downhill, np.inf, True
        done = expected[live] <= enough
        converged[live[done]] = True
        if last_step > 0.0:
            theta[live[done]] += step[live[done]]
            value[live[done]] -= expected[live[done]]
        stuck = (count[live] >= max_evaluations) | (scale[live] < 1e-10) | ~np.isfinite(value[live])
        live = live[~(done | stuck)]
        if on_done is not None:
            on_done(R - len(live))
        if not len(live):
            break
        trial = theta[live] + scale[live, None] * step[live]
        got = evaluate(trial, live)
        count[live] += 1
        slope = (gradient[live] * step[live]).sum(axis=-1) * scale[live]
        bound = value[live] + ARMIJO * slope + ROUNDING * np.abs(value[live])
        accept = got.value <= bound
        taken = live[accept]
        theta[taken], value[taken] = trial[accept], got.value[accept]
        slopes, curvatures = got.gradient[accept], got.hessian[accept]
        if correct and not got.exact:
            near = expected[taken] < NEAR
            moved = scale[taken[near], None] * step[taken[near]]
            curvatures[near] = _secant(curvatures[near], moved, slopes[near] - gradient[taken[near]])
        gradient[taken], hessian[taken] = slopes, curvatures
        rejected = live[~accept]
        scale[rejected] *= _backtrack(value[rejected], got.value[~accept], slope[~accept])
        fresh[:] = False
        fresh[taken] = True
    return NewtonResult(theta, value, gradient, hessian, expected, count, converged)


def _secant(H: FloatArray, moved: FloatArray, change: FloatArray) -> FloatArray:
    """Correct approximate Hessians ``(S, m, m)`` so that they explain the last change of the gradient (rank one)."""
    missing = change - (H @ moved[..., None])[..., 0]
    along = (missing * moved).sum(axis=-1)
    size = np.sqrt((missing**2).sum(axis=-1) * (moved**2).sum(axis=-1))
    useful = np.abs(along) > 1e-8 * size
    share = np.where(useful, 1.0 / np.where(useful, along, 1.0), 0.0)
    corrected: FloatArray = H + share[:, None, None] * missing[:, :, None] * missing[:, None]
    return corrected


def direction_down(H: FloatArray) -> FloatArray | None:
    """Unit direction in which the Hessian ``(m, m)`` bends down, if there is one: theta then is at a saddle.

    A variance of zero is a stationary point whether the criterion is smallest there or not; only the curvature tells.
    """
    if len(H) == 1:
        return np.ones(1) if H[0, 0] < 0 else None
    _, info = lapack.dpotrf(H, lower=1, clean=0)
    if info == 0:
        return None
    values, vectors = np.linalg.eigh(H)
    return vectors[:, 0] if values[0] < -1e-7 * max(abs(values[-1]), 1e-300) else None


def newton_step(g: FloatArray, H: FloatArray, longest: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Step ``-|H|^-1 g`` and the decrease ``g'|H|^-1 g / 2`` that it promises.

    |H| has the eigenvalues' absolute values, none smaller than 1e-10 of the largest, so that the step goes downhill
    where H is not positive definite.
    """
    if g.shape[-1] == 1:
        curvature = np.maximum(np.abs(H[..., 0, 0]), 1e-300)
        raw = -g[..., 0] / curvature
        step = np.clip(raw, -longest, longest)[:, None]
        return step, 0.5 * g[..., 0] ** 2 / curvature
    diagonal = np.sqrt(np.abs(np.diagonal(H, axis1=-2, axis2=-1)))
    unit = np.maximum(diagonal, 1e-8 * diagonal.max(axis=-1, keepdims=True))
    unit[unit == 0] = 1.0
    eigenvalues, Q = np.linalg.eigh(H / (unit[..., :, None] * unit[..., None, :]))
    size = np.abs(eigenvalues)
    size = np.maximum(size, 1e-10 * np.maximum(size.max(axis=-1, keepdims=True), 1e-300))
    along = (Q.swapaxes(-1, -2) @ (g / unit)[..., None])[..., 0]
    step = -(Q @ (along / size)[..., None])[..., 0] / unit
    length = np.abs(step).max(axis=-1)
    step = step * np.minimum(1.0, longest / np.maximum(length, 1e-300))[:, None]
    return step, 0.5 * (along**2 / size).sum(axis=-1)


def _backtrack(value: FloatArray, tried: FloatArray, slope: FloatArray) -> FloatArray:
    """Minimum of the parabola through value, slope and the value tried, kept within [0.1, 0.5]."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = -slope / (2.0 * (tried - value - slope))
    return np.clip(np.where(np.isfinite(share), share, 0.1), 0.1, 0.5)
