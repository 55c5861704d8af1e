"""summary of lm and of aov: tables of estimates and of sums of squares."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pylmer.classical.distributions import f_upper, t_two_sided
from pylmer.classical.least_squares import FloatArray, IntArray, LeastSquares
from pylmer.errors import RWarning
from pylmer.formula.ast import Node
from pylmer.rcompat.printable import Printable

if TYPE_CHECKING:
    from pylmer.classical.record import Lm

__all__ = ["Fstatistic", "SummaryAov", "SummaryLm", "cov_unscaled", "residual_variance", "summary_aov", "summary_lm"]


@dataclass(frozen=True)
class Fstatistic:
    """The F test that all coefficients but the intercept are zero."""

    value: float
    numdf: int
    dendf: int

    @property
    def p_value(self) -> float:
        """Upper tail probability."""
        return float(f_upper(self.value, self.numdf, self.dendf))


@dataclass(frozen=True, eq=False, repr=False)
class SummaryLm(Printable):
    """R's ``summary.lm``.

    Parameters
    ----------
    call
        Syntax of the call.
    residuals
        ``(n,)`` weighted residuals, by row.
    weighted
        Whether the fit had weights that differ.
    coefficients
        Table with columns Estimate, Std. Error, t value, Pr(>|t|), for the coefficients that could be estimated.
    aliased
        For each coefficient whether it could not.
    sigma
        Residual standard error.
    df
        Rank, residual degrees of freedom, number of coefficients.
    r_squared, adj_r_squared
        Share of the variance that is explained.
    fstatistic
        None where there is nothing to test.
    cov_unscaled
        Covariance matrix of the estimates with sigma 1.
    na_count
        Rows that were dropped for missing values.
    """

    call: Node
    residuals: pd.Series[float]
    weighted: bool
    coefficients: pd.DataFrame
    aliased: dict[str, bool]
    sigma: float
    df: tuple[int, int, int]
    r_squared: float
    adj_r_squared: float
    fstatistic: Fstatistic | None
    cov_unscaled: pd.DataFrame
    na_count: int


def residual_variance(fit: LeastSquares) -> float:
    """Residual mean square; NaN without residual degrees of freedom."""
    return fit.rss / fit.df_residual if fit.df_residual > 0 else float("nan")


def cov_unscaled(fit: LeastSquares, names: tuple[str, ...]) -> pd.DataFrame:
    """``(rank, rank)`` inverse cross-product of the independent columns, labelled."""
    labels = [names[j] for j in fit.estimable]
    return pd.DataFrame(fit.qr.xtx_inverse, index=labels, columns=labels)


def _explained(fit: LeastSquares) -> float:
    """Sum of squares of the fitted values about their mean (about zero without an intercept)."""
    weights = np.ones(len(fit.fitted)) if fit.weights is None else fit.weights
    center = float(weights @ fit.fitted) / float(weights.sum()) if fit.has_intercept else 0.0
    return float(weights @ (fit.fitted - center) ** 2)


def _warn_if_perfect(fit: LeastSquares) -> None:
    used = fit.fitted if fit.weights is None else fit.fitted[fit.weights > 0]
    spread = float(np.var(used, ddof=1)) if len(used) > 1 else float("nan")
    if residual_variance(fit) < (float(np.mean(used)) ** 2 + spread) * 1e-30:
        warnings.warn("essentially perfect fit: summary may be unreliable", RWarning, stacklevel=4)


def _coefficient_table(fit: LeastSquares, names: tuple[str, ...]) -> pd.DataFrame:
    estimates = fit.coefficients[fit.estimable]
    errors = np.sqrt(residual_variance(fit) * fit.qr.xtx_inverse.diagonal())
    t = np.divide(estimates, errors, out=np.full(len(estimates), np.nan), where=errors > 0)
    return pd.DataFrame(
        {"Estimate": estimates, "Std. Error": errors, "t value": t, "Pr(>|t|)": t_two_sided(t, fit.df_residual)},
        index=[names[j] for j in fit.estimable],
    )


def summary_lm(model: Lm) -> SummaryLm:
    """Summarize a linear model as R's ``summary.lm``.

    Warns
    -----
    RWarning
        If the residuals are zero but for rounding.
    """
    fit, source = model.fit, model.source
    _warn_if_perfect(fit)
    tested = fit.rank - fit.has_intercept
    r2 = adjusted = 0.0
    f = None
    if tested > 0:
        explained = _explained(fit)
        r2 = explained / (explained + fit.rss)
        df = fit.df_residual
        adjusted = 1.0 - (1.0 - r2) * ((len(fit.effects) - fit.has_intercept) / df) if df > 0 else float("nan")
        f = Fstatistic(explained / tested / residual_variance(fit), tested, df)
    weights = fit.weights
    return SummaryLm(
        call=source.call,
        residuals=source.series(fit.weighted_residuals),
        weighted=weights is not None and bool(np.ptp(weights) > 0),
        coefficients=_coefficient_table(fit, model.names),
        aliased=dict(zip(model.names, np.isnan(fit.coefficients).tolist(), strict=True)),
        sigma=float(np.sqrt(residual_variance(fit))),
        df=(fit.rank, fit.df_residual, len(model.names)),
        r_squared=r2,
        adj_r_squared=adjusted,
        fstatistic=f,
        cov_unscaled=cov_unscaled(fit, model.names),
        na_count=len(source.na_rows),
    )


@dataclass(frozen=True, eq=False, repr=False)
class SummaryAov(Printable):
    """R's ``summary.aov``: one row for each term that could be estimated, and the residuals.

    Parameters
    ----------
    table
        Columns Df, Sum Sq, Mean Sq and, where there are residuals to test against, F value and Pr(>F).
    na_count
        Rows that were dropped for missing values.
    label_width
        Width that the row labels have at least, when printed: R makes room for ``(Intercept)`` where there is one.
    """

    table: pd.DataFrame
    na_count: int = 0
    label_width: int = 0


def summary_aov(
    fit: LeastSquares, term_labels: tuple[str, ...], intercept: bool = False, na_count: int = 0
) -> SummaryAov:
    """Sequential sums of squares by term.

    Parameters
    ----------
    fit
        The numbers.
    term_labels
        Labels of the terms, the intercept not counted.
    intercept
        Whether the intercept has a row.
    na_count
        Rows that were dropped for missing values.
    """
    terms = np.unique(fit.effect_terms)
    terms = terms if intercept else terms[terms > 0]
    df, ss = fit.term_sums(terms)
    labels = [(("(Intercept)", *term_labels)[t]) for t in terms]
    df_residual = fit.df_residual
    if df_residual > 0:
        labels.append("Residuals")
        df, ss = np.append(df, df_residual), np.append(ss, fit.rss)
    width = len("(Intercept)") if (fit.effect_terms == 0).any() else 0
    return SummaryAov(sums_table(labels, df, ss, tested=df_residual > 0), na_count, width)


def sums_table(labels: list[str], df: IntArray, ss: FloatArray, tested: bool) -> pd.DataFrame:
    """Degrees of freedom, sums and means of squares; F tests against the last row if ``tested``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(df > 0, ss / df, np.nan)
    columns = {"Df": df.astype(np.float64), "Sum Sq": ss, "Mean Sq": mean}
    if tested:
        with np.errstate(divide="ignore", invalid="ignore"):
            f = mean / mean[-1]
        f[-1] = np.nan
        columns |= {"F value": f, "Pr(>F)": f_upper(f, df, float(df[-1]))}
    return pd.DataFrame(columns, index=labels)
