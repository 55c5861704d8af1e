"""Numbers that no sum of squares can be made of are refused, with where they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pylmer.errors import DataError
from pylmer.formula.design import Design

FloatArray = NDArray[np.float64]

__all__ = ["refuse_unusable_numbers"]


def refuse_unusable_numbers(design: Design) -> None:
    """Check that response, matrices and offset are finite and prior weights positive.

    Raises
    ------
    DataError
        With the name of the variable, the row and the value met.
    """
    _finite(design.y, design.response or "y", design, "NA/NaN/Inf in 'y'")
    _finite(design.X, "the fixed-effects model matrix", design, "NA/NaN/Inf in X")
    for t in design.re.terms:
        _finite(t.columns, f"the random-effects term ({t.label})", design, "NA/NaN/Inf in Z")
    if design.offset is not None:
        _finite(design.offset, "the offset", design, "NA/NaN/Inf in the offset")
    w = design.weights
    if w is None:
        return
    _finite(w, "the weights", design, "NA/NaN/Inf in the weights")
    if not (w > 0).all():
        sentence = "all(weights >= 0) is not TRUE" if (w < 0).any() else "prior weights must be positive"
        row = int(np.argmin(w))
        advice = "leave such rows out with subset" if w[row] == 0 else "a weight is an inverse variance"
        raise DataError(f"{sentence}: row {design.row_names[row]} has weight {w[row]:g}; {advice}")


def _finite(values: FloatArray, what: str, design: Design, sentence: str) -> None:
    if np.isfinite(values).all():
        return
    row = int(np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))[0])
    met = values.reshape(len(values), -1)[row]
    value = met[~np.isfinite(met)][0]
    raise DataError(
        f"{sentence}: {what} is {value:g} in row {design.row_names[row]}; correct it, or leave the row out with subset"
    )
