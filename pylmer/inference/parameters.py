"""The parameters that intervals are given for: standard deviations, correlations, sigma, fixed effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pylmer.criterion.criterion import Criterion
from pylmer.errors import ModelError
from pylmer.linalg.small import lower_inverse
from pylmer.model import MerMod

FloatArray = NDArray[np.float64]

__all__ = [
    "Estimates",
    "Parm",
    "chosen_parameters",
    "estimates",
    "parameter_names",
    "parameters",
    "parameters_of",
]

Parm = str | int | Sequence[str] | Sequence[int] | None


def parameter_names(model: MerMod, oldNames: bool = True) -> list[str]:
    """Names in lme4's order: ``.sig01`` ... ``.sigma``, fixed effects; or ``sd_(Intercept)|g``, ``cor_x.y|g``."""
    names: list[str] = []
    for t in model.design.re.terms:
        for j in range(t.k):
            for i in range(j, t.k):
                if i == j:
                    names.append(f"sd_{t.names[j]}|{t.group}")
                else:
                    names.append(f"cor_{t.names[i]}.{t.names[j]}|{t.group}")
    if oldNames:
        names = [f".sig{i + 1:02d}" for i in range(len(names))]
    return [*names, ".sigma" if oldNames else "sigma", *model.design.X_names]


def sd_and_correlations(theta: FloatArray, sigma: FloatArray, term_sizes: Sequence[int]) -> FloatArray:
    """theta ``(R, m)`` and sigma ``(R,)`` to standard deviations and correlations, in theta's places.

    A correlation with a standard deviation of zero is NaN.
    """
    out = np.empty_like(theta)
    start = 0
    for k in term_sizes:
        stop = start + k * (k + 1) // 2
        cols, rows = np.triu_indices(k)
        L = np.zeros((len(theta), k, k))
        L[:, rows, cols] = theta[:, start:stop]
        G = L @ L.swapaxes(-1, -2)
        sd = np.sqrt(np.diagonal(G, axis1=-2, axis2=-1))
        with np.errstate(invalid="ignore"):
            cor = G / (sd[:, :, None] * sd[:, None, :])
        block = np.where(rows == cols, (sd * sigma[:, None])[:, cols], cor[:, rows, cols])
        out[:, start:stop] = block
        start = stop
    return out


@dataclass(frozen=True)
class Estimates:
    """What R fits to different responses have found.

    Parameters
    ----------
    par
        ``(R, m)`` what was optimized.
    sigma
        ``(R,)`` residual standard deviations.
    beta
        ``(R, p)`` fixed effects.
    V
        ``(R, p, p)`` their covariances.
    """

    par: FloatArray
    sigma: FloatArray
    beta: FloatArray
    V: FloatArray


def estimates(criterion: Criterion, par: FloatArray) -> Estimates:
    """Solve for sigma and the fixed effects of R fits, at their optima ``(R, m)``."""
    parts = [(np.empty(0), np.empty((0, criterion.p)), np.empty((0, criterion.p, criterion.p)))]
    for first in range(0, len(par), criterion.chunk):
        rows = np.arange(first, min(first + criterion.chunk, len(par)))
        if len(rows) == 1 < criterion.chunk:
            rows = np.repeat(rows, 2)  # one alone goes another way to other last digits
        s = criterion.solution(par[rows], criterion.responses.take(rows))
        sigma = np.sqrt(s.r2 / criterion.nu)
        inverse = lower_inverse(s.chol)
        root = inverse[:, :-1, :-1] * sigma[:, None, None]
        beta = -inverse[:, -1, :-1] / inverse[:, -1, -1:]
        parts.append((sigma, beta, root.swapaxes(-1, -2) @ root))
    sigma, beta, V = (np.concatenate(column)[: len(par)] for column in zip(*parts, strict=True))
    return Estimates(par, sigma, criterion.beta0 + beta, V)


def parameters(criterion: Criterion, par: FloatArray) -> FloatArray:
    """``(R, m + 1 + p)``: the parameters of R fits with different responses."""
    found = estimates(criterion, par)
    random = sd_and_correlations(criterion.theta_of(par), found.sigma, [t.k for t in criterion.terms])
    return np.column_stack([random, found.sigma, found.beta])


def parameters_of(model: MerMod) -> FloatArray:
    """``(m + 1 + p,)``: the parameters of one fit."""
    random = sd_and_correlations(
        model.theta[None], np.array([model.residual_sd]), [t.k for t in model.criterion.terms]
    )[0]
    return np.concatenate([random, [model.residual_sd], model.beta])


def chosen_parameters(parm: Parm, names: Sequence[str], variances: int) -> list[int]:
    """Positions of the parameters asked for.

    Parameters
    ----------
    parm
        Names, positions counted from 0, ``"theta_"`` (the first ``variances``) or ``"beta_"`` (the others); None: all.
    names
        All parameters.
    variances
        How many of them, the first, are not fixed effects.

    Raises
    ------
    ModelError
        What is asked for is not there.
    """
    if parm is None:
        return list(range(len(names)))
    if isinstance(parm, str) and parm == "theta_":
        return list(range(variances))
    if isinstance(parm, str) and parm == "beta_":
        return list(range(variances, len(names)))
    wanted: list[str | int] = [parm] if isinstance(parm, str | int) else list(parm)
    out = []
    for one in wanted:
        if isinstance(one, str) and one in names:
            out.append(list(names).index(one))
        elif not isinstance(one, str) and -len(names) <= one < len(names):
            out.append(range(len(names))[one])
        else:
            raise ModelError(f"parm={one!r} is not a parameter: choose among {', '.join(names)}")
    return out
