"""Elimination of several grouping factors: the largest in blocks, the others as a sparse matrix of dense fronts.

As in ``crossed``, the leading factor (1) is eliminated level by level and leaves A22* for the trailing ones (2).  Here
A22* is kept for linked pairs of levels only (``level_graph``) and factorized front by front (``fronts``).  Nested
factors need no case of their own: their inner levels are fronts with one border column, all of them one batch.

In place of L, whose columns may vanish, stands the root D = Q diag(d)^1/2 of G = Q diag(d) Q' with tiny d lifted a
little: S2 = D'A22*D + I, V = S2^-1, H2 = D V D'.  Then W D = A22* D V, so that with S = S2 - I

    D_f' W_jj D_f = sum_c S_jc V_cj

needs V only where S2 is not zero, and loses no digits however small a variance is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pylmer.linalg.cross_products import CrossProducts, Factor
from pylmer.linalg.fronts import FrontPlan, Fronts
from pylmer.linalg.level_graph import LevelGraph
from pylmer.linalg.links import SparseLink
from pylmer.linalg.one_factor import LevelBlocks, Responses, downdate
from pylmer.linalg.ordering import elimination_of
from pylmer.linalg.small import bmm
from pylmer.linalg.sparse_rows import H_rows, link_of

FloatArray = NDArray[np.float64]

__all__ = ["SparseCrossed", "SparseCrossedAtTheta"]

#: An eigenvalue of G below this, over the number of rows, is lifted to it.
SMALLEST = 1e-12


class SparseCrossed:
    """A model with several grouping factors whose trailing levels are linked in few pairs.

    Parameters
    ----------
    sums
        The cross-products.
    graph
        Their trailing levels, where they are known already.
    plan
        The plan of fronts, likewise.
    """

    def __init__(self, sums: CrossProducts, graph: LevelGraph | None = None, plan: FrontPlan | None = None) -> None:
        self.graph = graph = graph or graph_of(sums)
        self.sums = sums
        self.leading, self.trailing = graph.leading, graph.trailing
        self.shapes = tuple((int(A.shape[0]), int(A.shape[1])) for A in sums.A)
        self.q2 = int(graph.first[-1])
        self.column_edges = [int(graph.first[node]) for node in graph.edges]
        self.p = sums.C.shape[0] - 1
        B1 = sums.B[self.leading]
        self.AX = np.concatenate([sums.A[self.leading], B1[..., :-1]], axis=-1)
        self.ZX = np.ascontiguousarray(B1[..., :-1].reshape(graph.J1 * graph.k1, self.p))
        self.ZX2 = np.concatenate([self._flat(sums.B[f][..., :-1]) for f in self.trailing])
        self.XX = np.ascontiguousarray(sums.C[:-1, :-1])
        self.smallest = SMALLEST / sums.n
        self.link = SparseLink(link_of(sums, self.leading, self.trailing), graph.J1, graph.k1)
        self.plan = plan or FrontPlan(elimination_of(graph.pattern, graph.widths), graph.first)
        rows, cols = graph.elements
        self.cells, mirrored = self.plan.cells(rows, cols)
        self.off_diagonal = slice(graph.blocks[len(self.trailing)].start if self._linked else graph.E, None)
        self.mirrored = mirrored[self.off_diagonal]
        self.ones = self.cells[: self.off_diagonal.start][(rows == cols)[: self.off_diagonal.start]]

    @staticmethod
    def _flat(B: FloatArray) -> FloatArray:
        return B.reshape(B.shape[0] * B.shape[1], B.shape[2])

    @property
    def _linked(self) -> bool:
        return len(self.graph.blocks) > len(self.trailing)

    def bytes_per_replicate(self) -> int:
        """Memory that one replicate takes while it is evaluated."""
        J, k = self.graph.J1, self.graph.k1
        return self.plan.bytes_per_replicate() + 8 * int(
            5 * self.graph.E + (J * k + self.q2) * (6 * k + 4 * self.p + 12)
        )

    def at(self, L: Sequence[FloatArray], responses: Responses) -> SparseCrossedAtTheta:
        """Eliminate the random effects at R values of L, per factor ``(R, k, k)``."""
        return SparseCrossedAtTheta(self, L, responses)

    def split(self, V: FloatArray) -> list[FloatArray]:
        """Cut ``(R, q2, c)`` into the trailing factors' ``(R, J, k, c)``."""
        return [
            V[:, lo:hi].reshape(len(V), *self.shapes[f], -1)
            for f, (lo, hi) in zip(self.trailing, pairwise(self.column_edges), strict=True)
        ]

    def in_order(self, leading: FloatArray, trailing: Sequence[FloatArray]) -> tuple[FloatArray, ...]:
        """Put the leading factor's array back in its place among the factors."""
        out = list(trailing)
        out.insert(self.leading, leading)
        return tuple(out)

    def times_A22(self, F: Sequence[FloatArray]) -> FloatArray:
        """A22 F for columns F, per factor ``(R, J, k, m)``: ``(R, q2, m)``."""
        R, m = len(F[0]), F[0].shape[-1]
        parts = [bmm(self.sums.A[f], F[f]).reshape(R, -1, m) for f in self.trailing]
        for i, f in enumerate(self.trailing):
            for j, s in enumerate(self.trailing[:i]):
                block = self.sums.cross[min(f, s), max(f, s)]
                left, right = (i, j) if f < s else (j, i)
                for r in range(R):
                    parts[left][r] += block @ F[self.trailing[right]][r].reshape(-1, m)
                    parts[right][r] += block.T @ F[self.trailing[left]][r].reshape(-1, m)
        return np.concatenate(parts, axis=1)


