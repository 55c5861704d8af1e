"""The trailing factors' levels as a graph, once the leading factor is eliminated: which pairs are linked, and by what.

A node is a level of a trailing factor.  Two nodes are linked when a level of the leading factor, or a row, has both.
What the elimination of the leading factor leaves of ``A22* = A22 - A21 H1 A12`` is kept only for linked pairs: one
k_f x k_s block each, all in one vector of elements.  That vector is linear in the lower triangles of the blocks of H1,

    elements = base - update @ vech(H1),

so that sparse matrices, made once, form A22* for any theta (``level_update``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from pylmer.linalg.cross_products import CrossProducts
from pylmer.linalg.level_update import Update, UpdateMaker

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["Blocks", "LevelGraph", "cross_block"]

#: Cells of the table in which pairs are looked up.
TABLE = 2_000_000
#: Pairs of entries of the links that are looked at together.
PIECE = 4_000_000


def ranges(begin: IntArray, lengths: IntArray) -> IntArray:
    """begin, begin + 1, ... for each of the lengths, one behind the other."""
    out: IntArray = np.arange(lengths.sum()) + np.repeat(begin - (np.cumsum(lengths) - lengths), lengths)
    return out


def cross_block(sums: CrossProducts, f: int, s: int) -> FloatArray | sp.csr_array:
    """``Z_f'Z_s`` for any two different factors."""
    if f < s:
        return sums.cross[f, s]
    block = sums.cross[s, f]
    return block.T if isinstance(block, np.ndarray) else sp.csr_array(block.T)


@dataclass(frozen=True)
class Blocks:
    """The blocks of one pair of trailing factors: the levels on both sides, and where their elements begin.

    ``f`` and ``s`` are places among the trailing factors; those with ``diagonal`` are the levels themselves.
    """

    f: int
    s: int
    rows: IntArray
    cols: IntArray
    start: int
    shape: tuple[int, int]
    diagonal: bool = False

    @property
    def part(self) -> slice:
        """Where the elements are."""
        return slice(self.start, self.start + len(self.rows) * self.shape[0] * self.shape[1])

    def of(self, elements: FloatArray) -> FloatArray:
        """The blocks ``(R, n, k_f, k_s)`` of ``(R, E)`` elements."""
        return elements[:, self.part].reshape(len(elements), len(self.rows), *self.shape)


@dataclass(frozen=True)
class Pairs:
    """Pairs of entries of two links, ``start`` ``(levels + 1,)`` by leading level; ``where`` their blocks begin."""

    first: IntArray
    second: IntArray
    where: IntArray
    start: IntArray


@dataclass(frozen=True)
class Link:
    """Cross blocks of the leading factor with one trailing one: per leading level, by level of the other."""

    start: IntArray
    level: IntArray
    other: IntArray
    values: FloatArray


