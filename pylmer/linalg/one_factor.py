"""Elimination of one grouping factor: every level is a k x k block of its own.

Notation, for one factor with ``G = L L'`` the relative covariance of a level's k random effects:

    S_j = L'A_jL + I                      (Bates et al. 2015, eq. 18, one diagonal block)
    T_j = (I + A_jG)^-1                   so that V0^-1 = I - Z diag(G T_j) Z'
    H_j = G T_j = L S_j^-1 L'             covariance of b_j given y, over sigma^2
    W_jj = T_j A_j = (Z'V0^-1Z)_jj

Arrays carry a leading axis of R replicates, one theta and one response each; what is the same for all replicates
(A, Z'X) is stored once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pylmer.linalg.cross_products import CrossProducts, Factor
from pylmer.linalg.small import bmm, inverse_logdet

FloatArray = NDArray[np.float64]

__all__ = ["LevelBlocks", "OneFactor", "OneFactorAtTheta", "Responses", "bordered"]


@dataclass(frozen=True)
class Responses:
    """The y column of the cross-products, for R responses at once.

    ``Zy`` holds per factor ``(R, J, k)``, ``Xy`` is ``(R, p)``, ``yy`` is ``(R,)``.
    """

    Zy: tuple[FloatArray, ...]
    Xy: FloatArray
    yy: FloatArray

    @property
    def R(self) -> int:
        """Number of responses."""
        return len(self.yy)

    def take(self, index: NDArray[np.intp] | slice) -> Responses:
        """Select some of the responses."""
        return Responses(tuple(z[index] for z in self.Zy), self.Xy[index], self.yy[index])

    @classmethod
    def of(cls, sums: CrossProducts) -> Responses:
        """Return the one response that the cross-products were summed with."""
        return cls(
            tuple(B[None, :, :, -1] for B in sums.B),
            sums.C[None, :-1, -1],
            sums.C[None, -1, -1],
        )


_DIAGONALS = [np.arange(k) for k in range(16)]


def bordered(XX: FloatArray, responses: Responses) -> FloatArray:
    """``[X y]'[X y]`` of the first response, ``(p + 1, p + 1)``."""
    p = len(XX)
    C = np.empty((p + 1, p + 1))
    C[:p, :p] = XX
    C[p, :p] = C[:p, p] = responses.Xy[0]
    C[p, p] = responses.yy[0]
    return C


class LevelBlocks:
    """One factor eliminated at R values of theta: T, and ``Z'V0^-1`` times Z and ``[X y]``.

    ``AX`` is ``(J, k, k + p)``: A beside Z'X; ``AXy`` the same with the column Z'y, for one response alone.
    """

    def __init__(self, AX: FloatArray, G: FloatArray, Zy: FloatArray, AXy: FloatArray | None = None) -> None:
        k = G.shape[-1]
        self.G = G[:, None]
        K = bmm(AX[..., :k], self.G)
        diagonal = _DIAGONALS[k] if k < len(_DIAGONALS) else np.arange(k)
        K[..., diagonal, diagonal] += 1.0
        self.T, logdet = inverse_logdet(K)
        self.logdet = logdet.sum(axis=-1)
        if AXy is not None:
            WE = bmm(self.T, AXy)
            self.E = WE[..., k:]
        else:
            WE = bmm(self.T, AX)
            self.E = np.concatenate([WE[..., k:], bmm(self.T, Zy[..., None])], axis=-1)
        self.W = WE[..., :k]

    @cached_property
    def H(self) -> FloatArray:
        """``(R, J, k, k)``: H_j = G T_j, symmetric."""
        H = bmm(self.G, self.T)
        return H if H.shape[-1] == 1 else 0.5 * (H + H.swapaxes(-1, -2))

    @cached_property
    def GE(self) -> FloatArray:
        """``(R, J k, p + 1)``: G Z'V0^-1[X y], the conditional modes that each column would have as a response."""
        GE = bmm(self.G, self.E)
        return GE.reshape(len(GE), -1, GE.shape[-1])


