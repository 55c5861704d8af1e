"""Several grouping factors with one random effect a level, few of them in all: one bordered square.

With ``D = diag(theta of each random effect; 1)``,

    S(theta) = D [ Z'Z      Z'[X y]    ] D + [ I  0 ]
                 [ [X y]'Z  [X y]'[X y] ]     [ 0  0 ]

has ``log|V0|``, ``log|X'V0^-1X|`` and ``log r2`` as sums of logarithms of its pivots, and is quadratic in theta: the
criterion, its gradient and its exact Hessian take one Cholesky factorization and a few products (``pivots``).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from pylmer.covariance import FactorMap
from pylmer.criterion.pivots import Pivots
from pylmer.linalg.cross_products import CrossProducts

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
        self.counts = [len(b) for b in sums.B]
        self.edges = [0, *accumulate(self.counts)]
        self.q = q = self.edges[-1]
        c = len(sums.C)
        self.square = _square_of(sums, self.edges)
        self.pivots = Pivots.of(q, c - 1, nu, REML)
        self.order = [int(f.index[0]) for f in maps]  # theta's element of each factor
        self.in_order = self.order == sorted(self.order)
        self.scale = np.array([float(f.scale[0]) for f in maps])

    def _square(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """D ``(n,)``, and S ``(n, n)``."""
        D = np.ones(len(self.square))
        own = theta if self.in_order else theta[self.order]
        D[: self.q] = (own * self.scale).repeat(self.counts)
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
        first = np.array(edges[:-1])
        bend = np.add.reduceat(np.add.reduceat(bent, first, axis=0), first, axis=1)
        hessian = 2.0 * bend - self.pivots.products(Y)
        gradient, hessian = gradient * self.scale, hessian * (self.scale[:, None] * self.scale)
        if self.in_order:
            return value, gradient, hessian
        back = np.argsort(self.order)
        return value, gradient[back], hessian[back[:, None], back]


def _square_of(sums: CrossProducts, edges: Sequence[int]) -> FloatArray:
    """``[Z X y]'[Z X y]`` of factors with one column each, whose rows begin at ``edges``."""
    q, c = edges[-1], len(sums.C)
    square = np.zeros((q + c, q + c))
    square.ravel()[: q * (q + c) : q + c + 1] = np.concatenate([A.ravel() for A in sums.A])
    for f, B in enumerate(sums.B):
        square[edges[f] : edges[f + 1], q:] = B[:, 0]
    square[q:, :q] = square[:q, q:].T
    square[q:, q:] = sums.C
    for (f, s), block in sums.cross.items():
        rows, cols = slice(edges[f], edges[f + 1]), slice(edges[s], edges[s + 1])
        square[rows, cols] = block if isinstance(block, np.ndarray) else block.toarray()
        square[cols, rows] = square[rows, cols].T
    return square
