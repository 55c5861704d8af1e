"""One model by several optimizers: do they agree?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from pylmer.arguments import check_arguments
from pylmer.control import LmerControl
from pylmer.criterion.criterion import Criterion
from pylmer.errors import ModelError, PylmerError
from pylmer.inference.fitting import announce, call_text, look_again, optimum_of
from pylmer.inference.parameters import sd_and_correlations
from pylmer.methods.fit_statistics import logLik
from pylmer.model import MerMod, make_model
from pylmer.rcompat.printable import Printable

__all__ = ["METHODS", "AllFit", "SummaryAllFit", "allFit"]

#: lme4's table of optimizers and their methods.
METHODS: tuple[tuple[str, str], ...] = (
    ("bobyqa", ""),
    ("Nelder_Mead", ""),
    ("nlminbwrap", ""),
    ("optimx", "L-BFGS-B"),
    ("nloptwrap", "NLOPT_LN_NELDERMEAD"),
    ("nloptwrap", "NLOPT_LN_BOBYQA"),
)

#: What each calls the largest number of evaluations.
LIMITS = {
    "bobyqa": "maxfun",
    "Nelder_Mead": "maxfun",
    "nlminbwrap": "eval.max",
    "optimx": "maxit",
    "nloptwrap": "maxeval",
}


@dataclass(frozen=True, eq=False, repr=False)
class SummaryAllFit(Printable):
    """What several optimizers found: one row, or entry, for each that succeeded.

    Parameters
    ----------
    which_OK
        For every optimizer, whether it ended without an error.
    msgs
        What lme4 has to say about each fit.
    fixef
        DataFrame: fixed effects.
    llik
        Log-likelihoods (REML or ML, as the fit).
    sdcor
        DataFrame: standard deviations and correlations in the places of theta, and sigma.
    theta
        DataFrame: theta.
    times
        Seconds.
    feval
        Evaluations of the criterion.
    """

    which_OK: pd.Series[Any]
    msgs: dict[str, tuple[str, ...]]
    fixef: pd.DataFrame
    llik: pd.Series[float]
    sdcor: pd.DataFrame
    theta: pd.DataFrame
    times: pd.Series[float]
    feval: pd.Series[Any]


@dataclass(frozen=True, eq=False, repr=False)
class AllFit(Printable, Mapping[str, "MerMod | PylmerError"]):
    """The fits of one model by several optimizers, by name; an error where one failed.

    Parameters
    ----------
    fit
        The model that was fitted again.
    fits
        By ``"optimizer.method"``.
    times
        Seconds that each took.
    """

    fit: MerMod
    fits: dict[str, MerMod | PylmerError]
    times: dict[str, float]

    def __getitem__(self, name: str) -> MerMod | PylmerError:
        return self.fits[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fits)

    def __len__(self) -> int:
        return len(self.fits)

    @property
    def succeeded(self) -> dict[str, MerMod]:
        """The fits without an error."""
        return {name: m for name, m in self.fits.items() if isinstance(m, MerMod)}

    def summary(self) -> SummaryAllFit:
        """Put the fits side by side.

        lme4 1.1-31 names the columns of ``sdcor`` in theta's order though their values stand in that of ``VarCorr``;
        here names and values are in theta's.
        """
        ok = self.succeeded
        re, X_names = self.fit.design.re, list(self.fit.design.X_names)
        names, sizes = list(re.theta_names), [t.k for t in re.terms]

        def table(rows: Sequence[object], columns: list[str]) -> pd.DataFrame:
            return pd.DataFrame(np.array(rows, dtype=np.float64).reshape(len(ok), -1), index=list(ok), columns=columns)

        spread = []
        for m in ok.values():
            random = sd_and_correlations(m.theta[None], np.array([m.residual_sd]), sizes)[0]
            spread.append(np.append(random, m.residual_sd))
        return SummaryAllFit(
            pd.Series({name: name in ok for name in self.fits}, dtype=bool),
            {name: m.opt.warnings for name, m in ok.items()},
            table([m.beta for m in ok.values()], X_names),
            pd.Series({name: float(logLik(m)) for name, m in ok.items()}, dtype=np.float64),
            table(spread, [*names, "sigma"]),
            table([m.theta for m in ok.values()], names),
            pd.Series({name: self.times[name] for name in ok}, dtype=np.float64),
            pd.Series({name: m.opt.evaluations for name, m in ok.items()}, dtype=np.int64),
        )


def allFit(model: MerMod, meth_tab: Sequence[tuple[str, str]] | None = None, maxfun: int = 100_000) -> AllFit:
    """Fit a model again by every optimizer that lme4 knows and that is here, on the same sums over its rows.

    Parameters
    ----------
    model
        A fit.
    meth_tab
        Pairs of optimizer and method; default lme4's table (without ``nmkbw``). ``("newton", "")`` is known too.
    maxfun
        Largest number of evaluations.

    Returns
    -------
    AllFit
        A mapping of names to fits; ``summary()`` puts them side by side.

    Examples
    --------
    >>> from pylmer import allFit, datasets, lmer
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    >>> allFit(m, [("Nelder_Mead", ""), ("newton", "")]).summary().llik.round(4).tolist()
    [-159.8271, -159.8271]
    """
    check_arguments(allFit, locals())
    if maxfun < 1:
        raise ModelError(f"maxfun={maxfun!r}: give at least one evaluation")
    fits: dict[str, MerMod | PylmerError] = {}
    times: dict[str, float] = {}
    criterion = model.criterion.with_responses(model.criterion.responses, model.criterion.beta0)
    for optimizer, method in METHODS if meth_tab is None else meth_tab:
        name = f"{optimizer}.{method}" if method else optimizer
        began = time.perf_counter()
        try:
            fits[name] = _fitted(model, criterion, _control(model.control, optimizer, method, maxfun))
        except PylmerError as error:
            fits[name] = error
        times[name] = time.perf_counter() - began
    return AllFit(model, fits, times)


def _fitted(model: MerMod, criterion: Criterion, control: LmerControl) -> MerMod:
    """The model by another optimizer: the design and its sums are those that there are."""
    design, said = model.design, model.said
    if said is not None:
        names = {label: name for label, name in said.names.items() if label != "control"}
        said = replace(said, control=control, names=names)
        design = replace(design, call=call_text(design.call, said))
    opt = optimum_of(design, criterion, control, None if said is None else said.start)
    criterion, opt = look_again(design, criterion, opt, control)
    fitted = make_model(type(model), design, criterion, opt, control, said)
    announce(fitted)
    return fitted


def _control(control: LmerControl, optimizer: str, method: str, maxfun: int) -> LmerControl:
    settings: dict[str, object] = {}
    if optimizer in LIMITS:
        settings[LIMITS[optimizer]] = maxfun
    if method:
        settings["algorithm" if optimizer == "nloptwrap" else "method"] = method
    return LmerControl(**{**vars(control), "optimizer": optimizer, "optCtrl": settings})
