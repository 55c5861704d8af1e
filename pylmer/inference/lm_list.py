"""lmList: one linear model for each group, to see what a mixed model will pool."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import stdtr

from pylmer.arguments import check_arguments, shown
from pylmer.classical import Lm, lm
from pylmer.errors import DataError, FormulaError, ModelError, PylmerError, RWarning
from pylmer.formula.ast import Call, is_call
from pylmer.formula.bars import findbars
from pylmer.formula.coerce import as_factor
from pylmer.formula.deparse import deparse
from pylmer.formula.evaluate import Environment, evaluate
from pylmer.formula.frame import chosen_rows
from pylmer.formula.parse import Formula, as_formula
from pylmer.formula.table import Table, as_table, value_of_any
from pylmer.formula.values import Vector, take
from pylmer.rcompat.caller import name_of
from pylmer.rcompat.loglik import LogLik
from pylmer.rcompat.printable import Printable

__all__ = ["LmList", "LmListIntervals", "SummaryLmList", "lmList"]


@dataclass(frozen=True, eq=False, repr=False)
class LmListIntervals(Printable, Mapping[str, pd.DataFrame]):
    """Confidence intervals of every group, one table a coefficient."""

    tables: Mapping[str, pd.DataFrame]

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tables)

    def __len__(self) -> int:
        return len(self.tables)


@dataclass(frozen=True, eq=False, repr=False)
class SummaryLmList(Printable):
    """Summary of linear models by group.

    Parameters
    ----------
    coefficients
        Coefficient to its table: one row a group; ``Estimate, Std. Error, t value, Pr(>|t|)``.
    formula, data
        What was fitted to what.
    pooled
        Residual standard error of all groups together and its degrees of freedom; None where they are not pooled.
    """

    coefficients: Mapping[str, pd.DataFrame]
    formula: str
    data: str | None
    pooled: tuple[float, int] | None


@dataclass(frozen=True, eq=False, repr=False)
class LmList(Printable, Mapping[str, Lm]):
    """Linear models by group, lme4's class ``lmList4``.

    Parameters
    ----------
    fits
        The model of each group that could be fitted, in the order of the groups' levels.
    formula
        The formula as R spells it.
    data
        Name of the data, where the caller has one for them.
    pool
        Whether the residual standard deviation is one for all groups.
    appearance
        The groups in the order in which the data have them first; empty for the order of ``fits``.
    groups
        All groups, in the order of their levels; empty for those of ``fits``.
    further
        Further arguments of the call, as R would show them.
    """

    fits: Mapping[str, Lm]
    formula: str
    data: str | None
    pool: bool
    appearance: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    further: str = ""

    def __getitem__(self, group: str) -> Lm:
        return self.fits[group]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fits)

    def __len__(self) -> int:
        return len(self.fits)

    def coef(self) -> pd.DataFrame:
        """Coefficients, one row a group; NaN for a group that could not be fitted."""
        return self._with_failed(pd.DataFrame({group: fit.coef() for group, fit in self.fits.items()}).T)

    def fixef(self) -> pd.Series[float]:
        """Means of the coefficients over groups."""
        return self.coef().mean()

    def ranef(self) -> pd.DataFrame:
        """Deviations of the groups' coefficients from their means."""
        return self.coef() - self.fixef()

    def df_residual(self) -> int:
        """Residual degrees of freedom of all groups together."""
        return sum(fit.df_residual() for fit in self.fits.values())

    def nobs(self) -> int:
        """Number of rows of all groups together."""
        return sum(fit.nobs() for fit in self.fits.values())

    def sigma(self) -> float:
        """Pooled residual standard deviation."""
        return math.sqrt(self._rss() / self.df_residual())

    def fitted(self) -> pd.Series[float]:
        """Fitted values by row, group after group as the data have them first, labelled by group."""
        return self._rows({group: fit.fitted() for group, fit in self.fits.items()})

    def residuals(self) -> pd.Series[float]:
        """Residuals by row, group after group as the data have them first, labelled by group."""
        return self._rows({group: fit.residuals() for group, fit in self.fits.items()})

    def confint(self, level: float = 0.95) -> LmListIntervals:
        """Confidence intervals, each group with its own residual variance, as in lme4."""
        found = {group: fit.confint(level=level) for group, fit in self.fits.items()}
        names = list(self.coef().columns)
        return LmListIntervals(
            {
                name: self._with_failed(pd.DataFrame({group: table.loc[name] for group, table in found.items()}).T)
                for name in names
            }
        )

    def predict(self, newdata: object = None) -> pd.Series[float]:
        """Predictions: the fitted values, or those of each row of new data by the model of its group.

        Rows of groups that have no model get NaN.
        """
        if newdata is None:
            return self.fitted()
        table = as_table(newdata)
        group = self.formula.rpartition("|")[2]
        factor = as_factor(evaluate(as_formula(f"~{group}").rhs, Environment(table, group)))  # type: ignore[arg-type]
        out = np.full(len(factor.codes), np.nan)
        for code, level in enumerate(factor.levels):
            rows = np.flatnonzero(factor.codes == code)
            if len(rows) and level in self.fits:
                out[rows] = np.asarray(self.fits[level].predict(_rows_of(table, rows)))
        return pd.Series(out, index=[str(level) for level in factor.labels().tolist()])

    def summary(self) -> SummaryLmList:
        """Tables of estimates, standard errors and t-tests, one a coefficient (lme4's ``summary``).

        With ``pool`` standard errors and degrees of freedom are those of all groups together.
        """
        names = list(self.coef().columns)
        rows: dict[str, list[list[float]]] = {name: [] for name in names}
        for fit in self.fits.values():
            table, sigma, df = fit.summary().coefficients, fit.sigma(), float(fit.df_residual())
            if self.pool:
                ratio, df = self.sigma() / sigma if sigma > 0 else math.nan, float(self.df_residual())
            else:
                ratio = 1.0
            for name in names:
                known = name in table.index
                estimate, se = table.loc[name].to_numpy()[:2].tolist() if known else (math.nan, math.nan)
                t = estimate / (se * ratio) if se else math.nan
                rows[name].append([estimate, se * ratio, t, 2.0 * float(stdtr(df, -abs(t)))])
        columns, groups = ["Estimate", "Std. Error", "t value", "Pr(>|t|)"], list(self.fits)
        tables = {
            name: self._with_failed(pd.DataFrame(values, index=groups, columns=columns))
            for name, values in rows.items()
        }
        pooled = (self.sigma(), self.df_residual()) if self.pool else None
        return SummaryLmList(tables, self.formula, self.data, pooled)

    def logLik(self) -> LogLik:
        """Log-likelihood: with one variance for all groups if they are pooled, else the sum of theirs.

        Raises
        ------
        ModelError
            Some group could not be fitted.
        """
        failed = [group for group in self.groups if group not in self.fits]
        if failed:
            raise ModelError(f"log-likelihood not available with NULL fits: {', '.join(failed)}")
        parameters = sum(fit.rank for fit in self.fits.values())
        if not self.pool:
            total = sum(float(fit.logLik()) for fit in self.fits.values())
            return LogLik(total, df=parameters + len(self.fits), nobs=self.nobs())
        n = self.nobs()
        weights = [w[w > 0] for fit in self.fits.values() if (w := fit.fit.weights) is not None]
        value = -0.5 * n * (math.log(2.0 * math.pi * self._rss() / n) + 1.0)
        return LogLik(value + 0.5 * sum(float(np.log(w).sum()) for w in weights), df=parameters + 1, nobs=n)

    def _with_failed(self, table: pd.DataFrame) -> pd.DataFrame:
        return table.reindex(list(self.groups)) if len(self.groups) > len(self.fits) else table

    def _rss(self) -> float:
        return sum(fit.fit.rss for fit in self.fits.values())

    def _rows(self, parts: Mapping[str, pd.Series[float]]) -> pd.Series[float]:
        ordered = {group: parts[group] for group in self.appearance or parts if group in parts}
        index = [group for group, part in ordered.items() for _ in range(len(part))]
        return pd.Series(np.concatenate([part.to_numpy() for part in ordered.values()]), index=index)


