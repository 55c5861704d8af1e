"""lme4's conversions between Cholesky factors, covariances, and standard deviations with correlations.

A vector ``v`` holds the lower triangles of one or more matrices, column by column, as theta does; ``n`` gives their
sizes (None: one matrix).  With a scale ``s`` (residual standard deviation) the last element of the scaled vector is s,
or s^2 among variances.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pylmer.errors import ModelError, RWarning

FloatArray = NDArray[np.float64]
Sizes = int | Sequence[int] | None

__all__ = [
    "Cv_to_Sv",
    "Cv_to_Vv",
    "Sv_to_Cv",
    "Vv_to_Cv",
    "cov2sdcor",
    "mlist2vec",
    "safe_chol",
    "sdcor2cov",
    "vec2mlist",
]


def Cv_to_Sv(v: ArrayLike, n: Sizes = None, s: float | None = None) -> FloatArray:
    """Relative Cholesky factors (theta) to standard deviations and correlations.

    Examples
    --------
    >>> Cv_to_Sv([2.0, 0.5, 1.5], s=2.0).round(3).tolist()
    [4.0, 0.316, 3.162, 2.0]
    """
    scale = 1.0 if s is None else s
    return _with(_each(v, n, lambda L: cov2sdcor(scale**2 * L @ L.T)), s)


def Sv_to_Cv(v: ArrayLike, n: Sizes = None, s: float | None = None) -> FloatArray:
    """Standard deviations and correlations to relative Cholesky factors (theta); with s, the last element is s."""
    scale = 1.0 if s is None else s
    return _each(_without(v, s), n, lambda L: safe_chol(sdcor2cov(_symmetric(L))).T / scale)


def Cv_to_Vv(v: ArrayLike, n: Sizes = None, s: float | None = None) -> FloatArray:
    """Relative Cholesky factors (theta) to variances and covariances.

    Examples
    --------
    >>> Cv_to_Vv([2.0, 0.5, 1.5]).tolist()
    [4.0, 1.0, 2.5]
    """
    scale = 1.0 if s is None else s
    return _with(_each(v, n, lambda L: scale**2 * L @ L.T), None if s is None else s**2)


def Vv_to_Cv(v: ArrayLike, n: Sizes = None, s: float | None = None) -> FloatArray:
    """Variances and covariances to relative Cholesky factors (theta); with s, the last element is s^2."""
    scale = 1.0 if s is None else s
    return _each(_without(v, s), n, lambda L: safe_chol(_symmetric(L)).T / scale)


def cov2sdcor(V: ArrayLike) -> FloatArray:
    """Covariance matrix to standard deviations on the diagonal and correlations beside it; 0 where undefined.

    Examples
    --------
    >>> cov2sdcor([[4.0, 1.0], [1.0, 1.0]]).tolist()
    [[2.0, 0.5], [0.5, 1.0]]
    """
    V = _square(V)
    sd = np.sqrt(np.diag(V))
    with np.errstate(invalid="ignore", divide="ignore"):
        out: FloatArray = V / np.outer(sd, sd)
    if np.isnan(out[~np.eye(len(out), dtype=bool)]).any():
        warnings.warn("NA values in sdcor matrix converted to 0", RWarning, stacklevel=2)
    out[~np.isfinite(out)] = 0.0
    np.fill_diagonal(out, sd)
    return out


def sdcor2cov(m: ArrayLike) -> FloatArray:
    """Inverse of :func:`cov2sdcor`."""
    m = _square(m)
    sd = np.diag(m).copy()
    correlation = m.copy()
    np.fill_diagonal(correlation, 1.0)
    covariance: FloatArray = correlation * np.outer(sd, sd)
    return covariance


def mlist2vec(L: ArrayLike | Sequence[ArrayLike] | Mapping[str, ArrayLike]) -> FloatArray:
    """Lower triangles of matrices (a list, a mapping, or one), column by column, as one vector.

    Examples
    --------
    >>> mlist2vec([[[4.0, 1.0], [1.0, 2.5]], [[9.0]]]).tolist()
    [4.0, 1.0, 2.5, 9.0]
    """
    if isinstance(L, Mapping):
        matrices = list(L.values())
    else:
        matrices = [L] if isinstance(L, np.ndarray) and L.ndim == 2 else list(L)  # type: ignore[arg-type]
    parts = [_square(m) for m in matrices]
    return np.concatenate([m.T[np.triu_indices(len(m))] for m in parts]) if parts else np.empty(0)


def vec2mlist(v: ArrayLike, n: Sizes = None, symm: bool = True) -> list[FloatArray]:
    """Inverse of :func:`mlist2vec`: symmetric matrices, or lower triangular ones.

    Raises
    ------
    ModelError
        If the numbers do not fill matrices of these sizes.
    """
    v = np.asarray(v, dtype=np.float64).ravel()
    sizes = _sizes(v, n)
    ends = np.cumsum([k * (k + 1) // 2 for k in sizes])
    if not len(ends) or ends[-1] != len(v):
        raise ModelError(f"{len(v)} numbers do not fill lower triangles of sizes {sizes}")
    out = []
    for k, part in zip(sizes, np.split(v, ends[:-1]), strict=True):
        m = np.zeros((k, k))
        columns, rows = np.triu_indices(k)
        m[rows, columns] = part
        out.append(_symmetric(m) if symm else m)
    return out


def safe_chol(m: ArrayLike) -> FloatArray:
    """Upper triangular R with R'R = m, also of a matrix that is only positive semidefinite.

    Raises
    ------
    ModelError
        If the matrix has a negative direction.

    Examples
    --------
    >>> safe_chol([[4.0, 1.0], [1.0, 0.25]]).tolist()
    [[2.0, 0.5], [0.0, 0.0]]
    """
    m = _square(m)
    k = len(m)
    R = np.zeros((k, k))
    tolerance = 1e-10 * max(1e-300, float(np.abs(np.diag(m)).max(initial=0.0)))
    for j in range(k):
        row = m[j] - R[:j, j] @ R[:j]
        if row[j] > tolerance:
            R[j, j:] = row[j:] / math.sqrt(row[j])
        elif row[j] < -tolerance or (np.abs(row[j:]) > math.sqrt(tolerance)).any():
            raise ModelError(f"the leading minor of order {j + 1} is not positive: this is no covariance matrix")
    return R


def _each(v: ArrayLike, n: Sizes, change: Callable[[FloatArray], FloatArray]) -> FloatArray:
    return mlist2vec([change(L) for L in vec2mlist(v, n, symm=False)])


def _with(v: FloatArray, last: float | None) -> FloatArray:
    return v if last is None else np.append(v, last)


def _without(v: ArrayLike, s: float | None) -> FloatArray:
    v = np.asarray(v, dtype=np.float64).ravel()
    return v if s is None else v[:-1]


def _sizes(v: FloatArray, n: Sizes) -> list[int]:
    if n is None:
        return [round((math.sqrt(8 * len(v) + 1) - 1) / 2)]
    return [int(n)] if isinstance(n, int | np.integer) else [int(k) for k in n]


def _symmetric(L: FloatArray) -> FloatArray:
    symmetric: FloatArray = L + np.tril(L, -1).T
    return symmetric


def _square(m: ArrayLike) -> FloatArray:
    m = np.array(m, dtype=np.float64)
    if m.ndim != 2 or m.shape[0] != m.shape[1]:
        raise ModelError(f"a square matrix is needed, not one of shape {m.shape}")
    return m
