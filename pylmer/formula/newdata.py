"""The same columns from new data: what a fit remembered is replayed, nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pylmer.errors import DataError, FormulaError
from pylmer.formula.ast import Node
from pylmer.formula.bars import structured_bars
from pylmer.formula.coerce import as_factor
from pylmer.formula.deparse import deparse
from pylmer.formula.evaluate import Environment
from pylmer.formula.frame import value_over_table
from pylmer.formula.model_matrix import Layout, model_columns
from pylmer.formula.parse import Formula, as_formula
from pylmer.formula.plan import layout_of
from pylmer.formula.random_effects import Bar, factor_of, group_label
from pylmer.formula.schema import Schema, VariableSchema
from pylmer.formula.table import RowNames, Table, as_table
from pylmer.formula.terms import terms
from pylmer.formula.values import Character, FloatArray, IntArray, Matrix, Value, Vector
from pylmer.rcompat.factors import Factor, match_levels

__all__ = [
    "NewTerm",
    "fixed_matrix",
    "lhs_columns",
    "matching_terms",
    "new_offset",
    "new_row_names",
    "no_rows",
    "own_groups",
    "random_terms",
]


@dataclass(frozen=True, slots=True, eq=False)
class NewTerm:
    """One random-effects term over new data.

    Parameters
    ----------
    index
        Which term of the fit it is, in lme4's order.
    codes
        ``(n,)`` level among those of the fit; -1 for an unseen level or a missing one.
    columns
        ``(n, k)`` model matrix of the left-hand side.
    new_levels
        The unseen levels, in their order.
    """

    index: int
    codes: IntArray
    columns: FloatArray
    new_levels: tuple[str, ...]


def fixed_matrix(schema: Schema, newdata: object) -> FloatArray:
    """The fixed-effects matrix of new data.

    Parameters
    ----------
    schema
        What the fit remembered.
    newdata
        A table with the variables of the fixed part; the response is not needed.

    Returns
    -------
    FloatArray
        ``(n, p)``, the columns that the fit uses; NaN in rows where a variable is missing.

    Raises
    ------
    FormulaError
        If a variable is not there.
    DataError
        If a factor has a level that the fit did not see, or a variable changed its type.
    """
    new = _NewValues(schema, newdata)
    layout = schema.plan.layout
    frame = {label: new.fitted_type(label) for label in layout.used}
    n = new.rows(frame.values())
    return model_columns(layout, frame, n, schema.contrasts).matrix[:, schema.kept]


def new_offset(schema: Schema, newdata: object) -> FloatArray | None:
    """The sum of the ``offset()`` terms over new data, ``(n,)``; None where the formula has none.

    An offset that was given as an argument is no part of it, as in R.
    """
    if not schema.offsets:
        return None
    new = _NewValues(schema, newdata)
    total: FloatArray | None = None
    for label in schema.offsets:
        value = new.value(label)
        if not isinstance(value, Vector):
            raise DataError(f"{label} must be a numeric vector")
        total = value.values if total is None else total + value.values
    return total


def new_row_names(newdata: object) -> RowNames:
    """The labels of the rows of a table."""
    return as_table(newdata).row_names()


def random_terms(
    schema: Schema, newdata: object, allow_new_levels: bool = False, which: Sequence[int] | None = None
) -> tuple[NewTerm, ...]:
    """The random-effects terms of new data.

    Parameters
    ----------
    schema
        What the fit remembered.
    newdata
        A table with the variables of the terms.
    allow_new_levels
        Whether unseen and missing levels are allowed (they get code -1, and their effects are 0).
    which
        Numbers of the terms wanted, in lme4's order; None for all.

    Raises
    ------
    DataError
        For an unseen level, or a missing one, that is not allowed.
    """
    new = _NewValues(schema, newdata)
    n = new.table.n
    out = []
    for index in range(len(schema.bars)) if which is None else which:
        bar = schema.bars[index]
        codes, unseen = new.group_codes(bar)
        if n is not None and len(codes) != n:
            raise DataError(f"the grouping factor {bar.label} has {len(codes)} values for {n} rows")
        if not allow_new_levels:
            _refuse_unseen(codes, unseen, bar.label)
        out.append(NewTerm(index, codes, new.lhs(bar, len(codes)), unseen))
    return tuple(out)


def lhs_columns(schema: Schema, newdata: object, index: int) -> FloatArray:
    """The model matrix ``(n, k)`` of a term's left-hand side over new data, which need not have its grouping factor."""
    return _NewValues(schema, newdata).lhs(schema.bars[index], len(new_row_names(newdata)))


