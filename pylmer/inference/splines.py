"""Natural interpolating cubic splines, and their inverses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve_banded

from pylmer.errors import ModelError

FloatArray = NDArray[np.float64]

__all__ = ["HermiteSpline", "back_spline", "interpolating_spline"]

#: Fewer points than this are not interpolated by a cubic.
FEWEST = 4


@dataclass(frozen=True)
class HermiteSpline:
    """A piecewise cubic given by its values at increasing knots, and the slopes at both ends of each piece.

    Parameters
    ----------
    knots, values
        ``(K,)`` each.
    first, last
        ``(K - 1,)`` each: slopes where a piece begins and where it ends.
    linear_outside
        Whether the end tangents continue outside of the knots; else there is NaN.
    """

    knots: FloatArray
    values: FloatArray
    first: FloatArray
    last: FloatArray
    linear_outside: bool = False

    def __call__(self, at: ArrayLike) -> FloatArray:
        """Value at each point, in the shape of ``at``."""
        x = np.asarray(at, dtype=np.float64)
        i = np.clip(np.searchsorted(self.knots, x, side="right") - 1, 0, len(self.knots) - 2)
        width = self.knots[i + 1] - self.knots[i]
        t = (x - self.knots[i]) / width
        rise = self.values[i + 1] - self.values[i]
        first, last = self.first[i] * width, self.last[i] * width
        inside = self.values[i] + t * (first + t * (3 * rise - 2 * first - last + t * (first + last - 2 * rise)))
        left, right = x < self.knots[0], x > self.knots[-1]
        if not self.linear_outside:
            return np.where(left | right, np.nan, inside)
        below = self.values[0] + self.first[0] * (x - self.knots[0])
        above = self.values[-1] + self.last[-1] * (x - self.knots[-1])
        return np.where(left, below, np.where(right, above, inside))


def interpolating_spline(x: ArrayLike, y: ArrayLike) -> HermiteSpline:
    """Natural cubic spline through points: its second derivative is 0 at both ends (``splines::interpSpline``).

    The slopes s solve, with h the widths and d the chords' slopes,

        h_i s_(i-1) + 2 (h_(i-1) + h_i) s_i + h_(i-1) s_(i+1) = 3 (h_i d_(i-1) + h_(i-1) d_i),
        2 s_1 + s_2 = 3 d_1,  s_(K-1) + 2 s_K = 3 d_(K-1)         (de Boor 1978, chapter IV).

    Parameters
    ----------
    x, y
        ``(K,)`` each, in any order of x; K >= 4, and no x twice.

    Raises
    ------
    ModelError
        Fewer than four points, or an x that comes twice.

    Examples
    --------
    >>> interpolating_spline([0, 1, 2, 3], [0, 2, 4, 6])(1.5).item()
    3.0
    """
    order = np.argsort(np.asarray(x, dtype=np.float64), kind="stable")
    knots = np.asarray(x, dtype=np.float64)[order]
    values = np.asarray(y, dtype=np.float64)[order]
    K = len(knots)
    if K < FEWEST:
        raise ModelError(f"{K} points are too few for an interpolating spline: it takes {FEWEST}")
    h = np.diff(knots)
    if not (h > 0).all():
        raise ModelError("an interpolating spline takes points with different x")
    d = np.diff(values) / h
    bands = np.zeros((3, K))
    bands[1, 1:-1] = 2.0 * (h[:-1] + h[1:])
    bands[0, 2:] = h[:-1]
    bands[2, :-2] = h[1:]
    bands[1, [0, -1]] = 2.0
    bands[0, 1] = bands[2, -2] = 1.0
    right = np.empty(K)
    right[1:-1] = 3.0 * (h[1:] * d[:-1] + h[:-1] * d[1:])
    right[0], right[-1] = 3.0 * d[0], 3.0 * d[-1]
    slopes = np.asarray(solve_banded((1, 1), bands, right), dtype=np.float64)
    return HermiteSpline(knots, values, slopes[:-1], slopes[1:], linear_outside=True)


def back_spline(spline: HermiteSpline) -> HermiteSpline:
    """Inverse of a monotone spline, from its knots turned round (``splines::backSpline``).

    Where the spline has value y at knot x with slope s, the inverse has x at y with slope 1/s: between inner knots a
    cubic Hermite.  The first and the last piece have the slope of the inner knot and no cubic term if they are steeper
    outwards, else they are straight.  The inverse is NaN outside of the values interpolated.

    Raises
    ------
    ModelError
        Where the values at the knots neither all rise nor all fall.
    """
    rises = np.diff(spline.values)
    if not ((rises > 0).all() or (rises < 0).all()):
        raise ModelError("spline must be monotone: its values at the knots rise and fall")
    way = slice(None, None, 1 if rises[0] > 0 else -1)
    knots, values = spline.values[way], spline.knots[way]
    with np.errstate(divide="ignore"):
        slopes = 1.0 / np.append(spline.first, spline.last[-1])[way]
    chords = np.diff(values) / np.diff(knots)
    first, last = slopes[:-1].copy(), slopes[1:].copy()
    if last[0] / chords[0] > 1.0:
        last[0] = chords[0]
    first[0] = 2.0 * chords[0] - last[0]
    if first[-1] / chords[-1] > 1.0:
        first[-1] = chords[-1]
    last[-1] = 2.0 * chords[-1] - first[-1]
    return HermiteSpline(knots, values, first, last)
