"""What lm and aov return: the fit, its labels, and what must be remembered to answer questions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from pylmer.classical import answers, summaries, tables
from pylmer.classical.least_squares import FloatArray, IntArray, LeastSquares
from pylmer.classical.source import Source
from pylmer.rcompat.loglik import LogLik
from pylmer.rcompat.printable import Printable

__all__ = ["Aov", "LinearModel", "Lm"]


@dataclass(frozen=True, eq=False, repr=False)
class LinearModel(Printable):
    """A linear model fitted by least squares: what :class:`Lm` and :class:`Aov` share.

    Parameters
    ----------
    fit
        The numbers.
    X, y
        Model matrix ``(n, p)`` and response ``(n,)``.
    names
        The p column names of X, R's.
    term_labels
        Labels of the terms, the intercept not counted.
    source
        The call, the syntax, the rows and what new data need.
    """

    fit: LeastSquares
    X: FloatArray
    y: FloatArray
    names: tuple[str, ...]
    term_labels: tuple[str, ...]
    source: Source

    @cached_property
    def coefficients(self) -> pd.Series[float]:
        """Coefficients by name; NaN for those that are aliased."""
        return pd.Series(self.fit.coefficients, index=list(self.names), dtype=np.float64)

    @property
    def rank(self) -> int:
        """Number of coefficients that could be estimated."""
        return self.fit.rank

    @property
    def effects(self) -> FloatArray:
        """The transposed Q times the weighted response."""
        return self.fit.effects

    @property
    def assign(self) -> IntArray:
        """``(p,)`` number of the term of each column, 0 for the intercept."""
        return self.fit.assign

    @property
    def aliased(self) -> tuple[str, ...]:
        """Names of the coefficients that are not defined because of singularities."""
        return tuple(self.names[j] for j in self.fit.qr.pivot[self.rank :])

    def anova(self, *others: LinearModel, test: str | None = "F") -> tables.AnovaTable:
        """R's ``anova``; see :func:`pylmer.classical.tables.anova_lm`."""
        return tables.anova_lm(self, *others, test=test)

    def vcov(self, complete: bool = True) -> pd.DataFrame:
        """R's ``vcov``; see :func:`pylmer.classical.answers.vcov`."""
        return answers.vcov(self, complete)

    def sigma(self) -> float:
        """R's ``sigma``, the residual standard error."""
        return answers.sigma(self)

    def residuals(self, type: str = "response") -> pd.Series[float]:
        """R's ``residuals``; see :func:`pylmer.classical.answers.residuals`."""
        return answers.residuals(self, type)

    def fitted(self) -> pd.Series[float]:
        """R's ``fitted``."""
        return answers.fitted(self)

    def predict(
        self, newdata: object = None, se_fit: bool = False, interval: str = "none", level: float = 0.95
    ) -> pd.Series[float] | pd.DataFrame | answers.Prediction:
        """R's ``predict``; see :func:`pylmer.classical.answers.predict`."""
        return answers.predict(self, newdata, se_fit, interval, level)

    def deviance(self) -> float:
        """R's ``deviance``, the weighted residual sum of squares."""
        return self.fit.rss

    def df_residual(self) -> int:
        """R's ``df.residual``."""
        return self.fit.df_residual

    def nobs(self) -> int:
        """R's ``nobs``, the number of rows with positive weight."""
        return len(self.fit.effects)

    def logLik(self, REML: bool = False) -> LogLik:
        """R's ``logLik``; see :func:`pylmer.classical.answers.logLik`."""
        return answers.logLik(self, REML)

    def AIC(self, k: float = 2.0) -> float:
        """R's ``AIC``."""
        return self.logLik().AIC(k)

    def BIC(self) -> float:
        """R's ``BIC``."""
        return self.logLik().BIC()

    def confint(self, parm: object = None, level: float = 0.95) -> pd.DataFrame:
        """R's ``confint``; see :func:`pylmer.classical.answers.confint`."""
        return answers.confint(self, parm, level)

    def model_matrix(self) -> pd.DataFrame:
        """R's ``model.matrix``."""
        return answers.model_matrix(self)


@dataclass(frozen=True, eq=False, repr=False)
class Lm(LinearModel):
    """A linear model (R's class ``lm``)."""

    def coef(self) -> pd.Series[float]:
        """R's ``coef``: all coefficients, NaN for those that are aliased."""
        return self.coefficients

    def summary(self) -> summaries.SummaryLm:
        """R's ``summary``; see :func:`pylmer.classical.summaries.summary_lm`."""
        return summaries.summary_lm(self)


@dataclass(frozen=True, eq=False, repr=False)
class Aov(LinearModel):
    """An analysis of variance without Error strata (R's class ``aov``): a linear model summarized by its terms."""

    def coef(self) -> pd.Series[float]:
        """R's ``coef``: the coefficients that could be estimated."""
        return self.coefficients.dropna()

    def summary(self, intercept: bool = False) -> summaries.SummaryAov:
        """R's ``summary``; see :func:`pylmer.classical.summaries.summary_aov`."""
        return summaries.summary_aov(self.fit, self.term_labels, intercept, len(self.source.na_rows))
