"""Turning pylmer's answers into labelled values."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rcompare.case import Case
from rcompare.results import Labelled, Text, Value

__all__ = [
    "QUANTILES",
    "FloatArray",
    "Question",
    "api",
    "coefficient_column",
    "frame",
    "joined",
    "number",
    "printed",
    "quantiles",
    "series",
    "vector",
]

FloatArray = NDArray[np.float64]
api: Any = import_module("pylmer")
Question = Callable[[Any, Case], Value | Mapping[str, Value]]
"""How pylmer is asked for a quantity: of the fit and the case, giving a value or several by name."""

QUANTILES = ("Min", "1Q", "Median", "3Q", "Max")


def number(x: float) -> Labelled:
    """A single number."""
    return Labelled(np.asarray(float(x)))


def vector(x: Iterable[float], labels: Iterable[object] | None) -> Labelled:
    """Numbers with labels (None: positions)."""
    names = None if labels is None else tuple(str(v) for v in labels)
    return Labelled(np.asarray(list(x), dtype=np.float64), (names,))


def series(s: pd.Series[float]) -> Labelled:
    """A labelled series."""
    return vector(s.to_numpy(dtype=np.float64), s.index)


def frame(d: pd.DataFrame) -> Labelled:
    """A labelled matrix."""
    rows, columns = (tuple(str(v) for v in axis) for axis in (d.index, d.columns))
    return Labelled(d.to_numpy(dtype=np.float64), (rows, columns))


def printed(thing: object) -> Text:
    """Lines of what ``print`` shows."""
    stream = io.StringIO()
    with redirect_stdout(stream):
        print(thing)
    text = stream.getvalue()
    return Text(tuple(text[:-1].split("\n") if text.endswith("\n") else text.split("\n")))


def joined(*parts: object) -> str:
    """A label of several parts."""
    return " | ".join(str(p) for p in parts)


def coefficient_column(column: str) -> Question:
    """Ask for a column of the table of coefficients."""

    def ask(m: Any, case: Case) -> Value:
        table = api.summary(m).coefficients
        return vector(table[column].to_numpy(dtype=np.float64), table.index)

    return ask


def quantiles(x: FloatArray) -> Labelled:
    """Give the five numbers that summaries of residuals show (R's type 7)."""
    return vector(np.quantile(x, [0, 0.25, 0.5, 0.75, 1]), QUANTILES)
