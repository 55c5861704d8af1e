"""The sums of a design whose rows were read in batches: they are there already, the rows are not."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pylmer.criterion.usable import refuse_unusable_numbers
from pylmer.formula.batches.rows import LazyRows, RowsInBatches
from pylmer.formula.design import Design
from pylmer.linalg.cross_products import Factor

FloatArray = NDArray[np.float64]

__all__ = ["lazy_X", "lazy_factors", "refuse_unusable_batches"]


def refuse_unusable_batches(rows: RowsInBatches) -> None:
    """Where the sums are not finite, or a weight is not positive, go through the rows and say where.

    Raises
    ------
    DataError
        With the name of the variable, the row and the value met.
    """
    finite = all(np.isfinite(part).all() for part in (*rows.sums.A, *rows.sums.B, rows.sums.C))
    if finite and np.isfinite(rows.log_weights):
        return
    for part in rows.designs():
        refuse_unusable_numbers(part)


def lazy_factors(design: Design) -> tuple[tuple[Factor, ...], tuple[tuple[int, slice], ...]]:
    """The grouping factors with the columns of their terms side by side, and the place of each term."""
    groups, terms, n = design.re.groups, design.re.terms, design.n
    place: list[tuple[int, slice]] = []
    width = [0] * len(groups)
    for t in terms:
        f = groups.index(t.group)
        place.append((f, slice(width[f], width[f] + t.k)))
        width[f] += t.k
    factors = []
    for group, k in zip(groups, width, strict=True):
        first = design.re.flist[group]

        def columns(group: str = group) -> FloatArray:
            Z = np.concatenate([np.asarray(t.columns) for t in terms if t.group == group], axis=1)
            return Z if design.weights is None else Z * np.sqrt(np.asarray(design.weights))[:, None]

        rows: Any = LazyRows((n, k), columns, f"the columns of {group}")
        factors.append(Factor(first.codes, rows, first.J))
    return tuple(factors), tuple(place)


def lazy_X(design: Design) -> FloatArray:
    """``(p, n)``: X, times the square roots of the weights."""

    def read() -> FloatArray:
        X = np.asarray(design.X).T
        return np.ascontiguousarray(X if design.weights is None else X * np.sqrt(np.asarray(design.weights)))

    return cast(FloatArray, LazyRows((design.p, design.n), read, "X"))
