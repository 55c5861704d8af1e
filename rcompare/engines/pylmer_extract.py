"""How pylmer's fits are taken apart into quantities: the Python half of extract.R, with the same names and labels."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.printing.effects import confint_text
from pylmer.printing.structure import r_str
from rcompare.case import Case
from rcompare.results import Labelled, Strings, Text, Value, sample_positions

__all__ = ["CLASSICAL", "LOOK", "MIXED"]

FloatArray = NDArray[np.float64]
api: Any = import_module("pylmer")
Question = Callable[[Any, Case], Value | Mapping[str, Value]]
QUANTILES = ("Min", "1Q", "Median", "3Q", "Max")


# ---------------------------------------------------------------------------------------------------- making values


def number(x: float) -> Labelled:
    """A single number."""
    return Labelled(np.asarray(float(x)))


def vector(x: Iterable[float], labels: Iterable[object] | None) -> Labelled:
    """Numbers with labels (None: positions)."""
    names = None if labels is None else tuple(str(v) for v in labels)
    return Labelled(np.asarray(list(x), dtype=np.float64), (names,))


def series(s: pd.Series[float]) -> Labelled:
    """A labelled series."""
    return vector(s.to_numpy(dtype=np.float64), s.index)


def frame(d: pd.DataFrame) -> Labelled:
    """A labelled matrix."""
    rows, columns = (tuple(str(v) for v in axis) for axis in (d.index, d.columns))
    return Labelled(d.to_numpy(dtype=np.float64), (rows, columns))


def printed(thing: object) -> Text:
    """Lines of what ``print`` shows."""
    stream = io.StringIO()
    with redirect_stdout(stream):
        print(thing)
    text = stream.getvalue()
    return Text(tuple(text[:-1].split("\n") if text.endswith("\n") else text.split("\n")))


def joined(*parts: object) -> str:
    """A label of several parts."""
    return " | ".join(str(p) for p in parts)


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


def _coefficients(column: str) -> Question:
    def ask(m: Any, case: Case) -> Value:
        table = api.summary(m).coefficients
        return vector(table[column].to_numpy(dtype=np.float64), table.index)

    return ask


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


def _quantiles(x: FloatArray) -> Labelled:
    return vector(np.quantile(x, [0, 0.25, 0.5, 0.75, 1]), QUANTILES)


def _devcomp(name: str) -> Question:
    return lambda m, c: number(api.getME(m, "devcomp")["cmp"][name])


FIT: dict[str, Question] = {
    "criterion": _criterion,
    "theta": lambda m, c: series(api.getME(m, "theta")),
    "beta": lambda m, c: series(api.fixef(m)),
    "se": _coefficients("Std. Error"),
    "t.value": _coefficients("t value"),
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
    "scaled.residual.quantiles": lambda m, c: _quantiles(
        api.residuals(m, type="pearson", scaled=True).dropna().to_numpy()
    ),
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


def _simulate(m: Any, case: Case) -> Value:
    assert case.simulate is not None
    draws = api.simulate(m, nsim=case.simulate.nsim, seed=case.simulate.seed)
    return Labelled(
        draws.to_numpy(dtype=np.float64), (tuple(str(r) for r in m.design.row_names), tuple(map(str, draws.columns)))
    )


def _boot(m: Any, case: Case) -> Mapping[str, Value]:
    """R's own statistic (SDs and correlations in the order of theta, sigma, fixed effects), and every criterion."""
    assert case.boot is not None

    def statistic(fit: Any) -> FloatArray:
        sdcor = api.VarCorr(fit).as_data_frame(order="lower.tri")["sdcor"].to_numpy(dtype=np.float64)
        return np.concatenate([sdcor, api.fixef(fit).to_numpy(dtype=np.float64), [fit.value]])

    draws = api.bootMer(m, statistic, nsim=case.boot.nsim, seed=case.boot.seed)
    ci = api.confint(m, method="boot", nsim=case.boot.nsim, seed=case.boot.seed)
    t, names = np.asarray(draws.t, dtype=np.float64), tuple(map(str, ci.index))
    replicates = tuple(str(i + 1) for i in range(len(t)))
    return {
        "boot.t0": vector(np.asarray(draws.t0, dtype=np.float64)[:-1], names),
        "boot.t": Labelled(t[:, :-1], (replicates, names)),
        "boot.criterion": vector(t[:, -1], replicates),
        "boot.ci": frame(ci),
        "text.boot.ci": Text(tuple(confint_text(ci.to_numpy(), list(ci.index), list(ci.columns)).split("\n"))),
    }


