"""theta -> relative covariance factors: which element of theta stands where in which L.

The terms of one grouping factor are put side by side, so that a factor has one block-diagonal ``L`` of size k x k with
one lower triangle per term (Bates et al. 2015, eq. 4 and section 2.2).  ``G = L L'`` is the relative covariance of the
random effects of one level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pylmer.structured import StructuredFactorMap, StructuredTerm, UnstructuredTerm

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["AnyMap", "FactorMap", "TermCovariance", "factor_maps", "triangle"]


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

    def dG(self, par: FloatArray, L: FloatArray) -> FloatArray:
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

    def canonical(self, par: FloatArray) -> FloatArray:
        """The same covariance with every diagonal element of L non-negative: its columns are reflected where needed."""
        par = par.copy()
        diagonal = self.rows == self.cols
        for place, col in zip(self.index[diagonal], self.cols[diagonal], strict=True):
            column = self.index[self.cols == col]
            par[:, column] *= np.where(par[:, place] < 0, -1.0, 1.0)[:, None]
        return par

    def curvature(self, par: FloatArray, dd_dG: FloatArray) -> FloatArray:
        """Second derivative of the criterion through the bend of G = L L': ``(R, m_f, m_f)``."""
        weight, rows = self._bend
        curvature: FloatArray = dd_dG[:, rows, self.rows] * weight
        return curvature


@dataclass(frozen=True)
class TermCovariance:
    """Size and structure of one term's covariance: ``"us"``, ``"diag"``, ``"cs"`` or ``"ar1"``; see ``structured``."""

    k: int
    structure: str = "us"
    hom: bool = False

    @property
    def as_structured(self) -> StructuredTerm:
        """The structure."""
        return StructuredTerm(self.structure, self.hom, self.k)

    @property
    def m(self) -> int:
        """Number of parameters."""
        return self.k * (self.k + 1) // 2 if self.structure == "us" else self.as_structured.m

    @property
    def lower(self) -> FloatArray:
        """Lower bounds: 0 for the diagonal of L, or for standard deviations."""
        if self.structure != "us":
            return self.as_structured.lower
        rows, cols = triangle(self.k)
        return np.where(rows == cols, 0.0, -np.inf)

    @property
    def start(self) -> FloatArray:
        """The identity."""
        return np.where(self.lower == 0, 1.0, 0.0) if self.structure == "us" else self.as_structured.start

    def reported(self, par: FloatArray) -> FloatArray:
        """lme4's ``par``: theta, or standard deviations and correlation, ``(n, m)``."""
        return par if self.structure == "us" else self.as_structured.reported(par)

    def theta(self, par: FloatArray) -> FloatArray:
        """Lower triangle of L ``(n, k (k + 1) / 2)``, column by column, from parameters ``(n, m)``."""
        if self.structure == "us":
            return par
        rows, cols = triangle(self.k)
        L: FloatArray = self.as_structured.L(par)[:, rows, cols]
        return L


AnyMap = FactorMap | StructuredFactorMap


def factor_maps(
    terms: Sequence[TermCovariance], term_factor: Sequence[int], scales: Sequence[FloatArray]
) -> tuple[AnyMap, ...]:
    """One map per factor.

    Parameters
    ----------
    terms
        Size and structure of each term, in theta's order.
    term_factor
        The factor each term belongs to.
    scales
        Per factor, the scale of each of its columns.
    """
    grouped = _grouped(tuple(terms), tuple(term_factor), len(scales))
    return tuple(_factor_map(own, scale) for own, scale in zip(grouped, scales, strict=True))


@lru_cache(maxsize=256)
def _grouped(
    terms: tuple[TermCovariance, ...], term_factor: tuple[int, ...], factors: int
) -> tuple[tuple[tuple[TermCovariance, int], ...], ...]:
    """Per factor, its terms and where in theta they begin."""
    starts = np.cumsum([0] + [t.m for t in terms]).tolist()
    return tuple(
        tuple((t, start) for t, start, g in zip(terms, starts, term_factor, strict=False) if g == f)
        for f in range(factors)
    )


def _factor_map(terms: tuple[tuple[TermCovariance, int], ...], scale: FloatArray) -> AnyMap:
    if any(t.structure != "us" for t, _ in terms):
        edges = np.cumsum([0] + [t.k for t, _ in terms]).tolist()
        places = tuple(slice(start, start + t.m) for t, start in terms)
        return StructuredFactorMap(
            edges[-1], scale, tuple(_structured(t) for t, _ in terms), places, tuple(pairwise(edges))
        )
    k, index, rows, cols, blocks = _places(tuple((t.k, start) for t, start in terms))
    return FactorMap(k, index, rows, cols, scale, blocks)


@lru_cache(maxsize=256)
def _places(
    terms: tuple[tuple[int, int], ...],
) -> tuple[int, IntArray, IntArray, IntArray, tuple[tuple[int, int], ...]]:
    """Where the elements of theta of some terms, each of k columns and beginning at some element, stand in L."""
    index, rows, cols, blocks, edge = [], [], [], [], 0
    for k, start in terms:
        r, c = triangle(k)
        index.append(np.arange(start, start + len(r)))
        rows.append(r + edge)
        cols.append(c + edge)
        blocks.append((edge, edge + k))
        edge += k
    return edge, np.concatenate(index), np.concatenate(rows), np.concatenate(cols), tuple(blocks)


def _structured(t: TermCovariance) -> StructuredTerm | UnstructuredTerm:
    return UnstructuredTerm(t.k) if t.structure == "us" else t.as_structured
