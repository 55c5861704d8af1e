"""R's model.matrix: the columns and names that the terms of a formula give over a model frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from pylmer.errors import FormulaError
from pylmer.formula.contrasts import ContrastSpec, coding
from pylmer.formula.values import Character, FloatArray, IntArray, Matrix, Value, Vector
from pylmer.rcompat.factors import Contrast, Factor

__all__ = ["Columns", "Layout", "model_columns"]

_TRUTH = ("FALSE", "TRUE")
#: Matrices of up to so many combinations of levels are remembered.
MOST_CELLS = 1_000


@dataclass(frozen=True)
class Layout:
    """What terms say about a model matrix, apart from any data.

    Parameters
    ----------
    variables
        Text of each variable.
    terms
        For each term: the variables in it as (number, code) pairs, code 1 for contrasts and 2 for full indicators.
    intercept
        Whether the matrix starts with a column of ones.
    response_among_terms
        Numbers, from 1, of the terms that are the response itself: they give no columns.
    has_response
        Whether the first variable is the response.
    """

    variables: tuple[str, ...]
    terms: tuple[tuple[tuple[int, int], ...], ...]
    intercept: bool
    response_among_terms: tuple[int, ...] = ()
    has_response: bool = False

    @cached_property
    def predictors(self) -> tuple[str, ...]:
        """Text of the variables but the response."""
        return self.variables[self.has_response :]

    @cached_property
    def recipe(self) -> tuple[object, ...]:
        """What the matrix depends on beside the variables: layouts of one recipe give the same matrix."""
        terms = tuple(tuple((self.variables[v], code) for v, code in term) for term in self.terms)
        return self.predictors, terms, self.intercept, self.response_among_terms

    @cached_property
    def of_numbers(
        self,
    ) -> tuple[tuple[str, ...], tuple[str, ...], IntArray, dict[str, ContrastSpec], NDArray[np.bool_]] | None:
        """Where every term is one variable: these, and what a matrix has beside its cells if they are numbers."""
        if self.response_among_terms or any(len(term) > 1 for term in self.terms):
            return None
        labels, first = tuple(self.variables[term[0][0]] for term in self.terms), int(self.intercept)
        assign, numeric = np.arange(1 - first, len(labels) + 1), np.ones(len(labels) + first, dtype=bool)
        numeric[:first] = False
        assign.flags.writeable = numeric.flags.writeable = False
        return labels, ("(Intercept)",) * first + labels, assign, {}, numeric

    @cached_property
    def used(self) -> tuple[str, ...]:
        """Text of the variables that some term needs, in order."""
        return tuple(self.variables[v] for v in sorted({v for term in self.terms for v, _ in term}))


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """A model matrix.

    Parameters
    ----------
    matrix
        ``(n, p)``, column-major.
    names
        R's names of the p columns.
    assign
        ``(p,)`` the term that each column belongs to, 0 for the intercept.
    contrasts
        The contrasts used, for each factor coded by contrasts.
    numeric
        ``(p,)`` whether a column holds anything but the 0 and 1 of indicators.
    """

    matrix: FloatArray
    names: tuple[str, ...]
    assign: IntArray
    contrasts: Mapping[str, ContrastSpec]
    numeric: NDArray[np.bool_]


Block = tuple[FloatArray, list[str], bool]
"""Columns as rows ``(c, n)``, their names, and whether they are numeric."""


def model_columns(
    layout: Layout, frame: Mapping[str, Value], n: int, contrasts: Mapping[str, ContrastSpec] | None = None
) -> Columns:
    """Build the model matrix of a layout.

    Parameters
    ----------
    layout
        The terms.
    frame
        The variables, by their text.
    n
        Number of rows.
    contrasts
        Contrasts that go before those attached to a factor, by variable.

    Raises
    ------
    FormulaError
        For a factor that needs contrasts and has fewer than two levels.
    """
    contrasts = contrasts or {}
    _check_levels(layout, frame)
    quick = None if contrasts else _from_numbers(layout, frame, n) or _from_cells(layout, frame, n)
    return _built(layout, frame, n, contrasts) if quick is None else quick


def _from_numbers(layout: Layout, frame: Mapping[str, Value], n: int) -> Columns | None:
    """The matrix where every term is one variable of numbers; else None."""
    if layout.of_numbers is None:
        return None
    values = [frame.get(label) for label in layout.of_numbers[0]]
    vectors = [v.values for v in values if isinstance(v, Vector) and v.kind != "logical"]
    if len(vectors) < len(values):
        return None
    by_row = np.empty((len(vectors) + layout.intercept, n))
    by_row[: layout.intercept] = 1.0
    for row, vector in enumerate(vectors, start=layout.intercept):
        by_row[row] = vector
    return Columns(by_row.T, *layout.of_numbers[1:])


def _from_cells(layout: Layout, frame: Mapping[str, Value], n: int) -> Columns | None:
    """The matrix where its variables are factors: that of their combinations, which is remembered, row by row.

    None where some are no factors, or there are as many combinations as rows.
    """
    factors: list[Factor] = []
    cells = 1
    for label in layout.used:
        f = frame.get(label)
        if not isinstance(f, Factor):
            return None
        factors.append(f)
        cells *= len(f.levels)
    if not factors or cells > min(n, MOST_CELLS) or any(f.has_na() for f in factors):
        return None
    table = _cells(layout, tuple([(f.levels, f.ordered, f.contrasts) for f in factors]))
    place = factors[0].codes
    for f in factors[1:]:
        place = place * len(f.levels) + f.codes
    by_row = table.matrix.T.take(place, axis=1)
    return Columns(by_row.T, table.names, table.assign, table.contrasts, table.numeric)


@lru_cache(maxsize=64)
def _cells(layout: Layout, kinds: tuple[tuple[tuple[str, ...], bool, str | Contrast | None], ...]) -> Columns:
    """The matrix of all combinations of the levels of factors, the last varying fastest."""
    grid = np.indices([len(levels) for levels, _, _ in kinds]).reshape(len(kinds), -1)
    factors = [Factor(codes, *kind) for codes, kind in zip(grid, kinds, strict=True)]
    table = _built(layout, dict(zip(layout.used, factors, strict=True)), grid.shape[1], {})
    table.matrix.flags.writeable = table.assign.flags.writeable = table.numeric.flags.writeable = False
    return table


def _built(layout: Layout, frame: Mapping[str, Value], n: int, contrasts: Mapping[str, ContrastSpec]) -> Columns:
    """The matrix, term by term."""
    terms = layout.terms if layout.intercept else _first_factor_full(layout, frame)
    blocks: dict[tuple[int, int], Block] = {}
    columns: list[FloatArray] = []
    names: list[str] = []
    assign: list[int] = []
    numeric: list[bool] = []
    if layout.intercept:
        names.append("(Intercept)")
        assign.append(0)
        numeric.append(False)
    for t, term in enumerate(terms, start=1):
        if t in layout.response_among_terms:
            continue
        block = _term_block(term, blocks, layout.variables, frame, contrasts)
        columns.append(block[0])
        names += block[1]
        assign += [t] * len(block[1])
        numeric += [block[2]] * len(block[1])
    by_row = np.empty((len(names), n))
    if layout.intercept:
        by_row[0] = 1.0
    start = int(layout.intercept)
    for rows in columns:
        by_row[start : start + len(rows)] = rows
        start += len(rows)
    used = _contrasts_used(layout, frame, contrasts) if layout.terms else {}
    return Columns(by_row.T, tuple(names), np.array(assign, dtype=np.intp), used, np.array(numeric, dtype=bool))


def _check_levels(layout: Layout, frame: Mapping[str, Value]) -> None:
    """Every factor of the formula must allow contrasts, as R asks, even where the terms do not need them."""
    for label in layout.predictors:
        value = frame.get(label)
        f = value.factor() if isinstance(value, Character) else value
        if isinstance(f, Factor) and len(f.levels) < 2 and f.contrasts is None:
            only = f"only {f.levels[0]!r}" if f.levels else "none"
            raise FormulaError(f"contrasts can be applied only to factors with 2 or more levels: '{label}' has {only}")


def _of_the_frame(label: str, frame: Mapping[str, Value]) -> Value:
    value = frame.get(label)
    if value is None:
        raise FormulaError(
            f"model frame and formula mismatch in model.matrix(): '{label}' is no variable of the frame; "
            "comparisons and logical operators belong into I(...), for '+' binds closer than they do"
        )
    return value


def _is_factor(value: Value) -> bool:
    return isinstance(value, (Factor, Character)) or (isinstance(value, Vector) and value.kind == "logical")


def _first_factor_full(layout: Layout, frame: Mapping[str, Value]) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Without intercept the first factor met gets all its indicators."""
    out = list(layout.terms)
    for t, term in enumerate(out):
        for place, (v, _) in enumerate(term):
            if _is_factor(_of_the_frame(layout.variables[v], frame)):
                out[t] = (*term[:place], (v, 2), *term[place + 1 :])
                return tuple(out)
    return layout.terms


