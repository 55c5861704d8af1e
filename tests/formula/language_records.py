"""What pylmer makes of a formula, in the form in which fixtures/formula/language_functions.R records R's answer.

``python tests/formula/language_records.py RECORDING`` lists the mismatches of a recording.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pylmer.errors import FormulaError
from pylmer.formula.algebra import drop_terms, update_formula
from pylmer.formula.ast import Call, Constant, Name, Node, Number, String
from pylmer.formula.bars import expandDoubleVerts, findbars, nobars, subbars
from pylmer.formula.deparse import deparse, deparse_lines, variable_name
from pylmer.formula.parse import Formula, parse, parse_formula
from pylmer.formula.terms import terms

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "formula"
ERROR = {"error"}
BARS = ("findbars", "nobars", "subbars", "doubled")
# Where lme4 stumbles over its own code instead of saying what is wrong: an empty call, `g 1` in a double bar.
CRASHES = (
    "subscript out of bounds",
    "length(term) >= 3 is not TRUE",
    "<text>:",
    "is missing, with no default",
    "values must be length 1",
)


def tree(node: Node | None) -> Any:
    if node is None:
        return "empty"
    if isinstance(node, Name):
        return f"name:{node.name}"
    if isinstance(node, Constant):
        return f"constant:{node.name}"
    if isinstance(node, String):
        return f"string:{node.value}"
    if isinstance(node, Number):
        return f"integer:{node.value:.0f}" if node.integer else f"number:{node.value:.17g}"
    assert isinstance(node, Call)
    head = node.function if isinstance(node.function, str) else tree(node.function)
    return [head, [arg.name or "" for arg in node.args], *(tree(arg.value) for arg in node.args)]


def terms_record(formula: Formula, data_names: tuple[str, ...] | None) -> dict[str, Any]:
    found = terms(formula, data_names)
    return {
        "variables": [variable_name(node) for node in found.variables],
        "labels": list(found.term_labels),
        "order": list(found.order),
        "intercept": found.intercept,
        "response": found.response,
        "offset": [i + 1 for i in found.offset],
        "factors": found.factors.tolist() if found.bits else [],
        "formula": str(found),
    }


def dropped(formula: Formula) -> str | None:
    found = terms(formula)
    return None if len(found.bits) < 2 else str(drop_terms(found, [0], keep_response=True))


def answers(text: str, data_names: tuple[str, ...]) -> dict[str, Callable[[], Any]]:
    """Quantities by R's names; each is computed when it is called."""
    node = parse(text)
    out: dict[str, Callable[[], Any]] = {
        "tree": lambda: tree(node),
        "spelling": lambda: deparse(node),
        "lines": lambda: deparse_lines(node),
    }
    if not (isinstance(node, Call) and node.function == "~"):
        return out
    f = parse_formula(text)
    return out | {
        "terms": lambda: terms_record(f, None),
        "dotted": lambda: terms_record(f, data_names),
        "findbars": lambda: [str(bar) for bar in findbars(f)],
        "nobars": lambda: deparse(nobars(f).rhs),
        "subbars": lambda: str(subbars(f)),
        "doubled": lambda: str(expandDoubleVerts(f)),
        "updated": lambda: str(update_formula(f, ". ~ . + new")),
        "reduced": lambda: str(update_formula(f, "log(.) ~ . - a - 1")),
        "dropped": lambda: dropped(f),
    }


def mismatches(record: dict[str, Any], data_names: tuple[str, ...]) -> Iterator[tuple[str, Any, Any]]:
    """(quantity, R's answer, ours) wherever the two differ; errors count as equal to errors."""
    try:
        ours = answers(record["text"], data_names)
    except FormulaError as error:
        if record.get("error") != "parse":
            yield "parse", record["spelling"], str(error)
        return
    if record.get("error") == "parse":
        yield "parse", "error", deparse(parse(record["text"]))
        return
    for name, compute in ours.items():
        expected = record.get(name)
        try:
            got = compute()
        except FormulaError as error:
            got = {"error": str(error)}
        if not exempt(name, record, got):
            got, expected = comparable(got, expected)
            if got != expected:
                yield name, expected, got


def exempt(name: str, record: dict[str, Any], got: Any) -> bool:
    """Whether R's answer is no answer: it stumbles over its own code there."""
    expected = record.get(name)
    if name in BARS and isinstance(expected, dict) and any(crash in expected.get("error", "") for crash in CRASHES):
        return True
    refusal = got.get("error", "") if isinstance(got, dict) else ""
    if name in BARS and ("another bar" in refusal or "unparseable" in refusal or "a tilde inside" in refusal):
        return True  # of 'x || g || h' and '(a + b)/c' lme4 makes something without meaning, such as a group `(`
    if name in BARS and name not in record:
        return True
    # R's drop.terms forgets the parentheses around bars, and takes a lone right side for the left.
    return name == "dropped" and ("|" in record["text"] or record["text"].lstrip()[:1] == "~")


def comparable(got: Any, expected: Any) -> tuple[Any, Any]:
    """Undo what writing to JSON did to lists of one element, and make all errors equal."""
    if isinstance(got, dict) and got.keys() == ERROR:
        got = ERROR
    if isinstance(expected, dict) and expected.keys() == ERROR:
        expected = ERROR
    if isinstance(got, list) and not isinstance(expected, list | set):
        expected = [] if expected is None else [expected]
    if isinstance(got, dict) and isinstance(expected, dict):
        boxed = {key for key, value in got.items() if isinstance(value, list)}
        expected = {k: [v] if k in boxed and not isinstance(v, list) else v for k, v in expected.items()}
    return got, expected


def load(path: Path) -> dict[str, Any]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        content: dict[str, Any] = json.load(file)
    return content


def described(records: list[dict[str, Any]], data_names: tuple[str, ...]) -> list[str]:
    """The mismatches of many formulas, each in a few lines."""
    return [
        f"{record['text']!r}: {what}\n  R    {theirs}\n  here {ours}"
        for record in records
        for what, theirs, ours in mismatches(record, data_names)
    ]


if __name__ == "__main__":
    recorded = load(Path(sys.argv[1]))
    found = described(recorded["records"], tuple(recorded["data_names"]))
    print("\n".join(found))
    print(len(recorded["records"]), "texts,", len(found), "mismatches")
