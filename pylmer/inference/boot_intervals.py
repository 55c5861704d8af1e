"""Bootstrap intervals as R's package boot gives them (Davison & Hinkley 1997, chapter 5)."""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from pylmer.errors import ModelError, RWarning
from pylmer.rcompat.format import format_numbers
from pylmer.rcompat.options import options

FloatArray = NDArray[np.float64]

__all__ = ["BootType", "boot_interval", "level_columns", "order_statistic"]

BootType = Literal["perc", "basic", "norm"]


def level_columns(level: float) -> list[str]:
    """Column names of an interval: ``2.5 %``, ``97.5 %``."""
    if not 0 < level < 1:
        raise ModelError(f"level={level!r}: give a number between 0 and 1")
    tail = (1 - level) / 2
    with options(scipen=100):
        return [f"{text.strip()} %" for text in format_numbers([100 * tail, 100 * (1 - tail)], digits=3)]


def order_statistic(sorted_t: FloatArray, alpha: float) -> tuple[float, bool]:
    """Quantile of the replicates at rank (R + 1) alpha, interpolated on the normal quantile scale.

    Returns
    -------
    tuple
        The value, and whether an extreme order statistic had to be taken for it.
    """
    R = len(sorted_t)
    rank = (R + 1) * alpha
    k = int(np.floor(rank + 1e-10))
    if k == 0 or k >= R:
        return float(sorted_t[0] if k == 0 else sorted_t[-1]), True
    lower = float(sorted_t[k - 1])
    if abs(rank - k) < 1e-10:
        return lower, False
    at, z0, z1 = ndtri([alpha, k / (R + 1), (k + 1) / (R + 1)])
    return lower + float((at - z0) / (z1 - z0)) * (float(sorted_t[k]) - lower), False


def boot_interval(t: FloatArray, t0: float, level: float = 0.95, type: BootType = "perc") -> tuple[float, float]:
    """Interval for one parameter from its replicates.

    Parameters
    ----------
    t
        ``(nsim,)`` replicates; NaN are left out.
    t0
        The estimate.
    level
        Coverage.
    type
        ``"perc"``: order statistics; ``"basic"``: these reflected at the estimate; ``"norm"``: normal, corrected for
        bias.
    """
    t = np.sort(t[np.isfinite(t)])
    if len(t) < 2:
        return float("nan"), float("nan")
    if type == "norm":
        half = float(ndtri((1 + level) / 2) * t.std(ddof=1))
        centre = 2 * t0 - float(t.mean())
        return centre - half, centre + half
    if type not in ("perc", "basic"):
        raise ModelError(f"boot_type={type!r}: choose 'perc', 'basic' or 'norm'")
    (lo, low_end), (hi, high_end) = (order_statistic(t, a) for a in ((1 - level) / 2, (1 + level) / 2))
    if low_end or high_end:
        warnings.warn("extreme order statistics used as endpoints", RWarning, stacklevel=4)
    return (lo, hi) if type == "perc" else (2 * t0 - hi, 2 * t0 - lo)
