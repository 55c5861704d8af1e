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

from pylmer.inference.kenward_roger import FTest
from pylmer.model import MerMod

FloatArray = NDArray[np.float64]

__all__ = ["Satterthwaite", "joint_df", "satterthwaite"]

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
    m, nu = len(theta), model.nu
    step = STEP * np.maximum(1.0, np.abs(theta))
    around = np.concatenate([theta + np.diag(step), theta - np.diag(step)])
    slopes = np.concatenate([criterion.evaluate(point[None]).gradient for point in around])
    profiled = (slopes[:m] - slopes[m:]) / (2.0 * step[:, None])
    profiled = 0.5 * (profiled + profiled.T)

    dr2, dV_theta = criterion.theta_derivatives(theta)
    H = np.empty((m + 1, m + 1))
    mixed = -dr2 / tau**2
    H[m, m] = nu / tau**2
    H[:m, m] = H[m, :m] = mixed
    H[:m, :m] = profiled + np.outer(mixed, mixed) / H[m, m]
    values, vectors = np.linalg.eigh(H)
    positive = values > 1e-8 * max(1.0, float(values.max()))
    A = 2.0 * (vectors[:, positive] / values[positive]) @ vectors[:, positive].T
    V = model.vcov_beta
    return Satterthwaite(V, np.concatenate([tau * dV_theta, V[None] / tau]), A)
