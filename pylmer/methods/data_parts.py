"""Data with what a fit makes of them (R's ``fortify``), and variables made factors (lme4's ``factorize``)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pylmer.arguments import check_arguments
from pylmer.errors import DataError
from pylmer.formula.ast import all_names
from pylmer.formula.parse import Formula, parse
from pylmer.methods.extract import getData
from pylmer.methods.residuals import fitted, residuals
from pylmer.model import MerMod

__all__ = ["factorize", "fortify"]


def fortify(model: MerMod, data: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the data of a fit with fitted values and residuals, for plots (lme4's ``fortify.merMod``).

    Parameters
    ----------
    model
        A fit.
    data
        The data frame; default :func:`pylmer.getData`.

    Returns
    -------
    DataFrame
        The data and ``.fitted``, ``.resid`` (response residuals) and ``.scresid`` (Pearson residuals over sigma).

    Raises
    ------
    DataError
        If rows were left out of the fit for missing values: ``na_action="na.exclude"`` keeps their place.

    Examples
    --------
    >>> from pylmer import datasets, fortify, lmer
    >>> list(fortify(lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())).columns)
    ['Batch', 'Yield', '.fitted', '.resid', '.scresid']
    """
    check_arguments(fortify, locals())
    frame = (getData(model) if data is None else data).copy()
    columns = {
        ".fitted": fitted(model),
        ".resid": residuals(model),
        ".scresid": residuals(model, "pearson", scaled=True),
    }
    n = len(columns[".fitted"])
    if n != len(frame):
        raise DataError(
            f"replacement has {n} rows, data has {len(frame)}: fit with na_action='na.exclude', or give the rows used"
        )
    for name, values in columns.items():
        frame[name] = values.to_numpy()
    return frame


def factorize(x: str | Formula, frloc: pd.DataFrame, char_only: bool = False) -> pd.DataFrame:
    """Make the variables of an expression factors (lme4's ``factorize``).

    Parameters
    ----------
    x
        A formula, or an expression such as ``"x | g"``.
    frloc
        A data frame; it is not changed.
    char_only
        Only variables of texts.

    Returns
    -------
    DataFrame
        A copy, with Categoricals: levels sorted, as R's ``factor`` has them.

    Examples
    --------
    >>> import pandas as pd
    >>> factorize("1 | g", pd.DataFrame({"g": [2, 1, 2]}))["g"].cat.categories.tolist()
    ['1', '2']
    """
    node = x.node if isinstance(x, Formula) else parse(x)
    frame = frloc.copy()
    for name in all_names(node):
        if name not in frame or isinstance(frame[name].dtype, pd.CategoricalDtype):
            continue
        column = frame[name]
        texts = column.dtype.kind in "OUST" or pd.api.types.is_string_dtype(column.dtype)
        if char_only and not texts:
            continue
        levels = sorted(set(column[column.notna()].tolist()))
        codes = np.asarray(pd.Categorical(column, categories=levels).codes, dtype=np.intp)
        frame[name] = pd.Categorical.from_codes(codes, categories=pd.Index([_label(level) for level in levels]))
    return frame


def _label(level: object) -> str:
    """A level as R spells it: whole numbers without a point, truth values in capitals."""
    if isinstance(level, bool | np.bool_):
        return str(bool(level)).upper()
    return f"{level:.15g}" if isinstance(level, float | np.floating) else str(level)
