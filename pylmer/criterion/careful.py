"""The criterion once more, where the quick sums have lost their digits.

Cross-products square what they are made of: a predictor a million times its spread from 0, two predictors that differ
in the sixth digit, or residuals 1e-4 the size of the random effects, and the last digits of the criterion are noise.
The careful criterion is the same function of theta, from columns that are better to compute with:

    X = Q R with orthonormal Q,      y - X beta0 with beta0 = R^-1 Q'y,      beta = beta0 + R^-1 gamma,

and, with one grouping factor, from what is left of each column within the levels (``OneFactorWithin``), so that
nothing large is ever subtracted from something large; with several, by orthogonal transformations of the rows
(``DenseRows``) where the model is not too large for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack, solve_triangular

from pylmer.covariance import FactorMap
from pylmer.criterion.criterion import Criterion, Evaluation, PLSState
from pylmer.criterion.square_root import SquareRoot
from pylmer.errors import ModelError
from pylmer.formula.design import Design
from pylmer.linalg.cross_products import Factor, cross_products
from pylmer.linalg.dense_rows import DenseRows
from pylmer.linalg.one_factor import Responses
from pylmer.linalg.within import OneFactorWithin

FloatArray = NDArray[np.float64]

__all__ = ["CarefulCriterion", "careful", "may_be_uncertain", "refuse_exact_fit", "uncertainty", "with_care"]

#: Models of several factors are computed from their rows where Z has up to so many cells.
MOST_CELLS = 1_000_000
#: A response of which the fixed effects leave a smaller part is fitted exactly.
EXACT = 4e-15
EPS = float(np.finfo(np.float64).eps)


def largest_shrinking(criterion: Criterion, theta: FloatArray) -> float:
    """By how much a sum of squares of ``[X y]'V0^-1[X y]`` can be smaller than that of ``[X y]'[X y]``, at most.

    No eigenvalue of V0 is above ``1 + sum of tr(A_j G)``.
    """
    largest = 1.0
    for f, A in zip(criterion.maps, criterion.sums.A, strict=True):
        G = float(np.square(f.L(theta[None])).sum())
        largest += G * float(np.einsum("jkk->j", A).max())
    return largest


def _bound_of_shrinking(criterion: Criterion, theta: FloatArray) -> float:
    """Not less than ``largest_shrinking``, and cheaper: no element of A_j is above the largest of its diagonal."""
    largest = 1.0
    for f, A in zip(criterion.maps, criterion.sums.A, strict=True):
        L = theta[f.index] * f.scale[f.rows] if isinstance(f, FactorMap) else f.L(theta[None]).ravel()
        largest += float(L.dot(L)) * f.k * float(A.max())
    return largest


def may_be_uncertain(criterion: Criterion, theta: FloatArray, limit: float) -> bool:
    """Whether more than ``limit`` of the criterion could be rounding, by a bound that costs no evaluation."""
    p, lost = criterion.p, 1.0
    if p > 1:
        gram = criterion.sums.C[:p, :p]
        chol, info = lapack.dpotrf(gram, lower=1)
        pairs = zip(gram.diagonal().tolist(), chol.diagonal().tolist(), strict=True)
        lost = sum([square / (pivot * pivot) for square, pivot in pairs]) if info == 0 else math.inf
    shrinking = _bound_of_shrinking(criterion, theta)
    return not EPS * max(shrinking * lost * (1 + criterion.nu), _taken_off(criterion, shrinking)) <= limit


def _taken_off(criterion: Criterion, shrinking: float) -> float:
    """How large X beta0, which was taken off y beforehand, is beside the residuals; its rounding stays in the rows."""
    *squares, left = criterion.sums.C.diagonal().tolist()
    beta0 = criterion.beta0 if criterion.beta0.ndim == 1 else criterion.beta0[0]
    taken = sum([beta * beta * square for beta, square in zip(beta0.tolist(), squares, strict=True)])
    return math.sqrt(criterion.n * taken * shrinking / max(left, 1e-300))


def uncertainty(criterion: Criterion, theta: FloatArray) -> float:
    """About how much of the criterion at theta ``(m,)`` is rounding.

    Each pivot ``d_i`` of ``[X y]'V0^-1[X y]`` is what is left of a sum of squares ``C_ii``: its relative error is
    ``eps C_ii / d_i``, and its logarithm enters the criterion with the weight of its column.  The residual sum of
    squares also has the errors of the coefficients that it is left by.  Where intercepts and slopes all but cancel,
    what they are left with in ``L'A_jL`` has lost digits before.
    """
    with np.errstate(all="ignore"):
        s = criterion.solution(theta[None])
        squares, pivots = np.diagonal(criterion.sums.C), s.chol[0].diagonal() ** 2
        lost = squares / pivots
        lost[-1] += float(s.beta[0] ** 2 @ squares[:-1]) / pivots[-1]
    if not np.isfinite(lost).all():
        return float("inf")
    weights = np.full(len(lost), float(criterion.REML))
    weights[-1] = criterion.nu
    shrinking = squares[-1] / pivots[-1]
    cancelled = _cancelling(criterion, theta)
    return EPS * (cancelled * float(weights @ np.maximum(lost, 1.0)) + _taken_off(criterion, shrinking))


def _cancelling(criterion: Criterion, theta: FloatArray) -> float:
    """How many times larger than its result the largest sum in a diagonal of ``I + L'A_jL`` is."""
    largest = 1.0
    for f, A in zip(criterion.maps, criterion.sums.A, strict=True):
        if f.k > 1:
            L = f.L(theta[None])[0]
            left = 1.0 + np.einsum("ki,jkl,li->ji", L, A, L, optimize=True)
            met = 1.0 + np.einsum("ki,jkl,li->ji", np.abs(L), np.abs(A), np.abs(L), optimize=True)
            largest = max(largest, float((met / np.maximum(left, 1.0)).max()))
    return largest


