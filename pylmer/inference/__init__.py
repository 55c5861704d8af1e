"""Questions that fit again."""

from pylmer.inference.bootstrap import BootMer, bootMer
from pylmer.inference.confint import confint

__all__ = ["BootMer", "bootMer", "confint"]
