"""Fit linear mixed models: lme4's four steps, one line each."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, Literal, Never, overload

import numpy as np
from numpy.typing import NDArray

from pylmer.arguments import check_arguments, shown
from pylmer.control import LmerControl, default_control, lmerControl
from pylmer.criterion.criterion import Criterion, mkLmerDevfun
from pylmer.dotted import LmerMod
from pylmer.errors import ModelError
from pylmer.formula.design import Design
from pylmer.formula.lformula import lFormula
from pylmer.inference.fitting import announce, fit_call
from pylmer.model import FitCall, make_model
from pylmer.optimize.optimum import OptResult
from pylmer.printing.trace import print_evaluation
from pylmer.rcompat.caller import name_of

FloatArray = NDArray[np.float64]

__all__ = ["lmer", "mkMerMod"]


@overload
def lmer(
    formula: str,
    data: object = None,
    REML: bool = True,
    control: LmerControl | Mapping[str, object] | None = None,
    start: Sequence[float] | FloatArray | None = None,
    verbose: int = 0,
    subset: object = None,
    weights: object = None,
    na_action: str = "na.omit",
    offset: object = None,
    contrasts: Mapping[str, object] | None = None,
    devFunOnly: Literal[False] = False,
    **unused: Never,
) -> LmerMod: ...
@overload
def lmer(formula: str, data: object = None, *, devFunOnly: Literal[True], **arguments: Any) -> Criterion: ...
def lmer(
    formula: str,
    data: object = None,
    REML: bool = True,
    control: LmerControl | Mapping[str, object] | None = None,
    start: Sequence[float] | FloatArray | None = None,
    verbose: int = 0,
    subset: object = None,
    weights: object = None,
    na_action: str = "na.omit",
    offset: object = None,
    contrasts: Mapping[str, object] | None = None,
    devFunOnly: bool = False,
    **unused: Never,
) -> LmerMod | Criterion:
    """Fit a linear mixed-effects model, as lme4's ``lmer`` does.

    Parameters
    ----------
    formula
        R's formula as text, ``"y ~ x + (x | g)"``: fixed effects, and random-effects terms in parentheses.
    data
        A pandas or polars data frame, a pyarrow table, or a dict of arrays.  Or rows that need not fit into memory,
        read in batches, in two passes: the path of a Parquet, Arrow or CSV file or of a folder of them, a list of
        paths; a pyarrow dataset; a list of tables, or a callable that gives a fresh iterable of tables or Arrow batches
        each time; a relation of DuckDB.  What can be read only once, such as a ``RecordBatchReader``, is first copied
        to a temporary file.  Fits and printed text are those of a data frame;
        ``weights``, ``offset`` and ``subset`` are then names or expressions, and what looks at all rows at once
        (``poly(x, 2)``, ``ns(x, 3)``) is refused.  Residuals and fitted values read the rows again.
    REML
        Restricted maximum likelihood (the default), or maximum likelihood.
    control
        Settings made by :func:`lmerControl`, or a dict of them.
    start
        Values of theta to begin with, ``(m,)``.
    verbose
        1 or more prints each evaluation of the criterion.
    subset
        Rows to use: truth values, positions counted from 0, or an expression as text.
    weights
        Prior weights (the residual variance of a row is sigma^2 / weight): name of a column, or ``(n,)`` numbers.
    na_action
        ``"na.omit"``, ``"na.exclude"``, ``"na.fail"`` or ``"na.pass"``.
    offset
        A known part of the response: name of a column, or ``(n,)`` numbers.
    contrasts
        Contrasts of factors in the fixed part, by variable.
    devFunOnly
        Give the criterion as a function of theta, and fit nothing.
    **unused
        Refused: ``lmer`` has no such argument.

    Returns
    -------
    LmerMod or Criterion
        The fit, ``print(m)`` shows R's text; or the function.

    Raises
    ------
    FormulaError, DataError, ModelError
        If formula, data or model make no sense, with lme4's sentence first where it has one.

    Notes
    -----
    The criterion (Bates et al. 2015, JSS 67(1), eqs. 34 and 41) is minimized by Newton's method with its exact
    gradient. ``control=lmerControl("nloptwrap")`` walks lme4's own way instead.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", data=datasets.sleepstudy())
    >>> round(m.value, 3)
    1743.628
    """
    _refuse_those_of_others(unused)
    check_arguments(lmer, locals())
    settings = _settings(control)
    if devFunOnly:
        rows = (subset, weights, na_action, offset)
        return mkLmerDevfun(lFormula(formula, data, REML, *rows, contrasts, settings), REML)
    said = FitCall(
        formula,
        data,
        REML,
        settings,
        start,
        subset,
        weights,
        na_action,
        offset,
        contrasts,
        name_of(data, sys._getframe(1)) or _path_of(data),
        _names(sys._getframe(1), weights=weights, offset=offset, subset=subset, control=control),
    )
    return fit_call(LmerMod, said, print_evaluation if verbose > 0 else None, stacklevel=5)


def mkMerMod(design: Design, criterion: Criterion, opt: OptResult, control: LmerControl | None = None) -> LmerMod:
    """Make the fitted model from the results of the three steps before, and say what lme4 says about its convergence.

    Examples
    --------
    >>> from pylmer import datasets, lFormula, mkLmerDevfun, mkMerMod, optimizeLmer
    >>> design = lFormula("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    >>> criterion = mkLmerDevfun(design)
    >>> round(mkMerMod(design, criterion, optimizeLmer(criterion)).sigma(), 3)
    49.51
    """
    model = make_model(LmerMod, design, criterion, opt, control)
    announce(model)
    return model


_OF_OTHERS = {
    "family": "lmer() fits a continuous response with normal errors; generalized linear models are not there",
    "method": "write REML=False for maximum likelihood",
    "random": "write the random effects into the formula, y ~ x + (x | g)",
    "correlation": "residuals are independent; a term ar1(0 + t | g) has correlations",
    "doFit": "lFormula() gives the design alone",
}
"""Arguments of ``nlme::lme``, ``glmer`` and others, and what to write."""


def _refuse_those_of_others(unused: Mapping[str, object]) -> None:
    for name, advice in _OF_OTHERS.items():
        if name in unused:
            raise ModelError(f"unused argument ({name} = {shown(unused[name])}) of lmer(): {advice}")


def _names(frame: FrameType, **given: object) -> dict[str, str]:
    """What the caller calls the objects that are no text."""
    if not any(value is not None for value in given.values()):
        return {}
    found = {label: name_of(value, frame) for label, value in given.items() if not isinstance(value, str)}
    return {label: name for label, name in found.items() if name is not None}


def _path_of(data: object) -> str | None:
    """A file as R would print it in a call."""
    return f'"{data}"' if isinstance(data, (str, os.PathLike)) else None


def _settings(control: LmerControl | Mapping[str, object] | None) -> LmerControl:
    if control is None:
        return default_control()
    return control if isinstance(control, LmerControl) else lmerControl(**dict[str, Any](control))
