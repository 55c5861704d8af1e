"""Satterthwaite's degrees of freedom for fixed effects, as lmerTest computes them.

The covariance V of the fixed effects is a function of the variance parameters phi = (theta, sigma^2).  With A = 2 H^-1
the covariance of their estimates, H the Hessian of minus twice the log-likelihood, a contrast l has

    df = 2 (l'V l)^2 / (g'A g),    g = gradient of l'V l by phi.

The gradients are exact; the Hessian by theta is a central difference of the exact gradient, so that, unlike lmerTest's
Richardson extrapolation of the deviance, it has some nine digits.  The result does not depend on how the variance
parameters are written (Kuznetsova, Brockhoff & Christensen 2017, JSS 82(13)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pylmer.criterion.criterion import Criterion
from pylmer.inference.kenward_roger import FTest
from pylmer.inference.parameters import Estimates
from pylmer.linalg.one_factor import Responses
from pylmer.linalg.small import lower_inverse
from pylmer.model import MerMod

FloatArray = NDArray[np.float64]

__all__ = ["Satterthwaite", "joint_df", "satterthwaite", "satterthwaite_many"]

STEP = 1e-4
#: Eigenvalues below this part of the largest count as zero; degrees of freedom nearer than that as equal.
RANK_TOL, SAME_DF = float(np.sqrt(np.finfo(np.float64).eps)), 1e-8


@dataclass(frozen=True)
class Satterthwaite:
    """What the degrees of freedom of any contrast need.

    ``V`` (p, p): covariance of the fixed effects; ``dV`` (m + 1, p, p): its derivatives by theta and sigma^2;
    ``A`` (m + 1, m + 1): covariance of the estimates of these.
    """

    V: FloatArray
    dV: FloatArray
    A: FloatArray

    def df(self, contrast: FloatArray) -> float:
        """Degrees of freedom of one contrast ``(p,)``."""
        variance = float(contrast @ self.V @ contrast)
        g = np.einsum("p,mpq,q->m", contrast, self.dV, contrast)
        return 2.0 * variance**2 / float(g @ self.A @ g)

    def coefficients(self) -> FloatArray:
        """Degrees of freedom of each fixed effect, ``(p,)``."""
        return np.array([self.df(row) for row in np.eye(len(self.V))])

    def variance(self, contrast: FloatArray) -> float:
        """Variance of a contrast."""
        return float(contrast @ self.V @ contrast)

    def F_test(self, L: FloatArray, beta: FloatArray) -> FTest:
        """Test L beta = 0 for rows L ``(q, p)``.

        L V L' is split into uncorrelated contrasts, each with a t-test of its own; the F that matches the mean of the
        sum of their squares gives the denominator (Fai & Cornelius 1996; Kuznetsova et al. 2017, section 3).
        """
        values, vectors = np.linalg.eigh(L @ self.V @ L.T)
        used = values > RANK_TOL * values[-1]
        rows = vectors[:, used].T @ L
        t2 = (rows @ beta) ** 2 / values[used]
        return FTest(float(t2.mean()), len(rows), joint_df(np.array([self.df(row) for row in rows])))


def joint_df(nu: FloatArray) -> float:
    """Denominator degrees of freedom of an F made of independent t-statistics with ``nu`` ``(q,)`` of their own."""
    if len(nu) == 1:
        return float(nu[0])
    if (np.abs(np.diff(nu)) < SAME_DF).all():
        return float(nu.mean())
    if (nu <= 2.0).any():
        return 2.0
    E = float((nu / (nu - 2.0)).sum())
    return 2.0 * E / (E - len(nu))


def satterthwaite(model: MerMod) -> Satterthwaite:
    """Derivatives and covariances at the optimum."""
    criterion, theta, tau = model.criterion, model.par, model.residual_sd**2
    around, step = _around(theta[None])
    slopes = np.concatenate([criterion.evaluate(point[None]).gradient for point in around[0]])
    dr2, dV = _derivatives(criterion, theta[None], None)
    A = _parameter_covariance(slopes[None], step, dr2, np.array([tau]), model.nu)
    V = model.vcov_beta
    return Satterthwaite(V, np.concatenate([tau * dV[0], V[None] / tau]), A[0])


def satterthwaite_many(criterion: Criterion, found: Estimates) -> FloatArray:
    """Degrees of freedom of each fixed effect in R fits to different responses, ``(R, p)``."""
    R, m = found.par.shape
    out = [np.empty((0, criterion.p))]
    size = max(1, criterion.chunk // (2 * m))
    for first in range(0, R, size):
        rows = np.arange(first, min(first + size, R))
        par, tau, V = found.par[rows], found.sigma[rows] ** 2, found.V[rows]
        around, step = _around(par)
        slopes = _gradients(criterion, around.reshape(-1, m), np.repeat(rows, 2 * m))
        dr2, dV = _derivatives(criterion, par, criterion.responses.take(rows))
        A = _parameter_covariance(slopes.reshape(-1, 2 * m, m), step, dr2, tau, criterion.nu)
        variance = np.diagonal(V, axis1=1, axis2=2)
        by_theta = tau[:, None, None] * np.diagonal(dV, axis1=2, axis2=3)
        g = np.concatenate([by_theta, (variance / tau[:, None])[:, None]], axis=1)
        out.append(2.0 * variance**2 / np.einsum("rmp,rmn,rnp->rp", g, A, g, optimize=True))
    return np.concatenate(out)


def _gradients(criterion: Criterion, par: FloatArray, rows: NDArray[np.intp]) -> FloatArray:
    """Gradients ``(S, m)`` of the responses ``rows``, as many at once as fit in memory."""
    parts = [slice(first, first + criterion.chunk) for first in range(0, len(par), criterion.chunk)]
    return np.concatenate([criterion.evaluate(par[part], rows[part]).gradient for part in parts])


def _around(theta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Points ``(R, 2 m, m)`` on both sides of theta ``(R, m)``, and their distances ``(R, m)``."""
    step = STEP * np.maximum(1.0, np.abs(theta))
    moves = step[:, None] * np.eye(theta.shape[1])
    return theta[:, None] + np.concatenate([moves, -moves], axis=1), step


