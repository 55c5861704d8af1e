"""What it means to hold one standard deviation, correlation, sigma or fixed effect at a value.

The relative covariance of a level is G = L L', whatever the order of its coefficients.  With theta the entries of L,

    sd_a = sigma |L_a|                  so that sigma = c / |L_a|, and theta stays free;
    cor_ab = L_a . L_b / |L_a| |L_b|    with a and b put first L_b = s (c, sqrt(1 - c^2)), one less; L_aa and s must not
                                        be negative and are squares of what is free;
    cov_ab = sigma^2 L_a . L_b          with a and b put first L_ba = c / (sigma^2 L_aa); sigma is free in its place;
    beta_j = c                          the response is y - c X_j, and X loses X_j.

At sd_a = 0 row and column a of L are zero.  A variance is held as its standard deviation is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pylmer.covariance import AnyMap, FactorMap, TermCovariance, triangle
from pylmer.criterion.criterion import Criterion
from pylmer.errors import ModelError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["Focus", "foci", "linear_map", "reorder"]

Kind = Literal["sd", "cor", "cov", "sigma", "beta"]


@dataclass(frozen=True)
class Focus:
    """One parameter that can be held.

    Parameters
    ----------
    kind
        What it is.
    place
        Its place among all parameters: theta's, sigma, beta's.
    lower, upper
        Bounds.
    start, order
        First element of theta of its term, and the order of the term's coefficients in which it is held.
    row
        ``(m,)`` for a standard deviation: which elements of theta are in its row of L.
    cut
        ``(m,)`` for a standard deviation: which are in its row or column.
    pair
        For a correlation or a covariance: places of L_aa, L_ba and L_bb in theta.
    """

    kind: Kind
    place: int
    lower: float
    upper: float
    start: int = 0
    order: tuple[int, ...] = ()
    row: NDArray[np.bool_] | None = None
    cut: NDArray[np.bool_] | None = None
    pair: tuple[int, int, int] | None = None

    @property
    def group(self) -> tuple[int, tuple[int, ...]]:
        """Parameters with the same group share one order of the coefficients."""
        return (self.start, self.order) if self.order != tuple(sorted(self.order)) else (0, ())


def foci(criterion: Criterion, covariances: bool = False) -> list[Focus]:
    """All parameters in lme4's order; with covariances in place of correlations, if so asked.

    Raises
    ------
    ModelError
        A term with a structured covariance.
    """
    if any(t.structure != "us" for t in criterion.terms):
        raise ModelError("a profile of a model with a structured covariance is not there: use method='boot'")
    out: list[Focus] = []
    m = len(criterion.lower)
    for t in criterion.terms:
        out += _of_term(t, len(out), m)
    if covariances:
        out = [replace(f, kind="cov", lower=-np.inf, upper=np.inf) if f.kind == "cor" else f for f in out]
    out.append(Focus("sigma", m, 0.0, np.inf))
    return [*out, *(Focus("beta", m + 1 + j, -np.inf, np.inf) for j in range(criterion.p))]


def _of_term(t: TermCovariance, start: int, m: int) -> list[Focus]:
    rows, cols = triangle(t.k)
    natural = tuple(range(t.k))
    out = []
    for i, (b, a) in enumerate(zip(rows.tolist(), cols.tolist(), strict=True)):
        if a == b:
            row, cut = np.zeros(m, dtype=bool), np.zeros(m, dtype=bool)
            row[start : start + t.m] = rows == a
            cut[start : start + t.m] = (rows == a) | (cols == a)
            out.append(Focus("sd", start + i, 0.0, np.inf, start, natural, row=row, cut=cut))
        else:
            order = (a, b, *(c for c in natural if c not in (a, b)))
            out.append(Focus("cor", start + i, -1.0, 1.0, start, order, pair=(start, start + 1, start + t.k)))
    return out


def reorder(focus: Focus, maps: Sequence[AnyMap]) -> tuple[AnyMap, ...]:
    """The maps with the term's rows of L in the order of the focus."""
    if not focus.group[1]:
        return tuple(maps)
    return tuple(_permuted(f, focus) if isinstance(f, FactorMap) else f for f in maps)


def _permuted(f: FactorMap, focus: Focus) -> FactorMap:
    k = len(focus.order)
    here = (f.index >= focus.start) & (f.index < focus.start + k * (k + 1) // 2)
    if not here.any():
        return f
    rows = f.rows.copy()
    first = rows[here].min()
    rows[here] = np.asarray(focus.order)[rows[here] - first] + first
    return replace(f, rows=rows)


def turned(theta: FloatArray, start: int, order: Sequence[int]) -> FloatArray:
    """theta ``(m,)`` of one term for another order of its coefficients."""
    k = len(order)
    rows, cols = triangle(k)
    L = np.zeros((k, k))
    here = slice(start, start + len(rows))
    L[rows, cols] = theta[here]
    _, triangular = np.linalg.qr(L[list(order)].T)
    factor = triangular.T
    factor = factor * np.where(np.diagonal(factor) < 0, -1.0, 1.0)
    out = theta.copy()
    out[here] = factor[rows, cols]
    return out


def linear_map(focus: Focus, value: float, m: int) -> FloatArray:
    """``(m, m)``: the elements of L from those that are free; columns of zeros belong to what is not free."""
    A = np.eye(m)
    if focus.kind == "sd" and value == 0 and focus.cut is not None:
        A[focus.cut] = 0.0
    if focus.pair is not None:
        _, below, own = focus.pair
        A[below, below] = 0.0
    if focus.pair is not None and focus.kind == "cor":
        A[below, own] = value
        A[own, own] = max(1.0 - value * value, 0.0) ** 0.5
    return A


def free_start(focus: Focus, theta: FloatArray, value: float, sigma: float) -> FloatArray:
    """Free elements ``(m,)`` to begin with, near a model with this theta (natural order) and sigma."""
    phi = turned(theta, focus.start, focus.order) if focus.group[1] else theta.copy()
    if focus.row is not None and value > 0:
        length = float(np.sqrt((phi[focus.row] ** 2).sum()))
        if length > 0:
            phi[focus.row] *= value / (sigma * length)
        else:
            phi[focus.row] = 0.0
            phi[np.flatnonzero(focus.row)[-1]] = value / sigma
    if focus.pair is not None and focus.kind == "cov":
        anchor, below, own = focus.pair
        least = 1e-3 * max(1.0, abs(value) ** 0.5 / sigma)
        phi[anchor] = max(abs(float(phi[anchor])), least) ** 0.5
        phi[below] = 2.0 * np.log(sigma)
    elif focus.pair is not None:
        anchor, below, own = focus.pair
        phi[own] = max(float(np.hypot(phi[below], phi[own])), 1e-3) ** 0.5
        phi[anchor] = max(abs(float(phi[anchor])), 1e-3) ** 0.5
        phi[below] = 0.0
    return phi


def natural_theta(focus: Focus, theta: FloatArray) -> FloatArray:
    """theta ``(m,)`` in the term's own order of coefficients."""
    if not focus.group[1]:
        return theta
    back = np.argsort(np.asarray(focus.order)).tolist()
    return turned(theta, focus.start, back)
