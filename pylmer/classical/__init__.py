"""lm, and aov with Error strata: what a mixed model is contrasted with."""

from pylmer.classical.aov import AovList, SummaryAovList, aov
from pylmer.classical.lm import lm
from pylmer.classical.record import Aov, Lm
from pylmer.classical.summaries import SummaryAov, SummaryLm
from pylmer.classical.tables import AnovaTable

__all__ = ["AnovaTable", "Aov", "AovList", "Lm", "SummaryAov", "SummaryAovList", "SummaryLm", "aov", "lm"]
