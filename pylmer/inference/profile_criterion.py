"""The deviance with one parameter held, minimized over all others, for many parameters and values at once.

With lambda = log sigma^2 the deviance is

    f(theta, lambda) = log|V0| + r2 / sigma^2 + n log(2 pi sigma^2) - sum log w,        r2 = y'Py (Bates et al. 2015)

    df/dtheta = tr(W dG) - e'dG e / sigma^2,  e = Z'Py          df/dlambda = n - r2 / sigma^2

and lambda is a function of theta: constant where sigma is held, log c^2 - log |L_a|^2 where a standard deviation is,
log r2/n (where df/dlambda = 0) in the other cases.  Where a covariance is held, lambda is free, and L_ba a function of
it: c exp(-lambda) / L_aa.  The gradient is exact; the Hessian is its forward difference,
evaluated in the same batch, for average information is far from it where the data contradict the value held.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pylmer.covariance import AnyMap
from pylmer.criterion.criterion import Criterion, Evaluation
from pylmer.criterion.pls import AtTheta
from pylmer.inference.parameters import sd_and_correlations
from pylmer.inference.profile_focus import Focus, free_start, linear_map, natural_theta, reorder
from pylmer.linalg.one_factor import Responses
from pylmer.linalg.small import cholesky, lower_inverse
from pylmer.optimize.newton import ROUNDING, newton, newton_step

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["Held", "Minimum", "minimize_held"]

#: A step that promises less than this is the last, and is taken: what is left is of the order of its square.
TOLERANCE = 1e-6
LONGEST_LAST = 0.1
#: Step of the difference that gives the Hessian, relative to 0.1 + |element of theta|.
DIFFERENCE = 1e-6


@dataclass(frozen=True)
class Held:
    """One problem: a parameter, the value it is held at, and theta and sigma of a model nearby."""

    focus: Focus
    value: float
    theta: FloatArray
    sigma: float


@dataclass(frozen=True)
class Minimum:
    """Its solution: the deviance, theta in lme4's order, sigma, and all parameters ``(m + 1 + p,)``."""

    deviance: float
    theta: FloatArray
    sigma: float
    parameters: FloatArray


def minimize_held(criterion: Criterion, problems: Sequence[Held]) -> list[Minimum]:
    """Minimize the deviance of an ML criterion with one parameter held in each problem."""
    out: dict[int, Minimum] = {}
    groups: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for i, problem in enumerate(problems):
        groups.setdefault(problem.focus.group, []).append(i)
    for places in groups.values():
        for first in range(0, len(places), criterion.chunk):
            chunk = places[first : first + criterion.chunk]
            out.update(zip(chunk, _Batch(criterion, [problems[i] for i in chunk]).minimize(), strict=True))
    return [out[i] for i in range(len(problems))]


@dataclass(frozen=True)
class _Point:
    """What is known at S values of the free elements."""

    theta: FloatArray  # (S, m)
    L: tuple[FloatArray, ...]
    at: AtTheta
    chol: FloatArray  # (S, p + 1, p + 1)
    r2: FloatArray  # (S,)
    length2: FloatArray  # (S,) |L_a|^2 where a standard deviation is held, else 1
    log_variance: FloatArray  # (S,)
    value: FloatArray  # (S,)


