"""The model frame: every variable of a formula, evaluated over all rows of the table and then cut to the rows kept.

R's order of work: the expressions see all rows, then ``subset`` chooses, then rows with missing values go, then levels
that no row has any more are dropped.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pylmer.arguments import shown
from pylmer.errors import DataError, RWarning
from pylmer.formula import transforms  # noqa: F401  (enters the functions that formulas may call)
from pylmer.formula.ast import Node
from pylmer.formula.evaluate import ContrastFunction, Environment, evaluate
from pylmer.formula.model_matrix import Columns, Layout, model_columns
from pylmer.formula.parse import parse
from pylmer.formula.rows import Kept, RowNames, keep_rows
from pylmer.formula.table import value_of_any
from pylmer.formula.values import FloatArray, IntArray, Matrix, Value, Vector, take
from pylmer.rcompat.factors import Factor, drop_unused

__all__ = ["ModelFrame", "RowChoice", "build_frame", "chosen_rows", "value_over_table"]


@dataclass(frozen=True, slots=True)
class RowChoice:
    """Which rows to use, and what belongs to them.

    Parameters
    ----------
    subset
        Truth values or positions (counted from 0) of rows, or an expression as text; None takes all.
    na_action
        ``"na.omit"``, ``"na.exclude"``, ``"na.fail"`` or ``"na.pass"``.
    weights, offset
        Name of a column, an expression as text, or ``(n,)`` numbers for the rows of the table.
    """

    subset: object = None
    na_action: str = "na.omit"
    weights: object = None
    offset: object = None


@dataclass(frozen=True)
class ModelFrame:
    """R's model frame.

    Parameters
    ----------
    variables
        Each variable, by its text in R's spelling, on the rows kept; the response first, where there is one.
    response
        The text of the response, or None.
    weights, offset
        ``(n,)`` what the arguments of these names gave, or None.
    row_names
        Labels of the rows kept.
    rows
        Positions of the rows kept in the table; None where all were kept.
    na_rows
        Positions, among the rows after ``subset``, of those that were dropped for a missing value.
    na_exclude
        Whether results are to be padded at those rows.
    na_row_names
        Labels of those rows.
    env
        Where the expressions were evaluated; its memory is what new data need.
    matrices
        Model matrices made of the variables, by recipe: several terms may ask for the same.
    """

    variables: Mapping[str, Value]
    response: str | None
    weights: FloatArray | None
    offset: FloatArray | None
    row_names: RowNames
    rows: IntArray | None
    env: Environment
    n: int
    na_rows: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    na_exclude: bool = False
    na_row_names: RowNames = ()
    matrices: dict[tuple[object, ...], Columns] = field(default_factory=dict, repr=False, compare=False)

    def __getitem__(self, name: str) -> Value:
        return self.variables[name]

    def columns(self, layout: Layout) -> Columns:
        """The model matrix of a layout, by the contrasts that the variables have."""
        made = self.matrices.get(layout.recipe)
        if made is None:
            made = self.matrices[layout.recipe] = model_columns(layout, self.variables, self.n)
        return made


def value_over_table(node: Node, label: str, env: Environment) -> Value:
    """The value of one variable of a formula over all rows of the table; R's error where it is no such thing."""
    value = evaluate(node, env)
    if value is None or isinstance(value, ContrastFunction):
        what = "NULL" if value is None else "closure"
        raise env.error(f"invalid type ({what}) for variable '{label}': a variable of a formula is data", node)
    return value


def build_frame(
    variables: Sequence[tuple[str, Node]],
    response: str | None,
    env: Environment,
    choice: RowChoice,
) -> ModelFrame:
    """Evaluate variables and keep the rows that can be used.

    Parameters
    ----------
    variables
        Text and syntax of each variable.
    response
        The text of the response, or None.
    env
        The table and the memory.
    choice
        Rows, weights and offset.
    """
    values = {label: value_over_table(node, label, env) for label, node in variables}
    n = env.table.n
    if n is None:
        n = len(next(iter(values.values()))) if values else 0
    for (label, node), value in zip(variables, values.values(), strict=True):
        if len(value) != n:
            raise env.error(f"variable lengths differ (found for '{label}'): {len(value)}, not {n}", node)
    extras: dict[str, Vector] = {}
    for name, given in (("(weights)", choice.weights), ("(offset)", choice.offset)):
        if given is not None:
            extras[name] = _extra(given, name, n, env)
    kept = keep_rows([*values.values(), *extras.values()], n, chosen_rows(choice.subset, n, env), choice.na_action)
    if kept.rows is not None:
        values = {label: take(value, kept.rows) for label, value in values.items()}
        extras = {name: Vector(value.values[kept.rows]) for name, value in extras.items()}
    return _finish(values, extras, response, env, kept)


def _finish(
    values: dict[str, Value], extras: dict[str, Vector], response: str | None, env: Environment, kept: Kept
) -> ModelFrame:
    for label, value in values.items():
        if isinstance(value, Factor):
            values[label] = _without_unused(value, label)
    names = env.table.row_names()
    omitted: RowNames = ()
    if kept.rows is not None:
        names, omitted = np.asarray(names)[kept.rows], np.asarray(names)[kept.dropped]
    weights, offset = extras.get("(weights)"), extras.get("(offset)")
    return ModelFrame(
        values,
        response,
        weights.values if weights is not None else None,
        offset.values if offset is not None else None,
        names,
        kept.rows,
        env,
        kept.n,
        kept.na_rows,
        kept.na_exclude,
        omitted,
    )


def _without_unused(f: Factor, label: str) -> Factor:
    dropped = drop_unused(f)
    if dropped is not f and f.contrasts is not None:
        warnings.warn(f"contrasts dropped from factor {label} due to missing levels", RWarning, stacklevel=5)
    return dropped


def _extra(given: object, name: str, n: int, env: Environment) -> Vector:
    """Weights or offset: an array, the name of a column, or an expression."""
    value = _given(given, env)
    if not isinstance(value, Vector):
        if isinstance(value, Matrix) and value.values.shape[1] == 1:
            value = Vector(value.values[:, 0])
        else:
            wanted = "numeric" if name == "(offset)" else "a numeric vector"  # R's words
            raise DataError(f"'{name.strip('()')}' must be {wanted}: {shown(given)} is none")
    if len(value) != n:
        raise DataError(f"variable lengths differ (found for '{name}'): {len(value)}, not {n}")
    return value


def _given(given: object, env: Environment) -> Value:
    if isinstance(given, str):
        if given in env.table:
            return env.table.column(given)
        return value_over_table(parse(given), given, Environment(env.table, given))
    return value_of_any(given, "weights")


def chosen_rows(subset: object, n: int, env: Environment) -> NDArray[np.intp] | None:
    """Positions of the rows that ``subset`` chooses."""
    if subset is None:
        return None
    value = _given(subset, env)
    if not isinstance(value, Vector):
        raise DataError("'subset' must be logical: give truth values, positions of rows, or an expression as text")
    chosen = value.values
    if value.kind == "logical":
        if len(chosen) != n:
            raise DataError(f"'subset' has {len(chosen)} truth values for {n} rows")
        return np.flatnonzero(chosen == 1.0)
    positions = chosen[~np.isnan(chosen)].astype(np.intp)
    if isinstance(subset, str):  # R's own counting: from 1, and a minus leaves out
        if (positions < 0).any():
            return np.delete(np.arange(n), -positions - 1)
        positions = positions[positions > 0] - 1
    if len(positions) and (positions.min() < -n or positions.max() >= n):
        raise DataError(f"'subset' has positions outside the {n} rows (they count from 0)")
    return positions
