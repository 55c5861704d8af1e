"""Questions that a linear model answers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pylmer.classical.distributions import t_quantile
from pylmer.classical.least_squares import FloatArray
from pylmer.classical.summaries import cov_unscaled, residual_variance
from pylmer.errors import ModelError, RWarning
from pylmer.formula.newdata import fixed_matrix, new_offset, new_row_names
from pylmer.rcompat.format import format_numbers
from pylmer.rcompat.loglik import LogLik

if TYPE_CHECKING:
    from pylmer.classical.record import LinearModel

__all__ = ["Prediction", "confint", "fitted", "logLik", "model_matrix", "predict", "residuals", "sigma", "vcov"]


def sigma(model: LinearModel) -> float:
    """Residual standard error; NaN without residual degrees of freedom."""
    return float(np.sqrt(residual_variance(model.fit)))


def vcov(model: LinearModel, complete: bool = True) -> pd.DataFrame:
    """Covariance matrix of the coefficients.

    Parameters
    ----------
    model
        The fit.
    complete
        Whether aliased coefficients have rows and columns, of NaN.
    """
    table = cov_unscaled(model.fit, model.names) * residual_variance(model.fit)
    return table.reindex(index=list(model.names), columns=list(model.names)) if complete else table


def residuals(model: LinearModel, type: str = "response") -> pd.Series[float]:
    """Residuals by row: "response" (or "working"), or "pearson" (or "deviance"), times the roots of the weights.

    Raises
    ------
    ModelError
        For another type.
    """
    if type in ("working", "response"):
        return model.source.series(model.fit.residuals)
    if type in ("deviance", "pearson"):
        return model.source.series(model.fit.weighted_residuals)
    raise ModelError(f'\'type\' should be one of "working", "response", "deviance", "pearson" (met {type!r})')


def fitted(model: LinearModel) -> pd.Series[float]:
    """Fitted values by row, the offset included."""
    return model.source.series(model.fit.fitted)


def logLik(model: LinearModel, REML: bool = False) -> LogLik:
    """Log-likelihood at the least-squares estimates, with sigma maximized out; restricted if ``REML``."""
    fit = model.fit
    weights = np.ones(1) if fit.weights is None else fit.weights[fit.weights > 0]
    n = len(fit.effects)
    m = n - fit.rank if REML else n
    value = 0.5 * (float(np.log(weights).sum()) - m * (np.log(2.0 * np.pi) + 1.0 - np.log(m) + np.log(fit.rss)))
    if REML:
        value -= float(np.log(np.abs(fit.qr.R.diagonal())).sum())
    return LogLik(value, df=fit.rank + 1, nobs=n)


def percent_labels(level: float) -> tuple[str, str]:
    """R's names of interval ends: ``2.5 %`` and ``97.5 %``."""
    low, high = (text.strip() for a in (0.5 - level / 2, 0.5 + level / 2) for text in format_numbers([100 * a], 3))
    return f"{low} %", f"{high} %"


def confint(model: LinearModel, parm: object = None, level: float = 0.95) -> pd.DataFrame:
    """Confidence intervals from the t distribution.

    Parameters
    ----------
    model
        The fit.
    parm
        Name, names or positions (from 0) of coefficients; None takes all.
    level
        Confidence level.
    """
    estimates = model.coefficients
    errors = np.full(len(estimates), np.nan)
    errors[model.fit.estimable] = np.sqrt(vcov(model, complete=False).to_numpy().diagonal())
    ends = t_quantile(np.array([0.5 - level / 2, 0.5 + level / 2]), model.fit.df_residual)
    table = pd.DataFrame(
        estimates.to_numpy()[:, None] + errors[:, None] * ends,
        index=estimates.index,
        columns=list(percent_labels(level)),
    )
    return table if parm is None else table.loc[_chosen(parm, model.names)]


