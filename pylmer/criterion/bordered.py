"""Several grouping factors with one random effect a level, few of them in all: one bordered square.

With ``D = diag(theta of each random effect; 1)``,

    S(theta) = D [ Z'Z      Z'[X y]    ] D + [ I  0 ]
                 [ [X y]'Z  [X y]'[X y] ]     [ 0  0 ]

has ``log|V0|``, ``log|X'V0^-1X|`` and ``log r2`` as sums of logarithms of its pivots, and is quadratic in theta: the
criterion, its gradient and its exact Hessian take one Cholesky factorization and a few products (``pivots``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pylmer.covariance import FactorMap
from pylmer.criterion.pivots import Pivots
from pylmer.linalg.cross_products import CrossProducts
from pylmer.linalg.dense_square import square_of

FloatArray = NDArray[np.float64]

__all__ = ["Bordered"]


class Bordered:
    """The bordered square of scalar terms, for one response.

    Parameters
    ----------
    sums
        The cross-products; every factor has k = 1.
    maps
        Which element of theta each factor has.
    nu, REML
        Degrees of freedom of the residual, and which criterion.
    """

    def __init__(self, sums: CrossProducts, maps: Sequence[FactorMap], nu: int, REML: bool) -> None:
        B = np.concatenate([b[:, 0] for b in sums.B])
        q, c = B.shape
        self.q = q
        self.square = np.empty((q + c, q + c))
        self.square[:q, :q] = square_of(sums, range(len(maps)))
        self.square[:q, q:] = B
        self.square[q:, :q] = B.T
        self.square[q:, q:] = sums.C
        self.pivots = Pivots.of(q, c - 1, nu, REML)
        self.counts = [len(b) for b in sums.B]
        self.edges = np.cumsum([0, *self.counts])
        self.order = np.array([int(f.index[0]) for f in maps])  # theta's element of each factor
        self.scale = np.array([float(f.scale[0]) for f in maps])

    def _square(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """D ``(n,)``, and S ``(n, n)``."""
        D = np.ones(len(self.square))
        D[: self.q] = np.repeat(theta[self.order] * self.scale, self.counts)
        S = self.square * D
        S *= D[:, None]
        S.ravel()[: self.q * len(S) : len(S) + 1] += 1.0
        return D, S

    def value(self, theta: FloatArray) -> float:
        """The criterion at theta ``(m,)``."""
        return self.pivots.factor(self._square(theta)[1])[1]

    def evaluate(self, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Value, gradient ``(m,)`` and Hessian ``(m, m)``.

        dS/df = E_f (square D) + its transpose, d2S/df dg = E_f square E_g + its transpose, with E_f = 1 in the rows of
        factor f.
        """
        D, S = self._square(theta)
        chol, value = self.pivots.factor(S)
        inverse, K = self.pivots.kernel(chol)
        half = (self.square * D) @ inverse.T
        edges, m, n = self.edges, len(self.scale), len(S)
        Y = np.empty((m, n, n))
        for f in range(m):
            rows = slice(edges[f], edges[f + 1])
            one_side = inverse[:, rows] @ half[rows]
            np.add(one_side, one_side.T, out=Y[f])
        gradient = np.diagonal(Y, axis1=1, axis2=2) @ self.pivots.weights
        bent = self.square[: self.q, : self.q] * K[: self.q, : self.q]
        first = edges[:-1]
        bend = np.add.reduceat(np.add.reduceat(bent, first, axis=0), first, axis=1)
        hessian = 2.0 * bend - self.pivots.products(Y)
        back = np.empty(m, dtype=np.intp)
        back[self.order] = np.arange(m)
        gradient, hessian = gradient * self.scale, hessian * (self.scale[:, None] * self.scale)
        return value, gradient[back], hessian[back[:, None], back]
