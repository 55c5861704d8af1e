"""Pictures of a fitted model, drawn with matplotlib (``pip install pylmer[plots]``).

Every function takes axes to draw on, or makes a figure, and returns the axes; none of them shows a window.
"""

from pylmer.plots.caterpillar import caterpillar, qq_ranef
from pylmer.plots.distribution import plot_distribution
from pylmer.plots.drawn import Drawn
from pylmer.plots.effects_plots import dotplot, plot_effects, qqmath
from pylmer.plots.model_plot import FORM, plot
from pylmer.plots.profile_plots import densityplot, splom, xyplot
from pylmer.plots.residual_plots import plot_residuals

__all__ = [
    "FORM",
    "Drawn",
    "caterpillar",
    "densityplot",
    "dotplot",
    "plot",
    "plot_distribution",
    "plot_effects",
    "plot_residuals",
    "qq_ranef",
    "qqmath",
    "splom",
    "xyplot",
]
