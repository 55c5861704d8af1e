"""Levels that are met batch by batch: numbered as they come, put into R's order when all rows were seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pylmer.errors import DataError, FormulaError
from pylmer.formula.ast import Call, Node, is_call
from pylmer.formula.batches.columns import CHANGED
from pylmer.formula.deparse import deparse
from pylmer.formula.values import Character, FloatArray, IntArray, Matrix, Value, Vector, collation_in_force
from pylmer.rcompat.factors import collation_key, number_labels, unique_numbers

__all__ = ["Crossing", "Grouping", "LevelSet", "grouping_of", "leaf_nodes"]

_TRUTH = {0.0: "FALSE", 1.0: "TRUE"}
#: Up to so many pairs, the number of a pair is looked up in a table of all of them.
TABLE = 1 << 24


@dataclass
class LevelSet:
    """The different values of one variable.

    Parameters
    ----------
    label
        The variable, for errors.
    most
        How many different values are allowed before there is no memory for the model.
    place
        Strings met, each with its number.
    numbers
        Numbers met, sorted.
    kind
        R's word for the type of the values.
    levels
        The labels in R's order, once all rows were seen.
    """

    label: str
    most: float = np.inf
    place: dict[str, int] = field(default_factory=dict)
    numbers: FloatArray = field(default_factory=lambda: np.empty(0))
    kind: str = ""
    levels: tuple[str, ...] = ()
    _ids: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    _code: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.intp))

    @classmethod
    def of(cls, label: str, levels: Sequence[str]) -> LevelSet:
        """Levels that are known beforehand."""
        made = cls(label, place={level: i for i, level in enumerate(levels)}, kind="factor")
        made.finish(levels)
        return made

    def meet(self, value: Value) -> IntArray:
        """Number the values of a batch, new ones after those known: ``(n,)``, -1 for a missing value."""
        codes, values = self._distinct(value)
        return self._met(values)[codes]

    def note(self, value: Value) -> None:
        """Take note of the values of a batch."""
        if isinstance(value, Vector) and not np.isnan(value.values).any():
            self._note(value.kind)
            self._met(_different_numbers(value.values))
        else:
            self._met(self._distinct(value)[1])

    def _met(self, values: Sequence[str] | FloatArray) -> IntArray:
        """Numbers of different values, new ones after those known; one more entry, -1, for a missing value."""
        if isinstance(values, np.ndarray):
            place, known = self._search(values)
            if not known.all():
                new = values[~known]
                at = np.searchsorted(self.numbers, new)
                self._ids = np.insert(self._ids, at, len(self._ids) + np.arange(len(new)))
                self.numbers = np.insert(self.numbers, at, new)
                place, _ = self._search(values)
            ids = np.append(self._ids[place], -1)
        else:
            known_ = self.place
            ids = np.array([*[known_.setdefault(v, len(known_)) for v in values], -1], dtype=np.intp)
        if max(len(self.place), len(self.numbers)) > self.most:
            raise _too_many(self.label, self.most)
        return ids

    def _search(self, values: FloatArray) -> tuple[IntArray, NDArray[np.bool_]]:
        """Where sorted different numbers stand among those known, and whether they are."""
        if not len(self.numbers):
            return np.zeros(len(values), dtype=np.intp), np.zeros(len(values), dtype=bool)
        place = np.minimum(np.searchsorted(self.numbers, values), len(self.numbers) - 1)
        return place, self.numbers[place] == values

    def finish(self, order: Sequence[str] | None = None) -> None:
        """Put the levels into order: that of ``order`` for a factor, numeric, or by collation."""
        if self.kind == "factor":
            wanted = [label for label in order or () if label in self.place]
            self.levels = tuple(wanted)
            self._code = self._codes_of({label: i for i, label in enumerate(wanted)})
        elif self.kind in ("", "character"):
            ordered = sorted(map(str, self.place), key=collation_key(collation_in_force()))  # type: ignore[arg-type]
            self.levels = tuple(str(label) for label in ordered)
            self._code = self._codes_of({label: i for i, label in enumerate(ordered)})
        else:
            if self.kind == "logical":
                labels = [_TRUTH[v] for v in self.numbers.tolist()]
            else:
                labels = number_labels(self.numbers, self.kind == "integer")
            self.levels = tuple(dict.fromkeys(labels))  # numbers that agree in 15 digits are one level
            where = {label: i for i, label in enumerate(self.levels)}
            self._code = np.full(len(labels) + 1, -1, dtype=np.intp)
            self._code[self._ids] = [where[label] for label in labels]

    def _codes_of(self, code: Mapping[str, int]) -> IntArray:
        """Code of each value by its number, and -1 for the number -1."""
        return np.array([*(code.get(v, -1) for v in self.place), -1], dtype=np.intp)

    def code_of(self, ids: IntArray) -> IntArray:
        """Position among ``levels`` of values by their numbers."""
        return self._code[ids]

    def codes(self, value: Value) -> IntArray:
        """Position among ``levels`` of each value of a batch, none of which may be new; -1 for a missing one."""
        if isinstance(value, Vector) and self._table is not None:
            found = self._looked_up(value.values)
            if found is not None:
                return found
        codes, values = self._distinct(value)
        if isinstance(values, np.ndarray):
            place, known = self._search(values)
            if not known.all():
                raise DataError(f"{CHANGED}: {self.label} has a new level, {values[~known][0]:g}")
            return np.append(self._code[self._ids[place]], -1)[codes]
        try:
            ids = np.array([*map(self.place.__getitem__, values), -1], dtype=np.intp)
        except KeyError as error:
            raise DataError(f"{CHANGED}: {self.label} has a new level, {error.args[0]!r}") from None
        return self._code[ids][codes]

    @cached_property
    def _table(self) -> IntArray | None:
        """The code of each whole number from the smallest met to the largest, -1 between; None if they are too far."""
        numbers = self.numbers
        if (
            not len(numbers)
            or numbers[-1] - numbers[0] > 4 * len(numbers) + 1000
            or (numbers != np.floor(numbers)).any()
        ):
            return None
        table = np.full(int(numbers[-1] - numbers[0]) + 1, -1, dtype=np.intp)
        table[(numbers - numbers[0]).astype(np.intp)] = self._code[self._ids]
        return table

    def _looked_up(self, values: FloatArray) -> IntArray | None:
        """Codes from the table; None where some value is not in it."""
        table = self._table
        if table is None or not len(values):
            return None
        shifted = values - self.numbers[0]
        if not (shifted.min() >= 0.0 and shifted.max() < len(table)):  # also where one is missing
            return None
        offsets = shifted.astype(np.intp)
        codes: IntArray = table[offsets]
        return codes if (offsets == shifted).all() and codes.min() >= 0 else None

    def only(self, keep: NDArray[np.bool_]) -> LevelSet:
        """The same without some of the levels."""
        levels, place = _kept(self.levels, keep)
        return replace(self, levels=levels, _code=place[self._code])

    def _distinct(self, value: Value) -> tuple[IntArray, Sequence[str] | FloatArray]:
        """Codes among the values that occur, and those."""
        if isinstance(value, Matrix):
            raise DataError(f"the grouping factor {self.label} is a matrix: give a vector")
        if isinstance(value, Vector):
            if np.isnan(value.values).all():
                return np.full(len(value), -1, dtype=np.intp), np.empty(0)
            self._note(value.kind)
            uniques, codes = unique_numbers(value.values)
            return codes, uniques
        f = value.factor() if isinstance(value, Character) else value
        self._note("character" if isinstance(value, Character) else "factor")
        met = np.bincount(f.codes + 1, minlength=len(f.levels) + 1)[1:] > 0
        if met.all():
            return f.codes, f.levels
        place = np.full(len(f.levels) + 1, -1, dtype=np.intp)
        place[:-1][met] = np.arange(int(met.sum()))
        return place[f.codes], [label for label, here in zip(f.levels, met.tolist(), strict=True) if here]

    def _note(self, kind: str) -> None:
        if self.kind in ("", kind):
            self.kind = kind
        elif {self.kind, kind} == {"integer", "double"}:
            self.kind = "double"
        elif {self.kind, kind} != {"factor", "character"}:
            raise DataError(f"{self.label} is {self.kind} in one batch and {kind} in another: give it one type")


def _different_numbers(values: FloatArray) -> FloatArray:
    """The different values, sorted; by counting where they are whole numbers in a narrow range."""
    if not len(values):
        return values
    low, high = float(values.min()), float(values.max())
    if high - low < 4 * len(values) + 1000 and low == np.floor(low):
        shifted = values - low
        offsets = shifted.astype(np.intp)
        if np.array_equal(offsets, shifted):
            found: FloatArray = np.flatnonzero(np.bincount(offsets)) + np.float64(low)
            return found
    return np.unique(values)


@dataclass
class Crossing:
    """The interaction of grouping variables: the combinations of levels that occur, the first varying slowest.

    Parameters
    ----------
    leaves
        The variables.
    label
        The interaction as R spells it.
    most
        How many combinations are allowed.
    """

    leaves: tuple[LevelSet, ...]
    label: str
    most: float = np.inf
    met: list[IntArray] = field(default_factory=list)
    levels: tuple[str, ...] = ()
    stages: list[_Stage] = field(default_factory=list)
    _code: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.intp))

    def meet(self, ids: Sequence[IntArray]) -> None:
        """Note the combinations of a batch, by the numbers of each variable's values."""
        rows = np.column_stack(ids)
        rows = _different(rows[(rows >= 0).all(axis=1)])
        while self.met and len(self.met[-1]) <= 2 * len(rows):
            rows = _different(np.concatenate([self.met.pop(), rows]))
        self.met.append(rows)
        if sum(map(len, self.met)) > 2 * self.most:
            raise _too_many(self.label, self.most)

    def finish(self) -> None:
        """Put the combinations into order and spell them."""
        rows = _different(np.concatenate(self.met))
        codes = [leaf.code_of(rows[:, i]) for i, leaf in enumerate(self.leaves)]
        ids = codes[0]
        self.stages = []
        for leaf, code in zip(self.leaves[1:], codes[1:], strict=True):
            key = ids * len(leaf.levels) + code
            self.stages.append(_Stage.of(np.unique(key), len(leaf.levels)))
            ids = self.stages[-1].numbers(key)
        _, first = np.unique(ids, return_index=True)
        parts = [[leaf.levels[c] for c in code[first].tolist()] for leaf, code in zip(self.leaves, codes, strict=True)]
        self.levels = tuple(map(":".join, zip(*parts, strict=True)))
        self._code = np.arange(len(self.levels) + 1)
        self._code[-1] = -1
        self.met = []

    def codes_of(self, leaf_codes: Sequence[IntArray]) -> IntArray:
        """Position among ``levels`` of the combinations of a batch, ``(n,)``; -1 where a part is missing."""
        ids = leaf_codes[0]
        missing = ids < 0
        for stage, code in zip(self.stages, leaf_codes[1:], strict=True):
            missing = missing | (code < 0)
            ids = stage.numbers(np.where(missing, 0, ids * stage.J + code))
            if ((ids < 0) & ~missing).any():
                raise DataError(f"{CHANGED}: {self.label} has a new level")
        return self._code[np.where(missing, -1, ids)]

    def only(self, keep: NDArray[np.bool_]) -> Crossing:
        """The same without some of the levels."""
        levels, place = _kept(self.levels, keep)
        return replace(self, levels=levels, _code=place[self._code])


