"""Arrow columns as R's types, batch after batch: what one batch says of a column must fit what the others said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pylmer.errors import DataError
from pylmer.formula.table import Table
from pylmer.formula.values import Character, Kind, Value, Vector
from pylmer.rcompat.factors import Factor, as_labels

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CHANGED", "ColumnTypes", "Dictionary"]

CHANGED = "the data changed between two passes over the batches"


@dataclass
class Dictionary:
    """The levels of a factor column: those of the first batch, then what later ones add, as Arrow joins them."""

    ordered: bool = False
    place: dict[str, int] = field(default_factory=dict)
    frozen: bool = False
    _last: tuple[Any, np.ndarray[Any, np.dtype[np.intp]]] | None = None
    _levels: tuple[str, ...] = ()

    @property
    def levels(self) -> tuple[str, ...]:
        """All levels met so far."""
        if len(self._levels) != len(self.place):
            self._levels = tuple(self.place)
        return self._levels

    def lookup(self, dictionary: pa.Array) -> np.ndarray[Any, np.dtype[np.intp]]:
        """Where the entries of a batch's own dictionary stand; one more entry, -1, for a missing value."""
        if self._last is not None and self._last[0].equals(dictionary):
            return self._last[1]
        labels = as_labels(dictionary.to_pylist())
        if self.frozen and (new := [label for label in labels if label not in self.place]):
            raise DataError(f"{CHANGED}: level {new[0]!r} is new")
        where = [self.place.setdefault(label, len(self.place)) for label in labels]
        found = np.array([*where, -1], dtype=np.intp)
        self._last = (dictionary, found)
        return found


@dataclass
class ColumnTypes:
    """What is known of the columns.

    Parameters
    ----------
    kinds
        For each column: ``"double"``, ``"integer"``, ``"logical"``, ``"character"`` or ``"factor"``.
    dictionaries
        The levels of each factor column.
    """

    kinds: dict[str, str] = field(default_factory=dict)
    dictionaries: dict[str, Dictionary] = field(default_factory=dict)

    @classmethod
    def of(cls, types: Mapping[str, pa.DataType]) -> ColumnTypes:
        """Begin with the types that are known before the rows are read."""
        known = cls()
        for name, kind in types.items():
            known._note(name, _kind_of(kind, name, strict=False))
        return known

    def freeze(self) -> None:
        """Nothing new may come from now on."""
        for dictionary in self.dictionaries.values():
            dictionary.frozen = True

    def table(self, block: pa.Table) -> Table:
        """A block of rows, its columns typed as R would have them."""
        names = tuple(block.column_names)

        def fetch(name: str) -> Value:
            if name not in names:
                raise KeyError(name)
            return self.value(block.column(name), name)

        return Table(names, block.num_rows, fetch, None)

    def value(self, column: pa.ChunkedArray, name: str) -> Value:
        """One column of a block."""
        import pyarrow as pa

        if pa.types.is_null(column.type):
            return self._nothing(len(column), name)
        declared = self.kinds.get(name)
        kind = _kind_of(column.type, name)
        if kind == "factor" and declared == "character":  # strings that the reader gives as codes
            return _strings(column)
        self._note(name, kind)
        if kind == "factor":
            return self._factor(column, name)
        if kind == "character":
            return _strings(column)
        return Vector(_numbers(column, kind), "logical" if kind == "logical" else _number(kind))

    def _note(self, name: str, kind: str) -> None:
        known = self.kinds.get(name, "unknown")
        if kind in ("unknown", known):
            return
        if known != "unknown" and {known, kind} != {"integer", "double"}:
            raise DataError(
                f"column {name!r} is {_WORDS[known]} in one batch and {_WORDS[kind]} in another: give it one type"
            )
        if not (known == "double" and kind == "integer"):
            self.kinds[name] = kind

    def _factor(self, column: pa.ChunkedArray, name: str) -> Factor:
        dictionary = self.dictionaries.setdefault(name, Dictionary(bool(column.type.ordered)))
        codes = [dictionary.lookup(chunk.dictionary)[_codes(chunk)] for chunk in column.chunks] or [
            np.empty(0, dtype=np.intp)
        ]
        return Factor(codes[0] if len(codes) == 1 else np.concatenate(codes), dictionary.levels, dictionary.ordered)

    def _nothing(self, n: int, name: str) -> Value:
        """A column without a value in this block; of what type, other blocks may say."""
        known = self.kinds.get(name, "unknown")
        if known == "factor":
            dictionary = self.dictionaries.setdefault(name, Dictionary())
            return Factor(np.full(n, -1, dtype=np.intp), dictionary.levels, dictionary.ordered)
        if known == "character":
            return Character(pd.Categorical.from_codes(np.full(n, -1), categories=pd.Index([], dtype=object)))
        return Vector(np.full(n, np.nan), "logical" if known == "logical" else "double")


_WORDS = {
    "double": "numeric",
    "integer": "numeric",
    "logical": "logical",
    "character": "character",
    "factor": "a factor",
    "unknown": "of no known type",
}


def _number(kind: str) -> Kind:
    return "integer" if kind == "integer" else "double"


def _kind_of(kind: pa.DataType, name: str, strict: bool = True) -> str:
    """R's word for an Arrow type; an error where there is none and it is ``strict``."""
    from pyarrow import types

    if types.is_floating(kind) or types.is_decimal(kind):
        return "double"
    if types.is_integer(kind):
        return "integer"
    if types.is_boolean(kind):
        return "logical"
    if types.is_dictionary(kind):
        return "factor"
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return "character"
    if not strict or types.is_null(kind):
        return "unknown"
    raise DataError(
        f"invalid type ({kind}) for variable '{name}': convert it to numbers, strings, truth values or a dictionary"
    )


def _numbers(column: pa.ChunkedArray, kind: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.null_count or kind == "logical" or pa.types.is_decimal(column.type):
        column = pc.cast(column, pa.float64(), safe=False)
    return np.asarray(column.to_numpy()).astype(np.float64, copy=False)


def _codes(chunk: pa.DictionaryArray) -> np.ndarray[Any, np.dtype[np.intp]]:
    indices = chunk.indices
    if indices.null_count:
        indices = indices.cast("int64").fill_null(-1)
    return np.asarray(indices.to_numpy(zero_copy_only=False)).astype(np.intp, copy=False)


def _strings(column: pa.ChunkedArray) -> Character:
    """Strings as codes among the different ones, which costs no Python object for a row."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    joined = column.combine_chunks()
    codes = _codes(joined)
    labels = joined.dictionary.to_pylist()
    if None in labels:  # a dictionary may hold a missing value
        at = labels.index(None)
        codes = np.where(codes == at, -1, codes - (codes > at))
        labels.pop(at)
    return Character(pd.Categorical.from_codes(codes, categories=pd.Index(labels, dtype=object)))
