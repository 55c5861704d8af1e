"""Single numbers of a fit: likelihoods, criteria, counts."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd

from pylmer.arguments import check_arguments
from pylmer.errors import ModelError, RWarning
from pylmer.model import MerMod
from pylmer.optimize.optimum import singular
from pylmer.rcompat.caller import name_of
from pylmer.rcompat.loglik import LogLik

__all__ = [
    "AIC",
    "BIC",
    "REMLcrit",
    "deviance",
    "df_residual",
    "icc",
    "isGLMM",
    "isLMM",
    "isNLMM",
    "isREML",
    "isSingular",
    "logLik",
    "ngrps",
    "nobs",
    "sigma",
]


def _criterion(model: MerMod, REML: bool) -> float:
    """REML or ML criterion at the fitted theta, whichever the fit was by."""
    if model.REML == REML:
        return model.value
    s, n, nu = model.state, model.n, model.n - model.p
    offset = -model.criterion.log_weights
    if REML:
        return s.ldL2 + s.ldRX2 + nu * (1 + float(np.log(2 * np.pi * s.pwrss / nu))) + offset
    return s.ldL2 + n * (1 + float(np.log(2 * np.pi * s.pwrss / n))) + offset


def logLik(model: MerMod, REML: bool | None = None) -> LogLik:
    """Log-likelihood; the restricted one of a REML fit unless ``REML`` says otherwise.

    Returns
    -------
    LogLik
        A float with ``df`` (p + m + 1 parameters) and ``nobs``.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> ll = logLik(lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff()))
    >>> round(ll, 4), ll.df
    (-159.8271, 3)
    """
    check_arguments(logLik, locals())
    value = -0.5 * _criterion(model, model.REML if REML is None else REML)
    return LogLik(value, df=_parameters(model), nobs=model.n)


def _parameters(model: MerMod) -> int:
    return model.n_parameters


def deviance(model: MerMod, REML: bool | None = None) -> float:
    """Minus twice the log-likelihood, at the estimates of the fit.

    Of a REML fit without ``REML``, lme4 warns and gives the REML criterion, and so does pylmer.  Any value of ``REML``
    gives the deviance, also ``True``: so it is in lme4.  The REML criterion is :func:`REMLcrit`.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> round(deviance(lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff(), REML=False)), 4)
    327.3271
    """
    check_arguments(deviance, locals())
    if REML is None and isREML(model):
        warnings.warn(
            "deviance() is deprecated for REML fits; use REMLcrit for the REML criterion or deviance(.,REML=FALSE) "
            "for deviance calculated at the REML fit",
            RWarning,
            stacklevel=2,
        )
        return _criterion(model, True)
    return _criterion(model, False)


def REMLcrit(model: MerMod) -> float:
    """Return the criterion of the fit at its optimum (of an ML fit: evaluated as REML, as lme4 does).

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> round(REMLcrit(lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())), 4)
    319.6543
    """
    check_arguments(REMLcrit, locals())
    return _criterion(model, True)


def AIC(model: MerMod, *others: MerMod, k: float = 2.0) -> Any:
    """Akaike's criterion, -2 logLik + k df.

    Parameters
    ----------
    model, *others
        A fit, or several.
    k
        Penalty for each parameter.

    Returns
    -------
    float or DataFrame
        Of several fits a table with columns ``df`` and ``AIC``, its rows named as the caller names the fits.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> round(AIC(lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())), 4)
    325.6543
    """
    check_arguments(AIC, locals())
    if others:
        return _criteria("AIC", (model, *others), lambda ll: ll.AIC(k), sys._getframe(1))
    return logLik(model).AIC(k)


def BIC(model: MerMod, *others: MerMod) -> Any:
    """Schwarz's criterion, -2 logLik + log(n) df.

    Parameters
    ----------
    model, *others
        A fit, or several.

    Returns
    -------
    float or DataFrame
        Of several fits a table with columns ``df`` and ``BIC``, its rows named as the caller names the fits.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> round(BIC(lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())), 4)
    329.8579
    """
    check_arguments(BIC, locals())
    if others:
        return _criteria("BIC", (model, *others), lambda ll: ll.BIC(), sys._getframe(1))
    return logLik(model).BIC()


def _criteria(
    name: str, models: Sequence[MerMod], criterion: Callable[[LogLik], float], caller: FrameType
) -> pd.DataFrame:
    """R's table of several fits; it warns where they have different numbers of observations."""
    if caller.f_globals.get("__name__") == "pylmer.dotted" and caller.f_back is not None:
        caller = caller.f_back  # asked as a method
    for other in models:
        if not isinstance(other, MerMod):
            raise ModelError(f"{name} of several fits: {other!r:.40} is not a fit made by lmer()")
    likelihoods = [logLik(m) for m in models]
    if len({ll.nobs for ll in likelihoods}) > 1:
        warnings.warn("models are not all fitted to the same number of observations", RWarning, stacklevel=3)
    names = [name_of(m, caller) or f"model{i + 1}" for i, m in enumerate(models)]
    columns = {"df": [ll.df for ll in likelihoods], name: [criterion(ll) for ll in likelihoods]}
    return pd.DataFrame(columns, index=names)


