"""A fill-reducing order of elimination, found from a symmetric pattern: groups of nodes and what each leaves linked.

The order is by minimum degree on the elimination graph itself (Rose 1972; George & Liu 1989, SIAM Review 31), component
by component.  Rows of the graph are Python integers used as bit sets, so that one union is one instruction per 64
nodes.  Two things keep it short: nodes that an elimination makes indistinguishable from its pivot go with it, and
as soon as what is left is nearly full it becomes one dense group.  Groups are then joined where one larger dense matrix
costs less than two smaller ones (relaxed supernodes, Ashcraft & Grimes 1989).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import chain

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

IntArray = NDArray[np.intp]
#: Nodes eliminated together, and the nodes that they are linked to when they go.
Group = tuple[list[int], list[int]]

__all__ = ["Elimination", "elimination_of", "front_cost"]

#: What is left becomes one dense group when its least linked node is linked to this share of it.
DENSE_SHARE = 0.5
#: A connected component of more nodes than this is ordered by SuperLU: bit sets of it would take too much memory.
MOST_BITS = 60_000
#: Seconds per multiplication, per cell of a dense matrix that is filled, and per cell that is added to the parent's.
MULTIPLY, CELL, ADD = 1.2e-10, 3e-9, 16e-9


@dataclass(frozen=True)
class Elimination:
    """Groups of nodes in the order of their elimination, each before its parent.

    Parameters
    ----------
    pivots, borders
        The nodes eliminated, group after group, and the nodes still to come that each group is linked to by then.
    pivot_counts, border_counts
        ``(G,)``: how many of them are each group's.
    parent
        ``(G,)``: the group in which the first of the border's nodes is eliminated; -1 without a border.
    """

    pivots: IntArray
    pivot_counts: IntArray
    borders: IntArray
    border_counts: IntArray
    parent: IntArray


def front_cost(s: float, b: float) -> float:
    """Seconds to eliminate ``s`` columns linked to ``b`` more, selected inverse included."""
    return MULTIPLY * s * (s * s + 4 * s * b + 4 * b * b) + CELL * (s + b) ** 2 + ADD * b * b


def elimination_of(pattern: sp.csr_array, widths: IntArray) -> Elimination:
    """Find an order of elimination.

    Parameters
    ----------
    pattern
        ``(N, N)``, strictly lower triangle of the graph; only the pattern is looked at.
    widths
        ``(N,)``: number of columns of each node.
    """
    N = pattern.shape[0]
    if pattern.nnz == 0:
        everyone, none = np.arange(N), np.zeros(N, dtype=np.intp)
        return Elimination(everyone, np.ones(N, dtype=np.intp), none[:0], none, none - 1)
    ones = sp.csr_array((np.ones(pattern.nnz, dtype=np.int8), pattern.indices, pattern.indptr), shape=pattern.shape)
    graph = sp.csr_array(ones + ones.T)
    groups = _leaves(graph)
    gone = np.zeros(N, dtype=bool)
    gone[[p for pivots, _ in groups for p in pivots]] = True
    rest = np.flatnonzero(~gone)
    if len(rest):
        part = sp.csr_array(graph[rest][:, rest]) if len(groups) else graph
        groups += [(rest[p].tolist(), rest[b].tolist()) for p, b in _by_component(part)]
    return _joined(groups, widths)


def _leaves(graph: sp.csr_array) -> list[Group]:
    """Nodes linked to at most one other: they go first and leave no new link, as inner levels of nested factors do."""
    degree = np.diff(graph.indptr)
    alone = np.flatnonzero(degree == 0)
    leaves = np.flatnonzero(degree == 1)
    to = graph.indices[graph.indptr[leaves]]
    kept = (degree[to] > 1) | (leaves < to)
    return [([i], []) for i in alone.tolist()] + [
        ([i], [j]) for i, j in zip(leaves[kept].tolist(), to[kept].tolist(), strict=True)
    ]


def _by_component(graph: sp.csr_array) -> list[Group]:
    count, label = connected_components(graph, directed=False)
    order = np.argsort(label, kind="stable")
    edges = np.searchsorted(label[order], np.arange(count + 1))
    local = np.empty(len(order), dtype=np.intp)
    local[order] = np.arange(len(order)) - edges[label[order]]
    out: list[Group] = []
    for lo, hi in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        nodes = order[lo:hi]
        if hi - lo > MOST_BITS:
            found = _by_superlu(sp.csr_array(graph[nodes][:, nodes]))
        else:
            found = _minimum_degree(_bit_rows(graph, nodes, local))
        names = nodes.tolist()
        out += [([names[i] for i in p], [names[i] for i in b]) for p, b in found]
    return out


def _bit_rows(graph: sp.csr_array, nodes: IntArray, local: IntArray) -> list[int]:
    """Neighbours of each node of a component, as bits."""
    n = len(nodes)
    size = max(1, 4_000_000 // n)
    out: list[int] = []
    for first in range(0, n, size):
        some = nodes[first : first + size]
        begin, end = graph.indptr[some], graph.indptr[some + 1]
        rows = np.repeat(np.arange(len(some)), end - begin)
        place = np.arange(len(rows)) + np.repeat(
            begin - np.concatenate([[0], np.cumsum(end - begin)[:-1]]), end - begin
        )
        cells = np.zeros((len(some), n), dtype=bool)
        cells[rows, local[graph.indices[place]]] = True
        packed = np.packbits(cells, axis=1, bitorder="little")
        out += [int.from_bytes(row.tobytes(), "little") for row in packed]
    return out


def _minimum_degree(rows: list[int]) -> list[Group]:
    """Groups of one connected component; ``rows`` is used up."""
    n = left = len(rows)
    degree = [row.bit_count() for row in rows]
    heap = list(zip(degree, range(n), strict=True))
    heapq.heapify(heap)
    out: list[Group] = []
    while left:
        d, pivot = heapq.heappop(heap)
        if degree[pivot] != d:
            continue
        if d >= DENSE_SHARE * (left - 1):
            out.append(([i for i in range(n) if degree[i] >= 0], []))
            break
        neighbours = rows[pivot]
        clique = neighbours | (1 << pivot)
        pivots, border, gone = [pivot], [], 1 << pivot
        for v in _positions(neighbours):
            bit = 1 << v
            row = (rows[v] | clique) ^ bit
            rows[v], degree[v] = row, row.bit_count()
            if degree[v] == d:
                pivots.append(v)
                gone |= bit
            else:
                border.append(v)
        for v in pivots:
            degree[v], rows[v] = -1, 0
        left -= len(pivots)
        for v in border:
            rows[v] &= ~gone
            degree[v] -= len(pivots)
            heapq.heappush(heap, (degree[v], v))
        out.append((pivots, border))
    return out


def _positions(bits: int) -> list[int]:
    """Positions of the ones."""
    raw = np.frombuffer(bits.to_bytes((bits.bit_length() + 7) // 8, "little"), dtype=np.uint8)
    found: list[int] = np.flatnonzero(np.unpackbits(raw, bitorder="little")).tolist()
    return found


def _by_superlu(graph: sp.csr_array) -> list[Group]:
    """Groups of a large component, in SuperLU's order of minimum degree.

    An incomplete factorization that drops nearly everything gives the order without the memory of the factor.
    """
    n = graph.shape[0]
    dominant = sp.csc_array(graph.astype(np.float64) * 1e-3 + sp.eye_array(n) * 2.0)
    settings = {"SymmetricMode": True}
    from scipy.sparse.linalg import spilu  # takes long to import

    incomplete = spilu(dominant, 0.5, 1.0, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=settings)
    names = np.argsort(incomplete.perm_c)
    ordered = sp.csr_array(sp.triu(graph[names][:, names], 1, format="csr"))
    ordered.sort_indices()
    out: list[Group] = []
    passed_on: dict[int, int] = {}
    previous = (-1, 0)
    for j in range(n):
        # bits count from the node after j
        bits = passed_on.pop(j, 0)
        for c in ordered.indices[ordered.indptr[j] : ordered.indptr[j + 1]].tolist():
            bits |= 1 << (c - j - 1)
        if previous == (j, bits.bit_count() + 1):
            out[-1][0].append(j)
        else:
            out.append(([j], []))
        previous = (-1, 0)
        if bits:
            step = (bits & -bits).bit_length()
            passed_on[j + step] = passed_on.get(j + step, 0) | bits >> step
            previous = (j + step, bits.bit_count())
        out[-1][1][:] = [bits] if bits else []
    return [(names[p].tolist(), names[[p[-1] + 1 + i for i in _positions(b[0])]].tolist() if b else []) for p, b in out]


def _joined(groups: list[Group], widths: IntArray) -> Elimination:
    """Join a group with its parent where that costs less than both, and put the nodes in the order of elimination."""
    where = [0] * len(widths)
    for g, (pivots, _) in enumerate(groups):
        for v in pivots:
            where[v] = g
    parent = [min([where[v] for v in border], default=-1) for _, border in groups]
    width = widths.tolist()
    s = [sum([width[v] for v in pivots]) for pivots, _ in groups]
    b = [sum([width[v] for v in border]) for _, border in groups]
    children: list[list[int]] = [[] for _ in groups]
    into = list(range(len(groups)))
    for g, p in enumerate(parent):
        if p < 0:
            continue
        if front_cost(s[g] + s[p], b[p]) <= front_cost(s[g], b[g]) + front_cost(s[p], b[p]):
            into[g] = p
            children[p].append(g)
            s[p] += s[g]
    kept = [g for g in range(len(groups)) if into[g] == g]
    eliminated = [_with_children(g, groups, children) for g in kept]
    new = {g: i for i, g in enumerate(kept)}

    def final(g: int) -> int:
        while g >= 0 and into[g] != g:
            g = into[g]
        return new[g] if g >= 0 else -1

    borders = [groups[g][1] for g in kept]
    return Elimination(*_flat(eliminated), *_flat(borders), np.array([final(parent[g]) for g in kept], dtype=np.intp))


def _flat(lists: list[list[int]]) -> tuple[IntArray, IntArray]:
    """Lists behind one another, and their lengths."""
    everything = np.fromiter(chain.from_iterable(lists), dtype=np.intp)
    return everything, np.array([len(one) for one in lists], dtype=np.intp)


def _with_children(g: int, groups: list[Group], children: list[list[int]]) -> list[int]:
    """Nodes of a group behind those of the groups that were joined to it."""
    out: list[int] = []
    stack = [g]
    while stack:
        h = stack.pop()
        out += groups[h][0]
        stack += children[h]
    return out
