"""Random-effects terms: grouping factors, left-hand matrices, and lme4's order of the terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pylmer.errors import FormulaError
from pylmer.formula.ast import Call, Name, Node, is_call, unchain
from pylmer.formula.coerce import as_factor
from pylmer.formula.deparse import deparse
from pylmer.formula.design import ReTerm
from pylmer.formula.evaluate import Environment
from pylmer.formula.frame import ModelFrame, value_over_table
from pylmer.formula.model_matrix import Columns, Layout, model_columns
from pylmer.formula.values import Value, take
from pylmer.rcompat.factors import Factor, cross, drop_unused

__all__ = ["Bar", "factor_of", "group_factor", "group_label", "lhs_columns", "random_terms", "reorder"]


@dataclass(frozen=True, slots=True)
class Bar:
    """The syntax of one term ``(lhs | group)``.

    Parameters
    ----------
    text
        The term as R spells it, for errors.
    lhs
        What its left-hand side says about a model matrix.
    group
        The expression of the grouping factor.
    label
        The name of the grouping factor.
    group_variables
        Names of the variables in the group expression: the left-hand side sees them as factors.
    structure
        ``"us"``, ``"diag"``, ``"cs"`` or ``"ar1"``.
    hom
        Whether the structure has one standard deviation for all effects.
    """

    text: str
    lhs: Layout
    group: Node
    label: str
    group_variables: tuple[str, ...]
    structure: str = "us"
    hom: bool = False


def group_factor(node: Node, frame: ModelFrame) -> Factor:
    """The grouping factor of an expression: a variable, or an interaction of variables.

    Raises
    ------
    FormulaError
        If the expression is arithmetic or something else that gives no factor.
    """

    def value(part: Node) -> Value:
        found = frame.variables.get(part.name if isinstance(part, Name) else deparse(part))
        if found is None:
            found = frame.variables.get(deparse(part))
        if found is not None:
            return found
        whole = value_over_table(part, deparse(part), frame.env)
        if frame.env.table.n is not None and len(whole) != frame.env.table.n:
            message = f"variable lengths differ (found for '{deparse(part)}'): {len(whole)}, not {frame.env.table.n}"
            raise frame.env.error(message, part)
        kept = whole if frame.rows is None else take(whole, frame.rows)
        return drop_unused(kept) if isinstance(kept, Factor) else kept

    return factor_of(node, value, frame.env)


def factor_of(node: Node, value: Callable[[Node], Value], env: Environment) -> Factor:
    """The grouping factor of an expression, its variables given by ``value``."""
    if is_call(node, "(") and isinstance(node, Call):
        return factor_of(node.operands[0], value, env)
    if is_call(node, ":", arity=2) and isinstance(node, Call):
        first, links = unchain(node, only=(":",))
        found = factor_of(first, value, env)
        for link in links:
            found = cross(found, factor_of(link.operands[1], value, env))
        return found
    if is_call(node, "+", "-", "*", "/", "^", "%in%", "|"):
        message = f"Invalid grouping factor specification, {deparse(node)}: use a variable, or an interaction a:b"
        raise env.error(message, node)
    return as_factor(value(node))


def lhs_columns(bar: Bar, frame: ModelFrame) -> Columns:
    """The model matrix of the left-hand side, its grouping variables taken as factors."""
    clash = [v for v in bar.group_variables if v in bar.lhs.variables]
    if not clash:
        return frame.columns(bar.lhs)
    variables: Mapping[str, Value] = frame.variables
    variables = {**variables, **{v: as_factor(variables[v]) for v in clash if v in variables}}
    return model_columns(bar.lhs, variables, frame.n)


def random_terms(bars: Sequence[Bar], frame: ModelFrame, reordered: bool = True) -> tuple[tuple[Bar, ReTerm], ...]:
    """All terms in lme4's order: by decreasing number of levels, if they are not written so (and are ``reordered``).

    Returns
    -------
    tuple
        Each term with its syntax.
    """
    factors: dict[str, Factor] = {}
    out = []
    for bar in bars:
        f = factors.get(bar.label)
        if f is None:
            f = factors[bar.label] = group_factor(bar.group, frame)
        columns = lhs_columns(bar, frame)
        if not columns.names:
            raise FormulaError(f"the term ({bar.text}) has no random effects: its left-hand side gives no column")
        out.append((bar, _term(bar, f, columns)))
    return tuple(out[i] for i in (reorder([t.J for _, t in out]) if reordered else range(len(out))))


def _term(bar: Bar, f: Factor, columns: Columns) -> ReTerm:
    return ReTerm(bar.label, f.codes, f.levels, columns.names, columns.matrix, bar.text, bar.structure, bar.hom)


def reorder(sizes: Sequence[int]) -> list[int]:
    """lme4's order of terms with these numbers of levels.

    The written order stays where the sizes never increase; else it is the reverse of the ascending order, in which ties
    stand as written.
    """
    if all(a >= b for a, b in pairwise(sizes)):
        return list(range(len(sizes)))
    return sorted(range(len(sizes)), key=sizes.__getitem__)[::-1]


def group_label(node: Node) -> str:
    """The name of a grouping factor: a plain name without back-quotes, else its text."""
    return node.name if isinstance(node, Name) else deparse(node)
