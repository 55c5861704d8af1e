"""How much each observation weighs in its own fitted value, and in all the estimates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from pylmer.arguments import check_arguments
from pylmer.errors import ModelError
from pylmer.methods.components import getME
from pylmer.methods.residuals import row_series
from pylmer.model import MerMod

FloatArray = NDArray[np.float64]

#: A hat matrix of more rows is refused.
MOST_ROWS = 20_000

__all__ = ["cooks_distance", "hatvalues", "rstudent"]


def hatvalues(model: MerMod, fullHatMatrix: bool = False) -> Any:
    """Leverages: the diagonal of the matrix that takes the response to the fitted values, theta held fixed.

    Parameters
    ----------
    model
        A fit.
    fullHatMatrix
        Give the whole matrix, ``(n, n)``: with prior weights, of weighted responses and fitted values.

    Returns
    -------
    Series or DataFrame
        ``(n,)``, between 0 and 1; or the matrix, labelled by row, without the rows that were left out.

    Examples
    --------
    >>> from pylmer import datasets, hatvalues, lmer
    >>> m = lmer("mathach ~ cses + (1 | school)", data=datasets.HSB())
    >>> round(float(hatvalues(m).iloc[0]), 6)
    0.019898
    """
    check_arguments(hatvalues, locals())
    if fullHatMatrix:
        return _hat_matrix(model)
    return row_series(model, model.criterion.leverages(model.par))


def _hat_matrix(model: MerMod) -> pd.DataFrame:
    """``CL'CL + CX'CX`` with ``CL = L^-1 Lambda'Z'W^1/2`` and ``CX = RX'^-1 (X'W^1/2 - RZX'CL)``."""
    if model.n > MOST_ROWS:
        raise ModelError(f"the hat matrix of {model.n} rows is not made: more than {MOST_ROWS}")
    root = np.ones(model.n) if model.design.weights is None else np.sqrt(model.design.weights)
    right = getME(model, "A").toarray() * root
    CL = solve_triangular(getME(model, "L").toarray(), right, lower=True)
    CX = solve_triangular(model.state.RX, model.design.X.T * root - getME(model, "RZX").T @ CL, trans="T")
    names = list(model.design.row_names)
    return pd.DataFrame(CL.T @ CL + CX.T @ CX, index=names, columns=names)


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