@dataclass(frozen=True)
class CarefulCriterion:
    """A criterion of better columns.

    Parameters
    ----------
    inner
        The criterion of Q and of the response without X beta0.
    R
        ``(p, p)`` upper triangular with a positive diagonal: X = Q R.
    beta0
        ``(p,)``.
    log_det
        What the criterion of X has more than that of Q: ``2 log|R|`` by REML.
    """

    inner: Criterion
    R: FloatArray
    beta0: FloatArray
    log_det: float

    def rounding(self, theta: FloatArray) -> float:
        """About how much of the criterion at theta ``(m,)`` is rounding all the same."""
        inner = self.inner
        if isinstance(inner.structure, OneFactorWithin):
            lost = inner.structure.lost(inner.solution(theta[None]).chol[0].diagonal() ** 2)
        elif isinstance(inner.structure, DenseRows):
            lost = 10.0  # what is left is of the order of the rounding of the data
        else:
            lost = largest_shrinking(inner, theta)
        return EPS * lost * inner.nu

    @property
    def lower(self) -> FloatArray:
        """Lower bounds ``(m,)``."""
        return self.inner.lower

    @property
    def start(self) -> FloatArray:
        """Where to begin ``(m,)``."""
        return self.inner.start

    @cached_property
    def unit_start(self) -> FloatArray:
        """``(m,)``: L the identity, in units of the columns of Z."""
        return self.inner.unit_start

    def canonical(self, par: FloatArray) -> FloatArray:
        """The same covariances with diagonals that are not negative ``(R, m)``."""
        return self.inner.canonical(par)

    def __call__(self, theta: FloatArray) -> float:
        """Return the criterion at one theta ``(m,)``."""
        return float(self.inner.solution(theta[None]).value[0]) - self.inner.log_weights + self.log_det

    def evaluate(self, theta: FloatArray) -> Evaluation:
        """Value, gradient and Hessian at theta ``(1, m)``."""
        got = self.inner.by_elimination(theta)
        return replace(got, value=got.value + self.log_det)

    @property
    def square_root(self) -> SquareRoot | None:
        """The criterion in square roots of the covariances."""
        c = self.inner
        if all(f.k == 1 for f in c.maps):
            return None
        maps = [f for f in c.maps if isinstance(f, FactorMap)]
        return SquareRoot(c.structure, c.responses, maps, c.terms, c.nu, c.REML, c.log_weights - self.log_det)

    def as_ML(self) -> CarefulCriterion:
        """Return the same problem by maximum likelihood."""
        inner = self.inner.as_ML()
        return replace(self, inner=inner, log_det=0.0)

    def state(self, theta: FloatArray) -> PLSState:
        """Everything that is asked of a fit, in the columns of X."""
        s = self.inner.state(theta)
        log_det = 2.0 * float(np.log(np.diagonal(self.R)).sum())
        return replace(
            s,
            value=s.value + self.log_det,
            beta=self.beta0 + solve_triangular(self.R, s.beta - self.inner.beta0, check_finite=False),
            RX=s.RX @ self.R,
            ldRX2=s.ldRX2 + log_det,
        )