class LevelGraph:
    """Linked pairs of levels of the trailing factors.

    Parameters
    ----------
    sums
        The cross-products.
    leading, trailing
        Positions of the factors.
    """

    def __init__(self, sums: CrossProducts, leading: int, trailing: Sequence[int]) -> None:
        self.sums, self.leading, self.trailing = sums, leading, list(trailing)
        self.shapes = [(A.shape[0], A.shape[1]) for A in (sums.A[f] for f in trailing)]
        self.J1, self.k1 = sums.A[leading].shape[:2]
        counts = [J for J, _ in self.shapes]
        self.widths = np.repeat([k for _, k in self.shapes], counts).astype(np.intp)
        self.first = np.concatenate([[0], np.cumsum(self.widths)]).astype(np.intp)
        self.edges = np.cumsum([0, *counts]).tolist()
        self.N = self.edges[-1]
        self.links = [self._link(i) for i in range(len(self.trailing))]

    def _link(self, i: int) -> Link:
        f = self.trailing[i]
        k = self.shapes[i][1]
        block = sp.csr_array(cross_block(self.sums, self.leading, f))
        if self.k1 == k == 1:
            block.sort_indices()
            start, other, values = block.indptr, block.indices, block.data.reshape(-1, 1, 1)
        else:
            wide = sp.bsr_array(block, blocksize=(self.k1, k))
            wide.sort_indices()
            start, other, values = wide.indptr, wide.indices, np.asarray(wide.data)
        begin: IntArray = start.astype(np.intp)
        level: IntArray = np.repeat(np.arange(self.J1, dtype=np.intp), np.diff(begin))
        return Link(begin, level, other.astype(np.intp), values)

    @cached_property
    def pair_count(self) -> int:
        """Number of pairs of nodes met, over all levels of the leading factor."""
        degree = np.sum([np.diff(link.start) for link in self.links], axis=0)
        return int((degree * (degree + 1) // 2).sum())

    @cached_property
    def update_cells(self) -> int:
        """Number of cells of ``update`` that belong to one element of vech(H)."""
        widest = max([int(k) for _, k in self.shapes])
        return self.pair_count * widest * widest

    @cached_property
    def pattern(self) -> sp.csr_array:
        """``(N, N)`` strictly lower triangle of the graph, by rows."""
        at = np.concatenate([link.other + edge for link, edge in zip(self.links, self.edges, strict=False)])
        level = np.concatenate([link.level for link in self.links])
        met = sp.csr_array((np.ones(len(at), dtype=np.float32), (level, at)), shape=(self.J1, self.N))
        whole = met.T @ met
        for f in range(len(self.trailing)):
            for s in range(f):
                rows, cols, _ = self._cross(f, s)
                ones = np.ones(len(rows), dtype=np.float32)
                whole = whole + sp.csr_array((ones, (rows + self.edges[f], cols + self.edges[s])), shape=whole.shape)
        lower = sp.csr_array(sp.tril(sp.csr_array(whole), -1, format="csr"))
        lower.sort_indices()
        return lower

    def _cross(self, f: int, s: int) -> tuple[IntArray, IntArray, FloatArray]:
        """Levels of two trailing factors that meet in a row, and their blocks."""
        shape = (self.shapes[f][1], self.shapes[s][1])
        block = cross_block(self.sums, self.trailing[f], self.trailing[s])
        if shape == (1, 1):
            entries = sp.coo_array(block)
            return entries.row.astype(np.intp), entries.col.astype(np.intp), entries.data.reshape(-1, 1, 1)
        wide = sp.bsr_array(sp.csr_array(block), blocksize=shape)
        rows = np.repeat(np.arange(self.shapes[f][0]), np.diff(wide.indptr))
        return rows, np.asarray(wide.indices, dtype=np.intp), np.asarray(wide.data)

    @cached_property
    def _row_of(self) -> IntArray:
        return np.repeat(np.arange(self.N), np.diff(self.pattern.indptr))

    @cached_property
    def _layout(self) -> tuple[list[Blocks], IntArray]:
        """The blocks, and for each linked pair where its elements begin."""
        out, at = [], 0
        for i, (J, k) in enumerate(self.shapes):
            out.append(Blocks(i, i, np.arange(J), np.arange(J), at, (k, k), True))
            at += J * k * k
        start = np.empty(self.pattern.nnz, dtype=np.intp)
        rows, cols = self._row_of, self.pattern.indices
        for f, (flo, fhi) in enumerate(pairwise(self.edges)):
            pairs = slice(*self.pattern.indptr[[flo, fhi]])
            for s, (slo, shi) in enumerate(pairwise(self.edges[: f + 2])):
                here = np.flatnonzero((cols[pairs] >= slo) & (cols[pairs] < shi)) + pairs.start
                shape = (self.shapes[f][1], self.shapes[s][1])
                out.append(Blocks(f, s, rows[here] - flo, cols[here] - slo, at, shape))
                start[here] = at + np.arange(len(here)) * shape[0] * shape[1]
                at += len(here) * shape[0] * shape[1]
        return out, start

    @property
    def blocks(self) -> list[Blocks]:
        """All blocks, the diagonal ones first."""
        return self._layout[0]

    @cached_property
    def E(self) -> int:
        """Number of elements."""
        return sum(len(b.rows) * b.shape[0] * b.shape[1] for b in self.blocks)

    def find(self, f: int, s: int, rows: IntArray, cols: IntArray) -> IntArray:
        """Where the blocks of levels of two trailing factors begin, ``f > s`` or ``f == s`` with ``rows >= cols``.

        The pairs must be linked.
        """
        if len(self._tables(f)) == 1:
            ((_, _, table),) = list(self._filled(f))
            found: IntArray = table[rows * self.N + (cols + self.edges[s])]
            return found
        order = np.argsort(rows, kind="stable")
        out = np.empty(len(rows), dtype=np.int64)
        out[order] = self.find_ascending(f, s, rows[order], cols[order])
        return out

    def find_ascending(self, f: int, s: int, rows: IntArray, cols: IntArray) -> IntArray:
        """The same for rows that ascend."""
        out = np.empty(len(rows), dtype=np.int64)
        for first, last, table in self._filled(f):
            a, z = np.searchsorted(rows, [first, last])
            out[a:z] = table[(rows[a:z] - first) * self.N + (cols[a:z] + self.edges[s])]
        return out

    def _tables(self, f: int) -> range:
        """First levels of the pieces that fit into a table."""
        return range(0, self.shapes[f][0], max(1, TABLE // self.N))

    def _filled(self, f: int) -> Iterator[tuple[int, int, IntArray]]:
        """For a piece of factor f's levels, where the block of each linked pair begins: cells ``level, node``."""
        J, k = self.shapes[f]
        steps = self._tables(f)
        start, N, indptr = self._layout[1], self.N, self.pattern.indptr
        table = np.empty(min(steps.step, J) * N, dtype=np.int32 if self.E < 2**31 else np.int64)
        for first in steps:
            last = min(first + steps.step, J)
            pairs = slice(*indptr[[first + self.edges[f], last + self.edges[f]]])
            table[(self._row_of[pairs] - (first + self.edges[f])) * N + self.pattern.indices[pairs]] = start[pairs]
            levels = np.arange(first, last)
            table[(levels - first) * N + (levels + self.edges[f])] = self.blocks[f].start + levels * k**2
            yield first, last, table

    def pairs(self, f: int, s: int) -> Iterator[Pairs]:
        """Pairs of entries of two links that share a leading level, by leading level, some levels at a time.

        For ``f == s`` each pair comes once, the one with the higher level first.
        """
        left, right = self.links[f], self.links[s]
        lengths = np.arange(1, len(left.level) + 1) if f == s else right.start[left.level + 1]
        lengths = lengths - right.start[left.level]
        before = np.concatenate([[0], np.cumsum(lengths)])[left.start]
        level = 0
        while level < self.J1:
            last = max(level + 1, int(np.searchsorted(before, before[level] + PIECE, side="right")) - 1)
            entries = slice(left.start[level], left.start[last])
            yield self._pairs(f, s, entries, lengths[entries], before[level : last + 1] - before[level])
            level = last

    def _pairs(self, f: int, s: int, entries: slice, lengths: IntArray, start: IntArray) -> Pairs:
        left, right = self.links[f], self.links[s]
        levels, begin = left.other[entries], right.start[left.level[entries]]
        first, second = np.repeat(np.arange(entries.start, entries.stop), lengths), ranges(begin, lengths)
        if len(self._tables(f)) == 1:
            where = self.find(f, s, left.other[first], right.other[second])
        else:
            order = np.argsort(levels, kind="stable")
            sorted_lengths = lengths[order]
            rows, cols = np.repeat(levels[order], sorted_lengths), ranges(begin[order], sorted_lengths)
            where = np.empty(len(first), dtype=np.int64)
            place = ranges((np.cumsum(lengths) - lengths)[order], sorted_lengths)
            where[place] = self.find_ascending(f, s, rows, right.other[cols])
        return Pairs(first, second, where, start)

    @cached_property
    def update(self) -> Update:
        """What vech(H1) takes off the elements."""
        parts = []
        for f in range(len(self.trailing)):
            for s in range(f + 1):
                maker = UpdateMaker(self.shapes[f][1] * self.shapes[s][1], self.k1, self.E)
                for pairs in self.pairs(f, s):
                    left, right = self.links[f].values[pairs.first], self.links[s].values[pairs.second]
                    maker.add(pairs.where, pairs.start, left, right)
                parts.append(maker.made())
        return Update(parts, self.E, self.k1)

    @cached_property
    def base(self) -> FloatArray:
        """``(E,)``: the elements of A22."""
        out = np.zeros(self.E)
        for blocks, f in zip(self.blocks, self.trailing, strict=False):
            out[blocks.part] = self.sums.A[f].ravel()
        for f in range(len(self.trailing)):
            for s in range(f):
                rows, cols, values = self._cross(f, s)
                size = values.shape[1] * values.shape[2]
                out[self.find(f, s, rows, cols)[:, None] + np.arange(size)] = values.reshape(-1, size)
        return out

    @cached_property
    def elements(self) -> tuple[IntArray, IntArray]:
        """Row and column of A22* of each element ``(E,)``."""
        rows, cols = [], []
        for b in self.blocks:
            kf, ks = b.shape
            row = self.first[b.rows + self.edges[b.f]][:, None, None] + np.arange(kf)[:, None]
            col = self.first[b.cols + self.edges[b.s]][:, None, None] + np.arange(ks)
            shape = (len(b.rows), kf, ks)
            rows.append(np.broadcast_to(row, shape).ravel())
            cols.append(np.broadcast_to(col, shape).ravel())
        return np.concatenate(rows), np.concatenate(cols)