def lmList(
    formula: str | Formula,
    data: object = None,
    family: None = None,
    subset: object = None,
    weights: object = None,
    na_action: Literal["na.omit", "na.exclude", "na.fail", "na.pass"] = "na.omit",
    offset: object = None,
    pool: bool = True,
    warn: bool = True,
) -> LmList:
    """Fit a linear model to each group (lme4's ``lmList``).

    Parameters
    ----------
    formula
        ``"y ~ x | g"``: the model, and the groups.
    data
        A pandas or polars data frame, a pyarrow table, or a dict of arrays.
    family
        Only None: generalized linear models are not there.
    subset
        Rows to use: truth values, positions counted from 0, or an expression as text.
    weights, offset
        Name of a column, an expression as text, or ``(n,)`` numbers.
    na_action
        Of each fit, see :func:`pylmer.lm` (lme4 1.1-31 takes the argument and leaves missing values out).
    pool
        Whether the residual standard deviation is one for all groups.
    warn
        Whether groups that cannot be fitted are told in one warning; their coefficients are NaN.

    Raises
    ------
    FormulaError
        A formula without groups.
    PylmerError
        What ``lm`` says where no group can be fitted.

    Examples
    --------
    >>> from pylmer import datasets, lmList
    >>> fits = lmList("Reaction ~ Days | Subject", datasets.sleepstudy())
    >>> fits.coef().loc["308"].round(3).to_dict()
    {'(Intercept)': 244.193, 'Days': 21.765}
    """
    check_arguments(lmList, locals())
    parsed = as_formula(formula)
    bars = findbars(parsed)
    if len(bars) != 1 or not isinstance(bars[0], Call) or not is_call(bars[0], "|") or parsed.lhs is None:
        raise FormulaError(f"expected a formula 'y ~ x | g' with one grouping factor, not {parsed.text!r}")
    model, group = bars[0].operands
    table = as_table(data)
    factor = as_factor(evaluate(group, Environment(table, parsed.text)))  # type: ignore[arg-type]
    within = f"{deparse(parsed.lhs)} ~ {deparse(model)}"
    codes = np.full(len(factor.codes), -1, dtype=np.intp)
    kept = chosen_rows(subset, len(codes), Environment(table, parsed.text))
    codes[slice(None) if kept is None else kept] = factor.codes[slice(None) if kept is None else kept]
    prior, known = _numbers(weights, "(weights)", len(codes)), _numbers(offset, "(offset)", len(codes))
    fits: dict[str, Lm] = {}
    failed: dict[str, PylmerError] = {}
    for code, level in enumerate(factor.levels):
        rows = np.flatnonzero(codes == code)
        if len(rows):
            w, o = (x[rows] if isinstance(x, np.ndarray) else x for x in (prior, known))
            try:
                fits[level] = lm(within, _rows_of(table, rows), weights=w, na_action=na_action, offset=o)
            except PylmerError as error:
                if na_action == "na.fail":
                    raise
                failed[level] = error
    if failed:
        _tell(failed, bool(fits), warn, weights is not None)
    appearance = tuple(factor.levels[code] for code in dict.fromkeys(codes.tolist()) if code >= 0)
    met = tuple(level for level in factor.levels if level in appearance)
    further = "".join(
        f", {name} = {value}"
        for name, value in (("subset", subset), ("weights", weights), ("offset", offset))
        if isinstance(value, str)
    )
    return LmList(fits, deparse(parsed.node), name_of(data, sys._getframe(1)), pool, appearance, met, further)


