"""The criterion as a weighted sum of the logarithms of pivots, with exact first and second derivatives.

For a positive definite ``S`` with Cholesky factor C, ``S_i`` its leading block of i rows and ``d_i = C_ii^2 =
|S_i| / |S_(i-1)|`` its pivots,

    f(S) = sum_i w_i log d_i

has, with ``Y_a = C^-1 (dS/da) C^-T`` and ``K = C^-T diag(w) C^-1``,

    df/da      = tr(K dS/da)
    d2f/da db  = tr(K d2S/da db) - sum_ij w_max(i,j) Y_a,ij Y_b,ij,

for the second derivative of ``log|S_i|`` is ``tr(S_i^-1 d2S_i) - sum of Y_a Y_b over the leading block``, and these
telescope.  Weights of 1 for random effects, 1 (REML) or 0 (ML) for fixed effects, and nu for the response make it
Bates et al. 2015, eqs. 34 and 41.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

FloatArray = NDArray[np.float64]

__all__ = ["Pivots"]


@dataclass(frozen=True, eq=False)
class Pivots:
    """The weights ``(c,)``, and what never changes: ``w_max(i,j)`` as ``(c^2,)``, and the constant of the criterion."""

    weights: FloatArray
    of_pairs: FloatArray
    constant: float

    @classmethod
    def of(cls, q: int, p: int, nu: int, REML: bool) -> Pivots:
        """Weights of q random effects, p fixed effects and the response."""
        return _pivots(q, p, nu, REML)

    def factor(self, S: FloatArray) -> tuple[FloatArray, float]:
        """Cholesky factor of S ``(c, c)``, and the criterion; both NaN where S is not positive definite."""
        chol, info = lapack.dpotrf(S, lower=1, clean=1)
        if info != 0:
            return np.full_like(S, np.nan), math.nan
        return chol, 2.0 * float(self.weights @ np.log(chol.diagonal())) + self.constant

    def kernel(self, chol: FloatArray) -> tuple[FloatArray, FloatArray]:
        """C^-1 and K, ``(c, c)``."""
        inverse, _ = lapack.dtrtri(chol, lower=1)
        return inverse, (inverse.T * self.weights) @ inverse

    def products(self, Y: FloatArray) -> FloatArray:
        """``sum_ij w_max(i,j) Y_a,ij Y_b,ij`` of Y ``(m, c, c)``: ``(m, m)``."""
        flat = Y.reshape(len(Y), -1)
        products: FloatArray = (flat * self.of_pairs) @ flat.T
        return products


@lru_cache(maxsize=32)
def _pivots(q: int, p: int, nu: int, REML: bool) -> Pivots:
    weights = np.ones(q + p + 1)
    weights[q:-1] = float(REML)
    weights[-1] = nu
    place = np.arange(q + p + 1)
    of_pairs = weights[np.maximum(place[:, None], place)].ravel()
    weights.flags.writeable = of_pairs.flags.writeable = False
    return Pivots(weights, of_pairs, nu * (1.0 + math.log(2.0 * math.pi / nu)))
