"""One grouping factor with one or two random effects a level, one response: value, gradient and Hessian written out.

For a level with cross-products A (k x k) and B = Z'[X y] (k x c), the determinant ``D = |I + A G|`` and the numerator
of ``B'H B = q / D``, ``H = G (I + A G)^-1``, are polynomials in the elements of G.  What the criterion needs,

    sum_j log D_j    and    M = [X y]'V0^-1[X y] = [X y]'[X y] - sum_j q_j / D_j,

and all their first and second derivatives, are then sums over levels with weights made of ``1 / D_j``: one matrix
product.  ``pls`` says the same for any number of effects; here an evaluation is a handful of array operations.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pylmer.covariance import FactorMap
from pylmer.criterion.pivots import Pivots
from pylmer.linalg.cross_products import CrossProducts

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Slopes = tuple[float, FloatArray, FloatArray]

#: Where a criterion of one parameter is looked at, in units of its column, for up to so many numbers.
AXIS = 2.0 ** np.arange(-7.0, 7.5, 0.5)
MOST_ON_AXIS = 100_000
#: Products of the columns of B are kept for up to so many cells.
MOST_CELLS = 2_000_000

__all__ = ["OneEffect", "TwoEffects", "closed_form"]


def closed_form(sums: CrossProducts, f: FactorMap, nu: int, REML: bool) -> OneEffect | TwoEffects | None:
    """The closed form for these sums; None where there is none, or where it would need much memory."""
    J, k, c = sums.B[0].shape
    if k > 2 or J * (1 if k == 1 else 4) * c * c > MOST_CELLS:
        return None
    pivots = Pivots.of(0, c - 1, nu, REML)
    return OneEffect(sums, f, pivots) if k == 1 else TwoEffects(sums, f, pivots)


class OneEffect:
    """k = 1, with a = A and b = B: ``D = 1 + a g``, ``q = g b b'``; derivatives by g = G.

    d(q/D)/dg = b b' / D^2,   d2(q/D)/dg2 = -2 a b b' / D^3,   d log D/dg = a / D,   d2 log D/dg2 = -a^2 / D^2
    """

    def __init__(self, sums: CrossProducts, f: FactorMap, pivots: Pivots) -> None:
        b = sums.B[0][:, 0]
        self.a = sums.A[0][:, 0, 0]
        self.bb = (b[:, :, None] * b[:, None, :]).reshape(len(b), -1)
        self.C, self.scale, self.pivots = sums.C, float(f.scale[0]), pivots

    def value(self, theta: FloatArray) -> float:
        """The criterion at theta ``(1,)``."""
        g = (self.scale * float(theta[0])) ** 2
        D = 1.0 + self.a * g
        return self.pivots.value(self.C.ravel() + (-g / D).dot(self.bb)) + float(np.log(D).sum())

    def evaluate(self, theta: FloatArray) -> Slopes:
        """Value, gradient ``(1,)`` and Hessian ``(1, 1)``."""
        slope = self.scale**2 * 2.0 * float(theta[0])
        g = 0.25 * (slope / self.scale) ** 2
        D = 1.0 + self.a * g
        E = self.a / D
        weights = np.empty((3, len(D)))
        weights[0] = -g / D
        weights[1] = -1.0 / (D * D)
        weights[2] = -2.0 * E * weights[1]
        M = weights.dot(self.bb)
        value, first, second = self.pivots.along(self.C.ravel() + M[0], M[1], M[2])
        second -= float(E.dot(E))
        first += float(E.sum())
        hessian = second * slope * slope + first * 2.0 * self.scale**2
        return value + float(np.log(D).sum()), np.array([first * slope]), np.array([[hessian]])

    def along_axis(self) -> FloatArray | None:
        """The criterion at ``AXIS``; None where the levels are too many, or it is no number somewhere."""
        if len(self.a) * len(AXIS) > MOST_ON_AXIS:
            return None
        g = (AXIS * AXIS)[:, None]
        D = 1.0 + g * self.a
        M = self.C - ((g / D) @ self.bb).reshape(-1, *self.C.shape)
        try:
            pivots = np.diagonal(np.linalg.cholesky(M), axis1=1, axis2=2)
        except np.linalg.LinAlgError:
            return None
        values: FloatArray = 2.0 * (np.log(pivots) @ self.pivots.weights) + np.log(D).sum(axis=1)
        return values + self.pivots.constant


@lru_cache(maxsize=64)
def _triangle(c: int) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Rows and columns of a lower triangle, where each cell of the square stands in it, how often it counts."""
    rows, cols = np.tril_indices(c)
    place = np.empty((c, c), dtype=np.intp)
    place[rows, cols] = place[cols, rows] = np.arange(len(rows))
    return rows, cols, place.ravel(), np.where(rows == cols, 1.0, 2.0)


