"""The chapter's table: one row a quantity, pylmer beside R, with the difference and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rcompare.compare import compare_values
from rcompare.quantities import OPTIMUM, quantity
from rcompare.results import Labelled, Strings, Text, Value
from rcompare.run import Answered

__all__ = ["Ask", "Row", "rows_of"]


@dataclass(frozen=True)
class Ask:
    """A quantity of a case that the chapter shows.

    Parameters
    ----------
    case, quantity
        Where it stands.
    title
        What the row is called; the entry's label follows it where there are several.
    pick
        Labels of the entries that get a row of their own (a matrix: ``"row, column"``), in that order; empty for all;
        None for one row that holds the largest difference over all entries.
    first
        Only this many of the entries.
    """

    case: str
    quantity: str
    title: str
    pick: tuple[str, ...] | None = ()
    first: int | None = None


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Parameters
    ----------
    title
        What it is.
    ours, theirs
        Both values, ten significant digits.
    tight
        The value at R's tight optimum, where it was recorded.
    difference
        Ours minus theirs.
    verdict
        ``same``, ``as R's tight optimum``, ``waived``, ``digits`` (another printed digit), ``differs`` or ``missing``.
    note
        Reason of a waiver, and so on.
    """

    title: str
    ours: str
    theirs: str
    difference: str
    verdict: str
    note: str = ""
    tight: str = ""

    @property
    def fails(self) -> bool:
        """Whether pylmer and R part here."""
        return self.verdict in ("differs", "digits", "missing", "stale waiver")


def rows_of(ask: Ask, answered: Answered) -> list[Row]:
    """Make the rows of one question."""
    ours, theirs = _ours(ask, answered), answered.theirs.values[ask.quantity]
    waiver = next((w for w in answered.comparison.case.waivers if w.quantity == ask.quantity), None)
    if ours is None:
        failed = answered.ours.failed
        why = "no fit" if answered.ours.error else failed.get(ask.quantity, failed.get(ask.quantity.split(".")[0], ""))
        verdict, note = ("waived", waiver.reason) if waiver else ("missing", why)
        return [Row(ask.title, "", _shown(theirs), "", verdict, note)]
    if isinstance(theirs, Text):
        return [_text_row(ask, answered)]
    if isinstance(theirs, Strings) or ask.pick is None:
        return [_whole_row(ask, answered, ours, theirs)]
    assert isinstance(theirs, Labelled)
    labels = list(ask.pick) if ask.pick else _labels(theirs)
    return [_entry_row(ask, answered, label, len(labels) > 1) for label in labels[: ask.first]]


def _ours(ask: Ask, answered: Answered) -> Value | None:
    """Our own answer; where only R's theta makes sense (replicates of a bootstrap), the answer there."""
    own = answered.ours.values.get(ask.quantity)
    return own if own is not None or answered.ours_at is None else answered.ours_at.values.get(ask.quantity)


def _text_row(ask: Ask, answered: Answered) -> Row:
    names = (ask.quantity, f"{ask.quantity} (end to end)")
    found = [d for d in answered.comparison.differences if d.quantity in names]
    worst = next((d for d in found if d.status != "same"), found[-1])
    text = worst.text
    lines = len(text.theirs) if text is not None else 0
    verdict = "same" if worst.status == "same" else worst.status
    if verdict == "same" and "tight" in worst.note:
        verdict = "as R's tight optimum"
    return Row(ask.title, f"{lines} lines", f"{lines} lines", "", verdict, worst.note)


def _whole_row(ask: Ask, answered: Answered, ours: Value, theirs: Value) -> Row:
    q = quantity(ask.quantity)
    d = compare_values(ask.case, q, q.stage, ours, theirs, answered.theirs.values)
    size = "0" if d.size == 0 else f"{d.size:.1e}" if np.isfinite(d.size) else ""
    return Row(ask.title, _shown(ours), _shown(theirs), size, "same" if not d.fails else "differs", d.note)


def _entry_row(ask: Ask, answered: Answered, label: str, several: bool) -> Row:
    title = f"{ask.title}, {_readable(label)}" if several and label else ask.title
    ours, theirs = (
        _entry(answered.ours.values[ask.quantity], label),
        _entry(answered.theirs.values[ask.quantity], label),
    )
    if ours is None or theirs is None:
        return Row(title, _digits(ours), _digits(theirs), "", "missing", f"no entry {label!r}")
    gap = 0.0 if ours == theirs or (np.isnan(ours) and np.isnan(theirs)) else ours - theirs
    verdict, note = _verdict(ask, answered)
    recorded = answered.theirs.tight.get(ask.quantity)
    tight = None if recorded is None else _entry(recorded, label)
    if tight is not None and verdict == "same" and abs(gap) > 1e-6 * abs(ours) and abs(ours - tight) < 0.1 * abs(gap):
        verdict = "as R's tight optimum"
    return Row(title, _digits(ours), _digits(theirs), "0" if gap == 0 else f"{gap:+.1e}", verdict, note, _digits(tight))


def _verdict(ask: Ask, answered: Answered) -> tuple[str, str]:
    """The verdict on the quantity: at the engine's own optimum where there is one."""
    fitted = "theta" in answered.theirs.values
    stage = 2 if fitted and ask.quantity in OPTIMUM else quantity(ask.quantity).stage
    for d in answered.comparison.differences:
        if d.quantity == ask.quantity and d.stage == stage:
            verdict = "as R's tight optimum" if d.status == "same" and d.note[-13:] == "tight optimum" else d.status
            return verdict, "" if d.quantity == "criterion" and not d.fails else d.note
    d = compare_values(
        ask.case,
        quantity(ask.quantity),
        stage,
        answered.ours.values.get(ask.quantity),
        answered.theirs.values[ask.quantity],
        answered.theirs.values,
    )
    return d.status, d.note


def _labels(value: Labelled) -> list[str]:
    if value.values.ndim == 0:
        return [""]
    names = [
        axis or tuple(str(i + 1) for i in range(n)) for axis, n in zip(value.labels, value.values.shape, strict=True)
    ]
    if value.values.ndim == 1:
        return list(names[0])
    return [f"{row}, {column}" for row in names[0] for column in names[1]]


def _entry(value: Value, label: str) -> float | None:
    assert isinstance(value, Labelled)
    labels = _labels(value)
    return float(value.values.ravel()[labels.index(label)]) if label in labels else None


def _digits(x: float | None) -> str:
    if x is None:
        return ""
    return "NA" if np.isnan(x) else f"{x:.10g}"


def _readable(label: str) -> str:
    return label.removesuffix(" | (Intercept)").removesuffix(" | Residuals").replace(" | ", " ")


def _shown(value: Value) -> str:
    if isinstance(value, Labelled):
        return _digits(float(value.values.ravel()[0])) if value.values.size == 1 else f"{value.values.size:,} numbers"
    if isinstance(value, Strings):
        return _few(value.items)
    return f"{len(value.lines)} lines"


def _few(items: Sequence[str]) -> str:
    return f"{items[0]}; … ({len(items)} labels)" if len(items) > 1 else "".join(items)
