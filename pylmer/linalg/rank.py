"""Rank and QR of a model matrix with R's limited column pivoting.

R's ``lm`` decides which coefficients are aliased by a Householder QR that looks at the columns in the order written: a
column whose part orthogonal to the accepted ones is shorter than ``tol`` times the column itself goes to the end, and
the others keep their order. The test is a statement about residual norms, so it can be made on the small triangular
factor of the whole matrix instead of on its n rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from pylmer.errors import DataError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["PivotedQR", "is_safely_full_rank", "pivoted_qr", "pivoted_rank"]

# A scaled Cholesky pivot above this is far from every tolerance in use, and far above the rounding of the Gram matrix.
_SAFE_PIVOT = 1e-4


def pivoted_rank(X: FloatArray, tol: float = 1e-7) -> tuple[int, IntArray]:
    """Numerical rank of ``X`` and the order of its columns, as R's ``qr(X)`` gives them.

    Parameters
    ----------
    X
        ``(n, p)`` model matrix.
    tol
        A column is dependent when its residual norm on the accepted columns is below ``tol`` times its own norm.

    Returns
    -------
    rank
        Number of independent columns.
    pivot
        ``(p,)`` column numbers: the first ``rank`` are the independent ones, in the order written.

    Raises
    ------
    DataError
        If ``X`` has a missing or infinite value.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[1.0, 2.0, 1.0], [1.0, 2.0, 2.0], [1.0, 2.0, 4.0]])
    >>> rank, pivot = pivoted_rank(X)
    >>> rank, pivot.tolist()
    (2, [0, 2, 1])
    """
    p = X.shape[1]
    if tol <= 1e-5 and len(X) >= p and is_safely_full_rank(X.T @ X):
        return p, np.arange(p)
    if not np.isfinite(X).all():
        raise DataError("NA/NaN/Inf in 'x': the model matrix has a missing or infinite value; remove those rows")
    return _limited_pivoting(_triangle(X), np.linalg.norm(X, axis=0), tol)


def is_safely_full_rank(gram: FloatArray) -> bool:
    """Whether the Gram matrix ``X'X`` (p, p) proves full column rank with a wide margin; False means "look closer"."""
    if gram.shape[0] == 0:
        return True
    factor, info = lapack.dpotrf(gram, lower=1)
    if info != 0:
        return False
    pivots, squares = factor.diagonal().tolist(), gram.diagonal().tolist()
    least = _SAFE_PIVOT**2  # scaling the columns of X would divide the pivots by the columns' norms
    return all(pivot * pivot > least * square for pivot, square in zip(pivots, squares, strict=True))


def _triangle(X: FloatArray) -> FloatArray:
    """``(min(n, p), p)`` factor R of an unpivoted QR."""
    if X.shape[0] == 0 or X.shape[1] == 0:
        return np.zeros((0, X.shape[1]))
    packed, _, _, _ = lapack.dgeqrf(X)
    return np.triu(packed[: X.shape[1]])


def _limited_pivoting(R: FloatArray, norms: FloatArray, tol: float) -> tuple[int, IntArray]:
    """Rank and pivot from a triangle with the same column norms and inner products as the matrix."""
    rows, p = R.shape
    floor = tol * np.where(norms == 0.0, 1.0, norms)
    work = R.copy()
    kept: list[int] = []
    moved: list[int] = []
    for j in range(p):
        k = len(kept)
        if k == rows:
            break
        column = work[k:, j]
        size = float(np.linalg.norm(column))
        if size < floor[j]:
            moved.append(j)
            continue
        kept.append(j)
        if column[1:].any():
            _reflect(work[k:, j:], size)
    untested = [j for j in range(p) if j not in kept and j not in moved]
    return len(kept), np.array(kept + untested + moved, dtype=np.intp)


def _reflect(block: FloatArray, size: float) -> None:
    """Zero the first column of ``block`` below its head by a Householder reflection of all columns, in place."""
    v = block[:, 0].copy()
    v[0] += np.copysign(size, v[0])
    block -= np.outer(v, (2.0 / (v @ v)) * (v @ block))


