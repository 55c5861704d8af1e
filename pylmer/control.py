"""Settings of a fit: frozen, validated once (lme4's ``lmerControl``)."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Literal

from pylmer.arguments import check_arguments, refuse_unused, shown
from pylmer.errors import ModelError

__all__ = ["LmerControl", "default_control", "lmerControl"]

Check = Literal["ignore", "message", "warning", "stop"]
RankCheck = Literal["message+drop.cols", "silent.drop.cols", "warn+drop.cols", "stop.deficient", "ignore"]
ScaleCheck = Literal["warning", "stop", "message+rescale", "warn+rescale", "ignore"]

_CHECKS = ("ignore", "message", "warning", "stop")
_ALLOWED: dict[str, tuple[str, ...]] = {
    "optimizer": ("newton", "nloptwrap", "bobyqa", "Nelder_Mead", "nlminbwrap", "optimx"),
    "check_nobs_vs_rankZ": (*_CHECKS, "warningSmall", "stopSmall"),
    "check_nobs_vs_nlev": _CHECKS,
    "check_nlev_gtreq_5": _CHECKS,
    "check_nlev_gtr_1": _CHECKS,
    "check_nobs_vs_nRE": _CHECKS,
    "check_rankX": ("message+drop.cols", "silent.drop.cols", "warn+drop.cols", "stop.deficient", "ignore"),
    "check_scaleX": ("warning", "stop", "silent.rescale", "message+rescale", "warn+rescale", "ignore"),
    "check_formula_LHS": _CHECKS,
    "mod_type": ("lmer",),
    "check_conv_singular": _CHECKS,
    "check_conv_grad": ("ignore", "warning", "stop"),
    "check_conv_hess": ("ignore", "warning", "stop"),
}
#: Settings of lme4's that have one value here, and why.
_NOT_THERE = {
    "use_last_params": "a fit is given at the best parameters met, which are the last ones too",
    "sparseX": "the fixed-effects matrix is dense, as in lme4 unless asked otherwise",
    "standardize_X": "it is not implemented in lme4 either",
}
#: Checks that may come with a tolerance of their own.
_WITH_TOLERANCE = ("check_conv_grad", "check_conv_hess", "check_conv_singular")


@dataclass(frozen=True)
class LmerControl:
    """Settings of ``lmer``; see :func:`lmerControl`."""

    optimizer: str = "newton"
    optCtrl: Mapping[str, object] = field(default_factory=dict, hash=False)
    restart_edge: bool = True
    boundary_tol: float = 1e-5
    check_nobs_vs_rankZ: str = "ignore"
    check_nobs_vs_nlev: str = "stop"
    check_nlev_gtreq_5: str = "ignore"
    check_nlev_gtr_1: str = "stop"
    check_nobs_vs_nRE: str = "stop"
    check_rankX: str = "message+drop.cols"
    check_scaleX: str = "warning"
    check_conv_singular: str = "message"
    check_conv_grad: str = "warning"
    check_conv_hess: str = "warning"
    calc_derivs: bool = True
    check_formula_LHS: str = "stop"
    use_last_params: bool = False
    sparseX: bool = False
    standardize_X: bool = False
    mod_type: str = "lmer"
    grad_tol: float = 2e-3
    hess_tol: float = 1e-6
    singular_tol: float = 1e-4
    tolerance: float = 1e-9
    max_evaluations: int = 200
    max_memory: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.optCtrl, Mapping):
            raise ModelError(f"optCtrl={shown(self.optCtrl)}: give a dict of the optimizer's settings")
        check_arguments(LmerControl.__init__, vars(self) | {"self": self})
        for name, allowed in _ALLOWED.items():
            value = getattr(self, name)
            if value not in allowed:
                near = difflib.get_close_matches(value, allowed, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(map(repr, allowed))}"
                raise ModelError(f"{name}={shown(value)} is not known; {hint}")
        for name in ("use_last_params", "sparseX", "standardize_X"):
            if getattr(self, name):
                raise ModelError(f"{name}=True is not there: {_NOT_THERE[name]}; leave it at False")
        for name in ("boundary_tol", "singular_tol", "grad_tol", "hess_tol", "tolerance"):
            if not getattr(self, name) >= 0:
                raise ModelError(f"{name}={getattr(self, name)!r} must be a number not below 0")
        if self.max_memory is not None and not self.max_memory > 0:
            raise ModelError(f"max_memory={self.max_memory!r} must be a positive number of bytes")
        if self.max_evaluations < 1:
            raise ModelError(f"max_evaluations={self.max_evaluations!r} must be at least 1")


@cache
def default_control() -> LmerControl:
    """The settings of a fit that names none: made and checked once."""
    return LmerControl()


def lmerControl(optimizer: str | Callable[..., object] = "newton", **settings: object) -> LmerControl:
    """Settings for ``lmer(control=...)``.

    Parameters
    ----------
    optimizer
        ``"newton"`` (the default: exact derivatives), or one of lme4's: ``"nloptwrap"`` (NLopt with R's start and
        settings, which walks through the same points as R's default; needs the package nlopt), ``"bobyqa"`` (NLopt's,
        with the radii of minqa), ``"Nelder_Mead"`` (lme4's, step for step), ``"nlminbwrap"`` and ``"optimx"``
        (SciPy's); a function of pylmer's, such as ``pylmer.nloptwrap``, stands for its name.
    **settings
        ``optCtrl`` (a dict of settings of lme4's optimizers, such as ``{"maxeval": 500}``), ``restart_edge`` (whether
        these start once more from a boundary whose slope points inside; True), ``boundary_tol`` (1e-5: a diagonal
        element of theta below it is set to 0 where the criterion is not worse), ``singular_tol`` (1e-4), ``tolerance``
        (1e-9: expected decrease of the criterion at which a Newton step is the last), ``max_evaluations`` (200),
        ``max_memory`` (bytes that the random effects may take, by default what is available: a model that is estimated
        to need more is refused), and lme4's checks with dots as underscores: ``check_nobs_vs_rankZ``,
        ``check_nobs_vs_nlev``, ``check_nlev_gtreq_5``, ``check_nlev_gtr_1``, ``check_nobs_vs_nRE``, ``check_rankX``,
        ``check_scaleX``, ``check_formula_LHS``, ``check_conv_singular``, ``check_conv_grad``, ``check_conv_hess``
        (these three also as a dict, ``{"action": "warning", "tol": 1e-3}``) and ``calc_derivs`` (whether gradient
        and Hessian at the optimum are judged; True). ``use_last_params``, ``sparseX`` and ``standardize_X`` can only
        be False, ``mod_type`` only ``"lmer"``.

    Raises
    ------
    ModelError
        An unknown setting or value; the known ones are listed.

    Examples
    --------
    >>> lmerControl(check_rankX="stop.deficient").check_rankX
    'stop.deficient'
    """
    known = [f.name for f in fields(LmerControl)]
    unused = {str(name): value for name, value in settings.items() if name not in known}
    if unused:
        refuse_unused("lmerControl", known, unused)
    if callable(optimizer):
        optimizer = str(getattr(optimizer, "__name__", optimizer))
    for name in _WITH_TOLERANCE:
        given = settings.get(name)
        if isinstance(given, Mapping):
            settings |= _with_tolerance(name, given)
    return LmerControl(optimizer, **settings)  # type: ignore[arg-type]


def _with_tolerance(name: str, given: Mapping[str, object]) -> dict[str, object]:
    """``{"action": "warning", "tol": 1e-3}`` is what R makes by ``.makeCC``."""
    if "action" not in given or set(given) - {"action", "tol", "relTol"} or given.get("relTol") is not None:
        raise ModelError(f"{name}={dict(given)!r}: give a dict of 'action' and 'tol' (and no relTol)")
    tol = {f"{name.removeprefix('check_conv_')}_tol": given["tol"]} if "tol" in given else {}
    return {name: given["action"], **tol}
