"""NLopt's minimizers with the settings under which R's nloptr runs them.

R's ``nloptr`` adds a relative tolerance of 1e-4 on the parameters to whatever it is told, and it is this one that ends
most fits of lme4.  With it, with lme4's start and the same criterion, NLopt walks through the same points as in R.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pylmer.errors import ModelError
from pylmer.optimize.minimizers import Counted, Found, settings_from

FloatArray = NDArray[np.float64]

__all__ = ["bobyqa", "nloptwrap"]

DEFAULTS: dict[str, float] = {
    "xtol_abs": 1e-8,
    "ftol_abs": 1e-8,
    "maxeval": 1e5,
    "xtol_rel": 1e-4,
    "ftol_rel": 0.0,
    "maxtime": -1.0,
    "stopval": -np.inf,
}

MESSAGES = {
    1: "NLOPT_SUCCESS: Generic success return value.",
    2: "NLOPT_STOPVAL_REACHED: Optimization stopped because stopval (above) was reached.",
    3: "NLOPT_FTOL_REACHED: Optimization stopped because ftol_rel or ftol_abs (above) was reached.",
    4: "NLOPT_XTOL_REACHED: Optimization stopped because xtol_rel or xtol_abs (above) was reached.",
    5: "NLOPT_MAXEVAL_REACHED: Optimization stopped because maxeval (above) was reached.",
    6: "NLOPT_MAXTIME_REACHED: Optimization stopped because maxtime (above) was reached.",
    -1: "NLOPT_FAILURE: Generic failure code.",
    -4: "NLOPT_ROUNDOFF_LIMITED: Roundoff errors led to a breakdown of the optimization algorithm. In this case, the "
    "returned minimum may still be useful. (e.g. this error occurs in NEWUOA if one tries to achieve a tolerance too "
    "close to machine precision.)",
}


def nloptwrap(
    function: Callable[[FloatArray], float],
    start: FloatArray,
    lower: FloatArray,
    optCtrl: Mapping[str, object],
    upper: FloatArray | None = None,
) -> Found:
    """Minimize by one of NLopt's algorithms, as lme4's ``nloptwrap``.

    Parameters
    ----------
    function
        The criterion of theta ``(m,)``.
    start, lower, upper
        ``(m,)`` first theta and bounds (infinite for none).
    optCtrl
        ``algorithm`` (``"NLOPT_LN_BOBYQA"``), ``xtol_abs`` and ``ftol_abs`` (1e-8), ``maxeval`` (1e5), ``xtol_rel``
        (1e-4, as R's nloptr adds), ``ftol_rel``, ``maxtime``, ``stopval``.

    Raises
    ------
    ModelError
        nlopt is not installed, an algorithm that it does not have or that needs derivatives, an unknown setting.
    """
    nlopt = _nlopt()
    given = dict(optCtrl)
    algorithm = str(given.pop("algorithm", "NLOPT_LN_BOBYQA"))
    settings = settings_from(given, DEFAULTS, "nloptwrap")
    return _run(nlopt, _algorithm(nlopt, algorithm), function, start, (lower, upper), settings, None)


def bobyqa(
    function: Callable[[FloatArray], float],
    start: FloatArray,
    lower: FloatArray,
    optCtrl: Mapping[str, object],
    upper: FloatArray | None = None,
) -> Found:
    """Powell's BOBYQA with the radii of R's minqa, by NLopt's implementation.

    ``optCtrl`` has ``rhobeg`` (the first radius: a fifth of the largest ``|start|``, at most 0.95), ``rhoend`` (the
    last: 1e-6 of it) and ``maxfun`` (1e4), as in minqa.
    """
    nlopt = _nlopt()
    largest = float(np.abs(start).max())
    known = {"rhobeg": min(0.95, 0.2 * largest) or 0.95, "rhoend": 0.0, "maxfun": 1e4, "npt": 0.0, "iprint": 0.0}
    chosen = settings_from(optCtrl, known, "bobyqa")
    last = chosen["rhoend"] or 1e-6 * chosen["rhobeg"]
    settings = {"xtol_abs": last, "maxeval": chosen["maxfun"]}
    found = _run(nlopt, nlopt.LN_BOBYQA, function, start, (lower, upper), settings, chosen["rhobeg"])
    if found.code == 5:
        text = "bobyqa -- maximum number of function evaluations exceeded"
        return Found(found.theta, found.value, found.evaluations, 1, text)
    return Found(found.theta, found.value, found.evaluations, found.code, "" if found.code == 0 else found.message)


def _run(
    nlopt: Any,
    algorithm: int,
    function: Callable[[FloatArray], float],
    start: FloatArray,
    bounds: tuple[FloatArray, FloatArray | None],
    settings: Mapping[str, float],
    first_step: float | None,
) -> Found:
    counted = Counted(function)
    problem = nlopt.opt(algorithm, len(start))
    problem.set_lower_bounds(bounds[0])
    if bounds[1] is not None:
        problem.set_upper_bounds(bounds[1])
    problem.set_min_objective(lambda theta, gradient: counted(theta))
    for name, value in settings.items():
        getattr(problem, f"set_{name}")(int(value) if name == "maxeval" else value)
    if first_step is not None:
        problem.set_initial_step(np.full(len(start), first_step))
    try:
        theta = np.array(problem.optimize(np.array(start)), dtype=np.float64)
        status, value = int(problem.last_optimize_result()), float(problem.last_optimum_value())
    except nlopt.RoundoffLimited:
        theta, value, status = counted.at, counted.best, -4
    except RuntimeError as error:
        if type(error) is not RuntimeError or not counted.evaluations:
            raise
        theta, value, status = counted.at, counted.best, -1
    code = status if status < 0 or status == 5 else 0
    return Found(theta, value, counted.evaluations, code, MESSAGES.get(status, f"NLopt's result {status}"))


def _nlopt() -> Any:
    try:
        import nlopt
    except ImportError:
        raise ModelError(
            "this optimizer needs the package nlopt, which is not installed: pip install 'pylmer[nlopt]', "
            "or leave lmerControl(optimizer=...) at its default 'newton'"
        ) from None
    return nlopt


def _algorithm(nlopt: Any, name: str) -> int:
    short = name.removeprefix("NLOPT_")
    known = sorted(x for x in dir(nlopt) if x.startswith(("LN_", "GN_")))
    if short not in known:
        raise ModelError(
            f"algorithm={name!r} is not known, or needs derivatives; choose one of NLOPT_{', NLOPT_'.join(known)}"
        )
    return int(getattr(nlopt, short))
