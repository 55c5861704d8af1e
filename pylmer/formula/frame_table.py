"""A model frame as a data frame."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pylmer.formula.frame import ModelFrame
from pylmer.formula.table import Table
from pylmer.formula.values import Character, Matrix, Value, Vector
from pylmer.rcompat.factors import Factor

__all__ = ["frame_table", "table_frame"]


def frame_table(frame: ModelFrame) -> pd.DataFrame:
    """The variables of a model frame, labelled by row; a matrix gives one column for each of its own.

    Factors are Categoricals; prior weights and an offset that were arguments come last, as ``(weights)`` and
    ``(offset)``.
    """
    columns: dict[str, object] = {}
    for label, value in frame.variables.items():
        columns.update(_columns(label, value))
    for label, extra in (("(weights)", frame.weights), ("(offset)", frame.offset)):
        if extra is not None:
            columns[label] = extra
    return pd.DataFrame(columns, index=list(frame.row_names))


def _columns(label: str, value: Value) -> dict[str, object]:
    if isinstance(value, Matrix):
        names = value.names or tuple(str(j + 1) for j in range(value.values.shape[1]))
        return {f"{label}.{name}": value.values[:, j] for j, name in enumerate(names)}
    if isinstance(value, Factor):
        categories = pd.Index(list(value.levels), dtype=object)
        return {label: pd.Categorical.from_codes(value.codes, categories=categories, ordered=value.ordered)}
    if isinstance(value, Character):
        return {label: value.labels()}
    assert isinstance(value, Vector)
    if value.kind == "logical" and not np.isnan(value.values).any():
        return {label: value.values.astype(bool)}
    return {label: value.values}


def table_frame(table: Table) -> pd.DataFrame:
    """All columns of a table as R sees them, labelled by row."""
    columns: dict[str, object] = {}
    for name in table.names:
        columns.update(_columns(name, table.column(name)))
    return pd.DataFrame(columns, index=list(table.row_names()))
