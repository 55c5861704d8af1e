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

__all__ = ["canonical_text", "case_data", "case_hash", "data_hash", "read_file"]


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
    maker = getattr(datasets, name, None)
    if maker is None:
        raise CaseError(f"no data set called {name!r}; known are {', '.join(sorted(datasets.__all__))}")
    frame: pd.DataFrame = maker()
    return frame


@lru_cache(maxsize=4)
def read_file(path: Path) -> pd.DataFrame:
    """Read a CSV file whose types stand beside it in ``<name>.schema.json``; nothing is guessed.

    The schema is ``{"columns": [{"name": ..., "type": "number" | "factor" | "ordered" | "logical" | "text",
    "levels": [...]}]}``; an empty field is a missing value. A factor's field is the label of the level.

    Raises
    ------
    CaseError
        If the file or its schema is missing, or a column is not in the file.
    """
    schema_path = path.with_suffix(".schema.json")
    for needed in (path, schema_path):
        if not needed.exists():
            raise CaseError(f"there is no file {needed}")
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    columns: dict[str, object] = {}
    for column in json.loads(schema_path.read_text(encoding="utf-8"))["columns"]:
        name, kind = column["name"], column["type"]
        if name not in raw:
            raise CaseError(f"{path} has no column {name!r}; it has {', '.join(raw.columns)}")
        columns[name] = _typed(raw[name], kind, column.get("levels"))
    return pd.DataFrame(columns)


def _typed(raw: pd.Series[str], kind: str, levels: list[str] | None) -> object:
    missing = raw == ""
    if kind in ("factor", "ordered"):
        categories = pd.Index(levels or sorted(set(raw[~missing])), dtype=object)
        return pd.Categorical(raw.where(~missing), categories=categories, ordered=kind == "ordered")
    if kind in ("number", "numeric", "integer"):
        return np.array([np.nan if s == "" else float(s) for s in raw])
    if kind == "logical":
        return (raw.str.upper() == "TRUE").to_numpy()
    return raw.to_numpy(dtype=object)


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
    return _hash_of(case.data, case.file)


@lru_cache(maxsize=64)
def _hash_of(name: str, file: Path | None) -> str:
    return data_hash(canonical_text(_dataset(name) if file is None else read_file(file)))


def data_hash(text: str) -> str:
    """SHA-256 of a canonical text."""
    return hashlib.sha256(text.encode()).hexdigest()
