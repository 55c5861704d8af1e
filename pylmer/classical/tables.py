"""anova of one linear model, and of several."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from pylmer.classical.distributions import f_upper
from pylmer.classical.least_squares import FloatArray, LeastSquares
from pylmer.classical.summaries import sums_table
from pylmer.errors import ModelError, RWarning
from pylmer.formula.ast import Node
from pylmer.rcompat.printable import Printable

if TYPE_CHECKING:
    from pylmer.classical.record import LinearModel

__all__ = ["AnovaTable", "anova_lm"]


@dataclass(frozen=True, eq=False, repr=False)
class AnovaTable(Printable):
    """An analysis of variance table (R's class ``anova``).

    Parameters
    ----------
    table
        The numbers; NaN where R prints nothing.
    response
        The response, for the heading of a single model.
    models
        Formulas of the models that are compared.
    """

    table: pd.DataFrame
    response: str | None = None
    models: tuple[Node, ...] = ()


def anova_lm(model: LinearModel, *others: LinearModel, test: str | None = "F") -> AnovaTable:
    """R's ``anova``: sequential sums of squares of one linear model, or tests between several.

    Parameters
    ----------
    model, others
        Linear models; several must have the same response, and are compared in the order given.
    test
        ``"F"``, ``"Chisq"`` or None, for several models.

    Raises
    ------
    ModelError
        If the models were fitted to different numbers of rows, or the test is unknown.

    Warns
    -----
    RWarning
        If a single model fits perfectly; if models with another response are left out.
    """
    same = [m for m in others if m.source.response == model.source.response]
    if len(same) < len(others):
        left = [m.source.response for m in others if m.source.response != model.source.response]
        listed = ", ".join(f'"{r}"' for r in left)
        text = f"models with response {listed if len(left) == 1 else f'c({listed})'} removed because response differs"
        warnings.warn(f"{text} from model 1", RWarning, stacklevel=3)
    return _several([model, *same], test) if same else _single(model)


def _single(model: LinearModel) -> AnovaTable:
    fit = model.fit
    if fit.rss < 1e-10 * float(_weighted_square(fit)):
        warnings.warn("ANOVA F-tests on an essentially perfect fit are unreliable", RWarning, stacklevel=4)
    terms = np.unique(fit.effect_terms)
    terms = terms[terms > 0]
    df, ss = fit.term_sums(terms)
    labels = [*(model.term_labels[t - 1] for t in terms), "Residuals"]
    table = sums_table(labels, np.append(df, fit.df_residual), np.append(ss, fit.rss), tested=True)
    return AnovaTable(table, response=model.source.response)


def _weighted_square(fit: LeastSquares) -> float:
    """Weighted sum of squares of the fitted values."""
    weights = 1.0 if fit.weights is None else fit.weights
    return float(np.sum(weights * fit.fitted**2))


def _several(models: Sequence[LinearModel], test: str | None) -> AnovaTable:
    if test not in ("F", "Chisq", None):
        raise ModelError(f'\'test\' should be one of "F", "Chisq" or None (met {test!r})')
    if len({m.nobs() for m in models}) > 1:
        sizes = ", ".join(str(m.nobs()) for m in models)
        raise ModelError(f"models were not all fitted to the same size of dataset: they use {sizes} rows")
    df = np.array([m.fit.df_residual for m in models], dtype=np.float64)
    rss = np.array([m.fit.rss for m in models])
    gained_df = np.append(np.nan, -np.diff(df))
    gained = np.append(np.nan, -np.diff(rss))
    columns = {"Res.Df": df, "RSS": rss, "Df": gained_df, "Sum of Sq": gained}
    largest = int(np.argmin(df))
    scale = rss[largest] / df[largest] if df[largest] > 0 else np.nan
    if test == "F":
        f = _ratio(gained, gained_df) / scale
        f[f < 0] = np.nan
        columns |= {"F": f, "Pr(>F)": f_upper(f, np.abs(gained_df), float(df[largest]))}
    elif test == "Chisq":
        statistic = gained / scale * np.sign(gained_df)
        statistic[(statistic < 0) | (gained_df == 0)] = np.nan
        columns["Pr(>Chi)"] = special.chdtrc(np.abs(gained_df), statistic)
    table = pd.DataFrame(columns, index=[str(i + 1) for i in range(len(models))])
    return AnovaTable(table, models=tuple(m.source.formula for m in models))


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below != 0))
