"""lme4's four steps in a row, from what a call said to a fitted model."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pylmer.arguments import numbers_from
from pylmer.control import LmerControl
from pylmer.criterion.criterion import Criterion, mkLmerDevfun
from pylmer.criterion.lme4_start import lme4_start
from pylmer.errors import ConvergenceWarning, ModelError, RMessage, RWarning
from pylmer.formula.design import Design
from pylmer.formula.lformula import lFormula
from pylmer.methods.summary import SINGULAR
from pylmer.model import FitCall, MerMod, make_model
from pylmer.optimize.convergence import Rules, about_gradient
from pylmer.optimize.optimum import OptResult, optimizeLmer, singular

FloatArray = NDArray[np.float64]
M = TypeVar("M", bound=MerMod)

__all__ = ["announce", "fit_call", "optimum_of"]


def fit_call(
    kind: type[M], said: FitCall, trace: Callable[[FloatArray, float], None] | None = None, stacklevel: int = 4
) -> M:
    """Fit what a call says, as a model of class ``kind``; warnings point ``stacklevel`` frames up from ``announce``."""
    design = lFormula(
        said.formula,
        said.data,
        said.REML,
        said.subset,
        said.weights,
        said.na_action,
        said.offset,
        said.contrasts,
        said.control,
    )
    design = replace(design, call=replace(design.call, data=said.data_name))
    criterion = mkLmerDevfun(design, said.REML)
    opt = optimum_of(design, criterion, said.control, said.start, trace)
    model = make_model(kind, design, criterion, opt, said.control, said)
    announce(model, stacklevel)
    return model


def optimum_of(
    design: Design,
    criterion: Criterion,
    control: LmerControl,
    start: object = None,
    trace: Callable[[FloatArray, float], None] | None = None,
) -> OptResult:
    """Find the optimum as ``control`` says; lme4's optimizers begin where lme4 begins."""
    begin = None if start is None else numbers_from(start, "start")
    if control.optimizer != "newton" and begin is None:
        begin = lme4_start(design, criterion)
    return optimizeLmer(
        criterion,
        begin,
        tolerance=control.tolerance,
        max_evaluations=control.max_evaluations,
        boundary_tol=control.boundary_tol,
        trace=trace,
        optimizer=control.optimizer,
        optCtrl=control.optCtrl,
        restart_edge=control.restart_edge,
        rules=rules_of(control),
    )


def rules_of(control: LmerControl) -> Rules | None:
    """How gradient and Hessian are judged."""
    if not control.calc_derivs:
        return None
    return Rules(
        None if control.check_conv_grad == "ignore" else control.grad_tol,
        None if control.check_conv_hess == "ignore" else control.hess_tol,
    )


def announce(model: MerMod, stacklevel: int = 4) -> None:
    """Say what lme4 says about the convergence of a fit; ``stacklevel`` as of the innermost function."""
    settings, opt = model.control, model.opt
    for text in opt.own_warnings:
        _say(text, "warning", ConvergenceWarning, stacklevel)
    if opt.convergence and opt.optimizer != "newton":
        text = f"convergence code {opt.convergence} from {opt.optimizer}: {opt.message}"
        _say(text, "warning", ConvergenceWarning, stacklevel)
    if singular(model.theta, model.design.re.lower, settings.singular_tol):
        _say(SINGULAR, settings.check_conv_singular, RWarning, stacklevel)
    for text in opt.warnings:
        how = settings.check_conv_grad if about_gradient(text) else settings.check_conv_hess
        _say(text, how, ConvergenceWarning, stacklevel)


def _say(text: str, how: str, kind: type[RWarning], stacklevel: int) -> None:
    if how == "stop":
        raise ModelError(text)
    if how in ("message", "warning"):
        warnings.warn(text, RMessage if how == "message" else kind, stacklevel=stacklevel)
