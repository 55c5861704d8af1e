"""Cross-products of the rows that stay when some go: sums over all rows less sums over those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from pylmer.linalg.cross_products import CrossProducts, Factor, cross_products

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["level_counts", "with_columns", "without_rows"]


def level_counts(factors: Sequence[Factor]) -> tuple[IntArray, ...]:
    """Per factor ``(J,)``: the number of rows of each level."""
    return tuple(np.bincount(f.codes, minlength=f.J) for f in factors)


def without_rows(
    sums: CrossProducts, factors: Sequence[Factor], Xy: FloatArray, rows: IntArray, counts: Sequence[IntArray]
) -> CrossProducts:
    """Take the rows ``rows`` out of the sums.

    Parameters
    ----------
    sums
        Sums over all rows.
    factors, Xy
        The rows they were summed over, ``Xy`` as ``(p + 1, n)``.
    rows
        ``(r,)`` positions of the rows that go.
    counts
        ``level_counts`` of the factors; a level without a row left has sums of exactly 0.
    """
    touched, small, emptied = [], [], []
    for f, count in zip(factors, counts, strict=True):
        levels, codes, lost = np.unique(f.codes[rows], return_inverse=True, return_counts=True)
        touched.append(levels)
        emptied.append(levels[count[levels] == lost])
        small.append(Factor(codes, f.columns[rows], len(levels)))
    less = cross_products(small, Xy[:, rows])
    A, B = [], []
    for i, levels in enumerate(touched):
        A_left, B_left = sums.A[i].copy(), sums.B[i].copy()
        A_left[levels] -= less.A[i]
        B_left[levels] -= less.B[i]
        A_left[emptied[i]], B_left[emptied[i]] = 0.0, 0.0
        A.append(A_left)
        B.append(B_left)
    places = [_columns_of(levels, f.k) for levels, f in zip(touched, factors, strict=True)]
    empty = [_columns_of(levels, f.k) for levels, f in zip(emptied, factors, strict=True)]
    cross: dict[tuple[int, int], FloatArray | sp.csr_array] = {}
    for (a, b), block in sums.cross.items():
        cells = less.cross[a, b]
        if isinstance(block, np.ndarray):
            left = block.copy()
            left[np.ix_(places[a], places[b])] -= cells if isinstance(cells, np.ndarray) else cells.toarray()
            left[empty[a]] = 0.0
            left[:, empty[b]] = 0.0
            cross[a, b] = left
        else:
            gone = sp.coo_array(cells)
            spread = sp.coo_array((gone.data, (places[a][gone.row], places[b][gone.col])), shape=block.shape)
            cross[a, b] = sp.csr_array(block - sp.csr_array(spread))
    return CrossProducts(sums.n - len(rows), tuple(A), tuple(B), sums.C - less.C, cross)


def with_columns(sums: CrossProducts, T: FloatArray) -> CrossProducts:
    """The sums of ``[X y] T``, T of shape ``(p + 1, c)``."""
    return replace(sums, B=tuple(B @ T for B in sums.B), C=T.T @ sums.C @ T)


def _columns_of(levels: IntArray, k: int) -> IntArray:
    """Columns of Z that belong to some levels."""
    places: IntArray = (levels[:, None] * k + np.arange(k)).ravel()
    return places
