"""How pylmer is asked what surface.R asks of lme4: predictions, simulations, fits again, intervals."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from pylmer.errors import RMessage
from rcompare.case import Case
from rcompare.datatable import case_data
from rcompare.engines.named_call import call_case
from rcompare.engines.pylmer_values import FloatArray, Question, api, frame, number, printed, series, vector
from rcompare.results import Labelled, Strings, Text, Value, sample_positions

__all__ = ["SURFACE_FITS", "first_part", "rows_of", "unlabelled"]

OPTIMIZERS = (
    *(("bobyqa", ""), ("Nelder_Mead", ""), ("nlminbwrap", ""), ("nloptwrap", "NLOPT_LN_NELDERMEAD")),
    *(("nloptwrap", "NLOPT_LN_BOBYQA"), ("nloptwrap", "NLOPT_LN_SBPLX")),
)


def unlabelled(x: Any) -> Labelled:
    """Numbers by position."""
    return vector(np.ravel(np.asarray(x, dtype=np.float64)), None)


def first_part(m: Any) -> str:
    """A formula of the first term's first effect."""
    term = m.design.re.terms[0]
    left = "1" if "(Intercept)" in term.names else f"0 + {term.names[0]}"
    return f"~({left} | {term.group})"


def rows_of(m: Any) -> pd.DataFrame:
    """The first row of a fit's data, the middle one and the last."""
    d: pd.DataFrame = api.getData(m)
    return d.iloc[[0, len(d) // 2 - 1, len(d) - 1]]


def _with_unknown(m: Any) -> pd.DataFrame:
    d = rows_of(m).copy()
    group = m.design.re.terms[0].group.split(":")[-1]
    values = d[group].astype(str).tolist()
    d[group] = [*values[:2], "not seen"]
    return d


def _with_missing(m: Any) -> pd.DataFrame:
    d = rows_of(m).copy()
    used = re.findall(r"[A-Za-z.][\w.]*", str(api.nobars(str(api.formula(m)))).split("~", 1)[1])
    variable = next(name for name in used if name in d.columns and pd.api.types.is_numeric_dtype(d[name].dtype))
    d[variable] = d[variable].astype(float).where(np.array([True, False, True]))
    return d


PREDICTIONS: dict[str, Question] = {
    "predict.all": lambda m, c: series(api.predict(m)),
    "predict.population": lambda m, c: series(api.predict(m, re_form=api.NA)),
    "predict.none": lambda m, c: series(api.predict(m, re_form="~0")),
    "predict.part": lambda m, c: series(api.predict(m, re_form=first_part(m))),
    "predict.random.only": lambda m, c: series(api.predict(m, random_only=True)),
    "predict.new": lambda m, c: series(api.predict(m, rows_of(m))),
    "predict.new.population": lambda m, c: series(api.predict(m, rows_of(m), re_form=api.NA)),
    "predict.new.part": lambda m, c: series(api.predict(m, rows_of(m), re_form=first_part(m))),
    "predict.new.random.only": lambda m, c: series(api.predict(m, rows_of(m), random_only=True)),
    "predict.new.levels": lambda m, c: series(api.predict(m, _with_unknown(m), allow_new_levels=True)),
    "predict.na.pass": lambda m, c: series(api.predict(m, _with_missing(m))),
    "predict.na.omit": lambda m, c: series(api.predict(m, _with_missing(m), na_action="na.omit")),
}


# ------------------------------------------------------------------------------------------------------- simulations


def _draws(d: pd.DataFrame) -> Labelled:
    return frame(d)


def _new_parameters(m: Any) -> dict[str, object]:
    return {"beta": 0.9 * api.fixef(m), "theta": 1.1 * api.getME(m, "theta"), "sigma": 1.2 * api.sigma(m)}


def _some_rows(m: Any) -> pd.DataFrame:
    d: pd.DataFrame = api.getData(m)
    return d.iloc[sample_positions(m.n, 30)]


def _of_formula(m: Any) -> pd.DataFrame:
    text = str(api.formula(m))
    given: dict[str, Any] = {"newdata": api.getData(m), "newparams": _new_parameters(m)}
    draws: pd.DataFrame = api.simulate("~" + text.split("~", 1)[1], 2, seed=27, **given)
    return draws


SIMULATIONS: dict[str, Question] = {
    "simulate.new": lambda m, c: _draws(api.simulate(m, 2, seed=21)),
    "simulate.use.u": lambda m, c: _draws(api.simulate(m, 2, seed=22, use_u=True)),
    "simulate.kept": lambda m, c: _draws(api.simulate(m, 2, seed=23, re_form=None)),
    "simulate.part": lambda m, c: _draws(api.simulate(m, 2, seed=24, re_form=first_part(m))),
    "simulate.newparams": lambda m, c: _draws(api.simulate(m, 2, seed=25, newparams=_new_parameters(m))),
    "simulate.newdata": lambda m, c: _draws(api.simulate(m, 2, seed=26, newdata=_some_rows(m), allow_new_levels=True)),
    "simulate.formula": lambda m, c: _draws(_of_formula(m)),
}


# ---------------------------------------------------------------------------------------------- fits and comparisons


def _estimates(prefix: str, m: Any) -> dict[str, Value]:
    return {
        f"{prefix}.criterion": number(api.REMLcrit(m) if api.isREML(m) else api.deviance(m)),
        f"{prefix}.theta": series(api.getME(m, "theta")),
        f"{prefix}.beta": series(api.fixef(m)),
        f"{prefix}.sigma": number(api.sigma(m)),
    }


def _refitted(m: Any, case: Case) -> Mapping[str, Value]:
    y = m.design.y
    return _estimates("refit", api.refit(m, y + 0.2 * y.std(ddof=1) * np.sin(np.arange(1, len(y) + 1))))


def _smaller(m: Any, case: Case) -> Mapping[str, Value]:
    return _estimates("update.formula", api.update(m, f". ~ 1 + (1 | {m.design.re.terms[0].group})"))


REFITS: dict[str, Question] = {
    "refit": _refitted,
    "refitML": lambda m, c: _estimates("refitML", api.refitML(m)),
    "update.REML": lambda m, c: _estimates("update.REML", api.update(m, REML=not api.isREML(m))),
    "update.formula": _smaller,
}


def _extract_aic(m: Any, case: Case) -> Value:
    return vector(api.extractAIC(m), ("edf", "AIC"))


def _user_test(full: Any, smaller: Any = None) -> dict[str, float]:
    if smaller is None:
        return {"BIC": np.nan, "gap": np.nan}
    return {"BIC": api.BIC(smaller), "gap": float(api.logLik(full)) - float(api.logLik(smaller))}


COMPARISONS: dict[str, Question] = {
    "extractAIC": _extract_aic,
    "anova.one": lambda m, c: frame(api.anova(m)),
    "text.anova.one": lambda m, c: printed(api.anova(m)),
    "drop1.none": lambda m, c: frame(api.drop1(m)),
    "drop1.Chisq": lambda m, c: frame(api.drop1(m, test="Chisq")),
    "drop1.user": lambda m, c: frame(api.drop1(m, test="user", sumFun=_user_test)),
    "text.drop1.none": lambda m, c: printed(api.drop1(m)),
    "text.drop1.Chisq": lambda m, c: printed(api.drop1(m, test="Chisq")),
}


def _heard(ask: Any) -> tuple[Any, Strings]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = ask()
    return value, Strings(tuple(str(w.message) for w in caught if issubclass(w.category, RMessage)))


def _several(m: Any, case: Case) -> Mapping[str, Value]:
    assert case.against is not None
    return _compared(call_case(case, case_data(case), case.against), m)


def _compared(M1: Any, M2: Any) -> Mapping[str, Value]:
    """Compare two models under the names that R's recording has for them."""
    table, messages = _heard(lambda: api.anova(M2, M1))
    return {
        "anova.several": frame(table),
        "text.anova.several": printed(table),
        "anova.several.messages": messages,
        "anova.no.refit": frame(api.anova(M1, M2, refit=False)),
        "text.anova.named": printed(api.anova(M1, M2, model_names=["small", "large"])),
    }


def _all_fit(m: Any, case: Case) -> Mapping[str, Value]:
    found = api.allFit(m, OPTIMIZERS)
    s = found.summary()
    text = printed(found)
    out: dict[str, Value] = {
        "allFit.ok": series(s.which_OK),
        "allFit.fixef": frame(s.fixef),
        "allFit.llik": series(s.llik),
        "allFit.theta": frame(s.theta),
        "text.allFit": Text(text.lines[:-1]),
    }
    if all(t.k == 1 for t in m.design.re.terms):
        out["allFit.sdcor"] = frame(s.sdcor)
    return out


def _replayed(m: Any, case: Case) -> Value:
    return series(api.getME(api.update(m, control=api.lmerControl(optimizer="nloptwrap")), "theta"))


# --------------------------------------------------------------------------------------------------------- intervals


@lru_cache(maxsize=2)
def _profile(m: Any) -> Any:
    return api.profile(m)


def _by_number(m: Any, case: Case) -> Mapping[str, Value]:
    table, messages = _heard(lambda: api.confint(m, parm=0))
    return {"confint.profile.number": frame(table), "confint.messages": messages}


def _points(m: Any, case: Case) -> Value:
    counts = _profile(m).as_data_frame()[".par"].value_counts(sort=False)
    return vector(counts.to_numpy(), [str(name) for name in counts.index])


INTERVALS: dict[str, Question] = {
    "confint.Wald.names": lambda m, c: frame(api.confint(m, method="Wald", oldNames=False)),
    "confint.Wald.beta": lambda m, c: frame(api.confint(m, method="Wald", parm="beta_", level=0.9)),
    "confint.profile.name": lambda m, c: frame(_profile(m).confint(parm=str(api.fixef(m).index[0]))),
    "confint.profile.number": _by_number,
    "confint.profile.theta": lambda m, c: frame(_profile(m).confint(parm="theta_", level=0.8)),
    "confint.profile.names": lambda m, c: Strings(
        tuple(map(str, api.profile(m, which=0, signames=False).as_data_frame().columns))
    ),
    "profile.confint.50": lambda m, c: frame(_profile(m).confint(level=0.5)),
    "profile.confint.99": lambda m, c: frame(_profile(m).confint(level=0.99)),
    "profile.log": lambda m, c: frame(_profile(m).log().confint()),
    "profile.sigma": lambda m, c: frame(api.logProf(_profile(m), ranef=False).confint()),
    "profile.columns": lambda m, c: Strings(tuple(map(str, _profile(m).as_data_frame().columns))),
    "profile.points": _points,
    "profile.variance": lambda m, c: frame(api.varianceProf(_profile(m)).confint()),
}


def _boot(kind: str) -> Question:
    return lambda m, c: frame(api.confint(m, method="boot", nsim=40, seed=31, boot_type=kind))


def _replicates(seed: int, **how: object) -> Question:
    def ask(m: Any, case: Case) -> Value:
        t: FloatArray = np.asarray(api.bootMer(m, api.fixef, nsim=12, seed=seed, **how).t, dtype=np.float64)
        return Labelled(t, (None, tuple(map(str, api.fixef(m).index))))

    return ask


def _printed_boot(fit: Any, case: Case) -> Value:
    fixef = api.fixef
    return printed(api.bootMer(fit, fixef, nsim=12, seed=33))


BOOTSTRAP: dict[str, Question] = {
    "confint.boot.perc": _boot("perc"),
    "confint.boot.basic": _boot("basic"),
    "confint.boot.norm": _boot("norm"),
    "confint.boot.names": lambda m, c: frame(
        api.confint(m, method="boot", nsim=20, seed=32, oldNames=False, parm="theta_")
    ),
    "bootMer.t0": lambda m, c: series(api.bootMer(m, api.fixef, nsim=1, seed=33).t0),
    "bootMer.t": _replicates(33),
    "bootMer.use.u": _replicates(34, use_u=True),
    "bootMer.semiparametric": _replicates(35, use_u=True, type="semiparametric"),
    "text.bootMer": _printed_boot,
}

SURFACE_FITS: dict[str, dict[str, Question]] = {
    "predictions": PREDICTIONS,
    "simulations": SIMULATIONS,
    "refits": REFITS,
    "comparisons": COMPARISONS,
    "several": {"several": _several},
    "allFit": {"allFit": _all_fit},
    "replay": {"replay.theta": _replayed},
    "intervals": INTERVALS,
    "bootstrap": BOOTSTRAP,
    "anova.own": {name: COMPARISONS[name] for name in ("anova.one", "text.anova.one")},
}
"""Group of quantities -> quantity -> how pylmer is asked."""
