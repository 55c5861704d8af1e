"""Questions that one fit answers, never fitting again."""

from pylmer.methods.components import getME
from pylmer.methods.design_parts import formula, model_frame, model_matrix, terms
from pylmer.methods.fit_statistics import (
    AIC,
    BIC,
    REMLcrit,
    deviance,
    df_residual,
    icc,
    isLMM,
    isREML,
    isSingular,
    logLik,
    ngrps,
    nobs,
    sigma,
)
from pylmer.methods.fixed import fixef, vcov
from pylmer.methods.leverage import cooks_distance, hatvalues, rstudent
from pylmer.methods.predict import predict
from pylmer.methods.random import coef, ranef
from pylmer.methods.residuals import fitted, residuals
from pylmer.methods.saved import from_json, to_json
from pylmer.methods.simulate import simulate
from pylmer.methods.summary import summary
from pylmer.methods.varcorr import VarCorr

__all__ = [
    "AIC",
    "BIC",
    "REMLcrit",
    "VarCorr",
    "coef",
    "cooks_distance",
    "deviance",
    "df_residual",
    "fitted",
    "fixef",
    "formula",
    "from_json",
    "getME",
    "hatvalues",
    "icc",
    "isLMM",
    "isREML",
    "isSingular",
    "logLik",
    "model_frame",
    "model_matrix",
    "ngrps",
    "nobs",
    "predict",
    "ranef",
    "residuals",
    "rstudent",
    "sigma",
    "simulate",
    "summary",
    "terms",
    "to_json",
    "vcov",
]
