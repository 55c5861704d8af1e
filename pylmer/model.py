"""The fitted record, and the last of lme4's four steps that makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from pylmer.control import LmerControl, default_control
from pylmer.criterion.criterion import Criterion, PLSState, mkLmerDevfun
from pylmer.formula.design import Design
from pylmer.optimize.optimum import OptResult
from pylmer.threads import one_thread

if TYPE_CHECKING:
    from pylmer.formula.batches.rows import RowsInBatches

FloatArray = NDArray[np.float64]

__all__ = ["FitCall", "MerMod", "at_theta", "make_model"]

M = TypeVar("M", bound="MerMod")


@dataclass(frozen=True, eq=False)
class FitCall:
    """What a call of ``lmer`` said, so that ``update`` can say it again with changes; ``lmer`` describes each.

    ``names`` holds what the caller calls the objects given as weights, offset, subset and control.
    """

    formula: str
    data: object = None
    REML: bool = True
    control: LmerControl = field(default_factory=LmerControl)
    start: object = None
    subset: object = None
    weights: object = None
    na_action: str = "na.omit"
    offset: object = None
    contrasts: Mapping[str, object] | None = None
    data_name: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class MerMod:
    """A fitted mixed model: what went in, where the optimum is, and nothing that can be derived.

    Parameters
    ----------
    design
        The data as arrays (``lFormula``).
    criterion
        The theta-free problem (``mkLmerDevfun``).
    opt
        The optimum (``optimizeLmer``).
    control
        The settings of the fit.
    said
        The call that made the fit, where there was one.
    """

    design: Design
    criterion: Criterion
    opt: OptResult
    control: LmerControl
    said: FitCall | None = None

    @cached_property
    def state(self) -> PLSState:
        """Everything that depends on theta, at the optimum."""
        with one_thread(self.design.cells):
            return self.criterion.state(self.opt.theta)

    @cached_property
    def condVar(self) -> tuple[FloatArray, ...]:
        """Per term ``(J, k, k)``: covariance of each level's random effects given the data, theta and sigma."""
        return tuple(self.residual_sd**2 * V for V in self.criterion.condVar(self.opt.theta))

    @property
    def REML(self) -> bool:
        """Whether the fit is by restricted maximum likelihood."""
        return self.criterion.REML

    @property
    def par(self) -> FloatArray:
        """``(m,)`` what was optimized: theta, but for structured terms, which have fewer parameters."""
        return self.opt.theta

    @cached_property
    def theta(self) -> FloatArray:
        """Relative covariance parameters: per term the lower triangle of L, column by column."""
        theta: FloatArray = self.criterion.theta_of(self.opt.theta[None])[0]
        return theta

    @property
    def n_parameters(self) -> int:
        """Number of estimated parameters: fixed effects, covariances, sigma."""
        return self.p + len(self.opt.theta) + 1

    @property
    def beta(self) -> FloatArray:
        """Fixed effects, ``(p,)``, of the columns kept in X."""
        return self.state.beta

    @property
    def n(self) -> int:
        """Number of observations."""
        return self.design.n

    @property
    def p(self) -> int:
        """Number of fixed effects."""
        return self.design.p

    @property
    def q(self) -> int:
        """Number of random effects."""
        return self.design.re.q

    @property
    def nu(self) -> int:
        """Denominator of sigma squared: n - p by REML, n by ML."""
        return self.criterion.nu

    @property
    def residual_sd(self) -> float:
        """Residual standard deviation (Bates et al. 2015, eqs. 33 and 40)."""
        return float(np.sqrt(self.state.pwrss / self.nu))

    @property
    def value(self) -> float:
        """The criterion at the optimum: REML criterion, or deviance by ML."""
        return self.state.value

    @property
    def L(self) -> tuple[FloatArray, ...]:
        """Per term ``(k, k)``: the relative covariance factor of one level."""
        out, start = [], 0
        for t in self.design.re.terms:
            block = np.zeros((t.k, t.k))
            cols, rows = np.triu_indices(t.k)
            block[rows, cols] = self.theta[start : start + t.n_theta]
            out.append(block)
            start += t.n_theta
        return tuple(out)

    @property
    def covariance(self) -> tuple[FloatArray, ...]:
        """Per term ``(k, k)``: covariance of one level's random effects, sigma^2 L L'."""
        return tuple(self.residual_sd**2 * (L @ L.T) for L in self.L)

    @cached_property
    def vcov_beta(self) -> FloatArray:
        """``(p, p)`` covariance of the fixed effects, sigma^2 RX^-1 RX'^-1 (Bates et al. 2015, eq. 54)."""
        if not self.p:
            return np.zeros((0, 0))
        inverse = np.linalg.solve(self.state.RX, np.eye(self.p))
        return self.residual_sd**2 * (inverse @ inverse.T)

    @cached_property
    def linear_random(self) -> FloatArray:
        """``(n,)``: Z b."""
        return self._by_row(self._linear_random)

    def _linear_random(self, rows: Design) -> FloatArray:
        out = np.zeros(rows.n)
        for t, b in zip(rows.re.terms, self.state.b, strict=True):
            out += np.einsum("nk,nk->n", t.columns, b[t.codes])
        return out

    @property
    def _rows_again(self) -> RowsInBatches | None:
        """The rows of a fit that was made in batches, to be read again."""
        rows = self.design.batches
        return rows if rows is not None and rows.belong_to(self.design) else None

    def _by_row(self, compute: Callable[[Design], FloatArray]) -> FloatArray:
        """One number for each row of the design, computed batch by batch where it was fitted so."""
        rows = self._rows_again
        return compute(self.design) if rows is None else np.asarray(rows.by_row(compute))

    @cached_property
    def mu(self) -> FloatArray:
        """``(n,)`` fitted values: X beta + Z b + offset."""
        return self._by_row(self._mu)

    def _mu(self, rows: Design) -> FloatArray:
        random = self.linear_random if rows is self.design else self._linear_random(rows)
        mu = rows.X @ self.beta + random
        return mu if rows.offset is None else mu + rows.offset

    def raw_residuals(self) -> FloatArray:
        """``(n,)``: y - mu."""
        return self._by_row(self._raw)

    def _raw(self, rows: Design) -> FloatArray:
        return rows.y - (self.mu if rows is self.design else self._mu(rows))

    def pearson_residuals(self) -> FloatArray:
        """``(n,)``: (y - mu) times the square root of the prior weight."""
        return self._by_row(self._pearson)

    def _pearson(self, rows: Design) -> FloatArray:
        raw = self._raw(rows)
        return raw if rows.weights is None else raw * np.sqrt(rows.weights)

    def scaled_residuals(self) -> FloatArray:
        """``(n,)``: Pearson residuals over sigma; of a fit made in batches they are computed when looked at."""
        rows = self._rows_again
        if rows is not None:
            return rows.by_row(self._scaled)
        return self._scaled(self.design)

    def _scaled(self, rows: Design) -> FloatArray:
        return self._pearson(rows) / self.residual_sd

    @cached_property
    def devcomp(self) -> dict[str, float]:
        """lme4's ``devcomp$cmp``."""
        s = self.state
        wrss = float((self.pearson_residuals() ** 2).sum())
        return {
            "ldL2": s.ldL2,
            "ldRX2": s.ldRX2,
            "wrss": wrss,
            "ussq": s.ussq,
            "pwrss": s.pwrss,
            "drsum": float("nan"),
            "REML": s.value if self.REML else float("nan"),
            "dev": float("nan") if self.REML else s.value,
            "sigmaML": float(np.sqrt(s.pwrss / self.n)),
            "sigmaREML": float(np.sqrt(s.pwrss / (self.n - self.p))) if self.n > self.p else float("nan"),
            "tolPwrss": float("nan"),
        }


def make_model(
    kind: type[M],
    design: Design,
    criterion: Criterion,
    opt: OptResult,
    control: LmerControl | None = None,
    said: FitCall | None = None,
) -> M:
    """Put the three results together as a fitted model of class ``kind``."""
    return kind(design, criterion, opt, control or default_control(), said)


def at_theta(kind: type[M], design: Design, theta: FloatArray, REML: bool = True) -> M:
    """Return the model that has this theta, without optimizing: a way to compare two engines at the same point."""
    criterion = mkLmerDevfun(design, REML)
    theta = np.asarray(theta, dtype=np.float64)
    got = criterion.evaluate(theta[None])
    opt = OptResult(theta, float(got.value[0]), got.gradient[0], got.hessian[0], 1, 0, optimizer="none")
    return make_model(kind, design, criterion, opt)
