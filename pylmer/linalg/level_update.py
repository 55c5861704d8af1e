"""A21 H A12 where it is needed: linear in the blocks of H, by sparse matrices made once.

For an entry of the link, level j of the leading factor with level r, and another, j with c, block (r, c) of A21 H A12
gets A_jr'H_j A_jc: the coefficients of each element of vech(H_j) are products of cells of the links.  There is one
sparse matrix for each element of vech(H), with a column for each level; they share their pattern.  Transposed, they
give the blocks of A12 H2 A21.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["Update", "UpdateMaker"]


class UpdateMaker:
    """The blocks of one pair of trailing factors, gathered from pairs of entries.

    Parameters
    ----------
    size
        Elements of a block.
    k
        Columns of the leading factor.
    E
        Number of elements in all.
    """

    def __init__(self, size: int, k: int, E: int) -> None:
        self.size, self.E = size, E
        self.vech = [(a, b) for a in range(k) for b in range(a + 1)]
        self.indices: list[NDArray[Any]] = []
        self.counts: list[IntArray] = []
        self.values: list[list[FloatArray]] = [[] for _ in self.vech]

    def add(self, where: IntArray, start: IntArray, left: FloatArray, right: FloatArray) -> None:
        """Add n pairs: ``where`` their blocks begin, ``start`` of each level's, and their cells of both links.

        The cells are ``(n, k, k_f)`` and ``(n, k, k_s)``.
        """
        element = where if self.size == 1 else (where[:, None] + np.arange(self.size)).ravel()
        self.indices.append(element.astype(np.int32 if self.E < 2**31 else np.int64))
        self.counts.append(np.diff(start) * self.size)
        for values, (a, b) in zip(self.values, self.vech, strict=True):
            values.append(_products(left, right, a, b))

    def made(self) -> list[sp.csc_array]:
        """One sparse matrix per element of vech(H)."""
        indices = _joined(self.indices)
        indptr = np.concatenate([[0], np.cumsum(np.concatenate(self.counts))])
        kind = np.int32 if indptr[-1] < 2**31 and indices.dtype == np.int32 else np.int64
        indices, indptr = indices.astype(kind, copy=False), indptr.astype(kind)
        shape = (self.E, len(indptr) - 1)
        return [sp.csc_array((_joined(values), indices, indptr), shape=shape) for values in self.values]


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _products(left: FloatArray, right: FloatArray, a: int, b: int) -> FloatArray:
    """Coefficients of H_ab (and H_ba) in left'H right, all cells of all pairs."""
    product = left[:, a, :, None] * right[:, b, None]
    if a != b:
        product += left[:, b, :, None] * right[:, a, None]
    return np.asarray(product.ravel())


class Update:
    """A21 H A12 at the linked pairs, for block-diagonal H."""

    def __init__(self, parts: Sequence[list[sp.csc_array]], E: int, k: int) -> None:
        self.parts, self.E = parts, E
        self.vech = np.tril_indices(k)

    def of(self, H: FloatArray) -> FloatArray:
        """A21 H A12 for H ``(R, J, k, k)``: elements ``(R, E)``."""
        out = np.zeros((len(H), self.E))
        for part in self.parts:
            for a, b, M in zip(*self.vech, part, strict=True):
                for r in range(len(H)):
                    out[r] += M @ H[r, :, a, b]
        return out

    def blocks(self, elements: FloatArray) -> FloatArray:
        """Blocks of A12 H2 A21 ``(R, J, k, k)``, H2 given by its elements, those off the diagonal twice."""
        R, k = len(elements), int(self.vech[0][-1]) + 1
        J = self.parts[0][0].shape[1]
        out = np.zeros((R, J, k, k))
        for part in self.parts:
            for a, b, M in zip(*self.vech, part, strict=True):
                for r in range(R):
                    out[r, :, a, b] += M.T @ elements[r] if a == b else 0.5 * (M.T @ elements[r])
        rows, cols = np.tril_indices(k, -1)
        out[..., cols, rows] = out[..., rows, cols]
        return out
