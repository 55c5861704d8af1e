"""Random-effects terms in a formula: find the bars, take them out, write them as sums (lme4 1.1-31)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import overload

import numpy as np
from numpy.typing import ArrayLike

from pylmer.errors import FormulaError
from pylmer.formula.ast import Arg, Call, Constant, Node, Number, call, is_call, unchain, walk
from pylmer.formula.deparse import deparse
from pylmer.formula.parse import Formula, as_formula, parse
from pylmer.formula.terms import terms
from pylmer.formula.tokens import error_at

__all__ = [
    "STRUCTURES",
    "Bar",
    "expandDoubleVerts",
    "findbars",
    "isNested",
    "nobars",
    "structured_bars",
    "subbars",
]

STRUCTURES = ("us", "diag", "cs", "ar1")
"""Covariance structures that may be written around a bar, as ``diag(x | g)`` (lme4 2)."""


@dataclass(frozen=True)
class Bar:
    """One random-effects term.

    Parameters
    ----------
    bar
        The call ``lhs | group``, slashes and double bars resolved.
    structure
        Structure of its covariance: ``us`` (unstructured, where none is written), ``diag``, ``cs`` or ``ar1``.
    hom
        The argument ``hom`` (equal variances), None where it is not written.
    """

    bar: Call
    structure: str = "us"
    hom: bool | None = None

    @property
    def lhs(self) -> Node:
        """What varies."""
        return self.bar.operands[0]

    @property
    def group(self) -> Node:
        """The grouping factor."""
        return self.bar.operands[1]

    def __str__(self) -> str:
        return deparse(self.bar)


def findbars(formula: str | Formula | Node) -> tuple[Call, ...]:
    """Find the random-effects terms of a formula.

    Double bars are expanded and nested groups written out: ``(x | a/b)`` gives ``x | b:a`` and ``x | a``.

    Parameters
    ----------
    formula
        A formula, or an expression as a tree.

    Returns
    -------
    tuple of Call
        The calls of ``|``, in lme4's order; empty where there is no bar.

    Raises
    ------
    FormulaError
        If slashes are used in a grouping factor in a way that lme4 does not understand.

    Examples
    --------
    >>> [str(bar) for bar in findbars("y ~ x + (1 | a/b) + (x || g)")]
    ['1 | b:a', '1 | a', '1 | g', '0 + x | g']
    """
    return tuple(term.bar for term in structured_bars(formula))


def structured_bars(formula: str | Formula | Node) -> tuple[Bar, ...]:
    """Find the random-effects terms of a formula together with their covariance structures.

    Examples
    --------
    >>> [(str(b), b.structure, b.hom) for b in structured_bars("y ~ (1 | g) + cs(0 + f | h, hom = TRUE)")]
    [('1 | g', 'us', None), ('0 + f | h', 'cs', True)]
    """
    if isinstance(formula, Node):
        return _search(_expanded(formula), deparse(formula))
    return _bars_of(as_formula(formula), as_formula(formula).text)


@overload
def nobars(formula: str | Formula) -> Formula: ...
@overload
def nobars(formula: Node) -> Node: ...
def nobars(formula: str | Formula | Node) -> Formula | Node:
    """Take the random-effects terms out of a formula.

    Examples
    --------
    >>> print(nobars("y ~ x + (1 | g)"))
    y ~ x
    >>> print(nobars("y ~ (1 | g)"))
    y ~ 1
    """
    if isinstance(formula, Node):
        return _without_bars(formula) or Number(1.0)
    return _nobars_of(as_formula(formula), as_formula(formula).text)


@overload
def subbars(formula: str | Formula) -> Formula: ...
@overload
def subbars(formula: Node) -> Node: ...
def subbars(formula: str | Formula | Node) -> Formula | Node:
    """Write ``+`` for every bar, which makes a formula that names all variables of the model.

    Examples
    --------
    >>> print(subbars("y ~ x + (x | g)"))
    y ~ x + (x + g)
    """
    if isinstance(formula, Node):
        return _with_plus(formula)
    return _subbars_of(as_formula(formula), as_formula(formula).text)


@overload
def expandDoubleVerts(formula: str | Formula) -> Formula: ...
@overload
def expandDoubleVerts(formula: Node) -> Node: ...
def expandDoubleVerts(formula: str | Formula | Node) -> Formula | Node:
    """Write ``(x || g)`` as uncorrelated terms.

    Examples
    --------
    >>> print(expandDoubleVerts("y ~ (x * z || g)"))
    y ~ ((1 | g) + (0 + x | g) + (0 + z | g) + (0 + x:z | g))
    """
    if isinstance(formula, Node):
        return _expanded(formula)
    return _expanded_of(as_formula(formula), as_formula(formula).text)


def isNested(f1: ArrayLike, f2: ArrayLike) -> bool:
    """Whether every level of ``f1`` occurs with only one level of ``f2``.

    Parameters
    ----------
    f1, f2
        ``(n,)`` codes or labels.

    Examples
    --------
    >>> isNested([0, 1, 2, 3], [0, 0, 1, 1]), isNested([0, 0, 1, 1], [0, 1, 2, 3])
    (True, False)
    """
    inner, outer = (np.unique(np.asarray(f), return_inverse=True)[1].ravel() for f in (f1, f2))
    if inner.shape != outer.shape:
        raise FormulaError(f"isNested: the factors have different lengths, {inner.size} and {outer.size}")
    first = np.zeros(int(inner.max(initial=-1)) + 1, dtype=outer.dtype)
    first[inner] = outer
    return bool(np.array_equal(first[inner], outer))


# The text is part of the keys of these caches because the positions in the trees refer to it.


@lru_cache(maxsize=1024)
def _bars_of(formula: Formula, text: str) -> tuple[Bar, ...]:
    return _search(_expanded(formula.rhs), text)


@lru_cache(maxsize=1024)
def _nobars_of(formula: Formula, text: str) -> Formula:
    return _with_rhs(formula, _without_bars(formula.rhs) or Number(1.0))


@lru_cache(maxsize=1024)
def _subbars_of(formula: Formula, text: str) -> Formula:
    return Formula.of(_with_plus(formula.node))


@lru_cache(maxsize=1024)
def _expanded_of(formula: Formula, text: str) -> Formula:
    node = _expanded(formula.node)
    return formula if node is formula.node else Formula.of(node)


def _with_rhs(formula: Formula, rhs: Node) -> Formula:
    if rhs is formula.rhs:
        return formula
    return Formula.of(call("~", *(() if formula.lhs is None else (formula.lhs,)), rhs))


def _with_args(node: Call, values: Sequence[Node | None]) -> Call:
    """The call with other values for its first arguments; itself where they are the same."""
    if all(value is arg.value for value, arg in zip(values, node.args, strict=False)):
        return node
    args = tuple(Arg(value, arg.name) for value, arg in zip(values, node.args, strict=False))
    return Call(node.function, args + node.args[len(args) :], pos=node.pos)


def _search(node: Node, text: str) -> tuple[Bar, ...]:
    """Look for bars from left to right; as lme4, in the first two arguments of any call."""
    found: list[Bar] = []
    stack = [node]
    while stack:
        current = stack.pop()
        if not isinstance(current, Call) or not current.has_bars:
            continue
        if is_call(current, "|", arity=2):
            found.extend(Bar(bar) for bar in _written_out(current, text))
        elif is_call(current, *STRUCTURES) and current.args and is_call(current.args[0].value, "|", arity=2):
            found.extend(_structured(current, text))
        else:
            stack.extend(arg.value for arg in reversed(current.args[:2]) if arg.value is not None)
    return tuple(found)


def _structured(node: Call, text: str) -> list[Bar]:
    """Read ``cs(x | g, hom = TRUE)``."""
    bar = node.args[0].value
    assert isinstance(node.function, str)
    assert isinstance(bar, Call)
    hom: bool | None = None
    for arg in node.args[1:]:
        if (
            arg.name not in ("hom", None)
            or arg.value not in (Constant("TRUE"), Constant("FALSE"))
            or len(node.args) > 2
        ):
            where = bar.pos if arg.value is None else arg.value.pos
            raise error_at(f"{node.function}() takes a bar and hom = TRUE or FALSE", text, where)
        hom = arg.value == Constant("TRUE")
    return [Bar(part, node.function, hom) for part in _written_out(bar, text)]


def _written_out(bar: Call, text: str) -> list[Call]:
    """Resolve nested groups: ``x | a/b/c`` gives ``x | c:(b:a)``, ``x | b:a``, ``x | a``."""
    lhs, group = bar.operands
    if not any(is_call(part, "/") for part in walk(group)):
        return [bar]
    levels: list[Node] = []
    while is_call(group, "/", arity=2) and isinstance(group, Call):
        group, inner = group.operands
        levels.insert(0, inner)
    if isinstance(group, Call) or any(is_call(part, "/") for level in levels for part in walk(level)):
        raise error_at(
            "unparseable formula for grouping factor: a/b/c needs a name before the first slash, "
            f"and no slash in parentheses or calls; got {_brief(bar.operands[1])}",
            text,
            group.pos,
        )
    groups: list[Node] = [group]
    for level in levels:
        groups.insert(0, call(":", level, groups[0], pos=level.pos))
    return [call("|", lhs, nested, pos=bar.pos) for nested in groups]


def _brief(node: Node) -> str:
    text = deparse(node)
    return text if len(text) <= 80 else text[:77] + "..."


def _independent(node: Call) -> Node:
    """Write ``x + z || g`` as ``(1 | g) + (0 + x | g) + (0 + z | g)``, by way of text as lme4 does."""
    lhs, group = node.operands
    if any(isinstance(part, Call) and part.has_bars for part in (lhs, group)):
        raise FormulaError(f"there is another bar inside '||' in {_brief(node)}")
    found = terms(lhs)
    right = deparse(group)
    parts = [f"(1 | {right})"] if found.intercept else []
    parts += [f"(0 + {label} | {right})" for label in found.term_labels]
    if not parts:
        raise FormulaError(f"there is no term left of '||' in {_brief(node)}")
    return parse(" + ".join(parts))


def _expanded(node: Node) -> Node:
    """Expand double bars in the first argument of a call, and in the second one if it has two, as lme4 does."""
    if not isinstance(node, Call) or not node.has_bars:
        return node
    if is_call(node, "||", arity=2):
        return _independent(node)
    left, links = unchain(node, stop=("||",))
    if not links:
        count = 2 if len(node.args) == 2 else 1
        return _with_args(node, [arg.value and _expanded(arg.value) for arg in node.args[:count]])
    result = _expanded(left)
    for link in links:
        right = link.args[1].value
        result = _with_args(link, [result, right and _expanded(right)])
    return result


def _with_plus(node: Node) -> Node:
    if not isinstance(node, Call) or not node.has_bars:
        return node
    left, links = unchain(node)
    if not links:
        return _with_args(_renamed(node), [arg.value and _with_plus(arg.value) for arg in node.args])
    result = _with_plus(left)
    for link in links:
        right = link.args[1].value
        result = _with_args(_renamed(link), [result, right and _with_plus(right)])
    return result


def _renamed(node: Call) -> Call:
    return Call("+", node.args, pos=node.pos) if is_call(node, "|", "||") else node


def _without_bars(node: Node) -> Node | None:
    """What is left of an expression without bars; None if nothing is."""
    if not isinstance(node, Call) or not node.has_bars:
        return node
    left, links = unchain(node, stop=("|", "||"))
    if not links:
        if _is_barred(node):
            return None
        return _joined(node, [arg.value and _without_bars(arg.value) for arg in node.args[:2]])
    result = _without_bars(left)
    for link in links:
        right = link.args[1].value
        values = [result, right and _without_bars(right)]
        result = None if _is_barred(link) else _joined(link, values)
    return result


def _is_barred(node: Call) -> bool:
    """Whether a call is a bar, or has one for an argument, as ``us(x | g)`` has."""
    if is_call(node, "|", "||"):
        return True
    return node.function != "~" and any(is_call(arg.value, "|", "||") for arg in node.args)


def _joined(node: Call, values: Sequence[Node | None]) -> Node | None:
    """The call with what is left of its operands: of two, the one that is left stands for the call."""
    kept = [value for value in values if value is not None]
    if len(kept) == len(values):
        return _with_args(node, values)
    return kept[0] if kept else None
