"""Z, Lambda and L as whole matrices: nothing that a fit needs, made for those who ask for them by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray

from pylmer.errors import ModelError
from pylmer.linalg.memory import allowed_memory, memory_text

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
SparseArray: TypeAlias = sp.csc_array

__all__ = [
    "RZX_of",
    "SparseArray",
    "Z_of_term",
    "block_diagonal",
    "cholesky_of",
    "side_by_side",
    "transposed",
]

#: A factor L of more columns is refused: it is made through a dense square.
MAX_DENSE = 20_000


def Z_of_term(codes: IntArray, columns: FloatArray, J: int) -> SparseArray:
    """One term's part of Z, ``(n, J k)``, level-major."""
    n, k = columns.shape
    col = codes[:, None] * k + np.arange(k)
    Z = sp.csr_array((columns.ravel().copy(), col.ravel(), np.arange(n + 1) * k), shape=(n, J * k))
    Z.eliminate_zeros()
    return sp.csc_array(Z)


def side_by_side(parts: Sequence[SparseArray]) -> SparseArray:
    """Matrices with the same rows as one."""
    return sp.csc_array(sp.hstack(list(parts), format="csc"))


def block_diagonal(blocks: Sequence[FloatArray], repeats: Sequence[int]) -> SparseArray:
    """Each block as often as said, along the diagonal: Lambda."""
    parts = [sp.kron(sp.eye_array(J), block) for block, J in zip(blocks, repeats, strict=True)]
    return sp.csc_array(sp.block_diag(parts, format="csc"))


def transposed(M: SparseArray) -> SparseArray:
    """The transpose, in compressed columns."""
    return sp.csc_array(M.T)


def _weighted(Z: SparseArray, weights: FloatArray | None) -> SparseArray:
    return Z if weights is None else sp.csc_array(sp.diags_array(np.sqrt(weights)) @ Z)


def cholesky_of(Z: SparseArray, Lambda: SparseArray, weights: FloatArray | None) -> SparseArray:
    """Lower Cholesky factor of Lambda'Z'WZ Lambda + I, in the given order."""
    q = Z.shape[1]
    if q > MAX_DENSE:
        raise ModelError(f"L of {q} random effects is not made: more than {MAX_DENSE}")
    if 24 * q * q > allowed_memory():
        raise ModelError(
            f"L of {q} random effects is not made: on the way it takes {memory_text(24 * q * q)} of memory, and "
            f"{memory_text(allowed_memory())} may be taken"
        )
    ZL = _weighted(Z, weights) @ Lambda
    return sp.csc_array(scipy.linalg.cholesky((ZL.T @ ZL).toarray() + np.eye(q), lower=True))


def RZX_of(Z: SparseArray, Lambda: SparseArray, X: FloatArray, weights: FloatArray | None) -> FloatArray:
    """L^-1 Lambda'Z'WX, ``(q, p)``."""
    right = Lambda.T @ (Z.T @ (X if weights is None else X * weights[:, None]))
    L = cholesky_of(Z, Lambda, weights).toarray()
    return np.asarray(scipy.linalg.solve_triangular(L, right, lower=True))
