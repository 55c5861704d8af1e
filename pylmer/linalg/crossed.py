"""Elimination of several grouping factors: the largest in blocks, the others as one dense square.

The factor with most random effects (the leading one, 1) is eliminated level by level as in ``one_factor``; what it
leaves for the others (the trailing ones, 2) is

    A22* = A22 - A21 H1 A12,    S2 = L2'A22*L2 + I,    H2 = L2 S2^-1 L2'.

A12 is kept dense or sparse, as its pattern allows (``links``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pylmer.linalg.cross_products import CrossProducts, Factor
from pylmer.linalg.dense_square import diagonal_blocks, inverses_logdets_spd, square_of, square_rows
from pylmer.linalg.level_graph import cross_block
from pylmer.linalg.links import DenseLink, Link, SparseLink
from pylmer.linalg.one_factor import LevelBlocks, Responses, downdate
from pylmer.linalg.small import bmm
from pylmer.linalg.sparse_rows import link_of

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["Crossed", "CrossedAtTheta"]

#: Below this size (or for several replicates of a small square) W is formed by full products; above it the diagonal
#: blocks come from the inverse that is there already.
FULL_PRODUCT = 300


class Crossed:
    """A model with several grouping factors, crossed or nested in any way."""

    def __init__(self, sums: CrossProducts) -> None:
        sizes = [A.shape[0] * A.shape[1] for A in sums.A]
        self.leading = int(np.argmax(sizes))
        self.trailing = [f for f in range(len(sizes)) if f != self.leading]
        self._shapes = tuple((A.shape[0], A.shape[1]) for A in sums.A)
        self.q2 = sum(sizes[f] for f in self.trailing)
        self.edges = np.cumsum([0] + [sizes[f] for f in self.trailing])
        self.p = sums.C.shape[0] - 1
        B1 = sums.B[self.leading]
        self.AX = np.concatenate([sums.A[self.leading], B1[..., :-1]], axis=-1)
        self.ZX = np.ascontiguousarray(B1[..., :-1].reshape(B1.shape[0] * B1.shape[1], self.p))
        self.ZX2 = np.concatenate([sums.B[f][..., :-1].reshape(sizes[f], self.p) for f in self.trailing])
        self.XX = np.ascontiguousarray(sums.C[:-1, :-1])
        self.A22 = square_of(sums, self.trailing)
        self.link = self._link(sums)

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(J, k) of each factor."""
        return self._shapes

    def bytes_per_replicate(self) -> int:
        """Memory that one replicate takes while it is evaluated."""
        J, k = self._shapes[self.leading]
        return 8 * int(6 * self.q2**2 + J * k * (6 * k + 3 * self.p + 3 + 2 * self.q2))

    def at(self, L: Sequence[FloatArray], responses: Responses) -> CrossedAtTheta:
        """Eliminate the random effects at R values of L, per factor ``(R, k, k)``."""
        return CrossedAtTheta(self, L, responses)

    @staticmethod
    def has_dense_link(sums: CrossProducts, leading: int) -> bool:
        """Whether A12 is kept as a dense array: the blocks are, and it is small or well filled."""
        parts = [block for pair, block in sums.cross.items() if leading in pair]
        dense = [part for part in parts if isinstance(part, np.ndarray)]
        size = sum(part.size for part in dense)
        return len(dense) == len(parts) and (size < 20_000 or sum(map(np.count_nonzero, dense)) > 0.2 * size)

    def _link(self, sums: CrossProducts) -> Link:
        J, k = self._shapes[self.leading]
        if self.has_dense_link(sums, self.leading):
            parts = [np.asarray(cross_block(sums, self.leading, f)) for f in self.trailing]
            return DenseLink(np.ascontiguousarray(np.concatenate(parts, axis=1)), J, k)
        return SparseLink(link_of(sums, self.leading, self.trailing), J, k)

    def split(self, V: FloatArray) -> list[FloatArray]:
        """Cut ``(R, q2, c)`` into the trailing factors' ``(R, J, k, c)``."""
        return [
            V[:, lo:hi].reshape(len(V), *self._shapes[f], -1)
            for f, (lo, hi) in zip(self.trailing, pairwise(self.edges), strict=True)
        ]

    def in_order(self, leading: FloatArray, trailing: Sequence[FloatArray]) -> tuple[FloatArray, ...]:
        """Put the leading factor's array back in its place among the factors."""
        out = list(trailing)
        out.insert(self.leading, leading)
        return tuple(out)


