"""Confidence intervals."""

from __future__ import annotations

import warnings
from concurrent.futures import Executor
from typing import Literal, Never

import numpy as np
import pandas as pd
from scipy.special import ndtri

from pylmer.arguments import check_arguments
from pylmer.errors import ModelError, RMessage
from pylmer.inference.boot_intervals import BootType, level_columns
from pylmer.inference.bootstrap import boot_parameters
from pylmer.inference.parameters import Parm, chosen_parameters, parameter_names, parameters_of
from pylmer.inference.profile import profile
from pylmer.model import MerMod

__all__ = ["Parm", "confint"]


def confint(
    model: MerMod,
    parm: Parm = None,
    level: float = 0.95,
    method: Literal["profile", "Wald", "boot"] = "profile",
    oldNames: bool = True,
    nsim: int = 500,
    boot_type: BootType = "perc",
    seed: int | None = None,
    quiet: bool = False,
    progress: bool = False,
    executor: Executor | None = None,
    **unused: Never,
) -> pd.DataFrame:
    """Confidence intervals of standard deviations, correlations, sigma and fixed effects.

    Parameters
    ----------
    model
        A fit.
    parm
        Which parameters: names, positions counted from 0, ``"theta_"`` or ``"beta_"``; None gives all.
    level
        Coverage.
    method
        ``"profile"`` (the default): where the profile of the likelihood reaches the normal quantiles, see
        :func:`profile`; ``"boot"``: parametric bootstrap; ``"Wald"``: normal, fixed effects only.
    oldNames
        ``.sig01`` ... (the default) or ``sd_(Intercept)|g`` ...
    nsim, boot_type, seed
        Of the bootstrap: number of replicates, kind of interval (``"perc"``, ``"basic"``, ``"norm"``), R's seed.
    quiet
        Do not say that intervals are being computed.
    progress
        Show a progress bar.
    executor
        Of the bootstrap: any ``concurrent.futures`` executor; see :func:`bootMer`.

    Returns
    -------
    DataFrame
        One row a parameter, columns ``2.5 %`` and ``97.5 %``.

    Examples
    --------
    >>> from pylmer import confint, datasets, lmer
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", data=datasets.Dyestuff())
    >>> confint(m, method="Wald").loc["(Intercept)"].round(3).tolist()
    [1489.509, 1565.491]
    """
    check_arguments(confint, locals())
    names = parameter_names(model, oldNames)
    chosen = chosen_parameters(parm, names, len(model.theta) + 1)
    if method == "Wald":
        values = parameters_of(model)
        half = float(ndtri((1 + level) / 2)) * np.sqrt(np.diagonal(model.vcov_beta))
        table = np.full((len(names), 2), np.nan)
        first = len(names) - model.p
        table[first:, 0], table[first:, 1] = values[first:] - half, values[first:] + half
        return pd.DataFrame(table, index=names, columns=level_columns(level)).iloc[chosen]
    if method == "boot":
        if not quiet:
            warnings.warn("Computing bootstrap confidence intervals ...", RMessage, stacklevel=2)
        return boot_parameters(model, nsim, seed, progress, oldNames, executor).confint(level, boot_type).iloc[chosen]
    if method == "profile":
        if not quiet:
            warnings.warn("Computing profile confidence intervals ...", RMessage, stacklevel=2)
        return profile(model, chosen, signames=oldNames).confint(level=level)
    raise ModelError(f"method={method!r}: choose 'profile', 'boot' or 'Wald'")
