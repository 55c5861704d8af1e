"""The types of R that a formula's expressions take: numbers, truth values, strings, factors, matrices."""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.rcompat.factors import Collation, Factor, factor_from_strings
from pylmer.rcompat.options import current_options

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Rows = NDArray[np.intp] | NDArray[np.bool_]
Kind = Literal["double", "integer", "logical"]

__all__ = [
    "Character",
    "FloatArray",
    "IntArray",
    "Kind",
    "Matrix",
    "Rows",
    "Value",
    "Vector",
    "collation_in_force",
    "missing",
    "take",
]


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """Numbers or truth values: ``(n,)`` doubles (truth values as 0 and 1, NA as NaN) and R's type of them."""

    values: FloatArray
    kind: Kind = "double"

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """A numeric matrix: ``(n, k)`` values and, where it has some, names of its columns."""

    values: FloatArray
    names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.values)


@dataclass(slots=True, eq=False)
class Character:
    """Strings; ``raw`` is any array of them that pandas can factorize, with a missing value for NA."""

    raw: object
    _factor: Factor | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.raw)  # type: ignore[arg-type]

    def factor(self) -> Factor:
        """``factor(x)``: levels sorted by the collation in force."""
        if self._factor is None:
            self._factor = _factor_of_strings(self.raw, collation_in_force())
        return self._factor

    def labels(self) -> NDArray[np.object_]:
        """``(n,)`` the strings as Python objects, None where missing."""
        return self.factor().labels()


Value = Vector | Matrix | Character | Factor

_seen: dict[int, tuple[weakref.ref[Any], Collation, Factor]] = {}
_MOST_SEEN = 64


def _factor_of_strings(raw: object, collation: Collation) -> Factor:
    """``factor(x)``, remembered for strings that pandas keeps in arrow arrays, which never change."""
    array = getattr(raw, "_pa_array", None)
    if array is None:
        return factor_from_strings(raw, collation)
    known = _seen.get(id(array))
    if known is not None and known[0]() is array and known[1] == collation:
        return known[2]
    made = factor_from_strings(raw, collation)
    if len(_seen) >= _MOST_SEEN:
        _seen.clear()
    _seen[id(array)] = (weakref.ref(array), collation, made)
    return made


def collation_in_force() -> Collation:
    """What sorts the levels of character variables: the option ``collation``, ``"C"`` unless it is set."""
    return current_options().collation


def take(value: Value, rows: Rows) -> Value:
    """The value on some of its rows."""
    if isinstance(value, Vector):
        return Vector(value.values[rows], value.kind)
    if isinstance(value, Factor):
        return value.take(rows)
    if isinstance(value, Matrix):
        return Matrix(value.values[rows], value.names)
    raw = value.raw if isinstance(value.raw, (np.ndarray, pd.api.extensions.ExtensionArray)) else value.labels()
    return Character(raw[rows])


def missing(*values: Value) -> NDArray[np.bool_] | None:
    """``(n,)`` which rows have a missing value in any of the variables; None where no row has."""
    with np.errstate(over="ignore", invalid="ignore"):
        masks = [mask for value in values if (mask := _missing(value)) is not None]
    return np.logical_or.reduce(masks) if masks else None


def _missing(value: Value) -> NDArray[np.bool_] | None:
    if isinstance(value, Vector):
        x = value.values
        if math.isfinite(x.dot(x)):  # one cheap pass: no NaN can hide in a finite sum of squares
            return None
        mask: NDArray[np.bool_] = np.isnan(x)
    elif isinstance(value, Matrix):
        mask = np.asarray(np.isnan(value.values).any(axis=1))
    else:
        codes = value.codes if isinstance(value, Factor) else value.factor().codes
        if not len(codes) or codes.min() >= 0:
            return None
        mask = codes < 0
    return mask if mask.any() else None
