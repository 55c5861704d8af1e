"""Profiles of variances and covariances, in place of standard deviations and correlations.

The profile of a variance is that of its standard deviation at squared values.  A covariance is a parameter of its own:
what is held is another curve through the covariances' space than where a correlation is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pylmer.inference.profile_focus import Focus
from pylmer.inference.profile_tracks import Point
from pylmer.model import MerMod

FloatArray = NDArray[np.float64]

__all__ = ["as_variances", "with_covariances"]


def with_covariances(model: MerMod, parameters: FloatArray, foci: Sequence[Focus]) -> FloatArray:
    """The parameters ``(P,)`` of a fit with covariances in place of correlations."""
    variances = _variances(model, model.theta, model.residual_sd)
    held = [f.place for f in foci if f.kind == "cov"]
    out = parameters.copy()
    out[held] = variances[held]
    return out


def as_variances(model: MerMod, points: Sequence[Point], focus: Focus) -> list[Point]:
    """The points of one profile with all standard deviations squared, and covariances for correlations."""
    held = np.square if focus.kind in ("sd", "sigma") else float
    out = []
    for point in points:
        parameters, value = point.parameters.copy(), float(held(point.value))
        if not np.isnan(point.zeta):
            parameters[: model.n_parameters - model.p] = _variances(model, point.theta, point.sigma)
            parameters[focus.place] = value
        out.append(replace(point, value=value, parameters=parameters))
    return out


def _variances(model: MerMod, theta: FloatArray, sigma: float) -> FloatArray:
    """Variances and covariances in theta's places, and sigma squared."""
    out, start = [], 0
    for t in model.criterion.terms:
        cols, rows = np.triu_indices(t.k)
        L = np.zeros((t.k, t.k))
        L[rows, cols] = theta[start : start + len(rows)]
        out.append(sigma**2 * (L @ L.T)[rows, cols])
        start += len(rows)
    return np.concatenate([*out, [sigma**2]])
