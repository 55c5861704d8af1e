"""The heat map of case by quantity: how many digits agree, or what is wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rcompare.differences import Comparison, Difference
from rcompare.quantities import CATALOGUE, OPTIMUM, STAGES, quantity

__all__ = ["Cell", "anchor", "heat_map"]


@dataclass(frozen=True)
class Cell:
    """One square: its sign, its colour, what it says when pointed at, and the row that it leads to."""

    glyph: str
    style: str
    title: str
    target: str = ""


TOGETHER = {
    **dict.fromkeys(("logLik", "AIC", "BIC"), "likelihood"),
    **dict.fromkeys(("ldL2", "ldRX2", "pwrss", "ussq", "RX"), "factors"),
    **dict.fromkeys(("residuals", "pearson"), "residuals"),
}
"""Quantities of the fit that share a column."""

ALONE = frozenset((*OPTIMUM, "vcov", "correlation", "u", "b")) - {"icc", "band", "logLik", "AIC", "BIC"}
"""Quantities of the fit that have a column of their own."""

STRUCTURE = {"label": "names, levels", "count": "counts", "design": "X, y, Zt"}

INFERENCE = {
    "simulate": "simulate",
    **dict.fromkeys(("boot", "bootMer"), "bootstrap"),
    **dict.fromkeys(("confint", "profile"), "intervals"),
    "satterthwaite": "Satterthwaite",
    **dict.fromkeys(("anova", "drop1", "against"), "tests"),
    **dict.fromkeys(("hatvalues", "cooks", "influence", "rstudent"), "influence"),
    **dict.fromkeys(("refit", "refitML", "update", "allFit", "replay"), "refits"),
}
"""Families of inference, by the first part of a quantity's name."""

TEXTS = ("print", "summary", "VarCorr", "ranef", "coef")
STOPPED = ("case", "data", "golden file", "error", "model")
"""What a case is reported under that could not be compared at all."""


def _column(d: Difference) -> tuple[int, str]:
    """The column in which an outcome stands; where it holds several, it shows the worst."""
    name = d.quantity.removesuffix(" (end to end)")
    if d.stage == 0:
        whole = {"messages": "messages"} | dict.fromkeys(STOPPED, "as a whole")
        return 0, whole.get(name) or STRUCTURE.get(quantity(name).kind, "other")
    if d.stage == 3:
        return 3, INFERENCE.get(name.partition(".")[0], "other")
    if d.stage == 4:
        short = name.removeprefix("text.")
        return 4, short if short in TEXTS else "other"
    if name in ALONE:
        return d.stage, name
    return d.stage, TOGETHER.get(name, "other")


def heat_map(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """Columns (stage, heading) and, for each case, a cell a column."""
    found = {_column(d) for c in comparisons for d in c.differences}
    columns = sorted(found, key=lambda k: (k[0], _place(k), k[1]))
    rows = []
    for c in comparisons:
        groups: dict[tuple[int, str], list[Difference]] = {}
        for d in c.differences:
            groups.setdefault(_column(d), []).append(d)
        rows.append((c, [_cell(groups.get(key, [])) for key in columns]))
    spans = [(name, sum(stage == key[0] for key in columns)) for stage, name in STAGES.items()]
    starts = {next((i for i, key in enumerate(columns) if key[0] == stage), -1) for stage in STAGES}
    return {"columns": columns, "rows": rows, "spans": [s for s in spans if s[1]], "starts": starts}


ORDER = [
    *("as a whole", *STRUCTURE.values(), "messages"),
    *(name for name in CATALOGUE if name in ALONE),
    *("likelihood", "factors", "residuals"),
    *dict.fromkeys(INFERENCE.values()),
]


def _place(column: tuple[int, str]) -> int:
    if column[0] == 4:
        return TEXTS.index(column[1]) if column[1] in TEXTS else len(TEXTS)
    return ORDER.index(column[1]) if column[1] in ORDER else len(ORDER)


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


SPECIAL = {
    "differs": ("✗", "bad"),
    "error": ("✗", "bad"),
    "missing": ("?", "bad"),
    "stale waiver": ("!", "bad"),
    "waived": ("w", "waived"),
    "not comparable": ("~", "waived"),
    "digits": ("≈", "waived"),
    "not offered": ("–", "absent"),
}


def _glyph(d: Difference) -> tuple[str, str]:
    if d.status in SPECIAL:
        return SPECIAL[d.status]
    if math.isnan(d.size) or d.size == 0 or d.text is not None:
        return "=", "d16"
    digits = max(0, min(16, math.floor(-math.log10(max(abs(d.size), 1e-17)))))
    return str(digits), f"d{digits}"


def anchor(d: Difference) -> str:
    """Name of the place on the page where an outcome stands in full."""
    return f"{d.case}-{d.stage}-{d.quantity}".replace(" ", "-").replace("(", "").replace(")", "")
