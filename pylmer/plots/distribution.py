"""The estimated distribution of a coefficient over the groups."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pylmer.methods import VarCorr, fixef
from pylmer.model import MerMod
from pylmer.plots.canvas import BAND, INK, LINE, choose_group, choose_term, new_axes, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_distribution"]

_REACH = 3.5
_WITHIN_ONE_SD = math.erf(1.0 / math.sqrt(2.0))


def plot_distribution(m: MerMod, group: str | None = None, term: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the normal distribution that the model gives a coefficient over the groups.

    The curve is centred at the fixed effect, 0 if there is none, and has the standard deviation of the random effect; a
    band marks one standard deviation to either side, which holds about 68 % of the groups. For an intercept-only model
    this is the distribution of the group means.

    Parameters
    ----------
    m : MerMod
    group : str, optional
        The grouping factor; needed if there are several.
    term : str, optional
        The random effect; by default the first, which is the intercept if there is one.
    ax : Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    ModelError
        If there is no such group or term.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> from pylmer.plots import plot_distribution
    >>> m = lmer("mathach ~ 1 + (1 | school)", datasets.HSB())
    >>> ax = plot_distribution(m)  # doctest: +SKIP
    """
    group = choose_group(m, group)
    term = choose_term(m, group, term)[0]
    centre, sd = float(fixef(m).get(term, 0.0)), _standard_deviation(m, group, term)
    ax = new_axes(7.0, 4.2)[0] if ax is None else ax
    if sd > 0.0:
        _draw_curve(ax, centre, sd)
    else:
        ax.axvline(centre, color=LINE, lw=2)
    levels = m.design.re.flist[group].J
    ax.set_xlabel(f"{_coefficient(m, term)} by {group} (SD {_short(sd, sd)})")
    ax.set_ylabel("Density")
    ax.set_title(f"Estimated distribution over {levels} levels of {group}", fontsize=11, loc="left")
    tidy(ax)
    return ax


def _standard_deviation(m: MerMod, group: str, term: str) -> float:
    for t, components in zip(m.design.re.terms, VarCorr(m).terms, strict=True):
        if t.group == group and term in t.names:
            return float(components.stddev[t.names.index(term)])
    raise AssertionError(term)


def _coefficient(m: MerMod, term: str) -> str:
    """Say in words what varies: in a model with an intercept only, the mean of the response."""
    if term != "(Intercept)":
        return f"Coefficient of {term}"
    return f"Mean {m.design.response}" if m.design.X_names == ("(Intercept)",) else f"Intercept of {m.design.response}"


def _short(x: float, sd: float) -> str:
    """Write a number with the decimals that show the standard deviation to three digits."""
    decimals = 2 - math.floor(math.log10(sd)) if sd > 0.0 else 2
    return f"{x:.{max(0, decimals)}f}"


def _draw_curve(ax: Axes, centre: float, sd: float) -> None:
    z = np.linspace(-_REACH, _REACH, 401)
    density = np.exp(-0.5 * z**2) / (sd * math.sqrt(2.0 * math.pi))
    top = float(density.max())
    within = np.abs(z) <= 1.0 + 1e-9
    edges = np.concatenate([[-1.0], z[within], [1.0]])
    shade = np.exp(-0.5 * edges**2) * top
    ax.fill_between(centre + sd * edges, shade, color=BAND, lw=0)
    ax.plot(centre + sd * z, density, color=LINE, lw=2)
    ax.vlines(centre, 0.0, top, color=LINE, lw=1, ls=(0, (4, 3)))
    for end, side, place in ((centre - sd, "−1 SD", "right"), (centre + sd, "+1 SD", "left")):
        height = top * math.exp(-0.5)
        shift = -8 if place == "right" else 8
        ax.vlines(end, 0.0, height, color=LINE, lw=1)
        ax.annotate(
            f"{_short(end, sd)}\n{side}",
            (end, height),
            xytext=(shift, 4),
            textcoords="offset points",
            ha=place,
            va="bottom",
            color=INK,
        )
    ax.annotate(_short(centre, sd), (centre, top), xytext=(0, 4), textcoords="offset points", ha="center", color=INK)
    ax.text(
        centre,
        0.3 * top,
        f"about {100 * _WITHIN_ONE_SD:.0f} %",
        ha="center",
        va="center",
        color=INK,
        bbox={"boxstyle": "round,pad=0.3", "fc": BAND, "ec": "none"},
    )
    ax.set_ylim(0.0, 1.12 * top)
    ax.set_xlim(centre - _REACH * sd, centre + _REACH * sd)
