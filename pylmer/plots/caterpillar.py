"""Conditional modes of the random effects with their intervals, level by level or against normal quantiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from pylmer.errors import ModelError
from pylmer.methods import ranef
from pylmer.model import MerMod
from pylmer.plots.canvas import INK, LINE, MUTED, choose_group, choose_term, new_axes, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["caterpillar", "plotting_positions", "qq_ranef"]

_ROW, _LEAST_HEIGHT, _GREATEST_HEIGHT = 0.2, 2.4, 10.0
_LABEL_POINTS = 9.0


def caterpillar(
    m: MerMod,
    group: str | None = None,
    term: str | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> tuple[Axes, ...]:
    """Draw the conditional modes of a grouping factor, sorted, with intervals: a panel for each random effect.

    An interval is the mode plus and minus the normal quantile of `level` times the conditional standard deviation, as
    R's ``lattice::dotplot(ranef(m))`` draws it. Intervals that leave out 0 are dark. All panels have the order of the
    first one; where levels stand too close for a label each, some are labelled.

    Parameters
    ----------
    m : MerMod
    group : str, optional
        The grouping factor; needed if there are several.
    term : str, optional
        One random effect; by default all of the group.
    level : float, default 0.95
        Of the intervals.
    ax : Axes, optional
        Where to draw, for one random effect; by default on a new figure.

    Returns
    -------
    tuple of Axes
        One for each random effect.

    Raises
    ------
    ModelError
        If there is no such group or term, or several panels for one `ax`.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> from pylmer.plots import caterpillar
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    >>> intercepts, slopes = caterpillar(m)  # doctest: +SKIP
    """
    group, modes = _modes(m, group, term)
    levels = modes[0].sort_values("condval", kind="stable")["grp"].astype(str).tolist()
    height = float(np.clip(_ROW * len(levels) + 1.2, _LEAST_HEIGHT, _GREATEST_HEIGHT))
    axes = _panels(ax, len(modes), height, sharey=True)
    for panel, table in zip(axes, modes, strict=True):
        by_level = table.set_index(table["grp"].astype(str)).loc[levels]
        half = _half_width(by_level, level)
        mode = by_level["condval"].to_numpy()
        place = np.arange(len(levels))
        panel.axvline(0.0, color=MUTED, lw=0.8)
        panel.hlines(place, mode - half, mode + half, colors=_colours(mode, half), lw=_line_width(len(levels)))
        panel.plot(mode, place, "o", color=INK, ms=_marker_size(len(levels)), zorder=3)
        panel.set_title(str(table["term"].iloc[0]), fontsize=11)
        panel.set_xlabel(f"Conditional mode, {100 * level:g} % interval")
        panel.set_ylim(-0.8, len(levels) - 0.2)
        tidy(panel, left=False)
        panel.tick_params(axis="y", length=0)
    _label_levels(axes[0], levels)
    axes[0].set_ylabel(group)
    return axes


def qq_ranef(
    m: MerMod,
    group: str | None = None,
    term: str | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> tuple[Axes, ...]:
    """Draw the conditional modes of a grouping factor against normal quantiles: a panel for each random effect.

    The modes are sorted; the i-th of J stands at the standard normal quantile of R's ``ppoints(J)[i]``, with its
    interval as in `caterpillar`. On the line they would be if the random effects had exactly the distribution that the
    model gives them by their mean and standard deviation.

    Parameters
    ----------
    m, group, term, level, ax
        As for `caterpillar`.

    Returns
    -------
    tuple of Axes
        One for each random effect.

    Raises
    ------
    ModelError
        If there is no such group or term, or several panels for one `ax`.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> from pylmer.plots import qq_ranef
    >>> m = lmer("mathach ~ 1 + (1 | school)", datasets.HSB())
    >>> (ax,) = qq_ranef(m)  # doctest: +SKIP
    """
    group, modes = _modes(m, group, term)
    axes = _panels(ax, len(modes), 4.5, sharey=False)
    for panel, table in zip(axes, modes, strict=True):
        table = table.sort_values("condval", kind="stable")
        half = _half_width(table, level)
        mode = table["condval"].to_numpy()
        quantile = ndtri(plotting_positions(len(mode)))
        panel.axline((0.0, mode.mean()), slope=mode.std(), color=MUTED, lw=1)
        panel.vlines(quantile, mode - half, mode + half, colors=_colours(mode, half), lw=_line_width(len(mode)))
        panel.plot(quantile, mode, "o", color=INK, ms=_marker_size(len(mode)), zorder=3)
        panel.set_title(str(table["term"].iloc[0]), fontsize=11)
        panel.set_xlabel("Standard normal quantile")
        tidy(panel)
    axes[0].set_ylabel(f"Conditional mode of {group}, {100 * level:g} % interval")
    return axes


def _modes(m: MerMod, group: str | None, term: str | None) -> tuple[str, list[pd.DataFrame]]:
    """Give the group and, for each of its random effects, the rows of ``ranef(m).as_data_frame()``."""
    group = choose_group(m, group)
    table = ranef(m, condVar=True).as_data_frame()
    table = table[table["grpvar"] == group]
    return group, [table[table["term"] == name] for name in choose_term(m, group, term)]


def _panels(ax: Axes | None, panels: int, height: float, sharey: bool) -> tuple[Axes, ...]:
    if ax is None:
        return new_axes(1.6 + 4.2 * panels, height, panels, sharey)
    if panels > 1:
        raise ModelError(f"{panels} random effects do not fit one ax: give term=, or leave out ax")
    return (ax,)


def _half_width(table: pd.DataFrame, level: float) -> NDArray[np.float64]:
    if not 0.0 < level < 1.0:
        raise ModelError(f"level={level} is not a probability between 0 and 1")
    return np.asarray(ndtri(0.5 + level / 2.0) * table["condsd"].to_numpy(), dtype=np.float64)


def plotting_positions(n: int) -> NDArray[np.float64]:
    """Give what R's ``ppoints(n)`` gives."""
    a = 3.0 / 8.0 if n <= 10 else 0.5
    return np.asarray((np.arange(1, n + 1) - a) / (n + 1 - 2 * a), dtype=np.float64)


def _colours(mode: NDArray[np.float64], half: NDArray[np.float64]) -> list[str]:
    return [LINE if apart else MUTED for apart in np.abs(mode) > half]


def _line_width(levels: int) -> float:
    return 1.8 if levels <= 40 else 1.2 if levels <= 200 else 0.6


def _marker_size(levels: int) -> float:
    return 4.5 if levels <= 40 else 2.6 if levels <= 200 else 1.2


def _label_levels(ax: Axes, levels: list[str]) -> None:
    """Label the rows: all of them if there is room, else every so many, from the top."""
    points = ax.get_window_extent().height * 72.0 / ax.figure.dpi
    step = max(1, int(np.ceil(_LABEL_POINTS * len(levels) / points)))
    shown = range(len(levels) - 1, -1, -step)
    ax.set_yticks(shown, [levels[i] for i in shown], fontsize=8 if step == 1 else 7)
