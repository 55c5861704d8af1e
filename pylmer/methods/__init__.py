"""Questions that one fit answers, never fitting again."""

from pylmer.methods.components import getME
from pylmer.methods.conversions import (
    Cv_to_Sv,
    Cv_to_Vv,
    Sv_to_Cv,
    Vv_to_Cv,
    cov2sdcor,
    mlist2vec,
    safe_chol,
    sdcor2cov,
    vec2mlist,
)
from pylmer.methods.design_parts import formula, model_frame, model_matrix, terms
from pylmer.methods.extract import as_function, devcomp, family, getData, getL, weights
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
from pylmer.methods.re_pca import rePCA
from pylmer.methods.residuals import fitted, residuals
from pylmer.methods.saved import from_json, to_json
from pylmer.methods.simulate import simulate
from pylmer.methods.summary import summary
from pylmer.methods.varcorr import VarCorr

__all__ = [
    "AIC",
    "BIC",
    "Cv_to_Sv",
    "Cv_to_Vv",
    "REMLcrit",
    "Sv_to_Cv",
    "VarCorr",
    "Vv_to_Cv",
    "as_function",
    "coef",
    "cooks_distance",
    "cov2sdcor",
    "devcomp",
    "deviance",
    "df_residual",
    "family",
    "fitted",
    "fixef",
    "formula",
    "from_json",
    "getData",
    "getL",
    "getME",
    "hatvalues",
    "icc",
    "isLMM",
    "isREML",
    "isSingular",
    "logLik",
    "mlist2vec",
    "model_frame",
    "model_matrix",
    "ngrps",
    "nobs",
    "predict",
    "ranef",
    "rePCA",
    "residuals",
    "rstudent",
    "safe_chol",
    "sdcor2cov",
    "sigma",
    "simulate",
    "summary",
    "terms",
    "to_json",
    "vcov",
    "vec2mlist",
    "weights",
]
