"""R's NA as an argument: ``re_form=NA`` means "no random effects", as in R."""

from __future__ import annotations

from enum import Enum
from typing import Final

__all__ = ["NA", "NAType"]


class NAType(Enum):
    """The type of :data:`NA`."""

    NA = "NA"

    def __repr__(self) -> str:
        return "NA"

    def __bool__(self) -> bool:
        raise ValueError("NA is neither true nor false")


NA: Final = NAType.NA