class _Batch:
    """Problems that share one order of the coefficients."""

    def __init__(self, criterion: Criterion, problems: Sequence[Held]) -> None:
        self.criterion, self.problems = criterion, problems
        S, m, p = len(problems), len(criterion.lower), criterion.p
        self.maps: tuple[AnyMap, ...] = reorder(problems[0].focus, criterion.maps)
        self.A = np.stack([linear_map(h.focus, h.value, m) for h in problems])
        self.dead = (self.A == 0).all(axis=1)
        self.fixed = np.array([h.focus.kind == "sigma" for h in problems])
        self.tied = np.array([h.focus.kind == "sd" and h.value > 0 for h in problems])
        self.row = np.zeros((S, m))
        self.squared = np.zeros((S, m), dtype=bool)
        self.log_square = np.zeros(S)
        self.covariance = np.array([h.focus.kind == "cov" for h in problems])
        self.pair = np.array([(h.focus.pair or (0, 0, 0))[:2] for h in problems])
        self.dead[self.covariance, self.pair[self.covariance, 1]] = False
        self.held = np.array([h.value for h in problems])
        self.column = np.full(S, -1)
        self.shift = np.zeros(S)
        for i, h in enumerate(problems):
            if self.fixed[i] or self.tied[i]:
                self.log_square[i] = 2.0 * math.log(h.value) if h.value > 0 else -np.inf
            if h.focus.row is not None:
                self.row[i] = h.focus.row
            if h.focus.pair is not None:
                anchor, _, own = h.focus.pair
                self.squared[i, [anchor, own] if h.focus.kind == "cor" else anchor] = True
            if h.focus.kind == "beta":
                self.column[i] = j = h.focus.place - m - 1
                self.shift[i] = h.value - criterion.beta0[j]
        self.below = np.tri(p + 1, dtype=bool)
        self.moves = np.tile(np.eye(p + 1), (S, 1, 1))
        held = np.flatnonzero(self.column >= 0)
        self.moves[held, self.column[held], self.column[held]] = 0.0
        self.moves[held, self.column[held], p] = -self.shift[held]

    def minimize(self) -> list[Minimum]:
        start = np.stack([free_start(h.focus, h.theta, h.value, h.sigma) for h in self.problems])
        with np.errstate(all="ignore"):
            found = newton(self.evaluate, np.where(self.dead, 0.0, start), TOLERANCE)
            last, _ = newton_step(found.gradient, found.hessian, np.full(len(start), LONGEST_LAST))
            s = self.point(found.theta + last, np.arange(len(start)))
            if (s.value > found.value + ROUNDING * np.abs(found.value)).any():
                worse = s.value > found.value
                s = self.point(found.theta + np.where(worse[:, None], 0.0, last), np.arange(len(start)))
            return self._report(s)

    def point(self, phi: FloatArray, rows: IntArray) -> _Point:
        c = self.criterion
        psi = np.where(self.squared[rows], phi * phi, phi)
        theta = (self.A[rows] @ psi[..., None])[..., 0]
        tied_to_variance, anchor, below = self._covariances(rows)
        free = phi[tied_to_variance, below]
        theta[tied_to_variance, below] = (
            self.held[rows[tied_to_variance]] * np.exp(-free) / theta[tied_to_variance, anchor]
        )
        L = tuple(f.L(theta) for f in self.maps)
        at = c.structure.at(L, self._responses(len(rows)))
        chol = cholesky(self._moved(at.XytVinvXy, rows))
        r2 = chol[:, -1, -1] ** 2
        length2 = np.where(self.tied[rows], (self.row[rows] * theta**2).sum(axis=-1), 1.0)
        log_variance = np.log(r2 / c.n)
        log_variance = np.where(self.tied[rows], self.log_square[rows] - np.log(length2), log_variance)
        log_variance = np.where(self.fixed[rows], self.log_square[rows], log_variance)
        log_variance[tied_to_variance] = free
        value = at.logdet + r2 * np.exp(-log_variance) + c.n * (math.log(2 * math.pi) + log_variance) - c.log_weights
        value[np.isnan(value)] = np.inf
        return _Point(theta, L, at, chol, r2, length2, log_variance, value)

    def _covariances(self, rows: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """Which problems hold a covariance, and their places of L_aa and L_ba."""
        these = np.flatnonzero(self.covariance[rows])
        anchor, below = self.pair[rows[these]].T
        return these, anchor, below

    def _responses(self, S: int) -> Responses:
        one = self.criterion.responses
        if S == 1:
            return one
        wide = tuple(np.broadcast_to(z, (S, *z.shape[1:])) for z in one.Zy)
        return Responses(wide, np.broadcast_to(one.Xy, (S, one.Xy.shape[1])), np.broadcast_to(one.yy, (S,)))

    def _moved(self, C: FloatArray, rows: IntArray) -> FloatArray:
        """[X y]'V0^-1[X y] with X_j moved into the response where beta_j is held, and 1 in its place."""
        column = self.column[rows]
        held = np.flatnonzero(column >= 0)
        if not len(held):
            return C
        moves = self.moves[rows]
        whole = np.where(self.below, C, C.swapaxes(-1, -2))
        C = moves.swapaxes(-1, -2) @ whole @ moves
        C[held, column[held], column[held]] = 1.0
        return C

    def _gradient(self, phi: FloatArray, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """Value ``(S,)`` and gradient ``(S, m)`` by the free elements."""
        s = self.point(phi, rows)
        sigma = np.exp(0.5 * s.log_variance)
        chol = s.chol
        root = lower_inverse(chol)[:, -1] * (chol[:, -1, -1] / sigma)[:, None]
        root = (self.moves[rows] @ root[..., None])[:, None]
        gradient = np.empty(s.theta.shape)
        for f, L, W, E in zip(self.maps, s.L, s.at.W_sums(), s.at.ZtVinvXy, strict=True):
            e = (E @ root)[..., 0]
            by_G = W - e.swapaxes(-1, -2) @ e
            S, k, m = len(e), f.k, len(f.index)
            gradient[:, f.index] = (by_G.reshape(S, 1, k * k) @ f.dG(s.theta, L).reshape(S, k * k, m))[:, 0]
        by_lambda = self.criterion.n - s.r2 * np.exp(-s.log_variance)
        tied_by_lambda = np.where(self.tied[rows], by_lambda, 0.0)
        gradient -= (2.0 * tied_by_lambda / s.length2)[:, None] * self.row[rows] * s.theta
        by_psi = (gradient[:, None] @ self.A[rows])[:, 0]
        by_phi = by_psi * np.where(self.squared[rows], 2.0 * phi, 1.0)
        these, anchor, below = self._covariances(rows)
        change = gradient[these, below] * s.theta[these, below]  # of L_ba in proportion to itself
        by_phi[these, below] = by_lambda[these] - change
        by_phi[these, anchor] -= 2.0 * change / phi[these, anchor]
        return s.value, by_phi

    def evaluate(self, phi: FloatArray, rows: IntArray) -> Evaluation:
        """Value, gradient and Hessian by the free elements ``(S, m)``."""
        S, m = phi.shape
        width = DIFFERENCE * (0.1 + np.abs(phi)) * np.where(phi < 0, -1.0, 1.0)
        moved = phi[:, None] + np.concatenate([np.zeros((S, 1, m)), width[..., None] * np.eye(m)], axis=1)
        value, gradient = self._gradient(moved.reshape(-1, m), np.repeat(rows, m + 1))
        gradient = gradient.reshape(S, m + 1, m)
        H = (gradient[:, 1:] - gradient[:, :1]) / width[..., None]
        H = 0.5 * (H + H.swapaxes(-1, -2))
        diagonal = np.arange(m)
        H[:, diagonal, diagonal] += self.dead[rows]
        H[~np.isfinite(H).all(axis=(1, 2))] = np.eye(m)
        return Evaluation(value.reshape(S, m + 1)[:, 0], gradient[:, 0], H)

    def _report(self, s: _Point) -> list[Minimum]:
        c = self.criterion
        inverse = lower_inverse(s.chol)
        beta = c.beta0 - inverse[:, -1, :-1] / inverse[:, -1, -1:]
        held = np.flatnonzero(self.column >= 0)
        beta[held, self.column[held]] = [self.problems[i].value for i in held.tolist()]
        sigma = np.exp(0.5 * s.log_variance)
        theta = np.stack([natural_theta(h.focus, t) for h, t in zip(self.problems, s.theta, strict=True)])
        theta = c.canonical(theta)
        random = sd_and_correlations(theta, sigma, [t.k for t in c.terms])
        table = np.column_stack([random, sigma, beta])
        for i, h in enumerate(self.problems):
            table[i, h.focus.place] = h.value
        return [Minimum(float(v), t, float(x), row) for v, t, x, row in zip(s.value, theta, sigma, table, strict=True)]
