"""From a design to a criterion: the second of lme4's four steps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pylmer.covariance import AnyMap, FactorMap, TermCovariance, factor_maps
from pylmer.criterion.batched import lazy_factors, lazy_X, refuse_unusable_batches
from pylmer.criterion.bordered import Bordered
from pylmer.criterion.closed_form import OneEffect, TwoEffects, closed_form
from pylmer.criterion.pls import Derivatives, Solution, Structure, derivatives, solve
from pylmer.criterion.rows import centred, raw_factors
from pylmer.criterion.square_root import SquareRoot, have_roots
from pylmer.criterion.start import moment_start, unit_start
from pylmer.criterion.usable import refuse_unusable_numbers
from pylmer.formula.batches.rows import RowsInBatches
from pylmer.formula.design import Design
from pylmer.linalg.choice import structure_of
from pylmer.linalg.cross_products import CrossProducts, Factor, cross_products, group_sums
from pylmer.linalg.dense_square import DenseSquare
from pylmer.linalg.one_factor import Responses
from pylmer.linalg.small import lower_inverse

if TYPE_CHECKING:
    from pylmer.criterion.careful import CarefulCriterion

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

#: Up to so many random effects of several factors, one theta is evaluated with one dense square.
DENSE_Q = 100

__all__ = ["Criterion", "Evaluation", "PLSState", "mkLmerDevfun"]


@dataclass(frozen=True)
class Evaluation:
    """Value ``(R,)``, gradient ``(R, m)`` and approximate Hessian ``(R, m, m)`` at R values of theta."""

    value: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    exact: bool = False  # whether the Hessian is the second derivative itself


@dataclass(frozen=True)
class PLSState:
    """A frozen snapshot at one theta. Every field # depends: theta."""

    theta: FloatArray  # (m,)
    value: float  # the criterion
    beta: FloatArray  # (p,)
    b: tuple[FloatArray, ...]  # per term (J, k): conditional modes
    u: tuple[FloatArray, ...]  # per term (J, k): spherical, b = L u
    RX: FloatArray  # (p, p) upper triangular
    ldL2: float
    ldRX2: float
    pwrss: float
    ussq: float  # u'u


