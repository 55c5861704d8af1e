"""The random effects of the first term, taken out of both engines' answers for a picture."""

from __future__ import annotations

import numpy as np

from rcompare.differences import Effects
from rcompare.results import Labelled, Results

__all__ = ["effects_of"]

MANY = 40
"""Levels shown; of more, every so many by the size of the effect."""


def effects_of(ours: Results, theirs: Results) -> Effects | None:
    """The effects of the first grouping factor's first column; None where either engine has none."""
    a, b = _by_label(ours, "ranef"), _by_label(theirs, "ranef")
    common = [label for label in b if label in a]
    if not common:
        return None
    group, _, effect = (part.strip() for part in common[0].split("|", 2))
    mine = [label for label in common if label.startswith(f"{group} | ") and label.endswith(f" | {effect}")]
    mine.sort(key=b.__getitem__)
    if len(mine) > MANY:
        mine = [mine[i] for i in np.unique(np.linspace(0, len(mine) - 1, MANY).round().astype(int))]
    sd_a, sd_b = _by_label(ours, "condsd"), _by_label(theirs, "condsd")
    return Effects(
        f"{group} | {effect}",
        tuple(label.removeprefix(f"{group} | ").removesuffix(f" | {effect}") for label in mine),
        *(tuple(values.get(label, 0.0) for label in mine) for values in (a, b, sd_a, sd_b)),
    )


def _by_label(results: Results, name: str) -> dict[str, float]:
    value = results.values.get(name)
    if not isinstance(value, Labelled) or value.values.ndim != 1 or value.labels[0] is None:
        return {}
    numbers = zip(value.labels[0], value.values.tolist(), strict=True)
    return {label: x for label, x in numbers if np.isfinite(x) and label.count("|") == 2}
