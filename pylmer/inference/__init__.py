"""Questions that fit again."""

from pylmer.inference.bootstrap import BootMer, bootMer
from pylmer.inference.comparison import anova, drop1, refitML
from pylmer.inference.confint import confint
from pylmer.inference.influence import Influence, cooks_distance, dfbeta, dfbetas, influence
from pylmer.inference.profile import Profile, logProf, profile, varianceProf
from pylmer.inference.satterthwaite import summary_with_df
from pylmer.inference.tables import AnovaFrame

__all__ = [
    "AnovaFrame",
    "BootMer",
    "Influence",
    "Profile",
    "anova",
    "bootMer",
    "confint",
    "cooks_distance",
    "dfbeta",
    "dfbetas",
    "drop1",
    "influence",
    "logProf",
    "profile",
    "refitML",
    "summary_with_df",
    "varianceProf",
]
