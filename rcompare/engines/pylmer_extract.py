"""How pylmer's mixed models are taken apart into quantities: the Python half of extract.R, with its labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pylmer.printing.effects import confint_text
from pylmer.rcompat.layout import print_data_frame
from rcompare.case import Case
from rcompare.datatable import case_data
from rcompare.engines.named_call import call_case
from rcompare.engines.pylmer_values import (
    FloatArray,
    Question,
    api,
    coefficient_column,
    frame,
    joined,
    number,
    printed,
    quantiles,
    series,
    vector,
)
from rcompare.results import Labelled, Strings, Text, Value, sample_positions

__all__ = ["MIXED"]

# -------------------------------------------------------------------------------------------------------- structure


def _dims(m: Any, case: Case) -> Value:
    re = m.design.re
    return vector([m.n, m.p, m.q, len(re.terms), len(m.theta)], ("n", "p", "q", "terms", "theta"))


def _entries(m: Any, case: Case) -> Value:
    """Non-zero entries of Zt for some observations: observation and row (from 1), value."""
    keep = sample_positions(m.n, 500)
    Zt = api.getME(m, "Zt").tocsc()[:, keep].tocoo()
    Zt.eliminate_zeros()
    order = np.lexsort((Zt.row, Zt.col))
    table = np.column_stack([keep[Zt.col[order]] + 1, Zt.row[order] + 1, Zt.data[order]]).astype(np.float64)
    return Labelled(table, (None, ("observation", "row", "value")), m.n > 500)


def _model_matrix(m: Any, case: Case) -> Value:
    X = api.getME(m, "X")
    values = X.to_numpy(dtype=np.float64) if isinstance(X, pd.DataFrame) else np.asarray(X, dtype=np.float64)
    return Labelled(values, (tuple(str(r) for r in m.design.row_names), tuple(m.design.X_names)))


STRUCTURE: dict[str, Question] = {
    "dims": _dims,
    "X.names": lambda m, c: Strings(tuple(m.design.X_names)),
    "dropped": lambda m, c: Strings(tuple(m.design.dropped)),
    "cnms": lambda m, c: Strings(tuple(joined(t.group, " ".join(t.names)) for t in m.design.re.terms)),
    "theta.names": lambda m, c: Strings(tuple(str(v) for v in api.getME(m, "theta").index)),
    "lower": lambda m, c: vector(api.getME(m, "lower"), api.getME(m, "theta").index),
    "Gp": lambda m, c: vector(api.getME(m, "Gp"), None),
    "Lind": lambda m, c: vector(api.getME(m, "Lind"), None),
    "ngrps": lambda m, c: vector(list(api.ngrps(m)), list(api.ngrps(m).index)),
    "levels": lambda m, c: Strings(tuple(joined(g, v) for g, t in m.design.re.flist.items() for v in t.levels)),
    "X": _model_matrix,
    "y": lambda m, c: vector(m.design.y, m.design.row_names),
    "Zt": _entries,
}


# -------------------------------------------------------------------------------------------------------------- fit


def _correlation(m: Any, case: Case) -> Value:
    V = api.vcov(m)
    sd = np.sqrt(np.diag(V))
    return frame(V / np.outer(sd, sd))


def _varcor(column: str) -> Question:
    def ask(m: Any, case: Case) -> Value:
        d = api.VarCorr(m).as_data_frame()
        parts = [[v for v in row if isinstance(v, str)] for row in d[["grp", "var1", "var2"]].to_numpy().tolist()]
        return vector(d[column].to_numpy(dtype=np.float64), [joined(*p) for p in parts])

    return ask


def _criterion(m: Any, case: Case) -> Value:
    return number(api.REMLcrit(m) if api.isREML(m) else api.deviance(m))


def _named_matrix(m: Any, what: str) -> Value:
    names = tuple(m.design.X_names)
    return Labelled(np.asarray(api.getME(m, what), dtype=np.float64), (names, names))


def _devcomp(name: str) -> Question:
    return lambda m, c: number(api.getME(m, "devcomp")["cmp"][name])


FIT: dict[str, Question] = {
    "criterion": _criterion,
    "theta": lambda m, c: series(api.getME(m, "theta")),
    "beta": lambda m, c: series(api.fixef(m)),
    "se": coefficient_column("Std. Error"),
    "t.value": coefficient_column("t value"),
    "vcov": lambda m, c: frame(api.vcov(m)),
    "correlation": _correlation,
    "sigma": lambda m, c: number(api.sigma(m)),
    "varcor.vcov": _varcor("vcov"),
    "varcor.sdcor": _varcor("sdcor"),
    "logLik": lambda m, c: number(float(api.logLik(m))),
    "logLik.df": lambda m, c: number(api.logLik(m).df),
    "AIC": lambda m, c: number(api.AIC(m)),
    "BIC": lambda m, c: number(api.BIC(m)),
    "df.residual": lambda m, c: number(api.df_residual(m)),
    "nobs": lambda m, c: number(api.nobs(m)),
    "singular": lambda m, c: number(api.isSingular(m)),
    **{name: _devcomp(name) for name in ("ldL2", "ldRX2", "pwrss", "ussq")},
    "RX": lambda m, c: _named_matrix(m, "RX"),
    "scaled.residual.quantiles": lambda m, c: quantiles(
        api.residuals(m, type="pearson", scaled=True).dropna().to_numpy()
    ),
    "gradient": lambda m, c: vector(m.criterion.evaluate(m.theta[None]).gradient[0], api.getME(m, "theta").index),
    "evaluations": lambda m, c: number(m.opt.evaluations),
}


# ---------------------------------------------------------------------------------------------- effects, rows, text


def _effect_labels(m: Any) -> list[str]:
    return [joined(t.group, level, name) for t in m.design.re.terms for level in t.levels for name in t.names]


def _ranef(column: str) -> Question:
    def ask(m: Any, case: Case) -> Value:
        d = api.ranef(m, condVar=True).as_data_frame()
        labels = [joined(*row) for row in zip(d["grpvar"], d["grp"], d["term"], strict=True)]
        return vector(d[column].to_numpy(dtype=np.float64), labels)

    return ask


def _coef(m: Any, case: Case) -> Value:
    values: list[float] = []
    labels: list[str] = []
    for group, d in api.coef(m).items():
        values += d.to_numpy(dtype=np.float64).ravel().tolist()
        labels += [joined(group, level, name) for level in d.index for name in d.columns]
    return vector(values, labels)


EFFECTS: dict[str, Question] = {
    "u": lambda m, c: vector(np.ravel(api.getME(m, "u")), _effect_labels(m)),
    "b": lambda m, c: vector(np.ravel(api.getME(m, "b")), _effect_labels(m)),
    "ranef": _ranef("condval"),
    "condsd": _ranef("condsd"),
    "coef": _coef,
}

ROWS: dict[str, Question] = {
    "fitted": lambda m, c: series(api.fitted(m)),
    "residuals": lambda m, c: series(api.residuals(m)),
    "pearson": lambda m, c: series(api.residuals(m, type="pearson", scaled=True)),
}

TEXT: dict[str, Question] = {
    "text.print": lambda m, c: printed(m),
    "text.summary": lambda m, c: printed(api.summary(m)),
    "text.VarCorr": lambda m, c: printed(api.VarCorr(m)),
    "text.ranef": lambda m, c: printed(api.ranef(m)),
    "text.coef": lambda m, c: printed(api.coef(m)),
}


# ------------------------------------------------------------------------------------------------ what must be asked


def _band(m: Any, case: Case) -> Value:
    sd = float(api.VarCorr(m).as_data_frame()["sdcor"].iloc[0])
    mean = float(api.fixef(m).iloc[0])
    return vector([mean - sd, mean, mean + sd], ("mean - SD", "mean", "mean + SD"))


def _group_means(m: Any, case: Case) -> Value:
    term = m.design.re.terms[0]
    sums = np.bincount(term.codes, weights=m.design.y, minlength=term.J)
    return vector(sums / np.bincount(term.codes, minlength=term.J), term.levels)


def _head_text(frames: Mapping[str, pd.DataFrame]) -> Value:
    top = next(iter(frames.values())).head(10)
    return Text(tuple(print_data_frame(_columns(top), [str(v) for v in top.index]).split("\n")))


def _columns(d: pd.DataFrame) -> dict[str, FloatArray]:
    return {str(c): d[c].to_numpy(dtype=np.float64) for c in d.columns}


def _simulate(m: Any, case: Case) -> Value:
    assert case.simulate is not None
    draws = api.simulate(m, nsim=case.simulate.nsim, seed=case.simulate.seed)
    return Labelled(
        draws.to_numpy(dtype=np.float64), (tuple(str(r) for r in m.design.row_names), tuple(map(str, draws.columns)))
    )


def _boot(m: Any, case: Case) -> Mapping[str, Value]:
    """R's own statistic (SDs and correlations in the order of theta, sigma, fixed effects), and every criterion."""
    assert case.boot is not None
    draws = api.bootMer(m, _statistic, nsim=case.boot.nsim, seed=case.boot.seed)
    interval = _boot_interval(m, case)
    ends = interval["boot.ci"]
    assert isinstance(ends, Labelled)
    t, names = np.asarray(draws.t, dtype=np.float64), ends.labels[0]
    replicates = tuple(str(i + 1) for i in range(len(t)))
    return {
        "boot.t0": vector(np.asarray(draws.t0, dtype=np.float64)[:-1], names),
        "boot.t": Labelled(t[:, :-1], (replicates, names)),
        "boot.criterion": vector(t[:, -1], replicates),
        **interval,
    }