def df_residual(model: MerMod) -> int:
    """Return n minus the number of parameters (p + m + 1)."""
    check_arguments(df_residual, locals())
    return model.n - _parameters(model)


def nobs(model: MerMod) -> int:
    """Return the number of observations used."""
    check_arguments(nobs, locals())
    return model.n


def ngrps(model: MerMod) -> pd.Series[int]:
    """Return the number of levels of each grouping factor."""
    check_arguments(ngrps, locals())
    return pd.Series({group: term.J for group, term in model.design.re.flist.items()})


def sigma(model: MerMod) -> float:
    """Residual standard deviation, in the units of the response.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> round(sigma(lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())), 3)
    49.51
    """
    check_arguments(sigma, locals())
    return model.residual_sd


def isREML(model: MerMod) -> bool:
    """Whether the fit is by restricted maximum likelihood; without fixed effects there is nothing to restrict."""
    check_arguments(isREML, locals())
    return model.REML and model.p > 0


def isLMM(model: MerMod) -> bool:
    """Whether the fit is a linear mixed model."""
    check_arguments(isLMM, locals())
    return True


def isGLMM(model: MerMod) -> bool:
    """Whether the fit is a generalized linear mixed model: never."""
    check_arguments(isGLMM, locals())
    return False


def isNLMM(model: MerMod) -> bool:
    """Whether the fit is a nonlinear mixed model: never."""
    check_arguments(isNLMM, locals())
    return False


def isSingular(model: MerMod, tol: float = 1e-4) -> bool:
    """Whether some variance is zero or some correlation is one: a diagonal element of theta below ``tol``.

    Examples
    --------
    >>> import warnings
    >>> from pylmer import datasets, lmer
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     isSingular(lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff2()))
    True
    """
    check_arguments(isSingular, locals())
    return singular(model.theta, model.design.re.lower, tol)


def icc(model: MerMod) -> float:
    """Intraclass correlation: the share of the variance that lies between groups.

    Of a model whose random effects are intercepts: the sum of their variances over that sum plus the residual
    variance.  For the chapter's model with one grouping factor this is var_school / (var_school + sigma^2).

    Raises
    ------
    ModelError
        With random slopes, where the share depends on the covariates.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> round(icc(lmer("mathach ~ 1 + (1 | school)", datasets.HSB())), 2)
    0.18
    """
    check_arguments(icc, locals())
    for t in model.design.re.terms:
        if t.names != ("(Intercept)",):
            raise ModelError(
                f"icc is one number only when all random effects are intercepts; ({', '.join(t.names)} | {t.group}) "
                "has slopes: use VarCorr(m)"
            )
    between = float(sum(V[0, 0] for V in model.covariance))
    return between / (between + model.residual_sd**2)
