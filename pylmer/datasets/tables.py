"""Reading the tables that ``ci/export_datasets.R`` wrote, with R's types: nothing about a column is guessed.

A table is parsed once in the life of a process; every call for a data frame copies the parsed arrays, so that a caller
may change the frame at will.
"""

from __future__ import annotations

import json
import lzma
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["Column", "Table", "read_table"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its values, or the codes (from 0) of a factor and the factor's levels.

    Attributes
    ----------
    values : ndarray of shape (n,)
        float64 for numeric, int64 for integer; int32 codes if `dtype` is given.
    dtype : CategoricalDtype or None
        Levels in R's order, ``ordered=True`` for an ordered factor.
    """

    values: np.ndarray[Any, Any]
    dtype: pd.CategoricalDtype | None = None

    def fresh(self) -> pd.Categorical | np.ndarray[Any, Any]:
        """Copy the column into something that a data frame can own."""
        values = self.values.copy()
        if self.dtype is None:
            return values
        return pd.Categorical.from_codes(values, dtype=self.dtype, validate=False)


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by name, and R's row names: None where they are 1, 2, ..., n."""

    columns: dict[str, Column]
    row_names: tuple[str, ...] | None = None

    def frame(self) -> pd.DataFrame:
        """Make a new data frame; its index prints R's row labels."""
        n = len(next(iter(self.columns.values())).values)
        index = pd.RangeIndex(1, n + 1) if self.row_names is None else pd.Index(self.row_names, dtype=object)
        return pd.DataFrame({name: column.fresh() for name, column in self.columns.items()}, index=index, copy=False)


def factor_dtype(levels: list[str], ordered: bool = False) -> pd.CategoricalDtype:
    """Make the pandas type of an R factor.

    The levels are Python strings in an object index: the same in every version of pandas, and quick to read.
    """
    return pd.CategoricalDtype(pd.Index(levels, dtype=object), ordered=ordered)


def _levels(stored: list[str] | dict[str, int]) -> list[str]:
    if isinstance(stored, dict):
        return [str(i) for i in range(1, stored["count"] + 1)]
    return stored


def _column(description: dict[str, Any], numbers: np.ndarray[Any, Any]) -> Column:
    kind = description["type"]
    stored = {"numeric": np.float64, "integer": np.int64}.get(kind, np.int32)
    values: np.ndarray[Any, Any] = numbers.astype(stored)
    dtype = None
    if stored is np.int32:
        values -= 1
        dtype = factor_dtype(_levels(description["levels"]), ordered=kind == "ordered")
    values.flags.writeable = False
    return Column(values, dtype)


@cache
def read_table(name: str) -> Table:
    """Parse one of the exported tables.

    Parameters
    ----------
    name : str
        R's name of the data set.

    Returns
    -------
    Table
        Read-only arrays, shared by all callers; ask it for a ``frame()``.
    """
    folder = files("pylmer.datasets") / "data"
    schema = json.loads((folder / f"{name}.schema.json").read_text(encoding="utf-8"))
    lines = lzma.decompress((folder / f"{name}.csv.xz").read_bytes()).decode().splitlines()
    numbers = np.loadtxt(lines, delimiter=",", skiprows=1, ndmin=2)
    columns = {c["name"]: _column(c, numbers[:, i]) for i, c in enumerate(schema["columns"])}
    rows = schema["row_names"]
    return Table(columns, None if rows == "automatic" else tuple(rows))
