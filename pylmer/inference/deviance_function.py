"""The deviance as a function of standard deviations and correlations: lme4's ``devfun2``."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pylmer.arguments import check_arguments
from pylmer.errors import ModelError
from pylmer.inference.comparison import refitML
from pylmer.inference.parameters import parameter_names, parameters_of
from pylmer.methods.conversions import Sv_to_Cv
from pylmer.model import MerMod

FloatArray = NDArray[np.float64]

__all__ = ["DevianceFunction", "devfun2"]


@dataclass(frozen=True, eq=False)
class DevianceFunction:
    """Minus twice the log-likelihood by standard deviations and correlations ``(m,)`` and sigma.

    Parameters
    ----------
    model
        The fit by maximum likelihood.
    optimum
        ``(m + 1 + p,)`` its parameters by name.
    stderr
        ``(p,)`` standard errors of its fixed effects.
    """

    model: MerMod
    optimum: pd.Series[float]
    stderr: FloatArray

    @property
    def basedev(self) -> float:
        """The deviance at the optimum."""
        return self.model.value

    @property
    def thopt(self) -> FloatArray:
        """theta at the optimum, ``(m,)``."""
        return self.model.theta

    def __call__(self, pars: ArrayLike) -> float:
        """Return the deviance at standard deviations and correlations, in theta's places, and sigma; beta profiled."""
        pars = np.asarray(pars, dtype=np.float64).ravel()
        model = self.model
        m = len(model.theta)
        if len(pars) != m + 1 or not np.isfinite(pars).all() or pars[-1] <= 0:
            raise ModelError(f"length(pars) == np is not TRUE: give {m + 1} finite numbers, sigma > 0 last, not {pars}")
        sigma = float(pars[-1])
        theta = Sv_to_Cv(pars, [t.k for t in model.design.re.terms], sigma)
        state = model.criterion.solution(theta[None])
        logs = model.n * math.log(2.0 * math.pi * sigma**2) - model.criterion.log_weights
        return float(state.ldL2[0]) + float(state.r2[0]) / sigma**2 + logs


def devfun2(model: MerMod, signames: bool = True) -> DevianceFunction:
    """Make the deviance function that profiles are made of.

    Parameters
    ----------
    model
        A fit; one by REML is refitted by maximum likelihood.
    signames
        Names ``.sig01`` ... in the optimum, or ``sd_(Intercept)|g``.

    Raises
    ------
    ModelError
        For structured covariances.

    Examples
    --------
    >>> from pylmer import datasets, devfun2, lmer
    >>> f = devfun2(lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy()))
    >>> round(f([25.0, 0.1, 6.0, 26.0]), 3)
    1752.151
    """
    check_arguments(devfun2, locals())
    if any(t.structure != "us" for t in model.design.re.terms):
        raise ModelError("devfun2 is known for unstructured covariances only")
    fit = refitML(model)
    optimum = pd.Series(parameters_of(fit), index=parameter_names(fit, signames))
    return DevianceFunction(fit, optimum, np.sqrt(np.diag(fit.vcov_beta)))
