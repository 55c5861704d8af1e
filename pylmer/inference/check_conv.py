"""lme4's ``checkConv``: gradient and Hessian at the optimum of a fit, and what is to be said of them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pylmer.arguments import check_arguments
from pylmer.errors import ConvergenceWarning, RMessage
from pylmer.methods.summary import SINGULAR
from pylmer.model import MerMod
from pylmer.optimize.convergence import Rules, derivatives, judge_derivatives
from pylmer.optimize.optimum import singular

FloatArray = NDArray[np.float64]

__all__ = ["ConvergenceCheck", "checkConv", "judge_derivatives"]


#: Part of a sentence, and lme4's code for it.
CODES = {
    "max|grad|": -1,
    "scaled gradient": -2,
    "degenerate": -3,
    "numerically singular": -4,
    "very large eigenvalue": 2,
    "eigenvalue ratio": 3,
}


@dataclass(frozen=True)
class ConvergenceCheck:
    """Gradient ``(m,)`` and Hessian ``(m, m)`` of the criterion at the optimum, and what lme4 says of them."""

    gradient: FloatArray
    hessian: FloatArray
    messages: tuple[str, ...]

    @property
    def codes(self) -> tuple[int, ...]:
        """lme4's codes: -1 gradient, -2 its scale, -3 and -4 Hessian degenerate or singular, 2 and 3 eigenvalues."""
        return tuple(code for key, code in CODES.items() if any(key in text for text in self.messages))

    @property
    def code(self) -> int:
        """The code of what was said last, 0 where there is nothing to say or the fit is singular."""
        return self.codes[-1] if self.codes else 0


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
    gradient, hessian = derivatives(model.criterion, model.par)
    if singular(model.theta, model.design.re.lower, tol_singular):
        messages: tuple[str, ...] = (SINGULAR,)
    else:
        messages = judge_derivatives(gradient, hessian, Rules(tol_grad, tol_hess))
    if not quiet:
        for text in messages:
            warnings.warn(text, RMessage if text == SINGULAR else ConvergenceWarning, stacklevel=2)
    return ConvergenceCheck(gradient, hessian, messages)
