"""Which rows of a table a model uses: ``subset`` first, then the treatment of missing values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from pylmer.errors import DataError
from pylmer.formula.table import RowNames
from pylmer.formula.values import IntArray, Value, missing

__all__ = ["NA_ACTIONS", "Kept", "RowNames", "keep_rows"]

NA_ACTIONS = ("na.omit", "na.exclude", "na.fail", "na.pass")


@dataclass(frozen=True, slots=True)
class Kept:
    """The rows kept.

    Parameters
    ----------
    n
        How many.
    rows
        ``(n,)`` their positions in the table; None where all rows are kept.
    na_rows
        Positions, among the rows after ``subset``, of those dropped for a missing value.
    na_exclude
        Whether results are to be padded there.
    dropped
        Positions of those rows in the table.
    """

    n: int
    rows: IntArray | None
    na_rows: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    na_exclude: bool = False
    dropped: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.intp))


def keep_rows(values: Iterable[Value], n: int, subset: IntArray | None, na_action: str) -> Kept:
    """Choose rows.

    Parameters
    ----------
    values
        What must not be missing, each on the ``n`` rows of the table.
    n
        Number of rows of the table.
    subset
        Positions of the rows chosen beforehand; None for all.
    na_action
        One of R's four names.

    Raises
    ------
    DataError
        With ``na.fail`` and a missing value, or for an unknown action.
    """
    action = na_action if na_action in NA_ACTIONS else na_action.replace("_", ".")
    if action not in NA_ACTIONS:
        raise DataError(f"na_action is {na_action!r}: use one of {', '.join(NA_ACTIONS)}")
    size = n if subset is None else len(subset)
    bad = None if action == "na.pass" else missing(*values)
    if bad is not None and subset is not None:
        bad = bad[subset]
    if bad is None or not bad.any():
        return Kept(size, subset, na_exclude=action == "na.exclude")
    if action == "na.fail":
        raise DataError(
            f"missing values in object: {int(bad.sum())} of {size} rows have one; na_action='na.omit' drops them"
        )
    good = np.flatnonzero(~bad)
    rows = good if subset is None else subset[good]
    na_rows = np.flatnonzero(bad)
    dropped = na_rows if subset is None else subset[na_rows]
    return Kept(len(rows), rows, na_rows, action == "na.exclude", dropped)