@dataclass(frozen=True)
class Criterion:
    """The criterion as a function of theta: everything in it is free of theta.

    ``criterion(theta)`` is the REML or ML criterion ("deviance function" in lme4) at one theta; ``evaluate`` gives
    gradient and Hessian with it, for many values of theta and many responses at once.

    Parameters
    ----------
    sums
        The cross-products, of Z's columns divided by their scales.
    factors, X
        The rows they were summed over, times the square roots of the prior weights; X is ``(p, n)``.
    responses
        The R responses (one, but for a bootstrap); one alone is the response of the sums too.
    maps
        Where theta's elements stand, per grouping factor.
    term_place
        Per term: its factor, and its columns among that factor's.
    beta0
        ``(p,)`` or ``(R, p)``: what was taken off the response beforehand, X beta0, so that sums of squares keep their
        digits when y is far from 0.
    log_weights
        Sum of the logarithms of the prior weights.
    careful
        The same function of theta from better columns, where these sums have lost their digits.
    """

    sums: CrossProducts
    factors: tuple[Factor, ...]
    X: FloatArray
    responses: Responses
    maps: tuple[AnyMap, ...]
    term_place: tuple[tuple[int, slice], ...]
    beta0: FloatArray
    log_weights: float
    n: int
    p: int
    lower: FloatArray
    start: FloatArray
    terms: tuple[TermCovariance, ...]
    REML: bool
    careful: CarefulCriterion | None = None

    @cached_property
    def structure(self) -> Structure:
        """The cross-products, stored as their pattern allows."""
        return structure_of(self.sums)

    def _with(self, **changes: Any) -> Criterion:
        """A criterion of the same Z and X: what is stored of them is kept."""
        other = replace(self, careful=None, **changes)
        if "structure" in self.__dict__:
            other.__dict__["structure"] = self.structure
        return other

    @property
    def nu(self) -> int:
        """Degrees of freedom of the residual: n - p by REML, n by ML."""
        return self.n - self.p if self.REML else self.n

    def __call__(self, theta: Sequence[float] | FloatArray) -> float:
        """Return the criterion at one theta ``(m,)``."""
        if self.careful is not None:
            return self.careful(np.asarray(theta, dtype=np.float64))
        if self.one_response is not None:
            return self.one_response.value(np.asarray(theta, dtype=np.float64)) - self.log_weights
        return float(self.solution(np.asarray(theta, dtype=np.float64)[None]).value[0]) - self.log_weights

    def solution(self, theta: FloatArray, responses: Responses | None = None) -> Solution:
        """Solve the penalized least squares problem at R values of theta."""
        structure = self.structure
        if len(theta) == 1 and self._dense is not None and responses is None:
            structure = self._dense
        return solve(structure, self.maps, theta, responses or self.responses, self.nu, self.REML)

    @cached_property
    def _dense(self) -> DenseSquare | None:
        """The whole as one dense square, where that is faster for one theta."""
        q = sum(f.q for f in self.factors)
        if len(self.factors) == 1 or q > DENSE_Q or self.responses.R > 1:
            return None
        return DenseSquare(self.sums, self.responses)

    @cached_property
    def one_response(self) -> OneEffect | TwoEffects | Bordered | None:
        """The criterion of one response in a form of its own, where the model is small enough to have one."""
        if self.responses.R > 1:
            return None
        maps = [f for f in self.maps if isinstance(f, FactorMap)]
        if len(maps) == len(self.maps) == 1:
            return closed_form(self.sums, maps[0], self.nu, self.REML)
        if len(maps) < len(self.maps) or any(f.k > 1 for f in maps) or sum(f.q for f in self.factors) > DENSE_Q:
            return None
        return Bordered(self.sums, maps, self.nu, self.REML)

    @property
    def along_axis(self) -> FloatArray | None:
        """Values of the criterion, where it has one parameter, from near 0 to far beyond the unit start."""
        if self.careful is not None or not isinstance(self.one_response, OneEffect):
            return None
        values = self.one_response.along_axis()
        return None if values is None else values - self.log_weights

    @cached_property
    def square_root(self) -> SquareRoot | None:
        """The criterion in square roots of the covariances, where these are unstructured matrices."""
        if not have_roots(self.maps):
            return None
        if self.careful is not None:
            return self.careful.square_root
        if self.one_response is not None:
            return None
        return SquareRoot(self.structure, self.responses, self.maps, self.terms, self.nu, self.REML, self.log_weights)

    def evaluate(self, theta: FloatArray, rows: IntArray | slice | None = None) -> Evaluation:
        """Value, gradient and Hessian at theta ``(R, m)`` for the responses selected by ``rows``."""
        if rows is None and len(theta) == 1 and self.careful is not None:
            return self.careful.evaluate(theta)
        if rows is None and len(theta) == 1 and self.one_response is not None:
            value, gradient, hessian = self.one_response.evaluate(theta[0])
            return Evaluation(np.array([value - self.log_weights]), gradient[None], hessian[None], True)
        return self.by_elimination(theta, rows)

    def by_elimination(self, theta: FloatArray, rows: IntArray | slice | None = None) -> Evaluation:
        """What ``evaluate`` gives, by the way that every structure and any number of responses can go.

        The Hessian is the average information plus the curvature of G = L L'.
        """
        responses = None if rows is None else self.responses.take(rows)
        solution = self.solution(theta, responses)
        slopes: Derivatives = derivatives(solution, self.maps)
        return Evaluation(solution.value - self.log_weights, slopes.gradient, slopes.hessian)

    def with_responses(self, responses: Responses, beta0: FloatArray) -> Criterion:
        """Return the same problem with other responses: only the y column of the sums changes."""
        sums = self.sums.with_response(responses.Zy, responses.Xy, responses.yy) if responses.R == 1 else self.sums
        return self._with(sums=sums, responses=responses, beta0=beta0)

    def sum_responses(self, rows: FloatArray) -> Responses:
        """Sum responses ``(R, n)``, weighted and centred as ``Xy`` was, into cross-products."""
        R = len(rows)
        Zy = []
        for f, factor in enumerate(self.factors):
            sums = np.empty((R, factor.J, factor.k))
            for a in range(factor.k):
                weighted = rows if self.ones[f][a] else rows * factor.columns[:, a]
                sums[..., a] = group_sums(factor.codes, weighted, factor.J)
            Zy.append(sums / self.maps[f].scale)
        columns = rows[..., None]  # response by response: the same digits whatever the others are
        return Responses(tuple(Zy), (self.X @ columns)[..., 0], (rows[:, None] @ columns)[:, 0, 0])

    @cached_property
    def unit_start(self) -> FloatArray:
        """``(m,)``: L the identity, in units of the columns of Z."""
        return unit_start(self.maps, _bounds(self.terms)[1])

    def canonical(self, par: FloatArray) -> FloatArray:
        """The same covariances with diagonals of L, and standard deviations, that are not negative: ``(R, m)``."""
        for f in self.maps:
            par = f.canonical(par)
        return par

    def theta_of(self, par: FloatArray) -> FloatArray:
        """theta, the lower triangles of the terms' L ``(R, ...)``: the parameters, but for structured terms."""
        if all(t.structure == "us" for t in self.terms):
            return par
        ends = np.cumsum([t.m for t in self.terms]).tolist()
        return np.concatenate(
            [t.theta(par[:, end - t.m : end]) for t, end in zip(self.terms, ends, strict=True)], axis=1
        )

    def reported(self, par: FloatArray) -> FloatArray:
        """The parameters as lme4 reports them ``(R, m)``: correlations of structured terms as such."""
        ends = np.cumsum([t.m for t in self.terms]).tolist()
        parts = [t.reported(par[:, end - t.m : end]) for t, end in zip(self.terms, ends, strict=True)]
        return np.concatenate(parts, axis=1)

    def as_ML(self) -> Criterion:
        """Return the same problem by maximum likelihood."""
        other = self._with(REML=False)
        return other if self.careful is None else replace(other, careful=self.careful.as_ML())

    @cached_property
    def ones(self) -> tuple[tuple[bool, ...], ...]:
        """Per factor, which of its raw columns are all ones."""
        return tuple(tuple(bool((z == 1.0).all()) for z in f.columns.T) for f in self.factors)

    @cached_property
    def chunk(self) -> int:
        """How many replicates are evaluated together: about 256 MB worth, at least one."""
        return max(1, int(256e6 / self.structure.bytes_per_replicate()))

    def state(self, theta: FloatArray) -> PLSState:
        """Everything that is asked of a fit, at one theta ``(m,)``."""
        if self.careful is not None:
            return self.careful.state(theta)
        s = self.solution(theta[None])
        beta = s.beta[0]
        E, G, L = s.at.ZtVinvXy, s.at.G, s.L
        b, u = [], []
        for f, columns in self.term_place:
            scale = self.maps[f].scale
            e = E[f][0, ..., -1] - E[f][0, ..., :-1] @ beta
            b.append((e @ G[f][0])[:, columns] / scale[columns])
            u.append((e @ L[f][0])[:, columns])
        ussq = float(sum(np.vdot(x, x) for x in u))
        return PLSState(
            theta,
            float(s.value[0]) - self.log_weights,
            self.beta0 + beta,
            tuple(b),
            tuple(u),
            s.chol[0, :-1, :-1].T,
            float(s.ldL2[0]),
            float(s.ldRX2[0]),
            float(s.r2[0]),
            ussq,
        )

    def leverages(self, theta: FloatArray) -> FloatArray:
        """``(n,)`` diagonal of the matrix that takes y to the fitted values, at one theta ``(m,)``.

        With H = (Z'Z + G^-1)^-1 it is z_i'H z_i + r_i'(X'V0^-1X)^-1 r_i, r_i = x_i - X'Z H z_i.
        """
        s = self.solution(theta[None])
        scaled = [Factor(f.codes, f.columns / m.scale, f.J) for f, m in zip(self.factors, self.maps, strict=True)]
        hat = s.at.H_rows(scaled)
        remainder = self.X.T.copy()
        for f, E, G in zip(scaled, s.at.ZtVinvXy, s.at.G, strict=True):
            HB = np.einsum("ab,jbp->jap", G[0], E[0, ..., :-1])
            remainder -= np.einsum("na,nap->np", f.columns, HB[f.codes])
        half = remainder @ lower_inverse(s.chol[:, :-1, :-1])[0].T if self.p else remainder
        leverages: FloatArray = hat + (half**2).sum(axis=1)
        return leverages

    def condVar(self, theta: FloatArray) -> tuple[FloatArray, ...]:
        """Per term ``(J, k, k)``: Var(b_j | y, theta) / sigma^2, at one theta ``(m,)``."""
        H = self.solution(theta[None]).at.H_blocks()
        scales = [self.maps[f].scale[columns] for f, columns in self.term_place]
        return tuple(
            H[f][0][:, columns, columns] / np.outer(scale, scale)
            for (f, columns), scale in zip(self.term_place, scales, strict=True)
        )


