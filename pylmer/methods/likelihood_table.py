"""Title, log-likelihood and criteria of a fit as lme4's helpers give them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from pylmer.arguments import check_arguments
from pylmer.methods.fit_statistics import logLik
from pylmer.methods.summary import aic_table, meth_title
from pylmer.model import MerMod
from pylmer.rcompat.loglik import LogLik

__all__ = ["llikAIC", "methTitle"]


def methTitle(dims: Mapping[str, float]) -> str:
    """The title of a fit's print, from ``getME(m, "devcomp")["dims"]`` (lme4's ``methTitle``).

    Examples
    --------
    >>> from pylmer import datasets, getME, lmer, methTitle
    >>> methTitle(getME(lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff()), "devcomp")["dims"])
    'Linear mixed model fit by REML'
    """
    return meth_title(bool(dims.get("REML", 0)))


def llikAIC(
    model: MerMod,
    chkREML: bool = True,
    devianceFUN: Callable[[MerMod], float] | None = None,
    devcomp: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Log-likelihood and the criteria that ``print`` shows (lme4's ``llikAIC``).

    Parameters
    ----------
    model
        A fit.
    chkREML
        Give only the criterion of a REML fit; else the row of an ML fit, from that criterion.
    devianceFUN
        Takes the fit and gives the ``deviance`` of the row; default the criterion.
    devcomp
        What says whether the fit is by REML, and its criterion: as ``getME(model, "devcomp")``, the default.

    Returns
    -------
    dict
        ``logLik``, and ``AICtab``: ``REML``, or ``AIC, BIC, logLik, deviance, df.resid``.

    Examples
    --------
    >>> from pylmer import datasets, lmer, llikAIC
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    >>> round(llikAIC(m)["AICtab"]["REML"], 4)
    319.6543
    """
    check_arguments(llikAIC, locals())
    likelihood: LogLik = logLik(model)
    if devcomp is not None and chkREML and devcomp["dims"]["REML"]:
        return {"logLik": likelihood, "AICtab": {"REML": float(devcomp["cmp"]["REML"])}}
    if devcomp is None and chkREML and list(aic_table(model)) == ["REML"]:
        return {"logLik": likelihood, "AICtab": aic_table(model)}
    k = model.n_parameters
    table = {
        "AIC": model.value + 2 * k,
        "BIC": model.value + math.log(model.n) * k,
        "logLik": float(likelihood),
        "deviance": model.value if devianceFUN is None else float(devianceFUN(model)),
        "df.resid": float(model.n - k),
    }
    return {"logLik": likelihood, "AICtab": table}