@dataclass(frozen=True)
class PivotedQR:
    """QR factorization of the independent columns of a model matrix, with R's pivoting and R's signs.

    Parameters
    ----------
    packed
        ``(n, rank)`` Householder vectors below the diagonal, triangle above (LAPACK's packing, pivoted columns).
    tau
        ``(rank,)`` LAPACK's reflector scales.
    signs
        ``(rank,)`` of 1 and -1. R reflects a column that is already zero below its head, LAPACK does not; with these
        signs the rows of R and the effects are R's.
    rank
        Number of independent columns.
    pivot
        ``(p,)`` column numbers, independent ones first.
    """

    packed: FloatArray
    tau: FloatArray
    signs: FloatArray
    rank: int
    pivot: IntArray

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.packed)

    @cached_property
    def R(self) -> FloatArray:
        """``(rank, rank)`` upper triangle for the columns ``pivot[:rank]``."""
        return np.asarray(np.triu(self.packed[: self.rank]) * self.signs[:, None])

    @cached_property
    def xtx_inverse(self) -> FloatArray:
        """``(rank, rank)`` inverse of the cross-product of the independent columns, R's ``chol2inv(qr$qr)``."""
        if self.rank == 0:
            return np.zeros((0, 0))
        upper, _ = lapack.dpotri(self.R, lower=0)
        return np.asarray(np.triu(upper) + np.triu(upper, 1).T)

    def effects(self, y: FloatArray) -> FloatArray:
        """``Q'y`` with the full ``(n, n)`` Q: what R calls effects, for ``y`` of shape (n,) or (n, m)."""
        out = self._apply(y, "T")
        out[: self.rank] = (out[: self.rank].T * self.signs).T
        return out

    def expand(self, effects: FloatArray) -> FloatArray:
        """``Q e``, the inverse of :meth:`effects`."""
        signed = np.array(effects, dtype=np.float64)
        signed[: self.rank] = (signed[: self.rank].T * self.signs).T
        return self._apply(signed, "N")

    def solve(self, effects: FloatArray) -> FloatArray:
        """Coefficients of the independent columns from the effects, shape (rank,) or (rank, m)."""
        head = effects[: self.rank]
        if self.rank == 0:
            return np.zeros_like(head)
        beta, _ = lapack.dtrtrs(self.R, head)
        return np.asarray(beta).reshape(head.shape)

    @cached_property
    def Q(self) -> FloatArray:
        """``(n, rank)`` orthonormal basis of the column space."""
        if self.rank == 0:
            return np.zeros((self.n, 0))
        q, _, _ = lapack.dorgqr(self.packed, self.tau)
        return np.asarray(q) * self.signs

    def _apply(self, y: FloatArray, trans: str) -> FloatArray:
        columns = np.array(y, dtype=np.float64, order="F").reshape(self.n, -1, order="F")
        if self.rank and columns.size:
            lwork = max(1, 64 * columns.shape[1])
            columns, _, _ = lapack.dormqr("L", trans, self.packed, self.tau, columns, lwork)
        return np.asarray(columns).reshape(np.shape(y), order="F")


def pivoted_qr(X: FloatArray, tol: float = 1e-7) -> PivotedQR:
    """QR of ``X`` (n, p) as R's ``qr(X)`` sees it: the independent columns in the order written, the others set aside.

    Raises
    ------
    DataError
        If ``X`` has a missing or infinite value.

    Examples
    --------
    >>> import numpy as np
    >>> qr = pivoted_qr(np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]))
    >>> effects = qr.effects(np.array([1.0, 3.0, 5.0]))
    >>> qr.solve(effects).round(12).tolist()
    [1.0, 2.0]
    """
    rank, pivot = pivoted_rank(X, tol)
    n = X.shape[0]
    if rank == 0:
        return PivotedQR(np.zeros((n, 0)), np.zeros(0), np.ones(0), 0, pivot)
    columns = X if rank == X.shape[1] else X[:, pivot[:rank]]
    packed, tau, _, _ = lapack.dgeqrf(columns)
    inner = np.arange(rank) < n - 1
    signs = np.where((tau == 0.0) & inner, -1.0, 1.0)
    return PivotedQR(packed, tau, signs, rank, pivot)
