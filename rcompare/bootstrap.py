"""Bootstrap answers: replicate by replicate, and only where the reference's own refit can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rcompare.differences import Difference
from rcompare.montecarlo import FEWEST, LIMIT, compare_samples
from rcompare.quantities import quantity
from rcompare.results import Labelled, Results

__all__ = ["BOOTSTRAP", "compare_bootstrap", "compare_responses", "same_stream"]

FloatArray = NDArray[np.float64]

BOOTSTRAP = ("boot.", "text.boot.")
"""How the names of these quantities begin."""

STOPPED_SHORT = 1e-5
"""A refit whose criterion is above ours by more stopped short of its optimum (J12)."""

PRINTED = 1e-3
"""Relative difference of printed interval ends: an end is one of the replicates, which agree to this."""

FEW = 0.1
"""When more of the reference's refits than this share stopped short, its bootstrap as a whole is not to be trusted."""


def compare_bootstrap(
    case: str, own: Results, theirs: Results, fed: Results | None, compare_values: Callable[..., Difference]
) -> list[Difference]:
    """Compare replicates and intervals, drawn from the reference's theta where the engine can be fed with it.

    Fed with the reference's theta the simulated data are the same, so every refit can be held against its twin. A
    replicate where the reference's criterion lies above ours is left out and counted; ours above theirs is a
    difference. When replicates were left out, the intervals cannot be equal; they are then ``not comparable`` if they
    differ. When there are many such replicates, nothing is left out, and everything differs. The interval from our own
    optimum is compared too, as close as two optima are. Engines with different random streams (:func:`same_stream`) are
    compared by z-scores.
    """
    names = [name for name in theirs.values if name.startswith(BOOTSTRAP)]
    if not names:
        return []
    if not same_stream(own, theirs):
        return _by_chance(case, own if fed is None or "boot.t" in own.values else fed, theirs)
    if fed is None or "boot.t" not in fed.values:
        return _compare(case, own, theirs, names, compare_values)
    found = _compare(case, fed, theirs, names, compare_values)
    d = compare_values(case, quantity("boot.ci"), 2, own.values.get("boot.ci"), theirs.values["boot.ci"], theirs.values)
    incomparable = any(e.status == "not comparable" for e in found) and d.fails
    status = "not comparable" if incomparable else d.status
    return [*found, replace(d, stage=3, quantity="boot.ci (end to end)", status=status)]


def same_stream(ours: Results, theirs: Results) -> bool:
    """Whether two engines draw the same random numbers from a seed.

    They do not where our stamp says ``"stream": "own"``, or where both stamps name a generator (R's ``RNGkind``) and
    the generators, or their ways to normal deviates, are not the same.
    """
    if ours.stamp.get("stream") == "own":
        return False
    kinds = [str(r.stamp.get("RNGkind", "")).split()[:2] for r in (ours, theirs)]
    return not all(kinds) or kinds[0] == kinds[1]


def compare_responses(case: str, ours: Results, theirs: Results) -> list[Difference]:
    """Compare simulated responses of two random streams: mean and quantiles of all of them, by z-scores."""
    a, b = ours.values.get("simulate"), theirs.values["simulate"]
    base = Difference(case, "simulate", 3, "missing", tolerance=LIMIT, note="the engine gave no simulated responses")
    if not (isinstance(a, Labelled) and isinstance(b, Labelled)):
        return [base]
    if min(a.values.size, b.values.size) < FEWEST:
        return [replace(base, status="not comparable", note=f"too few responses for z-scores ({b.values.size})")]
    return [_worst(base, a.values.ravel("F"), b.values.ravel("F"))]


def _worst(base: Difference, a: FloatArray, b: FloatArray) -> Difference:
    """The statistic whose z-score is the largest."""
    worst = max(compare_samples(a, b), key=lambda m: abs(m.z))
    note = f"z-score of the {worst.what}, another random stream than the reference's"
    d = replace(base, status="same" if worst.agrees else "differs", size=abs(worst.z), note=note)
    return replace(d, ours=f"{worst.ours:.6g}", theirs=f"{worst.theirs:.6g}")


def _by_chance(case: str, own: Results, theirs: Results) -> list[Difference]:
    a, b = own.values.get("boot.t"), theirs.values.get("boot.t")
    base = Difference(case, "boot.t", 3, "missing", tolerance=LIMIT, note="the engine gave no replicates")
    if not (isinstance(a, Labelled) and isinstance(b, Labelled)) or a.labels[1] != b.labels[1] or b.labels[1] is None:
        return [base]
    if min(len(a.values), len(b.values)) < FEWEST:
        note = f"too few replicates for z-scores ({min(len(a.values), len(b.values))} of {FEWEST})"
        return [replace(base, status="not comparable", note=note)]
    return [replace(_worst(base, a.values[:, j], b.values[:, j]), where=name) for j, name in enumerate(b.labels[1])]


def _compare(
    case: str, ours: Results, theirs: Results, names: list[str], compare_values: Callable[..., Difference]
) -> list[Difference]:
    a, b = ours.values.get("boot.criterion"), theirs.values.get("boot.criterion")
    short = np.zeros(0, dtype=bool)
    if isinstance(a, Labelled) and isinstance(b, Labelled) and a.values.shape == b.values.shape:
        short = b.values - a.values > STOPPED_SHORT
        if short.mean() > FEW:
            short = np.zeros(0, dtype=bool)
    found = []
    for name in names:
        q = quantity(name)
        mine, reference = ours.values.get(name), theirs.values[name]
        per_replicate = name in ("boot.t", "boot.criterion")
        if short.any() and per_replicate and isinstance(mine, Labelled) and isinstance(reference, Labelled):
            mine, reference = _without(mine, short), _without(reference, short)
        d = compare_values(case, q, q.stage, mine, reference, theirs.values)
        if short.any():
            note = f"R's refit stopped short in {int(short.sum())} of {short.size} replicates"
            left = name in ("boot.ci", "text.boot.ci") and d.status == "differs"
            d = replace(d, note=note, status="not comparable" if left else d.status)
        found.append(d)
    close = all(not d.fails for d in found if d.quantity == "boot.ci")
    return [replace(d, status="digits") if close and _last_digit(d) else d for d in found]


def _last_digit(d: Difference) -> bool:
    """Whether printed ends differ by no more than the replicates that they are made of."""
    if d.status != "differs" or d.text is None or d.text.kind == "wording":
        return False
    return all(line.relative <= PRINTED for line in d.text.lines)


def _without(value: Labelled, rows: NDArray[np.bool_]) -> Labelled:
    first = value.labels[0]
    kept = None if first is None else tuple(label for label, gone in zip(first, rows, strict=True) if not gone)
    return Labelled(value.values[~rows], (kept, *value.labels[1:]))
