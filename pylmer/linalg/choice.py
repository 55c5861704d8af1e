"""Which way the cross-products are stored and factorized: chosen from their pattern, by estimated memory and time."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from pylmer.linalg.cross_products import CrossProducts
from pylmer.linalg.crossed import Crossed
from pylmer.linalg.fronts import FrontPlan
from pylmer.linalg.level_graph import TABLE
from pylmer.linalg.memory import Estimate, allowed_memory, refuse_too_large
from pylmer.linalg.one_factor import OneFactor
from pylmer.linalg.ordering import elimination_of
from pylmer.linalg.sparse_crossed import SparseCrossed, graph_of

__all__ = ["estimates", "structure_of"]

#: Up to this many trailing columns a dense square is best whatever the pattern.
TINY = 48
#: Up to this many, it is unless the trailing levels are linked to hardly any others.
SMALL = 300
#: Trailing columns of which nearly all pairs are linked (pairs met, over pairs there are) are not looked at closer.
FULL = 6.0
#: Seconds: a multiplication in a dense factorization with inverse; a pair of links by sparse products, and by
#: ``update``; an evaluation's fixed part with a dense link, with a sparse link, and with fronts.
DENSE_MULTIPLY, SPARSE_PAIR, UPDATE_PAIR = 6e-11, 4e-8, 9e-9
FIXED_DENSE, FIXED_LINK, FIXED_FRONTS = 5e-4, 1.5e-3, 9e-4


def structure_of(sums: CrossProducts) -> OneFactor | Crossed | SparseCrossed:
    """Store the cross-products in the way that is fastest among those that fit in memory.

    Raises
    ------
    ModelError
        If the model fits in memory in no way (``memory_limit``, else what is available), with the estimate.
    """
    if len(sums.A) == 1:
        only = _of_one_factor(sums)
        refuse_too_large([only], allowed_memory())
        return OneFactor(sums)
    ways = _Ways(sums)
    allowed = allowed_memory()
    dense = ways.dense
    if dense.bytes <= allowed and ways.surely_dense:
        return Crossed(sums)
    sparse = ways.sparse(allowed)
    refuse_too_large([dense, sparse], allowed)
    if dense.bytes <= allowed and (dense.seconds <= sparse.seconds or sparse.bytes > allowed):
        return Crossed(sums)
    return SparseCrossed(sums, ways.graph, ways.plan)


def estimates(sums: CrossProducts) -> list[Estimate]:
    """Memory and time that each way of storing the cross-products would take, none of it allocated.

    Parameters
    ----------
    sums
        The cross-products.

    Returns
    -------
    list of Estimate
        One factor has one way; several have two, ``"dense"`` and ``"sparse"``.
    """
    if len(sums.A) == 1:
        return [_of_one_factor(sums)]
    ways = _Ways(sums)
    return [ways.dense, ways.sparse(allowed_memory())]


def _of_one_factor(sums: CrossProducts) -> Estimate:
    J, k, _ = sums.A[0].shape
    size = 8 * J * k * (8 * k + 6 * sums.C.shape[0] + 2 * k * (k + 1))
    return Estimate("one factor", size, 1e-8 * J * k * (k * k + sums.C.shape[0]))


class _Ways:
    """The ways to store several factors."""

    def __init__(self, sums: CrossProducts) -> None:
        self.sums = sums
        self.graph = graph_of(sums)
        self.q2 = int(self.graph.first[-1])
        self.q1 = self.graph.J1 * self.graph.k1

    @property
    def surely_dense(self) -> bool:
        """Whether the pattern need not be looked at."""
        if self.q2 <= TINY:
            return True
        pairs, N = self.graph.pair_count, self.graph.N
        return pairs > 0.5 * FULL * N * N or (self.q2 <= SMALL and pairs > 2 * self.graph.J1)

    @cached_property
    def _leading_cells(self) -> int:
        """Numbers kept per evaluation for the leading factor, and for columns of the trailing ones."""
        p, k = self.sums.C.shape[0], self.graph.k1
        m = sum(A.shape[1] * (A.shape[1] + 1) // 2 for A in self.sums.A)
        return int(self.q1 * (8 * k + 6 * p + 5 * m) + self.q2 * (6 * p + 6 * m))

    @cached_property
    def _link_cells(self) -> int:
        return sum([int(link.values.size) for link in self.graph.links])

    @cached_property
    def dense(self) -> Estimate:
        """A dense square behind the leading factor."""
        q1, q2 = self.q1, self.q2
        pairs = self.graph.update_cells * self.graph.k1**2
        if Crossed.has_dense_link(self.sums, self.graph.leading):
            link, seconds = 24 * q1 * q2, FIXED_DENSE + 2 * DENSE_MULTIPLY * q1 * q2 * q2
        else:
            link, seconds = 40 * self._link_cells + 24 * min(2 * pairs, q2 * q2), FIXED_LINK + SPARSE_PAIR * pairs
        return Estimate(
            "dense",
            int(1.05 * (56 * q2 * q2 + link + 8 * self._leading_cells)) + 1_000_000,
            DENSE_MULTIPLY * q2**3 + seconds,
        )

    @cached_property
    def plan(self) -> FrontPlan:
        """The fronts."""
        return FrontPlan(elimination_of(self.graph.pattern, self.graph.widths), self.graph.first)

    def sparse(self, allowed: float) -> Estimate:
        """Fronts; where already the pattern would not fit in ``allowed`` bytes, what it would take at least."""
        graph, h = self.graph, self.graph.k1 * (self.graph.k1 + 1) // 2
        pairs, cells = graph.pair_count, graph.update_cells
        update = 2 * (4 + 8 * h) * cells + 16 * (4 + h) * min(cells, 4_000_000) + 10 * min(TABLE, graph.N**2)
        pattern = 60 * min(2 * pairs, graph.N**2) + graph.N * min(graph.N, 60_000) // 8
        link = 80 * self._link_cells
        if link + max(update, pattern) > allowed:
            return Estimate("sparse", int(link + max(update, pattern)), np.inf)
        own = self.plan.bytes_per_replicate() + 2 * self.plan.bytes_kept
        size = max(pattern, 30 * graph.pattern.nnz + update + 80 * graph.E + own + 8 * self._leading_cells) + link
        seconds = FIXED_FRONTS + UPDATE_PAIR * cells * h + self.plan.seconds
        return Estimate("sparse", int(1.05 * size) + 1_000_000, seconds)
