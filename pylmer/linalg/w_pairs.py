"""Sums over all pairs of levels of W = Z'V0^-1Z with itself: the traces that expected information is made of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pylmer.errors import ModelError
from pylmer.linalg.one_factor import OneFactorAtTheta

FloatArray = NDArray[np.float64]

__all__ = ["MAX_SQUARE", "pair_sums"]

#: With several grouping factors W is one dense square; more columns than this are refused.
MAX_SQUARE = 9_000


class HasW(Protocol):
    """A problem with its random effects eliminated."""

    def W_quadratic(self, F: Sequence[FloatArray]) -> FloatArray:
        """F'W F."""


def pair_sums(at: HasW, shapes: Sequence[tuple[int, int]]) -> dict[tuple[int, int], FloatArray]:
    """For each pair of factors f <= g: ``M[a, b, c, d] = sum_jl W[fja, glc] W[fjb, gld]``, ``(k_f, k_f, k_g, k_g)``.

    Parameters
    ----------
    at
        The problem at one theta.
    shapes
        (J, k) of each factor.

    Raises
    ------
    ModelError
        Several grouping factors with so many random effects that W does not fit in memory.
    """
    if isinstance(at, OneFactorAtTheta):
        W = at.levels.W[0]
        return {(0, 0): np.einsum("jac,jbd->abcd", W, W, optimize=True)}
    edges = np.cumsum([0] + [J * k for J, k in shapes]).tolist()
    W = _whole(at, shapes, edges)
    out = {}
    for g, (J_g, k_g) in enumerate(shapes):
        for f, (J_f, k_f) in enumerate(shapes[: g + 1]):
            block = W[edges[f] : edges[f + 1], edges[g] : edges[g + 1]].reshape(J_f, k_f, J_g, k_g)
            rows = np.ascontiguousarray(block.transpose(1, 3, 0, 2)).reshape(k_f * k_g, -1)
            sums = (rows @ rows.T).reshape(k_f, k_g, k_f, k_g)
            out[f, g] = sums.transpose(0, 2, 1, 3)
    return out


def _whole(at: HasW, shapes: Sequence[tuple[int, int]], edges: Sequence[int]) -> FloatArray:
    """W ``(q, q)``."""
    q = edges[-1]
    if q > MAX_SQUARE:
        raise ModelError(
            f"the covariance of {q} random effects of several grouping factors would take {8e-9 * q * q:.1f} GB; more "
            f"than {MAX_SQUARE} are refused: Satterthwaite's method does not need it"
        )
    eye = np.eye(q)
    columns = [eye[None, lo:hi].reshape(1, J, k, q) for (lo, hi), (J, k) in zip(pairwise(edges), shapes, strict=True)]
    W: FloatArray = at.W_quadratic(columns)[0]
    return W