def own_groups(schema: Schema, newdata: object, index: int) -> tuple[IntArray, int]:
    """The levels of a term's grouping factor by the new data alone: codes ``(n,)``, and how many levels occur.

    Levels that do not occur are dropped; missing ones have code -1.
    """
    new = _NewValues(schema, newdata)
    f = factor_of(schema.bars[index].group, new._group_value, new.env)
    used, codes = np.unique(f.codes, return_inverse=True)
    missing = int(len(used) > 0 and used[0] < 0)
    return codes.astype(np.intp) - missing, len(used) - missing


def _refuse_unseen(codes: IntArray, unseen: tuple[str, ...], label: str) -> None:
    if unseen:
        listed = ", ".join(unseen[:10]) + (", ..." if len(unseen) > 10 else "")
        raise DataError(
            f"new levels detected in newdata: {listed} (grouping factor {label}); "
            "allow_new_levels=True predicts them with random effects of 0"
        )
    if len(codes) and codes.min() < 0:
        raise DataError(
            "NAs are not allowed in prediction data for grouping variables unless allow.new.levels is TRUE "
            f"(grouping factor {label}; here the argument is allow_new_levels)"
        )


class _NewValues:
    """The variables of a fit over new data, each evaluated once."""

    def __init__(self, schema: Schema, newdata: object) -> None:
        self.schema = schema
        self.table: Table = as_table(newdata)
        self.nodes: dict[str, Node] = dict(schema.plan.variables)
        self.env = Environment(self.table, schema.plan.written, dict(schema.memory), replay=True)
        self.values: dict[str, Value] = {}

    def value(self, label: str) -> Value:
        """A variable of the frame, as the new data have it."""
        found = self.values.get(label)
        if found is None:
            found = value_over_table(self.nodes[label], label, self.env)
            if self.table.n is not None and len(found) != self.table.n:
                raise DataError(f"variable lengths differ (found for '{label}'): {len(found)}, not {self.table.n}")
            self.values[label] = found
        return found

    def rows(self, values: Iterable[Value]) -> int:
        """Number of rows of the new data."""
        if self.table.n is not None:
            return self.table.n
        return max((len(v) for v in values), default=0)

    def fitted_type(self, label: str) -> Value:
        """A variable with the type and the levels that it had at the fit."""
        return _as_fitted(self.value(label), self.schema.variables[label], label)

    def group_codes(self, bar: Bar) -> tuple[IntArray, tuple[str, ...]]:
        """The level of each row among those of the fit, and the unseen levels."""
        f = factor_of(bar.group, self._group_value, self.env)
        return match_levels(f, self.schema.group_levels[bar.label])

    def _group_value(self, node: Node) -> Value:
        label = deparse(node)
        if label in self.nodes:
            return self.value(label)
        return value_over_table(node, label, self.env)

    def lhs(self, bar: Bar, n: int) -> FloatArray:
        """The model matrix of a left-hand side; its grouping variables are factors with the levels of the fit."""
        frame: dict[str, Value] = {}
        for label in bar.lhs.used:
            if label in bar.group_variables:
                levels = self.schema.variables[label].levels or self.schema.group_levels.get(label, ())
                codes, _ = match_levels(as_factor(self.value(label)), levels)
                frame[label] = Factor(codes, levels)
            else:
                frame[label] = self.fitted_type(label)
        return model_columns(bar.lhs, frame, n).matrix