def _boot_interval(m: Any, case: Case) -> Mapping[str, Value]:
    assert case.boot is not None
    ci = api.confint(m, method="boot", nsim=case.boot.nsim, seed=case.boot.seed)
    text = confint_text(ci.to_numpy(), list(ci.index), list(ci.columns))
    return {"boot.ci": frame(ci), "text.boot.ci": Text(tuple(text.split("\n")))}


def _statistic(fit: Any) -> FloatArray:
    parts = []
    for V in fit.covariance:
        sd = np.sqrt(np.diag(V))
        with np.errstate(invalid="ignore"):
            R = V / np.outer(sd, sd)
        np.fill_diagonal(R, sd)
        columns, rows = np.triu_indices(len(sd))
        parts.append(R[rows, columns])
    return np.concatenate([*parts, [api.sigma(fit)], fit.beta, [fit.value]])


def _lmer_test(column: str) -> Question:
    def ask(m: Any, case: Case) -> Value:
        table = api.summary(m, ddf="Satterthwaite").coefficients
        return vector(table[column].to_numpy(dtype=np.float64), table.index)

    return ask


def _against(m: Any, case: Case) -> Mapping[str, Value]:
    assert case.against is not None
    table = _two_models(call_case(case, case_data(case), case.against), m)
    return {"against": frame(table), "text.against": printed(table)}


