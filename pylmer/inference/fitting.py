"""lme4's four steps in a row, from what a call said to a fitted model."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pylmer.arguments import numbers_from
from pylmer.control import LmerControl, default_control
from pylmer.criterion.careful import refuse_exact_fit, uncertainty, with_care
from pylmer.criterion.criterion import Criterion, mkLmerDevfun
from pylmer.criterion.lme4_start import lme4_start
from pylmer.errors import ConvergenceWarning, FormulaError, ModelError, RMessage, RWarning
from pylmer.formula.design import CallText, Design
from pylmer.formula.lformula import lFormula
from pylmer.formula.parse import parse_formula
from pylmer.inference.other_bases import by_other_columns
from pylmer.inference.other_starts import lowest_of_starts, several_minima_likely
from pylmer.linalg.memory import memory_limit
from pylmer.methods.summary import SINGULAR
from pylmer.model import FitCall, MerMod, make_model
from pylmer.optimize.convergence import Rules, about_gradient
from pylmer.optimize.optimum import OptResult, optimizeLmer, singular
from pylmer.rcompat.format import format_numbers
from pylmer.threads import one_thread

FloatArray = NDArray[np.float64]
M = TypeVar("M", bound=MerMod)

#: Settings that R spells with a dot, beside its checks.
R_NAMES = {"boundary_tol": "boundary.tol", "calc_derivs": "calc.derivs"}

#: Newton's method is not given up sooner, whatever limit is set.
PATIENCE = 100

#: Rounding of the criterion that is told.
TOLD = 1e-6

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
    object.__setattr__(design, "call", call_text(design.call, said))  # nobody else has seen it yet
    with one_thread(design.cells):
        with memory_limit(said.control.max_memory):
            criterion = mkLmerDevfun(design, said.REML)
        opt = optimum_of(design, criterion, said.control, said.start, trace)
        if opt.convergence and opt.optimizer == "newton" and opt.evaluations >= PATIENCE:
            opt = by_other_columns(design, criterion, opt, lambda d, c: optimum_of(d, c, said.control))
        criterion, opt = look_again(design, criterion, opt, said.control)
    model = make_model(kind, design, criterion, opt, said.control, said)
    announce(model, stacklevel)
    return model


def look_again(
    design: Design, criterion: Criterion, opt: OptResult, control: LmerControl
) -> tuple[Criterion, OptResult]:
    """Minimize again, carefully, where the last digits that decided were rounding; say what rounding is left."""
    if control.optimizer != "newton":
        return criterion, opt
    if design.batches is not None and design.batches.belong_to(design) and not design.batches.fit_in_memory:
        left = uncertainty(criterion, opt.theta)  # the rows that would say more cannot be had together
        if left <= max(TOLD, 1e-13 * abs(opt.value)):
            return criterion, opt
        return criterion, replace(opt, own_warnings=(*opt.own_warnings, uncertain(criterion, opt, left)))
    if np.isfinite(opt.value) and several_minima_likely(criterion):
        opt = lowest_of_starts(criterion, opt, lambda c, start: optimum_of(design, c, control, start))
    cared = with_care(criterion, design, opt.theta)
    if cared.careful is None:
        return criterion, opt
    start = opt.theta if np.isfinite(opt.theta).all() and np.isfinite(cared(opt.theta)) else None
    again = optimum_of(design, cared, control, start)
    again = replace(again, evaluations=opt.evaluations + again.evaluations)
    if not np.isfinite(again.value):
        raise ModelError(
            f"the criterion is {again.value} wherever it was looked at, last at theta = {again.theta.tolist()}: rescale"
            " or centre the predictors, or simplify the random effects"
        )
    left = cared.careful.rounding(again.theta)
    if not left <= TOLD:
        again = replace(again, own_warnings=(*again.own_warnings, uncertain(cared, again, left)))
    return cared, again


def uncertain(criterion: Criterion, opt: OptResult, left: float) -> str:
    """What is to be said of a criterion that is rounding to ``left``."""
    gradient = float(np.abs(opt.gradient).max())
    advice = "rescale or centre the predictors, or simplify the random effects"
    return (
        f"the criterion {opt.value:.10g} is known to about {left:.1g} only, for the residual variance is tiny beside "
        f"what the model explains (largest gradient {gradient:.2g}); {advice}"
    )


def call_text(call: CallText, said: FitCall) -> CallText:
    """The call as R would show it: expressions spelled as R does, objects by the names that the caller has for them."""

    def spelled(part: str, text: str | None) -> str | None:
        return said.names.get(part) if text is None else expression_text(text)

    control = said.names.get("control") or control_text(said.control)
    parts = {name: spelled(name, getattr(call, name)) for name in ("weights", "offset", "subset")}
    return CallText(call.formula, said.data_name, control=control, **parts)


def expression_text(text: str) -> str:
    """An expression as R spells it; what is no expression stays as it is."""
    try:
        return str(parse_formula(f"~{text}")).removeprefix("~")
    except FormulaError:
        return text


def control_text(control: LmerControl) -> str | None:
    """The call of ``lmerControl`` that makes these settings; None for the defaults, R's or ours."""
    default = default_control()
    if control is default or control == default:
        return None
    changed = {
        R_NAMES.get(f.name, f.name.replace("_", ".") if f.name.startswith("check_") else f.name): value
        for f in fields(LmerControl)
        if (value := getattr(control, f.name)) != getattr(default, f.name)
    }
    if not changed or changed == {"optimizer": "nloptwrap"}:
        return None
    return f"lmerControl({', '.join(f'{name} = {_r_value(value)}' for name, value in changed.items())})"


def _r_value(value: object) -> str:
    if isinstance(value, Mapping):
        return f"list({', '.join(f'{name} = {_r_value(v)}' for name, v in value.items())})"
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return format_numbers([float(value)], 15)[0]
    return f'"{value}"' if isinstance(value, str) else str(value)


def optimum_of(
    design: Design,
    criterion: Criterion,
    control: LmerControl,
    start: object = None,
    trace: Callable[[FloatArray, float], None] | None = None,
) -> OptResult:
    """Find the optimum as ``control`` says; lme4's optimizers begin where lme4 begins."""
    refuse_exact_fit(criterion)
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
    unstructured = all(t.structure == "us" for t in model.design.re.terms)
    lower = model.criterion.lower if unstructured else model.design.re.lower  # the same, where it is at hand
    if singular(model.theta, lower, settings.singular_tol):
        _say(SINGULAR, settings.check_conv_singular, RWarning, stacklevel)
    for text in opt.warnings:
        how = settings.check_conv_grad if about_gradient(text) else settings.check_conv_hess
        _say(text, how, ConvergenceWarning, stacklevel)


def _say(text: str, how: str, kind: type[RWarning], stacklevel: int) -> None:
    if how == "stop":
        raise ModelError(text)
    if how in ("message", "warning"):
        warnings.warn(text, RMessage if how == "message" else kind, stacklevel=stacklevel)