def _as_fitted(value: Value, fitted: VariableSchema, label: str) -> Value:
    if fitted.kind in ("factor", "ordered", "character"):
        if isinstance(value, Matrix) or (isinstance(value, Vector) and value.kind == "double"):
            raise _changed_type(label, fitted, value)
        codes, unseen = match_levels(as_factor(value), fitted.levels)
        if unseen:
            what = "level" if len(unseen) == 1 else "levels"
            raise DataError(
                f"factor {label} has new {what} {', '.join(unseen)}: the fit saw only {', '.join(fitted.levels[:12])}"
            )
        return Factor(codes, fitted.levels, fitted.kind == "ordered", fitted.contrasts)
    if isinstance(value, (Factor, Character)) or (isinstance(value, Matrix) != (fitted.kind == "matrix")):
        raise _changed_type(label, fitted, value)
    if isinstance(value, Vector) and (value.kind == "logical") != (fitted.kind == "logical"):
        if np.isnan(value.values).all():
            return Vector(value.values, "logical" if fitted.kind == "logical" else "double")
        raise _changed_type(label, fitted, value)
    return value


def _changed_type(label: str, fitted: VariableSchema, value: Value) -> DataError:
    if isinstance(value, Vector):
        given = "logical" if value.kind == "logical" else "numeric"
    else:
        given = {Matrix: "matrix", Character: "character", Factor: "factor"}[type(value)]
    return DataError(
        f'variable \'{label}\' was fitted with type "{fitted.kind}" but type "{given}" was supplied: convert it'
    )


def matching_terms(schema: Schema, re_form: str | Formula) -> tuple[tuple[int, IntArray], ...]:
    """The terms of a fit that a formula like ``~(1 | g)`` picks out.

    Parameters
    ----------
    schema
        What the fit remembered.
    re_form
        One-sided formula whose terms are terms of the fit, or have some of their columns.

    Returns
    -------
    tuple
        For each term met: its number in the fit, and the positions of its columns that are wanted.

    Raises
    ------
    FormulaError
        If a grouping factor or a column is no part of the fit.
    """
    picks: list[tuple[int, IntArray]] = []
    for bar in structured_bars(as_formula(re_form)):
        label = group_label(bar.group)
        if label not in schema.group_levels:
            raise FormulaError(
                "grouping factors specified in re.form that were not present in original model: "
                f"{label} is none of {', '.join(schema.group_levels)}"
            )
        wanted = set(_effect_names(schema, layout_of(terms(bar.lhs))))
        for index, known in enumerate(schema.bars):
            if known.label == label:
                places = [j for j, name in enumerate(schema.effects[index]) if name in wanted]
                wanted -= {schema.effects[index][j] for j in places}
                if places:
                    picks.append((index, np.array(places, dtype=np.intp)))
        if wanted:
            raise FormulaError(
                "random effects specified in re.form that were not present in original model: "
                f"{', '.join(sorted(wanted))} in ({bar})"
            )
    return tuple(picks)


def _effect_names(schema: Schema, layout: Layout) -> tuple[str, ...]:
    """The columns of a left-hand side, by the types that the variables had at the fit."""
    frame: dict[str, Value] = {}
    for label in layout.used:
        if label not in schema.variables:
            raise FormulaError(f"random effects specified in re.form that were not present in original model: {label}")
        frame[label] = no_rows(schema.variables[label])
    return model_columns(layout, frame, 0).names


def no_rows(fitted: VariableSchema) -> Value:
    """A variable of this type, without rows."""
    if fitted.kind in ("factor", "ordered", "character"):
        return Factor(np.empty(0, dtype=np.intp), fitted.levels, fitted.kind == "ordered", fitted.contrasts)
    if fitted.kind == "matrix":
        return Matrix(np.empty((0, fitted.width)), fitted.levels or None)
    return Vector(np.empty(0), "logical" if fitted.kind == "logical" else "double")
