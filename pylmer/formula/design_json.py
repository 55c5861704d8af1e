"""A design as plain JSON and back: matrices, random-effects terms, model frame and schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from pylmer.errors import DataError
from pylmer.formula.array_json import (
    codes_from,
    floats,
    floats_from,
    integers,
    integers_from,
    labels,
    labels_from,
)
from pylmer.formula.design import CallText, Design, ReTerm, ReTerms
from pylmer.formula.evaluate import Environment
from pylmer.formula.frame import ModelFrame
from pylmer.formula.schema import Schema
from pylmer.formula.schema_json import schema_from_json, schema_to_json
from pylmer.formula.table import RowNames, Table
from pylmer.formula.values import Character, FloatArray, Matrix, Value, Vector
from pylmer.rcompat.factors import Contrast, Factor

Json = Any

__all__ = ["design_from_json", "design_to_json"]

STRUCTURES = ("us", "diag", "cs", "ar1")


def design_to_json(design: Design) -> dict[str, Json]:
    """Everything in a design, as dicts, lists, strings and numbers that ``json.dumps`` takes."""
    return {
        "y": floats(design.y),
        "X": floats(design.X),
        "X_names": list(design.X_names),
        "terms": [_term(t) for t in design.re.terms],
        "weights": None if design.weights is None else floats(design.weights),
        "offset": None if design.offset is None else floats(design.offset),
        "row_names": labels(design.row_names),
        "response": design.response,
        "call": asdict(design.call),
        "schema": schema_to_json(design.schema),
        "dropped": list(design.dropped),
        "scale_note": design.scale_note,
        "na_rows": integers(design.na_rows),
        "na_exclude": design.na_exclude,
        "na_row_names": labels(design.na_row_names),
        "frame": None if design.frame is None else _frame(design.frame),
    }


def design_from_json(spelled: Mapping[str, Json]) -> Design:
    """The design that :func:`design_to_json` wrote.

    Raises
    ------
    DataError
        If a part is missing, of another kind, or does not fit the others.
    """
    y = floats_from(spelled["y"], "y")
    if y.ndim != 1 or not len(y):
        raise DataError(f"y has shape {y.shape}, not (n,)")
    n = len(y)
    X_names = _texts(spelled["X_names"], "X_names")
    na_rows = integers_from(spelled["na_rows"], "na_rows")
    if len(na_rows) and (na_rows.min() < 0 or na_rows.max() >= n + len(na_rows) or (np.diff(na_rows) <= 0).any()):
        raise DataError("na_rows are no increasing positions of rows")
    weights = _optional(spelled["weights"], "weights", n)
    if weights is not None and (weights < 0).any():
        raise DataError("weights: some are negative")
    schema = schema_from_json(spelled["schema"])
    row_names = labels_from(spelled["row_names"], "row_names", n)
    design = Design(
        y=y,
        X=floats_from(spelled["X"], "X", (n, len(X_names))),
        X_names=X_names,
        re=ReTerms(tuple(_term_from(t, n) for t in spelled["terms"])),
        weights=weights,
        offset=_optional(spelled["offset"], "offset", n),
        row_names=row_names,
        response=_text(spelled["response"], "response"),
        call=_call(spelled["call"]),
        schema=schema,
        dropped=_texts(spelled["dropped"], "dropped"),
        scale_note=_text(spelled.get("scale_note", ""), "scale_note"),
        na_rows=na_rows,
        na_exclude=_truth(spelled["na_exclude"], "na_exclude"),
        na_row_names=labels_from(spelled["na_row_names"], "na_row_names", len(na_rows)),
        frame=None if spelled["frame"] is None else _frame_from(spelled["frame"], n, row_names, schema),
    )
    _agree(design)
    return design


def _agree(design: Design) -> None:
    """Whether the schema is that of the matrices."""
    schema, terms = design.schema, design.re.terms
    columns = np.asarray(schema.columns, dtype=object)
    if len(schema.assign) != len(columns) or (
        len(schema.kept) and (schema.kept.min() < 0 or schema.kept.max() >= len(columns))
    ):
        raise DataError("the schema's columns, assign and kept do not fit together")
    if tuple(columns[schema.kept].tolist()) != design.X_names:
        raise DataError(f"X has columns {design.X_names}, the schema others")
    if not terms or len(schema.bars) != len(terms) or tuple(t.names for t in terms) != schema.effects:
        raise DataError("the random-effects terms are not those of the schema")
    for t in terms:
        if schema.group_levels.get(t.group) != t.levels:
            raise DataError(f"the levels of {t.group!r} are not those of the schema")


def _term(t: ReTerm) -> Json:
    return {
        "group": t.group,
        "codes": integers(t.codes),
        "levels": list(t.levels),
        "names": list(t.names),
        "columns": floats(t.columns),
        "label": t.label,
        "structure": t.structure,
        "hom": t.hom,
    }


def _term_from(spelled: Mapping[str, Json], n: int) -> ReTerm:
    group = _text(spelled["group"], "group")
    levels, names = _texts(spelled["levels"], "levels"), _texts(spelled["names"], "names")
    if spelled["structure"] not in STRUCTURES:
        raise DataError(f"structure={spelled['structure']!r}: one of {', '.join(STRUCTURES)}")
    if not names:
        raise DataError(f"the term of {group!r} has no columns")
    return ReTerm(
        group,
        codes_from(spelled["codes"], f"the codes of {group!r}", n, len(levels)),
        levels,
        names,
        floats_from(spelled["columns"], f"the columns of {group!r}", (n, len(names))),
        _text(spelled["label"], "label"),
        spelled["structure"],
        _truth(spelled["hom"], "hom"),
    )


def _frame(frame: ModelFrame) -> Json:
    return {
        "variables": {label: _value(value) for label, value in frame.variables.items()},
        "response": frame.response,
        "weights": None if frame.weights is None else floats(frame.weights),
        "offset": None if frame.offset is None else floats(frame.offset),
        "rows": None if frame.rows is None else integers(frame.rows),
        "na_rows": integers(frame.na_rows),
        "na_exclude": frame.na_exclude,
        "na_row_names": labels(frame.na_row_names),
    }


def _frame_from(spelled: Mapping[str, Json], n: int, row_names: RowNames, schema: Schema) -> ModelFrame:
    variables = {_text(label, "variable"): _value_from(v, n) for label, v in spelled["variables"].items()}
    table = Table(tuple(variables), n, variables.__getitem__, lambda: row_names)
    na_rows = integers_from(spelled["na_rows"], "na_rows")
    return ModelFrame(
        variables,
        None if spelled["response"] is None else _text(spelled["response"], "response"),
        _optional(spelled["weights"], "weights", n),
        _optional(spelled["offset"], "offset", n),
        row_names,
        None if spelled["rows"] is None else integers_from(spelled["rows"], "rows", n),
        Environment(table, schema.plan.written, dict(schema.memory), replay=True),
        n,
        na_rows,
        _truth(spelled["na_exclude"], "na_exclude"),
        labels_from(spelled["na_row_names"], "na_row_names", len(na_rows)),
    )


def _value(value: Value) -> Json:
    if isinstance(value, Vector):
        return {"kind": value.kind, "values": floats(value.values)}
    if isinstance(value, Matrix):
        return {
            "kind": "matrix",
            "values": floats(value.values),
            "names": None if value.names is None else [*value.names],
        }
    f = value if isinstance(value, Factor) else value.factor()
    kind = "character" if isinstance(value, Character) else "ordered" if f.ordered else "factor"
    c = f.contrasts
    if isinstance(c, Contrast):
        c = {"matrix": floats(c.matrix), "names": None if c.names is None else [*c.names]}  # type: ignore[assignment]
    return {"kind": kind, "codes": integers(f.codes), "levels": list(f.levels), "contrasts": c}


def _value_from(spelled: Mapping[str, Json], n: int) -> Value:
    kind = spelled["kind"]
    if kind in ("double", "integer", "logical"):
        return Vector(floats_from(spelled["values"], "a variable", (n,), finite=False), kind)
    if kind == "matrix":
        values = floats_from(spelled["values"], "a variable", finite=False)
        names = None if spelled["names"] is None else _texts(spelled["names"], "names")
        if values.ndim != 2 or len(values) != n or (names is not None and len(names) != values.shape[1]):
            raise DataError(f"a matrix among the variables has shape {values.shape} for {n} rows")
        return Matrix(values, names)
    if kind not in ("factor", "ordered", "character"):
        raise DataError(f"a variable of kind {kind!r} is not known")
    levels = _texts(spelled["levels"], "levels")
    codes = codes_from(spelled["codes"], "the codes of a factor", n, len(levels), missing=True)
    f = Factor(codes, levels, kind == "ordered", _contrast_from(spelled["contrasts"]))
    return Character(f.labels(), f) if kind == "character" else f


def _contrast_from(spelled: Json) -> str | Contrast | None:
    if spelled is None or isinstance(spelled, str):
        return spelled
    names = spelled["names"]
    return Contrast(floats_from(spelled["matrix"], "contrasts"), None if names is None else _texts(names, "names"))


def _call(spelled: Mapping[str, Json]) -> CallText:
    found = {f.name: spelled[f.name] for f in fields(CallText)}
    for name, value in found.items():
        if value is not None:
            _text(value, name)
    _text(found["formula"], "formula")
    return CallText(**found)


def _optional(spelled: Json, what: str, n: int) -> FloatArray | None:
    return None if spelled is None else floats_from(spelled, what, (n,))


def _text(spelled: Json, what: str) -> str:
    if not isinstance(spelled, str):
        raise DataError(f"{what} is {spelled!r:.40}, not a text")
    return spelled


def _texts(spelled: Json, what: str) -> tuple[str, ...]:
    if not isinstance(spelled, list):
        raise DataError(f"{what} is {spelled!r:.40}, not a list of texts")
    return tuple(_text(x, what) for x in spelled)


def _truth(spelled: Json, what: str) -> bool:
    if not isinstance(spelled, bool):
        raise DataError(f"{what} is {spelled!r:.40}, not true or false")
    return spelled
