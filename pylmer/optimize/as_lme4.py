"""lme4's optimization step around any minimizer: restart at the boundary, snap to it, evaluate once more, check."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from pylmer.optimize.convergence import Rules, derivatives, judge_derivatives
from pylmer.optimize.minimizers import Found, Minimizer
from pylmer.optimize.nelder_mead import nelder_mead
from pylmer.optimize.nloptwrap import bobyqa, nloptwrap
from pylmer.optimize.optimum import Objective, OptResult, singular
from pylmer.optimize.scipy_minimizers import L_BFGS_B, nlminb

FloatArray = NDArray[np.float64]

__all__ = ["MINIMIZERS", "optimize_as_lme4"]

MINIMIZERS: Mapping[str, Minimizer] = {
    "nloptwrap": nloptwrap,
    "bobyqa": bobyqa,
    "Nelder_Mead": nelder_mead,
    "nlminbwrap": nlminb,
    "optimx": L_BFGS_B,
}

#: Step over the boundary at which its slope is asked for.
EDGE_STEP = 1e-5


def optimize_as_lme4(
    criterion: Objective,
    start: FloatArray,
    optimizer: str = "nloptwrap",
    optCtrl: Mapping[str, object] | None = None,
    *,
    boundary_tol: float = 1e-5,
    restart_edge: bool = True,
    rules: Rules | None = Rules(),  # noqa: B008
    trace: Callable[[FloatArray, float], None] | None = None,
) -> OptResult:
    """Minimize the criterion by a minimizer without derivatives, going about it as lme4 does.

    Parameters
    ----------
    criterion
        The output of ``mkLmerDevfun``.
    start
        ``(m,)`` first theta.
    optimizer
        One of ``MINIMIZERS``.
    optCtrl
        Its settings.
    boundary_tol
        A diagonal element of L nearer to 0 than this is set to 0 where the criterion is lower there.
    restart_edge
        Start once more from a boundary whose slope points inside.
    rules
        How gradient and Hessian are judged afterwards, as lme4's ``checkConv`` does; None does not.
    trace
        Told theta ``(m,)`` and the criterion at each evaluation.
    """

    def function(theta: FloatArray) -> float:
        value = criterion(theta)
        if trace is not None:
            trace(theta, value)
        return value

    minimize = MINIMIZERS[optimizer]
    settings = dict(optCtrl or {})
    found = minimize(function, start, criterion.lower, settings)
    if restart_edge and _points_inside(function, found, criterion.lower):
        again = minimize(function, found.theta, criterion.lower, settings)
        found = Found(again.theta, again.value, again.evaluations, again.code, again.message, again.warnings)
    theta = _snapped(function, found, criterion.lower, boundary_tol) if boundary_tol > 0 else found.theta
    gradient, hessian = derivatives(criterion, theta)
    warnings = () if rules is None or singular(theta, criterion.lower) else judge_derivatives(gradient, hessian, rules)
    return OptResult(
        theta,
        criterion(theta),
        gradient,
        hessian,
        found.evaluations,
        found.code,
        optimizer=optimizer,
        message=found.message,
        warnings=warnings,
        own_warnings=found.warnings,
    )


def _points_inside(function: Callable[[FloatArray], float], found: Found, lower: FloatArray) -> bool:
    """Whether the criterion falls from a boundary where the minimizer stopped."""
    at_bound = np.flatnonzero(found.theta == lower)
    if not len(at_bound):
        return False
    here = function(found.theta)
    slopes = []
    for i in at_bound:
        theta = found.theta.copy()
        theta[i] += EDGE_STEP
        slopes.append((function(theta) - here) / EDGE_STEP)
    return min(slopes) < 0


def _snapped(
    function: Callable[[FloatArray], float], found: Found, lower: FloatArray, boundary_tol: float
) -> FloatArray:
    """Set what is near its bound to the bound, one at a time, where the criterion is lower for it."""
    distance = found.theta - lower
    theta = found.theta.copy()
    for i in np.flatnonzero((distance > 0) & (distance < boundary_tol)):
        trial = found.theta.copy()
        trial[i] = lower[i]
        if function(trial) < found.value:
            theta[i] = lower[i]
    return theta
