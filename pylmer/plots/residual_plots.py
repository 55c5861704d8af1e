"""Residuals against fitted values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pylmer.methods import fitted, residuals
from pylmer.model import MerMod
from pylmer.plots.canvas import INK, LINE, new_axes, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_residuals"]

_MANY = 5000


def plot_residuals(
    m: MerMod,
    type: Literal["response", "pearson"] = "pearson",
    scaled: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw residuals against fitted values, as R's ``plot(m)`` does.

    Parameters
    ----------
    m : MerMod
    type : {"pearson", "response"}, default "pearson"
        The kind of residual; see `pylmer.residuals`.
    scaled : bool, default False
        Whether to divide by the residual standard deviation.
    ax : Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> from pylmer.plots import plot_residuals
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    >>> ax = plot_residuals(m)  # doctest: +SKIP
    """
    ax = new_axes(6.4, 4.2)[0] if ax is None else ax
    x, y = fitted(m).to_numpy(), residuals(m, type=type, scaled=scaled).to_numpy()
    many = len(x) > _MANY
    size, alpha = (2.0, 0.25) if many else (4.0, 0.6)
    ax.axhline(0.0, color=INK, lw=0.8)
    ax.plot(x, y, "o", color=LINE, ms=size, mew=0, alpha=alpha, rasterized=many)
    ax.set_xlabel("Fitted value")
    ax.set_ylabel(f"{'Scaled ' if scaled else ''}{type} residual".capitalize())
    tidy(ax)
    return ax
