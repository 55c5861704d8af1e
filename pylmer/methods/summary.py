"""What ``summary()`` says of a fit: the numbers of R's text in one record."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.arguments import check_arguments
from pylmer.errors import ModelError
from pylmer.formula.design import CallText
from pylmer.methods.varcorr import VarCorr
from pylmer.rcompat.printable import Printable

if TYPE_CHECKING:
    from pylmer.model import MerMod

FloatArray = NDArray[np.float64]

__all__ = ["FitNotes", "SummaryMerMod", "aic_table", "fit_notes", "meth_title", "summary"]

SINGULAR = "boundary (singular) fit: see help('isSingular')"


@dataclass(frozen=True)
class FitNotes:
    """What is to be said about the optimizer (the part of lme4's ``optinfo`` that is printed).

    Parameters
    ----------
    optimizer
        Its name.
    code
        Convergence code, 0 for success.
    message
        The optimizer's own sentence.
    messages
        What the checks after the fit found: a singular fit, no convergence.
    warnings
        What the optimizer itself warned of.
    """

    optimizer: str
    code: int = 0
    message: str = ""
    messages: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class SummaryMerMod(Printable):
    """Summary of a linear mixed model; ``str(s)`` is R's text.

    Parameters
    ----------
    methTitle
        Title: ``"Linear mixed model fit by REML"``.
    objClass
        Class tag printed behind the title.
    call
        The call as text.
    AICtab
        ``{"REML": criterion}``, or AIC, BIC, logLik, deviance and df.resid of an ML fit.
    residuals
        ``(n,)`` Pearson residuals over sigma.
    varcor
        Variances and correlations of the random effects.
    ngrps
        Number of levels of each grouping factor.
    nobs
        Number of observations.
    coefficients
        DataFrame indexed by coefficient: Estimate, Std. Error, t value (and more where degrees of freedom were asked
        for).
    vcov
        DataFrame ``(p, p)``: covariance of the fixed effects.
    sigma
        Residual standard deviation.
    dropped
        Names of the columns that were dropped for rank deficiency.
    optinfo
        What is to be said about the optimizer.
    scale_note
        What was said of the scales of the predictors.
    show_correlation
        Whether its text shows the correlations of the fixed effects; None: where they are not too many.
    """

    methTitle: str
    objClass: str
    call: CallText
    AICtab: dict[str, float]
    residuals: FloatArray
    varcor: VarCorr
    ngrps: dict[str, int]
    nobs: int
    coefficients: pd.DataFrame
    vcov: pd.DataFrame
    sigma: float
    dropped: tuple[str, ...]
    optinfo: FitNotes
    scale_note: str = ""
    show_correlation: bool | None = None

    def summary(self) -> SummaryMerMod:
        """Return itself, as R does."""
        return self

    @property
    def correlation(self) -> FloatArray:
        """``(p, p)`` correlation of the fixed effects."""
        V = self.vcov.to_numpy()
        sd = np.sqrt(np.diag(V))
        correlation: FloatArray = V / sd / sd[:, None]
        np.fill_diagonal(correlation, 1.0)
        return correlation


def meth_title(REML: bool, ddf: str | None = None) -> str:
    """Title of a linear mixed model; R has a space more at the end for maximum likelihood.

    ``ddf`` is the method behind degrees of freedom and p-values, as lmerTest spells it, if there are any.

    Examples
    --------
    >>> meth_title(True, "Satterthwaite")
    "Linear mixed model fit by REML. t-tests use Satterthwaite's method"
    """
    title = "Linear mixed model fit by REML" if REML else "Linear mixed model fit by maximum likelihood "
    return title if ddf is None else f"{title}. t-tests use {ddf}'s method"


def is_reml(model: MerMod) -> bool:
    """Whether the fit counts as REML: without fixed effects there is nothing to restrict, and R calls it ML."""
    return bool(model.REML) and model.p > 0


def aic_table(model: MerMod) -> dict[str, float]:
    """Criteria of the fit as printed by ``print`` and ``summary``.

    Returns
    -------
    dict
        For a REML fit ``{"REML": criterion}``; for ML AIC = deviance + 2 k, BIC = deviance + k log(n), logLik =
        -deviance / 2, deviance and df.resid = n - k, where k counts fixed effects, theta and sigma.
    """
    if is_reml(model):
        return {"REML": float(model.value)}
    k = model.n_parameters
    log_lik = -float(model.value) / 2
    return {
        "AIC": -2 * log_lik + 2 * k,
        "BIC": -2 * log_lik + math.log(model.n) * k,
        "logLik": log_lik,
        "deviance": float(model.value),
        "df.resid": float(model.n - k),
    }


def fit_notes(model: MerMod) -> FitNotes:
    """Collect what is to be said about the optimizer."""
    control = getattr(model, "control", None)
    tolerance = getattr(control, "singular_tol", 1e-4)
    check = getattr(control, "check_conv_singular", "message")
    diagonal = model.theta[model.design.re.lower == 0]
    messages = (SINGULAR,) if check != "ignore" and bool((diagonal < tolerance).any()) else ()
    opt = model.opt
    return FitNotes(opt.optimizer, opt.convergence, opt.message, (*messages, *opt.warnings), opt.own_warnings)


def summary(
    model: MerMod | SummaryMerMod, correlation: bool | None = None, use_hessian: bool | None = None
) -> SummaryMerMod:
    """Summarize a fitted model as lme4's ``summary()``.

    Parameters
    ----------
    model
        A fitted model (of a summary, the summary itself).
    correlation
        Whether the text shows the correlations of the fixed effects; None: where there are no more of them than the
        option ``lme4_summary_cor_max``.
    use_hessian
        Only None and False: of a linear mixed model the exact covariance is known.

    Returns
    -------
    SummaryMerMod
        ``print`` gives R's text.

    Examples
    --------
    >>> from pylmer import datasets, lmer, summary
    >>> s = summary(lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff()))
    >>> list(s.coefficients.columns)
    ['Estimate', 'Std. Error', 't value']
    """
    check_arguments(summary, locals())
    if isinstance(model, SummaryMerMod):
        return model
    if use_hessian:
        raise ModelError("'use.hessian'=TRUE specified, but Hessian is unavailable: leave use_hessian at None")
    design = model.design
    names = list(design.X_names)
    V = np.asarray(model.vcov_beta, dtype=np.float64).reshape(len(names), len(names))
    se = np.sqrt(np.diag(V))
    columns = {"Estimate": model.beta, "Std. Error": se}
    if names:
        columns["t value"] = model.beta / se
    return SummaryMerMod(
        methTitle=meth_title(is_reml(model)),
        objClass="lmerMod",
        call=design.call,
        AICtab=aic_table(model),
        residuals=model.scaled_residuals(),
        varcor=VarCorr(model),
        ngrps={group: t.J for group, t in design.re.flist.items()},
        nobs=model.n,
        coefficients=pd.DataFrame(columns, index=names),
        vcov=pd.DataFrame(V, index=names, columns=names),
        sigma=model.residual_sd,
        dropped=design.dropped,
        optinfo=fit_notes(model),
        scale_note=design.scale_note,
        show_correlation=correlation,
    )