class OneFactor:
    """A model with one grouping factor: nothing but batches of k x k matrices."""

    def __init__(self, sums: CrossProducts) -> None:
        (A,), (B,) = sums.A, sums.B
        self.J, self.k = int(A.shape[0]), int(A.shape[1])
        self.p = int(B.shape[-1]) - 1
        self.AX = np.concatenate([A, B[..., :-1]], axis=-1)
        self.ZX = np.ascontiguousarray(B[..., :-1].reshape(self.J * self.k, self.p))
        self.XX = np.ascontiguousarray(sums.C[:-1, :-1])
        self._joined: tuple[Responses, tuple[FloatArray, FloatArray, FloatArray]] | None = None

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(J, k) of the factor."""
        return ((self.J, self.k),)

    def joined(self, responses: Responses) -> tuple[FloatArray, FloatArray, FloatArray] | None:
        """For one response: A, Z'X, Z'y side by side, ``Z'[X y]`` as ``(J k, p + 1)``, and ``[X y]'[X y]``."""
        if responses.R > 1:
            return None
        kept = self._joined  # threads may evaluate side by side: what is returned is what was looked at
        if kept is None or kept[0] is not responses:
            Zy = responses.Zy[0][0]
            parts = (
                np.concatenate([self.AX, Zy[..., None]], axis=-1),
                np.concatenate([self.ZX, Zy.reshape(-1, 1)], axis=-1),
                bordered(self.XX, responses),
            )
            kept = self._joined = (responses, parts)
        return kept[1]

    def bytes_per_replicate(self) -> int:
        """Memory that one replicate takes while it is evaluated."""
        return 8 * int(self.J) * int(self.k) * (6 * self.k + 3 * self.p + 3)

    def at(self, L: Sequence[FloatArray], responses: Responses) -> OneFactorAtTheta:
        """Eliminate the random effects at R values of L, ``(R, k, k)``."""
        return OneFactorAtTheta(self, L[0], responses)


class OneFactorAtTheta:
    """What is left of the problem when the random effects are eliminated at R values of theta."""

    def __init__(self, structure: OneFactor, L: FloatArray, responses: Responses) -> None:
        self.structure = structure
        self.G: tuple[FloatArray, ...] = (L @ L.swapaxes(-1, -2),)
        one = structure.joined(responses)
        if one is not None:
            AXy, ZXy, C = one
            self.levels = LevelBlocks(structure.AX, self.G[0], responses.Zy[0], AXy)
            self.XytVinvXy = C - ZXy.T @ self.levels.GE
        else:
            self.levels = LevelBlocks(structure.AX, self.G[0], responses.Zy[0])
            self.XytVinvXy = downdate(structure.XX, structure.ZX, responses, responses.Zy[0], self.levels)
        self.logdet = self.levels.logdet
        self.ZtVinvXy: tuple[FloatArray, ...] = (self.levels.E,)

    def W_sums(self) -> tuple[FloatArray, ...]:
        """Per factor ``(R, k, k)``: the sum over levels of W_jj."""
        return (self.levels.W.sum(axis=1),)

    def W_quadratic(self, F: Sequence[FloatArray]) -> FloatArray:
        """``F'Z'V0^-1Z F`` for columns F, per factor ``(R, J, k, m)``: ``(R, m, m)``."""
        (F0,) = F
        R, m = len(F0), F0.shape[-1]
        WF = bmm(self.levels.W, F0).reshape(R, -1, m)
        return F0.reshape(R, -1, m).swapaxes(-1, -2) @ WF

    def H_rows(self, factors: Sequence[Factor]) -> FloatArray:
        """``z_i'H z_i`` for the rows of Z of one replicate: ``(n,)``."""
        (f,) = factors
        quadratic: FloatArray = np.einsum("na,nab,nb->n", f.columns, self.levels.H[0][f.codes], f.columns)
        return quadratic

    def H_blocks(self) -> tuple[FloatArray, ...]:
        """Per factor ``(R, J, k, k)``: covariance of each level's b given y and theta, over sigma squared."""
        return (self.levels.H,)


def downdate(XX: FloatArray, ZX: FloatArray, responses: Responses, Zy: FloatArray, levels: LevelBlocks) -> FloatArray:
    """``[X y]'V0^-1[X y] = [X y]'[X y] - B'H B`` with B = Z'[X y], ``(R, p + 1, p + 1)``, lower triangle filled."""
    R, p = responses.Xy.shape
    out = np.empty((R, p + 1, p + 1))
    HB = levels.GE
    if p:
        B_HB = ZX.T @ HB
        out[:, :p, :p] = XX - B_HB[..., :p]
        out[:, p, :p] = responses.Xy - B_HB[..., p]
    out[:, p, p] = responses.yy - (Zy.reshape(R, 1, -1) @ HB[..., p:])[:, 0, 0]
    return out
