"""Several grouping factors from the rows themselves, by orthogonal transformations: nothing is squared.

With K = Z Lambda, one QR factorization of

    [ K  X y ]      [ R1  R2 ]
    [ I   0  ]  = Q [  0  R3 ]

gives ``log|V0| = 2 log|R1|`` and ``[X y]'V0^-1[X y] = R3'R3`` without a difference of large numbers.  It is dense, and
meant for hard models of modest size.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from pylmer.linalg.cross_products import Factor
from pylmer.linalg.dense_square import diagonal_blocks, square_rows
from pylmer.linalg.one_factor import Responses

FloatArray = NDArray[np.float64]

__all__ = ["DenseRows"]


class DenseRows:
    """Rows of Z (its columns divided by their scales) and of [X y].

    Parameters
    ----------
    factors
        The grouping factors.
    Xy
        ``(p + 1, n)``.
    """

    def __init__(self, factors: Sequence[Factor], Xy: FloatArray) -> None:
        self.shapes: tuple[tuple[int, int], ...] = tuple((f.J, f.k) for f in factors)
        self.edges = [0, *np.cumsum([f.q for f in factors]).tolist()]
        self.Xy = Xy.T
        n = len(self.Xy)
        self.Z = np.zeros((n, self.edges[-1]))
        for f, first in zip(factors, self.edges, strict=False):
            columns = first + f.codes[:, None] * f.k + np.arange(f.k)
            self.Z[np.arange(n)[:, None], columns] = f.columns

    def bytes_per_replicate(self) -> int:
        """Memory of one evaluation."""
        return 32 * int(self.Z.size)

    def at(self, L: Sequence[FloatArray], responses: Responses) -> DenseRowsAtTheta:
        """Eliminate the random effects at one L, per factor ``(1, k, k)``."""
        return DenseRowsAtTheta(self, L)

    def times_Lambda(self, L: Sequence[FloatArray]) -> FloatArray:
        """Z Lambda ``(n, q)``."""
        K = np.empty_like(self.Z)
        for (lo, hi), (J, k), Lf in zip(pairwise(self.edges), self.shapes, L, strict=True):
            K[:, lo:hi] = (self.Z[:, lo:hi].reshape(-1, J, k) @ Lf[0]).reshape(-1, J * k)
        return K

    def split(self, V: FloatArray) -> tuple[FloatArray, ...]:
        """Cut ``(q, c)`` into the factors' ``(1, J, k, c)``."""
        return tuple(
            V[lo:hi].reshape(1, J, k, -1) for (lo, hi), (J, k) in zip(pairwise(self.edges), self.shapes, strict=True)
        )


class DenseRowsAtTheta:
    """What is left of the problem when the random effects are eliminated at one theta."""

    def __init__(self, structure: DenseRows, L: Sequence[FloatArray]) -> None:
        self.structure, self.L = structure, L
        self.G: tuple[FloatArray, ...] = tuple(l @ l.swapaxes(-1, -2) for l in L)
        self.K = structure.times_Lambda(L)
        q, Xy = self.K.shape[1], structure.Xy
        zero = np.zeros((q, Xy.shape[1]))
        R: FloatArray = np.linalg.qr(np.block([[self.K, Xy], [np.eye(q), zero]]))[1]
        self.R1, R3 = R[:q, :q], R[q:, q:]
        self.logdet = np.array([2.0 * np.log(np.abs(np.diagonal(self.R1))).sum()])
        self.XytVinvXy = (R3.T @ R3)[None]
        self.VinvZ = self._Vinv(structure.Z)
        self.W = structure.Z.T @ self.VinvZ
        self.ZtVinvXy = structure.split(structure.Z.T @ self._Vinv(Xy))

    def _Vinv(self, M: FloatArray) -> FloatArray:
        """``V0^-1 M`` of ``(n, c)``, once refined."""
        x = self._solve(M)
        return x + self._solve(M - x - self.K @ (self.K.T @ x))

    def _solve(self, M: FloatArray) -> FloatArray:
        inner = solve_triangular(self.R1, self.K.T @ M, trans=1)
        solved: FloatArray = M - self.K @ solve_triangular(self.R1, inner)
        return solved

    @property
    def H(self) -> FloatArray:
        """``(q, q)`` covariance of b given y and theta, over sigma squared: Lambda S^-1 Lambda'."""
        root = np.empty_like(self.R1)
        half = solve_triangular(self.R1, np.eye(len(self.R1)), trans=1)  # R1^-T
        st = self.structure
        for (lo, hi), (J, k), Lf in zip(pairwise(st.edges), st.shapes, self.L, strict=True):
            root[:, lo:hi] = (half[:, lo:hi].reshape(-1, J, k) @ Lf[0].T).reshape(-1, J * k)
        H: FloatArray = root.T @ root
        return H

    def W_sums(self) -> tuple[FloatArray, ...]:
        """Per factor ``(1, k, k)``: the sum over levels of W_jj."""
        st = self.structure
        return tuple(
            diagonal_blocks(self.W[None, lo:hi, lo:hi], J, k).sum(axis=1)
            for (lo, hi), (J, k) in zip(pairwise(st.edges), st.shapes, strict=True)
        )

    def W_quadratic(self, F: Sequence[FloatArray]) -> FloatArray:
        """``F'W F`` for columns F, per factor ``(1, J, k, m)``: ``(1, m, m)``."""
        m = F[0].shape[-1]
        flat = np.concatenate([f.reshape(-1, m) for f in F])
        return np.asarray(flat.T @ self.W @ flat)[None]

    def H_rows(self, factors: Sequence[Factor]) -> FloatArray:
        """``z_i'H z_i`` for the rows of Z: ``(n,)``."""
        return square_rows(self.H, factors, self.structure.edges)

    def H_blocks(self) -> tuple[FloatArray, ...]:
        """Per factor ``(1, J, k, k)``: covariance of each level's b given y and theta, over sigma squared."""
        st, H = self.structure, self.H[None]
        return tuple(
            diagonal_blocks(H[:, lo:hi, lo:hi], J, k)
            for (lo, hi), (J, k) in zip(pairwise(st.edges), st.shapes, strict=True)
        )
