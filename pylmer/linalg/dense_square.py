"""Several grouping factors with few levels: Z'Z as one small dense square.

For one theta at a time and a few dozen random effects, one Cholesky factorization of the whole is faster than block
elimination, whose many small steps cost more than they save.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from pylmer.errors import ModelError
from pylmer.linalg.cross_products import CrossProducts, Factor
from pylmer.linalg.one_factor import Responses, bordered
from pylmer.linalg.small import cholesky

FloatArray = NDArray[np.float64]

#: Up to this size, several matrices are inverted together.
MANY_SMALL = 48
#: Up to this size an inverse is the product of the triangle's inverse with itself: it costs less than LAPACK's own way,
#: whose threads wait for each other on a busy machine (up to 0.2 s for 30 columns).
BY_TRIANGLE = 200

__all__ = [
    "DenseSquare",
    "DenseSquareAtTheta",
    "diagonal_blocks",
    "inverse_logdet_spd",
    "inverses_logdets_spd",
    "square_of",
    "square_rows",
]


def diagonal_blocks(square: FloatArray, J: int, k: int) -> FloatArray:
    """``(R, J, k, k)`` diagonal blocks of ``(R, J k, J k)``."""
    levels = np.arange(J)
    blocks: FloatArray = square.reshape(len(square), J, k, J, k)[:, levels, :, levels, :].swapaxes(0, 1)
    return blocks


def inverse_logdet_spd(S: FloatArray) -> tuple[FloatArray, float]:
    """Inverse and log-determinant of one positive definite matrix, by Cholesky; ``S`` may be overwritten.

    Raises
    ------
    ModelError
        If the matrix is not positive definite.
    """
    R, info = lapack.dpotrf(S.T, lower=0, clean=0, overwrite_a=1)
    if info != 0:
        raise ModelError("Downdated VtV is not positive definite")
    logdet = 2.0 * float(np.log(R.diagonal()).sum())
    if len(R) <= BY_TRIANGLE:
        root, _ = lapack.dtrtri(R, lower=0, overwrite_c=1)
        root = np.triu(root)
        return root @ root.T, logdet
    inverse, _ = lapack.dpotri(R, lower=0, overwrite_c=1)
    _mirror(inverse)
    return inverse, logdet


def inverses_logdets_spd(S: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Inverses and log-determinants of ``(R, q, q)`` positive definite matrices; ``S`` may be overwritten.

    Many small ones go through NumPy at once, large ones one by one.
    """
    if len(S) > 1 and S.shape[-1] <= MANY_SMALL:
        factors = cholesky(S)
        logdet = 2.0 * np.log(factors.diagonal(axis1=-2, axis2=-1)).sum(axis=-1)
        if np.isnan(logdet).any():
            raise ModelError("Downdated VtV is not positive definite")
        inverse = np.linalg.inv(S)
        return 0.5 * (inverse + inverse.swapaxes(-1, -2)), logdet
    logdet = np.empty(len(S))
    for r, one in enumerate(S):
        S[r], logdet[r] = inverse_logdet_spd(one)
    return S, logdet


def _mirror(M: FloatArray, block: int = 128) -> None:
    """Copy the upper triangle of M onto the lower one, block by block so that both stay in the cache."""
    n = len(M)
    for i in range(0, n, block):
        rows = slice(i, i + block)
        corner = M[rows, rows]
        lower = np.tril_indices(len(corner), -1)
        corner[lower] = corner.T[lower]
        for j in range(i + block, n, block):
            columns = slice(j, j + block)
            M[columns, rows] = M[rows, columns].T


def square_rows(H: FloatArray, factors: Sequence[Factor], edges: Sequence[int]) -> FloatArray:
    """``z_i'H z_i`` for rows that have non-zero elements only at their levels of some factors: ``(n,)``."""
    places = [
        (lo + f.codes * f.k + a, f.columns[:, a]) for f, lo in zip(factors, edges, strict=False) for a in range(f.k)
    ]
    total = np.zeros(len(places[0][0]))
    for i, (row, z) in enumerate(places):
        total += H[row, row] * z * z
        for col, w in places[:i]:
            total += 2.0 * H[row, col] * z * w
    return total


def square_of(sums: CrossProducts, factors: Sequence[int]) -> FloatArray:
    """Z'Z of some of the factors as one dense matrix."""
    sizes = [sums.A[f].shape[0] * sums.A[f].shape[1] for f in factors]
    edges = np.cumsum([0, *sizes])
    square = np.zeros((edges[-1], edges[-1]))
    for i, f in enumerate(factors):
        at = slice(*edges[i : i + 2])
        J, k, _ = sums.A[f].shape
        blocks = np.zeros((J, k, J, k))
        blocks[np.arange(J), :, np.arange(J), :] = sums.A[f]
        square[at, at] = blocks.reshape(J * k, J * k)
        for j, s in enumerate(factors[:i]):
            block = sums.cross[min(f, s), max(f, s)]
            dense = block if isinstance(block, np.ndarray) else block.toarray()
            other = slice(*edges[j : j + 2])
            first, second = (at, other) if f < s else (other, at)
            square[first, second] = dense
            square[second, first] = dense.T
    return square


