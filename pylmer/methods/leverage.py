"""How much each observation weighs in its own fitted value, and in all the estimates."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.arguments import check_arguments
from pylmer.methods.residuals import row_series
from pylmer.model import MerMod

FloatArray = NDArray[np.float64]

__all__ = ["cooks_distance", "hatvalues", "rstudent"]


def hatvalues(model: MerMod) -> pd.Series[float]:
    """Leverages: the diagonal of the matrix that takes the response to the fitted values, theta held fixed.

    Returns
    -------
    Series
        ``(n,)``, between 0 and 1.

    Examples
    --------
    >>> from pylmer import datasets, hatvalues, lmer
    >>> m = lmer("mathach ~ cses + (1 | school)", data=datasets.HSB())
    >>> round(float(hatvalues(m).iloc[0]), 6)
    0.019898
    """
    check_arguments(hatvalues, locals())
    return row_series(model, model.criterion.leverages(model.par))


def cooks_distance(model: MerMod) -> pd.Series[float]:
    """Cook's distances: ``(e_i / (1 - h_i))^2 h_i / (sigma^2 p)`` with Pearson residuals e and leverages h.

    Examples
    --------
    >>> from pylmer import cooks_distance, datasets, lmer
    >>> m = lmer("mathach ~ cses + (1 | school)", data=datasets.HSB())
    >>> round(float(cooks_distance(m).iloc[1]), 6)
    0.027912
    """
    h = model.criterion.leverages(model.par)
    scaled = model.scaled_residuals() / (1.0 - h)
    return row_series(model, scaled**2 * h / model.p)


def rstudent(model: MerMod) -> pd.Series[float]:
    """Studentized residuals: Pearson residuals over ``sigma sqrt(1 - h_i)``."""
    check_arguments(rstudent, locals())
    h = model.criterion.leverages(model.par)
    return row_series(model, model.scaled_residuals() / np.sqrt(1.0 - h))
