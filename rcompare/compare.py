"""Results x Results -> Differences, in stages, with one tolerance table by kind of quantity."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rcompare.bootstrap import BOOTSTRAP, compare_bootstrap, compare_responses, same_stream
from rcompare.case import Case, Waiver
from rcompare.differences import Comparison, Difference
from rcompare.effects import effects_of
from rcompare.judge import Judge
from rcompare.quantities import NOT_COMPARED, OPTIMUM, Quantity, quantity, scale_of
from rcompare.results import Labelled, Results, Strings, Text, Value
from rcompare.textdiff import TextDifference, compare_text
from rcompare.ties import excused
from rcompare.verdict import Optimum, judge_optimum

__all__ = ["TOLERANCES", "compare_case", "compare_values"]

TOLERANCES: dict[str, dict[int, float]] = {
    # kind          stage: largest difference, relative to the quantity's scale
    "label": {0: 0.0, 3: 0.0},
    "count": {0: 0.0, 1: 0.0, 2: 0.0},
    "design": {0: 32 * 2.0**-52},
    "exact number": {1: 1e-12},
    "criterion": {1: 1e-10},
    "likelihood": {1: 1e-10, 2: 1e-9},
    "theta": {1: 0.0, 2: 5e-4},
    "coefficient": {1: 1e-10, 2: 1e-4},
    "ratio": {1: 1e-10, 2: 1e-4},
    "probability": {1: 1e-10, 2: 1e-4, 3: 1e-4},
    "correlation": {1: 1e-10, 2: 1e-4},
    "variance": {1: 1e-10, 2: 1e-3},
    "factor": {1: 1e-10},
    "vector": {1: 1e-10, 2: 1e-4},
    "influence": {3: 1e-4},
    "draw": {1: 1e-10, 3: 1e-4},
    "replicate": {3: 1e-3},
    "replicate criterion": {3: 1e-5},
    "interval": {2: 1e-3, 3: 1e-5},
    "df": {3: 1e-3},
    "derivative": {1: 1e-5},
    "replay": {3: 1e-8},
}
"""The one table. Stage 2 is R's own stopping point; against R's tight optimum :data:`TIGHTER` divides it."""

TIGHTER = 10.0
CRITERION_ABOVE = 1e-6
"""Our criterion may exceed R's by no more than this; below R's it may be by any amount."""


def compare_case(
    case: Case,
    ours: Results,
    theirs: Results,
    ours_at: Results | None = None,
    criterion: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None,
    partial: bool = False,
    names: tuple[str, str] = ("pylmer", "R"),
    known: tuple[Waiver, ...] = (),
    talk: bool = True,
    judge: Judge | None = None,
) -> Comparison:
    """Compare the answers of two engines to a case, in all stages.

    Parameters
    ----------
    case
        The case, for its waivers.
    ours, theirs
        Answers at each engine's own optimum; ``theirs`` is the reference.
    ours_at
        Our answers at the reference's theta (stage 1), where the engine can give them.
    criterion
        Our criterion as a function of rows of theta, to tell basins apart.
    partial
        True for an engine that is not expected to answer everything.
    names
        Headings of the two engines.
    known
        Registered divergences, beside the case's own waivers.
    talk
        Whether messages and warnings are compared, which two packages word each in its own way.
    judge
        Who knows the criterion and its gradients, where our engine does not.
    """
    found: list[Difference] = []
    without = ours.failed.get("all") or theirs.failed.get("all")
    if without and ours.error is None and theirs.error is None:
        found = [Difference(case.id, "model", 0, "not offered", note=without)]
        return Comparison(case, tuple(found), None, names, (ours.stamp, theirs.stamp))
    optimum = None
    if ours.error is not None or theirs.error is not None:
        found.append(_errors(case, ours, theirs))
    else:
        if "theta" in theirs.values and "criterion" in theirs.values and "criterion" in ours.values:
            if judge is None:
                optimum = judge_optimum(ours, theirs, criterion, CRITERION_ABOVE, ours_at)
            else:
                optimum = judge_optimum(ours, theirs, judge.criterion, CRITERION_ABOVE, judge.theirs, judge.ours)
            found += _optimum_row(case, optimum)
        found += _stages(case, ours, theirs, ours_at, optimum)
    if not talk:
        found = [d for d in found if d.quantity != "messages"]
    if partial:
        found = [replace(d, status="not offered") if d.status == "missing" else d for d in found]
    why = {**ours.failed, **(ours_at.failed if ours_at is not None else {})}
    found = [_why_missing(d, why) for d in found]
    found = [_waived(d, case.waivers + known) for d in found]
    ordered = tuple(sorted(found, key=lambda d: d.stage))
    return Comparison(case, ordered, optimum, names, (ours.stamp, theirs.stamp), effects_of(ours, theirs))


def _stages(
    case: Case, ours: Results, theirs: Results, ours_at: Results | None, optimum: Optimum | None
) -> list[Difference]:
    found = []
    singular = _is_singular(theirs) or _is_singular(ours)
    fitted = "theta" in theirs.values
    for name, value in theirs.values.items():
        q = quantity(name)
        if name in NOT_COMPARED or name.startswith(BOOTSTRAP):
            continue
        if q.stage in (1, 4) and fitted:
            fed = ours_at is not None and q.kind != "inference text"
            if ours_at is not None and fed and name != "theta":
                found.append(_at_theta(case, q, ours_at, theirs))
            if q.stage == 4 and not (fed and q.kind == "effects text"):
                found.append(_end_to_end(case, q, ours, theirs, optimum, fed))
            elif name in OPTIMUM and name != "criterion" and not (singular and name == "theta"):
                found.append(_at_optimum(case, q, ours, theirs))
        elif name == "simulate" and not same_stream(ours, theirs):
            found += compare_responses(case.id, ours, theirs)
        elif q.kind == "draw" and fitted:
            found += _draws(case, q, ours, theirs, ours_at)
        elif q.stage == 2 and fitted:
            found.append(_at_optimum(case, q, ours, theirs))
        else:
            found.append(compare_values(case.id, q, q.stage, ours.values.get(name), value, theirs.values))
    found.append(_messages(case, ours, theirs, optimum))
    return found + compare_bootstrap(case.id, ours, theirs, ours_at, compare_values)


def _at_theta(case: Case, q: Quantity, ours_at: Results, theirs: Results) -> Difference:
    """Stage 1, and text fed with R's numbers, where what R's optimizer complained of is no part of the text."""
    mine, value = ours_at.values.get(q.name), theirs.values[q.name]
    if isinstance(mine, Text) and isinstance(value, Text) and any(map(_is_complaint, theirs.warnings)):
        mine, value = _without_complaints(mine), _without_complaints(value)
    d = compare_values(case.id, q, q.stage, mine, value, theirs.values)
    if d.fails and d.text is not None and excused(d.text, theirs.values):
        return replace(d, status="digits", note=f"{d.text.summary}, at ties or in rounding noise")
    return d


def _is_singular(results: Results) -> bool:
    return "singular" in results.values and results.number("singular") == 1


def _draws(case: Case, q: Quantity, ours: Results, theirs: Results, ours_at: Results | None) -> list[Difference]:
    """Simulated responses: from R's theta to the last digits, from our own as close as the two optima are."""
    mine, value = ours.values.get(q.name), theirs.values[q.name]
    own = compare_values(case.id, q, 3, mine, value, {})
    if ours_at is None or q.name not in ours_at.values:
        return [own]
    fed = compare_values(case.id, q, 1, ours_at.values[q.name], value, {})
    return [replace(fed, stage=3), replace(own, quantity=f"{q.name} (end to end)")]


