"""Products and inverses of many small matrices at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

FloatArray = NDArray[np.float64]

__all__ = ["bmm", "cholesky", "inverse_logdet", "lower_inverse"]


def bmm(a: FloatArray, b: FloatArray) -> FloatArray:
    """Matrix product over the last two axes, broadcast over the others.

    An inner dimension of 1 makes it an outer product, which elementwise multiplication does many times faster than a
    loop over one-element matrix products.
    """
    if a.shape[-1] == 1:
        return a * b
    return a @ b


def inverse_logdet(K: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Inverse and log-determinant of ``(..., k, k)`` matrices with positive determinant.

    Sizes 1 and 2 are written out; larger ones go through LAPACK.
    """
    k = K.shape[-1]
    if k == 1:
        return 1.0 / K, np.log(K[..., 0, 0])
    if k == 2:
        a, b, c, d = K[..., 0, 0], K[..., 0, 1], K[..., 1, 0], K[..., 1, 1]
        det = a * d - b * c
        inverse = np.empty_like(K)
        inverse[..., 0, 0] = d / det
        inverse[..., 0, 1] = -b / det
        inverse[..., 1, 0] = -c / det
        inverse[..., 1, 1] = a / det
        return inverse, np.log(det)
    logdet: FloatArray = np.linalg.slogdet(K)[1]
    return np.asarray(np.linalg.inv(K), dtype=np.float64), logdet


def cholesky(M: FloatArray) -> FloatArray:
    """Lower Cholesky factors of ``(R, m, m)``; NaN for a matrix that is not positive definite.

    Only the lower triangles are read.  One matrix alone goes straight to LAPACK.
    """
    if len(M) == 1:
        L, info = lapack.dpotrf(M[0], lower=1, clean=1)
        return np.asarray(L[None]) if info == 0 else np.full_like(M, np.nan)
    try:
        return np.asarray(np.linalg.cholesky(M), dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.concatenate([cholesky(one[None]) for one in M])


def lower_inverse(L: FloatArray) -> FloatArray:
    """Inverse of ``(R, m, m)`` lower triangular matrices."""
    m = L.shape[-1]
    if m == 1:
        return 1.0 / L
    if len(L) == 1:
        inverse, _ = lapack.dtrtri(L[0], lower=1)
        return np.asarray(inverse[None])
    if m == 2:
        out = np.zeros_like(L)
        out[..., 0, 0] = 1.0 / L[..., 0, 0]
        out[..., 1, 1] = 1.0 / L[..., 1, 1]
        out[..., 1, 0] = -L[..., 1, 0] * out[..., 0, 0] * out[..., 1, 1]
        return out
    return np.tril(np.linalg.inv(L))
