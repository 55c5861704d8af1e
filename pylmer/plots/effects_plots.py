"""lattice's plots of random effects and of coefficients by group: ``dotplot``, ``qqmath``, and ``plot``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from pylmer.errors import ModelError
from pylmer.methods import residuals
from pylmer.methods.random import Coef, RanEf
from pylmer.model import MerMod
from pylmer.plots.canvas import INK, LINE, MUTED, new_axes, tidy
from pylmer.plots.caterpillar import plotting_positions
from pylmer.plots.drawn import Drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]
Transform = Callable[[FloatArray], Any]

__all__ = ["dotplot", "plot_effects", "qqmath"]

#: lattice draws intervals of so many conditional standard deviations: 95 %.
REACH = float(ndtri(0.975))


def dotplot(x: RanEf | Coef, main: bool = True, transf: Transform | None = None) -> dict[str, Drawn]:
    """Draw the effects of each level, sorted by the first effect, with 95 % intervals where their variances are known.

    Parameters
    ----------
    x
        ``ranef(m)`` or ``coef(m)``.
    main
        Whether each figure has the name of its grouping factor above.
    transf
        Transforms effects and ends of intervals, such as ``numpy.exp``.

    Returns
    -------
    dict
        Grouping factor to its plot (``.axes``, ``.data`` by effect: ``x`` the effect, ``y`` the level as a Categorical
        in the order drawn, ``lower`` and ``upper``).

    Raises
    ------
    ModelError
        Something other than ``ranef()`` or ``coef()``.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> from pylmer import datasets, dotplot, lmer, ranef
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    >>> plots = dotplot(ranef(m))  # doctest: +SKIP
    """
    _check(x)
    change: Transform = (lambda v: v) if transf is None else transf
    out = {}
    for group, table in _tables(x).items():
        order = table.index[np.argsort(table.iloc[:, 0].to_numpy(), kind="stable")].astype(str)
        sd = x.condsd(group) if isinstance(x, RanEf) and group in x.postVar else None
        data = {}
        for j, effect in enumerate(table.columns):
            values = table.iloc[:, j].to_numpy()
            levels = pd.Categorical(table.index.astype(str), categories=list(order))
            columns: dict[str, Any] = {"x": np.asarray(change(values)), "y": levels}
            if sd is not None:
                columns["lower"] = np.asarray(change(values - REACH * sd[:, j]))
                columns["upper"] = np.asarray(change(values + REACH * sd[:, j]))
            data[str(effect)] = pd.DataFrame(columns)
        height = float(np.clip(0.2 * len(table) + 1.2, 2.4, 10.0))
        axes = new_axes(1.6 + 3.6 * len(data), height, len(data), sharey=True)
        for ax, (effect, d) in zip(axes, data.items(), strict=True):
            _dots(ax, d["y"].cat.codes.to_numpy(), d, effect)
        axes[0].set_yticks(range(len(order)), list(order), fontsize=8)
        if main:
            axes[0].figure.suptitle(group)
        out[group] = Drawn(dict(zip(data, axes, strict=True)), data)
    return out


def qqmath(x: RanEf | MerMod, main: bool = True) -> Any:
    """Draw random effects, or the residuals of a fit, against standard normal quantiles.

    Parameters
    ----------
    x
        ``ranef(m)``, or a fit (its Pearson residuals over sigma).
    main
        Whether figures of random effects have the name of their grouping factor above.

    Returns
    -------
    dict of Drawn, or Drawn
        Of ``ranef(m)`` by grouping factor; ``.data`` by effect: ``x`` the sorted effects, ``y`` the quantiles, ``se``.

    Raises
    ------
    ModelError
        Something other than ``ranef()`` or a fit.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> from pylmer import datasets, lmer, qqmath, ranef
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    >>> plots = qqmath(ranef(m))  # doctest: +SKIP
    """
    if isinstance(x, MerMod):
        values = residuals(x, "pearson", scaled=True).dropna().sort_values(kind="stable")
        data = pd.DataFrame({"x": values.to_numpy(), "y": ndtri(plotting_positions(len(values)))})
        (ax,) = new_axes(4.6, 4.2)
        ax.plot(data["y"], data["x"], "o", color=LINE, ms=3, mew=0, alpha=0.6)
        ax.set_xlabel("Standard normal quantiles")
        ax.set_ylabel("Standardized residuals")
        tidy(ax)
        return Drawn({"residuals": ax}, {"residuals": data})
    if not isinstance(x, RanEf):
        raise ModelError(f"qqmath of a {type(x).__name__}: give ranef(m), or a fit made by lmer()")
    return {group: _quantiles(group, table, x, main) for group, table in _tables(x).items()}


def _quantiles(group: str, table: pd.DataFrame, x: RanEf, main: bool) -> Drawn:
    quantiles = np.asarray(ndtri(plotting_positions(len(table))), dtype=np.float64)
    sd = x.condsd(group) if group in x.postVar else None
    data = {}
    for j, effect in enumerate(table.columns):
        values = table.iloc[:, j].to_numpy()
        order = np.argsort(values, kind="stable")
        columns = {"x": values[order], "y": quantiles}
        if sd is not None:
            se = sd[order, j]
            columns |= {"se": se, "lower": values[order] - REACH * se, "upper": values[order] + REACH * se}
        data[str(effect)] = pd.DataFrame(columns)
    axes = new_axes(1.6 + 3.6 * len(data), 4.2, len(data))
    for ax, (effect, d) in zip(axes, data.items(), strict=True):
        _dots(ax, d["y"].to_numpy(), d, effect)
    axes[0].set_ylabel("Standard normal quantiles")
    if main:
        axes[0].figure.suptitle(group)
    return Drawn(dict(zip(data, axes, strict=True)), data)


def plot_effects(x: RanEf | Coef) -> dict[str, Drawn]:
    """Draw effects against one another, as R's ``plot(ranef(m))`` and ``plot(coef(m))``.

    One effect is drawn against normal quantiles; of two the second is across, the first upwards; of more each pair has
    a panel, ``"second,first"``.
    """
    _check(x)
    out = {}
    for group, table in _tables(x).items():
        names = [str(c) for c in table.columns]
        if len(names) == 1:
            values = np.sort(table.iloc[:, 0].to_numpy())
            pairs = {names[0]: pd.DataFrame({"x": values, "y": ndtri(plotting_positions(len(values)))})}
        else:
            pairs = {
                f"{names[j]},{names[i]}": pd.DataFrame(
                    {"x": table.iloc[:, j].to_numpy(), "y": table.iloc[:, i].to_numpy()}
                )
                for i in range(len(names))
                for j in range(i + 1, len(names))
            }
        axes = new_axes(1.2 + 3.4 * len(pairs), 4.0, len(pairs))
        for ax, (label, d) in zip(axes, pairs.items(), strict=True):
            ax.plot(d["x"], d["y"], "o", color=LINE, ms=4)
            across, _, upwards = label.partition(",")
            ax.set_xlabel(across)
            ax.set_ylabel(upwards or "Standard normal quantiles")
            tidy(ax)
        axes[0].figure.suptitle(group)
        out[group] = Drawn(dict(zip(pairs, axes, strict=True)), pairs)
    return out


def _tables(x: RanEf | Coef) -> Mapping[str, pd.DataFrame]:
    return x.frames if isinstance(x, RanEf) else x


def _check(x: object) -> None:
    if not isinstance(x, RanEf | Coef):
        raise ModelError(f"a plot of a {type(x).__name__}: give ranef(m) or coef(m)")


def _dots(ax: Axes, place: Sequence[float] | NDArray[Any], d: pd.DataFrame, title: str) -> None:
    if "lower" in d:
        ax.axvline(0.0, color=MUTED, lw=0.8)
        ax.hlines(place, d["lower"], d["upper"], colors=LINE, lw=1.2)
    ax.plot(d["x"], place, "o", color=INK, ms=4, zorder=3)
    ax.set_title(title, fontsize=11)
    tidy(ax, left=False)
