"""Models that pylmer and live lme4 both fit: the same table, the same call, R with tight tolerances.

``FITS`` is the list; ``Pair`` holds one model in both. R's optimizers run one after the other with tolerances near
rounding, and the model is evaluated once more where the lowest criterion was found: what is compared is the optimum,
not where R's defaults happen to stop.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pylmer import datasets, lFormula, lmer
from pylmer.dotted import LmerMod
from pylmer.model import at_theta

if TYPE_CHECKING:
    from rcompare.engines.r import RSession

TIGHT = """
fit_controls <- list(
  lmerControl(optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-12), calc.derivs = FALSE),
  lmerControl("bobyqa",
              optCtrl = list(rhobeg = 2e-3, rhoend = 1e-10, maxfun = 1e5), calc.derivs = FALSE))
fit_tight <- function(call, data) {
  env <- list2env(list(data = data), parent = globalenv())
  start <- NULL
  best <- NULL
  value <- function(m) -2 * as.numeric(logLik(m))
  for (control in fit_controls[c(1, 2, 1)]) {
    call$control <- control
    call$start <- start
    m <- suppressMessages(suppressWarnings(eval(call, env)))
    if (is.null(best) || value(m) < value(best)) best <- m
    start <- getME(best, "theta")
  }
  call$control <- lmerControl(optimizer = NULL)
  suppressMessages(suppressWarnings(eval(call, env)))
}
"""


DEVFUN = """
fit_devfun <- function(call, data) {
  call$devFunOnly <- TRUE
  suppressMessages(suppressWarnings(eval(call, list2env(list(data = data), parent = globalenv()))))
}
"""


@dataclass(frozen=True)
class Fit:
    """One model: a name, a table and the call."""

    id: str
    data: Callable[[], pd.DataFrame]
    formula: str
    REML: bool = True
    weights: str | None = None
    offset: str | None = None
    na_action: str = "na.omit"
    singular: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of ``lmer`` beside formula and data."""
        chosen = {"weights": self.weights, "offset": self.offset}
        return {"REML": self.REML, "na_action": self.na_action, **{k: v for k, v in chosen.items() if v is not None}}

    @property
    def r_call(self) -> str:
        """The call in R; the table is called ``data`` there."""
        more = "".join(f", {k} = {v}" for k, v in (("weights", self.weights), ("offset", self.offset)) if v)
        REML = "TRUE" if self.REML else "FALSE"
        return f"lmer({self.formula}, data, REML = {REML}{more}, na.action = {self.na_action})"


def _sleep() -> pd.DataFrame:
    data = datasets.sleepstudy()
    days = np.arange(180.0)
    return data.assign(w=1.0 + np.mod(days, 7), known=10 * np.sin(days), late=data["Days"] * 2)


def _sleep_with_holes() -> pd.DataFrame:
    data = datasets.sleepstudy()
    data.loc[data.index[[3, 50, 51]], "Reaction"] = np.nan
    data.loc[data.index[[0, 179]], "Days"] = np.nan
    return data


def _shuffled(data: pd.DataFrame) -> pd.DataFrame:
    return data.iloc[np.random.default_rng(0).permutation(len(data))].reset_index(drop=True)


def _few_raters() -> pd.DataFrame:
    data = datasets.InstEval()
    few = data[data["s"].astype(int) <= 60]
    return few.reset_index(drop=True)


def _answers() -> pd.DataFrame:
    data = datasets.VerbAgg()
    return data.assign(yes=(data["r2"] == "Y").astype(float))


def _crossed_slopes() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    cells = pd.MultiIndex.from_product([range(12), range(9), range(3)]).to_frame(index=False)
    a, b = cells[0].to_numpy(), cells[1].to_numpy()
    x = rng.normal(size=len(cells))
    y = 2 + 0.5 * x + rng.normal(size=(12, 2))[a].T[0] + (0.8 * rng.normal(size=12))[a] * x
    y += (0.7 * rng.normal(size=9))[b] + (0.5 * rng.normal(size=9))[b] * x + rng.normal(size=len(cells))
    names = {"a": [f"a{i:02d}" for i in a], "b": [f"b{i}" for i in b]}
    return pd.DataFrame({"y": y, "x": x, **{k: pd.Categorical(v) for k, v in names.items()}})


