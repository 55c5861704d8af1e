"""Whether an optimum is one: gradient and Hessian judged as lme4's ``checkConv`` judges them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from pylmer.optimize.newton import Evaluated

FloatArray = NDArray[np.float64]

__all__ = ["Rules", "about_gradient", "derivatives", "judge_derivatives", "needs_a_look"]

NO_SCALE = "unable to evaluate scaled gradient"
#: Step of the differences of gradients: at most this part of theta, or of 1, and no change of the criterion by more
#: than the square of the second.
STEP, CURVED_STEP = 1e-4, 1e-2
#: So much nearer to a limit than allowed, the approximate Hessian of Newton's method is not trusted with the answer;
#: its largest eigenvalue is right to some percent, and is trusted nearer to its limit.
MARGIN, MARGIN_ABOVE = 30.0, 3.0


@dataclass(frozen=True)
class Rules:
    """Largest (scaled) gradient, and smallest eigenvalue of the Hessian, that pass; None where it is not looked at."""

    gradient: float | None = 2e-3
    hessian: float | None = 1e-6


class HasGradient(Protocol):
    """A criterion with exact gradients."""

    def evaluate(self, theta: FloatArray) -> Evaluated:
        """Value, gradient and Hessian."""


def derivatives(criterion: HasGradient, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Exact gradient ``(m,)`` at theta ``(m,)``; Hessian ``(m, m)``, a central difference of exact gradients."""
    here = criterion.evaluate(theta[None])
    curved = np.sqrt(np.maximum(np.abs(np.diagonal(here.hessian[0])), 1e-300))
    sizes = np.minimum(STEP * np.maximum(1.0, np.abs(theta)), CURVED_STEP / curved)
    m, steps = len(theta), np.diag(sizes)
    slopes = np.array([criterion.evaluate((theta + step)[None]).gradient[0] for step in (*steps, *-steps)])
    hessian = (slopes[:m] - slopes[m:]) / (2.0 * sizes[:, None])
    return here.gradient[0], 0.5 * (hessian + hessian.T)


def needs_a_look(hessian: FloatArray, rules: Rules) -> bool:
    """Whether the Hessian that Newton's method worked with ``(m, m)`` comes near a limit: the exact one must tell."""
    if rules.hessian is None or not math.isfinite(np.add.reduce(hessian, axis=None)):
        return False
    if len(hessian) == 1:
        return _near_a_limit(float(hessian[0, 0]), float(hessian[0, 0]), rules.hessian)
    factor, info = lapack.dpotrf(hessian, lower=1)
    if info == 0:  # bounds of the eigenvalues first: they cost less
        inverse, _ = lapack.dtrtri(factor, lower=1)
        above, below = float(hessian.trace()), 1.0 / float(np.vdot(inverse, inverse))
        if not _near_a_limit(below, above, rules.hessian):
            return False
    values = np.linalg.eigvalsh(hessian)
    return _near_a_limit(float(values[0]), float(values[-1]), rules.hessian)


def _near_a_limit(lowest: float, highest: float, tol: float) -> bool:
    """Whether eigenvalues within these come near a limit."""
    return lowest < MARGIN * tol * max(highest, 1.0) or highest * tol * MARGIN_ABOVE > 1.0


def about_gradient(text: str) -> bool:
    """Whether a sentence of :func:`judge_derivatives` is about the gradient, and not about the Hessian."""
    return text == NO_SCALE or "gradient" in text or "max|grad|" in text


def judge_derivatives(gradient: FloatArray, hessian: FloatArray, rules: Rules = Rules()) -> tuple[str, ...]:
    """What lme4 says of a gradient ``(m,)`` and a Hessian ``(m, m)``.

    A component of the gradient counts by the smaller of itself and its part of the gradient scaled by the Cholesky
    factor of the Hessian.  Nothing is said of derivatives that are not finite.
    """
    if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
        return ()
    said = [] if rules.gradient is None else _of_gradient(gradient, hessian, rules.gradient)
    return (*said, *([] if rules.hessian is None else _of_hessian(hessian, rules.hessian)))


def _of_gradient(gradient: FloatArray, hessian: FloatArray, tol: float) -> list[str]:
    try:
        scaled = np.linalg.solve(np.linalg.cholesky(hessian).T, gradient)
    except np.linalg.LinAlgError:
        return [NO_SCALE]
    largest = float(np.minimum(np.abs(scaled), np.abs(gradient)).max())
    if largest > tol:  # lme4 says "component 1" whichever it is
        return [f"Model failed to converge with max|grad| = {largest:.6g} (tol = {tol:g}, component 1)"]
    return []


def _of_hessian(hessian: FloatArray, tol: float) -> list[str]:
    values = np.linalg.eigvalsh(hessian)
    negative = int((values < -tol).sum())
    if negative:
        return [f"Model failed to converge: degenerate  Hessian with {negative} negative eigenvalues"]
    if (np.abs(values) < tol).any():
        return [" Hessian is numerically singular: parameters are not uniquely determined"]
    said = []
    if values[-1] * tol > 1.0:
        said.append("Model is nearly unidentifiable: very large eigenvalue\n - Rescale variables?")
    if abs(values[0] / values[-1]) < tol:
        said.append("Model is nearly unidentifiable: large eigenvalue ratio\n - Rescale variables?")
    return said
