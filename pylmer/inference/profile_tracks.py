"""From the estimate to both sides: which values of a parameter are visited, all parameters abreast.

zeta is the signed square root of the deviance's increase.  A step aims at an increase of zeta by delta at the slope
between the last two points; a track ends at a bound, beyond the cutoff, or after so many points.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pylmer.criterion.criterion import Criterion
from pylmer.errors import ModelError, RWarning
from pylmer.inference.profile_criterion import Held, Minimum, minimize_held
from pylmer.inference.profile_focus import Focus

FloatArray = NDArray[np.float64]

__all__ = ["Estimate", "Steps", "walk"]

SMALLEST_STEP = 1e-6
FIRST_STEP, FIRST_STEP_FROM_ZERO = 1.01, 0.001
#: A deviance lower than the fit's by this share of its size is rounding.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Steps:
    """Settings: zeta where a track ends, aim of a step, number of points, longest step beside the last, tolerance."""

    cutoff: float
    delta: float
    most: int
    longest: float
    devtol: float


@dataclass(frozen=True)
class Estimate:
    """The ML fit: deviance, theta, sigma, all parameters and the standard errors of the fixed effects."""

    deviance: float
    theta: FloatArray
    sigma: float
    parameters: FloatArray
    standard_errors: FloatArray


@dataclass(frozen=True)
class Point:
    """One row of a profile."""

    value: float
    zeta: float
    theta: FloatArray
    sigma: float
    parameters: FloatArray


@dataclass
class _Track:
    """One parameter, one direction."""

    focus: Focus
    points: list[Point]
    ended: bool = field(default=False)

    def near(self, value: float) -> Point:
        """The line through the last two points, at a value: where to begin."""
        before, last = self.points[-2:]
        ahead = (value - last.value) / (last.value - before.value)
        theta = last.theta + ahead * (last.theta - before.theta)
        sigma = last.sigma * (last.sigma / before.sigma) ** ahead
        return replace(last, theta=theta, sigma=sigma)

    def next_value(self, steps: Steps, name: str) -> float | None:
        """Where to go next; None at the end."""
        before, last = self.points[-2:]
        f = self.focus
        if self.ended or len(self.points) >= steps.most or not f.lower < last.value < f.upper:
            return None
        if not abs(last.zeta) <= steps.cutoff:
            return None
        moved, rise = last.value - before.value, last.zeta - before.zeta
        if rise == 0:
            warnings.warn("Last two rows have identical or NA .zeta values: using minstep", RWarning, stacklevel=5)
            step = SMALLEST_STEP
        elif moved / rise < 0:
            warnings.warn(f"unexpected decrease in profile: using minstep ({name})", RWarning, stacklevel=5)
            step = SMALLEST_STEP
        else:
            step = min(steps.delta * moved / rise, steps.longest * abs(moved))
        return min(f.upper, max(f.lower, last.value + math.copysign(step, moved)))


def walk(
    criterion: Criterion, estimate: Estimate, chosen: Sequence[Focus], names: Sequence[str], steps: Steps
) -> list[list[Point]]:
    """Profile each chosen parameter: its points by increasing value, the estimate among them."""
    top = [Point(float(estimate.parameters[f.place]), 0.0, estimate.theta, estimate.sigma, estimate.parameters)
           for f in chosen]  # fmt: skip
    firsts = [_first(f, t.value, estimate, steps) for f, t in zip(chosen, top, strict=True)]
    shifted = _solve(criterion, estimate, chosen, top, firsts, names, steps)
    tracks = [_Track(f, [t, s]) for f, t, s in zip(chosen, top, shifted, strict=True)]
    tracks += [_Track(f, [s, t]) for f, t, s in zip(chosen, top, shifted, strict=True)]
    while True:
        todo = [(t, v) for t in tracks if (v := t.next_value(steps, names[t.focus.place])) is not None]
        if not todo:
            break
        near = [t.near(v) for t, v in todo]
        found = _solve(criterion, estimate, [t.focus for t, _ in todo], near, [v for _, v in todo], names, steps)
        for (t, _), point in zip(todo, found, strict=True):
            t.points.append(point)
            t.ended = math.isnan(point.zeta)
    out = []
    for up, down in zip(tracks[: len(chosen)], tracks[len(chosen) :], strict=True):
        rows = {p.value: p for p in [*up.points, *down.points]}
        out.append([rows[v] for v in sorted(rows)])
    return out


def _first(focus: Focus, value: float, estimate: Estimate, steps: Steps) -> float:
    """One per cent from the estimate; for a fixed effect, delta standard errors."""
    if focus.kind == "beta":
        j = focus.place - len(estimate.theta) - 1
        return value + steps.delta * float(estimate.standard_errors[j])
    if value == 0:
        return FIRST_STEP_FROM_ZERO
    first = FIRST_STEP * value
    return first if focus.lower < first < focus.upper else value / FIRST_STEP


def _solve(
    criterion: Criterion,
    estimate: Estimate,
    foci: Sequence[Focus],
    near: Sequence[Point],
    values: Sequence[float],
    names: Sequence[str],
    steps: Steps,
) -> list[Point]:
    problems = [Held(f, v, p.theta, p.sigma) for f, v, p in zip(foci, values, near, strict=True)]
    found = minimize_held(criterion, problems)
    return [_point(h, m, estimate, names[h.focus.place], steps) for h, m in zip(problems, found, strict=True)]


def _point(held: Held, found: Minimum, estimate: Estimate, name: str, steps: Steps) -> Point:
    rise = found.deviance - estimate.deviance
    if not math.isfinite(rise):
        warnings.warn(f"NAs detected in profiling ({name} = {held.value:.6g})", RWarning, stacklevel=5)
        return Point(held.value, math.nan, held.theta, held.sigma, np.full_like(found.parameters, np.nan))
    if rise < -max(steps.devtol, ROUNDING * abs(estimate.deviance)):
        raise ModelError(
            f"profiling detected new, lower deviance: with {name} = {held.value:.6g} it is {-rise:.3g} below the "
            "fit's; fit again with start= from there, or with other settings of lmerControl"
        )
    zeta = math.copysign(math.sqrt(max(rise, 0.0)), held.value - float(estimate.parameters[held.focus.place]))
    return Point(held.value, zeta, found.theta, found.sigma, found.parameters)
