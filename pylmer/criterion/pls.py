"""Penalized least squares and the profiled criterion: the displayed equations.

With V0 = I + Z G Z', P = V0^-1 - V0^-1X (X'V0^-1X)^-1 X'V0^-1, r2 = y'Py, nu = n - p (REML) or n (ML):

    d(theta) = log|V0| + [REML] log|X'V0^-1X| + nu (1 + log(2 pi r2 / nu))      Bates et al. 2015, eqs. 34 and 41

(log|V0| = log|L'Z'ZL + I|, r2 = penalized residual sum of squares at the solution).  One Cholesky factor

    chol [X y]'V0^-1[X y]  =  [ RX'  0 ]
                              [ c'   r ]

holds RX, c = RX'^-1 X'V0^-1y and r2 = r^2, and its inverse turns Z'V0^-1[X y] into N = [N_X e/r], N_X = Z'V0^-1X RX^-1,
e = Z'Py: what gradient and information are made of.  All arrays have a leading axis of R replicates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pylmer.covariance import AnyMap
from pylmer.linalg.cross_products import Factor
from pylmer.linalg.one_factor import Responses
from pylmer.linalg.small import bmm, cholesky, lower_inverse

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["AtTheta", "Derivatives", "Solution", "Structure", "derivatives", "solve"]


class AtTheta(Protocol):
    """The problem with its random effects eliminated, at R values of theta."""

    G: tuple[FloatArray, ...]
    logdet: FloatArray
    ZtVinvXy: tuple[FloatArray, ...]
    XytVinvXy: FloatArray

    def W_sums(self) -> tuple[FloatArray, ...]:
        """Per factor, the sum over levels of W_jj, W = Z'V0^-1Z."""

    def W_quadratic(self, F: Sequence[FloatArray]) -> FloatArray:
        """F'W F."""

    def H_blocks(self) -> tuple[FloatArray, ...]:
        """Per factor, the diagonal blocks of H = (Z'Z + G^-1)^-1."""

    def H_rows(self, factors: Sequence[Factor]) -> FloatArray:
        """z_i'H z_i for the rows of Z."""


class Structure(Protocol):
    """The theta-free problem, stored as its pattern allows."""

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(J, k) of each factor."""

    def at(self, L: Sequence[FloatArray], responses: Responses) -> AtTheta:
        """Eliminate the random effects."""

    def bytes_per_replicate(self) -> int:
        """Memory that one replicate takes while it is evaluated."""


@dataclass(frozen=True)
class Solution:
    """The solution at R values of theta. # depends: theta, y"""

    par: FloatArray  # (R, m)
    L: tuple[FloatArray, ...]  # per factor (R, k, k)
    at: AtTheta
    chol: FloatArray  # (R, p + 1, p + 1)
    ldL2: FloatArray  # (R,) log|V0|
    ldRX2: FloatArray  # (R,) log|X'V0^-1X|
    r2: FloatArray  # (R,) penalized residual sum of squares
    value: FloatArray  # (R,) the criterion
    nu: int
    REML: bool

    @property
    def beta(self) -> FloatArray:
        """Fixed effects ``(R, p)``: RX beta = c."""
        inverse = lower_inverse(self.chol)
        return -inverse[:, -1, :-1] / inverse[:, -1, -1:]


@dataclass(frozen=True)
class Derivatives:
    """Gradient and (average information) Hessian of the criterion by theta."""

    gradient: FloatArray  # (R, m)
    hessian: FloatArray  # (R, m, m)


def solve(
    structure: Structure, maps: Sequence[AnyMap], theta: FloatArray, responses: Responses, nu: int, REML: bool
) -> Solution:
    """Eliminate b, then beta, at R values of theta ``(R, m)``."""
    L = tuple(f.L(theta) for f in maps)
    at = structure.at(L, responses)
    chol = cholesky(at.XytVinvXy)
    diagonal = chol.diagonal(axis1=-2, axis2=-1)
    logs = 2.0 * np.log(diagonal)
    ldRX2 = logs[:, :-1].sum(axis=-1)
    value = at.logdet + nu * (logs[:, -1] + (1.0 + math.log(2.0 * math.pi / nu)))
    if REML:
        value += ldRX2
    return Solution(theta, L, at, chol, at.logdet, ldRX2, diagonal[:, -1] ** 2, value, nu, REML)


class Slopes(Protocol):
    """What derivatives by parameters of one factor's G need: their places, and how G moves and bends with them."""

    @property
    def k(self) -> int:
        """Size of G."""

    @property
    def index(self) -> IntArray:
        """Places ``(m_f,)`` of the parameters among all."""

    def dG(self, par: FloatArray, L: FloatArray) -> FloatArray:
        """Derivatives of G, ``(R, k, k, m_f)``."""

    def curvature(self, par: FloatArray, dd_dG: FloatArray) -> FloatArray:
        """Second derivative through the bend of G, ``(R, m_f, m_f)``."""


def derivatives(solution: Solution, maps: Sequence[Slopes]) -> Derivatives:
    """Exact gradient, and the average information plus the exact curvature of G = L L'.

    dd/dG_f  = sum_j [ W_jj - [REML] N_Xj N_Xj' - nu (e/r)_j (e/r)_j' ]
    dd/dtheta_i = tr(dd/dG dG_i)
    AI_ij    = nu [ F_i' W F_j - F_i'N N'F_j ],     F_i = dG_i e / r       (Gilmour, Thompson & Cullis 1995)
    """
    at, nu = solution.at, solution.nu
    inverse_t = lower_inverse(solution.chol).swapaxes(-1, -2)
    R, m, c = len(solution.r2), sum(len(f.index) for f in maps), inverse_t.shape[-1]
    root_weight = np.full(c, float(solution.REML))
    root_weight[-1] = math.sqrt(nu)
    gradient = np.empty((R, m))
    curvature = np.zeros((R, m, m))
    FN = np.zeros((R, m, c))
    F = []
    for f, L, W, E in zip(maps, solution.L, at.W_sums(), at.ZtVinvXy, strict=True):
        J, k, mf = E.shape[1], f.k, len(f.index)
        N = E.reshape(R, J * k, c) @ inverse_t
        dd_dG = W - _gram_over_levels(N * root_weight, J, k)
        dG = f.dG(solution.par, L)
        gradient[:, f.index] = (dd_dG.reshape(R, 1, k * k) @ dG.reshape(R, k * k, mf))[:, 0]
        curvature[:, f.index[:, None], f.index] = f.curvature(solution.par, dd_dG)
        e = N[..., -1].reshape(R, J, k)
        columns = bmm(e, dG.reshape(R, k, k * mf)).reshape(R, J, k, mf)
        if mf < m:
            full = np.zeros((R, J, k, m))
            full[..., f.index] = columns
            columns = full
        F.append(columns)
        FN += columns.reshape(R, J * k, m).swapaxes(-1, -2) @ N
    information = nu * (at.W_quadratic(F) - FN @ FN.swapaxes(-1, -2))
    return Derivatives(gradient, information + curvature)


def _gram_over_levels(N: FloatArray, J: int, k: int) -> FloatArray:
    """``sum_j N_j N_j'`` of ``(R, J k, c)``: ``(R, k, k)``."""
    R, _, c = N.shape
    rows = N.reshape(R, J, k, c).swapaxes(1, 2).reshape(R, k, J * c)
    return rows @ rows.swapaxes(-1, -2)