def _chosen(parm: object, names: tuple[str, ...]) -> list[str]:
    wanted = [parm] if isinstance(parm, str | int | np.integer) else list(parm)  # type: ignore[call-overload]
    chosen = [p if isinstance(p, str) else names[int(p)] for p in wanted]
    unknown = [p for p in chosen if p not in names]
    if unknown:
        raise ModelError(f"no coefficient is named {unknown[0]!r}; there are {', '.join(names)}")
    return chosen


def model_matrix(model: LinearModel) -> pd.DataFrame:
    """The model matrix, with row labels and R's column names."""
    return pd.DataFrame(model.X, index=list(model.source.row_names), columns=list(model.names))


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predictions with their standard errors, R's list of ``se.fit = TRUE``.

    Parameters
    ----------
    fit
        Predictions, or predictions with interval ends.
    se_fit
        Standard errors of the predicted means.
    df
        Residual degrees of freedom.
    residual_scale
        Residual standard error.
    """

    fit: pd.Series[float] | pd.DataFrame
    se_fit: pd.Series[float]
    df: int
    residual_scale: float


def predict(
    model: LinearModel, newdata: object = None, se_fit: bool = False, interval: str = "none", level: float = 0.95
) -> pd.Series[float] | pd.DataFrame | Prediction:
    """Predict from a linear model as R's ``predict.lm``.

    Parameters
    ----------
    model
        The fit.
    newdata
        A table; None predicts the rows of the fit.
    se_fit
        Whether to give standard errors too.
    interval
        ``"none"``, ``"confidence"`` or ``"prediction"``.
    level
        Level of the interval.

    Raises
    ------
    ModelError
        For another interval.

    Warns
    -----
    RWarning
        If the fit is rank-deficient and ``newdata`` is given; if ``"prediction"`` is asked for the rows of the fit.
    """
    if interval not in ("none", "confidence", "prediction"):
        raise ModelError(f'\'interval\' should be one of "none", "confidence", "prediction" (met {interval!r})')
    if interval == "prediction" and newdata is None:
        warnings.warn("predictions on current data refer to _future_ responses\n", RWarning, stacklevel=3)
    X, means, as_series = _means(model, newdata)
    if not se_fit and interval == "none":
        return as_series(means)
    fit, scale2 = model.fit, residual_variance(model.fit)
    half = X[:, fit.estimable] @ np.linalg.inv(fit.qr.R) if fit.rank else np.zeros((len(X), 0))
    variance = np.sum(half**2, axis=1) * scale2
    answer: pd.Series[float] | pd.DataFrame = as_series(means)
    if interval != "none":
        future = _future_variance(model, scale2, newdata) if interval == "prediction" else 0.0
        width = float(t_quantile((1.0 + level) / 2.0, fit.df_residual)) * np.sqrt(variance + future)
        columns = {"fit": means, "lwr": means - width, "upr": means + width}
        answer = pd.DataFrame({name: as_series(values) for name, values in columns.items()})
    if not se_fit:
        return answer
    return Prediction(answer, as_series(np.sqrt(variance)), fit.df_residual, float(np.sqrt(scale2)))


def _means(model: LinearModel, newdata: object) -> tuple[FloatArray, FloatArray, Callable[..., pd.Series[float]]]:
    """Model matrix and predicted means, and how to label them."""
    if newdata is None:
        return model.X, model.fit.fitted, model.source.series
    if model.rank < len(model.names):
        warnings.warn("prediction from a rank-deficient fit may be misleading", RWarning, stacklevel=4)
    schema = model.source.schema
    X = fixed_matrix(schema, newdata)
    means = X[:, model.fit.estimable] @ model.fit.coefficients[model.fit.estimable]
    offset = new_offset(schema, newdata)
    if offset is not None:
        means = means + offset
    if model.source.offset is not None:
        means = means + model.source.offset(newdata)
    labels = np.asarray(new_row_names(newdata)).tolist()
    return X, means, lambda values: pd.Series(values, index=labels, dtype=np.float64)


def _future_variance(model: LinearModel, scale2: float, newdata: object) -> float | FloatArray:
    weights = model.fit.weights
    return scale2 if weights is None or newdata is not None else scale2 / weights
