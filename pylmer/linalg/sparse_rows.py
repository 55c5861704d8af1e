"""Row by row: ``z_i'H z_i`` from blocks of H that are known for linked levels only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from pylmer.linalg.cross_products import CrossProducts, Factor
from pylmer.linalg.level_graph import LevelGraph, cross_block

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["H_rows", "link_of"]


def link_of(sums: CrossProducts, leading: int, trailing: Sequence[int]) -> sp.csr_array:
    """A12, the cross block of the leading factor with all trailing ones."""
    parts = [sp.csr_array(cross_block(sums, leading, f)) for f in trailing]
    return parts[0] if len(parts) == 1 else sp.csr_array(sp.hstack(parts, format="csr"))


def H_rows(graph: LevelGraph, factors: Sequence[Factor], H11: FloatArray, H1: FloatArray, H2: FloatArray) -> FloatArray:
    """``z_i'H z_i`` for the rows of Z: ``(n,)``.

    Parameters
    ----------
    graph
        The linked levels.
    factors
        The rows of Z.
    H11
        ``(J, k, k)``: diagonal blocks of H for the leading factor; between it and the others H12 = -H1 A12 H2.
    H1
        ``(J, k, k)``: the leading factor's blocks before the others were eliminated.
    H2
        ``(E,)``: elements of H for the trailing factors.
    """
    lead, others = factors[graph.leading], [factors[f] for f in graph.trailing]
    total: FloatArray = np.einsum("na,nab,nb->n", lead.columns, H11[lead.codes], lead.columns)
    weights = np.einsum("na,nab->nb", lead.columns, H1[lead.codes])
    for i, f in enumerate(others):
        product = _link_times_H2(graph, i, H2)
        link = graph.links[i]
        key = link.level * f.J + link.other
        entry = np.searchsorted(key, lead.codes * f.J + f.codes)
        total -= 2.0 * np.einsum("na,nab,nb->n", weights, product[entry], f.columns)
        for j, s in enumerate(others[: i + 1]):
            start = graph.find(i, j, f.codes, s.codes)
            cells = H2[start[:, None] + np.arange(f.k * s.k)].reshape(-1, f.k, s.k)
            share = np.einsum("na,nab,nb->n", f.columns, cells, s.columns)
            total += share if i == j else 2.0 * share
    return total


def _link_times_H2(graph: LevelGraph, i: int, H2: FloatArray) -> FloatArray:
    """A12 H2 where the link with trailing factor i has an entry: ``(entries, k, k_i)``."""
    out = np.zeros(graph.links[i].values.shape)
    for j in range(len(graph.trailing)):
        f, s = max(i, j), min(i, j)
        left, right = graph.links[f], graph.links[s]
        size = (left.values.shape[2], right.values.shape[2])
        for pairs in graph.pairs(f, s):
            one, two = pairs.first, pairs.second
            cells = H2[pairs.where[:, None] + np.arange(size[0] * size[1])].reshape(-1, *size)
            if i == f:
                _add(out, one, right.values[two] @ cells.swapaxes(-1, -2))
            if i == s:
                apart = one != two if f == s else slice(None)
                _add(out, two[apart], left.values[one[apart]] @ cells[apart])
    return out


def _add(out: FloatArray, index: IntArray, values: FloatArray) -> None:
    """Add blocks to those at ``index``, which may repeat."""
    size = out.shape[1] * out.shape[2]
    np.add.at(out.reshape(-1), (index[:, None] * size + np.arange(size)).ravel(), values.ravel())
