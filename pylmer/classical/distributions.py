"""Tail probabilities of the t and F distributions, with R's answers where a degree of freedom is missing."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

FloatArray = NDArray[np.float64]

__all__ = ["f_upper", "t_quantile", "t_two_sided"]


def t_two_sided(t: ArrayLike, df: float) -> FloatArray:
    """Probability that a t variable of ``df`` degrees of freedom is at least as far from zero; NaN without them."""
    values = np.asarray(t, dtype=np.float64)
    if not df > 0:
        return np.full(values.shape, np.nan)
    return np.asarray(2.0 * special.stdtr(df, -np.abs(values)))


def t_quantile(p: ArrayLike, df: float) -> FloatArray:
    """Quantiles of the t distribution; NaN without degrees of freedom."""
    values = np.asarray(p, dtype=np.float64)
    return np.asarray(special.stdtrit(df, values)) if df > 0 else np.full(values.shape, np.nan)


def f_upper(f: ArrayLike, df1: ArrayLike, df2: float) -> FloatArray:
    """Probability that an F variable exceeds ``f``; NaN without degrees of freedom."""
    values, above = np.broadcast_arrays(np.asarray(f, dtype=np.float64), np.asarray(df1, dtype=np.float64))
    out = np.full(values.shape, np.nan)
    good = (above > 0) & (df2 > 0) & ~np.isnan(values)
    out[good] = special.fdtrc(above[good], df2, np.maximum(values[good], 0.0))
    return out
