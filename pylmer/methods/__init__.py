"""Questions that one fit answers, never fitting again."""

from pylmer.methods.absent import (
    AbsentError,
    glFormula,
    glmer,
    glmer_nb,
    glmerControl,
    glmerLaplaceHandle,
    glmFamily,
    glmResp,
    mkGlmerDevfun,
    negative_binomial,
    nlformula,
    nlmer,
    nlmerControl,
    nlsResp,
    optimizeGlmer,
    updateGlmerDevfun,
)
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
from pylmer.methods.data_parts import factorize, fortify
from pylmer.methods.design_parts import formula, model_frame, model_matrix, terms
from pylmer.methods.extract import as_function, devcomp, family, getData, getL, weights
from pylmer.methods.fit_statistics import (
    AIC,
    BIC,
    REMLcrit,
    deviance,
    df_residual,
    icc,
    isGLMM,
    isLMM,
    isNLMM,
    isREML,
    isSingular,
    logLik,
    ngrps,
    nobs,
    sigma,
)
from pylmer.methods.fixed import fixef, vcov
from pylmer.methods.leverage import cooks_distance, hatvalues, rstudent
from pylmer.methods.likelihood_table import llikAIC, methTitle
from pylmer.methods.modules import lmerResp, lmResp, merPredD, mkRespMod
from pylmer.methods.predict import predict
from pylmer.methods.prediction_errors import Prediction
from pylmer.methods.quadrature import GQN, GHrule, GQdk
from pylmer.methods.random import coef, ranef
from pylmer.methods.re_parts import mkNewReTrms, mkVarCorr, rePos, vec2STlist
from pylmer.methods.re_pca import rePCA
from pylmer.methods.residuals import fitted, residuals
from pylmer.methods.saved import from_json, to_json
from pylmer.methods.simulate import simulate
from pylmer.methods.summary import summary
from pylmer.methods.templates import mkDataTemplate, mkParsTemplate
from pylmer.methods.varcorr import VarCorr

__all__ = [
    "AIC",
    "BIC",
    "GQN",
    "AbsentError",
    "Cv_to_Sv",
    "Cv_to_Vv",
    "GHrule",
    "GQdk",
    "Prediction",
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
    "factorize",
    "family",
    "fitted",
    "fixef",
    "formula",
    "fortify",
    "from_json",
    "getData",
    "getL",
    "getME",
    "glFormula",
    "glmFamily",
    "glmResp",
    "glmer",
    "glmerControl",
    "glmerLaplaceHandle",
    "glmer_nb",
    "hatvalues",
    "icc",
    "isGLMM",
    "isLMM",
    "isNLMM",
    "isREML",
    "isSingular",
    "llikAIC",
    "lmResp",
    "lmerResp",
    "logLik",
    "merPredD",
    "methTitle",
    "mkDataTemplate",
    "mkGlmerDevfun",
    "mkNewReTrms",
    "mkParsTemplate",
    "mkRespMod",
    "mkVarCorr",
    "mlist2vec",
    "model_frame",
    "model_matrix",
    "negative_binomial",
    "ngrps",
    "nlformula",
    "nlmer",
    "nlmerControl",
    "nlsResp",
    "nobs",
    "optimizeGlmer",
    "predict",
    "ranef",
    "rePCA",
    "rePos",
    "residuals",
    "rstudent",
    "safe_chol",
    "sdcor2cov",
    "sigma",
    "simulate",
    "summary",
    "terms",
    "to_json",
    "updateGlmerDevfun",
    "vcov",
    "vec2STlist",
    "vec2mlist",
    "weights",
]
