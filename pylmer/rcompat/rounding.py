"""R's rounding of numbers (not of their text): signif, round, zapsmall, and quantile of type 7."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pylmer.rcompat.options import current_options

FloatArray = NDArray[np.float64]

__all__ = ["quantile", "r_round", "signif", "zapsmall"]

_LARGEST_POWER = 308
_DOUBLE_DIGITS = 15


@lru_cache(maxsize=512)
def _ten_to(k: int) -> float:
    """10^k for k >= 0 by repeated squaring of doubles, whose last bits R's results depend on from 10^23 on."""
    power, square = 1.0, 10.0
    while k:
        if k & 1:
            power *= square
        k >>= 1
        if k:
            square *= square
    return power


def _signif_one(x: float, digits: int) -> float:
    """Scale, round half to even, scale back."""
    if x == 0.0 or not math.isfinite(x):
        return x
    digits = max(1, digits)
    if digits > 22:
        return x
    a = abs(x)
    places = digits - 1 - math.floor(math.log10(a))
    if abs(places) > _LARGEST_POWER - 2:
        return float(f"{x:.{digits - 1}e}")
    scale = _ten_to(abs(places))
    rounded = round(a * scale) / scale if places > 0 else round(a / scale) * scale
    return math.copysign(rounded, x)


def signif(x: ArrayLike, digits: int = 6) -> FloatArray:
    """Round to significant digits as R's ``signif()``.

    Parameters
    ----------
    x
        Numbers of any shape.
    digits
        How many significant digits stay; below 1 counts as 1.

    Returns
    -------
    ndarray
        Of the shape of `x`.
    """
    values = np.asarray(x, dtype=np.float64)
    return np.array([_signif_one(v, digits) for v in values.ravel().tolist()]).reshape(values.shape)


def _round_one(x: float, digits: int) -> float:
    """Round to the closer of the two neighbours with `digits` decimals, each represented as a double (R 4.0.0 on)."""
    if x == 0.0 or not math.isfinite(x):
        return x
    if digits == 0:
        return float(round(x))
    a = abs(x)
    if digits + (math.frexp(a)[1] - 0.5) * math.log10(2) > _DOUBLE_DIGITS:
        return x  # nothing beyond the 15 digits of a double is rounded
    if digits > 0:
        scale = _ten_to(digits)
        scaled = a * scale
        below, above = math.floor(scaled) / scale, math.ceil(scaled) / scale
    else:
        scale = _ten_to(-digits)
        scaled = a / scale
        below, above = math.floor(scaled) * scale, math.ceil(scaled) * scale
    to_below, to_above = a - below, above - a
    take_below = to_below < to_above or (to_below == to_above and math.floor(scaled) % 2 == 0)
    return math.copysign(below if take_below else above, x)


def r_round(x: ArrayLike, digits: float = 0) -> FloatArray:
    """Round to decimals as R's ``round()`` does since R 4.0.0.

    Parameters
    ----------
    x
        Numbers of any shape.
    digits
        Decimals; negative for tens, hundreds. A fraction is rounded half up.

    Returns
    -------
    ndarray
        Of the shape of `x`.

    Examples
    --------
    >>> r_round([0.15, 2.675], 1).tolist()
    [0.1, 2.7]
    """
    values = np.asarray(x, dtype=np.float64)
    places = math.floor(digits + 0.5)
    if places > _LARGEST_POWER + _DOUBLE_DIGITS:
        return values.copy()
    if places < -_LARGEST_POWER:
        return np.zeros_like(values)
    return np.array([_round_one(v, places) for v in values.ravel().tolist()]).reshape(values.shape)


def zapsmall(x: ArrayLike, digits: int | None = None) -> FloatArray:
    """Round so that what is small beside the largest element becomes zero, as R's ``zapsmall()``.

    Parameters
    ----------
    x
        Numbers of any shape.
    digits
        Significant digits of the largest element that stay; default the option ``digits``.

    Returns
    -------
    ndarray
        Of the shape of `x`.
    """
    values = np.asarray(x, dtype=np.float64)
    digits = current_options().digits if digits is None else digits
    known = values[~np.isnan(values)]
    if known.size == 0:
        return values.copy()
    largest = float(np.max(np.abs(known)))
    if math.isinf(largest):
        return r_round(values, 0)
    return r_round(values, max(0.0, digits - math.log10(largest)) if largest > 0 else digits)


def quantile(x: ArrayLike, probabilities: ArrayLike = (0.0, 0.25, 0.5, 0.75, 1.0)) -> FloatArray:
    """Sample quantiles of R's default type 7: linear between order statistics at 1 + (n - 1) p.

    Parameters
    ----------
    x
        ``(n,)`` numbers without NaN.
    probabilities
        ``(m,)`` in [0, 1].

    Returns
    -------
    ndarray
        ``(m,)``.
    """
    ordered = np.sort(np.asarray(x, dtype=np.float64).ravel())
    return quantile_of_ranks(len(ordered), lambda ranks: ordered[ranks], probabilities)


def quantile_of_ranks(
    n: int, ordered: Callable[[NDArray[np.intp]], FloatArray], probabilities: ArrayLike
) -> FloatArray:
    """The same, of ``n`` numbers that are known by their ranks: ``ordered`` gives those of some ranks from 0."""
    p = np.asarray(probabilities, dtype=np.float64)
    if n == 0:
        return np.full(p.shape, np.nan)
    position = 1 + (n - 1) * p
    low = np.floor(position)
    fraction = position - low
    below = ordered(low.astype(np.intp) - 1)
    above = ordered(np.ceil(position).astype(np.intp) - 1)
    between: FloatArray = np.where((fraction > 0) & (above != below), (1 - fraction) * below + fraction * above, below)
    return between
