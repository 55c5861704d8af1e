"""SciPy's minimizers where R has a name for what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pylmer.optimize.minimizers import Counted, Found, settings_from

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

FloatArray = NDArray[np.float64]

__all__ = ["L_BFGS_B", "nlminb"]

RESTARTS = 5
NEAR = 1e-3
"""How near to a bound the search has come to rest on it."""
INWARD = (0.02, 0.1, 0.3)
"""Steps from a bound at which the function is looked at again."""


def nlminb(
    function: Callable[[FloatArray], float],
    start: FloatArray,
    lower: FloatArray,
    optCtrl: Mapping[str, object],
    upper: FloatArray | None = None,
) -> Found:
    """Quasi-Newton within bounds with differences for derivatives (for lme4's ``nlminbwrap``), by SciPy's L-BFGS-B.

    ``optCtrl`` has ``eval.max`` (or ``eval_max``; 1e4), ``iter.max`` (1e4), ``rel.tol`` (1e-12).
    """
    known = {"eval_max": 1e4, "iter_max": 1e4, "rel_tol": 1e-12}
    renamed = {name.replace(".", "_"): value for name, value in optCtrl.items()}
    chosen = settings_from(renamed, known, "nlminbwrap")
    return _bfgs(function, start, (lower, upper), chosen["eval_max"], chosen["iter_max"], chosen["rel_tol"])


def L_BFGS_B(
    function: Callable[[FloatArray], float],
    start: FloatArray,
    lower: FloatArray,
    optCtrl: Mapping[str, object],
    upper: FloatArray | None = None,
) -> Found:
    """Byrd, Lu, Nocedal and Zhu's L-BFGS-B (R's ``optimx`` with that method), by SciPy.

    ``optCtrl`` has ``maxit`` (1e4) and ``factr`` (1e-12 in units of the criterion).
    """
    given = {name: value for name, value in optCtrl.items() if name != "method"}
    chosen = settings_from(given, {"maxit": 1e4, "factr": 1e-12, "kkt": 0.0}, "optimx")
    return _bfgs(function, start, (lower, upper), 10 * chosen["maxit"], chosen["maxit"], chosen["factr"])


def _bfgs(
    function: Callable[[FloatArray], float],
    start: FloatArray,
    bounds: tuple[FloatArray, FloatArray | None],
    evaluations: float,
    iterations: float,
    tolerance: float,
) -> Found:
    """L-BFGS-B, begun anew where it came to rest on a lower bound and the function is lower inside.

    A first step may be long and end on a bound where the slope is 0, as it is for a standard deviation of 0 in any
    criterion of mixed models, without a minimum being there.
    """
    counted = Counted(function)
    from scipy.optimize import Bounds, minimize  # takes long to import

    limits = Bounds(bounds[0], np.inf if bounds[1] is None else bounds[1])
    for _ in range(RESTARTS):
        got = minimize(
            counted,
            start,
            method="L-BFGS-B",
            jac="3-point",
            bounds=limits,
            options={"maxfun": int(evaluations), "maxiter": int(iterations), "ftol": tolerance, "gtol": 1e-6},
        )
        reached = counted.best
        resting = np.flatnonzero(counted.at - bounds[0] < NEAR)
        steps = [step * np.eye(len(start))[i] for i in resting for step in INWARD]
        inside = [np.minimum(counted.at + step, limits.ub) for step in steps]
        start = min(inside, key=counted, default=start)
        if not counted.best < reached or counted.evaluations >= evaluations:
            break
    limit = counted.evaluations >= evaluations or got.nit >= iterations
    return _found(counted, got, 1 if limit else 0, str(got.message))


def _found(counted: Counted, got: OptimizeResult, code: int, message: str) -> Found:
    """What was best; the code and the sentence of a failure where there was one."""
    code = 0 if got.success else code
    text = message if code else str(got.message)
    return Found(counted.at, counted.best, counted.evaluations, code, text)
