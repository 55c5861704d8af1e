"""Calls that must not work, or not quietly: each for R and for pylmer, and how the two answers must agree.

``SAME``: pylmer says what R says, each condition of the same class and with R's sentence in it. ``OWN``: both refuse,
pylmer in words of its own (R's speak of its insides). ``STRICTER``: R goes on, quietly or with a nonsense; pylmer
refuses, and ``why`` says the reason. ``DOUBTS``: neither refuses, both warn that the fit is not to be trusted. The data
are ``sleepstudy`` with columns added by ``bad_data``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

import pylmer as py
from pylmer import datasets, lmer, lmerControl

SAME, OWN, STRICTER, DOUBTS = "same", "own", "stricter", "doubts"


@dataclass(frozen=True)
class Bad:
    """One call.

    Parameters
    ----------
    r
        R's code; the data are ``bad``, fits ``bad_m`` (slopes), ``bad_1`` (intercepts), ``bad_f`` (a factor).
    call
        pylmer's, of a namespace with the same names.
    answer
        How the answers must agree.
    met
        What pylmer's text must name: the value or the variable met.
    why
        The reason of a stricter answer.
    """

    r: str
    call: Callable[[Any], object]
    answer: str = SAME
    met: str = ""
    why: str = ""

    @property
    def id(self) -> str:
        return self.r.replace("bad_", "").replace("Reaction", "y")[:70]


def bad_data() -> pd.DataFrame:
    """``sleepstudy`` with columns that do not do."""
    data = datasets.sleepstudy()
    n = len(data)
    data = data.assign(
        one=pd.Categorical(["a"] * n),
        id=pd.Categorical([f"r{i:03d}" for i in range(n)]),
        dup=data["Days"],
        big=data["Days"] * 1e8,
        chr=data["Subject"].astype(str).to_numpy(),
        na=np.nan,
        f=pd.Categorical(["u", "v", "w"] * (n // 3)),
        inf=np.where(np.arange(n) == 2, np.inf, data["Reaction"]),
        hole=np.where(np.arange(n) == 2, np.nan, data["Reaction"]),
        const=1.0,
    )
    data.index = pd.RangeIndex(1, n + 1)
    return data


R_SETUP = """
bad_m <- lmer(Reaction ~ Days + (Days | Subject), bad)
bad_1 <- lmer(Reaction ~ Days + (1 | Subject), bad)
bad_f <- lmer(Reaction ~ f + (1 | Subject), bad)
bad_say <- function(expr) {
  said <- list(class = character(), text = character())
  add <- function(kind, cond) {
    said$class <<- c(said$class, kind)
    said$text <<- c(said$text, conditionMessage(cond))
  }
  tryCatch(withCallingHandlers(expr,
    warning = function(w) { add("warning", w); invokeRestart("muffleWarning") },
    message = function(m) { add("message", m); invokeRestart("muffleMessage") }),
    error = function(e) add("error", e))
  said
}
"""


@cache
def bench() -> SimpleNamespace:
    """The names that calls may use."""
    d = bad_data()
    return SimpleNamespace(
        d=d,
        m=lmer("Reaction ~ Days + (Days | Subject)", d),
        m1=lmer("Reaction ~ Days + (1 | Subject)", d),
        mf=lmer("Reaction ~ f + (1 | Subject)", d),
    )


def fit(formula: str, **settings: Any) -> Callable[[Any], object]:
    """``lmer`` with the bad data."""
    return lambda k: lmer(formula, k.d, **settings)


def new(**columns: object) -> dict[str, list[object]]:
    """A table of one row."""
    return {name: [value] for name, value in columns.items()}


FIT, BY = "lmer(Reaction ~ Days + (1 | Subject), bad", "Reaction ~ Days + (1 | Subject)"
SLOPES = "lmer(Reaction ~ Days + (Days | Subject), bad"
EXACT = "without residuals the likelihood has no maximum; R warns and gives rounding"
NO_METHOD = "pylmer says what class it met and what to give"

MODELS = [
    Bad("lmer(Reaction ~ Days, bad)", fit("Reaction ~ Days")),
    Bad("lmer(Reaction ~ Days + (1 | one), bad)", fit("Reaction ~ Days + (1 | one)"), met="one"),
    Bad("lmer(Reaction ~ Days + (1 | id), bad)", fit("Reaction ~ Days + (1 | id)"), met="id"),
    Bad(
        "lmer(Reaction ~ Days + (f | Subject:f), bad)",
        fit("Reaction ~ Days + (f | Subject:f)"),
        DOUBTS,
        "not uniquely determined",
    ),
    Bad(
        "lmer(Reaction ~ Days + (1 | Subject) + (1 | Subject), bad)",
        fit("Reaction ~ Days + (1 | Subject) + (1 | Subject)"),
        DOUBTS,
        "not uniquely determined",
    ),
    Bad(
        "lmer(Reaction ~ Days + (f + Days + big + I(Days^2) | Subject:f), bad)",
        fit("Reaction ~ Days + (f + Days + big + I(Days^2) | Subject:f)"),
        met="180",
    ),
    Bad("lmer(Reaction ~ Days + dup + (1 | Subject), bad)", fit("Reaction ~ Days + dup + (1 | Subject)")),
    Bad(
        "lmer(Reaction ~ Days + dup + (1 | Subject), bad, control = lmerControl(check.rankX = 'stop.deficient'))",
        fit("Reaction ~ Days + dup + (1 | Subject)", control=lmerControl(check_rankX="stop.deficient")),
    ),
    Bad("lmer(Reaction ~ big + (1 | Subject), bad)", fit("Reaction ~ big + (1 | Subject)")),
    Bad("lmer(Yield ~ 1 + (1 | Batch), Dyestuff2)", lambda k: lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff2())),
    Bad(
        f"{SLOPES}, control = lmerControl(optCtrl = list(maxeval = 5)))",
        fit("Reaction ~ Days + (Days | Subject)", control=lmerControl("nloptwrap", optCtrl={"maxeval": 5})),
    ),
    Bad("lmer(~ Days + (1 | Subject), bad)", fit("~ Days + (1 | Subject)"), OWN),
    Bad("lmer('Reaction ~', bad)", fit("Reaction ~"), OWN, "Reaction ~"),
    Bad("lmer(3, bad)", lambda k: lmer(3, k.d), OWN, "3"),
    Bad(
        "lmer(Reaction ~ nofun(Days) + (1 | Subject), bad)", fit("Reaction ~ nofun(Days) + (1 | Subject)"), met="nofun"
    ),
    Bad("lmer(Reaction ~ poly(Days, 20) + (1 | Subject), bad)", fit("Reaction ~ poly(Days, 20) + (1 | Subject)")),
    Bad("lmer(Reaction ~ poly(Days, 1e9) + (1 | Subject), bad)", fit("Reaction ~ poly(Days, 1e9) + (1 | Subject)")),
    Bad("lmer(Reaction ~ one + (1 | Subject), bad)", fit("Reaction ~ one + (1 | Subject)"), met="one"),
    Bad(
        "lmer(cbind(Reaction, Days) ~ 1 + (1 | Subject), bad)",
        fit("cbind(Reaction, Days) ~ 1 + (1 | Subject)"),
        OWN,
        "2 columns",
    ),
    Bad(
        "lmer(Reaction ~ Days + offset(f) + (1 | Subject), bad)",
        fit("Reaction ~ Days + offset(f) + (1 | Subject)"),
        OWN,
        "f",
    ),
    Bad("lmer(const ~ Days + (1 | Subject), bad)", fit("const ~ Days + (1 | Subject)"), STRICTER, "size", EXACT),
    Bad(
        "lmer(I(2 * Days) ~ Days + (1 | Subject), bad)",
        fit("I(2 * Days) ~ Days + (1 | Subject)"),
        STRICTER,
        "size",
        EXACT,
    ),
]

DATA = [
    Bad("lmer(Reaction ~ nope + (1 | Subject), bad)", fit("Reaction ~ nope + (1 | Subject)"), met="nope"),
    Bad("lmer(nope ~ Days + (1 | Subject), bad)", fit("nope ~ Days + (1 | Subject)"), met="nope"),
    Bad("lmer(Reaction ~ Days + (1 | nope), bad)", fit("Reaction ~ Days + (1 | nope)"), met="nope"),
    Bad("lmer(Reaction ~ log(nope) + (1 | Subject), bad)", fit("Reaction ~ log(nope) + (1 | Subject)"), met="nope"),
    Bad("lmer(Reaction ~ days + (1 | Subject), bad)", fit("Reaction ~ days + (1 | Subject)"), met="Days"),
    Bad("lmer(chr ~ Days + (1 | Subject), bad)", fit("chr ~ Days + (1 | Subject)"), met="chr"),
    Bad("lmer(f ~ Days + (1 | Subject), bad)", fit("f ~ Days + (1 | Subject)"), met="f"),
    Bad("lmer(Reaction ~ Days + (1 | Subject), bad[0, ])", lambda k: lmer(BY, k.d.iloc[:0])),
    Bad("lmer(na ~ Days + (1 | Subject), bad)", fit("na ~ Days + (1 | Subject)")),
    Bad("lmer(Reaction ~ na + (1 | Subject), bad)", fit("Reaction ~ na + (1 | Subject)")),
    Bad("lmer(Reaction ~ log(-Days - 1) + (1 | Subject), bad)", fit("Reaction ~ log(-Days - 1) + (1 | Subject)")),
    Bad("lmer(inf ~ Days + (1 | Subject), bad)", fit("inf ~ Days + (1 | Subject)"), met="row 3"),
    Bad("lmer(Reaction ~ inf + (1 | Subject), bad)", fit("Reaction ~ inf + (1 | Subject)"), OWN, "inf"),
    Bad("lmer(Reaction ~ Days + (inf | Subject), bad)", fit("Reaction ~ Days + (inf | Subject)"), OWN, "row 3"),
    Bad(f"{FIT}, subset = Days > 100)", fit(BY, subset="Days > 100")),
    Bad(
        "lmer(hole ~ Days + (1 | Subject), bad, na.action = na.fail)",
        fit("hole ~ Days + (1 | Subject)", na_action="na.fail"),
        met="1 of 180",
    ),
    Bad(f"{FIT}, na.action = 'nope')", fit(BY, na_action="nope"), OWN, "nope"),
    Bad(f"{FIT}, weights = -Days)", fit(BY, weights="-Days"), met="weight -9"),
    Bad(
        f"{FIT}, weights = Days)",
        fit(BY, weights="Days"),
        STRICTER,
        "weight 0",
        "R's criterion is infinite: the row's variance is sigma^2 / 0",
    ),
    Bad(f"{FIT}, weights = na)", fit(BY, weights="na")),
    Bad(f"{FIT}, weights = inf)", fit(BY, weights="inf"), OWN, "row 3"),
    Bad(f"{FIT}, weights = 1:3)", fit(BY, weights=[1.0, 2.0, 3.0]), met="3"),
    Bad(f"{FIT}, weights = f)", fit(BY, weights="f"), OWN, "weights"),
    Bad(f"{FIT}, offset = 1:3)", fit(BY, offset=[1.0, 2.0, 3.0]), met="3"),
    Bad(f"{FIT}, offset = chr)", fit(BY, offset="chr"), met="offset"),
    Bad(f"{FIT}, offset = inf)", fit(BY, offset="inf"), OWN, "row 3"),
    Bad("lmer(Reaction ~ Days + (1 | Subject), 3)", lambda k: lmer(BY, 3), OWN, "int"),
    Bad(
        "lmer(Reaction ~ Days + (1 | Subject), list(Reaction = 1:3, Days = 1:2))",
        lambda k: lmer(BY, {"Reaction": [1.0, 2.0, 3.0], "Days": [1.0, 2.0]}),
        OWN,
        "Reaction: 3, Days: 2",
    ),
]

ARGUMENTS = [
    Bad(f"{FIT}, family = 'gaussian')", fit(BY, family="gaussian"), met="family"),
    Bad(f"{FIT}, weigths = Days)", fit(BY, weigths="Days"), OWN, "'weights'"),
    Bad(f"{FIT}, REML = 'yes')", fit(BY, REML="yes"), OWN, "'yes'"),
    Bad(f"{FIT}, start = c(1, 2))", fit(BY, start=[1.0, 2.0]), met="[1.0, 2.0]"),
    Bad(f"{FIT}, start = 'a')", fit(BY, start="a"), OWN, "'a'"),
    Bad(f"{FIT}, control = lmerControl('nope'))", fit(BY, control={"optimizer": "nope"}), OWN, "nope"),
    Bad(f"{FIT}, control = 3)", fit(BY, control=3), OWN, "3"),
    Bad("lmerControl(nope = 3)", lambda k: lmerControl(nope=3), met="nope"),
    Bad("lmerControl(check.rankX = 'nope')", lambda k: lmerControl(check_rankX="nope"), OWN, "nope"),
    Bad(
        "lmer(Reaction ~ f + (1 | Subject), bad, contrasts = list(f = 'contr.nope'))",
        fit("Reaction ~ f + (1 | Subject)", contrasts={"f": "contr.nope"}),
        OWN,
        "contr.nope",
    ),
    Bad(f"{FIT}, contrasts = list(nope = 'contr.sum'))", fit(BY, contrasts={"nope": "contr.sum"}), met="nope"),
]

ANSWERS = [
    Bad(
        "predict(bad_m, data.frame(Days = 1, Subject = '999'))",
        lambda k: py.predict(k.m, new(Days=1.0, Subject="999")),
        met="999",
    ),
    Bad("predict(bad_m, data.frame(Days = 1))", lambda k: py.predict(k.m, new(Days=1.0)), met="Subject"),
    Bad("predict(bad_m, data.frame(Subject = '308'))", lambda k: py.predict(k.m, new(Subject="308")), met="Days"),
    Bad(
        "predict(bad_m, data.frame(Days = 'a', Subject = '308'))",
        lambda k: py.predict(k.m, new(Days="a", Subject="308")),
        OWN,
        "Days",
    ),
    Bad(
        "predict(bad_f, data.frame(f = 'q', Subject = '308'))",
        lambda k: py.predict(k.mf, new(f="q", Subject="308")),
        OWN,
        "q",
    ),
    Bad(
        "predict(bad_f, data.frame(f = 3, Subject = '308'))",
        lambda k: py.predict(k.mf, new(f=3.0, Subject="308")),
        OWN,
        "f",
    ),
    Bad("predict(bad_m, 3)", lambda k: py.predict(k.m, 3), OWN, "int"),
    Bad(
        "predict(bad_m, newdta = 3)",
        lambda k: py.predict(k.m, newdta=3),
        STRICTER,
        "newdata",
        "R warns that the argument is ignored and gives the fitted values",
    ),
    Bad("predict(bad_m, re.form = ~(1 | nope))", lambda k: py.predict(k.m, re_form="~(1 | nope)"), OWN, "nope"),
    Bad("predict(bad_m, re.form = 'a')", lambda k: py.predict(k.m, re_form="a"), OWN, "a"),
    Bad(
        "predict(bad_m, data.frame(Days = 1, Subject = '308'), na.action = 'nope')",
        lambda k: py.predict(k.m, new(Days=1.0, Subject="308"), na_action="nope"),
        OWN,
        "nope",
    ),
    Bad("simulate(bad_m, nsim = 0)", lambda k: py.simulate(k.m, 0), OWN, "0"),
    Bad("simulate(bad_m, nsim = 'a')", lambda k: py.simulate(k.m, "a"), OWN, "'a'"),
    Bad(
        "simulate(bad_m, newparams = list(theta = 1))",
        lambda k: py.simulate(k.m, newparams={"theta": [1.0]}),
        OWN,
        "theta",
    ),
    Bad("simulate(bad_m, re.form = 'a')", lambda k: py.simulate(k.m, re_form="a"), OWN, "a"),
    Bad("simulate(bad_m, seed = 'a')", lambda k: py.simulate(k.m, seed="a"), OWN, "'a'"),
    Bad("refit(bad_m, 1:3)", lambda k: py.refit(k.m, [1.0, 2.0, 3.0]), OWN, "3 rows"),
    Bad("refit(bad_m, 'a')", lambda k: py.refit(k.m, "a"), OWN, "'a'"),
    Bad("refit(bad_m, rep(Inf, 180))", lambda k: py.refit(k.m, np.full(180, np.inf)), OWN, "newresp"),
    Bad("getME(bad_m, 'nope')", lambda k: py.getME(k.m, "nope"), OWN, "nope"),
    Bad("getME(bad_m, 3)", lambda k: py.getME(k.m, 3), OWN, "3"),
    Bad("fixef(3)", lambda k: py.fixef(3), OWN, "int", NO_METHOD),
    Bad("ranef(lm(Reaction ~ Days, bad))", lambda k: py.ranef(py.lm("Reaction ~ Days", k.d)), OWN, "Lm", NO_METHOD),
    Bad("VarCorr(3)", lambda k: py.VarCorr(3), OWN, "int", NO_METHOD),
    Bad("vcov(3)", lambda k: py.vcov(3), OWN, "int", NO_METHOD),
    Bad("deviance(bad_m)", lambda k: py.deviance(k.m)),
    Bad("logLik(bad_m, REML = 'a')", lambda k: py.logLik(k.m, "a"), OWN, "'a'"),
    Bad("residuals(bad_m, type = 'nope')", lambda k: py.residuals(k.m, "nope"), OWN, "nope"),
    Bad(
        "isSingular(bad_m, tol = 'a')",
        lambda k: py.isSingular(k.m, "a"),
        STRICTER,
        "'a'",
        "R compares numbers with a text",
    ),
]

AGAIN = [
    Bad("anova(bad_m, bad_1)", lambda k: py.anova(k.m, k.m1)),
    Bad("anova(bad_m, 3)", lambda k: py.anova(k.m, 3), STRICTER, "[3]", "R warns and tabulates one model"),
    Bad("anova(bad_m, update(bad_m, subset = 1:100))", lambda k: py.anova(k.m, py.update(k.m, subset=np.arange(100))),
        OWN),
    Bad("anova(bad_m, bad_1, model.names = 'a')", lambda k: py.anova(k.m, k.m1, model_names=["a"]), OWN),
    Bad("confint(bad_1, parm = 'nope')", lambda k: py.confint(k.m1, "nope"), STRICTER, "nope",
        "R warns that nothing is selected and gives an empty table"),
    Bad("confint(bad_1, parm = 99)", lambda k: py.confint(k.m1, 99), STRICTER, "99",
        "R gives a row of missing values"),
    Bad("confint(bad_1, level = 2)", lambda k: py.confint(k.m1, level=2), STRICTER, "2", "R gives NaN"),
    Bad("confint(bad_1, method = 'nope')", lambda k: py.confint(k.m1, method="nope"), OWN, "nope"),
    Bad("{set.seed(1); confint(bad_1, method = 'boot', nsim = 10)}",
        lambda k: py.confint(k.m1, method="boot", nsim=10, seed=1)),
    Bad("profile(bad_1, which = 'nope')", lambda k: py.profile(k.m1, "nope"), STRICTER, "nope",
        "R warns and gives an empty profile"),
    Bad("profile(bad_1, alphamax = 2)", lambda k: py.profile(k.m1, alphamax=2), OWN, "2"),
    Bad("bootMer(bad_1, 3, nsim = 2)", lambda k: py.bootMer(k.m1, 3, 2), OWN, "3"),
    Bad("bootMer(bad_1, function(x) 'a', nsim = 2)", lambda k: py.bootMer(k.m1, lambda m: "a", 2), met="'a'"),
    Bad("bootMer(bad_1, fixef, nsim = 0)", lambda k: py.bootMer(k.m1, py.fixef, 0), OWN, "0"),
    Bad("bootMer(bad_1, fixef, nsim = 2, type = 'nope')", lambda k: py.bootMer(k.m1, py.fixef, 2, type="nope"), OWN,
        "nope"),
    Bad("bootMer(bad_1, fixef, nsim = 2, type = 'semiparametric')",
        lambda k: py.bootMer(k.m1, py.fixef, 2, type="semiparametric")),
    Bad("update(bad_m, . ~ . + nope)", lambda k: py.update(k.m, ". ~ . + nope"), met="nope"),
    Bad("update(bad_m, 3)", lambda k: py.update(k.m, 3), OWN, "3"),
    Bad("update(bad_m, nope = 3)", lambda k: py.update(k.m, nope=3), met="nope"),
    Bad("update(bad_m, . ~ . - (Days | Subject))", lambda k: py.update(k.m, ". ~ . - (Days | Subject)")),
    Bad("drop1(bad_m, test = 'nope')", lambda k: py.drop1(k.m, "nope"), OWN, "nope"),
    Bad("drop1(bad_m, scope = 'nope')", lambda k: py.drop1(k.m, scope=["nope"]), met="nope"),
    Bad("influence(bad_m, 'nope')", lambda k: py.influence(k.m, "nope"), OWN, "nope"),
]  # fmt: skip

CALLS = [*MODELS, *DATA, *ARGUMENTS, *ANSWERS, *AGAIN]
