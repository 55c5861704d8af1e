"""A schema as plain JSON and back: syntax as text, what was learned as numbers and labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pylmer.errors import DataError
from pylmer.formula.ast import Node
from pylmer.formula.contrasts import Contrast, ContrastSpec
from pylmer.formula.deparse import deparse
from pylmer.formula.parse import as_formula, parse
from pylmer.formula.plan import plan_of
from pylmer.formula.schema import Schema, VariableSchema
from pylmer.formula.splines import Knots
from pylmer.formula.transforms_bases import PolynomialBasis

__all__ = ["schema_from_json", "schema_to_json"]

Json = Any


def schema_to_json(schema: Schema) -> dict[str, Json]:
    """Everything in the schema of a mixed model, as dicts, lists, strings and numbers.

    Returns
    -------
    dict
        What ``json.dumps`` takes; floats come back exactly, for Python writes as many digits as they need.
    """
    return {
        "formula": schema.plan.written,
        "dot": schema.plan.dot_names,
        "variables": {label: _variable(v) for label, v in schema.variables.items()},
        "memory": {deparse(node): _spelled(learned) for node, learned in schema.memory.items()},
        "contrasts": {label: _contrast(c) for label, c in schema.contrasts.items()},
        "columns": list(schema.columns),
        "assign": schema.assign.tolist(),
        "kept": schema.kept.tolist(),
        "bars": [_index_of(bar, schema.plan.bars) for bar in schema.bars],
        "group_levels": {label: list(levels) for label, levels in schema.group_levels.items()},
        "effects": [list(names) for names in schema.effects],
    }


def schema_from_json(spelled: Mapping[str, Json]) -> Schema:
    """The schema that :func:`schema_to_json` wrote.

    Raises
    ------
    DataError
        If a part is missing or of another kind.
    """
    try:
        plan = plan_of(as_formula(spelled["formula"]), tuple(spelled["dot"] or ()))
        memory: dict[Node, Any] = {parse(text): _learned(value) for text, value in spelled["memory"].items()}
        return Schema(
            plan,
            {label: _variable_from(v) for label, v in spelled["variables"].items()},
            memory,
            {label: _contrast_from(c) for label, c in spelled["contrasts"].items()},
            tuple(spelled["columns"]),
            np.array(spelled["assign"], dtype=np.intp),
            np.array(spelled["kept"], dtype=np.intp),
            tuple(plan.bars[i] for i in spelled["bars"]),
            {label: tuple(levels) for label, levels in spelled["group_levels"].items()},
            tuple(tuple(names) for names in spelled["effects"]),
        )
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise DataError(f"this is no schema of a fit: {type(error).__name__}: {error}") from None


def _index_of(bar: object, bars: tuple[object, ...]) -> int:
    return next(i for i, b in enumerate(bars) if b is bar)


def _variable(v: VariableSchema) -> dict[str, Json]:
    contrasts = None if v.contrasts is None else _contrast(v.contrasts)
    return {"kind": v.kind, "levels": list(v.levels), "contrasts": contrasts, "width": v.width}


def _variable_from(v: Mapping[str, Json]) -> VariableSchema:
    contrasts = None if v["contrasts"] is None else _contrast_from(v["contrasts"])
    return VariableSchema(v["kind"], tuple(v["levels"]), contrasts, v["width"])


def _contrast(c: ContrastSpec) -> Json:
    if isinstance(c, str):
        return c
    return {"matrix": c.matrix.tolist(), "names": None if c.names is None else list(c.names)}


def _contrast_from(c: Json) -> ContrastSpec:
    if isinstance(c, str):
        return c
    return Contrast(np.array(c["matrix"], dtype=np.float64), None if c["names"] is None else tuple(c["names"]))


def _spelled(learned: object) -> Json:
    """What a data-dependent call learned: numbers, labels, knots, polynomials, and tuples of them."""
    if isinstance(learned, tuple):
        return [_spelled(part) for part in learned]
    if isinstance(learned, Knots):
        return {"interior": list(learned.interior), "boundary": list(learned.boundary)}
    if isinstance(learned, PolynomialBasis):
        return {"centre": list(learned.centre), "norm2": list(learned.norm2)}
    if isinstance(learned, (str, float, int)):
        return learned
    raise DataError(f"a schema cannot be written: it remembers a {type(learned).__name__}")


def _learned(spelled: Json) -> Any:
    if isinstance(spelled, list):
        return tuple(_learned(part) for part in spelled)
    if isinstance(spelled, Mapping) and "interior" in spelled:
        low, high = spelled["boundary"]
        return Knots(tuple(spelled["interior"]), (low, high))
    if isinstance(spelled, Mapping):
        return PolynomialBasis(tuple(spelled["centre"]), tuple(spelled["norm2"]))
    return spelled
