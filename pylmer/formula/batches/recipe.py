"""One batch of rows made into the arrays of a design, by a recipe that is the same for every batch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pylmer.errors import DataError, RWarning
from pylmer.formula.ast import Node
from pylmer.formula.batches.columns import ColumnTypes
from pylmer.formula.batches.levels import Crossing, Grouping, LevelSet, leaf_nodes
from pylmer.formula.contrasts import ContrastSpec
from pylmer.formula.deparse import deparse
from pylmer.formula.evaluate import Environment
from pylmer.formula.frame import ModelFrame, value_over_table
from pylmer.formula.model_matrix import Columns, model_columns
from pylmer.formula.plan import Plan
from pylmer.formula.random_effects import Bar, group_label
from pylmer.formula.rows import keep_rows
from pylmer.formula.schema import VariableSchema, describe
from pylmer.formula.table import Table
from pylmer.formula.values import Character, IntArray, Matrix, Value, Vector, take
from pylmer.rcompat.factors import Factor

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["BatchOfRows", "Choice", "Recipe", "schema_of"]


@dataclass(frozen=True)
class Choice:
    """Arguments of the call, as expressions: which rows, and what belongs to them."""

    subset: Node | None
    na_action: str
    weights: Node | None
    offset: Node | None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The expressions that are there."""
        return tuple(node for node in (self.subset, self.weights, self.offset) if node is not None)


@dataclass(frozen=True)
class BatchOfRows:
    """The rows kept of one block.

    Parameters
    ----------
    frame
        The variables, factors with the levels of all rows.
    X
        The fixed-effects matrix, no column dropped.
    lhs
        For each bar, as written, the model matrix of its left-hand side.
    codes
        For each grouping factor ``(n,)`` the level of each row.
    used
        For each factor in a model matrix, how many rows have each level.
    used_leaves
        The same for grouping variables that a left-hand side takes as factors.
    """

    frame: ModelFrame
    X: Columns
    lhs: tuple[Columns, ...]
    codes: Mapping[str, IntArray]
    used: Mapping[str, IntArray]
    used_leaves: Mapping[str, IntArray]

    @property
    def n(self) -> int:
        """Number of rows."""
        return self.frame.n


