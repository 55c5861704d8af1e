"""Fixed effects and their covariance."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pylmer.arguments import check_arguments
from pylmer.errors import ModelError
from pylmer.methods.summary import SummaryMerMod
from pylmer.model import MerMod

__all__ = ["fixef", "vcov"]


def fixef(model: MerMod, add_dropped: bool = False) -> pd.Series[float]:
    """Fixed-effects estimates.

    Parameters
    ----------
    model
        A fit.
    add_dropped
        Also list, with NaN, the columns that were dropped for rank deficiency, after the others.

    Returns
    -------
    Series
        ``(p,)`` indexed by coefficient name, in the units of the response.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    >>> fixef(m).round(3).to_dict()
    {'(Intercept)': 251.405, 'Days': 10.467}
    """
    check_arguments(fixef, locals())
    names = list(model.design.X_names)
    values = model.beta
    if add_dropped:
        names += model.design.dropped
        values = np.concatenate([values, np.full(len(model.design.dropped), np.nan)])
    return pd.Series(values, index=names, dtype=float)


def vcov(
    model: MerMod | SummaryMerMod,
    correlation: bool = True,
    sigm: float | None = None,
    use_hessian: bool | None = None,
) -> pd.DataFrame:
    """Covariance matrix of the fixed effects.

    Parameters
    ----------
    model
        A fit, or its summary.
    correlation
        Whether the correlation matrix comes with it, as ``.attrs["correlation"]``.
    sigm
        Residual standard deviation to use; default the fit's.
    use_hessian
        Only None and False: of a linear mixed model the exact covariance is known.

    Returns
    -------
    DataFrame
        ``(p, p)``: sigma^2 (X'V0^-1X)^-1 (Bates et al. 2015, eq. 54), squared units of the response.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    >>> round(float(vcov(m).loc["(Intercept)", "(Intercept)"]), 2)
    375.72
    """
    check_arguments(vcov, locals())
    if isinstance(model, SummaryMerMod):
        return model.vcov
    if use_hessian:
        raise ModelError("'use.hessian'=TRUE specified, but Hessian is unavailable: leave use_hessian at None")
    names = list(model.design.X_names)
    scale = 1.0 if sigm is None else (sigm / model.residual_sd) ** 2
    V = pd.DataFrame(scale * model.vcov_beta, index=names, columns=names)
    if correlation:
        sd = np.sqrt(np.diag(V.to_numpy()))
        V.attrs["correlation"] = (V.to_numpy() / np.outer(sd, sd)).tolist()
    return V
