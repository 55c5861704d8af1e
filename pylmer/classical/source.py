"""Where a classical fit comes from: its call, its syntax, its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pylmer.classical.least_squares import FloatArray, IntArray
from pylmer.formula.ast import Node

if TYPE_CHECKING:
    from pylmer.formula.schema import Schema

__all__ = ["Source"]


@dataclass(frozen=True)
class Source:
    """The call of a fit and the rows it used.

    Parameters
    ----------
    call
        Syntax of the call, ``lm(formula = y ~ x, data = d)``.
    formula
        Syntax of the formula, a dot written out.
    response
        The response as R spells it.
    row_names
        ``(n,)`` labels of the rows used.
    na_rows
        Positions, among the rows after ``subset``, of those dropped for a missing value.
    na_names
        Their labels.
    na_exclude
        Whether residuals and fitted values are padded at those rows.
    schema
        What new data need.
    offset
        Evaluates the argument ``offset`` over new data; None where there was none.
    """

    call: Node
    formula: Node
    response: str
    row_names: tuple[object, ...]
    schema: Schema
    na_rows: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    na_names: tuple[object, ...] = ()
    na_exclude: bool = False
    offset: Callable[[object], FloatArray] | None = None

    def series(self, values: FloatArray) -> pd.Series[float]:
        """``(n,)`` values with their row labels, padded with NaN under ``na.exclude`` (R's ``naresid``)."""
        if not (self.na_exclude and len(self.na_rows)):
            return pd.Series(values, index=list(self.row_names), dtype=np.float64)
        total = len(values) + len(self.na_rows)
        dropped = np.zeros(total, dtype=bool)
        dropped[self.na_rows] = True
        padded = np.full(total, np.nan)
        padded[~dropped] = values
        labels = np.empty(total, dtype=object)
        labels[~dropped] = list(self.row_names)
        labels[dropped] = list(self.na_names)
        return pd.Series(padded, index=labels.tolist(), dtype=np.float64)