@dataclass(frozen=True)
class _Stage:
    """Numbers of the pairs (what came before, level of one more variable) that occur."""

    keys: IntArray
    J: int
    table: IntArray | None

    @classmethod
    def of(cls, keys: IntArray, J: int) -> _Stage:
        """Pairs by their sorted keys, ``before * J + code``."""
        size = int(keys[-1]) + 1 if len(keys) else 1
        if size > TABLE:
            return cls(keys, J, None)
        table = np.full(size, -1, dtype=np.intp)
        table[keys] = np.arange(len(keys))
        return cls(keys, J, table)

    def numbers(self, key: IntArray) -> IntArray:
        """The number of each pair; -1 where it is new."""
        if self.table is not None:
            found: IntArray = self.table[np.minimum(key, len(self.table) - 1)]
            return np.where(key < len(self.table), found, -1)
        found = np.searchsorted(self.keys, key)
        return np.where(self.keys[np.minimum(found, len(self.keys) - 1)] == key, found, -1)


def _different(rows: IntArray) -> IntArray:
    """The different rows ``(m, c)`` of numbers."""
    key = np.zeros(len(rows), dtype=np.intp)
    for column in rows.T:
        key = np.unique(key * (int(column.max(initial=0)) + 1) + column, return_inverse=True)[1]
    different: IntArray = rows[np.unique(key, return_index=True)[1]]
    return different