def _term_block(
    term: tuple[tuple[int, int], ...],
    blocks: dict[tuple[int, int], Block],
    variables: tuple[str, ...],
    frame: Mapping[str, Value],
    contrasts: Mapping[str, ContrastSpec],
) -> Block:
    """The columns of one term: all products of its variables' columns, the first variable varying fastest."""
    out: Block | None = None
    for key in term:
        block = blocks.get(key)
        if block is None:
            label = variables[key[0]]
            value = _of_the_frame(label, frame)
            block = blocks[key] = _variable_block(label, value, key[1] == 2, contrasts.get(label))
        out = block if out is None else _product(out, block)
    assert out is not None
    return out


def _product(fast: Block, slow: Block) -> Block:
    columns = (slow[0][:, None] * fast[0]).reshape(-1, fast[0].shape[1])
    names = [f"{a}:{b}" for b in slow[1] for a in fast[1]]
    return columns, names, fast[2] or slow[2]


def _variable_block(label: str, value: Value, full: bool, spec: ContrastSpec | None) -> Block:
    if isinstance(value, Vector):
        if value.kind != "logical":
            return value.values[None], [label], True
        value = _truth_as_factor(value)
    elif isinstance(value, Matrix):
        return _matrix_block(label, value)
    elif isinstance(value, Character):
        value = value.factor()
    coded = coding(value, full, spec)
    assert coded.names is not None
    rows = coded.matrix
    if value.has_na():  # code -1 takes the last row
        rows = np.vstack([rows, np.full((1, rows.shape[1]), np.nan)])
    columns = rows.T.take(value.codes, axis=1)
    indicators = full or (spec is None and value.contrasts is None and not value.ordered)
    return columns, [label + name for name in coded.names], not indicators


def _matrix_block(label: str, value: Matrix) -> Block:
    k = value.values.shape[1]
    if k == 1:
        return value.values.T, [label], True
    names = value.names or tuple(str(j + 1) for j in range(k))
    return value.values.T, [label + name for name in names], True


def _truth_as_factor(value: Vector) -> Factor:
    missing = np.isnan(value.values)
    if missing.any():
        return Factor(np.where(missing, -1, value.values == 1.0).astype(np.intp), _TRUTH)
    return Factor(value.values.astype(np.intp), _TRUTH)


def _contrasts_used(
    layout: Layout, frame: Mapping[str, Value], contrasts: Mapping[str, ContrastSpec]
) -> dict[str, ContrastSpec]:
    """For each factor of the terms the contrasts in force (R's attribute ``contrasts`` of the matrix)."""
    used: dict[str, ContrastSpec] = {}
    for label in layout.used:
        value = frame[label]
        if _is_factor(value):
            attached = value.contrasts if isinstance(value, Factor) else None
            default = "contr.poly" if isinstance(value, Factor) and value.ordered else "contr.treatment"
            used[label] = contrasts.get(label) or attached or default
    return used
