"""theta -> relative covariance factors: which element of theta stands where in which L.

The terms of one grouping factor are put side by side, so that a factor has one block-diagonal ``L`` of size k x k with
one lower triangle per term (Bates et al. 2015, eq. 4 and section 2.2).  ``G = L L'`` is the relative covariance of the
random effects of one level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["FactorMap", "canonical_signs", "factor_maps", "triangle"]


@lru_cache(maxsize=64)
def triangle(k: int) -> tuple[IntArray, IntArray]:
    """Rows and columns of a lower triangle, column by column, as theta is laid out."""
    cols, rows = np.triu_indices(k)
    return rows, cols


@dataclass(frozen=True)
class FactorMap:
    """Where the elements of theta stand in one factor's L.

    ``index`` (m_f,) points into theta; ``rows`` and ``cols`` (m_f,) into L; ``scale`` (k,) is the size of each raw
    column, by which the columns were divided and L's rows are therefore multiplied; ``blocks`` are the first column and
    the last + 1 of each term.
    """

    k: int
    index: IntArray
    rows: IntArray
    cols: IntArray
    scale: FloatArray
    blocks: tuple[tuple[int, int], ...]

    def L(self, theta: FloatArray) -> FloatArray:
        """``(R, m)`` theta to ``(R, k, k)`` lower triangular factors of the scaled columns."""
        L = np.zeros((len(theta), self.k, self.k))
        L[:, self.rows, self.cols] = theta[:, self.index] * self._row_scale
        return L

    @cached_property
    def _row_scale(self) -> FloatArray:
        return self.scale[self.rows]

    def dG(self, L: FloatArray) -> FloatArray:
        """Derivatives of G = L L' by each element of theta, theta's last: ``(R, k, k, m_f)``."""
        if self.k == 1:
            return L[..., None] * (2.0 * self.scale)
        m = len(self.index)
        half = np.zeros((len(L), self.k, self.k, m))
        half[:, self.rows, :, self._elements] = (L[:, :, self.cols] * self._row_scale).transpose(2, 0, 1)
        return half + half.swapaxes(1, 2)

    @cached_property
    def _elements(self) -> IntArray:
        return np.arange(len(self.index))

    @cached_property
    def _bend(self) -> tuple[FloatArray, IntArray]:
        s = self._row_scale
        return 2.0 * (self.cols[:, None] == self.cols) * (s[:, None] * s), self.rows[:, None]

    def curvature(self, dd_dG: FloatArray) -> FloatArray:
        """Second derivative of the criterion through the bend of G = L L': ``(R, m_f, m_f)``."""
        weight, rows = self._bend
        curvature: FloatArray = dd_dG[:, rows, self.rows] * weight
        return curvature


def factor_maps(
    term_sizes: Sequence[int], term_factor: Sequence[int], scales: Sequence[FloatArray]
) -> tuple[FactorMap, ...]:
    """One map per factor.

    Parameters
    ----------
    term_sizes
        k of each term, in theta's order.
    term_factor
        The factor each term belongs to.
    scales
        Per factor, the scale of each of its columns.
    """
    maps = []
    starts = np.cumsum([0] + [k * (k + 1) // 2 for k in term_sizes])
    for f, scale in enumerate(scales):
        index, rows, cols, blocks, offset = [], [], [], [], 0
        for t, k in enumerate(term_sizes):
            if term_factor[t] == f:
                r, c = triangle(k)
                index.append(np.arange(starts[t], starts[t + 1]))
                rows.append(r + offset)
                cols.append(c + offset)
                blocks.append((offset, offset + k))
                offset += k
        maps.append(
            FactorMap(offset, np.concatenate(index), np.concatenate(rows), np.concatenate(cols), scale, tuple(blocks))
        )
    return tuple(maps)


def canonical_signs(theta: FloatArray, term_sizes: Sequence[int]) -> FloatArray:
    """The same covariance with every diagonal element of L non-negative: columns are reflected where needed."""
    theta = theta.copy()
    start = 0
    for k in term_sizes:
        for j in range(k):
            column = slice(start, start + k - j)
            flip = theta[..., start] < 0
            theta[..., column] = np.where(flip[..., None], -theta[..., column], theta[..., column])
            start += k - j
    return theta
