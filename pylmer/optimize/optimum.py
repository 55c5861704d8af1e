"""From a criterion to its optimum: the third of lme4's four steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pylmer.errors import ModelError
from pylmer.optimize.convergence import Rules, derivatives, judge_derivatives, needs_a_look
from pylmer.optimize.newton import Evaluated, NewtonResult, newton
from pylmer.optimize.newton_one import One
from pylmer.optimize.starts import BOUNDARY, newton_from_starts

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["Objective", "OptResult", "optimizeLmer", "optimize_many", "singular"]

#: A second optimum is lower than the first when it is by this share of its size.
NOISE = 1e-12
#: A step that promises less than so many tolerances leaves less than one.
LAST = 1e3


class Objective(Protocol):
    """What the optimizer needs to know of a criterion."""

    @property
    def start(self) -> FloatArray:
        """Where to begin, ``(m,)``."""

    @property
    def lower(self) -> FloatArray:
        """Lower bounds, ``(m,)``: 0 for the diagonal of L, else -inf."""

    def canonical(self, par: FloatArray) -> FloatArray:
        """The same point ``(R, m)`` with what is bounded by 0 not negative."""

    def evaluate(self, theta: FloatArray, rows: IntArray | None = None) -> Evaluated:
        """Value, gradient and Hessian."""

    def __call__(self, theta: FloatArray) -> float:
        """Return the value at one theta."""


@dataclass(frozen=True)
class OptResult:
    """An optimum, and how it was reached (lme4's ``optinfo``)."""

    theta: FloatArray  # (m,)
    value: float
    gradient: FloatArray  # (m,) where derivatives were last asked for: at theta, or one converged step before
    hessian: FloatArray  # (m, m) average information and curvature, likewise
    evaluations: int
    convergence: int  # 0: converged
    optimizer: str = "newton"
    expected_decrease: float = 0.0
    message: str = ""
    warnings: tuple[str, ...] = ()  # what the checks afterwards found
    own_warnings: tuple[str, ...] = ()  # what the optimizer itself warns of


def optimizeLmer(
    criterion: Objective,
    start: Sequence[float] | FloatArray | None = None,
    *,
    tolerance: float = 1e-9,
    max_evaluations: int = 200,
    boundary_tol: float = 1e-5,
    trace: Callable[[FloatArray, float], None] | None = None,
    optimizer: str = "newton",
    optCtrl: Mapping[str, object] | None = None,
    restart_edge: bool = True,
    rules: Rules | None = Rules(),  # noqa: B008
) -> OptResult:
    """Minimize the criterion by Newton's method with exact gradient and average information, or by another optimizer.

    Parameters
    ----------
    criterion
        The output of ``mkLmerDevfun``.
    start
        ``(m,)`` values of theta to begin with; default: the criterion's own.
    tolerance
        Once a step promises less decrease of the criterion than this, it is the last; what is left then is of the order
        of the square.
    max_evaluations
        Limit; beyond it the result says that it has not converged.
    boundary_tol
        A diagonal element of L below this is set to 0 where the criterion is not worse for it.
    trace
        Told theta ``(m,)`` and the criterion at each evaluation.
    optimizer
        ``"newton"``, or one of lme4's, which then needs no derivatives (``lmerControl`` lists them).
    optCtrl
        Settings of such an optimizer.
    restart_edge
        Whether such an optimizer starts once more from a boundary whose slope points inside.
    rules
        How gradient and Hessian at the optimum are judged, as lme4's ``checkConv`` does; None does not. After Newton's
        method the exact Hessian is computed only where the one at hand comes near a limit.

    Raises
    ------
    ModelError
        A start of the wrong length, or one that is not finite.
    """
    theta0 = criterion.start if start is None else np.asarray(start, dtype=np.float64)
    m = len(criterion.lower)
    if theta0.shape != (m,) or not np.isfinite(theta0).all():
        raise ModelError(
            f"incorrect number of theta components (!={m}): start = {theta0.tolist()!r}; give {m} finite numbers"
        )

    if optimizer != "newton":
        from pylmer.optimize.as_lme4 import optimize_as_lme4  # needs this module; not needed by most fits

        return optimize_as_lme4(
            criterion,
            theta0,
            optimizer,
            optCtrl,
            boundary_tol=boundary_tol,
            restart_edge=restart_edge,
            rules=rules,
            trace=trace,
        )

    found = newton_from_starts(criterion, theta0, tolerance, max_evaluations, trace)
    theta, gradient, hessian = found.theta, found.gradient, found.hessian
    if any(t < 0.0 for t, low in zip(theta.tolist(), criterion.lower.tolist(), strict=True) if low == 0.0):
        theta = criterion.canonical(theta[None])[0]
        signs = np.where(theta == found.theta, 1.0, -1.0)
        gradient, hessian = gradient * signs, hessian * np.outer(signs, signs)
    theta, value = _snap_to_boundary(criterion, theta, found.value, boundary_tol)
    message = "" if found.converged else f"stopped after {found.evaluations} evaluations without converging"
    return OptResult(
        theta,
        value,
        gradient,
        hessian,
        found.evaluations,
        0 if found.converged else 1,
        expected_decrease=found.expected_decrease,
        message=message,
        warnings=_doubts(criterion, theta, hessian, rules) if found.converged else (_not_converged(found),),
    )


def _doubts(criterion: Objective, theta: FloatArray, hessian: FloatArray, rules: Rules | None) -> tuple[str, ...]:
    """What lme4 would say of an optimum that Newton's method found."""
    if rules is None or not needs_a_look(hessian, rules) or singular(theta, criterion.lower):
        return ()
    return judge_derivatives(*derivatives(criterion, theta), rules)


def _not_converged(found: One) -> str:
    return (
        f"Model failed to converge: after {found.evaluations} evaluations the largest gradient is "
        f"{np.abs(found.gradient).max():.3g} and a further step promises a decrease of {found.expected_decrease:.3g}"
    )


def _snap_to_boundary(criterion: Objective, theta: FloatArray, value: float, tol: float) -> tuple[FloatArray, float]:
    """Set diagonal elements within ``tol`` of 0 to 0, unless the criterion is worse for it."""
    near = [low == 0.0 and 0.0 < t < tol for t, low in zip(theta.tolist(), criterion.lower.tolist(), strict=True)]
    if not any(near):
        return theta, value
    snapped = np.where(near, 0.0, theta)
    at_bound = criterion(snapped)
    return (snapped, at_bound) if at_bound <= value + 1e-10 * (1 + abs(value)) else (theta, value)


def optimize_many(
    criterion: Objective,
    R: int,
    start: FloatArray,
    chunk: int,
    *,
    tolerance: float = 1e-12,
    max_evaluations: int = 200,
    boundary_tol: float = 1e-5,
    other_start: FloatArray | None = None,
    progress: Callable[[int], None] | None = None,
) -> NewtonResult:
    """Minimize the criteria of R responses, in batches of ``chunk`` that fit in memory.

    All begin at the same theta ``start`` ``(m,)``; those that end on the boundary, or nowhere, begin once more at
    ``other_start``, and the lower counts.  ``progress`` is told how many have ended so far.

    What is found for a response has the same digits whatever the others are: one that is left alone is evaluated as
    two, for a single one goes other ways.
    """
    found = _from_start(criterion, np.arange(R), start, chunk, tolerance, max_evaluations, progress)
    doubtful = np.flatnonzero(_on_the_boundary(criterion, found.theta, other_start) | ~found.converged)
    if other_start is not None and len(doubtful):
        again = _from_start(criterion, doubtful, other_start, chunk, tolerance, max_evaluations, None)
        found.evaluations[doubtful] += again.evaluations
        lower = again.converged & ~(again.value >= found.value[doubtful] - NOISE * (1.0 + np.abs(again.value)))
        for name in ("theta", "value", "gradient", "hessian", "expected_decrease", "converged"):
            getattr(found, name)[doubtful[lower]] = getattr(again, name)[lower]
    theta = criterion.canonical(found.theta)
    theta[(criterion.lower == 0) & (theta < boundary_tol)] = 0.0
    return replace(found, theta=theta)


def _on_the_boundary(criterion: Objective, theta: FloatArray, unit: FloatArray | None) -> NDArray[np.bool_]:
    """Which of theta ``(R, m)`` have a diagonal element of L that is nearly 0, in units of its column."""
    size = 1.0 if unit is None else unit
    near: NDArray[np.bool_] = ((np.abs(theta) < BOUNDARY * size) & (criterion.lower == 0)).any(axis=1)
    return near


def _from_start(
    criterion: Objective,
    problems: IntArray,
    start: FloatArray,
    chunk: int,
    tolerance: float,
    max_evaluations: int,
    progress: Callable[[int], None] | None,
) -> NewtonResult:
    """Newton's method for some of the responses, all from one theta."""
    parts = []
    for first in range(0, len(problems), chunk):
        block = problems[first : first + chunk]

        def done(ended: int, before: int = first) -> None:
            if progress is not None:
                progress(before + ended)

        def evaluate(theta: FloatArray, rows: IntArray, block: IntArray = block) -> Evaluated:
            if len(rows) != 1 or chunk == 1:
                return criterion.evaluate(theta, block[rows])
            return _first(criterion.evaluate(np.repeat(theta, 2, axis=0), block[np.repeat(rows, 2)]))

        begin = np.tile(start, (len(block), 1))
        parts.append(
            newton(evaluate, begin, tolerance, max_evaluations, on_done=done, last_step=LAST * tolerance, correct=True)
        )
    return NewtonResult(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(NewtonResult)))


@dataclass(frozen=True)
class _Some:
    """Some of an evaluation."""

    value: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    exact: bool


def _first(got: Evaluated) -> Evaluated:
    return _Some(got.value[:1], got.gradient[:1], got.hessian[:1], got.exact)


def singular(theta: FloatArray, lower: FloatArray, tol: float = 1e-4) -> bool:
    """Whether any diagonal element of L is below ``tol`` (lme4's ``isSingular``)."""
    return any(t < tol for t, low in zip(theta.tolist(), lower.tolist(), strict=True) if low == 0.0)
