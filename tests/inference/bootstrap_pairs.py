"""Bootstraps of one model in pylmer and in live lme4."""

from __future__ import annotations

import warnings
from functools import cache, cached_property

import numpy as np
import pandas as pd
from dense_twin import FloatArray
from lme4_fits import by_id, pair

from pylmer import lFormula
from pylmer.dotted import LmerMod
from pylmer.errors import RMessage
from pylmer.inference.parameters import parameter_names, parameters_of
from pylmer.model import MerMod, at_theta
from rcompare.engines.r import RSession

SEED = 42
NSIM = 20

STATISTIC = """
boot_statistic <- function(x)
  c(as.data.frame(VarCorr(x), order = "lower.tri")$sdcor, fixef(x), -2 * as.numeric(logLik(x)))
boot_quietly <- function(code) suppressMessages(suppressWarnings(code))
"""


def statistic(m: MerMod) -> pd.Series[float]:
    """Standard deviations, correlations, sigma, fixed effects, criterion."""
    return pd.Series([*parameters_of(m), m.value], index=[*parameter_names(m), "criterion"])


class BootPair:
    """One model: ``m`` here is at the theta of the fit called ``name`` in R."""

    def __init__(self, fit_id: str, R: RSession) -> None:
        self.R = R
        both = pair(by_id(fit_id), R)
        fit = both.fit
        self.name = f"boot_{fit.id.replace('-', '_')}"
        assert both.name
        R(STATISTIC)
        call = fit.r_call.replace("data", both.table, 1)[:-1]
        R(f"{self.name} <- boot_quietly({call}, control = fit_controls[[1]]))")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RMessage)
            design = lFormula(fit.formula, both.data, **fit.arguments)
        self.m: LmerMod = at_theta(LmerMod, design, R.num(f"getME({self.name}, 'theta')"), fit.REML)

    @cached_property
    def result(self) -> str:
        """Name of R's bootstrap of the statistic."""
        name = f"result_of_{self.name}"
        self.R(f"{name} <- boot_quietly(bootMer({self.name}, boot_statistic, nsim = {NSIM}, seed = {SEED}))")
        return name

    def interval(self, more: str = "", nsim: int = NSIM) -> FloatArray:
        """R's bootstrap intervals."""
        code = f"confint({self.name}, method = 'boot', nsim = {nsim}, seed = {SEED}, quiet = TRUE{more})"
        self.R(f"boot_interval <- boot_quietly({code})")
        return self.R.num("boot_interval")


@cache
def boot_pair(fit_id: str, R: RSession) -> BootPair:
    """The pair, made once in a session."""
    return BootPair(fit_id, R)


def same_replicates(ours: FloatArray, theirs: FloatArray) -> None:
    """Compare replicates, the criterion last.

    Ours must never be above R's. R's refits stop at R's default tolerances, whatever those of the fit: an estimate may
    be off by as much as the criterion allows, which near an optimum is in proportion to the root of what is missing.
    """
    missing = theirs[:, -1] - ours[:, -1]
    assert (missing > -1e-6).all()
    assert np.median(missing) < 1e-8
    size = np.nanmax(np.abs(theirs), axis=0)
    off = np.nanmax(np.abs(ours - theirs) / size, axis=1)
    np.testing.assert_array_less(off, 1e-5 + 2 * np.sqrt(np.maximum(missing, 0)))
