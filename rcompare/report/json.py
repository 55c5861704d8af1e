"""Comparisons as JSON: everything that the tables show, for programs, and for making the other reports later."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from rcompare.case import Case
from rcompare.differences import Comparison, Difference, Effects
from rcompare.textdiff import compare_text
from rcompare.verdict import Optimum

__all__ = ["as_json", "from_json"]


def as_json(comparisons: Sequence[Comparison]) -> str:
    """Write comparisons as JSON text.

    The layout is ``{"rcompare": version, "made": date, "passed": bool, "failures": int, "cases": [...]}``, a case
    ``{"id", "title", "call", "formula", "data", "tags", "passed", "engines", "stamps", "optimum", "differences": [...],
    "effects"}``; a number that is not finite is a string ("NaN", "Inf").
    """
    content = {
        "rcompare": version("pylmer"),
        "made": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "passed": all(c.passed for c in comparisons),
        "failures": sum(len(c.failures) for c in comparisons),
        "cases": [_case(c) for c in comparisons],
    }
    return json.dumps(content, indent=1)


def _case(c: Comparison) -> dict[str, Any]:
    optimum = None if c.optimum is None else {k: _plain(v) for k, v in asdict(c.optimum).items()}
    return {
        "id": c.case.id,
        "title": c.case.title,
        "call": c.case.call,
        "formula": c.case.formula,
        "data": c.case.data,
        "tags": list(c.case.tags),
        "passed": c.passed,
        "engines": list(c.names),
        "stamps": [dict(stamp) for stamp in c.stamps],
        "optimum": optimum,
        "differences": [_difference(d) for d in c.differences],
        "effects": None if c.effects is None else asdict(c.effects),
    }


def _difference(d: Difference) -> dict[str, Any]:
    out: dict[str, Any] = {
        "quantity": d.quantity,
        "stage": d.stage,
        "status": d.status,
        "size": _plain(d.size),
        "tolerance": _plain(d.tolerance),
        "where": d.where,
        "ours": d.ours,
        "theirs": d.theirs,
        "note": d.note,
    }
    if d.text is not None:
        out["text"] = {"ours": list(d.text.ours), "theirs": list(d.text.theirs)}
    return {key: value for key, value in out.items() if value not in ("", "NaN")}


def from_json(text: str) -> list[Comparison]:
    """Read comparisons back.

    Raises
    ------
    ValueError
        If the text is not what :func:`as_json` writes.
    """
    try:
        return [_read_case(entry) for entry in json.loads(text)["cases"]]
    except (KeyError, TypeError) as err:
        raise ValueError(f"this is not a report of 'rcompare run --json' ({err!r})") from None


def _read_case(entry: Mapping[str, Any]) -> Comparison:
    case = Case(
        id=entry["id"],
        data=entry["data"],
        call=entry["call"],
        formula=entry["formula"],
        title=entry["title"],
        tags=tuple(entry["tags"]),
    )
    optimum = None
    if entry["optimum"] is not None:
        optimum = Optimum(**{f.name: _number(entry["optimum"].get(f.name, "NaN")) for f in fields(Optimum)})
    first, second = entry["stamps"]
    names = (str(entry["engines"][0]), str(entry["engines"][1]))
    differences = tuple(_read_difference(entry["id"], d) for d in entry["differences"])
    effects = entry.get("effects")
    drawn = None
    if effects is not None:
        drawn = Effects(effects["what"], *(tuple(effects[f.name]) for f in fields(Effects)[1:]))
    return Comparison(case, differences, optimum, names, (first, second), drawn)


def _read_difference(case: str, entry: Mapping[str, Any]) -> Difference:
    known = {key: _number(value) for key, value in entry.items() if key != "text"}
    text = compare_text(entry["text"]["ours"], entry["text"]["theirs"]) if "text" in entry else None
    return Difference(case=case, text=text, **known)


def _plain(x: Any) -> Any:
    if isinstance(x, float) and not math.isfinite(x):
        return "NaN" if math.isnan(x) else "Inf" if x > 0 else "-Inf"
    return x


def _number(x: Any) -> Any:
    return {"NaN": math.nan, "Inf": math.inf, "-Inf": -math.inf}.get(x, x) if isinstance(x, str) else x