def _numbers(given: object, name: str, n: int) -> object:
    """A name or an expression as it is, anything else as ``(n,)`` numbers."""
    if given is None or isinstance(given, str):
        return given
    value = value_of_any(given, name)
    if not isinstance(value, Vector):
        raise DataError(f"'{name.strip('()')}' must be numeric: {shown(given)} is none")
    if len(value) != n:
        raise DataError(f"variable lengths differ (found for '{name}'): {len(value)}, not {n}")
    return value.values


def _tell(failed: Mapping[str, PylmerError], some: bool, warn: bool, weighted: bool) -> None:
    """What R says of groups that cannot be fitted; the error itself where none can."""
    first = next(iter(failed.values()))
    if not some:
        raise first
    if not warn:
        return
    said, count = str(first).partition(":")[0].partition("\n")[0], len(failed)
    called = "lm.wfit(x, y, w, " if weighted else "lm.fit(x, y, "
    where = f"{called}offset = offset, singular.ok = singular.ok, ...)"
    if said.startswith("contrasts can be applied"):
        text = f"Fitting failed for {count} group(s), probably because a factor only had one level:\n  {said}"
    else:
        caught = "1 error caught" if count == 1 else f"{count} times caught the same error"
        text = f"{caught} in {where}: {said}"
    warnings.warn(text, RWarning, stacklevel=3)


def _rows_of(table: Table, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Table:
    """Some rows of a table."""
    names = np.asarray(table.row_names())[rows]
    return Table(table.names, len(rows), lambda name: take(table.column(name), rows), lambda: names)