def graph_of(sums: CrossProducts) -> LevelGraph:
    """The graph of the trailing levels behind the factor with most random effects."""
    leading = int(np.argmax([A.shape[0] * A.shape[1] for A in sums.A]))
    return LevelGraph(sums, leading, [f for f in range(len(sums.A)) if f != leading])


class SparseCrossedAtTheta:
    """What is left of the problem when the random effects are eliminated at R values of theta."""

    def __init__(self, structure: SparseCrossed, L: Sequence[FloatArray], responses: Responses) -> None:
        self.structure = st = structure
        self.G: tuple[FloatArray, ...] = tuple(l @ l.swapaxes(-1, -2) for l in L)
        R = responses.R
        Zy1 = responses.Zy[st.leading]
        self.levels = LevelBlocks(st.AX, self.G[st.leading], Zy1)
        self.roots = [_root(L[f], self.G[f], st.smallest) for f in st.trailing]
        self.S = self._scaled(st.graph.base - st.graph.update.of(self.levels.H))
        self.fronts = Fronts(st.plan, self._buffer())
        B2 = np.empty((R, st.q2, st.p + 1))
        B2[..., : st.p] = st.ZX2
        B2[..., st.p] = np.concatenate([responses.Zy[f].reshape(R, -1) for f in st.trailing], axis=1)
        B2 -= st.link.transposed_times(self.levels.GE)
        right = self._rooted(B2, transposed=True)
        solved = self.fronts.solve(right)
        HB2 = self._rooted(solved)
        self.logdet = self.levels.logdet + self.fronts.logdet
        self.XytVinvXy = downdate(st.XX, st.ZX, responses, Zy1, self.levels) - right.swapaxes(-1, -2) @ solved
        E1 = self.levels.E - bmm(self.levels.T, st.link.times(HB2).reshape(self.levels.E.shape))
        E2 = [
            bmm(inverse.swapaxes(-1, -2)[:, None], part)
            for (_, inverse), part in zip(self.roots, st.split(solved), strict=True)
        ]
        self.ZtVinvXy = st.in_order(E1, E2)

    def _congruent(self, elements: FloatArray, transposed: bool) -> FloatArray:
        """Blocks ``D_f' A D_s`` of the elements, or ``D_f A D_s'``."""
        out = np.empty(elements.shape)
        for b in self.structure.graph.blocks:
            left, right = (self.roots[i][0][:, None] for i in (b.f, b.s))
            if transposed:
                left = left.swapaxes(-1, -2)
            else:
                right = right.swapaxes(-1, -2)
            b.of(out)[...] = bmm(bmm(left, b.of(elements)), right)
        return out

    def _scaled(self, elements: FloatArray) -> FloatArray:
        """S = D'A22*D."""
        return self._congruent(elements, transposed=True)

    def _buffer(self) -> FloatArray:
        st = self.structure
        buffer = np.zeros((len(self.S), st.plan.size + 1))
        buffer[:, st.cells] = self.S
        buffer[:, st.mirrored] = self.S[:, st.off_diagonal]
        buffer[:, st.ones] += 1.0
        return buffer

    def _rooted(self, V: FloatArray, transposed: bool = False) -> FloatArray:
        """D V for ``(R, q2, c)``, or D'V."""
        parts = []
        for (D, _), part in zip(self.roots, self.structure.split(V), strict=True):
            root = D.swapaxes(-1, -2) if transposed else D
            parts.append(bmm(root[:, None], part).reshape(len(V), -1, V.shape[-1]))
        return np.concatenate(parts, axis=1)

    @cached_property
    def V(self) -> FloatArray:
        """``(R, E)``: elements of S2^-1."""
        return self.fronts.invert()[:, self.structure.cells]

    @cached_property
    def H2(self) -> FloatArray:
        """``(R, E)``: elements of H2 = D V D'."""
        return self._congruent(self.V, transposed=False)

    @cached_property
    def _linked(self) -> FloatArray:
        """Diagonal blocks of A12 H2 A21: ``(R, J, k, k)``."""
        st = self.structure
        twice = self.H2.copy()
        twice[:, st.off_diagonal] *= 2.0
        return st.graph.update.blocks(twice)

    def W_sums(self) -> tuple[FloatArray, ...]:
        """Per factor ``(R, k, k)``: the sum over levels of W_jj."""
        st = self.structure
        R = len(self.S)
        totals = [np.zeros((R, k, k)) for _, k in st.graph.shapes]
        for b in st.graph.blocks:
            if not len(b.rows):
                continue
            S, V = b.of(self.S), b.of(self.V)
            totals[b.f] += _summed(S, V)
            if not b.diagonal:
                totals[b.s] += _summed(S.swapaxes(-1, -2), V.swapaxes(-1, -2))
        trailing = []
        for (_, inverse), total in zip(self.roots, totals, strict=True):
            W = inverse.swapaxes(-1, -2) @ total @ inverse
            trailing.append(0.5 * (W + W.swapaxes(-1, -2)))
        T = self.levels.T
        leading = self.levels.W.sum(axis=1) - bmm(bmm(T, self._linked), T.swapaxes(-1, -2)).sum(axis=1)
        return st.in_order(leading, trailing)

    def W_quadratic(self, F: Sequence[FloatArray]) -> FloatArray:
        """``F'Z'V0^-1Z F`` for columns F, per factor ``(R, J, k, m)``: ``(R, m, m)``."""
        st = self.structure
        R, m = len(F[0]), F[0].shape[-1]
        k = st.graph.k1
        blocks1 = F[st.leading]
        F1 = blocks1.reshape(R, -1, m)
        F2 = np.concatenate([F[f].reshape(R, -1, m) for f in st.trailing], axis=1)
        g1 = bmm(st.AX[..., :k], blocks1).reshape(R, -1, m) + st.link.times(F2)
        H1g1 = bmm(self.levels.H, g1.reshape(blocks1.shape)).reshape(R, -1, m)
        g2 = st.times_A22(F) + st.link.transposed_times(F1)
        right = self._rooted(g2 - st.link.transposed_times(H1g1), transposed=True)
        quadratic: FloatArray = (
            F1.swapaxes(-1, -2) @ g1
            + F2.swapaxes(-1, -2) @ g2
            - g1.swapaxes(-1, -2) @ H1g1
            - right.swapaxes(-1, -2) @ self.fronts.solve(right)
        )
        return quadratic

    def H_blocks(self) -> tuple[FloatArray, ...]:
        """Per factor ``(R, J, k, k)``: covariance of each level's b given y and theta, over sigma squared."""
        st = self.structure
        H1 = self.levels.H
        leading = H1 + bmm(bmm(H1, self._linked), H1)
        return st.in_order(leading, [b.of(self.H2) for b in st.graph.blocks[: len(st.trailing)]])

    def H_rows(self, factors: Sequence[Factor]) -> FloatArray:
        """``z_i'H z_i`` for the rows of Z of one replicate: ``(n,)``."""
        leading = self.H_blocks()[self.structure.leading][0]
        return H_rows(self.structure.graph, factors, leading, self.levels.H[0], self.H2[0])


def _root(L: FloatArray, G: FloatArray, smallest: float) -> tuple[FloatArray, FloatArray]:
    """D with D D' = G but for tiny eigenvalues, and its inverse: ``(R, k, k)``."""
    if L.shape[-1] == 1:
        root = np.maximum(np.abs(L), smallest**0.5)
        return root, 1.0 / root
    values, vectors = np.linalg.eigh(G)
    size = np.sqrt(np.maximum(values, smallest))[:, None]
    return vectors * size, vectors.swapaxes(-1, -2) / size.swapaxes(-1, -2)


def _summed(S: FloatArray, V: FloatArray) -> FloatArray:
    """Sum over blocks of ``S V'``: ``(R, k, k)``."""
    R, n, k, m = S.shape
    if k == m == 1:
        dots: FloatArray = np.einsum("rn,rn->r", S.reshape(R, n), V.reshape(R, n))[:, None, None]
        return dots
    left, right = (M.swapaxes(1, 2).reshape(R, k, n * m) for M in (S, V))
    total: FloatArray = left @ right.swapaxes(-1, -2)
    return total
