"""The data of a case: a data set of :mod:`pylmer.datasets` or a user's file, and the hash that proves what was seen."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pylmer import datasets
from rcompare.case import Case, CaseError

__all__ = [
    "canonical_text",
    "case_data",
    "case_hash",
    "data_hash",
    "draft_schema",
    "read_file",
    "schema_path",
]


def case_data(case: Case) -> pd.DataFrame:
    """The table that a case is about, with R's types.

    Raises
    ------
    CaseError
        If there is no such data set or file.
    """
    return _dataset(case.data) if case.file is None else read_file(case.file)


@lru_cache(maxsize=4)
def _dataset(name: str) -> pd.DataFrame:
    maker = getattr(datasets, name) if name in datasets.__all__ else None
    if maker is None:
        raise CaseError(f"no data set called {name!r}; known are {', '.join(sorted(datasets.__all__))}")
    frame: pd.DataFrame = maker()
    return frame


def schema_path(path: Path) -> Path:
    """Where the types of a table stand: ``lab.schema.json`` beside ``lab.csv``."""
    return path.with_name(path.name.partition(".csv")[0] + ".schema.json")


def read_file(path: Path) -> pd.DataFrame:
    """Read a CSV file whose types stand beside it in ``<name>.schema.json``; nothing is guessed.

    The schema is ``{"columns": [{"name": ..., "type": "number" | "factor" | "ordered" | "logical" | "text",
    "levels": [...]}]}``; an empty field, or ``NA`` where it is no level, is a missing value. A factor's field is the
    label of the level. ``rcompare schema FILE`` drafts one.

    Raises
    ------
    CaseError
        If the file or its schema is missing or cannot be read, a column is not in the file, or a field has not the type
        that the schema says.
    """
    schema = schema_path(path)
    return _read(path, schema, _written(path, schema))


def _written(*paths: Path) -> tuple[int, ...]:
    """When files were last written, so that nothing is remembered of a file that has changed."""
    return tuple(p.stat().st_mtime_ns for p in paths if p.exists())


@lru_cache(maxsize=4)
def _read(path: Path, schema: Path, written: tuple[int, ...]) -> pd.DataFrame:
    if path.exists() and not schema.exists():
        raise CaseError(
            f"there is no file {schema}, which says the types of the columns; draft it: rcompare schema {path}"
        )
    raw = _raw(path)
    columns: dict[str, object] = {}
    try:
        entries = [(str(c["name"]), str(c["type"]), c.get("levels")) for c in _json(schema)["columns"]]
    except (ValueError, KeyError, TypeError) as err:
        raise CaseError(f"{schema} is not a schema of a table ({err!r}); draft one: rcompare schema {path}") from None
    for name, kind, levels in entries:
        if name not in raw:
            raise CaseError(f"{path} has no column {name!r}; it has {', '.join(raw.columns)}")
        columns[name] = _typed(raw[name], kind, levels, f"{path}, column {name!r}")
    return pd.DataFrame(columns)


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _raw(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise CaseError(f"there is no file {path}")
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (ValueError, OSError) as err:
        raise CaseError(f"{path} cannot be read as a table: {err}") from None


def _typed(raw: pd.Series[str], kind: str, levels: list[str] | None, where: str) -> object:
    missing = (raw == "") | ((raw == "NA") & ("NA" not in (levels or ())))
    if kind in ("factor", "ordered"):
        categories = [str(v) for v in levels] if levels else sorted(set(raw[~missing]))
        _only(raw[~missing], set(categories), "among the levels of the schema", where)
        return pd.Categorical(
            raw.where(~missing), categories=pd.Index(categories, dtype=object), ordered=kind == "ordered"
        )
    if kind in ("number", "numeric", "integer"):
        numbers = pd.to_numeric(raw.where(~missing), errors="coerce").to_numpy(dtype=np.float64)
        _only(raw[~missing], set(raw[~np.isnan(numbers)]), "a number", where)
        return np.array([np.nan if gone else float(s) for s, gone in zip(raw, missing, strict=True)])
    if kind == "logical":
        _only(raw, {"TRUE", "FALSE"}, "TRUE or FALSE (where some are missing, make it a factor)", where)
        return (raw == "TRUE").to_numpy()
    if kind != "text":
        raise CaseError(f"{where}: unknown type {kind!r}; known are number, factor, ordered, logical, text")
    return raw.where(~missing, None).to_numpy(dtype=object)


def _only(fields: pd.Series[str], allowed: set[str], what: str, where: str) -> None:
    for row, field in zip(fields.index, fields, strict=True):
        if field not in allowed:
            raise CaseError(f"{where}, row {int(row) + 1}: {field!r} is not {what}")


def draft_schema(path: Path) -> tuple[str, list[str]]:
    """Draft the schema of a table.

    Returns
    -------
    tuple
        The JSON text, and a line about every column for the user to look over.

    Raises
    ------
    CaseError
        If the table cannot be read.
    """
    raw = _raw(path)
    entries, lines = [], []
    for name in raw.columns:
        fields = raw[name][(raw[name] != "") & (raw[name] != "NA")]
        entry: dict[str, object] = {"name": str(name), "type": "factor"}
        if len(fields) and pd.to_numeric(fields, errors="coerce").notna().all():
            entry["type"] = "number"
        elif len(fields) == len(raw) and set(fields) <= {"TRUE", "FALSE"}:
            entry["type"] = "logical"
        else:
            entry["levels"] = sorted(set(fields))
        levels = entry.get("levels")
        shown = f": {', '.join(levels[:6])}{' ...' if len(levels) > 6 else ''}" if isinstance(levels, list) else ""
        lines.append(f"{name}: {entry['type']}{shown} ({len(raw) - len(fields)} missing of {len(raw)})")
        entries.append(entry)
    body = ",\n".join("  " + json.dumps(entry, ensure_ascii=False) for entry in entries)
    return f'{{"columns": [\n{body}\n]}}\n', lines


def canonical_text(frame: pd.DataFrame) -> str:
    """Text of a table that R can write too (``rc_canonical`` in data.R): types, levels, 17 significant digits."""
    head, body = [], []
    for name in frame.columns:
        kind, levels, fields = _canonical_column(frame[name])
        head.append("\t".join([str(name), kind, *levels]))
        body.append(" ".join(fields))
    return "\n".join([*head, *body, ""])


def _canonical_column(column: pd.Series[Any]) -> tuple[str, list[str], list[str]]:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        codes = np.asarray(column.cat.codes)
        fields = ["NA" if c < 0 else str(c + 1) for c in codes.tolist()]
        return ("ordered" if dtype.ordered else "factor"), [str(v) for v in dtype.categories], fields
    if pd.api.types.is_bool_dtype(dtype):
        return "logical", [], ["1" if v else "0" for v in column]
    if pd.api.types.is_numeric_dtype(dtype):
        values = column.to_numpy(dtype=np.float64)
        return "number", [], ["NA" if np.isnan(v) else f"{v:.17g}" for v in values.tolist()]
    return "text", [], ["NA" if pd.isna(v) else str(v) for v in column]


def case_hash(case: Case) -> str:
    """SHA-256 of a case's table, worked out once for each table."""
    written = () if case.file is None else _written(case.file, schema_path(case.file))
    return _hash_of(case.data, case.file, written)


@lru_cache(maxsize=64)
def _hash_of(name: str, file: Path | None, written: tuple[int, ...]) -> str:
    return data_hash(canonical_text(_dataset(name) if file is None else read_file(file)))


def data_hash(text: str) -> str:
    """SHA-256 of a canonical text."""
    return hashlib.sha256(text.encode()).hexdigest()
