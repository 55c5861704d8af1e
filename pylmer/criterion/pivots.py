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

    def value(self, S: FloatArray) -> float:
        """The criterion of S ``(c^2,)``, to the same bits as ``along`` gives it."""
        c = len(self.weights)
        return self._two(*S.tolist())[2] if c == 2 else self.factor(S.reshape(c, c))[1]

    def along(self, S: FloatArray, first: FloatArray, second: FloatArray) -> tuple[float, float, float]:
        """The criterion and its two derivatives along a line; S and its derivatives there are ``(c^2,)``."""
        if len(self.weights) == 2:
            return self._along_two(S.tolist(), first.tolist(), second.tolist())
        c = len(self.weights)
        chol, value = self.factor(S.reshape(c, c))
        inverse, K = self.kernel(chol)
        Y = inverse @ first.reshape(c, c) @ inverse.T
        flat = K.ravel()
        return value, float(first.dot(flat)), float(second.dot(flat)) - float(self.products(Y[None])[0, 0])

    def _along_two(self, S: list[float], first: list[float], second: list[float]) -> tuple[float, float, float]:
        """The same for c = 2 by hand: an intercept alone is what small models often have.

        ``d_2 = S_22 - r S_21`` with ``r = S_21 / S_11``, so that ``d_2'`` is the form of ``S'`` in ``(-r, 1)``, and
        ``r' = (S'_21 - r S'_11) / S_11``.
        """
        a = S[0]
        r, left, value = self._two(*S)
        if math.isnan(value):
            return value, value, value
        slope = first[3] - 2.0 * r * first[1] + r * r * first[0]
        bent = first[1] - r * first[0]
        curve = second[3] - 2.0 * r * second[1] + r * r * second[0] - 2.0 * bent * bent / a
        w, nu = self.weights.tolist()
        a1, d1 = first[0] / a, slope / left
        return value, w * a1 + nu * d1, w * (second[0] / a - a1 * a1) + nu * (curve / left - d1 * d1)

    def _two(self, a: float, b: float, _: float, d: float) -> tuple[float, float, float]:
        """r, d_2 and the criterion; NaN where S is not positive definite."""
        r = b / a if a > 0.0 else math.nan
        left = d - r * b
        if not left > 0.0:
            return r, left, math.nan
        w, nu = self.weights.tolist()
        return r, left, float(w * math.log(a) + nu * math.log(left) + self.constant)


@lru_cache(maxsize=32)
def _pivots(q: int, p: int, nu: int, REML: bool) -> Pivots:
    weights = np.ones(q + p + 1)
    weights[q:-1] = float(REML)
    weights[-1] = nu
    place = np.arange(q + p + 1)
    of_pairs = weights[np.maximum(place[:, None], place)].ravel()
    weights.flags.writeable = of_pairs.flags.writeable = False
    return Pivots(weights, of_pairs, nu * (1.0 + math.log(2.0 * math.pi / nu)))
