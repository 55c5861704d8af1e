"""What a formula says apart from any data: worked out once for each formula and remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pylmer.errors import FormulaError
from pylmer.formula.ast import Arg, Call, Node, all_names, is_call, walk
from pylmer.formula.bars import STRUCTURES, expandDoubleVerts, nobars, structured_bars, subbars
from pylmer.formula.bars import Bar as WrittenBar
from pylmer.formula.deparse import deparse
from pylmer.formula.model_matrix import Layout
from pylmer.formula.parse import Formula
from pylmer.formula.random_effects import Bar, group_label
from pylmer.formula.terms import Terms, terms
from pylmer.formula.tokens import error_at

__all__ = ["Plan", "bars_of", "layout_of", "plan_of"]


@dataclass(frozen=True, eq=False)
class Plan:
    """A mixed-model formula taken apart.

    Parameters
    ----------
    formula
        The formula, ``||`` written out.
    text
        Its text in R's spelling.
    frame
        The terms whose variables make the model frame: bars read as sums.
    variables
        Text and syntax of each variable of the frame.
    fixed
        The terms of the fixed part.
    layout
        The same, ready for a model matrix.
    bars
        The random-effects terms, as written.
    response
        The text of the response, or None.
    offsets
        Text of each ``offset()`` among the variables.
    written
        The text that the positions in the variables point into.
    dot_names
        What a dot of the formula stands for; None where it has none.
    """

    formula: Formula
    text: str
    frame: Terms
    variables: tuple[tuple[str, Node], ...]
    fixed: Terms
    layout: Layout
    bars: tuple[Bar, ...]
    response: str | None
    offsets: tuple[str, ...]
    written: str = ""
    dot_names: tuple[str, ...] | None = None


def plan_of(formula: Formula, data_names: tuple[str, ...]) -> Plan:
    """Take a formula apart; ``data_names`` is what a dot stands for.

    Raises
    ------
    FormulaError
        If the formula has no random-effects term.
    """
    return _plan(formula, data_names if formula.has_dot else None)


@lru_cache(maxsize=1024)
def _plan(formula: Formula, data_names: tuple[str, ...] | None) -> Plan:
    expanded = expandDoubleVerts(formula)
    bars = structured_bars(expanded)
    if not bars:
        raise FormulaError(
            f"No random effects terms specified in formula: {deparse(formula.node)} has no (x | g); lm() fits it"
        )
    plain = _unstructured(expanded)
    try:
        frame = terms(subbars(plain), data_names)
        fixed = terms(nobars(plain), data_names)
    except FormulaError as error:  # it shows the formula without bars, which nobody wrote
        raise error_at(str(error).partition("\n")[0], formula.text, -1) from None
    written = {node: node for node in walk(formula.node)}  # their positions point into the text as written
    nodes = [written.get(node, node) for node in frame.variables]
    variables = tuple(zip(frame.variable_names, nodes, strict=True))
    return Plan(
        expanded,
        deparse(expanded.node),
        frame,
        variables,
        fixed,
        layout_of(fixed),
        tuple(_bar(bar, written) for bar in bars),
        frame.variable_names[0] if frame.response else None,
        tuple(frame.variable_names[i] for i in frame.offset),
        formula.text,
        data_names,
    )


def _unstructured(formula: Formula) -> Formula:
    """The formula with plain bars: ``cs(x | g)`` becomes ``(x | g)``."""

    def plain(node: Node) -> Node:
        if not isinstance(node, Call):
            return node
        if is_call(node, *STRUCTURES) and node.args and is_call(node.args[0].value, "|"):
            return Call("(", node.args[:1], pos=node.pos)
        return Call(node.function, tuple(Arg(a.value and plain(a.value), a.name) for a in node.args), pos=node.pos)

    if not any(is_call(node, *STRUCTURES) for node in walk(formula.node)):
        return formula
    return Formula.of(plain(formula.node))


def _bar(bar: WrittenBar, written: dict[Node, Node]) -> Bar:
    group = written.get(bar.group, bar.group)
    lhs = layout_of(terms(bar.lhs))
    hom = bar.structure == "ar1" if bar.hom is None else bar.hom  # lme4 2.0: only ar1 has one variance by default
    return Bar(str(bar), lhs, group, group_label(group), all_names(group), bar.structure, hom)


def bars_of(calls: Sequence[Node]) -> tuple[Bar, ...]:
    """The syntax of random-effects terms given as calls of ``|``."""
    return tuple(_bar(WrittenBar(bar), {}) for bar in calls if isinstance(bar, Call))


def layout_of(found: Terms) -> Layout:
    """What terms say about a model matrix; the response is no predictor, where it is written as a term of its own."""
    pairs = tuple(tuple(zip(m, c, strict=True)) for m, c in zip(found.members, found.codes, strict=True))
    spoilt = tuple(t for t, m in enumerate(found.members, start=1) if found.response and m == (0,))
    return Layout(found.variable_names, pairs, bool(found.intercept), spoilt, bool(found.response))
