"""Kenward and Roger's small-sample inference for fixed effects, from sums over groups alone.

Kenward & Roger (1997, Biometrics 53, 983-997) as spelled out by Halekoh & Hojsgaard (2014, JSS 59(9), section 4 and
appendix): the covariance of the response is linear in its parameters, Sigma = sum_i gamma_i G_i, and with
Phi = (X'Sigma^-1X)^-1

    P_i  = - X'Sigma^-1 G_i Sigma^-1 X           Q_ij = X'Sigma^-1 G_i Sigma^-1 G_j Sigma^-1 X
    I_ij = tr(Sigma^-1 G_i Sigma^-1 G_j) - 2 tr(Phi Q_ij) + tr(Phi P_i Phi P_j),            W = 2 I^-1
    Phi_A = Phi + 2 Phi [ sum_ij W_ij (Q_ij - P_i Phi P_j) ] Phi

All of it is the same for any basis of the space that the G_i span.  One is taken that has Sigma itself in it, in place
of the identity: with Sigma = tau V0 the n x n matrices then appear only as Z'V0^-1Z and Z'V0^-1X, which are there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from pylmer.criterion.pls import Solution
from pylmer.errors import ModelError
from pylmer.linalg.small import lower_inverse
from pylmer.linalg.w_pairs import pair_sums
from pylmer.model import MerMod

FloatArray = NDArray[np.float64]

__all__ = ["FTest", "KenwardRoger", "kenward_roger"]

REML_ONLY = "Kenward-Roger's method is only available for REML model fits"


@dataclass(frozen=True)
class FTest:
    """An F test: statistic (scaled, where there is a scale), degrees of freedom, p-value."""

    F: float
    ndf: int
    ddf: float
    scaling: float = 1.0

    @property
    def p(self) -> float:
        """Upper tail of the F distribution."""
        return float(fdtrc(self.ndf, self.ddf, self.F)) if self.F >= 0 else float("nan")


@dataclass(frozen=True)
class KenwardRoger:
    """What tests of fixed effects need.

    Parameters
    ----------
    Phi
        ``(p, p)`` covariance of the fixed effects.
    adjusted
        ``(p, p)``: Phi_A, adjusted for the variance of the estimated variances.
    W
        ``(M, M)`` covariance of the estimated covariance parameters.
    P
        ``(M, p, p)``: derivatives of X'Sigma^-1X.
    """

    Phi: FloatArray
    adjusted: FloatArray
    W: FloatArray
    P: FloatArray

    def df(self, contrast: FloatArray) -> float:
        """Degrees of freedom of one contrast ``(p,)``."""
        return self._reference(contrast[None])[0]

    def coefficients(self) -> FloatArray:
        """Degrees of freedom of each fixed effect, ``(p,)``."""
        return np.array([self.df(row) for row in np.eye(len(self.Phi))])

    def variance(self, contrast: FloatArray) -> float:
        """Adjusted variance of a contrast."""
        return float(contrast @ self.adjusted @ contrast)

    def F_test(self, L: FloatArray, beta: FloatArray) -> FTest:
        """Test L beta = 0 for independent rows L ``(q, p)``, by the scaled statistic (Halekoh & Hojsgaard, eq. 8)."""
        q = len(L)
        ddf, scaling = self._reference(L)
        Lb = L @ beta
        wald = float(Lb @ np.linalg.solve(L @ self.adjusted @ L.T, Lb)) / q
        return FTest(scaling * wald, q, ddf, scaling)

    def _reference(self, L: FloatArray) -> tuple[float, float]:
        """Denominator degrees of freedom and scale: the F whose first two moments are those of the statistic."""
        q = len(L)
        PhiL = self.Phi @ L.T
        Theta = L.T @ np.linalg.solve(L @ PhiL, L)
        # tr(Theta Phi P_i Phi) and the trace of its products
        S = np.einsum("ab,mbc->mac", Theta @ self.Phi, self.P) @ self.Phi
        traces = np.trace(S, axis1=1, axis2=2)
        A1 = float(traces @ self.W @ traces)
        A2 = float(np.einsum("ij,iab,jba->", self.W, S, S, optimize=True))
        B = (A1 + 6.0 * A2) / (2.0 * q)
        g = ((q + 1) * A1 - (q + 4) * A2) / ((q + 2) * A2)
        c = 3.0 * q + 2.0 * (1.0 - g)
        c1, c2, c3 = g / c, (q - g) / c, (q + 2.0 - g) / c
        mean = 1.0 / (1.0 - A2 / q)
        with np.errstate(divide="ignore", invalid="ignore"):
            excess = np.float64(1.0 + c1 * B) / ((1.0 - c2 * B) ** 2 * (1.0 - c3 * B)) / mean**2 - 1.0
            ddf = float(4.0 + (q + 2.0) / excess)  # q rho - 1, rho = V* / (2 E*^2)
            scaling = 1.0 if abs(ddf - 2.0) < 1e-2 or not np.isfinite(ddf) else ddf / (mean * (ddf - 2.0))
        return ddf, scaling


def kenward_roger(model: MerMod) -> KenwardRoger:
    """Adjusted covariance, and what degrees of freedom need, of a fit by REML.

    Raises
    ------
    ModelError
        For a fit by maximum likelihood, or with structured covariances (which are not linear in their parameters).
    """
    if not model.REML:
        raise ModelError(f"{REML_ONLY}: this one is by maximum likelihood, fit it with REML=True")
    if any(t.structure != "us" for t in model.design.re.terms):
        raise ModelError("Kenward-Roger's method is known for unstructured covariances only: use ddf='Satterthwaite'")
    tau = model.residual_sd**2
    s = model.criterion.solution(model.par[None])
    K, P, Q = _moments(model, s)
    root = lower_inverse(s.chol)[0, :-1, :-1]
    Phi = tau * (root.T @ root)
    # every G_i carries tau here: (dSigma/dg_i = tau G_i, dSigma/dlog tau = Sigma), so that no power of tau is left but
    # that of Phi
    P, Q = P / tau, Q / tau
    PhiP = Phi @ P
    information = K - 2.0 * np.einsum("ab,ijba->ij", Phi, Q) + np.einsum("iab,jba->ij", PhiP, PhiP)
    W = 2.0 * np.linalg.inv(0.5 * (information + information.T))
    PPhiP = np.einsum("iab,jbc->ijac", P, PhiP)
    inner = np.einsum("ij,ijab->ab", W, Q - PPhiP)
    adjusted = Phi + 2.0 * Phi @ inner @ Phi
    return KenwardRoger(Phi, 0.5 * (adjusted + adjusted.T), W, P)


def _directions(model: MerMod) -> list[tuple[int, FloatArray]]:
    """The G_i but Sigma: factor, and symmetric ``(k, k)`` that stands in each level's block."""
    out = []
    for (f, columns), t in zip(model.criterion.term_place, model.design.re.terms, strict=True):
        k = model.criterion.maps[f].k
        for b in range(t.k):
            for a in range(b, t.k):
                S = np.zeros((k, k))
                S[columns.start + a, columns.start + b] = S[columns.start + b, columns.start + a] = 1.0
                out.append((f, S))
    return out


