"""What a plot gives back: the axes, and the data that were drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Drawn"]


@dataclass(frozen=True, eq=False, repr=False)
class Drawn:
    """A plot: its panels by name.

    Parameters
    ----------
    axes
        Panel to the axes it was drawn on.
    data
        Panel to what was drawn: columns ``x``, ``y``, and others such as ``se``.
    """

    axes: Mapping[str, Axes]
    data: Mapping[str, pd.DataFrame]

    def __repr__(self) -> str:
        return f"<plot with {len(self.axes)} panel{'s' if len(self.axes) != 1 else ''}: {', '.join(self.axes)}>"