def _kept(levels: tuple[str, ...], keep: NDArray[np.bool_]) -> tuple[tuple[str, ...], IntArray]:
    """Some of the levels, and the place of each level among them; one more place, -1, for a missing value."""
    place = np.full(len(levels) + 1, -1, dtype=np.intp)
    place[:-1][keep] = np.arange(int(keep.sum()))
    return tuple(label for label, stays in zip(levels, keep.tolist(), strict=True) if stays), place


def _too_many(label: str, most: float) -> DataError:
    return DataError(
        f"the grouping factor {label} has more than {int(most):,} levels, counted before all rows were read: a model "
        "of so many does not fit into memory"
    )


Grouping = LevelSet | Crossing


def grouping_of(node: Node, leaf: Callable[[Node], LevelSet], label: str, most: float) -> Grouping:
    """The levels of a grouping factor's expression: those of a variable, or combinations of an interaction ``a:b``."""
    leaves = [leaf(part) for part in leaf_nodes(node)]
    return leaves[0] if len(leaves) == 1 else Crossing(tuple(leaves), label, most)


def leaf_nodes(node: Node) -> list[Node]:
    """The variables that a grouping factor is made of.

    Raises
    ------
    FormulaError
        If the expression is arithmetic or something else that gives no factor.
    """
    if is_call(node, "(") and isinstance(node, Call):
        return leaf_nodes(node.operands[0])
    if is_call(node, ":", arity=2) and isinstance(node, Call):
        return [leaf for part in node.operands for leaf in leaf_nodes(part)]
    if is_call(node, "+", "-", "*", "/", "^", "%in%", "|"):
        raise FormulaError(
            f"Invalid grouping factor specification, {deparse(node)}: use a variable, or an interaction a:b"
        )
    return [node]
