"""More than one start, where one alone may end in the wrong place.

A variance of zero can be a minimum of the criterion though a far lower one lies at a large variance: one big group and
many of a single row do it.  And a start can lie where the criterion is not a number.  So an optimum on the boundary,
and one that was not reached, are looked at again from other starts; the lowest counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pylmer.optimize.newton import Evaluated
from pylmer.optimize.newton_one import One, newton_one

FloatArray = NDArray[np.float64]

__all__ = ["newton_from_starts"]

#: A diagonal element of L, in units of its column, below this lies on the boundary.
BOUNDARY = 1e-4
#: Multiples of the unit start that are tried.
MULTIPLES = (1.0, 0.1, 1e-3)


class Bounded(Protocol):
    """A function of theta whose variances are bounded by 0."""

    @property
    def lower(self) -> FloatArray:
        """``(m,)``."""

    def __call__(self, theta: FloatArray) -> float:
        """Return the value at one theta."""


def newton_from_starts(
    evaluate: Callable[[FloatArray], Evaluated],
    criterion: Bounded,
    start: FloatArray,
    tolerance: float,
    max_evaluations: int,
) -> One:
    """Newton's method from ``start`` and, where that ends in doubt, from multiples of the unit start.

    Parameters
    ----------
    evaluate, start, tolerance, max_evaluations
        As of :func:`newton_one`.
    criterion
        Gives the value alone; its ``unit_start``, if it has one, is L the identity in units of the columns.

    Returns
    -------
    One
        The lowest optimum, with the evaluations of all attempts.
    """
    found = newton_one(evaluate, criterion, start, tolerance, max_evaluations)
    unit = getattr(criterion, "unit_start", None)
    if unit is None:
        unit = np.where(criterion.lower == 0, 1.0, 0.0)
    if found.converged and not (np.abs(found.theta) < BOUNDARY * unit).any():
        return found
    count = found.evaluations
    multiples = MULTIPLES[:1] if found.converged else MULTIPLES
    for size in multiples:
        if count >= max_evaluations:
            break
        again = newton_one(evaluate, criterion, size * unit, tolerance, max_evaluations - count)
        count += again.evaluations
        if _better(again, found):
            found = again
        if found.converged:
            break
    return One(found.theta, found.value, found.gradient, found.hessian, found.expected_decrease, count, found.converged)


def _better(one: One, other: One) -> bool:
    """Whether ``one`` is lower by more than rounding, or as low and converged where ``other`` has not."""
    if not np.isfinite(one.value):
        return False
    if not np.isfinite(other.value):
        return True
    noise = 1e-12 * (1.0 + abs(other.value))
    if one.value < other.value - noise:
        return True
    return one.converged and not other.converged and one.value <= other.value + noise