def _derivatives(criterion: Criterion, theta: FloatArray, responses: Responses | None) -> tuple[FloatArray, FloatArray]:
    """Derivatives by theta of r2 = y'Py ``(R, m)``, and of (X'V0^-1X)^-1 ``(R, m, p, p)``, at theta ``(R, m)``.

    dr2 = -e'(dG) e with e = Z'Py;  d(X'V0^-1X)^-1 = Q (E'(dG) E) Q with E = Z'V0^-1X, Q = (X'V0^-1X)^-1.
    """
    s = criterion.solution(theta, responses)
    inverse = lower_inverse(s.chol)
    root = inverse[:, None, :-1, :-1]
    dr2, dQ = np.empty(theta.shape), np.empty((*theta.shape, criterion.p, criterion.p))
    for f, L, E in zip(criterion.maps, s.L, s.at.ZtVinvXy, strict=True):
        N, dG = E @ inverse.swapaxes(-1, -2)[:, None], f.dG(s.par, L)
        e, N_X = N[..., -1], N[..., :-1]
        dr2[:, f.index] = -s.r2[:, None] * np.einsum("rja,rabm,rjb->rm", e, dG, e, optimize=True)
        inner = np.einsum("rjap,rabm,rjbq->rmpq", N_X, dG, N_X, optimize=True)
        dQ[:, f.index] = root.swapaxes(-1, -2) @ inner @ root
    return dr2, dQ


def _parameter_covariance(
    slopes: FloatArray, step: FloatArray, dr2: FloatArray, tau: FloatArray, nu: int
) -> FloatArray:
    """Covariance A of the estimates of theta and sigma^2 = tau, ``(R, m + 1, m + 1)``.

    Parameters
    ----------
    slopes
        ``(R, 2 m, m)``: gradients on both sides of theta, ``step`` ``(R, m)`` away.
    dr2
        ``(R, m)``.
    tau
        ``(R,)``.
    nu
        Degrees of freedom of the residual.
    """
    R, m = step.shape
    profiled = (slopes[:, :m] - slopes[:, m:]) / (2.0 * step[..., None])
    H = np.empty((R, m + 1, m + 1))
    H[:, m, m] = nu / tau**2
    mixed = -dr2 / tau[:, None] ** 2
    H[:, :m, m] = H[:, m, :m] = mixed
    by_theta = mixed[:, :, None] * mixed[:, None] / H[:, m, m, None, None]
    H[:, :m, :m] = 0.5 * (profiled + profiled.swapaxes(-1, -2)) + by_theta
    unknown = ~np.isfinite(H).all(axis=(1, 2))
    H[unknown] = np.eye(m + 1)
    values, vectors = np.linalg.eigh(H)
    positive = values > 1e-8 * np.maximum(1.0, values[:, -1:])
    weight = np.where(positive, 2.0 / np.where(positive, values, 1.0), 0.0)
    covariance: FloatArray = (vectors * weight[:, None]) @ vectors.swapaxes(-1, -2)
    covariance[unknown] = np.nan
    return covariance