def _at_optimum(case: Case, q: Quantity, ours: Results, theirs: Results) -> Difference:
    """Stage 2: agrees with R's tight optimum, or with where R's own optimizer stopped."""
    mine = ours.values.get(q.name)
    plain = compare_values(case.id, q, 2, mine, theirs.values[q.name], theirs.values)
    if q.name not in theirs.tight:
        return plain
    tight = compare_values(case.id, q, 2, mine, theirs.tight[q.name], theirs.tight, tighter=TIGHTER)
    if tight.fails:
        return plain
    return replace(tight, note="as R's tight optimum") if plain.fails else plain


def _end_to_end(
    case: Case, q: Quantity, ours: Results, theirs: Results, optimum: Optimum | None, fed: bool
) -> Difference:
    """Text at our own optimum: R's, or the text of R's tight optimum, or, where numbers agree, off in a last digit."""
    mine = ours.values.get(q.name)
    d = compare_values(case.id, q, 4, mine, theirs.values[q.name], {})
    d = replace(d, quantity=f"{q.name} (end to end)" if fed else q.name)
    if d.status != "differs" or d.text is None or optimum is None or not optimum.acceptable:
        return d
    if q.name in theirs.tight and not compare_values(case.id, q, 4, mine, theirs.tight[q.name], {}).fails:
        return replace(d, status="same", note="as R's tight optimum prints", text=None)
    if d.text.kind in ("digit", "layout") or (d.text.kind == "numeric" and _close(d.text)):
        return replace(d, status="digits", note=d.text.summary)
    return d


