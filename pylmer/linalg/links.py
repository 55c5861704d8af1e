"""The cross block A12 between a leading factor, kept in levels, and the trailing ones: dense or sparse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from pylmer.linalg.small import bmm

FloatArray = NDArray[np.float64]

__all__ = ["DenseLink", "Link", "SparseLink"]

#: Rows of a product with a dense square are formed in pieces of so many cells.
PIECE = 2_000_000


class Link(Protocol):
    """The cross block A12 between the leading and the trailing factors, as an operator."""

    def times(self, V: FloatArray) -> FloatArray:
        """A12 V for V ``(R, q2, c)``: ``(R, q1, c)``."""

    def transposed_times(self, V: FloatArray) -> FloatArray:
        """A21 V for V ``(R, q1, c)``: ``(R, q2, c)``."""

    def update(self, H: FloatArray) -> FloatArray:
        """A21 H A12 for block-diagonal H ``(R, J, k, k)``: ``(R, q2, q2)``."""

    def blocks(self, H2: FloatArray) -> FloatArray:
        """Diagonal blocks of A12 H2 A21: ``(R, J, k, k)``."""

    def weighted_sum(self, T: FloatArray, H2: FloatArray) -> FloatArray:
        """Sum over levels of T_j (A12 H2 A21)_jj T_j' for T ``(R, J, k, k)``: ``(R, k, k)``."""

    def pieces(self, H2: FloatArray) -> Iterator[tuple[int, int, FloatArray]]:
        """A12 H2 for one H2 ``(q2, q2)``, by levels first to last: ``(last - first, k, q2)``."""


class DenseLink:
    """A12 as a dense array."""

    def __init__(self, A12: FloatArray, J: int, k: int) -> None:
        self.A12, self.J, self.k = A12, J, k

    def times(self, V: FloatArray) -> FloatArray:
        """A12 V."""
        product: FloatArray = self.A12 @ V
        return product

    def transposed_times(self, V: FloatArray) -> FloatArray:
        """A21 V."""
        product: FloatArray = self.A12.T @ V
        return product

    def update(self, H: FloatArray) -> FloatArray:
        """A21 H A12."""
        rows = self.A12.reshape(self.J, self.k, -1)
        product: FloatArray = self.A12.T @ bmm(H, rows).reshape(len(H), *self.A12.shape)
        return product

    def blocks(self, H2: FloatArray) -> FloatArray:
        """Diagonal blocks of A12 H2 A21."""
        product = (self.A12 @ H2).reshape(len(H2), self.J, self.k, -1)
        rows = self.A12.reshape(self.J, self.k, -1)
        if self.k == 1:
            squares: FloatArray = np.einsum("rjac,jac->rj", product, rows)[..., None, None]
            return squares
        blocks: FloatArray = product @ rows.swapaxes(-1, -2)
        return blocks

    def weighted_sum(self, T: FloatArray, H2: FloatArray) -> FloatArray:
        """Sum over levels of T (A12 H2 A21)_jj T'."""
        total: FloatArray = bmm(bmm(T, self.blocks(H2)), T.swapaxes(-1, -2)).sum(axis=1)
        return total

    def pieces(self, H2: FloatArray) -> Iterator[tuple[int, int, FloatArray]]:
        """A12 H2, all levels at once."""
        yield 0, self.J, (self.A12 @ H2).reshape(self.J, self.k, -1)


class SparseLink:
    """A12 in compressed rows; a few columns, or the products that fall into a dense square, at a time."""

    def __init__(self, A12: sp.csr_array, J: int, k: int) -> None:
        self.A12, self.J, self.k = A12, J, k
        self.A21 = sp.csr_array(A12.T)
        self.row_lengths = np.diff(A12.indptr)

    def times(self, V: FloatArray) -> FloatArray:
        """A12 V."""
        return np.stack([self.A12 @ v for v in V])

    def transposed_times(self, V: FloatArray) -> FloatArray:
        """A21 V."""
        return np.stack([self.A21 @ v for v in V])

    def _block_times(self, H: FloatArray) -> sp.csr_array:
        """H A12 for one block-diagonal H ``(J, k, k)``."""
        if self.k == 1:
            data = self.A12.data * np.repeat(H[:, 0, 0], self.row_lengths)
            return sp.csr_array((data, self.A12.indices, self.A12.indptr), shape=self.A12.shape)
        rows = self.J * self.k
        columns = np.repeat(np.arange(rows).reshape(self.J, 1, self.k), self.k, axis=1).ravel()
        blocks = sp.csr_array((H.ravel(), columns, np.arange(rows + 1) * self.k), shape=(rows, rows))
        return sp.csr_array(blocks @ self.A12)

    def update(self, H: FloatArray) -> FloatArray:
        """A21 H A12."""
        return np.stack([(self.A21 @ self._block_times(one)).toarray() for one in H])

    def weighted_sum(self, T: FloatArray, H2: FloatArray) -> FloatArray:
        """Sum over levels of T (A12 H2 A21)_jj T': elementwise products of H2 with (T A12)'(T A12)."""
        out = np.empty((len(T), self.k, self.k))
        for r in range(len(T)):
            TA = self._block_times(T[r])
            rows = [sp.csr_array(TA[a :: self.k]) for a in range(self.k)]
            for a in range(self.k):
                for b in range(a + 1):
                    out[r, a, b] = out[r, b, a] = np.vdot((rows[a].T @ rows[b]).toarray(), H2[r])
        return out

    def blocks(self, H2: FloatArray) -> FloatArray:
        """Diagonal blocks of A12 H2 A21."""
        out = np.empty((len(H2), self.J, self.k, self.k))
        for r, square in enumerate(H2):
            for first, last, product in self.pieces(square):
                rows = sp.csr_array(self.A12[first * self.k : last * self.k])
                out[r, first:last] = np.einsum("jac,jbc->jab", product, rows.toarray().reshape(product.shape))
        return out

    def pieces(self, H2: FloatArray) -> Iterator[tuple[int, int, FloatArray]]:
        """A12 H2, some levels at a time."""
        size = max(1, PIECE // (self.k * len(H2)))
        for first in range(0, self.J, size):
            last = min(first + size, self.J)
            piece = sp.csr_array(self.A12[first * self.k : last * self.k])
            yield first, last, (piece @ H2).reshape(last - first, self.k, -1)
