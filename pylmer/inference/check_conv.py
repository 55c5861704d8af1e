"""Whether an optimum is one: gradient and Hessian judged as lme4's ``checkConv`` judges them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pylmer.arguments import check_arguments
from pylmer.errors import ConvergenceWarning, RMessage
from pylmer.methods.summary import SINGULAR
from pylmer.model import MerMod
from pylmer.optimize.optimum import singular

FloatArray = NDArray[np.float64]

__all__ = ["ConvergenceCheck", "checkConv", "judge_derivatives"]

STEP = 1e-4


@dataclass(frozen=True)
class ConvergenceCheck:
    """Gradient ``(m,)`` and Hessian ``(m, m)`` of the criterion at the optimum, and what lme4 says of them."""

    gradient: FloatArray
    hessian: FloatArray
    messages: tuple[str, ...]

    @property
    def code(self) -> int:
        """0 where there is nothing to say, else -1."""
        return -1 if self.messages else 0


def checkConv(
    model: MerMod, tol_grad: float = 2e-3, tol_hess: float = 1e-6, tol_singular: float = 1e-4, quiet: bool = False
) -> ConvergenceCheck:
    """Check the optimum of a fit as lme4 does after optimization.

    The gradient is exact, the Hessian a central difference of exact gradients.

    Parameters
    ----------
    model
        A fit.
    tol_grad
        Largest (scaled) gradient that passes.
    tol_hess
        Smallest eigenvalue, and smallest ratio of eigenvalues, of the Hessian that pass.
    tol_singular
        A diagonal element of L below it makes the fit singular: nothing else is judged then.
    quiet
        Return the messages without giving them as warnings too.

    Examples
    --------
    >>> from pylmer import checkConv, datasets, lmer
    >>> checkConv(lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())).messages
    ()
    """
    check_arguments(checkConv, locals())
    criterion, par = model.criterion, model.par
    m = len(par)
    steps = np.eye(m) * STEP * np.maximum(1.0, np.abs(par))
    slopes = np.array([criterion.evaluate((par + step)[None]).gradient[0] for step in (*steps, *-steps)])
    hessian = (slopes[:m] - slopes[m:]) / (2.0 * np.diag(steps)[:, None])
    hessian = 0.5 * (hessian + hessian.T)
    gradient = criterion.evaluate(par[None]).gradient[0]
    if singular(model.theta, model.design.re.lower, tol_singular):
        messages: tuple[str, ...] = (SINGULAR,)
    else:
        messages = judge_derivatives(gradient, hessian, tol_grad, tol_hess)
    if not quiet:
        for text in messages:
            warnings.warn(text, RMessage if text == SINGULAR else ConvergenceWarning, stacklevel=2)
    return ConvergenceCheck(gradient, hessian, messages)


def judge_derivatives(
    gradient: FloatArray, hessian: FloatArray, tol_grad: float = 2e-3, tol_hess: float = 1e-6
) -> tuple[str, ...]:
    """What lme4 says of a gradient ``(m,)`` and a Hessian ``(m, m)``.

    A component of the gradient counts by the smaller of itself and its part of the gradient scaled by the Cholesky
    factor of the Hessian.
    """
    said: list[str] = []
    try:
        scaled = np.linalg.solve(np.linalg.cholesky(hessian).T, gradient)
    except np.linalg.LinAlgError:
        said.append("unable to evaluate scaled gradient")
    else:
        largest = float(np.minimum(np.abs(scaled), np.abs(gradient)).max())
        if largest > tol_grad:  # lme4 says "component 1" whichever it is
            said.append(f"Model failed to converge with max|grad| = {largest:g} (tol = {tol_grad:g}, component 1)")
    values = np.linalg.eigvalsh(hessian)
    negative = int((values < -tol_hess).sum())
    if negative:
        said.append(f"Model failed to converge: degenerate  Hessian with {negative} negative eigenvalues")
    elif (np.abs(values) < tol_hess).any():
        said.append(" Hessian is numerically singular: parameters are not uniquely determined")
    else:
        if values[-1] * tol_hess > 1.0:
            said.append("Model is nearly unidentifiable: very large eigenvalue\n - Rescale variables?")
        if abs(values[0] / values[-1]) < tol_hess:
            said.append("Model is nearly unidentifiable: large eigenvalue ratio\n - Rescale variables?")
    return tuple(said)
