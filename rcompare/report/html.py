"""Comparisons as one self-contained HTML page: heat map, drill-down, texts side by side, pictures; no JavaScript."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from rcompare.differences import Comparison, Difference
from rcompare.quantities import STAGES, quantity
from rcompare.report.heatmap import anchor, heat_map
from rcompare.report.pictures import caterpillar, closeness
from rcompare.textdiff import LineDifference, TextDifference, compare_text

__all__ = ["as_html", "environment", "heat_map", "text_lines"]


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates beside this file, with escaping on."""
    env = Environment(
        loader=PackageLoader("rcompare", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["size"] = lambda x: "" if x is None or math.isnan(x) else f"{x:.2g}"
    env.filters["gap"] = lambda x: "" if x is None or math.isnan(x) else f"{x:+.2g}"
    env.filters["criterion"] = lambda x: "" if x is None or math.isnan(x) else f"{x:.10g}"
    env.filters["heading"] = lambda name: quantity(name).heading
    env.globals.update(text_lines=text_lines, stamp_rows=stamp_rows, case_stamps=case_stamps, anchor=anchor)
    env.globals.update(by_stage=by_stage, closeness=closeness, caterpillar=caterpillar)
    return env


def as_html(comparisons: Sequence[Comparison], title: str = "Conformance report") -> str:
    """Make the page for a run.

    Parameters
    ----------
    comparisons
        What to show, in order.
    title
        Heading of the page.
    """
    names = comparisons[0].names if comparisons else ("", "")
    return (
        environment()
        .get_template("run.html")
        .render(
            title=title,
            names=names,
            comparisons=comparisons,
            heat=heat_map(comparisons),
            counts=counts(comparisons),
            made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )
    )


def counts(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """Numbers for the head of the page."""
    outcomes = [d for c in comparisons for d in c.differences]
    verdicts = [c.optimum.verdict for c in comparisons if c.optimum is not None]
    return {
        "cases": len(comparisons),
        "outcomes": len(outcomes),
        "failures": sum(d.fails for d in outcomes),
        "verdicts": {v: verdicts.count(v) for v in dict.fromkeys(verdicts)},
        "statuses": {s: sum(d.status == s for d in outcomes) for s in dict.fromkeys(d.status for d in outcomes)},
    }


# -------------------------------------------------------------------------------------------------------------- texts


def text_lines(text: TextDifference) -> list[tuple[int, Markup, Markup, str]]:
    """All lines of two texts side by side: number, ours, theirs (differing tokens marked), kind of difference."""
    differing: dict[int, list[LineDifference]] = {}
    for line in text.lines:
        differing.setdefault(line.number, []).append(line)
    out = []
    for n in range(1, len(text.theirs) + 2):
        found = differing.get(n, [])
        for line in found:
            out.append((n, _marked(line.ours, line.marks_ours), _marked(line.theirs, line.marks_theirs), line.kind))
        if n <= len(text.theirs) and not any(line.theirs is not None for line in found):
            same = escape(text.theirs[n - 1])
            out.append((n, same, same, ""))
    return out


def _marked(line: str | None, marks: Sequence[tuple[int, int]]) -> Markup:
    if line is None:
        return Markup('<i class="gone">no such line</i>')
    out, at = Markup(""), 0
    for start, end in marks:
        out += escape(line[at:start]) + Markup("<mark>") + escape(line[start:end]) + Markup("</mark>")
        at = end
    return out + escape(line[at:])


def compared_lines(ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[int, Markup, Markup, str]]:
    """:func:`text_lines` of two texts."""
    return text_lines(compare_text(ours, theirs))


PER_CASE = ("call", "data_hash", "boot", "simulate", "content_hash")
"""What a stamp says about one case."""


def stamp_rows(comparisons: Sequence[Comparison]) -> list[tuple[str, str, str]]:
    """The stamps of all cases as a table: key, ours, theirs; several values where cases differ in it."""
    sides: tuple[dict[str, list[str]], dict[str, list[str]]] = ({}, {})
    for c in comparisons:
        for side, stamp in zip(sides, c.stamps, strict=True):
            for key, value in stamp.items():
                if key not in PER_CASE:
                    side.setdefault(key, []).append(_shown(value))
    keys = list(dict.fromkeys([*sides[0], *sides[1]]))
    return [(key, _distinct(sides[0].get(key, [])), _distinct(sides[1].get(key, []))) for key in keys]


def _distinct(values: Sequence[str]) -> str:
    counts = Counter(values)
    if len(counts) < 2:
        return next(iter(counts), "")
    return "; ".join(f"{value} ({n} cases)" for value, n in counts.most_common())


def case_stamps(c: Comparison) -> list[tuple[str, str, str]]:
    """What the stamps say about one case: call, hash of the data, seeds."""
    keys = [key for key in PER_CASE[:-1] if c.stamps[0].get(key) or c.stamps[1].get(key)]
    return [(key.replace("_", " "), _shown(c.stamps[0].get(key)), _shown(c.stamps[1].get(key))) for key in keys]


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    return "" if value is None else str(value)


def by_stage(differences: Sequence[Difference]) -> list[tuple[str, list[Difference]]]:
    """Outcomes under the names of their stages."""
    return [(name, found) for stage, name in STAGES.items() if (found := [d for d in differences if d.stage == stage])]
