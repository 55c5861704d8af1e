"""One grouping factor, from what is left within its levels: nothing large is subtracted.

``[X y]'V0^-1[X y] = [X y]'[X y] - B'H B`` takes the random effects off the whole; where they explain all but 1e-8 of
it, half of the digits go with them.  With fits ``Bhat_j`` of each level's own rows, near to least squares, what they
leave ``r = [X y] - Z Bhat``, ``F = Z'r`` (nearly 0) and ``E = Z'V0^-1[X y] = W Bhat + T F`` with T = (I + A G)^-1 and
W = T A,

    [X y]'V0^-1[X y] = r'r + F'Bhat + Bhat'E - F'G E,

exactly, whatever Bhat is; the large terms r'r and Bhat'E are not negative.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pylmer.linalg.cross_products import CrossProducts, Factor, cross_products
from pylmer.linalg.one_factor import OneFactor, OneFactorAtTheta, Responses

FloatArray = NDArray[np.float64]

__all__ = ["OneFactorWithin"]

#: An eigenvalue of a level's correlations below this counts as none: the level cannot tell that combination.
NO_INFORMATION = 1e-11


class OneFactorWithin(OneFactor):
    """A model with one grouping factor and one response.

    Parameters
    ----------
    sums
        The cross-products.
    factor, Xy
        The rows that they were summed over.
    """

    def __init__(self, sums: CrossProducts, factor: Factor, Xy: FloatArray) -> None:
        super().__init__(sums)
        inverse = _pseudo_inverse(sums.A[0])
        self.Bhat, self.F = np.zeros_like(sums.B[0]), sums.B[0]
        self.squares = np.einsum("cn,cn->c", Xy, Xy)
        for _ in range(3):  # each time what the last one left to rounding
            self.Bhat = self.Bhat + inverse @ self.F
            rest = Xy - np.einsum("na,nac->cn", factor.columns, self.Bhat[factor.codes])
            self.F = cross_products([factor], rest).B[0]
        FB = np.einsum("jac,jad->cd", self.F, self.Bhat)
        self.within = rest @ rest.T + FB

    def lost(self, pivots: FloatArray) -> float:
        """By how much rounding is magnified in the last of the pivots ``(p + 1,)``.

        Only the rounding of the rows themselves is: they are subtracted, not their squares.
        """
        return float(1.0 + np.sqrt(self.squares[-1] / pivots[-1]))

    def at(self, L: Sequence[FloatArray], responses: Responses) -> OneFactorAtTheta:
        """Eliminate the random effects at R values of L, ``(R, k, k)``."""
        return _Within(self, L[0], responses)


class _Within(OneFactorAtTheta):
    def __init__(self, structure: OneFactorWithin, L: FloatArray, responses: Responses) -> None:
        super().__init__(structure, L, responses)
        E = self.levels.W @ structure.Bhat + self.levels.T @ structure.F
        self.levels.E = E
        self.ZtVinvXy = (E,)
        GE = self.levels.G @ E
        between = np.einsum("jac,rjad->rcd", structure.Bhat, E) - np.einsum("jac,rjad->rcd", structure.F, GE)
        M = structure.within + between
        self.XytVinvXy = 0.5 * (M + M.swapaxes(1, 2))


def _pseudo_inverse(A: FloatArray) -> FloatArray:
    """``(J, k, k)`` pseudo-inverses, judged in units of each level's own columns."""
    size = np.sqrt(np.diagonal(A, axis1=1, axis2=2))
    unit = np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(A / (unit[:, :, None] * unit[:, None, :]))
    useful = values > NO_INFORMATION
    inverse = np.where(useful, 1.0 / np.where(useful, values, 1.0), 0.0)
    scaled = (vectors * inverse[:, None, :]) @ vectors.swapaxes(1, 2)
    return np.asarray(scaled / (unit[:, :, None] * unit[:, None, :]))
