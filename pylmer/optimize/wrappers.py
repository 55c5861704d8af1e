"""lme4's optimizers as functions of any function: ``Nelder_Mead``, ``nloptwrap``, ``nlminbwrap``."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pylmer.errors import ConvergenceWarning, ModelError
from pylmer.optimize import nloptwrap as by_nlopt
from pylmer.optimize import scipy_minimizers
from pylmer.optimize.minimizers import Found, Minimizer, numbers_from
from pylmer.optimize.nelder_mead import FINAL_SHARE, FIRST_STEP, KNOWN, nelder_mead

FloatArray = NDArray[np.float64]
Function = Callable[[FloatArray], float]

__all__ = ["Nelder_Mead", "nlminbwrap", "nloptwrap"]


def Nelder_Mead(
    fn: Function,
    par: ArrayLike,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    control: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Minimize a function of n variables within bounds by Nelder and Mead's simplex, as lme4 does it.

    Parameters
    ----------
    fn
        Function of ``(n,)`` variables; what is not a number counts as infinite.
    par
        ``(n,)`` where to begin.
    lower, upper
        ``(n,)`` bounds, or one for all; None for none.
    control
        ``maxfun`` (1e4 evaluations), ``xst`` (``(n,)`` first steps, 0.02), ``xt`` (``(n,)`` size of the simplex at the
        end, 5e-4 of ``xst``), ``MinfMax``; the others of lme4's are taken and, as there, without effect.

    Returns
    -------
    dict
        ``fval, par, convergence, NM_result, message, control, feval`` (R's ``NM.result`` is ``NM_result``).

    Raises
    ------
    ModelError
        A start outside of the bounds, an unknown setting.

    Warns
    -----
    ConvergenceWarning
        After ``maxfun`` evaluations.

    Examples
    --------
    >>> from pylmer import Nelder_Mead
    >>> found = Nelder_Mead(lambda x: (x[0] - 1) ** 2 + (x[1] - 2) ** 2, [0.0, 0.0], upper=[0.5, 9.0])
    >>> found["par"].round(4).tolist(), found["message"]
    ([0.5, 2.0], 'parameter values converged to within tolerance')
    """
    settings = dict(control or {})
    found, n = _run(nelder_mead, par, fn, lower, upper, settings)
    for text in found.warnings:
        warnings.warn(text, ConvergenceWarning, stacklevel=2)
    used: dict[str, object] = {name: settings.get(name, value) for name, value in KNOWN.items() if name != "verbose"}
    xst = numbers_from(settings.get("xst", [FIRST_STEP] * n), "xst", n)
    used.update(xst=xst, xt=numbers_from(settings.get("xt", FINAL_SHARE * xst), "xt", n))
    result = 4 if found.code == 4 else 1 if "minimum" in found.message else 3
    return {
        "fval": found.value,
        "par": found.theta,
        "convergence": 0,
        "NM_result": result,
        "message": found.message,
        "control": used,
        "feval": found.evaluations,
    }


def nloptwrap(
    par: ArrayLike,
    fn: Function,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    control: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Minimize a function within bounds by one of NLopt's algorithms, with lme4's settings (needs the package nlopt).

    Parameters
    ----------
    par
        ``(n,)`` where to begin.
    fn
        Function of ``(n,)`` variables.
    lower, upper
        ``(n,)`` bounds, or one for all; None for none.
    control
        ``algorithm, xtol_abs, ftol_abs, maxeval, xtol_rel, ftol_rel, maxtime, stopval``.

    Returns
    -------
    dict
        ``par, fval, feval, conv, message``.

    Examples
    --------
    >>> from pylmer import nloptwrap
    >>> found = nloptwrap([0.0, 0.0], lambda x: (x[0] - 1) ** 2 + (x[1] - 2) ** 2)  # doctest: +SKIP
    """
    found, _ = _run(by_nlopt.nloptwrap, par, fn, lower, upper, dict(control or {}))
    return {
        "par": found.theta,
        "fval": found.value,
        "feval": found.evaluations,
        "conv": found.code,
        "message": found.message,
    }


def nlminbwrap(
    par: ArrayLike,
    fn: Function,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    control: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Minimize a function within bounds by a quasi-Newton method with differences for derivatives.

    R's ``nlminb`` is the PORT library's; here it is SciPy's L-BFGS-B.

    Parameters
    ----------
    par
        ``(n,)`` where to begin.
    fn
        Function of ``(n,)`` variables.
    lower, upper
        ``(n,)`` bounds, or one for all; None for none.
    control
        ``eval.max``, ``iter.max``, ``rel.tol``.

    Returns
    -------
    dict
        ``par, fval, conv, message``.

    Examples
    --------
    >>> from pylmer import nlminbwrap
    >>> nlminbwrap([0.0, 0.0], lambda x: (x[0] - 1) ** 2 + (x[1] - 2) ** 2)["par"].round(5).tolist()
    [1.0, 2.0]
    """
    found, _ = _run(scipy_minimizers.nlminb, par, fn, lower, upper, dict(control or {}))
    return {"par": found.theta, "fval": found.value, "conv": found.code, "message": found.message}


def _run(
    minimizer: Minimizer,
    par: ArrayLike,
    fn: Function,
    lower: ArrayLike | None,
    upper: ArrayLike | None,
    settings: dict[str, object],
) -> tuple[Found, int]:
    start = np.array(par, dtype=np.float64).ravel()
    if not start.size or not np.isfinite(start).all():
        raise ModelError(f"par={par!r}: give at least one finite number")
    below, above = _bounds(lower, -np.inf, start, "lower"), _bounds(upper, np.inf, start, "upper")
    return minimizer(lambda x: float(fn(x)), start, below, settings, above), len(start)


def _bounds(given: ArrayLike | None, none: float, start: FloatArray, name: str) -> FloatArray:
    values = np.array(none if given is None else given, dtype=np.float64)
    if values.size not in (1, start.size):
        raise ModelError(f"{name} has {values.size} values: give {start.size}, or one for all")
    return np.broadcast_to(values.ravel(), start.shape).copy()