class CrossedAtTheta:
    """What is left of the problem when the random effects are eliminated at R values of theta."""

    def __init__(self, structure: Crossed, L: Sequence[FloatArray], responses: Responses) -> None:
        self.structure = st = structure
        self.L = L
        self.G: tuple[FloatArray, ...] = tuple(l @ l.swapaxes(-1, -2) for l in L)
        Zy1 = responses.Zy[st.leading]
        R = responses.R
        self.levels = LevelBlocks(st.AX, self.G[st.leading], Zy1)
        self.A22 = st.A22 - st.link.update(self.levels.H)
        Zy2 = np.concatenate([responses.Zy[f].reshape(R, -1) for f in st.trailing], axis=1)
        B2 = np.empty((R, st.q2, st.p + 1))
        B2[..., : st.p] = st.ZX2
        B2[..., st.p] = Zy2
        B2 -= st.link.transposed_times(self.levels.GE)
        self.H2, logdet2 = self._factorize()
        HB2 = self.H2 @ B2
        self.logdet = self.levels.logdet + logdet2
        self.XytVinvXy = downdate(st.XX, st.ZX, responses, Zy1, self.levels) - B2.swapaxes(-1, -2) @ HB2
        E1 = self.levels.E - bmm(self.levels.T, st.link.times(HB2).reshape(self.levels.E.shape))
        self.ZtVinvXy = st.in_order(E1, st.split(B2 - self.A22 @ HB2))

    def _congruence(self, V: FloatArray, transposed: bool = False) -> FloatArray:
        """L2'V L2 for symmetric V ``(R, q2, q2)``, or L2 V L2'."""
        half = self._times_L2(V, transposed)
        return self._times_L2(half.swapaxes(-1, -2), transposed)

    def _times_L2(self, V: FloatArray, transposed: bool) -> FloatArray:
        """V L2 for ``(R, q2, q2)``, or V L2'."""
        out = np.empty(V.shape)
        st = self.structure
        for f, (lo, hi) in zip(st.trailing, pairwise(st.edges), strict=True):
            J, k = st.shapes[f]
            block = V[..., lo:hi].reshape(len(V), -1, J, k)
            L = self.L[f].swapaxes(-1, -2) if transposed else self.L[f]
            out[..., lo:hi] = bmm(block, L[:, None]).reshape(len(V), -1, J * k)
        return out

    def _factorize(self) -> tuple[FloatArray, FloatArray]:
        """H2 = L2 S2^-1 L2' ``(R, q2, q2)`` and log|S2| ``(R,)``."""
        st = self.structure
        scale = None
        if all(st.shapes[f][1] == 1 for f in st.trailing):
            scale = np.concatenate(
                [np.repeat(self.L[f][:, :, 0], st.shapes[f][0], axis=1) for f in st.trailing], axis=1
            )
            S2 = self.A22 * scale[:, None]
            S2 *= scale[..., None]
        else:
            S2 = self._congruence(self.A22)
        diagonal = np.arange(st.q2)
        S2[:, diagonal, diagonal] += 1.0
        S2, logdet = inverses_logdets_spd(S2)
        if scale is not None:
            S2 *= scale[:, None]
            S2 *= scale[..., None]
            return S2, logdet
        return self._congruence(S2, transposed=True), logdet

    @cached_property
    def _trailing_W(self) -> list[FloatArray]:
        """Per trailing factor ``(R, J, k, k)``: the diagonal blocks of W = A22* - A22* H2 A22*."""
        A22H2 = self.A22 @ self.H2
        return [self._diagonal_blocks(i, A22H2) for i in range(len(self.structure.trailing))]

    def _diagonal_blocks(self, i: int, A22H2: FloatArray) -> FloatArray:
        lo, hi = self.structure.edges[i : i + 2]
        J, k = self.structure.shapes[self.structure.trailing[i]]
        R = len(self.A22)
        right = self.A22[..., lo:hi].swapaxes(-1, -2).reshape(R, J, k, -1)
        left = A22H2[:, lo:hi].reshape(R, J, k, -1)
        W: FloatArray = diagonal_blocks(self.A22[:, lo:hi, lo:hi], J, k) - left @ right.swapaxes(-1, -2)
        return W

    def _trailing_W_sum(self, i: int) -> FloatArray:
        """Sum over levels of W_jj, from A22* H2 = W G where G can be divided out, else by the full product."""
        st = self.structure
        f = st.trailing[i]
        lo, hi = st.edges[i : i + 2]
        k = st.shapes[f][1]
        L = self.L[f]
        safe = np.abs(np.diagonal(L, axis1=-2, axis2=-1)).min() > 1e-2 * max(np.abs(L).max(), 1e-2)
        R = len(L)
        if R > 1 or st.q2 <= FULL_PRODUCT or not safe:
            total: FloatArray = self._trailing_W[i].sum(axis=1)
            return total
        rows, cols = self.A22[0, lo:hi], self.H2[0, lo:hi]
        WG = np.array([[np.einsum("js,js->", rows[a::k], cols[b::k]) for b in range(k)] for a in range(k)])
        W = (WG @ np.linalg.inv(self.G[f][0]))[None]
        symmetric: FloatArray = 0.5 * (W + W.swapaxes(-1, -2))
        return symmetric

    def _leading_W(self) -> FloatArray:
        """Sum over levels of the diagonal blocks of Z1'V0^-1Z1: ``(R, k, k)``."""
        W: FloatArray = self.levels.W.sum(axis=1) - self.structure.link.weighted_sum(self.levels.T, self.H2)
        return W

    def W_sums(self) -> tuple[FloatArray, ...]:
        """Per factor ``(R, k, k)``: the sum over levels of W_jj."""
        st = self.structure
        trailing = [self._trailing_W_sum(i) for i in range(len(st.trailing))]
        return st.in_order(self._leading_W(), trailing)

    def W_quadratic(self, F: Sequence[FloatArray]) -> FloatArray:
        """``F'Z'V0^-1Z F`` for columns F, per factor ``(R, J, k, m)``: ``(R, m, m)``."""
        st = self.structure
        R, m = len(F[0]), F[0].shape[-1]
        k = st.shapes[st.leading][1]
        blocks1 = F[st.leading]
        F1 = blocks1.reshape(R, -1, m)
        F2 = np.concatenate([F[f].reshape(R, -1, m) for f in st.trailing], axis=1)
        g1 = bmm(st.AX[..., :k], blocks1).reshape(R, -1, m) + st.link.times(F2)
        H1g1 = bmm(self.levels.H, g1.reshape(blocks1.shape)).reshape(R, -1, m)
        g2 = st.A22 @ F2 + st.link.transposed_times(F1)
        g2_star = g2 - st.link.transposed_times(H1g1)
        quadratic: FloatArray = (
            F1.swapaxes(-1, -2) @ g1
            + F2.swapaxes(-1, -2) @ g2
            - g1.swapaxes(-1, -2) @ H1g1
            - g2_star.swapaxes(-1, -2) @ (self.H2 @ g2_star)
        )
        return quadratic

    def H_rows(self, factors: Sequence[Factor]) -> FloatArray:
        """``z_i'H z_i`` for the rows of Z of one replicate: ``(n,)``.

        H11 = H1 + H1 A12 H2 A21 H1 and H12 = -H1 A12 H2 are formed for a few levels of the leading factor at a time.
        """
        st = self.structure
        lead, others = factors[st.leading], [factors[f] for f in st.trailing]
        H11 = self.H_blocks()[st.leading][0]
        total = square_rows(self.H2[0], others, st.edges.tolist())
        total += np.einsum("na,nab,nb->n", lead.columns, H11[lead.codes], lead.columns)
        order = np.argsort(lead.codes, kind="stable")
        sorted_codes = lead.codes[order]
        for first, last, product in st.link.pieces(self.H2[0]):
            rows = order[np.searchsorted(sorted_codes, first) : np.searchsorted(sorted_codes, last)]
            level = lead.codes[rows]
            weights = np.einsum("na,nab->nb", lead.columns[rows], self.levels.H[0][level])
            for f, lo in zip(others, st.edges, strict=False):
                for b in range(f.k):
                    cells = product[level - first, :, lo + f.codes[rows] * f.k + b]
                    total[rows] -= 2.0 * f.columns[rows, b] * np.einsum("na,na->n", weights, cells)
        return total

    def H_blocks(self) -> tuple[FloatArray, ...]:
        """Per factor ``(R, J, k, k)``: covariance of each level's b given y and theta, over sigma squared."""
        st = self.structure
        H1 = self.levels.H
        leading = H1 + bmm(bmm(H1, st.link.blocks(self.H2)), H1)
        trailing = [
            diagonal_blocks(self.H2[:, lo:hi, lo:hi], *st.shapes[f])
            for f, (lo, hi) in zip(st.trailing, pairwise(st.edges), strict=True)
        ]
        return st.in_order(leading, trailing)