def _lmer_test(column: str) -> Question:
    def ask(m: Any, case: Case) -> Value:
        table = api.summary(m, ddf="Satterthwaite").coefficients
        return vector(table[column].to_numpy(dtype=np.float64), table.index)

    return ask


def _against(m: Any, case: Case) -> Mapping[str, Value]:
    assert case.against is not None
    M1 = api.update(m, case.against)
    M2 = m
    table = api.anova(M1, M2)
    return {"against": frame(table), "text.against": printed(table)}


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
    "simulate": {"simulate": _simulate},
    "boot": {"boot": _boot},
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


# ------------------------------------------------------------------------------------------- lm, aov, data themselves


def _lm_f(m: Any, case: Case) -> Value:
    f = api.summary(m).fstatistic
    return vector([f.value, f.numdf, f.dendf], ("F", "numerator df", "denominator df"))


def _lm_r2(m: Any, case: Case) -> Value:
    s = api.summary(m)
    return vector([s.r_squared, s.adj_r_squared], ("multiple", "adjusted"))


LM: dict[str, Question] = {
    "beta": lambda m, c: series(m.coef()),
    "se": _coefficients("Std. Error"),
    "t.value": _coefficients("t value"),
    "p.value": _coefficients("Pr(>|t|)"),
    "sigma": lambda m, c: number(m.sigma()),
    "df.residual": lambda m, c: number(m.df_residual()),
    "r.squared": _lm_r2,
    "f.statistic": _lm_f,
    "residual.quantiles": lambda m, c: _quantiles(m.residuals().to_numpy()),
}


def _strata(m: Any) -> list[tuple[str, pd.DataFrame]]:
    """The tables of an analysis of variance with their strata; one called Within where there is no Error()."""
    s = api.summary(m)
    strata = getattr(s, "strata", None)
    parts = strata.items() if isinstance(strata, Mapping) else [("Within", s)]
    return [(str(name).removeprefix("Error: "), part.table) for name, part in parts]


def _aov(column: str) -> Question:
    def ask(m: Any, case: Case) -> Value:
        rows = [
            (joined(name, str(row).strip()), x)
            for name, d in _strata(m)
            for row, x in zip(d.index, d[column], strict=True)
        ]
        return vector([x for _, x in rows], [label for label, _ in rows])

    return ask


PRINTED: dict[str, Question] = {
    "text.print": lambda m, c: printed(m),
    "text.summary": lambda m, c: printed(api.summary(m)),
}

CLASSICAL: dict[str, dict[str, dict[str, Question]]] = {
    "lm": {"fit": LM, "text": PRINTED},
    "aov": {
        "fit": {"aov.df": _aov("Df"), "aov.ss": _aov("Sum Sq"), "aov.ms": _aov("Mean Sq")},
        "text": PRINTED,
    },
}
"""The same for ``lm`` and ``aov``."""


def _factors(d: pd.DataFrame) -> list[str]:
    return [str(n) for n in d.columns if isinstance(d[n].dtype, pd.CategoricalDtype)]


def _kind(column: pd.Series[Any]) -> str:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "ordered" if dtype.ordered else "factor"
    return {"f": "numeric", "i": "integer", "b": "logical"}.get(dtype.kind, "character")


def _head(d: pd.DataFrame, case: Case) -> Value:
    top = d.iloc[:10]
    columns = [top[n].cat.codes.to_numpy() + 1 if n in _factors(d) else top[n].to_numpy() for n in d.columns]
    rows: Sequence[str] = tuple(str(i + 1) for i in range(len(top)))
    return Labelled(np.column_stack(columns).astype(np.float64), (tuple(rows), tuple(map(str, d.columns))))


def _means(d: pd.DataFrame, case: Case) -> Value:
    names = [str(n) for n in d.columns if _kind(d[n]) in ("numeric", "integer")]
    return vector([float(d[n].mean()) for n in names], names)


def _group_sizes(d: pd.DataFrame, case: Case) -> Value:
    sizes = d[_factors(d)[0]].value_counts()
    return vector([sizes.min(), sizes.max()], ("smallest", "largest"))


LOOK: dict[str, dict[str, Question]] = {
    "fit": {
        "data.names": lambda d, c: Strings(tuple(map(str, d.columns))),
        "data.types": lambda d, c: Strings(tuple(joined(n, _kind(d[n])) for n in d.columns)),
        "data.levels": lambda d, c: Strings(tuple(joined(f, v) for f in _factors(d) for v in d[f].cat.categories)),
        "data.head": _head,
        "data.means": _means,
        "data.group.sizes": _group_sizes,
    },
    "text": {"text.str": lambda d, c: Text(tuple(r_str(d).split("\n")))},
}
"""The same for a data set itself."""