FITS = [
    Fit("slopes", _sleep, "Reaction ~ Days + (Days | Subject)"),
    Fit("slopes-ML", _sleep, "Reaction ~ Days + (Days | Subject)", REML=False),
    Fit("uncorrelated", _sleep, "Reaction ~ Days + (Days || Subject)"),
    Fit("no-intercepts", _sleep, "Reaction ~ 0 + Days + (0 + Days | Subject)", singular=True),
    Fit("weights", _sleep, "Reaction ~ Days + (Days | Subject)", weights="w"),
    Fit("offset", _sleep, "Reaction ~ Days + offset(late) + (Days | Subject)", offset="known", weights="w"),
    Fit("rank-deficient", _sleep, "Reaction ~ Days + I(2 * Days) + (1 | Subject)", REML=False),
    Fit("no-fixed-effects", _sleep, "Reaction ~ 0 + (Days | Subject)"),
    Fit("three-terms", _sleep, "Reaction ~ Days + (1 | Subject) + (0 + Days | Subject) + (0 + w | Subject)"),
    Fit("holes", _sleep_with_holes, "Reaction ~ Days + (Days | Subject)", na_action="na.exclude"),
    Fit("dyestuff", datasets.Dyestuff, "Yield ~ 1 + (1 | Batch)"),
    Fit("dyestuff2", datasets.Dyestuff2, "Yield ~ 1 + (1 | Batch)", REML=False, singular=True),
    Fit("penicillin", datasets.Penicillin, "diameter ~ 1 + (1 | plate) + (1 | sample)"),
    Fit("pastes-slash", datasets.Pastes, "strength ~ 1 + (1 | batch / cask)"),
    Fit("pastes-sample", datasets.Pastes, "strength ~ 1 + (1 | batch) + (1 | sample)"),
    Fit("cake", datasets.cake, "angle ~ recipe * temperature + (1 | recipe:replicate)"),
    Fit("oxboys", datasets.Oxboys, "height ~ poly(age, 2) + (poly(age, 2) | Subject)"),
    Fit("machines", lambda: _shuffled(datasets.Machines()), "score ~ Machine + (Machine | Worker)"),
    Fit("orthodont", datasets.Orthodont, "distance ~ age * Sex + (age | Subject)", REML=False),
    Fit("raters", _few_raters, "y ~ service + (1 | s) + (1 | d) + (1 | dept)", singular=True),
    Fit("answers", _answers, "yes ~ btype + situ + (1 | id) + (1 | item)"),
    Fit("crossed-slopes", lambda: _shuffled(_crossed_slopes()), "y ~ x + (x | a) + (x | b)"),
]


@dataclass(frozen=True)
class Pair:
    """One model in R and in pylmer."""

    fit: Fit
    R: RSession

    @cached_property
    def data(self) -> pd.DataFrame:
        """The table that both are given."""
        from rcompare.engines.lme4 import send_frame

        data = self.fit.data()
        data.index = pd.RangeIndex(1, len(data) + 1)
        send_frame(self.R, self.table, data)
        return data

    @property
    def table(self) -> str:
        """Name of the table in R."""
        return f"data_{self.fit.id.replace('-', '_')}"

    @cached_property
    def name(self) -> str:
        """Name of the fit in R."""
        name = f"fit_{self.fit.id.replace('-', '_')}"
        assert len(self.data)
        self.R(TIGHT)
        self.R(f"{name} <- fit_tight(quote({self.fit.r_call}), {self.table})")
        return name

    @cached_property
    def devfun(self) -> str:
        """R's criterion as a function of theta; not that of the fit, which changes the fit when it is called."""
        name = f"dev{self.name}"
        self.R(DEVFUN)
        self.R(f"{name} <- fit_devfun(quote({self.fit.r_call}), {self.table})")
        return name

    @cached_property
    def ours(self) -> LmerMod:
        """The fit by ``lmer``."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return lmer(self.fit.formula, self.data, **self.fit.arguments)

    @cached_property
    def there(self) -> LmerMod:
        """Our model at the very theta where R stopped."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            design = lFormula(self.fit.formula, self.data, **self.fit.arguments)
        return at_theta(LmerMod, design, self.num('getME({m}, "theta")'), self.fit.REML)

    def code(self, code: str) -> str:
        """R code with ``{m}`` standing for the fit."""
        return code.replace("{m}", self.name)

    def num(self, code: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Numbers that R code gives."""
        return self.R.num(self.code(code))

    def strings(self, code: str) -> list[str]:
        """Strings that R code gives."""
        return self.R.strings(self.code(code))

    def eval(self, code: str) -> Any:
        """Anything that R code gives."""
        return self.R.eval(self.code(code))


@cache
def pair(fit: Fit, R: RSession) -> Pair:
    """The model in both, fitted once in a session."""
    return Pair(fit, R)


def by_id(name: str) -> Fit:
    """One model of the list."""
    return next(fit for fit in FITS if fit.id == name)
