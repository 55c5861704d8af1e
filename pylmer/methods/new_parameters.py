"""The same model at other parameters: what simulations with ``newparams`` are drawn from."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pylmer.control import LmerControl
from pylmer.criterion.criterion import PLSState, mkLmerDevfun
from pylmer.errors import ModelError, RMessage, RWarning
from pylmer.formula.ast import call
from pylmer.formula.lformula import lFormula
from pylmer.formula.parse import Formula, as_formula
from pylmer.model import MerMod
from pylmer.optimize.optimum import OptResult

FloatArray = NDArray[np.float64]

__all__ = ["model_of_formula", "with_parameters"]

NAMES = ("beta", "theta", "sigma")


def with_parameters(model: MerMod, newparams: Mapping[str, object], stacklevel: int = 3) -> MerMod:
    """Return the model with other fixed effects, theta or sigma; its spherical random effects stay.

    Parameters
    ----------
    model
        A fit.
    newparams
        ``beta`` (p,), ``theta`` (m,), ``sigma``: what is not given stays. Named values (Series, dict) go by their
        names, others in the model's order.
    stacklevel
        Frame that warnings point to.

    Raises
    ------
    ModelError
        Another name, or the wrong number of values.
    """
    if not newparams or not set(newparams) <= set(NAMES):
        raise ModelError(
            "params should be specifed as a list with elements from {'beta', 'theta', 'sigma'}; "
            f"newparams has {', '.join(map(repr, newparams)) or 'none'}"
        )
    if len(newparams) < len(NAMES):
        warnings.warn("some parameters not specified in setParams()", RWarning, stacklevel=stacklevel)
    state, re = model.state, model.design.re
    theta, beta, sigma = model.opt.theta, state.beta, model.residual_sd
    if "theta" in newparams:
        if any(t.structure != "us" for t in re.terms):
            raise ModelError("newparams has 'theta': give none for a model with structured covariances")
        theta = _values(newparams["theta"], "theta", re.theta_names, stacklevel)
    if "beta" in newparams:
        beta = _values(newparams["beta"], "beta", model.design.X_names, stacklevel)
    if "sigma" in newparams:
        sigma = float(np.asarray(newparams["sigma"], dtype=np.float64))
        if not sigma >= 0:
            raise ModelError(f"newparams has sigma={sigma}: give a number that is not negative")
    changed = replace(model, opt=replace(model.opt, theta=theta))
    b = tuple(u @ L.T for u, L in zip(state.u, changed.L, strict=True))
    pwrss = sigma**2 * model.nu
    # takes the place of the state that the criterion would give at this theta: beta and sigma are not its optimum
    changed.__dict__["state"] = replace(state, theta=theta, beta=beta, b=b, pwrss=pwrss)
    return changed


def model_of_formula(formula: str | Formula, data: object, weights: object = None) -> MerMod:
    """Return a model without a fit: the design of a formula over a table, at theta's start."""
    rhs_only = Formula.of(call("~", as_formula(formula).rhs))
    design = lFormula(rhs_only, data, weights=weights, control=_NoResponse())
    criterion = mkLmerDevfun(design)
    m = len(criterion.lower)
    start = np.concatenate([t.start for t in criterion.terms])
    opt = OptResult(start, float("nan"), np.zeros(m), np.eye(m), 0, 0, optimizer="none")
    model = MerMod(design, criterion, opt, LmerControl())
    nothing = tuple(np.zeros((t.J, t.k)) for t in design.re.terms)
    p, nan = design.p, float("nan")
    # there is no response that a state could be solved for
    model.__dict__["state"] = PLSState(
        start, nan, np.zeros(p), nothing, nothing, np.eye(p), nan, nan, float(model.nu), 0.0
    )
    return model


@dataclass(frozen=True)
class _NoResponse:
    """Checks as ever, but a formula needs no response."""

    check_formula_LHS: str = "ignore"


def _values(given: object, what: str, names: Sequence[str], stacklevel: int) -> FloatArray:
    """Values in the model's order."""
    if isinstance(given, (pd.Series, Mapping)):
        named = dict(given.items())
        if set(named) != set(names):
            raise ModelError(
                f"mismatch between {what} parameter vector names and internal names: "
                f"newparams has {', '.join(map(str, named))}, the model {', '.join(names)}"
            )
        given = [named[name] for name in names]
    else:
        text = f"{what} parameter vector not named: assuming same order as internal vector"
        warnings.warn(text, RMessage, stacklevel=stacklevel + 1)
    values = np.atleast_1d(np.asarray(_numbers(given), dtype=np.float64))
    if values.shape != (len(names),) or not np.isfinite(values).all():
        raise ModelError(
            f"length mismatch in {what}: newparams has {values.tolist()}, the model needs {len(names)} finite numbers: "
            + ", ".join(names)
        )
    return values


def _numbers(given: object) -> ArrayLike:
    return given  # type: ignore[return-value]
