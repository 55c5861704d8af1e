"""Printed numbers that may differ though the numbers behind them agree: ties of rounding, and rounding noise."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rcompare.results import Labelled, Value
from rcompare.textdiff import TextDifference, tokens

__all__ = ["excused"]

NEAR = 1e-9
"""A number this close (relative) to halfway between two printed ones may be printed as either."""

NOISE = 1e-10
"""Numbers this small beside the largest number of the text are rounding noise."""


def excused(text: TextDifference, reference: Mapping[str, Value]) -> bool:
    """Whether every difference of two texts is a tie or noise.

    Parameters
    ----------
    text
        The differences; any in wording or layout is not excused.
    reference
        The numbers behind the text, among which a tie must be found.
    """
    pairs = [pair for line in text.lines for pair in line.numbers]
    if not pairs or any(line.kind in ("wording", "layout") for line in text.lines):
        return False
    largest = max((abs(x) for line in text.theirs for x in _numbers(line)), default=0.0)
    behind = [v.values.ravel() for v in reference.values() if isinstance(v, Labelled)]
    return all(abs(a - b) <= NOISE * largest or _tie((a + b) / 2, behind) for a, b in pairs)


def _tie(middle: float, behind: list[np.ndarray[tuple[int], np.dtype[np.float64]]]) -> bool:
    near = NEAR * abs(middle)
    return any(bool(np.any((v >= middle - near) & (v <= middle + near))) for v in behind)


def _numbers(line: str) -> list[float]:
    return [float(text) for kind, text, _ in tokens(line) if kind == "number"]
