"""What the plots share: axes to draw on, colours, and the choice of a grouping factor and its terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylmer.errors import ModelError
from pylmer.model import MerMod

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BAND", "INK", "LINE", "MUTED", "choose_group", "choose_term", "new_axes", "tidy"]

LINE = "#1f5a92"
BAND = "#bcd6ec"
INK = "#222222"
MUTED = "#9aa3ab"


def new_axes(width: float, height: float, panels: int = 1, sharey: bool = False, rows: int = 1) -> tuple[Axes, ...]:
    """Make a figure with panels side by side, in one row or more.

    Parameters
    ----------
    width, height : float
        Of the whole figure, in inches.
    panels : int, default 1
    sharey : bool, default False
        Whether the panels have their vertical axis in common.
    rows : int, default 1
        Rows of panels; all panels come row by row.

    Raises
    ------
    ImportError
        Without matplotlib.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("plots need matplotlib, which is not installed: pip install 'pylmer[plots]'") from error
    figure = plt.figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, panels, sharey=sharey, squeeze=False)
    return tuple(axes.ravel())


def tidy(ax: Axes, left: bool = True) -> None:
    """Take away the frame that says nothing: top, right and, unless `left`, the left side."""
    for side in ("top", "right", *(() if left else ("left",))):
        ax.spines[side].set_visible(False)


def choose_group(m: MerMod, group: str | None) -> str:
    """Give the grouping factor to draw: the one asked for, or the only one.

    Raises
    ------
    ModelError
        If there is no such factor, or several and none was asked for.
    """
    groups = m.design.re.groups
    known = ", ".join(map(repr, groups))
    if group is None:
        if len(groups) > 1:
            raise ModelError(f"the model has several grouping factors, {known}: give one of them as group=")
        return groups[0]
    if group not in groups:
        raise ModelError(f"no grouping factor is called {group!r}; there are {known}")
    return group


def choose_term(m: MerMod, group: str, term: str | None) -> tuple[str, ...]:
    """Give the random effects of a grouping factor to draw: the one asked for, or all.

    Raises
    ------
    ModelError
        If there is no such effect.
    """
    names = tuple(name for t in m.design.re.terms if t.group == group for name in t.names)
    if term is None:
        return names
    if term not in names:
        raise ModelError(f"{group} has no random effect {term!r}; there are {', '.join(map(repr, names))}")
    return (term,)
