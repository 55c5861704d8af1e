"""Whose optimum is better: same, ours better, theirs better, or a different basin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rcompare.results import Labelled, Results

__all__ = ["VERDICTS", "Optimum", "judge_optimum", "path"]

FloatArray = NDArray[np.float64]

VERDICTS = ("same", "ours better", "theirs better", "different basin")

SAME = 1e-6
"""Criteria closer than this are the same optimum."""

BARRIER = 1e-3
"""A rise of the criterion along the way from one optimum to the other that makes two basins of them."""


@dataclass(frozen=True)
class Optimum:
    """The verdict on two optima.

    Parameters
    ----------
    verdict
        One of :data:`VERDICTS`.
    ours, theirs, tight
        Criteria: ours, where the reference's own optimizer stopped, and the reference's tight optimum (NaN if unknown).
    distance
        Largest difference between the two thetas.
    barrier
        How far the criterion rises between them above the higher of the two; NaN where it could not be asked.
    acceptable
        Whether ours is not above the reference by more than is allowed.
    slope_ours, slope_theirs
        Largest entry of our exact gradient at our optimum and at theirs, bounds left out; NaN where it is not known.
    """

    verdict: str
    ours: float
    theirs: float
    tight: float
    distance: float
    barrier: float
    acceptable: bool
    slope_ours: float = float("nan")
    slope_theirs: float = float("nan")

    @property
    def gap(self) -> float:
        """Ours minus theirs; negative when ours is better."""
        return self.ours - self.theirs

    @property
    def tight_gap(self) -> float:
        """Ours minus the reference's tight optimum."""
        return self.ours - self.tight

    @property
    def sentence(self) -> str:
        """The verdict with its evidence."""
        text = f"{self.verdict}: gap {self.gap:+.2g}"
        if np.isfinite(self.tight):
            text += f", to R's tight optimum {self.tight_gap:+.2g}"
        if np.isfinite(self.slope_ours) and np.isfinite(self.slope_theirs):
            text += f"; gradient {self.slope_ours:.1g} here, {self.slope_theirs:.1g} there"
        if np.isfinite(self.barrier) and self.verdict == "different basin":
            text += f", barrier {self.barrier:.2g}"
        return text


def judge_optimum(
    ours: Results,
    theirs: Results,
    criterion: Callable[[FloatArray], FloatArray] | None = None,
    allowed: float = SAME,
    ours_at: Results | None = None,
    ours_here: Results | None = None,
) -> Optimum:
    """Judge two optima by their criteria, and by what lies between them where the criterion can be asked.

    Parameters
    ----------
    ours, theirs
        Answers with ``criterion`` and ``theta``.
    criterion
        Criterion at each row of an (m, k) array of thetas.
    allowed
        How far ours may be above theirs.
    ours_at
        Our answers (or a judge's) at their theta, for the gradient there.
    ours_here
        A judge's answers at our theta, where our own have no gradient.
    """
    a, b = ours.number("criterion"), theirs.number("criterion")
    tight_value = theirs.tight.get("criterion")
    tight = float(tight_value.values) if isinstance(tight_value, Labelled) else float("nan")
    x, y = _theta(ours), _theta(theirs)
    comparable = x.shape == y.shape
    distance = float(np.max(np.abs(x - y), initial=0.0)) if comparable else float("inf")
    barrier = float("nan")
    if criterion is not None and comparable and distance > 1e-2:
        between = criterion(path(x, y, _sizes(theirs), np.linspace(0.0, 1.0, 11)[1:-1]))
        barrier = float(np.max(between) - max(a, b))
    if np.isfinite(barrier) and barrier > BARRIER:
        verdict = "different basin"
    elif abs(a - b) <= SAME:
        verdict = "same"
    else:
        verdict = "ours better" if a < b else "theirs better"
    slopes = _slope(ours if ours_here is None else ours_here), float("nan") if ours_at is None else _slope(ours_at)
    return Optimum(verdict, a, b, tight, distance, barrier, a - b <= allowed, *slopes)


def _slope(results: Results) -> float:
    """Largest entry of the gradient, where theta is not held by a bound."""
    gradient, theta, lower = (results.values.get(name) for name in ("gradient", "theta", "lower"))
    if not (isinstance(gradient, Labelled) and isinstance(theta, Labelled) and isinstance(lower, Labelled)):
        return float("nan")
    free = ~((theta.values <= lower.values + 1e-12) & (gradient.values >= 0))
    return float(np.max(np.abs(gradient.values), initial=0.0, where=free))


def path(x: FloatArray, y: FloatArray, sizes: tuple[int, ...], steps: FloatArray) -> FloatArray:
    """Thetas on the way from one optimum to another: the relative covariances LL' of each term mixed linearly.

    Mixing covariances, and not thetas, makes the way independent of the signs and rotations that leave LL' as it is.

    Parameters
    ----------
    x, y
        ``(m,)`` thetas.
    sizes
        k of each term; the lower triangles of k columns stand one after the other.
    steps
        ``(s,)`` shares of ``y``.

    Returns
    -------
    ndarray
        ``(s, m)``.
    """
    return np.array([np.concatenate([_mixed(u, v, k, s) for u, v, k in _blocks(x, y, sizes)]) for s in steps])


def _blocks(x: FloatArray, y: FloatArray, sizes: tuple[int, ...]) -> list[tuple[FloatArray, FloatArray, int]]:
    ends = np.cumsum([k * (k + 1) // 2 for k in sizes])
    return list(zip(np.split(x, ends[:-1]), np.split(y, ends[:-1]), sizes, strict=True))


def _mixed(u: FloatArray, v: FloatArray, k: int, share: float) -> FloatArray:
    columns, rows = np.triu_indices(k)
    factors = np.zeros((2, k, k))
    factors[0, rows, columns], factors[1, rows, columns] = u, v
    stacked = np.concatenate([np.sqrt(1 - share) * factors[0].T, np.sqrt(share) * factors[1].T])
    R = np.asarray(np.linalg.qr(stacked, mode="r"))
    L = R.T * np.where(np.diag(R) < 0, -1.0, 1.0)
    out: FloatArray = L[rows, columns]
    return out


def _sizes(results: Results) -> tuple[int, ...]:
    """k of each term, from the lower bounds: a column starts with 0, and below it stands -Inf."""
    value = results.values.get("lower")
    if not isinstance(value, Labelled):
        return (1,) * len(_theta(results))
    sizes, at = [], 0
    bounds = value.values
    while at < len(bounds):
        k = 1
        while at + k < len(bounds) and np.isneginf(bounds[at + k]):
            k += 1
        sizes.append(k)
        at += k * (k + 1) // 2
    return tuple(sizes)


def _theta(results: Results) -> FloatArray:
    value = results.values.get("theta")
    return value.values if isinstance(value, Labelled) else np.empty(0)
