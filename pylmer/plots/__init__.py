"""Pictures of a fitted model, drawn with matplotlib (``pip install pylmer[plots]``).

Every function takes axes to draw on, or makes a figure, and returns the axes; none of them shows a window.
"""

from pylmer.plots.caterpillar import caterpillar, qq_ranef
from pylmer.plots.distribution import plot_distribution
from pylmer.plots.residual_plots import plot_residuals

__all__ = ["caterpillar", "plot_distribution", "plot_residuals", "qq_ranef"]