@lru_cache(maxsize=256)
def _bounds(terms: tuple[TermCovariance, ...]) -> tuple[FloatArray, FloatArray]:
    """Lower bounds of theta, and the identity."""
    lower, start = np.concatenate([t.lower for t in terms]), np.concatenate([t.start for t in terms])
    lower.flags.writeable = start.flags.writeable = False
    return lower, start


def mkLmerDevfun(design: Design, REML: bool = True) -> Criterion:
    """Make the criterion of a linear mixed model: sum over the rows once, choose how to store the sums.

    Parameters
    ----------
    design
        The output of ``lFormula``.
    REML
        Restricted maximum likelihood (the default) or maximum likelihood.

    Examples
    --------
    >>> from pylmer import datasets, lFormula, mkLmerDevfun
    >>> devfun = mkLmerDevfun(lFormula("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff()))
    >>> round(devfun([0.8483]), 4)
    319.6543
    """
    if design.batches is not None and design.batches.belong_to(design):
        return _of_batches(design, design.batches, REML)
    weights = design.weights
    if weights is not None:
        refuse_unusable_numbers(design)
    sqrt_weights = None if weights is None else np.sqrt(weights)
    factors, place = raw_factors(design, sqrt_weights)
    with np.errstate(over="ignore", invalid="ignore"):  # the sums tell whether there is any such number
        Xy, beta0 = centred(design, sqrt_weights)
        sums = cross_products(factors, Xy)
        scales = sums.column_scales()
    if not all(map(math.isfinite, itertools.chain.from_iterable(s.tolist() for s in scales))):
        refuse_unusable_numbers(design)
    log_weights = 0.0 if weights is None else float(np.log(weights).sum())
    return _of_sums(design, sums, scales, (tuple(factors), place), Xy[:-1], beta0, log_weights, REML)


