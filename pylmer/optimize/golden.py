"""Golden-section search of one variable, asked for one point at a time (lme4's reference class ``golden``)."""

from __future__ import annotations

import math

from pylmer.errors import ModelError

__all__ = ["golden"]

RATIO = (math.sqrt(5.0) - 1.0) / 2.0


class golden:
    """Golden-section search for the minimum of a function with one valley (Kiefer 1953).

    Parameters
    ----------
    lower, upper
        Bounds.

    Attributes
    ----------
    xeval
        Where the function is wanted next.
    xpos
        The left one of the two points inside of the interval (as R's ``xpos()``).
    value
        The least value so far.
    lower, upper
        The interval that holds the minimum.

    Examples
    --------
    >>> search = golden(0.0, 3.0)
    >>> for _ in range(30):
    ...     search.newf((search.xeval - 1.0) ** 2)
    >>> round(search.xpos, 4)
    1.0
    """

    def __init__(self, lower: float, upper: float) -> None:
        if not lower < upper:
            raise ModelError(f"lower < upper is not TRUE: lower={lower!r}, upper={upper!r}")
        self.lower, self.upper = float(lower), float(upper)
        self._x = [self.upper - RATIO * (self.upper - self.lower), self.lower + RATIO * (self.upper - self.lower)]
        self._f: list[float | None] = [None, None]
        self.value = float("inf")

    @property
    def xeval(self) -> float:
        """Where the function is wanted next."""
        return self._x[0 if self._f[0] is None else 1]

    @property
    def xpos(self) -> float:
        """The left one of the two points inside of the interval."""
        return self._x[0]

    def newf(self, value: float) -> None:
        """Tell the value at ``xeval``."""
        self._f[0 if self._f[0] is None else 1] = float(value)
        self.value = min(self.value, float(value))
        left, right = self._f
        if left is None or right is None:
            return
        if left < right:  # the minimum is left of the right point
            self.upper = self._x[1]
            self._x = [self.lower + (1.0 - RATIO) * (self.upper - self.lower), self._x[0]]
            self._f = [None, left]
        else:
            self.lower = self._x[0]
            self._x = [self._x[1], self.lower + RATIO * (self.upper - self.lower)]
            self._f = [right, None]
