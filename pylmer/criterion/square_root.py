"""Newton's method in square roots of the covariances: F with G = F F', square and free, instead of triangular L.

A singular G has no unique L, and near it the lower triangle is a poor set of coordinates: to turn the direction without
variance, elements of L must move along circles, and Newton's method creeps.  In the elements of any square F the
criterion is as smooth as in G.  F Q says the same as F for every rotation Q: along these directions the gradient is
zero, the Hessian is given some positive value, and so a step has no part in them.

Derivatives are taken by the elements of G (``pls``) and go to those of F by

    dG_ab / dF_ij = [a = i] F_bj + [b = i] F_aj,    and the bend of G adds 2 dd/dG_ac to the elements F_aj, F_cj.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from pylmer.covariance import AnyMap, FactorMap, TermCovariance, triangle
from pylmer.criterion.pls import Solution, Structure, derivatives, solve
from pylmer.linalg.one_factor import Responses

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

#: A rotation that moves F by less than this share of what others do is no direction of its own: its columns vanish.
TURNS = 1e-4

__all__ = ["SquareRoot", "have_roots"]


def have_roots(maps: Sequence[AnyMap]) -> TypeGuard[Sequence[FactorMap]]:
    """Whether all terms are unstructured, and some factor has several effects in one of them."""
    plain = [f for f in maps if isinstance(f, FactorMap)]
    return len(plain) == len(maps) and any(last - first > 1 for f in plain for first, last in f.blocks)


class SquareRoot:
    """The criterion of one response in the elements of F, row by row, term by term.

    Parameters
    ----------
    structure, responses, maps, nu, REML
        As ``pls.solve`` takes them; the maps are of triangular L.
    terms
        Sizes of the terms, in theta's order.
    log_weights
        Sum of the logarithms of the prior weights.
    """

    def __init__(
        self,
        structure: Structure,
        responses: Responses,
        maps: Sequence[FactorMap],
        terms: Sequence[TermCovariance],
        nu: int,
        REML: bool,
        log_weights: float,
    ) -> None:
        self.structure, self.responses, self.nu, self.REML = structure, responses, nu, REML
        self.log_weights = log_weights
        self.sizes = [t.k for t in terms]
        self.edges = np.cumsum([0] + [k * k for k in self.sizes]).tolist()
        self.theta_edges = np.cumsum([0] + [t.m for t in terms]).tolist()
        self.maps = list(maps)
        self.elements = [_Elements(f.k, f.index, f.rows, f.cols, f.scale) for f in maps]
        places = [first + r * k + c for first, k in zip(self.edges, self.sizes, strict=False) for r, c in [triangle(k)]]
        self.triangle = np.concatenate(places)

    def lift(self, theta: FloatArray) -> FloatArray:
        """F = L: elements ``(M,)`` from theta ``(m,)``."""
        par = np.zeros(self.edges[-1])
        par[self.triangle] = theta
        return par

    def _solve(self, par: FloatArray) -> tuple[Solution, list[tuple[FloatArray, FloatArray]]]:
        factored = self._factored(par)
        theta = np.concatenate([L[triangle(len(L))] for L, _ in factored])
        return solve(self.structure, self.maps, theta[None], self.responses, self.nu, self.REML), factored

    def __call__(self, par: FloatArray) -> float:
        """The criterion at one F ``(M,)``."""
        return float(self._solve(par)[0].value[0]) - self.log_weights

    def evaluate(self, par: FloatArray) -> SquareRootEvaluation:
        """Value, gradient and Hessian at F ``(1, M)``: average information and curvature, and what holds rotations."""
        solution, _ = self._solve(par[0])
        by_G = derivatives(solution, self.elements)
        to_F = np.zeros((len(by_G.gradient[0]), len(par[0])))
        bend = np.zeros((len(par[0]), len(par[0])))
        for (lo, hi), (first, last), k in self._blocks():
            F, (rows, cols) = par[0, first:last].reshape(k, k), triangle(k)
            slopes = np.eye(k)[:, None, :, None] * F[:, None]
            to_F[lo:hi, first:last] = (slopes + slopes.swapaxes(0, 1))[rows, cols].reshape(hi - lo, -1)
            twice = np.zeros((k, k))
            twice[rows, cols] = by_G.gradient[0, lo:hi]
            bend[first:last, first:last] = np.kron(twice + twice.T, np.eye(k))
        gradient, hessian = by_G.gradient[0] @ to_F, to_F.T @ by_G.hessian[0] @ to_F + bend
        turns = self._turns(par[0])
        hessian = _without(hessian, turns) + hessian.diagonal().max() * (turns @ turns.T)
        return SquareRootEvaluation(solution.value - self.log_weights, gradient[None], hessian[None])

    def _turns(self, par: FloatArray) -> FloatArray:
        """Orthonormal directions ``(M, c)`` in which F only turns: F times antisymmetric matrices."""
        parts = []
        for _, (first, last), k in self._blocks():
            F = par[first:last].reshape(k, k)
            i, j = np.triu_indices(k, 1)
            each = np.arange(len(i))
            moved = np.zeros((k, k, len(i)))
            moved[:, j, each] += F[:, i]
            moved[:, i, each] -= F[:, j]
            U, size, _ = np.linalg.svd(moved.reshape(k * k, len(i)), full_matrices=False)
            turns = np.zeros((len(par), len(i)))
            turns[first:last] = U * (size > TURNS * size.max(initial=0.0))
            parts.append(turns)
        return np.concatenate(parts, axis=1)

    def _blocks(self) -> list[tuple[tuple[int, int], tuple[int, int], int]]:
        """Per term: where its elements are in theta, where in F, and its size."""
        return list(zip(pairwise(self.theta_edges), pairwise(self.edges), self.sizes, strict=True))

    def theta(self, par: FloatArray) -> FloatArray:
        """``(m,)``: the lower triangles of the L that have ``L L' = F F'``."""
        return np.concatenate([L[triangle(len(L))] for L, _ in self._factored(par)])

    def by_theta(
        self, par: FloatArray, gradient: FloatArray, hessian: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """theta ``(m,)``, gradient ``(m,)`` and Hessian ``(m, m)`` by it, from those by F: L = F Q'."""
        turn = np.zeros((len(par), len(par)))
        theta = []
        for (first, last), (L, Q) in zip(pairwise(self.edges), self._factored(par), strict=True):
            turn[first:last, first:last] = np.kron(np.eye(len(L)), Q)
            theta.append(L[triangle(len(L))])
        keep = turn[self.triangle]
        return np.concatenate(theta), keep @ gradient, keep @ _without(hessian, self._turns(par)) @ keep.T

    def _factored(self, par: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
        """L, its diagonal not negative, and Q of each term's F = L Q."""
        out = []
        for (first, last), k in zip(pairwise(self.edges), self.sizes, strict=True):
            Qt, Lt = np.linalg.qr(par[first:last].reshape(k, k).T)
            signs = np.where(Lt.diagonal() < 0.0, -1.0, 1.0)
            out.append((Lt.T * signs, (Qt * signs).T))
        return out


def _without(hessian: FloatArray, directions: FloatArray) -> FloatArray:
    """The part of a Hessian ``(M, M)`` that is orthogonal to orthonormal directions ``(M, c)``."""
    left = hessian - directions @ (directions.T @ hessian)
    return left - (left @ directions) @ directions.T


@dataclass(frozen=True)
class SquareRootEvaluation:
    """What the optimizer asks of an evaluation."""

    value: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    exact: bool = False


@dataclass(frozen=True)
class _Elements:
    """The lower triangles of one factor's G in the places of theta, as ``pls`` asks maps for derivatives."""

    k: int
    index: IntArray
    rows: IntArray
    cols: IntArray
    scale: FloatArray

    @cached_property
    def _units(self) -> FloatArray:
        """``(1, k, k, m_f)``: 1 in both places of an element, in units of the columns."""
        units = np.zeros((1, self.k, self.k, len(self.index)))
        each = np.arange(len(self.index))
        size = self.scale[self.rows] * self.scale[self.cols]
        units[0, self.rows, self.cols, each] = units[0, self.cols, self.rows, each] = size
        return units

    def dG(self, par: FloatArray, L: FloatArray) -> FloatArray:
        """Derivatives of G by its own elements."""
        return self._units

    def curvature(self, par: FloatArray, dd_dG: FloatArray) -> FloatArray:
        """G does not bend in its own elements."""
        return np.zeros((len(par), len(self.index), len(self.index)))