def _of_batches(design: Design, rows: RowsInBatches, REML: bool) -> Criterion:
    """The criterion of rows that were summed while they were read."""
    refuse_unusable_batches(rows)
    scales = rows.sums.column_scales()
    return _of_sums(design, rows.sums, scales, lazy_factors(design), lazy_X(design), rows.beta0, rows.log_weights, REML)


def _of_sums(
    design: Design,
    sums: CrossProducts,
    scales: tuple[FloatArray, ...],
    factors: tuple[tuple[Factor, ...], tuple[tuple[int, slice], ...]],
    X: FloatArray,
    beta0: FloatArray,
    log_weights: float,
    REML: bool,
) -> Criterion:
    sums, place = sums.scaled(scales), factors[1]
    terms = tuple(TermCovariance(t.k, t.structure, t.hom) for t in design.re.terms)
    maps = factor_maps(terms, [f for f, _ in place], scales)
    lower, identity = _bounds(terms)
    unit = unit_start(maps, identity)
    criterion = Criterion(
        sums,
        factors[0],
        X,
        Responses.of(sums),
        maps,
        place,
        beta0,
        log_weights,
        design.n,
        design.p,
        lower,
        moment_start(sums, maps, unit),
        terms,
        REML,
    )
    criterion.__dict__["unit_start"] = unit  # as the cached property would make it
    if criterion.one_response is None:
        _ = criterion.structure  # a model that is too large is refused here
    return criterion