@lru_cache(maxsize=1)
def _quotient_rule() -> FloatArray:
    """How q/D and its derivatives by g come out of the weighted sums: ``(676, 5)``, times ``(G11, G12, G22, |G|, 1)``.

    q = psi . P with psi = (G11, G12, G22, |G|) and P the four products of a level; for the value (row 0), the three
    first and the nine second derivatives (rows), what stands with the weights (1/D, its three first and its nine
    second derivatives) and the elements of P: ``(13, 13, 4)``.
    """
    psi = np.zeros((4, 5))
    psi[:, :4] = np.eye(4)
    first = np.zeros((3, 4, 5))
    first[[0, 1, 2], [0, 1, 2], 4] = 1.0
    first[0, 3, 2] = first[2, 3, 0] = 1.0  # |G| = G11 G22 - G12^2
    first[1, 3, 1] = -2.0
    rule = np.zeros((13, 13, 4, 5))
    rule[0, 0] = psi
    for i in range(3):
        rule[1 + i, 1 + i] += psi
        rule[1 + i, 0] += first[i]
        for j in range(3):
            row = 4 + 3 * i + j
            rule[row, row] += psi
            rule[row, 1 + i] += first[j]
            rule[row, 1 + j] += first[i]
    rule[[4 + 2, 4 + 6], 0, 3, 4] += 1.0
    rule[4 + 4, 0, 3, 4] -= 2.0
    return rule.reshape(-1, 5)


