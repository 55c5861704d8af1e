"""What a fit must remember so that new data give the same columns: syntax, levels, contrasts, bases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pylmer.formula.ast import Node
from pylmer.formula.contrasts import ContrastSpec
from pylmer.formula.design import ReTerms
from pylmer.formula.frame import ModelFrame
from pylmer.formula.model_matrix import Columns
from pylmer.formula.plan import Plan
from pylmer.formula.random_effects import Bar
from pylmer.formula.values import Character, IntArray, Matrix, Value, Vector
from pylmer.rcompat.factors import Factor

__all__ = ["Schema", "VariableSchema", "describe", "remember"]


@dataclass(frozen=True, slots=True)
class VariableSchema:
    """The type of one variable of the frame.

    Parameters
    ----------
    kind
        ``"numeric"``, ``"logical"``, ``"factor"``, ``"ordered"``, ``"character"`` or ``"matrix"``.
    levels
        The levels of a factor or of strings; the names of the columns of a matrix, where it has some.
    contrasts
        Contrasts attached to the factor.
    width
        Number of columns: 1, or those of a matrix.
    """

    kind: str
    levels: tuple[str, ...] = ()
    contrasts: ContrastSpec | None = None
    width: int = 1


@dataclass(frozen=True, eq=False)
class Schema:
    """Everything about a fit's data that predictions from new data need.

    Parameters
    ----------
    plan
        The formula taken apart.
    variables
        The type of each variable of the frame, by its text.
    memory
        What data-dependent functions learned (centres, knots, breaks, levels), by call.
    contrasts
        The contrasts of the fixed part, for each factor in it.
    columns
        Names of all columns of the fixed-effects matrix, dropped ones included.
    assign
        ``(len(columns),)`` the term of each column, 0 for the intercept.
    kept
        ``(p,)`` positions, among those columns, of the ones that the fit uses.
    bars
        The random-effects terms in lme4's order.
    group_levels
        The levels of each grouping factor, by its label.
    effects
        For each random-effects term the names of its columns.
    """

    plan: Plan
    variables: Mapping[str, VariableSchema]
    memory: Mapping[Node, Any]
    contrasts: Mapping[str, ContrastSpec]
    columns: tuple[str, ...]
    assign: IntArray
    kept: IntArray
    bars: tuple[Bar, ...]
    group_levels: Mapping[str, tuple[str, ...]]
    effects: tuple[tuple[str, ...], ...] = ()

    @property
    def term_labels(self) -> tuple[str, ...]:
        """Labels of the fixed terms."""
        return self.plan.fixed.term_labels

    @property
    def offsets(self) -> tuple[str, ...]:
        """The ``offset()`` terms of the formula."""
        return self.plan.offsets


def remember(plan: Plan, frame: ModelFrame, X: Columns, kept: IntArray, bars: Sequence[Bar], re: ReTerms) -> Schema:
    """Make the schema of a fit."""
    return Schema(
        plan,
        {label: describe(value) for label, value in frame.variables.items()},
        frame.env.memory,
        X.contrasts,
        X.names,
        X.assign,
        kept,
        tuple(bars),
        {t.group: t.levels for t in re.terms},
        tuple(t.names for t in re.terms),
    )


def describe(value: Value) -> VariableSchema:
    """The type of a variable."""
    if isinstance(value, Factor):
        return VariableSchema("ordered" if value.ordered else "factor", value.levels, value.contrasts)
    if isinstance(value, Vector):
        return VariableSchema("logical" if value.kind == "logical" else "numeric")
    if isinstance(value, Matrix):
        return VariableSchema("matrix", value.names or (), None, value.values.shape[1])
    assert isinstance(value, Character)
    return VariableSchema("character", value.factor().levels)
