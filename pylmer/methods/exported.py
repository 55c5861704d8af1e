"""Small names that lme4 exports for its own use and for packages that build on it."""

from __future__ import annotations

import os

from pylmer.errors import ModelError
from pylmer.methods.simulate import simulate as _simulateFun

__all__ = ["_makeCC", "_simulateFun", "lme4_testlevel"]

ACTIONS = ("ignore", "message", "warning", "stop")


def _makeCC(action: str, tol: float, relTol: float | None = None) -> dict[str, object]:
    """Describe a check of convergence, as ``lmerControl(check_conv_grad=...)`` takes it.

    Parameters
    ----------
    action
        ``"ignore"``, ``"message"``, ``"warning"`` or ``"stop"``.
    tol
        Tolerance.
    relTol
        Relative tolerance, or None.

    Raises
    ------
    ModelError
        Another action, or no tolerance.

    Examples
    --------
    >>> from pylmer import _makeCC
    >>> _makeCC("warning", tol=2e-3)
    {'action': 'warning', 'tol': 0.002, 'relTol': None}
    """
    if action not in ACTIONS:
        raise ModelError(f"action={action!r}: choose one of {', '.join(map(repr, ACTIONS))}")
    if isinstance(tol, bool) or not isinstance(tol, int | float):
        raise ModelError(f"must have a numeric 'tol' component (met tol={tol!r})")
    return {"action": action, "tol": tol, "relTol": relTol}


def lme4_testlevel() -> int:
    """How much is tested, by the environment variable ``LME4_TEST_LEVEL``; 1 where it is not set.

    Examples
    --------
    >>> from pylmer import lme4_testlevel
    >>> lme4_testlevel() >= 0
    True
    """
    text = os.environ.get("LME4_TEST_LEVEL", "1")
    return int(text) if text.isdigit() else 1
