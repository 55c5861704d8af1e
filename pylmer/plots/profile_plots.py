"""lattice's plots of profiles: zeta (``xyplot``), densities (``densityplot``), pairs (``splom``)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtri, ndtri

from pylmer.errors import ModelError
from pylmer.inference.profile import Curve, Profile
from pylmer.inference.splines import HermiteSpline, back_spline, interpolating_spline
from pylmer.plots.canvas import INK, LINE, MUTED, new_axes, tidy
from pylmer.plots.drawn import Drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

__all__ = ["densityplot", "splom", "xyplot"]

CONFIDENCE = (0.5, 0.8, 0.9, 0.95, 0.99)


def xyplot(
    x: Profile,
    levels: Sequence[float] | None = None,
    conf: Sequence[float] = CONFIDENCE,
    absVal: bool = False,
    which: Sequence[str] | None = None,
) -> Drawn:
    """Draw zeta as a function of each parameter, with intervals at some levels.

    Parameters
    ----------
    x
        ``profile(m)``.
    levels
        Values of zeta at whose ends intervals stand; default those of ``conf``.
    conf
        Confidences of the intervals.
    absVal
        Draw the absolute value of zeta.
    which
        Names of the parameters; default all that were profiled.

    Returns
    -------
    Drawn
        ``.data`` by parameter: ``x`` where zeta has the levels, ``y`` zeta there.

    Raises
    ------
    ModelError
        Something other than a profile, or a parameter that was not profiled.

    Examples
    --------
    >>> from pylmer import datasets, lmer, profile, xyplot
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff(), REML=False)
    >>> plot = xyplot(profile(m))  # doctest: +SKIP
    """
    curves = _chosen(x, which)
    zeta = _zeta(levels, conf, 1)
    at = np.concatenate([-zeta[::-1], [0.0], zeta])
    data = {}
    for name, curve in curves.items():
        table = pd.DataFrame({"x": _back(name, curve)(at), "y": np.abs(at) if absVal else at}).dropna()
        data[name] = table.reset_index(drop=True)
    axes = new_axes(2.6 * len(curves) + 0.6, 3.2, len(curves), sharey=True)
    for ax, (name, curve) in zip(axes, curves.items(), strict=True):
        reach = float(at[-1])
        ends = data[name]["x"].to_numpy()
        grid = np.linspace(ends.min(), ends.max(), 201)
        height = np.clip(_forward(name, curve)(grid), -reach, reach)
        ax.plot(grid, np.abs(height) if absVal else height, color=LINE)
        for one, y in zip(ends, data[name]["y"], strict=True):
            ax.vlines(one, 0.0, y, color=MUTED, lw=0.8)
        ax.axhline(0.0, color=INK, lw=0.6)
        ax.set_title(name, fontsize=10)
        tidy(ax)
    axes[0].set_ylabel("|ζ|" if absVal else "ζ")
    return Drawn(dict(zip(curves, axes, strict=True)), data)


def densityplot(x: Profile, npts: int = 201, upper: float = 0.999) -> Drawn:
    """Draw the density that each parameter has if zeta is taken as standard normal.

    Parameters
    ----------
    x
        ``profile(m)``.
    npts
        Number of points.
    upper
        Normal probability up to which zeta goes to either side.

    Returns
    -------
    Drawn
        ``.data`` by parameter: ``x``, and the density ``y``.

    Examples
    --------
    >>> from pylmer import datasets, densityplot, lmer, profile
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff(), REML=False)
    >>> plot = densityplot(profile(m))  # doctest: +SKIP
    """
    if not 0.5 < upper < 1.0:
        raise ModelError(f"upper={upper} is not a probability between 0.5 and 1")
    curves = _chosen(x, None)
    data = {}
    for name, curve in curves.items():
        forward = _forward(name, curve)
        ends = _back(name, curve)(ndtri([1.0 - upper, upper]))
        ends = np.where(np.isnan(ends), [curve.values.min(), curve.values.max()], ends)
        grid = np.linspace(float(ends[0]), float(ends[1]), npts)
        density = np.exp(-0.5 * forward(grid) ** 2) / np.sqrt(2.0 * np.pi) * _slope(forward, grid)
        data[name] = pd.DataFrame({"x": grid, "y": density})
    axes = new_axes(2.6 * len(curves) + 0.6, 3.0, len(curves))
    for ax, (name, d) in zip(axes, data.items(), strict=True):
        ax.plot(d["x"], d["y"], color=LINE)
        ax.set_title(name, fontsize=10)
        tidy(ax)
    axes[0].set_ylabel("density")
    return Drawn(dict(zip(curves, axes, strict=True)), data)


def splom(
    x: Profile,
    levels: Sequence[float] | None = None,
    conf: Sequence[float] = CONFIDENCE,
    which: Sequence[str] | None = None,
) -> Drawn:
    """Draw for each pair of parameters the contours of the profile zeta, and the two profile traces.

    Parameters
    ----------
    x
        ``profile(m)``.
    levels
        Values of zeta at which there are contours; default those of ``conf``, for two parameters together.
    conf
        Confidences.
    which
        Names of the parameters.

    Returns
    -------
    Drawn
        Panels ``"first,second"`` (first across); ``.data`` with ``level``, ``x``, ``y`` of the contours.

    Notes
    -----
    Contours are interpolated between the points where they meet the traces: Bates & Watts (1988), Nonlinear Regression
    Analysis, appendix A.6.

    Examples
    --------
    >>> from pylmer import datasets, lmer, profile, splom
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff(), REML=False)
    >>> plot = splom(profile(m))  # doctest: +SKIP
    """
    curves = _chosen(x, which)
    if len(curves) < 2:
        raise ModelError("splom needs at least two parameters that were profiled")
    zeta = _zeta(levels, conf, 2)
    names = list(curves)
    data = {f"{a},{b}": _contours(x, a, b, zeta) for a, b in combinations(names, 2)}
    k = len(names) - 1
    axes = new_axes(2.2 * k + 0.8, 2.2 * k + 0.6, k, rows=k)
    placed: dict[str, Axes] = {}
    for i, b in enumerate(names[1:]):
        for j, a in enumerate(names[:-1]):
            ax = axes[i * k + j]
            if j > i:
                ax.set_axis_off()
                continue
            placed[f"{a},{b}"] = ax
            for _, contour in data[f"{a},{b}"].groupby("level"):
                ax.plot(contour["x"], contour["y"], color=LINE, lw=1)
            _trace(ax, x, a, b, float(zeta[-1]))
            if i == k - 1:
                ax.set_xlabel(a)
            if j == 0:
                ax.set_ylabel(b)
            tidy(ax)
    return Drawn(placed, {name: data[name] for name in placed})


def _chosen(x: Profile, which: Sequence[str] | None) -> dict[str, Curve]:
    if not isinstance(x, Profile):
        raise ModelError(f"a plot of a {type(x).__name__}: give profile(m)")
    names = list(x.curves) if which is None else list(which)
    unknown = [name for name in names if name not in x.curves]
    if unknown:
        raise ModelError(f"no profile of {', '.join(unknown)}: there are {', '.join(x.curves)}")
    return {name: x.curves[name] for name in names}


def _zeta(levels: Sequence[float] | None, conf: Sequence[float], df: int) -> FloatArray:
    if levels is not None:
        zeta = np.sort(np.abs(np.asarray(levels, dtype=np.float64)))
        return zeta[zeta > 0]
    inside = np.clip(np.asarray(conf, dtype=np.float64), 0.0, 1.0)
    return np.sqrt(np.sort(np.asarray(chdtri(df, 1.0 - inside), dtype=np.float64)))


def _forward(name: str, curve: Curve) -> HermiteSpline:
    if curve.forward is None:
        raise ModelError(f"bad profile for {name}: it has no spline")
    return curve.forward


def _back(name: str, curve: Curve) -> HermiteSpline:
    if curve.backward is None:
        raise ModelError(f"bad profile for {name}: zeta does not rise everywhere")
    return curve.backward


def _slope(spline: HermiteSpline, at: FloatArray) -> FloatArray:
    """Derivative of the piecewise cubic."""
    i = np.clip(np.searchsorted(spline.knots, at, side="right") - 1, 0, len(spline.knots) - 2)
    width = spline.knots[i + 1] - spline.knots[i]
    t = (at - spline.knots[i]) / width
    chord = (spline.values[i + 1] - spline.values[i]) / width
    first, last = spline.first[i], spline.last[i]
    inner = first + t * (6 * chord - 4 * first - 2 * last + 3 * t * (first + last - 2 * chord))
    slope: FloatArray = np.where(t < 0, spline.first[0], np.where(t > 1, spline.last[-1], inner))
    return slope


def _other_zeta(x: Profile, held: str, other: str) -> HermiteSpline:
    """Where the other parameter's zeta stands on the trace of the held one, as a function of the held one's zeta."""
    curve = x.curves[held]
    value = _forward(other, x.curves[other])(curve.others[:, x.names.index(other)])
    known = np.isfinite(value) & np.isfinite(curve.zeta)
    return interpolating_spline(curve.zeta[known], value[known])


def _contours(x: Profile, a: str, b: str, levels: FloatArray) -> pd.DataFrame:
    on_a, on_b = _other_zeta(x, a, b), _other_zeta(x, b, a)
    back_a, back_b = back_spline(_forward(a, x.curves[a])), back_spline(_forward(b, x.curves[b]))
    parts = []
    for level in levels:
        # the contour meets a's trace at zeta_a = +-level, b's at zeta_b = +-level
        za = np.array([level, on_b(level).item(), -level, on_b(-level).item()]) / level
        zb = np.array([on_a(level).item(), level, on_a(-level).item(), -level]) / level
        if (np.abs([za, zb]) > 1.0 + 1e-9).any():
            continue
        ta, tb = (np.arccos(np.clip(z, -1.0, 1.0)) for z in (za, zb))
        # tau_a = level cos(angle + d/2), tau_b = level cos(angle - d/2)
        turn = np.array([-1.0, 1.0, 1.0, -1.0])
        phase = np.where(turn > 0, ta - tb, tb - ta)
        angle = np.where(turn > 0, 0.5 * (ta + tb), -0.5 * (ta + tb))
        order = np.argsort(angle)
        angle, phase = angle[order], phase[order]
        from scipy.interpolate import CubicSpline  # takes long to import

        around = CubicSpline(np.append(angle, angle[0] + 2 * np.pi), np.append(phase, phase[0]), bc_type="periodic")
        grid = np.linspace(-np.pi, np.pi, 201)
        d = around(grid)
        table = pd.DataFrame(
            {
                "level": level,
                "x": back_a(level * np.cos(grid + 0.5 * d)),
                "y": back_b(level * np.cos(grid - 0.5 * d)),
            }
        )
        parts.append(table)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"level": [], "x": [], "y": []})


def _trace(ax: Axes, x: Profile, a: str, b: str, reach: float) -> None:
    for held in (a, b):
        curve = x.curves[held]
        inside = np.abs(curve.zeta) <= 1.3 * reach
        places = [curve.others[inside, x.names.index(name)] for name in (a, b)]
        ax.plot(*places, color=MUTED, lw=0.8)
