"""Weighted least squares by QR with R's pivoting: the numbers beneath lm and each stratum of aov."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pylmer.errors import DataError
from pylmer.linalg.rank import PivotedQR, pivoted_qr

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["FloatArray", "IntArray", "LeastSquares", "least_squares"]


@dataclass(frozen=True)
class LeastSquares:
    """A least-squares fit of ``y`` (n,) on ``X`` (n, p).

    Parameters
    ----------
    coefficients
        ``(p,)``; NaN where a column depends on the columns before it.
    residuals, fitted
        ``(n,)`` with ``residuals + fitted = y``; the offset is part of ``fitted``.
    effects
        ``(m,)`` transposed Q times the weighted response, m the number of rows with positive weight: the first ``rank``
        belong to the coefficients, the others carry the residual sum of squares.
    qr
        QR of the weighted rows of X.
    assign
        ``(p,)`` number of the term of each column, 0 for the intercept.
    weights, offset
        ``(n,)`` or None.
    dimension
        Dimension of the space of the response; -1 is the number of effects.
    """

    coefficients: FloatArray
    residuals: FloatArray
    fitted: FloatArray
    effects: FloatArray
    qr: PivotedQR
    assign: IntArray
    weights: FloatArray | None = None
    offset: FloatArray | None = None
    dimension: int = -1

    @property
    def rank(self) -> int:
        """Number of coefficients that could be estimated."""
        return self.qr.rank

    @property
    def df_residual(self) -> int:
        """Dimension of the response less ``rank``."""
        return (self.dimension if self.dimension >= 0 else len(self.effects)) - self.rank

    @property
    def has_intercept(self) -> bool:
        """Whether a column of the model matrix is the intercept."""
        return bool((self.assign == 0).any())

    @cached_property
    def weighted_residuals(self) -> FloatArray:
        """``(n,)`` residuals times the square root of the weights."""
        return self.residuals if self.weights is None else self.residuals * np.sqrt(self.weights)

    @cached_property
    def rss(self) -> float:
        """Weighted residual sum of squares."""
        return float(self.weighted_residuals @ self.weighted_residuals)

    @property
    def estimable(self) -> IntArray:
        """``(rank,)`` columns that have a coefficient, in the order written."""
        return self.qr.pivot[: self.rank]

    @cached_property
    def effect_terms(self) -> IntArray:
        """``(rank,)`` number of the term that each of the first ``rank`` effects belongs to."""
        return self.assign[self.estimable]

    def term_sums(self, terms: IntArray) -> tuple[IntArray, FloatArray]:
        """Degrees of freedom and sequential sum of squares of each of the given terms."""
        head = self.effects[: self.rank] ** 2
        df = np.array([np.count_nonzero(self.effect_terms == t) for t in terms], dtype=np.intp)
        ss = np.array([head[self.effect_terms == t].sum() for t in terms])
        return df, ss


def least_squares(
    X: FloatArray,
    y: FloatArray,
    assign: IntArray,
    weights: FloatArray | None = None,
    offset: FloatArray | None = None,
    tol: float = 1e-7,
) -> LeastSquares:
    """Minimize the weighted sum of squares of ``y - offset - X b``.

    Parameters
    ----------
    X
        ``(n, p)`` model matrix; it need not have full rank.
    y
        ``(n,)`` response.
    assign
        ``(p,)`` number of the term of each column, 0 for the intercept.
    weights
        ``(n,)`` not negative; rows of weight 0 are predicted but do not count.
    offset
        ``(n,)`` part of the mean that is known.
    tol
        Tolerance of the rank decision, as in :func:`pylmer.linalg.rank.pivoted_rank`.

    Raises
    ------
    DataError
        For missing or infinite values, negative weights, or no rows.
    """
    _check(X, y, weights, offset)
    known = y if offset is None else y - offset
    kept, root = _root_weights(weights)
    qr = pivoted_qr(X if root is None else X[kept] * root[:, None], tol)
    effects = qr.effects(known if root is None else known[kept] * root)
    coefficients = np.full(X.shape[1], np.nan)
    estimable = qr.pivot[: qr.rank]
    coefficients[estimable] = qr.solve(effects)
    if root is None:
        tail = effects.copy()
        tail[: qr.rank] = 0.0
        residuals = qr.expand(tail)
    else:
        residuals = known - X[:, estimable] @ coefficients[estimable]
    return LeastSquares(coefficients, residuals, y - residuals, effects, qr, assign, weights, offset)


def _check(X: FloatArray, y: FloatArray, weights: FloatArray | None, offset: FloatArray | None) -> None:
    if len(y) == 0:
        raise DataError("0 (non-NA) cases: no row is left after 'subset' and the removal of missing values")
    if not np.isfinite(y).all():
        raise DataError("NA/NaN/Inf in 'y': the response has a missing or infinite value; remove those rows")
    if offset is not None and not np.isfinite(offset).all():
        raise DataError("NA/NaN/Inf in 'y': the offset has a missing or infinite value; remove those rows")
    if weights is not None and not (np.isfinite(weights).all() and weights.min() >= 0.0):
        raise DataError(f"missing or negative weights not allowed: the smallest is {np.min(weights)}")
    if X.shape[0] != len(y):
        raise DataError(f"incompatible dimensions: the model matrix has {X.shape[0]} rows, the response {len(y)}")


def _root_weights(weights: FloatArray | None) -> tuple[NDArray[np.bool_] | slice, FloatArray | None]:
    """Rows of positive weight, and the square roots of their weights (None where there are no weights)."""
    if weights is None:
        return slice(None), None
    kept = weights > 0.0
    return kept, np.sqrt(weights[kept])
