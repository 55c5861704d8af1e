"""Linear mixed-effects models with lme4's names, numbers and printed text."""

from pylmer import datasets
from pylmer.classical import aov, lm
from pylmer.control import lmerControl
from pylmer.criterion.criterion import mkLmerDevfun
from pylmer.dotted import LmerMod, summary
from pylmer.formula.lformula import lFormula
from pylmer.inference import anova, bootMer, confint, drop1, refitML
from pylmer.lmer import lmer, mkMerMod
from pylmer.methods import (
    AIC,
    BIC,
    REMLcrit,
    VarCorr,
    coef,
    cooks_distance,
    deviance,
    df_residual,
    fitted,
    fixef,
    getME,
    hatvalues,
    icc,
    isLMM,
    isREML,
    isSingular,
    logLik,
    ngrps,
    nobs,
    predict,
    ranef,
    residuals,
    rstudent,
    sigma,
    simulate,
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
    "deviance",
    "df_residual",
    "drop1",
    "fitted",
    "fixef",
    "getME",
    "hatvalues",
    "icc",
    "isLMM",
    "isREML",
    "isSingular",
    "lFormula",
    "lm",
    "lmer",
    "lmerControl",
    "logLik",
    "mkLmerDevfun",
    "mkMerMod",
    "ngrps",
    "nobs",
    "optimizeLmer",
    "options",
    "predict",
    "ranef",
    "refitML",
    "residuals",
    "rnorm",
    "rstudent",
    "runif",
    "sample",
    "set_seed",
    "sigma",
    "simulate",
    "summary",
    "vcov",
]
