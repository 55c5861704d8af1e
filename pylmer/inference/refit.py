"""The same model for another response, or for many."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any, TypeVar, overload

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pylmer.arguments import check_arguments, numbers_from
from pylmer.criterion.careful import refuse_exact_fit
from pylmer.criterion.criterion import mkLmerDevfun
from pylmer.errors import DataError
from pylmer.inference.fitting import announce, look_again
from pylmer.inference.many import off_the_boundary, refit_many
from pylmer.inference.refits import Refits, with_response
from pylmer.model import MerMod, make_model
from pylmer.optimize.optimum import optimizeLmer

FloatArray = NDArray[np.float64]
M = TypeVar("M", bound=MerMod)

__all__ = ["refit", "refit_each"]


@overload
def refit(
    model: M, newresp: pd.Series[float] | None = None, progress: bool = False, executor: Executor | None = None
) -> M: ...
@overload
def refit(
    model: M, newresp: ArrayLike | pd.DataFrame, progress: bool = False, executor: Executor | None = None
) -> Any: ...
def refit(
    model: M,
    newresp: ArrayLike | pd.Series[float] | pd.DataFrame | None = None,
    progress: bool = False,
    executor: Executor | None = None,
) -> M | Refits[M]:
    """Refit a model to another response, or to many at once.

    Parameters
    ----------
    model
        A fit.
    newresp
        ``(n,)`` values, or as many as the table had before rows with missing values were left out. Several responses: a
        DataFrame with one a column, such as ``simulate`` gives; an array ``(R, n)`` with one a row; a list of them.
        None: the response that it has.
    progress
        Show a progress bar, where there are several.
    executor
        Any ``concurrent.futures`` executor: its workers share the responses; see :func:`bootMer`.

    Returns
    -------
    MerMod or Refits
        A fit of the same class, begun at the old theta. Of several responses, :class:`Refits`: a sequence of such fits,
        each made when it is asked for; ``.coefficients()`` and ``.parameters()`` are tables of all.

    Raises
    ------
    DataError
        The wrong number of values, or a missing one.

    Notes
    -----
    Several responses are fitted together, by Newton's method on all of them, whatever optimizer the model was fitted
    with; their fits say nothing about convergence, but :class:`Refits` knows which have converged and which are
    singular. lme4 refuses several responses.

    Examples
    --------
    >>> from pylmer import datasets, lmer, refit, simulate
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    >>> round(float(refit(m, simulate(m, seed=1)).sigma()), 3)
    44.871
    >>> [round(fit.sigma(), 3) for fit in refit(m, simulate(m, 2, seed=1))]
    [42.314, 49.423]
    """
    check_arguments(refit, locals())
    if newresp is None:
        fitted = _refitted(model, model.design.y)
    else:
        Y, names = _responses(model, newresp)
        if len(Y) != 1:
            return _together(model, Y, names, progress, executor)
        fitted = _refitted(model, Y[0])
    announce(fitted)
    return fitted


def refit_each(
    model: M, newresp: ArrayLike | pd.DataFrame, progress: bool = False, executor: Executor | None = None
) -> Refits[M]:
    """Refit a model to many responses at once, by Newton's method on all of them together.

    What :func:`refit` does, but that one response is a sequence of one fit.

    Parameters
    ----------
    model
        A fit.
    newresp
        An array ``(R, n)``, one response a row; or a DataFrame, one response a column, such as ``simulate`` gives.
    progress
        Show a progress bar.
    executor
        Any ``concurrent.futures`` executor: its workers share the responses; see :func:`bootMer`.

    Returns
    -------
    Refits
        A sequence of R fits of the same class.

    Examples
    --------
    >>> from pylmer import datasets, lmer, refit_each, simulate
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    >>> [round(fit.sigma(), 3) for fit in refit_each(m, simulate(m, 1, seed=1))]
    [44.871]
    """
    check_arguments(refit_each, locals())
    return _together(model, *_responses(model, newresp), progress, executor)


def _refitted(model: M, y: FloatArray) -> M:
    """The fit to one response."""
    design = with_response(model.design, y)
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
    return make_model(type(model), design, criterion, opt, control, model.said)


def _together(model: M, Y: FloatArray, names: tuple[str, ...], progress: bool, executor: Executor | None) -> Refits[M]:
    """The fits to all responses; one by one where that takes more care than all together are given."""
    criterion, found = refit_many(model, Y, progress, executor)
    alone = np.ones(len(Y), dtype=bool) if model.criterion.careful is not None else ~found.converged
    made = {}
    for r in np.flatnonzero(alone).tolist():
        made[r] = fit = _refitted(model, Y[r])
        found.theta[r], found.value[r], found.converged[r] = fit.par, fit.opt.value, fit.opt.convergence == 0
    return Refits(model, criterion, found, Y, names, made)


def _responses(
    model: MerMod, newresp: ArrayLike | pd.Series[float] | pd.DataFrame
) -> tuple[FloatArray, tuple[str, ...]]:
    """Responses ``(R, n)`` on the rows of the fit, and their names."""
    Y = numbers_from(newresp, "newresp")
    columns = getattr(newresp, "columns", None)  # a table has one response a column
    if columns is not None:
        Y = Y.T
    Y = np.atleast_2d(Y)
    n, left_out = model.n, model.design.na_rows
    if Y.shape[1] == n + len(left_out) and len(left_out):
        Y = np.delete(Y, left_out, axis=1)
    if Y.ndim != 2 or Y.shape[1] != n:
        turned = f"; it has {Y.shape}: give .T of it" if Y.ndim == 2 and len(Y) in (n, n + len(left_out)) else ""
        raise DataError(
            f"replacement has {Y.shape[-1]} rows, data has {n}: newresp needs one value for each row, and of several "
            f"responses in an array each is a row{turned}"
        )
    if not np.isfinite(Y).all():
        raise DataError("NA/NaN/Inf in newresp: a refit keeps the rows of the fit, give a number for each")
    names = tuple(map(str, columns)) if columns is not None else tuple(f"sim_{r + 1}" for r in range(len(Y)))
    return Y, names
