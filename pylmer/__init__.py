"""Linear mixed-effects models with lme4's names, numbers and printed text."""

from pylmer import datasets
from pylmer.classical import aov, lm
from pylmer.control import lmerControl
from pylmer.criterion.criterion import mkLmerDevfun
from pylmer.dotted import LmerMod, summary
from pylmer.formula.algebra import delete_response, drop_terms, reformulate, update_formula
from pylmer.formula.bars import expandDoubleVerts, findbars, isNested, nobars, subbars
from pylmer.formula.lformula import lFormula
from pylmer.formula.linear import dummy, mkReTrms
from pylmer.inference import (
    anova,
    bootMer,
    confint,
    cooks_distance,
    dfbeta,
    dfbetas,
    drop1,
    influence,
    refitML,
)
from pylmer.lmer import lmer, mkMerMod
from pylmer.methods import (
    AIC,
    BIC,
    REMLcrit,
    VarCorr,
    coef,
    deviance,
    df_residual,
    fitted,
    fixef,
    formula,
    getME,
    hatvalues,
    icc,
    isLMM,
    isREML,
    isSingular,
    logLik,
    model_frame,
    model_matrix,
    ngrps,
    nobs,
    predict,
    ranef,
    residuals,
    rstudent,
    sigma,
    simulate,
    terms,
    to_json,
    vcov,
)
from pylmer.model import MerMod
from pylmer.optimize.optimum import optimizeLmer
from pylmer.rcompat.missing import NA
from pylmer.rcompat.options import options
from pylmer.rcompat.random import rnorm, runif, sample, set_seed

__version__ = "0.1.0"

__all__ = [
    "AIC",
    "BIC",
    "NA",
    "LmerMod",
    "MerMod",
    "REMLcrit",
    "VarCorr",
    "anova",
    "aov",
    "bootMer",
    "coef",
    "confint",
    "cooks_distance",
    "datasets",
    "delete_response",
    "deviance",
    "df_residual",
    "dfbeta",
    "dfbetas",
    "drop1",
    "drop_terms",
    "dummy",
    "expandDoubleVerts",
    "findbars",
    "fitted",
    "fixef",
    "formula",
    "getME",
    "hatvalues",
    "icc",
    "influence",
    "isLMM",
    "isNested",
    "isREML",
    "isSingular",
    "lFormula",
    "lm",
    "lmer",
    "lmerControl",
    "logLik",
    "mkLmerDevfun",
    "mkMerMod",
    "mkReTrms",
    "model_frame",
    "model_matrix",
    "ngrps",
    "nobars",
    "nobs",
    "optimizeLmer",
    "options",
    "predict",
    "ranef",
    "refitML",
    "reformulate",
    "residuals",
    "rnorm",
    "rstudent",
    "runif",
    "sample",
    "set_seed",
    "sigma",
    "simulate",
    "subbars",
    "summary",
    "terms",
    "to_json",
    "update_formula",
    "vcov",
]
