"""R's coercions between numbers, truth values, strings and factors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pylmer.formula.values import Character, FloatArray, Kind, Matrix, Value, Vector
from pylmer.rcompat.factors import Factor, factor_from_numbers, number_labels

__all__ = ["as_double", "as_factor", "as_strings", "common_kind", "strings_of"]

_RANK: dict[str, int] = {"logical": 0, "integer": 1, "double": 2}


def as_strings(value: Value) -> list[str | None]:
    """``as.character(x)``; None is NA."""
    if isinstance(value, (Factor, Character)):
        labels: list[str | None] = value.labels().tolist()
        return labels
    if isinstance(value, Vector) and value.kind == "logical":
        return [None if v != v else "TRUE" if v else "FALSE" for v in value.values.tolist()]
    integer = isinstance(value, Vector) and value.kind == "integer"
    return strings_of(value.values.ravel(order="F"), integer)


def strings_of(values: FloatArray, integer: bool) -> list[str | None]:
    """Numbers as R spells them, each distinct one spelled once."""
    uniques, where = np.unique(values, return_inverse=True)
    spelled: list[str | None] = [None if u != u else number_labels(np.array([u]), integer)[0] for u in uniques]
    return [spelled[i] for i in where.tolist()]


def as_factor(value: Value) -> Factor:
    """``factor(x)``; a factor stays as it is."""
    if isinstance(value, Factor):
        return value
    if isinstance(value, Character):
        return value.factor()
    if isinstance(value, Vector) and value.kind == "logical":
        return _factor_from_truth(value.values)
    integer = isinstance(value, Vector) and value.kind == "integer"
    return factor_from_numbers(value.values if isinstance(value, Vector) else value.values.ravel(order="F"), integer)


def _factor_from_truth(values: FloatArray) -> Factor:
    known = ~np.isnan(values)
    met = [bool((values[known] == v).any()) for v in (0.0, 1.0)]
    codes = np.full(len(values), -1, dtype=np.intp)
    codes[known] = values[known].astype(np.intp) - (0 if met[0] else 1)
    return Factor(codes, tuple(label for label, here in zip(("FALSE", "TRUE"), met, strict=True) if here))


def as_double(value: Value) -> FloatArray:
    """``as.numeric(x)``: the codes of a factor counted from 1, the numbers that strings spell (else NaN)."""
    if isinstance(value, (Vector, Matrix)):
        return value.values
    if isinstance(value, Factor):
        return np.where(value.codes < 0, np.nan, value.codes + 1.0)
    return np.array([_number_spelled(s) for s in value.labels().tolist()], dtype=np.float64)


def _number_spelled(text: str | None) -> float:
    if text is None:
        return np.nan
    try:
        return float(text.strip()) if "_" not in text else np.nan
    except ValueError:
        return np.nan


def common_kind(kinds: Sequence[Kind]) -> Kind:
    """The type that holds them all."""
    return max(kinds, key=_RANK.__getitem__, default="logical")
