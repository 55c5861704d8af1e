"""The fit as a user holds it: every generic as a method too, one line each, never a place for logic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Literal, Never

import pandas as pd

from pylmer import inference, methods, plots, printing
from pylmer.classical import Lm
from pylmer.errors import ModelError
from pylmer.formula.parse import Formula
from pylmer.formula.terms import Terms
from pylmer.inference.allfit import AllFit
from pylmer.inference.boot_intervals import BootType
from pylmer.inference.bootstrap import BootMer, Statistic
from pylmer.inference.confint import Parm
from pylmer.inference.profile import Profile
from pylmer.inference.tables import AnovaFrame
from pylmer.methods.extract import Family, FloatArray
from pylmer.methods.random import Coef, RanEf
from pylmer.methods.re_pca import RePCA
from pylmer.methods.residuals import ResidualType
from pylmer.methods.summary import SummaryMerMod
from pylmer.methods.varcorr import VarCorr
from pylmer.model import MerMod
from pylmer.rcompat.loglik import LogLik
from pylmer.rcompat.missing import NA, NAType

__all__ = ["LmerMod", "from_json"]


class LmerMod(MerMod):
    """A linear mixed model fitted by ``lmer``; ``print(m)`` shows R's text."""

    def __str__(self) -> str:
        return printing.as_text(self)

    def __repr__(self) -> str:
        return printing.as_text(self)

    def text(self, **settings: Any) -> str:
        """R's text with settings of R's print: ``digits``, ``ranef_comp``."""
        return printing.as_text(self, **settings)

    def summary(self, ddf: str | None = None, **settings: Any) -> SummaryMerMod:
        """See :func:`pylmer.summary`."""
        return methods.summary(self, **settings) if ddf is None else inference.summary_with_df(self, ddf)

    def fixef(self, add_dropped: bool = False) -> pd.Series[float]:
        """See :func:`pylmer.fixef`."""
        return methods.fixef(self, add_dropped)

    def ranef(self, condVar: bool = True, drop: bool = False, whichel: str | Sequence[str] | None = None) -> RanEf:
        """See :func:`pylmer.ranef`."""
        return methods.ranef(self, condVar, drop, whichel)

    def coef(self) -> Coef:
        """See :func:`pylmer.coef`."""
        return methods.coef(self)

    def VarCorr(self, sigma: float | None = None) -> VarCorr:
        """See :func:`pylmer.VarCorr`."""
        return methods.VarCorr(self, sigma)

    def vcov(
        self, correlation: bool = True, sigm: float | None = None, use_hessian: bool | None = None
    ) -> pd.DataFrame:
        """See :func:`pylmer.vcov`."""
        return methods.vcov(self, correlation, sigm, use_hessian)

    def sigma(self) -> float:
        """See :func:`pylmer.sigma`."""
        return methods.sigma(self)

    def fitted(self) -> pd.Series[float]:
        """See :func:`pylmer.fitted`."""
        return methods.fitted(self)

    def residuals(self, type: ResidualType = "response", scaled: bool = False) -> pd.Series[float]:
        """See :func:`pylmer.residuals`."""
        return methods.residuals(self, type, scaled)

    def predict(
        self,
        newdata: object = None,
        re_form: str | NAType | None = None,
        allow_new_levels: bool = False,
        random_only: bool = False,
        na_action: str = "na.pass",
        **settings: Any,
    ) -> Any:
        """See :func:`pylmer.predict`."""
        return methods.predict(self, newdata, re_form, allow_new_levels, random_only, na_action, **settings)

    def simulate(
        self,
        nsim: int = 1,
        seed: int | None = None,
        re_form: str | NAType | None = NA,
        use_u: bool = False,
        **settings: Any,
    ) -> pd.DataFrame:
        """See :func:`pylmer.simulate`."""
        return methods.simulate(self, nsim, seed, re_form, use_u, **settings)

    def logLik(self, REML: bool | None = None) -> LogLik:
        """See :func:`pylmer.logLik`."""
        return methods.logLik(self, REML)

    def deviance(self, REML: bool | None = None) -> float:
        """See :func:`pylmer.deviance`."""
        return methods.deviance(self, REML)

    def REMLcrit(self) -> float:
        """See :func:`pylmer.REMLcrit`."""
        return methods.REMLcrit(self)

    def AIC(self, *others: MerMod, k: float = 2.0) -> Any:
        """See :func:`pylmer.AIC`."""
        return methods.AIC(self, *others, k=k)

    def BIC(self, *others: MerMod) -> Any:
        """See :func:`pylmer.BIC`."""
        return methods.BIC(self, *others)

    def df_residual(self) -> int:
        """See :func:`pylmer.df_residual`."""
        return methods.df_residual(self)

    def nobs(self) -> int:
        """See :func:`pylmer.nobs`."""
        return methods.nobs(self)

    def ngrps(self) -> pd.Series[int]:
        """See :func:`pylmer.ngrps`."""
        return methods.ngrps(self)

    def getME(self, name: str | Sequence[str]) -> Any:
        """See :func:`pylmer.getME`."""
        return methods.getME(self, name)

    def isSingular(self, tol: float = 1e-4) -> bool:
        """See :func:`pylmer.isSingular`."""
        return methods.isSingular(self, tol)

    def isREML(self) -> bool:
        """See :func:`pylmer.isREML`."""
        return methods.isREML(self)

    def isLMM(self) -> bool:
        """See :func:`pylmer.isLMM`."""
        return methods.isLMM(self)

    def isGLMM(self) -> bool:
        """See :func:`pylmer.isGLMM`."""
        return methods.isGLMM(self)

    def isNLMM(self) -> bool:
        """See :func:`pylmer.isNLMM`."""
        return methods.isNLMM(self)

    def hatvalues(self, fullHatMatrix: bool = False) -> Any:
        """See :func:`pylmer.hatvalues`."""
        return methods.hatvalues(self, fullHatMatrix)

    def cooks_distance(self) -> pd.Series[float]:
        """See :func:`pylmer.cooks_distance`."""
        return methods.cooks_distance(self)

    def rstudent(self) -> pd.Series[float]:
        """See :func:`pylmer.rstudent`."""
        return methods.rstudent(self)

    def influence(self, groups: str | Sequence[str] | None = None) -> inference.Influence:
        """See :func:`pylmer.influence`."""
        return inference.influence(self, groups)

    def extractAIC(self, scale: float = 0.0, k: float = 2.0) -> tuple[float, float]:
        """See :func:`pylmer.extractAIC`."""
        return inference.extractAIC(self, scale, k)

    def ranova(self, reduce_terms: bool = True) -> AnovaFrame:
        """See :func:`pylmer.ranova`."""
        return inference.ranova(self, reduce_terms)

    def refit(self, newresp: Any = None, **settings: Any) -> Any:
        """See :func:`pylmer.refit`."""
        return inference.refit(self, newresp, **settings)

    def refit_each(self, newresp: Any, **settings: Any) -> inference.Refits[LmerMod]:
        """See :func:`pylmer.refit_each`."""
        return inference.refit_each(self, newresp, **settings)

    def powerSim(self, test: str | Sequence[str] | None = None, nsim: int = 1000, **settings: Any) -> pd.DataFrame:
        """See :func:`pylmer.powerSim`."""
        return inference.powerSim(self, test, nsim, **settings)

    def update(self, formula: str | None = None, **changes: Any) -> Any:
        """See :func:`pylmer.update`."""
        return inference.update(self, formula, **changes)

    def allFit(self, meth_tab: Sequence[tuple[str, str]] | None = None, maxfun: int = 100_000) -> AllFit:
        """See :func:`pylmer.allFit`."""
        return inference.allFit(self, meth_tab, maxfun)

    def refitML(self) -> LmerMod:
        """See :func:`pylmer.refitML`."""
        return inference.refitML(self)

    def anova(
        self,
        *others: MerMod | Lm,
        refit: bool = True,
        model_names: Sequence[str] | None = None,
        ddf: str | None = None,
        type: str | int | None = None,
    ) -> AnovaFrame:
        """See :func:`pylmer.anova`."""
        return inference.anova(self, *others, refit=refit, model_names=model_names, ddf=ddf, type=type)

    def drop1(
        self,
        test: Literal["none", "Chisq", "user"] = "none",
        scope: Sequence[str] | None = None,
        ddf: str | None = None,
        sumFun: Callable[..., Mapping[str, float]] | None = None,
        **settings: Any,
    ) -> AnovaFrame:
        """See :func:`pylmer.drop1`."""
        return inference.drop1(self, test, scope, ddf, sumFun, **settings)

    def formula(self, fixed_only: bool = False, random_only: bool = False) -> Formula:
        """See :func:`pylmer.formula`."""
        return methods.formula(self, fixed_only, random_only)

    def terms(self, fixed_only: bool = True, random_only: bool = False) -> Terms:
        """See :func:`pylmer.terms`."""
        return methods.terms(self, None, fixed_only, random_only)

    def model_frame(self, fixed_only: bool = False) -> pd.DataFrame:
        """See :func:`pylmer.model_frame`."""
        return methods.model_frame(self, fixed_only=fixed_only)

    def model_matrix(self, type: Literal["fixed", "random", "randomListRaw"] = "fixed") -> Any:
        """See :func:`pylmer.model_matrix`."""
        return methods.model_matrix(self, type=type)

    def rePCA(self) -> RePCA:
        """See :func:`pylmer.rePCA`."""
        return methods.rePCA(self)

    def weights(self, type: Literal["prior", "working"] = "prior") -> FloatArray:
        """See :func:`pylmer.weights`."""
        return methods.weights(self, type)

    def plot(self, form: str = plots.FORM, **settings: Any) -> Any:
        """See :func:`pylmer.plot`."""
        return plots.plot(self, form, **settings)

    def fortify(self, data: pd.DataFrame | None = None) -> pd.DataFrame:
        """See :func:`pylmer.fortify`."""
        return methods.fortify(self, data)

    @property
    def pp(self) -> methods.merPredD:
        """The predictor module; see :class:`pylmer.merPredD`."""
        return methods.merPredD(self)

    @property
    def resp(self) -> methods.lmerResp:
        """The response module; see :class:`pylmer.lmerResp`."""
        return methods.lmerResp.of_model(self)

    def family(self) -> Family:
        """See :func:`pylmer.family`."""
        return methods.family(self)

    def getData(self) -> pd.DataFrame:
        """See :func:`pylmer.getData`."""
        return methods.getData(self)

    def to_json(self) -> str:
        """See :func:`pylmer.to_json`."""
        return methods.to_json(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> LmerMod:
        """Read a fit that ``to_json`` wrote; see :func:`pylmer.methods.saved.from_json`."""
        return methods.from_json(cls, text)

    def icc(self) -> float:
        """See :func:`pylmer.icc`."""
        return methods.icc(self)

    def confint(
        self,
        parm: Parm = None,
        level: float = 0.95,
        method: Literal["profile", "Wald", "boot"] = "profile",
        oldNames: bool = True,
        nsim: int = 500,
        boot_type: BootType = "perc",
        seed: int | None = None,
        quiet: bool = False,
        progress: bool = False,
        executor: Executor | None = None,
        **settings: Any,
    ) -> pd.DataFrame:
        """See :func:`pylmer.confint`."""
        boot = (nsim, boot_type, seed, quiet, progress, executor)
        return inference.confint(self, parm, level, method, oldNames, *boot, **settings)

    def profile(
        self,
        which: Parm = None,
        alphamax: float = 0.01,
        maxpts: int = 100,
        delta: float | None = None,
        delta_cutoff: float = 1 / 8,
        devtol: float = 1e-9,
        maxmult: float = 10.0,
        signames: bool = True,
        prof_scale: Literal["sdcor", "varcov"] = "sdcor",
        **unused: Never,
    ) -> Profile:
        """See :func:`pylmer.profile`."""
        steps = (alphamax, maxpts, delta, delta_cutoff, devtol, maxmult)
        return inference.profile(self, which, *steps, signames, prof_scale, **unused)

    def bootMer(
        self,
        FUN: Statistic,
        nsim: int = 1,
        seed: int | None = None,
        use_u: bool = False,
        progress: bool = False,
        **settings: Any,
    ) -> BootMer:
        """See :func:`pylmer.bootMer`."""
        return inference.bootMer(self, FUN, nsim, seed, use_u, progress, **settings)


def summary(model: object, **settings: Any) -> Any:
    """Summarize a fit: R's text when printed.

    Parameters
    ----------
    model
        A fit by ``lmer``, ``lm`` or ``aov``.
    **settings
        For ``lmer``: ``ddf="Satterthwaite"`` adds lmerTest's degrees of freedom and p-values; for ``aov``:
        ``intercept=True``.

    Examples
    --------
    >>> from pylmer import datasets, lmer, summary
    >>> s = summary(lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff()))
    >>> round(s.sigma, 3)
    49.51
    """
    method = getattr(model, "summary", None)
    if method is None:
        raise ModelError(f"summary of a {type(model).__name__}: give a fit by lmer, lm or aov")
    return method(**settings)


def from_json(text: str | bytes) -> LmerMod:
    """Read a fit that ``to_json`` wrote.

    Raises
    ------
    DataError
        If the text is no such fit, with what is wrong.

    Examples
    --------
    >>> from pylmer import datasets, from_json, lmer, to_json
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    >>> from_json(to_json(m)).fixef().equals(m.fixef())
    True
    """
    return LmerMod.from_json(text)
