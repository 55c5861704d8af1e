"""What lme4 has for generalized and nonlinear mixed models: not there, as each name says when it is called."""

from __future__ import annotations

from typing import Any, NoReturn

from pylmer.errors import PylmerError

__all__ = [
    "AbsentError",
    "glFormula",
    "glmFamily",
    "glmResp",
    "glmer",
    "glmerControl",
    "glmerLaplaceHandle",
    "glmer_nb",
    "mkGlmerDevfun",
    "negative_binomial",
    "nlformula",
    "nlmer",
    "nlmerControl",
    "nlsResp",
    "optimizeGlmer",
    "updateGlmerDevfun",
]


class AbsentError(PylmerError, NotImplementedError):
    """A name of lme4's that is known, and deliberately not there."""


def _absent(name: str, what: str, instead: str) -> NoReturn:
    raise AbsentError(f"{name}() is not there: {what}. {instead}")


_GLMM = "generalized linear mixed models (binomial, Poisson and others) are not fitted, only linear ones"
_NLMM = "nonlinear mixed models are not fitted, only linear ones"
_LMER = "lmer() fits a continuous response with normal errors"


def glmer(*arguments: Any, **settings: Any) -> NoReturn:
    """Raise: generalized linear mixed models are not fitted."""
    _absent("glmer", _GLMM, _LMER)


def glmer_nb(*arguments: Any, **settings: Any) -> NoReturn:
    """Raise: negative binomial mixed models are not fitted."""
    _absent("glmer_nb", _GLMM, _LMER)


def nlmer(*arguments: Any, **settings: Any) -> NoReturn:
    """Raise: nonlinear mixed models are not fitted."""
    _absent("nlmer", _NLMM, _LMER)


def glFormula(*arguments: Any, **settings: Any) -> NoReturn:
    """Raise: generalized linear mixed models are not fitted."""
    _absent("glFormula", _GLMM, "lFormula() makes the design of a linear mixed model")


def glmerControl(*arguments: Any, **settings: Any) -> NoReturn:
    """Raise: generalized linear mixed models are not fitted."""
    _absent("glmerControl", _GLMM, "lmerControl() makes the settings of lmer()")


def nlmerControl(*arguments: Any, **settings: Any) -> NoReturn:
    """Raise: nonlinear mixed models are not fitted."""
    _absent("nlmerControl", _NLMM, "lmerControl() makes the settings of lmer()")


def mkGlmerDevfun(*arguments: Any, **settings: Any) -> NoReturn:
    """Raise: generalized linear mixed models are not fitted."""
    _absent("mkGlmerDevfun", _GLMM, "mkLmerDevfun() makes the criterion of a linear mixed model")


def optimizeGlmer(*arguments: Any, **settings: Any) -> NoReturn:
    """Raise: generalized linear mixed models are not fitted."""
    _absent("optimizeGlmer", _GLMM, "optimizeLmer() minimizes the criterion of a linear mixed model")


def updateGlmerDevfun(*arguments: Any, **settings: Any) -> NoReturn:
    """Raise: generalized linear mixed models are not fitted."""
    _absent("updateGlmerDevfun", _GLMM, "mkLmerDevfun() makes the criterion of a linear mixed model")


def glmerLaplaceHandle(*arguments: Any, **settings: Any) -> NoReturn:
    """Raise: generalized linear mixed models are not fitted."""
    _absent("glmerLaplaceHandle", _GLMM, "as_function() gives the criterion of a linear mixed model")


def glmFamily(*arguments: Any, **settings: Any) -> NoReturn:
    """Raise: there are no families but the gaussian one."""
    _absent("glmFamily", _GLMM, "family() gives the family of a linear mixed model")


def glmResp(*arguments: Any, **settings: Any) -> NoReturn:
    """Raise: generalized linear mixed models are not fitted."""
    _absent("glmResp", _GLMM, "lmerResp is the response of a linear mixed model")


def nlsResp(*arguments: Any, **settings: Any) -> NoReturn:
    """Raise: nonlinear mixed models are not fitted."""
    _absent("nlsResp", _NLMM, "lmerResp is the response of a linear mixed model")


def nlformula(*arguments: Any, **settings: Any) -> NoReturn:
    """Raise: nonlinear mixed models are not fitted."""
    _absent("nlformula", _NLMM, "lFormula() makes the design of a linear mixed model")


def negative_binomial(*arguments: Any, **settings: Any) -> NoReturn:
    """Raise: there are no families but the gaussian one."""
    _absent("negative_binomial", _GLMM, _LMER)
