"""The catalogue: for each quantity its stage, what kind of number it is, and the scale on which a difference counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rcompare.results import Labelled, Value

__all__ = ["CATALOGUE", "OPTIMUM", "STAGES", "Quantity", "quantity", "scale_of"]

STAGES = {
    0: "structure",
    1: "at R's theta",
    2: "own optimum",
    3: "inference",
    4: "text",
}

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Quantity:
    """One quantity.

    Parameters
    ----------
    name
        As in the results.
    stage
        The stage to which it belongs by nature: 0 structure, 1 numbers (compared at R's theta, and, when listed in
        :data:`OPTIMUM`, again at the engine's own optimum in stage 2), 3 inference, 4 text.
    kind
        Row of the tolerance table.
    scale
        What a difference is divided by: ``entry`` (each reference value), ``array`` (the largest reference value, or
        the residual SD if all are zero),
        ``se`` (the larger of value and standard error), ``cov`` (square root of the product of the diagonals),
        ``one`` (nothing).
    title
        How tables call it; the name itself when empty.
    """

    name: str
    stage: int
    kind: str
    scale: str = "entry"
    title: str = ""

    @property
    def heading(self) -> str:
        """What a table calls it."""
        return self.title or self.name


PREDICTED = (
    *("all", "population", "none", "part", "random.only", "new", "new.population", "new.part", "new.random.only"),
    *("new.levels", "na.pass", "na.omit"),
)
SIMULATED = ("new", "use.u", "kept", "part", "newparams", "newdata", "formula")
INTERVALS = (
    *(f"confint.{n}" for n in ("Wald.names", "Wald.beta", "profile.name", "profile.number", "profile.theta")),
    *(f"profile.{n}" for n in ("confint.50", "confint.99", "log", "sigma", "variance")),
)
DELETED = tuple(
    f"influence.{n}"
    for n in ("fixed", "variances", "dfbeta", "dfbetas", "dfbeta.variances", "cooks", "case.cooks", "case.dfbeta")
)
COMPONENTS = (
    *("X", "Z", "Zt", "Lambda", "Lambdat", "A", "L", "L.diagonal", "RZX", "L.RZX", "Ztlist", "mmList", "Tlist"),
    *("ST", "mu", "offset", "cmp", "devfun"),
)
CONVERTED = (
    *("Cv_to_Sv", "Cv_to_Vv", "Sv_to_Cv", "Vv_to_Cv", "mlist2vec", "vec2mlist", "vec2STlist", "cov2sdcor", "sdcor2cov"),
    *("lFormula.start", "dummy", "mkNewReTrms.Zt", "mkNewReTrms.b", "mkNewReTrms.Lambdat", "mkVarCorr", "mkRespMod.y"),
    *("mkRespMod.weights", "mkRespMod.offset", "merPredD.beta", "merPredD.b", "merPredD.linPred", "merPredD.logs"),
    *("merPredD.unsc", "GHrule", "GQdk", "fortify"),
)
LISTED = ("coef", "fixef", "ranef", "confint", "sigma", "logLik", "fitted", "residuals", "summary")
LABELS = (
    *("optinfo.messages", "check.gradient", "check.Hessian", "influence.names", "getME.names", "getME.per.term.names"),
    *("getME.flist", "family", "formula", "terms", "model.frame.names", "data.columns", "VarCorr.lower.tri.names"),
    *("ranef.columns", "methTitle", "lFormula.frame", "lFormula.bars", "nobars", "subbars", "dummy.names"),
    *("expandDoubleVerts", "profile.columns", "confint.profile.names", "lmList.formula"),
    *("mkDataTemplate", "fortify.columns", "factorize"),
)
COUNTS = (
    *("isSingular.strict", "getME.counts", "getME.per.term", "getME.dims", "model.frame.dim", "data.dim", "is"),
    *("isNested", "ngrps.factor", "profile.points", "lmList.logLik.df", "allFit.ok"),
    *("mkParsTemplate", "rePos.fields", "GQN"),
)
MINIMA = (
    *("optimizeLmer.value", "mkMerMod.criterion", "Nelder_Mead.value", "nlminbwrap.value", "nloptwrap.value"),
    *("allFit.llik", "devfun2", "devfun2.base"),
)


def _table() -> dict[str, Quantity]:
    rows = [
        *(Quantity(n, 0, "label") for n in ("X.names", "dropped", "cnms", "theta.names", "levels", "messages")),
        *(
            Quantity(n, 0, "count")
            for n in ("dims", "Gp", "Lind", "lower", "ngrps", "nobs", "df.residual", "logLik.df")
        ),
        Quantity("X", 0, "design", "array"),
        Quantity("y", 0, "design"),
        Quantity("Zt", 0, "design"),
        Quantity("criterion", 1, "criterion", title="REML or ML criterion"),
        *(Quantity(n, 1, "likelihood") for n in ("logLik", "AIC", "BIC")),
        Quantity("theta", 1, "theta", "one"),
        Quantity("beta", 1, "coefficient", "se", "fixed effects"),
        Quantity("se", 1, "coefficient", title="standard errors"),
        Quantity("t.value", 1, "ratio", "unit", "t values"),
        Quantity("p.value", 1, "probability", "one", "p values"),
        Quantity("vcov", 1, "coefficient", "cov"),
        Quantity("correlation", 1, "correlation", "one", "correlation of fixed effects"),
        Quantity("sigma", 1, "coefficient", title="residual SD"),
        Quantity("varcor.vcov", 1, "variance", "vc", "variances"),
        Quantity("varcor.sdcor", 1, "variance", "array", "SDs and correlations"),
        *(Quantity(n, 1, "factor") for n in ("ldL2", "ldRX2", "pwrss")),
        Quantity("ussq", 1, "factor", "penalty"),
        Quantity("RX", 1, "factor", "array"),
        Quantity("scaled.residual.quantiles", 1, "vector", "array", "scaled residual quantiles"),
        Quantity("residual.quantiles", 1, "vector", "array", "residual quantiles"),
        *(Quantity(n, 1, "vector", "array") for n in ("u", "b", "ranef", "condsd", "coef", "fitted", "residuals")),
        Quantity("pearson", 1, "vector", "array", "scaled residuals"),
        Quantity("singular", 2, "count"),
        Quantity("icc", 1, "variance", title="intraclass correlation"),
        Quantity("band", 1, "variance", "array", "mean and one SD either side"),
        Quantity("response.mean", 1, "exact number", title="mean of the response"),
        Quantity("group.means", 1, "exact number", "array", "raw group means"),
        *(Quantity(n, 0, "label") for n in ("data.names", "data.types", "data.levels")),
        Quantity("data.head", 0, "design", "array"),
        Quantity("data.means", 1, "exact number", "one"),
        Quantity("data.group.sizes", 0, "count"),
        Quantity("r.squared", 1, "coefficient", title="R squared"),
        Quantity("f.statistic", 1, "coefficient", title="F statistic"),
        *(Quantity(n, 1, "exact number") for n in ("aov.ss", "aov.ms")),
        Quantity("aov.df", 0, "count"),
        Quantity("simulate", 3, "draw", "array"),
        Quantity("boot.t0", 3, "interval", "array"),
        Quantity("boot.t", 3, "replicate", "column", "bootstrap replicates"),
        Quantity("boot.criterion", 3, "replicate criterion", "one", "criteria of the refits"),
        Quantity("boot.ci", 3, "interval", "entry", "bootstrap interval"),
        Quantity("confint.wald", 3, "interval", "row"),
        Quantity("confint.profile", 3, "interval", "row"),
        Quantity("satterthwaite.df", 3, "df", title="Satterthwaite df"),
        Quantity("satterthwaite.p", 3, "probability", "one"),
        Quantity("hatvalues", 3, "influence", "array"),
        Quantity("cooks", 3, "influence", "array", "Cook's distance"),
        Quantity("anova", 3, "interval", "entry"),
        *(Quantity(f"text.{n}", 4, "text") for n in ("print", "summary", "VarCorr", "str", "ranef.head", "coef.head")),
        *(Quantity(f"text.{n}", 4, "effects text") for n in ("ranef", "coef")),
        *_surface(),
    ]
    return {row.name: row for row in rows}


def _surface() -> list[Quantity]:
    """What lme4 answers beyond the fit itself."""
    refits = ("refit", "refitML", "update.REML", "update.formula")
    return [
        *(Quantity(f"predict.{n}", 1, "vector", "array") for n in PREDICTED),
        *(Quantity(f"simulate.{n}", 3, "draw", "array") for n in SIMULATED),
        *(Quantity(f"{n}.criterion", 3, "replicate criterion", "one") for n in refits),
        *(Quantity(f"{n}.theta", 3, "theta", "one") for n in (*refits, "allFit")),
        *(Quantity(f"{n}.{v}", 3, "coefficient", "array") for n in refits for v in ("beta", "sigma")),
        *(Quantity(n, 3, "variance", "array") for n in ("allFit.fixef", "allFit.sdcor")),
        Quantity("replay.theta", 3, "replay", "one", "theta, step by step as nlopt"),
        Quantity("anova.one", 1, "coefficient"),
        *(Quantity(f"confint.boot.{n}", 3, "interval", "row") for n in ("perc", "basic", "norm", "names")),
        *(Quantity(f"bootMer.{n}", 3, "replicate", "column") for n in ("t", "use.u", "semiparametric")),
        Quantity("bootMer.t0", 3, "interval", "array"),
        *(Quantity(n, 3, "interval", "row") for n in INTERVALS),
        *(Quantity(n, 1, "vector", "array") for n in ("rstudent", "cooks.rows", "weights.prior", "getME.RX")),
        *(Quantity(n, 1, "coefficient", "array") for n in ("hat.sum", "rePCA.sdev", "VarCorr.lower.tri")),
        Quantity("rePCA.rotation", 1, "correlation", "one"),
        Quantity("optinfo.Hessian", 1, "derivative", "array"),
        *(Quantity(n, 3, "influence", "column") for n in DELETED),
        *(Quantity(f"getME.{n}", 1, "vector") for n in COMPONENTS),
        *(Quantity(n, 1, "likelihood") for n in ("REMLcrit", "deviance.ML", "logLik.ML", "logLik.REML", "as.function")),
        *(
            Quantity(n, 1, "likelihood")
            for n in ("devfun.start", "llikAIC", "getL", "model.matrix.random", "mkRespMod.objective")
        ),
        Quantity("model.matrix", 1, "exact number", "array"),
        *(Quantity(n, 1, "factor", "array") for n in CONVERTED),
        *(Quantity(f"lmList.{n}", 1, "coefficient", "array") for n in LISTED),
        *(Quantity(n, 0, "label") for n in LABELS),
        *(Quantity(n, 0, "count") for n in COUNTS),
        *(Quantity(n, 3, "label") for n in ("anova.several.messages", "confint.messages")),
        *(Quantity(n, 3, "replicate criterion", "one") for n in MINIMA),
        Quantity("optimizeLmer.par", 3, "theta", "one"),
        *(Quantity(f"text.{n}", 4, "text") for n in ("anova.one", "rePCA.summary", "family", "fixef", "logLik")),
        *(Quantity(f"text.{n}", 4, "text") for n in ("VarCorr.variance", "VarCorr.both", "formatVC")),
    ]


CATALOGUE: dict[str, Quantity] = _table()
"""All known quantities by name."""

OPTIMUM = [
    "criterion",
    "theta",
    "beta",
    "se",
    "t.value",
    "sigma",
    "varcor.vcov",
    "varcor.sdcor",
    "logLik",
    "AIC",
    "BIC",
    "ranef",
    "condsd",
    "coef",
    "fitted",
    "scaled.residual.quantiles",
    "icc",
    "band",
]
"""Numbers of stage 1 that are compared once more at the engine's own optimum (stage 2)."""

NOT_COMPARED = ("evaluations", "gradient")
"""Recorded for information only."""


def quantity(name: str) -> Quantity:
    """Look a quantity up; an unknown one is an inference-stage number compared entry by entry."""
    if name in CATALOGUE:
        return CATALOGUE[name]
    return Quantity(name, 4, "inference text") if name.startswith("text.") else Quantity(name, 3, "interval")


def scale_of(q: Quantity, theirs: Labelled, reference: Mapping[str, Value]) -> FloatArray:
    """The scale of each entry of a reference array: a difference divided by it is relative.

    Parameters
    ----------
    q
        The quantity.
    theirs
        Its reference value.
    reference
        All values of the reference, for scales that need a companion (standard errors).

    Returns
    -------
    ndarray
        Of the shape of ``theirs.values``, positive.
    """
    x = np.abs(np.nan_to_num(theirs.values, nan=0.0, posinf=0.0, neginf=0.0))
    if q.scale == "array":
        return np.full(x.shape, max(float(x.max(initial=0.0)) or _sigma(reference), 1e-300))
    if q.scale == "one":
        return np.ones(x.shape)
    if q.scale == "unit":
        return np.maximum(x, 1.0)
    if q.scale == "column":
        return np.broadcast_to(x.max(axis=0, keepdims=True, initial=1e-300), x.shape)
    if q.scale == "row":
        return np.broadcast_to(np.maximum(x.max(axis=-1, keepdims=True, initial=1e-300), 1e-300), x.shape)
    if q.scale == "se":
        return _at_least(x, reference.get("se"))
    if q.scale == "cov":
        sd = np.sqrt(np.diag(x))
        return np.maximum(np.outer(sd, sd), 1e-300)
    if q.scale == "vc":
        return _variance_scale(theirs, x)
    if q.scale == "penalty":
        return _at_least(x, reference.get("pwrss"))
    return np.maximum(x, 1e-300)


def _sigma(reference: Mapping[str, Value]) -> float:
    """The residual SD: what counts where all numbers are zero, as the random effects of a singular fit are."""
    sigma = reference.get("sigma")
    return float(sigma.values) if isinstance(sigma, Labelled) and sigma.values.ndim == 0 else 0.0


def _at_least(x: FloatArray, companion: Value | None) -> FloatArray:
    if isinstance(companion, Labelled) and (companion.values.shape == x.shape or companion.values.ndim == 0):
        return np.maximum(np.maximum(x, np.abs(companion.values)), 1e-300)
    return np.maximum(x, 1e-300)


def _variance_scale(theirs: Labelled, x: FloatArray) -> FloatArray:
    """Variances count against themselves or a hundredth of the largest, covariances against the largest variance."""
    labels = theirs.labels[0] or ("",) * len(x)
    largest = max(float(x.max(initial=0.0)), 1e-300)
    covariance = np.array([label.count(" | ") == 2 for label in labels])
    return np.where(covariance, largest, np.maximum(x, largest * 1e-2))