def _close(text: TextDifference) -> bool:
    """Whether all numbers that differ are within what two optimizers may differ by."""
    return all(line.relative <= TOLERANCES["variance"][2] for line in text.lines)


SINGULAR = "boundary (singular) fit"
CONVERGENCE = (
    "Model failed to converge",
    "unable to evaluate scaled gradient",
    "Model is nearly unidentifiable",
    "convergence code",
)


def _is_complaint(line: str) -> bool:
    return any(words in line for words in CONVERGENCE)


def _without_complaints(text: Text) -> Text:
    """Lines without the optimizer's closing remarks."""
    closing = ("optimizer (", " - Rescale variables?", SINGULAR)
    lines = [s for s in text.lines if not s.startswith(closing) and not _is_complaint(s)]
    while lines and not lines[-1]:
        lines.pop()
    return Text(tuple(lines))


def _messages(case: Case, ours: Results, theirs: Results, optimum: Optimum | None) -> Difference:
    """Messages and warnings of the fit, but not what an optimizer says about its own convergence.

    Where the two optima are not the same, whether each is singular is not compared here.
    """
    elsewhere = optimum is not None and optimum.verdict != "same"

    def said(r: Results) -> Strings:
        own = [s for s in (*r.messages, *r.warnings) if not _is_complaint(s)]
        return Strings(tuple(s for s in own if not (elsewhere and s.startswith(SINGULAR))))

    return compare_values(case.id, quantity("messages"), 0, said(ours), said(theirs), {})


def _optimum_row(case: Case, optimum: Optimum) -> list[Difference]:
    return [
        Difference(
            case.id,
            "criterion",
            2,
            "same" if optimum.acceptable else "differs",
            size=optimum.gap,
            tolerance=CRITERION_ABOVE,
            ours=f"{optimum.ours:.12g}",
            theirs=f"{optimum.theirs:.12g}",
            note=optimum.sentence,
        )
    ]


def _errors(case: Case, ours: Results, theirs: Results) -> Difference:
    same = ours.error is not None and theirs.error is not None
    return Difference(
        case.id,
        "error",
        0,
        "same" if same else "error",
        ours=ours.error or "no error",
        theirs=theirs.error or "no error",
    )


def _why_missing(d: Difference, why: Mapping[str, str]) -> Difference:
    """A missing answer with its reason; where an optional package is not installed, the question is not offered."""
    if d.status != "missing" or d.quantity not in why:
        return d
    reason = why[d.quantity]
    return replace(d, note=reason, status="not offered" if "is not installed" in reason else "missing")


def _waived(d: Difference, waivers: tuple[Waiver, ...]) -> Difference:
    for w in waivers:
        if w.quantity == d.quantity and w.stage in (None, d.stage) and d.status != "not offered":
            if d.fails and (np.isnan(d.size) or w.least <= abs(d.size) <= w.most):
                return replace(d, status="waived", note=w.reason)
            if d.fails:
                return replace(
                    d, note=f"another difference than the one waived ({w.least:g} to {w.most:g}): {w.reason}"
                )
            return replace(d, status="stale waiver", note=f"now agrees, so the waiver must go: {w.reason}")
    return d


# ------------------------------------------------------------------------------------------------------- one quantity


