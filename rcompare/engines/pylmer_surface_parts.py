"""How pylmer is asked what surface_parts.R asks of lme4: diagnostics, the insides, the modular steps, lmList."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from pylmer.formula.deparse import deparse
from pylmer.inference.check_conv import judge_derivatives
from pylmer.printing.effects import fixef_text
from rcompare.case import Case
from rcompare.engines.pylmer_surface import unlabelled
from rcompare.engines.pylmer_values import FloatArray, Question, api, frame, number, printed, series, vector
from rcompare.results import Labelled, Strings, Text, Value

__all__ = ["LISTS", "SURFACE_PARTS", "digested", "joined_columns", "words"]

DIGEST = ("rows", "columns", "sum", "squares", "by.row", "by.column")


def _dense(M: Any) -> FloatArray:
    plain: Any = M.toarray() if hasattr(M, "toarray") else M
    return np.asarray(plain, dtype=np.float64)


def digest(M: Any) -> FloatArray:
    """Size and five weighted sums of a matrix."""
    x = _dense(M)
    rows, columns = np.arange(1, x.shape[0] + 1), np.arange(1, x.shape[1] + 1)
    return np.array([*x.shape, x.sum(), (x**2).sum(), rows @ x.sum(axis=1), x.sum(axis=0) @ columns])


def digested(M: Any) -> Labelled:
    """The digest with its labels."""
    return vector(digest(M), DIGEST)


def words(items: Iterable[object]) -> Strings:
    """Labels."""
    return Strings(tuple(str(s) for s in items))


def joined_columns(parts: Iterable[Any]) -> Labelled:
    """Matrices column by column, one after the other."""
    return vector(np.concatenate([_dense(p).ravel(order="F") for p in parts]), None)


# ------------------------------------------------------------------------------------------------------- diagnostics


def _judged(gradient: float, curvature: float) -> Question:
    def ask(m: Any, case: Case) -> Value:
        k = len(m.theta)
        slope = np.zeros(k)
        slope[0] = gradient
        return words(judge_derivatives(slope, curvature * np.eye(k)))

    return ask


def _hessian(m: Any, case: Case) -> Value:
    names = tuple(map(str, api.getME(m, "theta").index))
    return Labelled(api.checkConv(m, quiet=True).hessian, (names, names))


DIAGNOSTICS: dict[str, Question] = {
    "hat.sum": lambda m, c: number(float(api.hatvalues(m).sum())),
    "rstudent": lambda m, c: series(api.rstudent(m)),
    "cooks.rows": lambda m, c: series(api.cooks_distance(m)),
    "rePCA.sdev": lambda m, c: vector(np.concatenate([p.sdev for p in api.rePCA(m).values()]), None),
    "rePCA.rotation": lambda m, c: joined_columns(np.abs(p.rotation) for p in api.rePCA(m).values()),
    "text.rePCA.summary": lambda m, c: printed(api.rePCA(m).summary()),
    "isSingular.strict": lambda m, c: number(api.isSingular(m, tol=0.3)),
    "optinfo.messages": lambda m, c: words(api.checkConv(m, quiet=True).messages),
    "optinfo.Hessian": _hessian,
    "check.gradient": _judged(0.01, 1.0),
    "check.Hessian": _judged(0.0, -1.0),
}


def set_aside(names: Iterable[str], other: str) -> list[str]:
    """All names but one."""
    return [name for name in names if name != other]


def _deletions(m: Any, case: Case) -> dict[str, Value]:
    by = api.influence(
        m, m.design.re.groups[0] if not isinstance(m.design.re.groups, dict) else next(iter(m.design.re.groups))
    )
    out: dict[str, Value] = {
        "influence.names": words(set_aside(by.keys(), "function.evals")),
        "influence.fixed": frame(by.fixed_effects_deleted),
        "influence.variances": frame(by.var_cov_comps_deleted),
        "influence.dfbeta": frame(api.dfbeta(by)),
        "influence.dfbetas": frame(api.dfbetas(by)),
        "influence.dfbeta.variances": frame(api.dfbeta(by, "var.cov")),
        "influence.cooks": series(api.cooks_distance(by)),
    }
    if m.n <= 60:
        one = api.influence(m)
        out["influence.case.cooks"] = series(api.cooks_distance(one))
        out["influence.case.dfbeta"] = frame(api.dfbeta(one))
    return out


# ------------------------------------------------------------------------------------------------------------- getME


def _counts(m: Any, case: Case) -> Value:
    names = ("REML", "is_REML", "n_rtrms", "n_rfacs", "N", "n", "p", "q", "k", "m")
    return vector([float(api.getME(m, name)) for name in names], names)


PER_TERM = ("p_i", "l_i", "q_i", "m_i", "Tp")


def _digests(name: str) -> Question:
    def ask(m: Any, case: Case) -> Value:
        parts = api.getME(m, name)
        return Labelled(np.array([digest(M) for M in parts.values()]), (tuple(map(str, parts.keys())), None))

    return ask


def _cmp(m: Any, case: Case) -> Value:
    cmp = api.getME(m, "devcomp")["cmp"]
    names = ("ldL2", "ldRX2", "wrss", "ussq", "pwrss", "REML", "dev", "sigmaML", "sigmaREML")
    return vector([cmp[name] for name in names], names)


def _dims(m: Any, case: Case) -> Value:
    dims = api.getME(m, "devcomp")["dims"]
    return vector(dims.values(), dims.keys())


def _component(name: str) -> Question:
    return lambda m, c: digested(api.getME(m, name))


def _names(m: Any, case: Case) -> Value:
    known = api.getME(m, "ALL")
    return words(name for name in known if name != "devcomp")


GETME: dict[str, Question] = {
    **{f"getME.{name}": _component(name) for name in ("X", "Z", "Zt", "Lambda", "Lambdat", "A")},
    "getME.names": _names,
    "getME.L": lambda m, c: digested(api.getME(m, "L") @ api.getME(m, "L").T),
    "getME.L.diagonal": lambda m, c: number(2 * float(np.log(api.getME(m, "L").diagonal()).sum())),
    "getME.RZX": lambda m, c: digested(api.getME(m, "RZX").T @ api.getME(m, "RZX")),
    "getME.L.RZX": lambda m, c: digested(api.getME(m, "L") @ api.getME(m, "RZX")),
    "getME.RX": lambda m, c: Labelled(_dense(api.getME(m, "RX"))),
    "getME.counts": _counts,
    "getME.per.term": lambda m, c: joined_columns(np.asarray(api.getME(m, name))[:, None] for name in PER_TERM),
    "getME.per.term.names": lambda m, c: words(s for name in PER_TERM for s in api.getME(m, name).index),
    "getME.Ztlist": _digests("Ztlist"),
    "getME.mmList": _digests("mmList"),
    "getME.Tlist": lambda m, c: joined_columns(api.getME(m, "Tlist").values()),
    "getME.ST": lambda m, c: joined_columns(api.getME(m, "ST").values()),
    "getME.mu": lambda m, c: vector(api.getME(m, "mu"), range(1, m.n + 1)),
    "getME.offset": lambda m, c: number(float(np.sum(api.getME(m, "offset")))),
    "getME.flist": lambda m, c: words(s for f in api.getME(m, "flist").values() for s in f.categories),
    "getME.cmp": _cmp,
    "getME.dims": _dims,
    "getME.devfun": lambda m, c: number(api.getME(m, "devfun")(api.getME(m, "theta").to_numpy() * 1.1)),
}


# -------------------------------------------------------------------------------------------------------- extractors


def _lower_tri(m: Any) -> pd.DataFrame:
    d: pd.DataFrame = api.VarCorr(m).as_data_frame(order="lower.tri")
    return d


def _is(m: Any, case: Case) -> Value:
    return vector([api.isLMM(m), api.isGLMM(m), api.isNLMM(m), api.isREML(m)], ("LMM", "GLMM", "NLMM", "REML"))


def _at_devfun2(m: Any, case: Case) -> Value:
    f = api.devfun2(m)
    return number(f(f.optimum.to_numpy()[: len(m.theta) + 1] * 1.05))


def _table_of_variances(m: Any, case: Case) -> Value:
    columns = [list(column) for column in api.formatVC(api.VarCorr(m)).values()]
    return Text(tuple("|".join(row) for row in zip(*columns, strict=True)))


def _criteria(table: Any) -> Labelled:
    return vector([float(v) for v in dict(table).values()], dict(table).keys())


def _fixed_formula(m: Any) -> str:
    return str(api.nobars(api.formula(m)))


EXTRACTORS: dict[str, Question] = {
    "REMLcrit": lambda m, c: number(api.REMLcrit(m)),
    "deviance.ML": lambda m, c: number(api.deviance(m, REML=False)),
    "logLik.ML": lambda m, c: number(float(api.logLik(m, REML=False))),
    "logLik.REML": lambda m, c: number(float(api.logLik(m, REML=True))),
    "weights.prior": lambda m, c: vector(api.weights(m), range(1, m.n + 1)),
    "family": lambda m, c: words((api.family(m).family, api.family(m).link)),
    "text.family": lambda m, c: printed(api.family(m)),
    "formula": lambda m, c: words((str(api.formula(m)), _fixed_formula(m))),
    "terms": lambda m, c: words(api.terms(m).term_labels),
    "model.frame.names": lambda m, c: words(api.model_frame(m).columns),
    "model.frame.dim": lambda m, c: unlabelled(api.model_frame(m).shape),
    "model.matrix": lambda m, c: digested(api.model_matrix(m)),
    "model.matrix.random": lambda m, c: digested(api.model_matrix(m, type="random")),
    "data.dim": lambda m, c: unlabelled(api.getData(m).shape),
    "data.columns": lambda m, c: words(api.getData(m).columns),
    "is": _is,
    "VarCorr.lower.tri": lambda m, c: unlabelled(_lower_tri(m)["sdcor"]),
    "VarCorr.lower.tri.names": lambda m, c: words(
        " ".join("NA" if not isinstance(s, str) else s for s in row)
        for row in _lower_tri(m)[["grp", "var1", "var2"]].to_numpy().tolist()
    ),
    "text.VarCorr.variance": lambda m, c: printed(api.VarCorr(m).text(comp="Variance")),
    "text.VarCorr.both": lambda m, c: printed(api.VarCorr(m).text(comp=["Variance", "Std.Dev."], digits=3)),
    "ranef.columns": lambda m, c: words(api.ranef(m).as_data_frame().columns),
    "text.fixef": lambda m, c: Text(tuple(fixef_text(m.beta, m.design.X_names).split("\n"))),
    "text.logLik": lambda m, c: printed(api.logLik(m)),
    "as.function": lambda m, c: number(api.as_function(m)(api.getME(m, "theta").to_numpy() * 0.9)),
    "getL": lambda m, c: number(float(np.log(api.getL(m).diagonal()).sum())),
    "llikAIC": lambda m, c: _criteria(api.llikAIC(m)["AICtab"]),
    "methTitle": lambda m, c: words([api.methTitle(api.getME(m, "devcomp")["dims"]).strip()]),
    "text.formatVC": _table_of_variances,
    "ngrps.factor": lambda m, c: number(api.ngrps(m).iloc[0]),
    "devfun2": _at_devfun2,
    "devfun2.base": lambda m, c: number(api.devfun2(m).basedev),
}


# ------------------------------------------------------------------------------------------ conversions, modular steps


def _n(m: Any) -> list[int]:
    return [t.k for t in m.design.re.terms]


def _first_cov(m: Any) -> FloatArray:
    return np.asarray(m.covariance[0], dtype=np.float64)


CONVERSIONS: dict[str, Question] = {
    "Cv_to_Sv": lambda m, c: unlabelled(api.Cv_to_Sv(m.theta, _n(m), api.sigma(m))),
    "Cv_to_Vv": lambda m, c: unlabelled(api.Cv_to_Vv(m.theta, _n(m), api.sigma(m))),
    "Sv_to_Cv": lambda m, c: unlabelled(api.Sv_to_Cv(api.Cv_to_Sv(m.theta, _n(m), api.sigma(m)), _n(m), api.sigma(m))),
    "Vv_to_Cv": lambda m, c: unlabelled(api.Vv_to_Cv(api.Cv_to_Vv(m.theta, _n(m), api.sigma(m)), _n(m), api.sigma(m))),
    "mlist2vec": lambda m, c: unlabelled(api.mlist2vec(api.getME(m, "Tlist"))),
    "vec2mlist": lambda m, c: joined_columns(api.vec2mlist(m.theta, _n(m), symm=False)),
    "vec2STlist": lambda m, c: joined_columns(api.vec2STlist(m.theta, _n(m))),
    "cov2sdcor": lambda m, c: Labelled(_dense(api.cov2sdcor(_first_cov(m)))),
    "sdcor2cov": lambda m, c: Labelled(_dense(api.sdcor2cov(api.cov2sdcor(_first_cov(m))))),
}


def _design(m: Any) -> Any:
    w = None if m.design.weights is None else api.weights(m)
    return api.lFormula(str(api.formula(m)), data=api.getData(m), REML=api.isREML(m), weights=w)


def _start(m: Any) -> FloatArray:
    re = m.design.re
    return np.where(np.asarray(re.lower) == 0, 1.0, 0.0)


def _devfun(m: Any) -> Any:
    return api.mkLmerDevfun(_design(m), api.isREML(m))


def _modular(m: Any, case: Case) -> dict[str, Value]:
    design = _design(m)
    devfun = api.mkLmerDevfun(design, api.isREML(m))
    opt = api.optimizeLmer(devfun)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = api.mkMerMod(design, devfun, opt)
    return {
        "devfun.start": number(devfun(_start(m))),
        "optimizeLmer.value": number(opt.value),
        "optimizeLmer.par": unlabelled(opt.theta),
        "mkMerMod.criterion": number(api.REMLcrit(made) if api.isREML(made) else api.deviance(made)),
    }


def _nested(m: Any, case: Case) -> Value:
    factors = list(api.getME(m, "flist").values())
    return number(api.isNested(factors[0], factors[min(1, len(factors) - 1)]))


def _dummy(m: Any) -> pd.DataFrame:
    first = next(iter(api.getME(m, "flist").values()))
    d: pd.DataFrame = api.dummy(first, list(first.categories[:2]))
    return d


def _upper(m: Any) -> FloatArray:
    return np.full(len(m.theta), np.inf)


def _lower(m: Any) -> FloatArray:
    return np.asarray(m.design.re.lower, dtype=np.float64)


MODULAR: dict[str, Question] = {
    "modular": _modular,
    "lFormula.frame": lambda m, c: words(s for s in api.model_frame(m).columns if s != "(weights)"),
    "lFormula.start": lambda m, c: vector(_start(m), m.design.re.theta_names),
    "lFormula.bars": lambda m, c: words(deparse(b) for b in api.findbars(str(api.formula(m)))),
    "nobars": lambda m, c: words([api.nobars(str(api.formula(m)))]),
    "subbars": lambda m, c: words([api.subbars(str(api.formula(m)))]),
    "expandDoubleVerts": lambda m, c: words([api.expandDoubleVerts(str(api.formula(m)))]),
    "isNested": _nested,
    "dummy": lambda m, c: digested(_dummy(m)),
    "dummy.names": lambda m, c: words(_dummy(m).columns),
    "Nelder_Mead.value": lambda m, c: number(api.Nelder_Mead(_devfun(m), _start(m), lower=_lower(m))["fval"]),
    "nlminbwrap.value": lambda m, c: number(api.nlminbwrap(_start(m), _devfun(m), _lower(m), _upper(m))["fval"]),
    "nloptwrap.value": lambda m, c: number(api.nloptwrap(_start(m), _devfun(m), _lower(m), _upper(m))["fval"]),
}

SURFACE_PARTS: dict[str, dict[str, Question]] = {
    "diagnostics": DIAGNOSTICS,
    "deletions": {"deletions": _deletions},
    "getME": GETME,
    "extractors": EXTRACTORS,
    "conversions": CONVERSIONS,
    "modular": MODULAR,
    "devfun.own": {
        "devfun.start": lambda m, c: number(_devfun(m)(_start(m))),
        **{name: MODULAR[name] for name in ("lFormula.start", "dummy")},
    },
}
"""Group of quantities -> quantity -> how pylmer is asked."""


# ------------------------------------------------------------------------------------------------------------ lmList


def _cube(x: Any, case: Case) -> Value:
    """Intervals as R stores them: group fastest, then the two ends, then the coefficient."""
    tables = x.confint()
    return vector(np.concatenate([t.to_numpy().ravel(order="F") for t in tables.values()]), None)


def _summary(x: Any, case: Case) -> Value:
    return vector(np.concatenate([_dense(t).ravel(order="F") for t in api.summary(x).coefficients.values()]), None)


LISTS: dict[str, dict[str, Question]] = {
    "fit": {
        "lmList.coef": lambda x, c: frame(x.coef()),
        "lmList.fixef": lambda x, c: series(x.fixef()),
        "lmList.ranef": lambda x, c: vector(x.ranef().to_numpy().ravel(order="F"), None),
        "lmList.confint": _cube,
        "lmList.sigma": lambda x, c: number(x.sigma()),
        "lmList.logLik": lambda x, c: number(float(x.logLik())),
        "lmList.logLik.df": lambda x, c: number(x.logLik().df),
        "lmList.fitted": lambda x, c: vector(x.fitted(), range(1, x.nobs() + 1)),
        "lmList.residuals": lambda x, c: vector(x.residuals(), range(1, x.nobs() + 1)),
        "lmList.formula": lambda x, c: words([x.formula]),
        "lmList.summary": _summary,
    },
    "text": {
        "text.lmList": lambda x, c: printed(x),
        "text.lmList.confint": lambda x, c: printed(x.confint()),
        "text.lmList.summary": lambda x, c: printed(api.summary(x)),
    },
}
"""The same for ``lmList``."""
