"""Fitted values and residuals."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.arguments import check_arguments
from pylmer.errors import ModelError
from pylmer.model import MerMod

FloatArray = NDArray[np.float64]

__all__ = ["fitted", "residuals", "row_series"]

ResidualType = Literal["response", "pearson", "working", "deviance", "partial"]


def row_series(model: MerMod, values: FloatArray) -> pd.Series[float]:
    """Return values by row, labelled with the rows of the data.

    After ``na_action="na.exclude"`` the omitted rows are there too, as NaN.
    """
    design = model.design
    names = np.asarray(design.row_names)
    if design.na_exclude and len(design.na_rows):
        omitted = design.na_rows - np.arange(len(design.na_rows))
        values = np.insert(values, omitted, np.nan)
        names = np.insert(names.astype(object), omitted, np.asarray(design.na_row_names, dtype=object))
    return pd.Series(values, index=names)


def fitted(model: MerMod) -> pd.Series[float]:
    """Fitted values X beta + Z b + offset, by row.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> float(fitted(lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())).iloc[0].round(3))
    1509.893
    """
    check_arguments(fitted, locals())
    return row_series(model, model.mu)


def residuals(model: MerMod, type: ResidualType = "response", scaled: bool = False) -> pd.Series[float]:
    """Residuals by row.

    Parameters
    ----------
    model
        A fit.
    type
        ``"response"`` (the default) and ``"working"``: observed minus fitted; ``"pearson"`` and ``"deviance"``: times
        the square root of the prior weight.
    scaled
        Divide by the residual standard deviation.

    Raises
    ------
    ModelError
        Another type.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> float(residuals(lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())).iloc[0].round(3))
    35.107
    """
    check_arguments(residuals, locals())
    if type in ("response", "working"):
        values = model.raw_residuals()
    elif type in ("pearson", "deviance"):
        values = model.pearson_residuals()
    else:
        if type == "partial":
            raise ModelError(
                "partial residuals are not implemented yet, nor in lme4; type='partial': choose 'response', "
                "'pearson', 'working' or 'deviance'"
            )
        raise ModelError(f"type={type!r} is not a kind of residual: choose response, pearson, working or deviance")
    return row_series(model, values / model.residual_sd if scaled else values)