def compare_values(
    case: str,
    q: Quantity,
    stage: int,
    ours: Value | None,
    theirs: Value,
    reference: Mapping[str, Value],
    tighter: float = 1.0,
) -> Difference:
    """Compare one quantity: labels with labels, numbers by their kind's tolerance, texts character by character."""
    base = Difference(case, q.name, stage, "same")
    if ours is None:
        return replace(base, status="missing", note="the engine gave no answer")
    if type(ours) is not type(theirs):
        return replace(base, status="differs", note=f"{type(ours).__name__} against {type(theirs).__name__}")
    if isinstance(theirs, Text) and isinstance(ours, Text):
        text = compare_text(_anonymous(ours.lines), _anonymous(theirs.lines))
        status = "same" if not text.lines else "differs"
        return replace(base, status=status, text=text, note=text.summary)
    if isinstance(theirs, Strings) and isinstance(ours, Strings):
        return _compare_strings(base, ours, theirs)
    assert isinstance(ours, Labelled)
    assert isinstance(theirs, Labelled)
    tolerance = TOLERANCES[q.kind].get(stage, TOLERANCES[q.kind][max(TOLERANCES[q.kind])]) / tighter
    aligned = _align(ours, theirs)
    if isinstance(aligned, str):
        return replace(base, status="differs", note=aligned)
    return _compare_numbers(base, aligned, theirs, scale_of(q, theirs, reference), tolerance)


def _anonymous(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Lines without the optimizer's name, in which engines may well differ."""
    return tuple(re.sub(r"^optimizer \(\w+\)", "optimizer (any)", line) for line in lines)


def _compare_strings(base: Difference, ours: Strings, theirs: Strings) -> Difference:
    if ours.items == theirs.items:
        return replace(base, ours=_few(ours.items), theirs=_few(theirs.items), size=0.0, tolerance=0.0)
    note = "same labels in another order" if sorted(ours.items) == sorted(theirs.items) else "labels differ"
    first = next(
        (i for i, (a, b) in enumerate(zip(ours.items, theirs.items, strict=False)) if a != b),
        min(len(ours.items), len(theirs.items)),
    )
    a, b = ours.items[first : first + 3], theirs.items[first : first + 3]
    return replace(base, status="differs", ours=_few(a), theirs=_few(b), where=f"position {first + 1}", note=note)


def _few(items: tuple[str, ...]) -> str:
    return "; ".join(items[:3]) + (f"; … ({len(items)})" if len(items) > 3 else "")


def _align(ours: Labelled, theirs: Labelled) -> Labelled | str:
    """Our array with its axes as the reference has them, or the reason why that cannot be."""
    values = ours.values
    if values.ndim != theirs.values.ndim:
        return f"shape {values.shape} against {theirs.values.shape}"
    for axis, (a, b) in enumerate(zip(ours.labels, theirs.labels, strict=True)):
        if a == b or b is None:
            continue
        if a is None:
            return f"no labels on axis {axis + 1}"
        places = {label: i for i, label in enumerate(a)}
        lacking = [label for label in b if label not in places]
        if lacking:
            return f"labels missing: {_few(tuple(lacking))}"
        if not theirs.sampled or axis > 0:
            extra = [label for label in a if label not in set(b)]
            return f"labels too many: {_few(tuple(extra))}" if extra else "same labels in another order"
        values = np.take(values, [places[label] for label in b], axis=axis)
    if values.shape != theirs.values.shape:
        return f"shape {values.shape} against {theirs.values.shape}"
    return Labelled(values, theirs.labels, theirs.sampled)


def _compare_numbers(
    base: Difference, ours: Labelled, theirs: Labelled, scale: NDArray[np.float64], tolerance: float
) -> Difference:
    a, b = ours.values, theirs.values
    with np.errstate(invalid="ignore"):
        gap = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b) / scale)
    gap = np.where(np.isnan(gap), np.inf, gap)
    size = float(gap.max(initial=0.0))
    place = np.unravel_index(int(np.argmax(gap)), gap.shape) if gap.size else ()
    where = ", ".join(
        str(i + 1) if names is None else names[i]
        for i, names in zip((int(i) for i in place), theirs.labels, strict=True)
    )
    shown = (f"{a[place]:.10g}", f"{b[place]:.10g}") if gap.size else ("", "")
    return replace(
        base,
        status="same" if size <= tolerance else "differs",
        size=size,
        tolerance=tolerance,
        ours=shown[0],
        theirs=shown[1],
        where=where,
    )
