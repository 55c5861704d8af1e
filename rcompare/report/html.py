"""Comparisons as one self-contained HTML page: heat map, drill-down, texts side by side; no network, no JavaScript."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from rcompare.differences import Comparison, Difference
from rcompare.quantities import CATALOGUE, STAGES, quantity
from rcompare.textdiff import LineDifference, TextDifference, compare_text

__all__ = ["as_html", "environment", "heat_map", "text_lines"]


@dataclass(frozen=True)
class Cell:
    """One square of the heat map."""

    glyph: str
    style: str
    title: str
    target: str = ""


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
    env.filters["heading"] = lambda name: quantity(name).heading
    env.globals.update(stages=STAGES, text_lines=text_lines, stamp_rows=stamp_rows, anchor=anchor)
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


# ----------------------------------------------------------------------------------------------------------- heat map


TOGETHER = {
    **dict.fromkeys(("logLik", "AIC", "BIC"), "likelihood"),
    **dict.fromkeys(("ldL2", "ldRX2", "pwrss", "ussq", "RX"), "factors"),
    **dict.fromkeys(("residuals", "pearson"), "residuals"),
    **dict.fromkeys(("icc", "band", "response.mean", "group.means", "data.means", "r.squared", "f.statistic"), "other"),
    **dict.fromkeys(("aov.ss", "aov.ms", "p.value", "residual.quantiles", "singular"), "other"),
}
"""Quantities that share a column of the heat map."""


def _column(d: Difference) -> tuple[int, str]:
    """The column of the heat map in which an outcome stands; where it holds several, it shows the worst."""
    name = d.quantity.removesuffix(" (end to end)")
    if d.stage in (0, 3):
        return d.stage, "all"
    if d.stage == 4:
        return 4, name.removeprefix("text.") if name in CATALOGUE and ".head" not in name else "other"
    return d.stage, TOGETHER.get(name, name)


def heat_map(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """Columns (stage, heading) and, for each case, a cell a column."""
    found = {_column(d) for c in comparisons for d in c.differences}
    order = [*CATALOGUE, "likelihood", "factors", "other"]
    columns = sorted(found, key=lambda k: (k[0], _place(order, k), k[1]))
    rows = []
    for c in comparisons:
        groups: dict[tuple[int, str], list[Difference]] = {}
        for d in c.differences:
            groups.setdefault(_column(d), []).append(d)
        rows.append((c, [_cell(groups.get(key, [])) for key in columns]))
    spans = [(name, sum(stage == key[0] for key in columns)) for stage, name in STAGES.items()]
    starts = {next((i for i, key in enumerate(columns) if key[0] == stage), -1) for stage in STAGES}
    return {"columns": columns, "rows": rows, "spans": [s for s in spans if s[1]], "starts": starts}


def _place(order: list[str], column: tuple[int, str]) -> int:
    name = f"text.{column[1]}" if column[0] == 4 else column[1]
    return order.index(name) if name in order else len(order)


def _severity(d: Difference) -> tuple[int, float]:
    mild = ("not offered", "same")
    rank = 2 if d.fails else 1 if d.status not in mild else 0
    return rank, -1.0 if math.isnan(d.size) else abs(d.size)


def _cell(outcomes: list[Difference]) -> Cell:
    if not outcomes:
        return Cell("", "none", "")
    worst = max(outcomes, key=_severity)
    title = f"{worst.case}, {worst.quantity} ({worst.stage_name}): {worst.status}"
    if not math.isnan(worst.size):
        title += f", difference {worst.size:.2g}, allowed {worst.tolerance:.0e}"
    if worst.note:
        title += f"; {worst.note}"
    if len(outcomes) > 1:
        title += f" (the worst of {len(outcomes)})"
    glyph, style = _glyph(worst)
    return Cell(glyph, style, title, anchor(worst))


def _glyph(d: Difference) -> tuple[str, str]:
    special = {
        "differs": ("✗", "bad"),
        "error": ("✗", "bad"),
        "missing": ("?", "bad"),
        "stale waiver": ("!", "bad"),
        "waived": ("w", "waived"),
        "not comparable": ("~", "waived"),
        "digits": ("≈", "waived"),
        "not offered": ("–", "absent"),
    }
    if d.status in special:
        return special[d.status]
    if math.isnan(d.size) or d.size == 0 or d.text is not None:
        return "=", "d16"
    digits = max(0, min(16, math.floor(-math.log10(max(abs(d.size), 1e-17)))))
    return str(digits), f"d{digits}"


def anchor(d: Difference) -> str:
    """Name of the place on the page where an outcome stands in full."""
    return f"{d.case}-{d.stage}-{d.quantity}".replace(" ", "-").replace("(", "").replace(")", "")


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


def stamp_rows(stamps: tuple[Mapping[str, Any], Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Two stamps as a table: key, ours, theirs."""
    keys = list(dict.fromkeys([*stamps[0], *stamps[1]]))
    return [(key, _shown(stamps[0].get(key)), _shown(stamps[1].get(key))) for key in keys]


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    return "" if value is None else str(value)
