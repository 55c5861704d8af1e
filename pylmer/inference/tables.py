"""Tables of tests: data frames that print as R's class anova."""

from __future__ import annotations

from typing import Any, ClassVar

import pandas as pd

from pylmer.rcompat.printable import as_text

__all__ = ["AnovaFrame"]


class AnovaFrame(pd.DataFrame):
    """A data frame whose ``print`` is R's table, with its heading.

    ``heading`` holds the lines above the table.  What is computed from the frame is an ordinary data frame.
    """

    _metadata: ClassVar[list[str]] = ["heading"]
    heading: tuple[str, ...]

    @classmethod
    def of(cls, table: pd.DataFrame, heading: tuple[str, ...]) -> AnovaFrame:
        """Give a table its heading."""
        frame = cls(table)
        frame.heading = heading
        return frame

    @property
    def _constructor(self) -> Any:
        return pd.DataFrame

    def __str__(self) -> str:
        return as_text(self)

    def __repr__(self) -> str:
        return as_text(self)
