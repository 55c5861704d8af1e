"""More than one start, where one alone may end in the wrong place.

A variance of zero can be a minimum of the criterion though a far lower one lies at a large variance: one big group and
many of a single row do it.  And a start can lie where the criterion is not a number.  So an optimum on the boundary,
and one that was not reached, are looked at again from other starts; the lowest counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pylmer.optimize.newton import Evaluated
from pylmer.optimize.newton_one import One, newton_one

FloatArray = NDArray[np.float64]

__all__ = ["newton_from_starts"]

#: A diagonal element of L, in units of its column, below this lies on the boundary.
BOUNDARY = 1e-4
#: Changes of the criterion below this share of its size are rounding.
NOISE = 1e-12
#: Multiples of the unit start that are tried.
MULTIPLES = (1.0, 0.1, 1e-3)


class Bounded(Protocol):
    """A function of theta whose variances are bounded by 0."""

    @property
    def lower(self) -> FloatArray:
        """``(m,)``."""

    def __call__(self, theta: FloatArray) -> float:
        """Return the value at one theta."""

    def evaluate(self, theta: FloatArray) -> Evaluated:
        """Value, gradient and Hessian."""


class Free(Protocol):
    """The same function in coordinates without bounds or corners."""

    def __call__(self, par: FloatArray) -> float:
        """Return the value at one point."""

    def evaluate(self, par: FloatArray) -> Evaluated:
        """Value, gradient and Hessian."""

    def lift(self, theta: FloatArray) -> FloatArray:
        """The point of a theta."""

    def theta(self, par: FloatArray) -> FloatArray:
        """The theta of a point."""

    def by_theta(
        self, par: FloatArray, gradient: FloatArray, hessian: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Theta of a point, and the derivatives by it."""


Trace = Callable[[FloatArray, float], None]
Evaluate = Callable[[FloatArray], Evaluated]


def newton_from_starts(
    criterion: Bounded,
    start: FloatArray,
    tolerance: float,
    max_evaluations: int,
    trace: Trace | None = None,
) -> One:
    """Newton's method from ``start`` and, where that ends in doubt, from multiples of the unit start.

    Parameters
    ----------
    criterion
        The function; its ``unit_start``, if it has one, is L the identity in units of the columns, its
        ``square_root`` the same function in freer coordinates, and ``along_axis``, of one parameter alone, its values
        from near 0 to far beyond the unit start.
    start, tolerance, max_evaluations
        As of :func:`newton_one`.
    trace
        Told theta ``(m,)`` and the value at each evaluation.

    Returns
    -------
    One
        The lowest optimum, with the evaluations of all attempts.
    """
    found = _attempt(criterion, start, tolerance, max_evaluations, trace)
    unit = getattr(criterion, "unit_start", None)
    if unit is None:
        unit = np.where(criterion.lower == 0, 1.0, 0.0)
    if found.converged and not any(map(_on_bound, found.theta.tolist(), unit.tolist())):
        return found
    if found.converged and _only_rises(criterion, found.value):
        return found
    count = found.evaluations
    multiples = MULTIPLES[:1] if found.converged else MULTIPLES
    for size in multiples:
        if count >= max_evaluations:
            break
        if np.array_equal(start, size * unit):
            continue
        again = _attempt(criterion, size * unit, tolerance, max_evaluations - count, trace)
        count += again.evaluations
        if _better(again, found):
            found = again
        if found.converged:
            break
    return One(found.theta, found.value, found.gradient, found.hessian, found.expected_decrease, count, found.converged)


def _on_bound(element: float, unit: float) -> bool:
    return abs(element) < BOUNDARY * unit


def _only_rises(criterion: Bounded, value: float) -> bool:
    """Whether a criterion of one parameter, looked at all along its axis, rises from ``value`` at 0 without a dip."""
    seen: FloatArray | None = getattr(criterion, "along_axis", None)
    return seen is not None and bool(np.diff(seen, prepend=value).min() >= -NOISE * (1.0 + abs(value)))


def _attempt(criterion: Bounded, start: FloatArray, tolerance: float, max_evaluations: int, trace: Trace | None) -> One:
    """Newton's method from one start: in freer coordinates where the criterion has some."""
    free: Free | None = getattr(criterion, "square_root", None)
    if free is None:
        evaluate = _watched(criterion.evaluate, trace, lambda theta: theta)
        return newton_one(evaluate, criterion, start, tolerance, max_evaluations)
    evaluate = _watched(free.evaluate, trace, free.theta)
    found = newton_one(evaluate, free, free.lift(start), tolerance, max_evaluations, correct=False)
    theta, gradient, hessian = free.by_theta(found.theta, found.gradient, found.hessian)
    return replace(found, theta=theta, gradient=gradient, hessian=hessian)


def _watched(evaluate: Evaluate, trace: Trace | None, theta_of: Callable[[FloatArray], FloatArray]) -> Evaluate:
    if trace is None:
        return evaluate

    def watched(par: FloatArray) -> Evaluated:
        got = evaluate(par)
        trace(theta_of(par[0]), float(got.value[0]))
        return got

    return watched


def _better(one: One, other: One) -> bool:
    """Whether ``one`` is lower by more than rounding, or as low and converged where ``other`` has not."""
    if not np.isfinite(one.value):
        return False
    if not np.isfinite(other.value):
        return True
    noise = NOISE * (1.0 + abs(other.value))
    if one.value < other.value - noise:
        return True
    return one.converged and not other.converged and one.value <= other.value + noise