def with_care(criterion: Criterion, design: Design, theta: FloatArray, limit: float = 1e-7) -> Criterion:
    """Return the criterion, with its careful twin where at theta ``(m,)`` more than ``limit`` of it could be rounding.

    Parameters
    ----------
    criterion
        The quick one, of one response.
    design
        What it was made of.
    theta
        An optimum of it, or what was taken for one.
    limit
        In units of the criterion.
    """
    if all(map(math.isfinite, theta.tolist())) and (
        not may_be_uncertain(criterion, theta, limit) or uncertainty(criterion, theta) <= limit
    ):
        return criterion
    return replace(criterion, careful=careful(criterion, design))


def refuse_exact_fit(criterion: Criterion) -> None:
    """Refuse a response that is a combination of the predictors: without residuals the likelihood has no maximum.

    Raises
    ------
    ModelError
        With how much is left of the response.
    """
    squares = criterion.sums.C
    left = math.sqrt(max(float(squares[-1, -1]), 0.0))
    beta0 = criterion.beta0 if criterion.beta0.ndim == 1 else criterion.beta0[0]
    taken = math.sqrt(max(float(beta0.dot(squares[:-1, :-1]).dot(beta0)), 0.0))
    if left <= EXACT * taken or left == 0.0:
        raise ModelError(
            f"the residual variance is 0: the fixed effects leave {left:.2g} of a response of size {taken:.2g}, which"
            " is rounding; the likelihood has no maximum. Remove what the response is made of, or use another response"
        )


def careful(criterion: Criterion, design: Design) -> CarefulCriterion:
    """Make the careful criterion of a design whose quick one is ``criterion``."""
    w = np.ones(design.n) if design.weights is None else np.sqrt(design.weights)
    y, shift = _near_zero(design)
    Q, R = np.linalg.qr(design.X * w[:, None])
    signs = np.where(np.diagonal(R) < 0, -1.0, 1.0)
    Q, R = Q * signs, R * signs[:, None]
    y = y * w
    beta0 = np.zeros(design.p)
    for _ in range(2):  # the second time takes away what the first left to rounding
        along = Q.T @ y
        y = y - Q @ along
        beta0 += solve_triangular(R, along) if design.p else along
    Xy = np.concatenate([Q.T, y[None]])
    scales = [m.scale for m in criterion.maps]
    factors = tuple(Factor(f.codes, f.columns / s, f.J) for f, s in zip(criterion.factors, scales, strict=True))
    sums = cross_products(factors, Xy)
    inner = replace(criterion, sums=sums, X=Xy[:-1], responses=Responses.of(sums), beta0=np.zeros(design.p))
    inner.__dict__["_dense"] = None
    if len(factors) == 1:
        inner.__dict__["structure"] = OneFactorWithin(sums, factors[0], Xy)
    elif Xy.shape[1] * sum(f.q for f in factors) <= MOST_CELLS:
        inner.__dict__["structure"] = DenseRows(factors, Xy)
    log_det = 2.0 * float(np.log(np.diagonal(R)).sum()) if criterion.REML else 0.0
    return CarefulCriterion(inner, R, beta0 + shift, log_det)


def _near_zero(design: Design) -> tuple[FloatArray, FloatArray]:
    """y without the offset and, where there is an intercept, less a constant: that subtraction is exact."""
    y = design.y if design.offset is None else design.y - design.offset
    shift = np.zeros(design.p)
    constant = np.flatnonzero((design.X == 1.0).all(axis=0))
    if len(constant):
        shift[constant[0]] = np.median(y)
        y = y - shift[constant[0]]
    return y, shift