class DenseSquare:
    """The cross-products as one dense matrix, for one response."""

    def __init__(self, sums: CrossProducts, responses: Responses) -> None:
        everything = range(len(sums.A))
        self.shapes = tuple((int(A.shape[0]), int(A.shape[1])) for A in sums.A)
        self.edges = np.cumsum([0] + [J * k for J, k in self.shapes]).tolist()
        self.A = square_of(sums, everything)
        p = sums.C.shape[0] - 1
        self.B = np.concatenate(
            [
                np.concatenate([B[..., :p].reshape(Zy[0].size, p), Zy.reshape(-1, 1)], axis=1)
                for B, Zy in zip(sums.B, responses.Zy, strict=True)
            ]
        )
        self.C = bordered(sums.C[:p, :p], responses)
        self.scalar = all(k == 1 for _, k in self.shapes)
        self.level_counts = [J for J, _ in self.shapes]

    def bytes_per_replicate(self) -> int:
        """Memory of one evaluation."""
        return 48 * int(self.A.size)

    def at(self, L: Sequence[FloatArray], responses: Responses) -> DenseSquareAtTheta:
        """Eliminate the random effects at one L, per factor ``(1, k, k)``."""
        return DenseSquareAtTheta(self, L)

    def split(self, V: FloatArray) -> tuple[FloatArray, ...]:
        """Cut ``(q, c)`` into the factors' ``(1, J, k, c)``."""
        return tuple(
            V[lo:hi].reshape(1, J, k, -1) for (lo, hi), (J, k) in zip(pairwise(self.edges), self.shapes, strict=True)
        )

    def Lambda(self, L: Sequence[FloatArray]) -> FloatArray:
        """Lambda as a dense matrix."""
        out = np.zeros_like(self.A)
        for (lo, hi), (J, k), Lf in zip(pairwise(self.edges), self.shapes, L, strict=True):
            blocks = np.zeros((J, k, J, k))
            blocks[np.arange(J), :, np.arange(J), :] = Lf[0]
            out[lo:hi, lo:hi] = blocks.reshape(J * k, J * k)
        return out


class DenseSquareAtTheta:
    """What is left of the problem when the random effects are eliminated at one theta."""

    def __init__(self, structure: DenseSquare, L: Sequence[FloatArray]) -> None:
        self.structure = st = structure
        self.G: tuple[FloatArray, ...] = tuple(l @ l.swapaxes(-1, -2) for l in L)
        if st.scalar:
            scale = np.repeat([float(l[0, 0, 0]) for l in L], st.level_counts)
            outer = scale[:, None] * scale
            M, logdet = self._inverse(st.A * outer)
            M *= outer
            self.H = M
        else:
            Lambda = st.Lambda(L)
            M, logdet = self._inverse(Lambda.T @ st.A @ Lambda)
            self.H = Lambda @ M @ Lambda.T
        self.logdet = np.array([logdet])
        self.AH = st.A @ self.H
        self.XytVinvXy = (st.C - st.B.T @ (self.H @ st.B))[None]
        self.ZtVinvXy = st.split(st.B - self.AH @ st.B)

    def _inverse(self, S: FloatArray) -> tuple[FloatArray, float]:
        S.ravel()[:: len(S) + 1] += 1.0
        return inverse_logdet_spd(S)

    def W_sums(self) -> tuple[FloatArray, ...]:
        """Per factor ``(1, k, k)``: the sum over levels of W_jj, W = A - A H A."""
        st, A = self.structure, self.structure.A
        if st.scalar:
            diagonal = A.diagonal() - np.einsum("ij,ij->i", self.AH, A)
            return tuple(diagonal[lo:hi].sum().reshape(1, 1, 1) for lo, hi in pairwise(st.edges))
        W = (A - self.AH @ A)[None]
        return tuple(
            diagonal_blocks(W[:, lo:hi, lo:hi], J, k).sum(axis=1)
            for (lo, hi), (J, k) in zip(pairwise(st.edges), st.shapes, strict=True)
        )

    def W_quadratic(self, F: Sequence[FloatArray]) -> FloatArray:
        """``F'W F`` for columns F, per factor ``(1, J, k, m)``: ``(1, m, m)``."""
        m = F[0].shape[-1]
        flat = np.concatenate([f.reshape(-1, m) for f in F])
        AF = self.structure.A @ flat
        quadratic: FloatArray = flat.T @ AF - AF.T @ (self.H @ AF)
        return quadratic[None]

    def H_rows(self, factors: Sequence[Factor]) -> FloatArray:
        """``z_i'H z_i`` for the rows of Z: ``(n,)``."""
        return square_rows(self.H, factors, self.structure.edges)

    def H_blocks(self) -> tuple[FloatArray, ...]:
        """Per factor ``(1, J, k, k)``: covariance of each level's b given y and theta, over sigma squared."""
        st = self.structure
        return tuple(
            diagonal_blocks(self.H[None, lo:hi, lo:hi], J, k)
            for (lo, hi), (J, k) in zip(pairwise(st.edges), st.shapes, strict=True)
        )