def _two_models(M1: Any, M2: Any) -> Any:
    """Compare two models under the names that R's recording has for them."""
    return api.anova(M1, M2)


MIXED: dict[str, dict[str, Question]] = {
    "structure": STRUCTURE,
    "fit": FIT,
    "effects": EFFECTS,
    "rows": ROWS,
    "text": TEXT,
    "icc": {
        "icc": lambda m, c: number(float(api.icc(m))),
        "band": _band,
        "response.mean": lambda m, c: number(float(m.design.y.mean())),
        "group.means": _group_means,
    },
    "heads": {
        "text.ranef.head": lambda m, c: _head_text(api.ranef(m)),
        "text.coef.head": lambda m, c: _head_text(api.coef(m)),
    },
    "simulate": {"simulate": _simulate},
    "boot": {"boot": _boot_interval},
    "replicates": {"boot": _boot},
    "wald": {"confint.wald": lambda m, c: frame(api.confint(m, method="Wald"))},
    "profile": {"confint.profile": lambda m, c: frame(api.confint(m, method="profile"))},
    "satterthwaite": {"satterthwaite.df": _lmer_test("df"), "satterthwaite.p": _lmer_test("Pr(>|t|)")},
    "influence": {
        "hatvalues": lambda m, c: series(api.hatvalues(m)),
        "cooks": lambda m, c: series(api.cooks_distance(m)),
    },
    "drop1": {
        "drop1": lambda m, c: frame(api.drop1(m, test="Chisq")),
        "text.drop1": lambda m, c: printed(api.drop1(m, test="Chisq")),
    },
    "against": {"against": _against},
    "anova": {"anova": lambda m, c: frame(api.anova(m)), "text.anova": lambda m, c: printed(api.anova(m))},
}
"""For a mixed model: group of quantities -> quantity -> how pylmer is asked."""
