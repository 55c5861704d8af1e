"""One model fitted to many responses: what the fits have found, and each of them when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Literal, TypeVar, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, stdtr

from pylmer.criterion.criterion import Criterion
from pylmer.formula.design import Design
from pylmer.formula.values import Value, Vector
from pylmer.inference.many import replicate
from pylmer.inference.parameters import Estimates, estimates, parameter_names, parameters_of, sd_and_correlations
from pylmer.inference.satterthwaite import satterthwaite, satterthwaite_many
from pylmer.model import MerMod
from pylmer.optimize.newton import NewtonResult

FloatArray = NDArray[np.float64]
Flags = NDArray[np.bool_]
M = TypeVar("M", bound=MerMod)
Test = Literal["lme4", "Satterthwaite", "Wald"]

__all__ = ["Refits", "Test", "p_values", "with_response"]


@dataclass(frozen=True, eq=False, repr=False)
class Refits(Sequence[M]):
    """The fits of one model to R responses, a sequence: each fit is made when it is asked for.

    Parameters
    ----------
    model
        The model that was refitted.
    criterion, found
        The criteria of all responses, and their optima.
    Y
        ``(R, n)`` responses.
    names
        What the responses are called.
    made
        Fits that are there already, by their places: those that Newton's method on all together did not reach.
    """

    model: M
    criterion: Criterion
    found: NewtonResult
    Y: FloatArray
    names: tuple[str, ...]
    made: Mapping[int, M]

    def __len__(self) -> int:
        return len(self.Y)

    @overload
    def __getitem__(self, place: int) -> M: ...
    @overload
    def __getitem__(self, place: slice) -> Refits[M]: ...
    def __getitem__(self, place: int | slice) -> M | Refits[M]:
        if isinstance(place, slice):
            return self._some(np.arange(len(self))[place])
        r = range(len(self))[place]
        if r in self.made:
            return self.made[r]
        fit = replicate(self.model, self.criterion, self.found, self.Y[r], r)
        return replace(fit, design=with_response(fit.design, self.Y[r]))

    def __repr__(self) -> str:
        return f"<{len(self)} refits of {self.model.design.call.formula}>"

    def _some(self, rows: NDArray[np.intp]) -> Refits[M]:
        return Refits(
            self.model,
            self.criterion.with_responses(self.criterion.responses.take(rows), self.criterion.beta0),
            NewtonResult(*(getattr(self.found, f.name)[rows] for f in fields(NewtonResult))),
            self.Y[rows],
            tuple(self.names[r] for r in rows),
            {i: self.made[r] for i, r in enumerate(rows.tolist()) if r in self.made},
        )

    @property
    def converged(self) -> Flags:
        """``(R,)``: which fits have converged."""
        return self.found.converged

    @property
    def singular(self) -> Flags:
        """``(R,)``: which fits are singular, as ``isSingular`` says."""
        theta, lower = self.criterion.theta_of(self.found.theta), self.model.design.re.lower
        return np.asarray((theta[:, lower == 0] < self.model.control.singular_tol).any(axis=1))

    @cached_property
    def estimates(self) -> Estimates:
        """sigma, fixed effects and their covariances; NaN where a fit has not converged."""
        got = estimates(self.criterion, self.found.theta)
        for r, fit in self.made.items():
            got.sigma[r], got.beta[r], got.V[r] = fit.residual_sd, fit.beta, fit.vcov_beta
        for part in (got.sigma, got.beta, got.V):
            part[~self.converged] = np.nan
        return got

    def parameters(self, oldNames: bool = True) -> pd.DataFrame:
        """Standard deviations, correlations, sigma and fixed effects: one row a response.

        Parameters
        ----------
        oldNames
            ``.sig01`` ... (the default) or ``sd_(Intercept)|g`` ..., as :func:`confint` has them.
        """
        got = self.estimates
        random = sd_and_correlations(self.criterion.theta_of(got.par), got.sigma, [t.k for t in self.criterion.terms])
        table = np.column_stack([random, got.sigma, got.beta])
        for r, fit in self.made.items():
            table[r] = parameters_of(fit)
        table[~self.converged] = np.nan
        return pd.DataFrame(table, index=list(self.names), columns=parameter_names(self.model, oldNames))

    def coefficients(self, ddf: Test = "lme4") -> pd.DataFrame:
        """Tables of fixed effects, one below the other, all computed together.

        Parameters
        ----------
        ddf
            ``"lme4"`` (the default): no p-values; ``"Satterthwaite"``: degrees of freedom and p-values as lmerTest has
            them; ``"Wald"``: p-values of the normal distribution.

        Returns
        -------
        DataFrame
            Columns ``Estimate``, ``Std. Error``, ``df``, ``t value``, ``Pr(>|t|)`` as far as they are asked for; rows
            by response and fixed effect.

        Examples
        --------
        >>> from pylmer import datasets, lmer, refit, simulate
        >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
        >>> refit(m, simulate(m, 100, seed=1)).coefficients().loc["sim_100"].round(3)
                     Estimate  Std. Error  t value
        (Intercept)    246.03       7.431   33.111
        Days            10.50       1.171    8.968
        """
        got, effects = self.estimates, list(self.model.design.X_names)
        se = np.sqrt(np.diagonal(got.V, axis1=1, axis2=2))
        with np.errstate(divide="ignore", invalid="ignore"):
            t = got.beta / se
        columns = {"Estimate": got.beta, "Std. Error": se, "df": None, "t value": t, "Pr(>|t|)": None}
        df = self._degrees_of_freedom() if ddf == "Satterthwaite" else None
        columns["df"] = df
        if ddf != "lme4":
            columns["Pr(>|t|)"] = p_values(t, df)
        index = pd.MultiIndex.from_product([list(self.names), effects])
        return pd.DataFrame({name: c.ravel() for name, c in columns.items() if c is not None}, index=index)

    def _degrees_of_freedom(self) -> FloatArray:
        df = satterthwaite_many(self.criterion, self.estimates)
        for r, fit in self.made.items():
            df[r] = satterthwaite(fit).coefficients()
        return df


def p_values(t: FloatArray, df: FloatArray | None) -> FloatArray:
    """Two-sided p-values of t-statistics; of normal ones where there are no degrees of freedom."""
    tail: FloatArray = ndtr(-np.abs(t)) if df is None else stdtr(df, -np.abs(t))
    return 2.0 * tail


def with_response(design: Design, y: FloatArray) -> Design:
    """The design with another response ``(n,)``, in its model frame too."""
    frame = design.frame
    if frame is not None and frame.response is not None:
        variables: Mapping[str, Value] = {**frame.variables, frame.response: Vector(y, "double")}
        frame = replace(frame, variables=variables)
    return replace(design, y=y, frame=frame)
