"""Confidence intervals."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import ndtri

from pylmer.arguments import check_arguments, refuse_unused
from pylmer.errors import ModelError, RMessage
from pylmer.inference.boot_intervals import BootType, level_columns
from pylmer.inference.boot_run import Statistic
from pylmer.inference.bootstrap import boot_parameters, bootMer
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
    zeta: Sequence[float] | None = None,
    FUN: Statistic | None = None,
    **settings: Any,
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
    zeta
        Of profiles: the two signed roots of the deviance's increase where an interval ends, instead of ``level``.
    FUN
        Of the bootstrap: a statistic as :func:`bootMer` takes it, whose values get the intervals instead of the
        parameters; ``parm`` then chooses among them.
    **settings
        Further settings of :func:`profile` or :func:`bootMer`: ``maxpts=50``, ``use_u=True``.

    Returns
    -------
    DataFrame
        One row a parameter, columns ``2.5 %`` and ``97.5 %`` (with ``zeta`` they have R's numbers).

    Raises
    ------
    ModelError
        A parameter that is not there; a setting of another method.

    Examples
    --------
    >>> from pylmer import confint, datasets, lmer
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", data=datasets.Dyestuff())
    >>> confint(m, method="Wald").loc["(Intercept)"].round(3).tolist()
    [1489.509, 1565.491]
    """
    check_arguments(confint, locals())
    _refuse_others(settings, method)
    if FUN is not None and method == "boot":
        return _of_statistic(model, FUN, parm, quiet, level, boot_type, nsim, seed, progress, executor, settings)
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
        if settings:  # the quick way draws from the fit, all random effects anew

            def FUN(fit: MerMod) -> pd.Series[float]:
                return pd.Series(parameters_of(fit), index=names)

            return _of_statistic(model, FUN, chosen, quiet, level, boot_type, nsim, seed, progress, executor, settings)
        _announce("bootstrap", quiet)
        return boot_parameters(model, nsim, seed, progress, oldNames, executor).confint(level, boot_type).iloc[chosen]
    if method == "profile":
        _announce("profile", quiet)
        return profile(model, chosen, signames=oldNames, **settings).confint(level=level, zeta=zeta)
    raise ModelError(f"method={method!r}: choose 'profile', 'boot' or 'Wald'")


def _of_statistic(
    model: MerMod,
    FUN: Statistic,
    parm: Parm,
    quiet: bool,
    level: float,
    boot_type: BootType,
    nsim: int,
    seed: int | None,
    progress: bool,
    executor: Executor | None,
    settings: Mapping[str, Any],
) -> pd.DataFrame:
    """Bootstrap intervals of any statistic."""
    _announce("bootstrap", quiet)
    found = bootMer(model, FUN, nsim, seed, progress=progress, executor=executor, **settings)
    names = [str(name) for name in found.t0.index]
    return found.confint(level, boot_type).iloc[chosen_parameters(parm, names, len(names))]


def _announce(kind: str, quiet: bool) -> None:
    if not quiet:
        warnings.warn(f"Computing {kind} confidence intervals ...", RMessage, stacklevel=3)


def _refuse_others(settings: Mapping[str, object], method: str) -> None:
    """Settings that the method does not have."""
    takers: dict[str, Callable[..., Any]] = {"profile": profile, "boot": bootMer}
    known = list(inspect.signature(takers[method]).parameters) if method in takers else []
    unknown = {name: value for name, value in settings.items() if name not in known or name in ("model", "unused")}
    if unknown:
        own = [name for name in inspect.signature(confint).parameters if name != "settings"]
        refuse_unused("confint", [*own, *known], unknown)