def _moments(model: MerMod, s: Solution) -> tuple[FloatArray, FloatArray, FloatArray]:
    """``K_ij = tr(V0^-1G_i V0^-1G_j)``, ``P_i`` and ``Q_ij`` with V0 for Sigma; the last direction is V0 itself."""
    directions = _directions(model)
    M, p = len(directions) + 1, model.p
    E = [e[0, ..., :-1] for e in s.at.ZtVinvXy]
    root = s.chol[0, :-1, :-1]
    XVX = root @ root.T
    pairs = pair_sums(s.at, [(e.shape[0], e.shape[1]) for e in E])
    traces = [W[0] for W in s.at.W_sums()]
    K, P, Q = np.empty((M, M)), np.empty((M, p, p)), np.empty((M, M, p, p))
    columns = [np.zeros((1, *e.shape[:2], (M - 1) * p)) for e in E]
    for i, (f, S) in enumerate(directions):
        SE = np.einsum("ab,jbp->jap", S, E[f])
        P[i] = -np.einsum("jap,jaq->pq", E[f], SE)
        columns[f][0, ..., i * p : (i + 1) * p] = SE
        K[i, -1] = K[-1, i] = float((traces[f] * S).sum())
        Q[i, -1] = Q[-1, i] = -P[i]
        for j, (g, T) in enumerate(directions[: i + 1]):
            sums, first, second = (pairs[f, g], S, T) if f <= g else (pairs[g, f], T, S)
            K[i, j] = K[j, i] = float(np.einsum("ab,abcd,cd->", first, sums, second))
    if M > 1:
        found = s.at.W_quadratic(columns)[0].reshape(M - 1, p, M - 1, p)
        Q[:-1, :-1] = found.transpose(0, 2, 1, 3)
    P[-1], Q[-1, -1], K[-1, -1] = -XVX, XVX, model.n
    return K, P, Q
