"""Questions that fit again."""

from pylmer.inference.allfit import AllFit, SummaryAllFit, allFit
from pylmer.inference.bootstrap import BootMer, bootMer
from pylmer.inference.check_conv import checkConv
from pylmer.inference.comparison import anova, drop1, refitML
from pylmer.inference.confint import confint
from pylmer.inference.deviance_function import devfun2
from pylmer.inference.fixed_tests import KRmodcomp, KRTest, contest, summary_with_df, vcovAdj
from pylmer.inference.influence import Influence, cooks_distance, dfbeta, dfbetas, influence
from pylmer.inference.lm_list import lmList
from pylmer.inference.power import powerSim
from pylmer.inference.profile import Profile, logProf, profile, varianceProf
from pylmer.inference.random_anova import extractAIC, ranova
from pylmer.inference.refit import refit, refit_each
from pylmer.inference.refits import Refits
from pylmer.inference.tables import AnovaFrame
from pylmer.inference.update import update

__all__ = [
    "AllFit",
    "AnovaFrame",
    "BootMer",
    "Influence",
    "KRTest",
    "KRmodcomp",
    "Profile",
    "Refits",
    "SummaryAllFit",
    "allFit",
    "anova",
    "bootMer",
    "checkConv",
    "confint",
    "contest",
    "cooks_distance",
    "devfun2",
    "dfbeta",
    "dfbetas",
    "drop1",
    "extractAIC",
    "influence",
    "lmList",
    "logProf",
    "powerSim",
    "profile",
    "ranova",
    "refit",
    "refitML",
    "refit_each",
    "summary_with_df",
    "update",
    "varianceProf",
    "vcovAdj",
]