class TwoEffects:
    """k = 2: ``D = 1 + tr(A G) + |A||G|``, ``q = B'(G + |G| adj A)B``; derivatives by g = (G11, G12, G22).

    Symmetric products of columns are kept as lower triangles of t cells.
    """

    def __init__(self, sums: CrossProducts, f: FactorMap, pivots: Pivots) -> None:
        A, B = sums.A[0], sums.B[0]
        J, _, c = B.shape
        a11, a12, a22 = A[:, 0, 0], A[:, 0, 1], A[:, 1, 1]
        self.det_A = a11 * a22 - a12 * a12
        self.A = np.array([np.ones(J), a11, 2.0 * a12, a22, self.det_A])
        rows, cols, self.unpack, self.twice = _triangle(c)
        self.pick = rows * c + cols
        left, right = B.take(rows, axis=2), B.take(cols, axis=2)
        products = np.empty((J, 4, len(rows)))
        np.multiply(left, right, out=products[:, ::2])
        np.add(left[:, 0] * right[:, 1], left[:, 1] * right[:, 0], out=products[:, 1])
        adjugate = np.array([a22, -a12, a11]).T[:, None]
        np.matmul(adjugate, products[:, :3], out=products[:, 3:])
        self.products = products.reshape(J, -1)
        self.C, self.pivots = sums.C, pivots
        self.place, self.scale = f.rows + f.cols, f.scale[f.rows]
        self.where = self.place.tolist()
        self.subset = None if len(self.where) == 3 else self.place

    def _factor(self, theta: FloatArray) -> tuple[float, float, float]:
        """L11, L21, L22 of the scaled columns."""
        out = [0.0, 0.0, 0.0]
        for place, element in zip(self.where, (theta * self.scale).tolist(), strict=True):
            out[place] = element
        return out[0], out[1], out[2]

    def value(self, theta: FloatArray) -> float:
        """The criterion at theta ``(m,)``."""
        l11, l21, l22 = self._factor(theta)
        powers = np.array([1.0, l11 * l11, l11 * l21, l21 * l21 + l22 * l22, (l11 * l22) ** 2])
        D = powers.dot(self.A)
        sums = (1.0 / D).dot(self.products).reshape(4, -1)
        M = self.C - powers[1:].dot(sums).take(self.unpack).reshape(self.C.shape)
        return self.pivots.factor(M)[1] + float(np.log(D).sum())

    def evaluate(self, theta: FloatArray) -> Slopes:
        """Value, gradient ``(m,)`` and Hessian ``(m, m)``."""
        l11, l21, l22 = L = self._factor(theta)
        g11, g12, g22, det_G = l11 * l11, l11 * l21, l21 * l21 + l22 * l22, (l11 * l22) ** 2
        D, E, weights = self._levels(g11, g12, g22, det_G)
        rule = _quotient_rule().dot(np.array([g11, g12, g22, det_G, 1.0])).reshape(13, 52)
        M = rule.dot(weights.dot(self.products).reshape(52, -1))
        shape = self.C.shape
        squares = M[:4].take(self.unpack, axis=1).reshape(4, *shape)
        chol, value = self.pivots.factor(self.C - squares[0])
        inverse, K = self.pivots.kernel(chol)
        traces = M[1:].dot(K.ravel()[self.pick] * self.twice)
        Y = inverse @ squares[1:] @ inverse.T
        by_g = E.sum(axis=1) - traces[:3]
        second = -traces[3:].reshape(3, 3) - self.pivots.products(Y) - E.dot(E.T)
        bend = float(self.det_A.dot(weights[0]))
        second[0, 2] += bend
        second[2, 0] += bend
        second[1, 1] -= 2.0 * bend
        return value + float(np.log(D).sum()), *self._by_theta(L, by_g, second)

    def _levels(self, g11: float, g12: float, g22: float, det_G: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """D ``(J,)``, its logarithm's derivatives E ``(3, J)``; 1/D and its derivatives ``(13, J)``."""
        D_and_slopes = np.array(
            (
                *(1.0, g11, g12, g22, det_G),
                *(0.0, 1.0, 0.0, 0.0, g22),
                *(0.0, 0.0, 1.0, 0.0, -2.0 * g12),
                *(0.0, 0.0, 0.0, 1.0, g11),
            )
        )
        rows = D_and_slopes.reshape(4, 5).dot(self.A)
        D = rows[0]
        weights = np.empty((13, len(D)))
        w = np.divide(1.0, D, out=weights[0])
        E = rows[1:] * w
        slopes = np.multiply(E, -w, out=weights[1:4])
        np.multiply(E[:, None], -2.0 * slopes, out=weights[4:].reshape(3, 3, -1))
        bend = self.det_A * w * w
        weights[6:11:4] -= bend
        weights[8] += 2.0 * bend
        return D, E, weights

    def _by_theta(
        self, L: tuple[float, float, float], by_g: FloatArray, second: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Chain rule through G = L L' to the elements of theta that there are."""
        l11, l21, l22 = L
        d11, d12, d22 = by_g.tolist()
        dg = np.array([2.0 * l11, 0.0, 0.0, l21, l11, 0.0, 0.0, 2.0 * l21, 2.0 * l22]).reshape(3, 3)
        bend = np.array([2.0 * d11, d12, 0.0, d12, 2.0 * d22, 0.0, 0.0, 0.0, 2.0 * d22]).reshape(3, 3)
        hessian = dg.T.dot(second).dot(dg) + bend
        gradient = by_g.dot(dg)
        if self.subset is not None:
            gradient, hessian = gradient[self.subset], hessian[self.subset[:, None], self.subset]
        return gradient * self.scale, hessian * self.scale * self.scale[:, None]
