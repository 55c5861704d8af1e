"""Elimination of several grouping factors: the largest in blocks, the others as one dense square.

The factor with most random effects (the leading one, 1) is eliminated level by level as in ``one_factor``; what it
leaves for the others (the trailing ones, 2) is

    A22* = A22 - A21 H1 A12,    S2 = L2'A22*L2 + I,    H2 = L2 S2^-1 L2'.

A21 H1 A12 is linear in H1.  Where A12 is sparse its coefficients are gathered once, for all theta, in one sparse matrix
(``PairProducts``): then the update is a sparse matrix-vector product, and so is its adjoint, which the gradient needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import lapack

from pylmer.errors import ModelError
from pylmer.linalg.cross_products import CrossProducts
from pylmer.linalg.one_factor import LevelBlocks, Responses, downdate
from pylmer.linalg.small import bmm

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["Crossed", "CrossedAtTheta"]

#: Below this size (or for several replicates of a small square) W is formed by full products; above it the diagonal
#: blocks come from the inverse that is there already.
FULL_PRODUCT = 300
#: A trailing square of more columns than this is refused: it would take more than 12 GB.
MAX_TRAILING = 20_000


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


class SparseLink:
    """A12 in compressed rows, with the products of its entries that fall in one level gathered beforehand."""

    def __init__(self, A12: sp.csr_array, J: int, k: int) -> None:
        self.A12, self.J, self.k = A12, J, k
        self.A21 = sp.csr_array(A12.T)
        self.pairs = _pair_products(A12, J, k)
        self.pairs_transposed = self.pairs.T

    def times(self, V: FloatArray) -> FloatArray:
        """A12 V."""
        return np.stack([self.A12 @ v for v in V])

    def transposed_times(self, V: FloatArray) -> FloatArray:
        """A21 V."""
        return np.stack([self.A21 @ v for v in V])

    def update(self, H: FloatArray) -> FloatArray:
        """A21 H A12."""
        q2 = self.A12.shape[1]
        out: FloatArray = (self.pairs @ H.reshape(len(H), -1).T).T.reshape(len(H), q2, q2)
        lower = out.swapaxes(-1, -2).copy()
        diagonal = np.arange(q2)
        lower[..., diagonal, diagonal] = 0.0
        return out + lower

    def blocks(self, H2: FloatArray) -> FloatArray:
        """Diagonal blocks of A12 H2 A21."""
        half = H2.copy()
        diagonal = np.arange(half.shape[-1])
        half[..., diagonal, diagonal] *= 0.5
        one_side: FloatArray = (self.pairs_transposed @ half.reshape(len(half), -1).T).T.reshape(
            -1, self.J, self.k, self.k
        )
        return one_side + one_side.swapaxes(-1, -2)


def _pair_products(A12: sp.csr_array, J: int, k: int) -> sp.csr_array:
    """Coefficients of the upper triangle of A21 H A12 in the entries of H.

    Row ``d q2 + d'`` (d <= d'), column ``(j k + a) k + b``: the product of A12's entries (j a, d) and (j b, d').
    """
    q2 = A12.shape[1]
    start = A12.indptr[::k].astype(np.intp)
    count = np.diff(start)
    row_in_level = np.repeat(np.arange(J * k) % k, np.diff(A12.indptr))
    level = np.repeat(np.arange(J), count)
    partners = count[level]
    first = np.repeat(np.arange(A12.nnz), partners)
    before = np.concatenate([[0], np.cumsum(partners)[:-1]])
    second = np.arange(len(first)) - np.repeat(before - start[level], partners)
    keep = A12.indices[first] <= A12.indices[second]
    first, second = first[keep], second[keep]
    row = A12.indices[first].astype(np.int64) * q2 + A12.indices[second]
    col = (level[first] * k + row_in_level[first]) * k + row_in_level[second]
    values = A12.data[first] * A12.data[second]
    return sp.csr_array(sp.coo_array((values, (row, col)), shape=(q2 * q2, J * k * k)))


class Crossed:
    """A model with several grouping factors, crossed or nested in any way."""

    def __init__(self, sums: CrossProducts) -> None:
        sizes = [A.shape[0] * A.shape[1] for A in sums.A]
        self.leading = int(np.argmax(sizes))
        self.trailing = [f for f in range(len(sizes)) if f != self.leading]
        self._shapes = tuple((A.shape[0], A.shape[1]) for A in sums.A)
        self.q2 = sum(sizes[f] for f in self.trailing)
        if self.q2 > MAX_TRAILING:
            raise ModelError(
                f"the grouping factors beside the largest have {self.q2} random effects together, more than the "
                f"{MAX_TRAILING} that are handled as one dense matrix"
            )
        self.edges = np.cumsum([0] + [sizes[f] for f in self.trailing])
        self.p = sums.C.shape[0] - 1
        B1 = sums.B[self.leading]
        self.AX = np.concatenate([sums.A[self.leading], B1[..., :-1]], axis=-1)
        self.ZX = B1[..., :-1].reshape(-1, self.p)
        self.ZX2 = np.concatenate([sums.B[f][..., :-1].reshape(-1, self.p) for f in self.trailing])
        self.XX = sums.C[:-1, :-1]
        self.A22 = self._trailing_square(sums)
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

    def _cross(self, sums: CrossProducts, f: int, s: int) -> FloatArray | sp.csr_array:
        if f < s:
            return sums.cross[f, s]
        block = sums.cross[s, f]
        return block.T if isinstance(block, np.ndarray) else sp.csr_array(block.T)

    def _trailing_square(self, sums: CrossProducts) -> FloatArray:
        square = np.zeros((self.q2, self.q2))
        for i, f in enumerate(self.trailing):
            at = slice(*self.edges[i : i + 2])
            J, k = self._shapes[f]
            blocks = square[at, at].reshape(J, k, J, k)
            blocks[np.arange(J), :, np.arange(J), :] = sums.A[f]
            square[at, at] = blocks.reshape(J * k, J * k)
            for j, s in enumerate(self.trailing[:i]):
                block = self._cross(sums, f, s)
                dense = block if isinstance(block, np.ndarray) else block.toarray()
                other = slice(*self.edges[j : j + 2])
                square[at, other], square[other, at] = dense, dense.T
        return square

    def _link(self, sums: CrossProducts) -> Link:
        parts = [self._cross(sums, self.leading, f) for f in self.trailing]
        J, k = self._shapes[self.leading]
        dense_parts = [part for part in parts if isinstance(part, np.ndarray)]
        if len(dense_parts) == len(parts):
            dense = np.concatenate(dense_parts, axis=1)
            if np.count_nonzero(dense) > 0.2 * dense.size or dense.size < 20_000:
                return DenseLink(np.ascontiguousarray(dense), J, k)
        return SparseLink(sp.csr_array(sp.hstack([sp.csr_array(part) for part in parts], format="csr")), J, k)

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
        self._factorize()
        HB2 = self.H2 @ B2
        self.logdet = self.levels.logdet + self.logdet2
        self.XytVinvXy = downdate(st.XX, st.ZX, responses, Zy1, self.levels) - B2.swapaxes(-1, -2) @ HB2
        E1 = self.levels.E - bmm(self.levels.T, st.link.times(HB2).reshape(self.levels.E.shape))
        self.ZtVinvXy = st.in_order(E1, st.split(B2 - self.A22 @ HB2))

    def _times_L2(self, V: FloatArray) -> FloatArray:
        """V L2 for ``(R, q2, q2)``."""
        out = np.empty_like(V)
        st = self.structure
        for f, (lo, hi) in zip(st.trailing, pairwise(st.edges), strict=True):
            J, k = st.shapes[f]
            block = V[..., lo:hi].reshape(len(V), -1, J, k)
            out[..., lo:hi] = bmm(block, self.L[f][:, None]).reshape(len(V), -1, J * k)
        return out

    def _factorize(self) -> None:
        """Fill M2 = S2^-1, H2 = L2 M2 L2' and log|S2|."""
        self.A22L2 = self._times_L2(self.A22)
        S2 = self._times_L2(self.A22L2.swapaxes(-1, -2))
        diagonal = np.arange(S2.shape[-1])
        S2[..., diagonal, diagonal] += 1.0
        self.M2, self.logdet2 = _inverse_logdet_spd(S2)
        self.L2M2 = self._times_L2(self.M2).swapaxes(-1, -2)
        self.H2 = self._times_L2(self.L2M2)

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
        """Sum over levels of W_jj, from A22* L2 M2 = W L2 where L2 can be divided out, else by the full product."""
        st = self.structure
        f = st.trailing[i]
        lo, hi = st.edges[i : i + 2]
        J, k = st.shapes[f]
        L = self.L[f]
        safe = np.abs(np.diagonal(L, axis1=-2, axis2=-1)).min() > 1e-2 * max(np.abs(L).max(), 1e-2)
        R = len(L)
        if R > 1 or st.q2 <= FULL_PRODUCT or not safe:
            total: FloatArray = self._trailing_W[i].sum(axis=1)
            return total
        rows = self.A22L2[:, lo:hi].reshape(R, J, k, -1)
        cols = self.M2[:, lo:hi].reshape(R, J, k, -1)
        WL = np.stack([[np.vdot(rows[:, :, a], cols[:, :, b]) for b in range(k)] for a in range(k)])[None]
        W = WL @ np.linalg.inv(L)
        symmetric: FloatArray = 0.5 * (W + W.swapaxes(-1, -2))
        return symmetric

    def _leading_W(self) -> FloatArray:
        """Diagonal blocks of Z1'V0^-1Z1: ``(R, J, k, k)``."""
        T = self.levels.T
        W: FloatArray = self.levels.W - bmm(bmm(T, self.structure.link.blocks(self.H2)), T.swapaxes(-1, -2))
        return W

    def W_sums(self) -> tuple[FloatArray, ...]:
        """Per factor ``(R, k, k)``: the sum over levels of W_jj."""
        st = self.structure
        trailing = [self._trailing_W_sum(i) for i in range(len(st.trailing))]
        return st.in_order(self._leading_W().sum(axis=1), trailing)

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


def diagonal_blocks(square: FloatArray, J: int, k: int) -> FloatArray:
    """``(R, J, k, k)`` diagonal blocks of ``(R, J k, J k)``."""
    levels = np.arange(J)
    blocks: FloatArray = square.reshape(len(square), J, k, J, k)[:, levels, :, levels, :].swapaxes(0, 1)
    return blocks


def _inverse_logdet_spd(S: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Inverse and log-determinant of ``(R, q, q)`` positive definite matrices by Cholesky."""
    inverse, logdet = np.empty_like(S), np.empty(len(S))
    for r, s in enumerate(S):
        R, info = lapack.dpotrf(s.T, lower=0, clean=1)
        if info != 0:
            raise ModelError("Downdated VtV is not positive definite")
        logdet[r] = 2.0 * np.log(np.diagonal(R)).sum()
        upper, _ = lapack.dpotri(R, lower=0)
        inverse[r] = upper + np.triu(upper, 1).T
    return inverse, logdet
