"""Nelder and Mead's simplex within bounds, step for step as lme4's ``Nelder_Mead`` takes it.

What each step does was found by watching the points at which R evaluates functions: the simplex of Nelder and Mead
(1965) with points outside of the bounds moved onto them (Box 1965), and two habits of lme4's own. A reflected point is
taken if it is better than the worst point (not only if it is better than the second worst), and an expanded one too,
even where the reflected point was better.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pylmer.errors import ModelError
from pylmer.optimize.minimizers import Found, numbers_from, settings_from

FloatArray = NDArray[np.float64]
Points = Generator[FloatArray, float, None]

__all__ = ["MESSAGES", "NelderMead", "nelder_mead"]

REFLECT, EXPAND, CONTRACT, SHRINK = 1.0, 2.0, 0.5, 0.5
#: Points nearer to one another than this, relative to their size, are the same.
SAME = 1e-13
#: A bound nearer than this share of a first step is stepped away from.
NEAR = 0.1
#: lme4's first step, and the share of it that the simplex has at the end.
FIRST_STEP, FINAL_SHARE = 0.02, 5e-4

MESSAGES = {
    -2: "forced stop",
    1: "objective function went below allowed minimum",
    3: "parameter values converged to within tolerance",
    4: "failure to converge in {} evaluations",
}

KNOWN: dict[str, float] = {
    "iprint": 0.0,
    "maxfun": 10_000.0,
    "FtolAbs": 1e-5,
    "FtolRel": 1e-15,
    "XtolRel": 1e-7,
    "MinfMax": -np.finfo(np.float64).max,
    "verbose": 0.0,
    "warnOnly": 0.0,
}


class NelderMead:
    """The simplex, asked for one point at a time (lme4's reference class of that name).

    Parameters
    ----------
    lower, upper
        ``(n,)`` bounds.
    xst
        ``(n,)`` first steps.
    x0
        ``(n,)`` first point.
    xt
        ``(n,)`` the search ends once the simplex reaches no further than this from its centre.
    maxeval
        Most evaluations.
    minf
        A value below this ends the search.

    Attributes
    ----------
    xeval
        ``(n,)`` where the function is wanted next.
    xpos, value
        The best point so far, and its value.
    status
        0 while the search goes on; 3: converged; 1: below ``minf``; 4: too many evaluations.
    evaluations
        Values told so far.

    Examples
    --------
    >>> nm = NelderMead([-9.0, -9.0], [9.0, 9.0], [0.5, 0.5], [0.0, 0.0], [1e-4, 1e-4])
    >>> while nm.newf(float(((nm.xeval - [1.0, 2.0]) ** 2).sum())) == 0:
    ...     pass
    >>> nm.xpos.round(3).tolist()
    [1.0, 2.0]
    """

    def __init__(
        self,
        lower: ArrayLike,
        upper: ArrayLike,
        xst: ArrayLike,
        x0: ArrayLike,
        xt: ArrayLike,
        *,
        maxeval: int = 10_000,
        minf: float = -np.inf,
    ) -> None:
        given = (lower, upper, xst, x0, xt)
        self.lower, self.upper, self._step, start, self._xt = (np.array(x, dtype=np.float64).ravel() for x in given)
        _check(start, self.lower, self.upper, self._step, self._xt)
        self._maxeval, self._minf = maxeval, minf
        self.status, self.evaluations = 0, 0
        self.value = float("inf")
        self.xpos = start
        self._search = self._points(start)
        self.xeval: FloatArray = next(self._search)

    def newf(self, value: float) -> int:
        """Tell the value at ``xeval``, and get the status.

        Raises
        ------
        ModelError
            If the search has ended.
        """
        if self.status:
            raise ModelError(f"the search has ended with status {self.status}: make another NelderMead")
        value = float("inf") if np.isnan(value) else float(value)
        self.evaluations += 1
        if value < self.value:
            self.value, self.xpos = value, self.xeval
        if value < self._minf:
            self.status = 1
        elif self.evaluations > self._maxeval:
            self.status = 4
        else:
            try:
                self.xeval = self._search.send(value)
            except StopIteration:
                self.status = 3
        return self.status

    def _points(self, start: FloatArray) -> Points:
        """Ask for points, and end when the simplex is small enough."""
        points = [start, *(self._first(start, i) for i in range(len(start)))]
        values = []
        for x in points:
            values.append((yield x))
        while True:
            worst, best = int(np.argmax(values)), int(np.argmin(values))
            others = [x for i, x in enumerate(points) if i != worst]
            centre = np.sum(others, axis=0) / len(others)
            if (np.abs(np.array(points) - centre).max(axis=0) < self._xt).all():
                return
            high, low = values[worst], values[best]
            over = self._beyond(centre, points[worst], REFLECT)
            if over is None:
                return
            value = yield over
            if value < low:
                farther = self._beyond(centre, points[worst], EXPAND)
                if farther is None:
                    return
                there = yield farther
                points[worst], values[worst] = (farther, there) if there < high else (over, value)
            elif value < high:
                points[worst], values[worst] = over, value
            else:
                between = self._beyond(centre, points[worst], -CONTRACT if high <= value else CONTRACT)
                if between is None:
                    return
                nearer = yield between
                if nearer < min(value, high):
                    points[worst], values[worst] = between, nearer
                else:
                    for i in range(len(points)):
                        if i != best:
                            points[i] = points[best] + SHRINK * (points[i] - points[best])
                            values[i] = yield points[i]

    def _first(self, start: FloatArray, i: int) -> FloatArray:
        """The start with a step in coordinate i: onto a bound that is near, or away from one that is very near."""
        x, low, high, step = float(start[i]), float(self.lower[i]), float(self.upper[i]), abs(float(self._step[i]))
        to = x + float(self._step[i])
        if to > high:
            to = high if high - x > NEAR * step else x - step
        if to < low:
            to = low if x - low > NEAR * step else x + step
            if to > high:
                to = 0.5 * ((high if high - x > x - low else low) + x)
        point = start.copy()
        point[i] = to
        return point

    def _beyond(self, centre: FloatArray, worst: FloatArray, scale: float) -> FloatArray | None:
        """The point on the line from the worst through the centre, within the bounds; None where it is one of these."""
        x = np.clip(centre + scale * (centre - worst), self.lower, self.upper)
        same = any((np.abs(x - y) <= SAME * (np.abs(x) + np.abs(y))).all() for y in (centre, worst))
        return None if same else x


def nelder_mead(
    function: Callable[[FloatArray], float],
    start: FloatArray,
    lower: FloatArray,
    optCtrl: Mapping[str, object],
    upper: FloatArray | None = None,
) -> Found:
    """Minimize as lme4's ``Nelder_Mead``.

    ``optCtrl`` has ``maxfun`` (1e4), ``xst`` (``(n,)`` first steps, 0.02), ``xt`` (``(n,)``, 5e-4 of ``xst``: how small
    the simplex is at the end) and ``MinfMax``. ``FtolAbs``, ``FtolRel``, ``XtolRel`` are taken and, as in lme4, without
    effect; so are ``iprint``, ``verbose`` and ``warnOnly``.

    Raises
    ------
    ModelError
        An unknown setting; a start outside of the bounds.
    """
    given = dict(optCtrl)
    n = len(start)
    xst = numbers_from(given.pop("xst", [FIRST_STEP] * n), "xst", n)
    xt = numbers_from(given.pop("xt", FINAL_SHARE * xst), "xt", n)
    chosen = settings_from(given, KNOWN, "Nelder_Mead")
    most = int(chosen["maxfun"])
    above = np.full(n, np.inf) if upper is None else upper
    search = NelderMead(lower, above, xst, start, xt, maxeval=most, minf=chosen["MinfMax"])
    while search.newf(function(search.xeval.copy())) == 0:
        pass
    text = MESSAGES[search.status].format(most)
    code = 4 if search.status == 4 else 0
    return Found(search.xpos, search.value, search.evaluations, code, text, (text,) if code else ())


def _check(start: FloatArray, lower: FloatArray, upper: FloatArray, xst: FloatArray, xt: FloatArray) -> None:
    """What lme4 checks, with its sentences."""
    if any(len(x) != len(start) for x in (lower, upper, xst, xt)):
        raise ModelError(f"x0 has {len(start)} elements: give so many of lower, upper, xst and xt")
    for text, fits in (
        ("all(lower < upper)", lower < upper),
        ("all(x0 >= lower)", start >= lower),
        ("all(x0 <= upper)", start <= upper),
        ("all(xst != 0)", xst != 0),
        ("all(xt > 0)", xt > 0),
    ):
        if not fits.all():
            i = int(np.flatnonzero(~fits)[0])
            raise ModelError(
                f"{text} is not TRUE: element {i} has x0 = {start[i]:g}, lower = {lower[i]:g}, upper = {upper[i]:g}, "
                f"xst = {xst[i]:g}, xt = {xt[i]:g}"
            )
