"""Comparing random answers whose streams differ: z-scores with batch errors, never number by number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEWEST", "LIMIT", "MonteCarlo", "compare_samples"]

FloatArray = NDArray[np.float64]

LIMIT = 4.0
"""Largest |z| at which two samples still count as drawn from the same distribution."""

BATCHES = 20

FEWEST = 2 * BATCHES
"""Replicates that a comparison needs."""

PROBABILITIES = (0.025, 0.5, 0.975)


@dataclass(frozen=True)
class MonteCarlo:
    """The outcome for one statistic.

    Parameters
    ----------
    what
        ``"mean"``, ``"quantile 0.025"`` ...
    ours, theirs
        The two estimates.
    z
        Their difference over its standard error, from batches of replicates.
    """

    what: str
    ours: float
    theirs: float
    z: float

    @property
    def agrees(self) -> bool:
        """Whether the difference is within chance."""
        return abs(self.z) <= LIMIT


def compare_samples(ours: FloatArray, theirs: FloatArray) -> list[MonteCarlo]:
    """Compare two samples of a statistic by mean, median and 95 % ends.

    Parameters
    ----------
    ours, theirs
        ``(n,)`` and ``(m,)`` replicates, at least 40 of each; NaN is left out.

    Raises
    ------
    ValueError
        For fewer replicates.
    """
    a, b = (np.asarray(x, dtype=np.float64) for x in (ours, theirs))
    a, b = a[~np.isnan(a)], b[~np.isnan(b)]
    if min(len(a), len(b)) < FEWEST:
        raise ValueError(f"{min(len(a), len(b))} replicates are too few for a comparison by z-scores; use {FEWEST}")
    out = [_z("mean", float(a.mean()), float(b.mean()), _batch_error(a, None), _batch_error(b, None))]
    for p in PROBABILITIES:
        ends = float(np.quantile(a, p)), float(np.quantile(b, p))
        out.append(_z(f"quantile {p:g}", *ends, _batch_error(a, p), _batch_error(b, p)))
    return out


def _z(what: str, x: float, y: float, error_x: float, error_y: float) -> MonteCarlo:
    error = float(np.hypot(error_x, error_y))
    z = 0.0 if x == y else (x - y) / error if error > 0 else float("inf")
    return MonteCarlo(what, x, y, z)


def _batch_error(x: FloatArray, p: float | None) -> float:
    """Standard error of a mean from batches, or of a quantile from resampled replicates (always the same ones)."""
    if p is None:
        means = np.array([batch.mean() for batch in np.array_split(x, BATCHES)])
        return float(means.std(ddof=1) / np.sqrt(BATCHES))
    rng = np.random.default_rng(20)
    resampled = np.sort(x)[np.sort(rng.integers(0, len(x), (200, len(x))), axis=1)]
    return float(np.quantile(resampled, p, axis=1).std(ddof=1))
