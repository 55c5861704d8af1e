"""The types of R that a formula's expressions take: numbers, truth values, strings, factors, matrices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

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
            self._factor = factor_from_strings(self.raw, collation_in_force())
        return self._factor

    def labels(self) -> NDArray[np.object_]:
        """``(n,)`` the strings as Python objects, None where missing."""
        return self.factor().labels()


Value = Vector | Matrix | Character | Factor


def collation_in_force() -> Collation:
    """What sorts the levels of character variables: the option ``collation``, ``"C"`` unless it is set."""
    collation: Collation = getattr(current_options(), "collation", "C")
    return collation


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


def missing(value: Value) -> NDArray[np.bool_] | None:
    """``(n,)`` which rows have a missing value; None where no row has."""
    if isinstance(value, Vector):
        x = value.values
        if np.isfinite(x.dot(x)):  # one cheap pass: no NaN can hide in a finite sum of squares
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
