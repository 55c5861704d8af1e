"""The same model for another response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pylmer.arguments import check_arguments, numbers_from
from pylmer.criterion.careful import refuse_exact_fit
from pylmer.criterion.criterion import mkLmerDevfun
from pylmer.errors import DataError
from pylmer.formula.values import Value, Vector
from pylmer.inference.bootstrap import off_the_boundary, refit_many, replicate
from pylmer.inference.fitting import announce, look_again
from pylmer.model import MerMod, make_model
from pylmer.optimize.optimum import optimizeLmer

FloatArray = NDArray[np.float64]
M = TypeVar("M", bound=MerMod)

__all__ = ["refit", "refit_each"]


def refit(model: M, newresp: ArrayLike | pd.Series[float] | pd.DataFrame | None = None) -> M:
    """Refit a model to another response.

    Parameters
    ----------
    model
        A fit.
    newresp
        ``(n,)`` values, or as many as the table had before rows with missing values were left out; a DataFrame of one
        column, such as ``simulate`` gives. None: the response that it has.

    Returns
    -------
    MerMod
        A fit of the same class, begun at the old theta.

    Raises
    ------
    DataError
        The wrong number of values, or a missing one; several responses (see :func:`refit_each`).

    Examples
    --------
    >>> from pylmer import datasets, lmer, refit, simulate
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    >>> round(float(refit(m, simulate(m, seed=1)).sigma()), 3)
    44.871
    """
    check_arguments(refit, locals())
    if newresp is None:
        y = model.design.y
    else:
        rows = _responses(model, newresp)
        if len(rows) > 1:
            raise DataError(
                f"refit not implemented for 'newresp' lists of length > 1: newresp has {len(rows)} responses; "
                "refit_each(model, newresp) takes several"
            )
        y = rows[0]
    frame = model.design.frame
    if frame is not None and frame.response is not None:
        variables: Mapping[str, Value] = {**frame.variables, frame.response: Vector(y, "double")}
        frame = replace(frame, variables=variables)
    design = replace(model.design, y=y, frame=frame)
    criterion = mkLmerDevfun(design, model.REML)
    refuse_exact_fit(criterion)
    control, start = model.control, model.par
    newton = control.optimizer == "newton"
    if newton:
        start = off_the_boundary(criterion, start)
    opt = optimizeLmer(
        criterion,
        start,
        tolerance=control.tolerance,
        max_evaluations=control.max_evaluations,
        boundary_tol=control.boundary_tol if newton else 0.0,
        optimizer=control.optimizer,
        optCtrl=control.optCtrl,
        restart_edge=False,
    )
    criterion, opt = look_again(design, criterion, opt, control)
    fitted = make_model(type(model), design, criterion, opt, control, model.said)
    announce(fitted)
    return fitted


def refit_each(model: M, newresp: ArrayLike | pd.DataFrame, progress: bool = False) -> list[M]:
    """Refit a model to many responses at once, by Newton's method on all of them together.

    Parameters
    ----------
    model
        A fit.
    newresp
        An array ``(R, n)``, one response a row; or a DataFrame, one response a column, such as ``simulate`` gives.
    progress
        Show a progress bar.

    Returns
    -------
    list
        R fits of the same class.

    Examples
    --------
    >>> from pylmer import datasets, lmer, refit_each, simulate
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    >>> [round(fit.sigma(), 3) for fit in refit_each(m, simulate(m, 2, seed=1))]
    [42.314, 49.423]
    """
    check_arguments(refit_each, locals())
    Y = _responses(model, newresp)
    criterion, found = refit_many(model, Y, progress)
    return [replicate(model, criterion, found, Y[r], r) for r in range(len(Y))]


def _responses(model: MerMod, newresp: ArrayLike | pd.Series[float] | pd.DataFrame) -> FloatArray:
    """Responses ``(R, n)`` on the rows of the fit."""
    Y = numbers_from(newresp, "newresp")
    if isinstance(newresp, pd.DataFrame):
        Y = Y.T
    Y = np.atleast_2d(Y)
    n, left_out = model.n, model.design.na_rows
    if Y.shape[1] == n + len(left_out) and len(left_out):
        Y = np.delete(Y, left_out, axis=1)
    if Y.ndim != 2 or Y.shape[1] != n:
        raise DataError(f"replacement has {Y.shape[-1]} rows, data has {n}: newresp needs one value for each row")
    if not np.isfinite(Y).all():
        raise DataError("NA/NaN/Inf in newresp: a refit keeps the rows of the fit, give a number for each")
    return Y
