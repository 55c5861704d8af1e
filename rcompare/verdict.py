"""Whose optimum is better: same, ours better, theirs better, or a different basin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rcompare.results import Labelled, Results

__all__ = ["VERDICTS", "Optimum", "judge_optimum"]

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
    """

    verdict: str
    ours: float
    theirs: float
    tight: float
    distance: float
    barrier: float
    acceptable: bool

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
        if np.isfinite(self.barrier) and self.verdict == "different basin":
            text += f", barrier {self.barrier:.2g}"
        return text


def judge_optimum(
    ours: Results,
    theirs: Results,
    criterion: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None,
    allowed: float = SAME,
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
    """
    a, b = ours.number("criterion"), theirs.number("criterion")
    tight_value = theirs.tight.get("criterion")
    tight = float(tight_value.values) if isinstance(tight_value, Labelled) else float("nan")
    x, y = _theta(ours), _theta(theirs)
    comparable = x.shape == y.shape
    distance = float(np.max(np.abs(x - y), initial=0.0)) if comparable else float("inf")
    barrier = float("nan")
    if criterion is not None and comparable and distance > 1e-2:
        steps = np.linspace(0.0, 1.0, 11)[1:-1, None]
        between = criterion(x + steps * (y - x))
        barrier = float(np.max(between) - max(a, b))
    if np.isfinite(barrier) and barrier > BARRIER:
        verdict = "different basin"
    elif abs(a - b) <= SAME:
        verdict = "same"
    else:
        verdict = "ours better" if a < b else "theirs better"
    return Optimum(verdict, a, b, tight, distance, barrier, a - b <= allowed)


def _theta(results: Results) -> NDArray[np.float64]:
    value = results.values["theta"]
    assert isinstance(value, Labelled)
    return value.values
