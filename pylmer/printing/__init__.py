"""Numbers become R's text, character for character.

Every record's text function registers itself with ``pylmer.rcompat.printable.as_text`` when this package is imported.
"""

from pylmer.printing import components, fixed_tests, lists, lm_list, predictions  # noqa: F401  (registers its texts)
from pylmer.printing.allfit import allfit_text
from pylmer.printing.classical import (
    anova_lm_text,
    aov_list_text,
    aov_text,
    lm_text,
    stratum_text,
    summary_aov_list_text,
    summary_aov_text,
    summary_lm_text,
)
from pylmer.printing.effects import coef_text, confint_text, fixef_text, loglik_text, ranef_text
from pylmer.printing.model import correlation_text, model_text, summary_text
from pylmer.printing.print_parts import show
from pylmer.printing.profile import profile_text
from pylmer.printing.tables import anova_text
from pylmer.printing.varcorr import formatVC, varcorr_text
from pylmer.rcompat.printable import as_text

__all__ = [
    "allfit_text",
    "anova_lm_text",
    "anova_text",
    "aov_list_text",
    "aov_text",
    "as_text",
    "coef_text",
    "confint_text",
    "correlation_text",
    "fixef_text",
    "formatVC",
    "lm_text",
    "loglik_text",
    "model_text",
    "profile_text",
    "ranef_text",
    "show",
    "stratum_text",
    "summary_aov_list_text",
    "summary_aov_text",
    "summary_lm_text",
    "summary_text",
    "varcorr_text",
]
