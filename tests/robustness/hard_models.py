"""Generated models that are hard: unbalanced, singular, badly scaled; and their gaps to R's tightest optimum.

Every model is a function of its number. Both engines fit it; the criterion that each reports, and the criterion at the
theta that each found, are judged by ``exact_criterion``: where predictors or responses cost an engine its digits, what
it reports is no measure of how good its optimum is.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from exact_criterion import exact_criterion

from pylmer import lmer
from pylmer.dotted import LmerMod
from pylmer.errors import ConvergenceWarning, PylmerError

if TYPE_CHECKING:
    from rcompare.engines.r import RSession

KINDS = (
    *("plain", "predictor x 1e8", "predictor x 1e-8", "response + 1e9", "collinear", "sigma 1e-4", "theta 1e4"),
    *("theta 0", "confounded", "predictor + 1e6", "weights", "sigma 1e-6"),
)
FORMULAS = (
    *("y ~ x + (1 | g)", "y ~ x + (x | g)", "y ~ x + (1 | g) + (1 | h)", "y ~ x + (x || g)", "y ~ x + z + (1 | g)"),
    *("y ~ x + (x | g) + (1 | h)", "y ~ 1 + (1 | g) + (1 | g:h)", "y ~ x + (0 + x | g)", "y ~ x * z + (x | h)"),
)
LAYOUTS = ("balanced", "random", "one big group", "groups of one row")
ALLOWED = {"check_nobs_vs_nlev": "ignore", "check_nobs_vs_nRE": "ignore", "check_scaleX": "ignore"}

R_SETUP = """
hard_fit <- function(formula, data, REML, weights) {
  control <- lmerControl(check.nobs.vs.nlev = "ignore", check.nobs.vs.nRE = "ignore", check.scaleX = "ignore")
  call <- list(formula, quote(data), REML = REML, devFunOnly = TRUE, control = control)
  if (!is.null(weights)) call$weights <- weights
  f <- tryCatch(suppressMessages(suppressWarnings(do.call(lmer, call))), error = conditionMessage)
  if (is.character(f)) return(list(error = f))
  lower <- environment(f)$lower
  value <- function(theta) { v <- tryCatch(f(theta), error = function(e) Inf); if (is.finite(v)) v else 1e100 }
  best <- list(value = Inf, theta = NULL)
  keep <- function(v, theta) if (v < best$value) best <<- list(value = v, theta = theta)
  diagonal <- lower == 0
  for (start in list(environment(f)$pp$theta, 1 * diagonal, 0.1 * diagonal, 10 * diagonal)) {
    theta <- start
    for (round in 1:3) {
      one <- tryCatch(nloptwrap(theta, value, lower = lower, upper = rep(Inf, length(theta)), control = list(
        xtol_abs = 1e-12, xtol_rel = 0, ftol_abs = 1e-13, ftol_rel = 0, maxeval = 20000)), error = function(e) NULL)
      if (is.null(one)) break
      keep(one$fval, one$par)
      two <- tryCatch(minqa::bobyqa(one$par, value, lower = lower, control = list(
        rhobeg = max(1e-3, 2e-3 * max(abs(one$par))), rhoend = 1e-11, maxfun = 20000)), error = function(e) NULL)
      if (is.null(two)) break
      keep(two$fval, two$par)
      theta <- two$par
    }
  }
  best
}
"""


@dataclass(frozen=True)
class Hard:
    """One generated model."""

    number: int
    kind: str
    layout: str
    formula: str
    data: pd.DataFrame
    REML: bool

    @property
    def id(self) -> str:
        return f"{self.number} {self.kind}, {self.layout}: {self.formula}"

    @property
    def weights(self) -> str | None:
        return "w" if self.kind == "weights" else None


@dataclass(frozen=True)
class Gap:
    """How the two engines compare on one model.

    ``reported`` is pylmer's criterion less R's best; ``exact`` the same with both optima evaluated by the referee;
    ``rounding`` and ``r_rounding`` what each engine's criterion differs from the referee's at its own theta.
    """

    hard: Hard
    error: str = ""
    reported: float = 0.0
    exact: float = 0.0
    rounding: float = 0.0
    r_rounding: float = 0.0
    doubts: tuple[str, ...] = ()


def hard_model(number: int) -> Hard:
    """The model of this number."""
    rng = np.random.default_rng(number)
    n, J2 = int(rng.integers(20, 250)), int(rng.integers(2, 9))
    J = int(rng.integers(3, max(4, n // 4)))
    layout, kind, formula = (str(rng.choice(choices)) for choices in (LAYOUTS, KINDS, FORMULAS))
    g, h = _codes(rng, n, J, layout), rng.integers(0, J2, n)
    x, z = rng.normal(size=n), rng.normal(size=n)
    sd = np.zeros(3) if kind == "theta 0" else rng.uniform(0.2, 3.0, 3) * (rng.random(3) > 0.25)
    sigma = {"sigma 1e-4": 1e-4, "sigma 1e-6": 1e-6, "theta 1e4": 1e-4}.get(kind, 1.0)
    if kind == "theta 1e4":
        sd[0] = 1.0
    y = 1 + 0.5 * x + sd[0] * rng.normal(size=J)[g] + (sd[1] * rng.normal(size=J))[g] * x
    y += sd[2] * rng.normal(size=J2)[h] + sigma * rng.normal(size=n)
    w = rng.uniform(0.2, 5.0, n)
    x = {"predictor x 1e8": x * 1e8, "predictor x 1e-8": x * 1e-8, "predictor + 1e6": x + 1e6}.get(kind, x)
    if kind == "collinear":
        z = x + z * 10.0 ** -float(rng.integers(3, 7))
        formula = formula if "z" in formula else formula.replace("~ x +", "~ x + z +")
    if kind == "confounded":
        formula = "y ~ x + (1 | g) + (1 | k)"
    columns = {"y": y + 1e9 if kind == "response + 1e9" else y, "x": x, "z": z, "w": w}
    factors = {"g": [f"g{i}" for i in g], "h": [f"h{i}" for i in h], "k": [f"k{i}" for i in g]}
    data = pd.DataFrame(columns | {name: pd.Categorical(labels) for name, labels in factors.items()})
    return Hard(number, kind, layout, formula, data, bool(rng.random() < 0.6))


def _codes(rng: np.random.Generator, n: int, J: int, layout: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    if layout == "balanced":
        return np.arange(n) % J
    if layout == "one big group":
        codes = np.zeros(n, dtype=int)
        few = min(n // 3, J - 1)
        codes[:few] = 1 + np.arange(few) % (J - 1)
        return rng.permutation(codes)
    if layout == "groups of one row":
        return np.concatenate([np.arange(J), rng.integers(0, max(J // 4, 2), n - J)])
    return rng.integers(0, J, n)


def fitted(hard: Hard) -> tuple[LmerMod, tuple[str, ...]]:
    """pylmer's fit, and the doubts that it tells."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        m = lmer(hard.formula, hard.data, hard.REML, control=ALLOWED, weights=hard.weights)
    return m, tuple(str(w.message) for w in caught if issubclass(w.category, ConvergenceWarning))


def gap(hard: Hard, R: RSession) -> Gap:
    """Fit in both engines, and compare."""
    from rcompare.engines.lme4 import send_frame

    try:
        m, doubts = fitted(hard)
    except PylmerError as error:
        return Gap(hard, f"pylmer: {error}")
    R(R_SETUP)
    send_frame(R, "hard_data", hard.data)
    weights = "NULL" if hard.weights is None else f"hard_data${hard.weights}"
    theirs = R.eval(f"hard_fit({hard.formula}, hard_data, {'TRUE' if hard.REML else 'FALSE'}, {weights})")
    if "error" in theirs:
        return Gap(hard, f"R: {theirs['error'][0]}")
    best = float(theirs["value"][0])
    ours, there = (exact_criterion(m.design, theta, hard.REML) for theta in (m.theta, theirs["theta"]))
    return Gap(hard, "", m.value - best, ours - there, m.value - ours, best - there, doubts)


def hard_models(first: int, last: int) -> Iterator[Hard]:
    """Models number ``first`` to ``last - 1``."""
    return (hard_model(number) for number in range(first, last))
