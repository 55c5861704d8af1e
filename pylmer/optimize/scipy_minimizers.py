"""SciPy's minimizers where R has a name for what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, OptimizeResult, minimize

from pylmer.optimize.minimizers import Counted, Found, settings_from

FloatArray = NDArray[np.float64]

__all__ = ["L_BFGS_B", "nelder_mead", "nlminb"]


def nelder_mead(
    function: Callable[[FloatArray], float], start: FloatArray, lower: FloatArray, optCtrl: Mapping[str, object]
) -> Found:
    """Nelder and Mead's simplex within bounds (lme4's ``Nelder_Mead``), by SciPy.

    ``optCtrl`` has ``maxfun`` (1e4), ``FtolAbs`` (1e-5; here a tenth of a thousandth of it is asked for, since SciPy
    judges the whole simplex), ``XtolRel`` (1e-7).
    """
    known = {"maxfun": 1e4, "FtolAbs": 1e-5, "FtolRel": 1e-15, "XtolRel": 1e-7, "MinfMax": 0.0, "verbose": 0.0}
    chosen = settings_from(optCtrl, known, "Nelder_Mead")
    counted = Counted(function)
    simplex = np.vstack([start, start + np.diag(np.where(start == 0, 0.1, 0.02 * np.abs(start) + 0.02))])
    got = minimize(
        counted,
        start,
        method="Nelder-Mead",
        bounds=Bounds(lower, np.inf),
        options={
            "initial_simplex": np.maximum(simplex, lower),
            "maxfev": int(chosen["maxfun"]),
            "maxiter": int(chosen["maxfun"]),
            "xatol": max(chosen["XtolRel"], 1e-9),
            "fatol": 1e-4 * chosen["FtolAbs"],
            "adaptive": len(start) > 3,
        },
    )
    failed = f"failure to converge in {int(chosen['maxfun'])} evaluations"
    return _found(counted, got, 4, failed)


def nlminb(
    function: Callable[[FloatArray], float], start: FloatArray, lower: FloatArray, optCtrl: Mapping[str, object]
) -> Found:
    """Quasi-Newton within bounds with differences for derivatives (for lme4's ``nlminbwrap``), by SciPy's L-BFGS-B.

    ``optCtrl`` has ``eval.max`` (or ``eval_max``; 1e4), ``iter.max`` (1e4), ``rel.tol`` (1e-12).
    """
    known = {"eval_max": 1e4, "iter_max": 1e4, "rel_tol": 1e-12}
    renamed = {name.replace(".", "_"): value for name, value in optCtrl.items()}
    chosen = settings_from(renamed, known, "nlminbwrap")
    return _bfgs(function, start, lower, chosen["eval_max"], chosen["iter_max"], chosen["rel_tol"])


def L_BFGS_B(
    function: Callable[[FloatArray], float], start: FloatArray, lower: FloatArray, optCtrl: Mapping[str, object]
) -> Found:
    """Byrd, Lu, Nocedal and Zhu's L-BFGS-B (R's ``optimx`` with that method), by SciPy.

    ``optCtrl`` has ``maxit`` (1e4) and ``factr`` (1e-12 in units of the criterion).
    """
    given = {name: value for name, value in optCtrl.items() if name != "method"}
    chosen = settings_from(given, {"maxit": 1e4, "factr": 1e-12, "kkt": 0.0}, "optimx")
    return _bfgs(function, start, lower, 10 * chosen["maxit"], chosen["maxit"], chosen["factr"])


def _bfgs(
    function: Callable[[FloatArray], float],
    start: FloatArray,
    lower: FloatArray,
    evaluations: float,
    iterations: float,
    tolerance: float,
) -> Found:
    counted = Counted(function)
    got = minimize(
        counted,
        start,
        method="L-BFGS-B",
        jac="3-point",
        bounds=Bounds(lower, np.inf),
        options={"maxfun": int(evaluations), "maxiter": int(iterations), "ftol": tolerance, "gtol": 1e-6},
    )
    limit = counted.evaluations >= evaluations or got.nit >= iterations
    return _found(counted, got, 1 if limit else 0, str(got.message))


def _found(counted: Counted, got: OptimizeResult, code: int, message: str) -> Found:
    """What was best; the code and the sentence of a failure where there was one."""
    code = 0 if got.success else code
    text = message if code else str(got.message)
    return Found(counted.at, counted.best, counted.evaluations, code, text)
