"""The rows that are summed: the columns of Z by grouping factor, of X, and the response without what X explains."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from pylmer.criterion.usable import refuse_unusable_numbers
from pylmer.formula.design import Design, ReTerm
from pylmer.linalg.cross_products import Factor

FloatArray = NDArray[np.float64]

__all__ = ["centred", "raw_factors"]


def raw_factors(design: Design, sqrt_weights: FloatArray | None) -> tuple[list[Factor], tuple[tuple[int, slice], ...]]:
    """Put the terms of each grouping factor side by side."""
    order: dict[str, int] = {}
    place: list[tuple[int, slice]] = []
    terms: list[list[ReTerm]] = []
    width: list[int] = []
    for t in design.re.terms:
        f = order.setdefault(t.group, len(order))
        if f == len(terms):
            terms.append([])
            width.append(0)
        place.append((f, slice(width[f], width[f] + t.k)))
        width[f] += t.k
        terms[f].append(t)
    factors = []
    for own in terms:
        Z = own[0].columns if len(own) == 1 else np.concatenate([t.columns for t in own], axis=1)
        if sqrt_weights is not None:
            Z = Z * sqrt_weights[:, None]
        factors.append(Factor(own[0].codes, Z, own[0].J))
    return factors, tuple(place)


def centred(design: Design, sqrt_weights: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Rows ``(p + 1, n)`` of X and y - X beta0, and beta0 by ordinary least squares.

    The criterion is the same for y and for y - X beta0, but sums of squares of residuals keep their digits.
    """
    y = design.y if design.offset is None else design.y - design.offset
    Xy = np.empty((design.p + 1, design.n))
    Xy[:-1] = design.X.T
    Xy[-1] = y
    if sqrt_weights is not None:
        Xy *= sqrt_weights
    X, y = Xy[:-1], Xy[-1]
    gram, right = X.dot(X.T), X.dot(y)
    if not math.isfinite(sum(gram.diagonal().tolist()) + float(y.dot(y))):
        refuse_unusable_numbers(design)
    beta0 = np.zeros(design.p)
    if design.p:
        _, beta0, info = lapack.dposv(gram, right)
        if info != 0:
            beta0 = np.linalg.lstsq(gram, right, rcond=None)[0]
        y -= beta0.dot(X)
    return Xy, beta0