@dataclass(frozen=True)
class Recipe:
    """What makes arrays of a block of rows.

    Parameters
    ----------
    plan
        The formula taken apart.
    choice
        Rows, weights, offset.
    columns
        Names of the columns that are read.
    types
        R's types of the columns.
    memory
        What functions of the formula learned from all rows.
    variables
        The type of each variable of the frame.
    sets
        The levels of each variable of a model matrix that is a factor or strings, by its text.
    leaves
        The levels of each variable of a grouping factor, by its text.
    clashes
        The same for those that a left-hand side takes as factors, without levels that no row has.
    groups
        The levels of each grouping factor, by its label.
    contrasts
        Contrasts of the fixed part that the caller asked for.
    """

    plan: Plan
    choice: Choice
    columns: tuple[str, ...]
    types: ColumnTypes
    memory: dict[Node, Any]
    variables: Mapping[str, VariableSchema]
    sets: Mapping[str, LevelSet]
    leaves: Mapping[str, LevelSet]
    clashes: Mapping[str, LevelSet]
    groups: Mapping[str, Grouping]
    contrasts: Mapping[str, ContrastSpec]

    def environment(self, table: Table) -> Environment:
        """Where expressions are evaluated over a block."""
        return Environment(table, self.plan.written, self.memory, replay=True)

    def batch(self, block: pa.Table, first_row: int) -> BatchOfRows:
        """Make the arrays of a block whose first row has this position among all."""
        table = self.types.table(block)
        env = self.environment(table)
        n = table.n or 0
        values = {label: value_over_table(node, label, env) for label, node in self.plan.variables}
        for label, value in values.items():
            if len(value) != n:
                raise DataError(f"variable lengths differ (found for '{label}'): {len(value)}, not {n}")
        extras = self._extras(env, n)
        kept = keep_rows([*values.values(), *extras.values()], n, self._subset(env, n), self.choice.na_action)
        if kept.rows is not None:
            values = {label: take(value, kept.rows) for label, value in values.items()}
            extras = {name: Vector(value.values[kept.rows]) for name, value in extras.items()}
        raw = dict(values)
        used = self._set_levels(values)
        names = (np.arange(n) if kept.rows is None else kept.rows) + (first_row + 1)
        weights, offset = extras.get("(weights)"), extras.get("(offset)")
        frame = ModelFrame(
            values,
            self.plan.response,
            weights.values if weights is not None else None,
            offset.values if offset is not None else None,
            names,
            kept.rows,
            env,
            kept.n,
        )
        coded = _Leaves(self, raw, frame)
        X = model_columns(self.plan.layout, values, kept.n, self.contrasts)
        lhs = tuple(self._lhs(bar, frame, coded) for bar in self.plan.bars)
        codes = {bar.label: coded.group(bar) for bar in self.plan.bars}
        return BatchOfRows(frame, X, lhs, codes, used, coded.used)

    def _extras(self, env: Environment, n: int) -> dict[str, Vector]:
        """Weights and offset over the block."""
        out: dict[str, Vector] = {}
        for name, node in (("(weights)", self.choice.weights), ("(offset)", self.choice.offset)):
            if node is None:
                continue
            value = value_over_table(node, deparse(node), env)
            if isinstance(value, Matrix) and value.values.shape[1] == 1:
                value = Vector(value.values[:, 0])
            if not isinstance(value, Vector):
                raise DataError(f"'{name.strip('()')}' must be a numeric vector")
            if len(value) != n:
                raise DataError(f"variable lengths differ (found for '{name}'): {len(value)}, not {n}")
            out[name] = value
        return out

    def _subset(self, env: Environment, n: int) -> IntArray | None:
        if self.choice.subset is None:
            return None
        value = value_over_table(self.choice.subset, deparse(self.choice.subset), env)
        if not isinstance(value, Vector) or value.kind != "logical" or len(value) != n:
            raise DataError(
                "'subset' must be logical: for data in batches, give an expression that is TRUE or FALSE by row"
            )
        return np.flatnonzero(value.values == 1.0)

    def _set_levels(self, values: dict[str, Value]) -> dict[str, IntArray]:
        """Give factors and strings the levels of all rows; count the rows of each level."""
        used: dict[str, IntArray] = {}
        for label, value in values.items():
            known = self.sets.get(label)
            if known is None or not isinstance(value, (Factor, Character)):
                continue
            codes = known.codes(value)
            fitted = self.variables[label]
            values[label] = Factor(codes, known.levels, fitted.kind == "ordered", fitted.contrasts)
            used[label] = np.bincount(codes + 1, minlength=len(known.levels) + 1)[1:]
        return used

    def _lhs(self, bar: Bar, frame: ModelFrame, coded: _Leaves) -> Columns:
        """The model matrix of a left-hand side; variables of the grouping factor are factors there."""
        variables: Mapping[str, Value] = frame.variables
        clash = [v for v in bar.group_variables if v in bar.lhs.variables]
        if clash:
            variables = {**variables, **{v: coded.factor(v) for v in clash if v in variables}}
        return model_columns(bar.lhs, variables, frame.n)

    def without_unused(self, used: Mapping[str, IntArray], used_leaves: Mapping[str, IntArray]) -> Recipe:
        """The recipe when the levels that no row has are dropped from the factors in model matrices."""
        sets, variables = dict(self.sets), dict(self.variables)
        clashes = {label: self.clashes[label].only(counts > 0) for label, counts in used_leaves.items()}
        for label, counts in used.items():
            keep = counts > 0
            if keep.all():
                continue
            sets[label] = sets[label].only(keep)
            if variables[label].contrasts is not None:
                warnings.warn(f"contrasts dropped from factor {label} due to missing levels", RWarning, stacklevel=5)
            variables[label] = replace(variables[label], levels=sets[label].levels, contrasts=None)
        return replace(self, sets=sets, variables=variables, clashes={**self.clashes, **clashes})


class _Leaves:
    """The grouping variables of one batch, each coded once."""

    def __init__(self, recipe: Recipe, values: Mapping[str, Value], frame: ModelFrame) -> None:
        self.recipe, self.values, self.frame = recipe, values, frame
        self.used: dict[str, IntArray] = {}
        self._groups: dict[str, IntArray] = {}

    def value(self, node: Node) -> Value:
        """A grouping variable on the rows kept."""
        label = group_label(node)
        found = self.values.get(label)
        if found is None:
            found = value_over_table(node, label, self.frame.env)
            found = found if self.frame.rows is None else take(found, self.frame.rows)
        return found

    def factor(self, label: str) -> Factor:
        """A grouping variable as a factor."""
        known = self.recipe.clashes[label]
        codes = known.codes(self.values[label])
        self.used[label] = np.bincount(codes + 1, minlength=len(known.levels) + 1)[1:]
        return Factor(codes, known.levels)

    def group(self, bar: Bar) -> IntArray:
        """Level of each row among those of a grouping factor."""
        found = self._groups.get(bar.label)
        if found is None:
            known = self.recipe.groups[bar.label]
            nodes = leaf_nodes(bar.group)
            if isinstance(known, Crossing):
                leaves = self.recipe.leaves
                found = known.codes_of([leaves[group_label(node)].codes(self.value(node)) for node in nodes])
            else:
                found = known.codes(self.value(nodes[0]))
            self._groups[bar.label] = found
        return found


def schema_of(value: Value, levels: Sequence[str] | None) -> VariableSchema:
    """The type of a variable, with the levels that all rows have."""
    if levels is None:
        return describe(value)
    if isinstance(value, Factor):
        return VariableSchema("ordered" if value.ordered else "factor", tuple(levels), value.contrasts)
    return VariableSchema("character", tuple(levels))
