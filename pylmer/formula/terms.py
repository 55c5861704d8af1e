"""The algebra of model formulas: which terms a formula stands for, in R's order (``terms.formula``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from pylmer.errors import FormulaError
from pylmer.formula.ast import Arg, Call, Constant, Name, Node, Number, call, is_call, map_leaves, unchain, walk
from pylmer.formula.deparse import deparse
from pylmer.formula.parse import Formula, parse_formula
from pylmer.formula.tokens import error_at

__all__ = ["Terms", "terms"]

MAX_TERMS = 1_000_000
"""Most terms that a formula may stand for: ``(a + b + ...)^20`` grows fast."""

MAX_POWER = 100
"""From this power on nothing changes any more: the variables of a term are too few."""

INFIX = ("+", "-", "*", "/", ":", "%in%")
OPERATORS = (*INFIX, "^", "(")
DOT = Name(".")


@dataclass(frozen=True, eq=False)
class Terms:
    """What a formula stands for (R's ``terms`` object).

    Parameters
    ----------
    formula
        The formula, with ``.`` written out.
    variables
        The expressions that must be evaluated, the response first.
    bits
        One integer per term: bit ``i`` is set if ``variables[i]`` takes part in the term.
    intercept
        1 if the model has an intercept, else 0.
    response
        1 if the formula has a left-hand side (then it is ``variables[0]``), else 0.
    offset
        Positions in ``variables``, counted from 0, of the calls of ``offset()``.
    """

    formula: Formula
    variables: tuple[Node, ...]
    bits: tuple[int, ...]
    intercept: int
    response: int
    offset: tuple[int, ...] = ()

    @cached_property
    def variable_names(self) -> tuple[str, ...]:
        """The variables as R spells them in labels."""
        return tuple(deparse(node, simple=True) for node in self.variables)

    @cached_property
    def members(self) -> tuple[tuple[int, ...], ...]:
        """For each term, the positions of its variables."""
        return tuple(_positions(bits) for bits in self.bits)

    @cached_property
    def term_labels(self) -> tuple[str, ...]:
        """Labels of the terms: ``a``, ``a:b`` ..."""
        names = self.variable_names
        return tuple(":".join([names[i] for i in positions]) for positions in self.members)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Number of variables of each term."""
        return tuple(bits.bit_count() for bits in self.bits)

    @cached_property
    def codes(self) -> tuple[tuple[int, ...], ...]:
        """For each term and each of its variables: 1 contrasts, 2 all indicator columns.

        A variable is coded by contrasts if what remains of the term without it is nothing, or part of an earlier term.
        """
        coded = []
        for index, (bits, positions) in enumerate(zip(self.bits, self.members, strict=True)):
            earlier = self.bits[:index] if len(positions) > 1 else ()
            rests = [bits & ~(1 << i) for i in positions]
            coded.append(tuple(1 if not rest or any(rest & t == rest for t in earlier) else 2 for rest in rests))
        return tuple(coded)

    @cached_property
    def factors(self) -> NDArray[np.int8]:
        """``(variables, terms)`` matrix: 0 not in the term, 1 coded by contrasts, 2 by all indicator columns."""
        matrix = np.zeros((len(self.variables), len(self.bits)), dtype=np.int8)
        for column, (positions, codes) in enumerate(zip(self.members, self.codes, strict=True)):
            matrix[list(positions), column] = codes
        return matrix

    def specials(self, *functions: str) -> tuple[int, ...]:
        """Positions of the variables that are calls of one of ``functions``."""
        return tuple(i for i, node in enumerate(self.variables) if is_call(node, *functions))

    def __str__(self) -> str:
        return str(self.formula)


def terms(
    formula: str | Formula | Node, data_names: tuple[str, ...] | None = None, *, keep_order: bool = False
) -> Terms:
    """Find the terms of a formula.

    Parameters
    ----------
    formula
        A formula, or the right-hand side of one as a tree.
    data_names
        Names of the columns of the data, which ``.`` stands for (without those of the response).
    keep_order
        Keep the terms as written instead of sorting them by their number of variables.

    Returns
    -------
    Terms
        Variables, terms, intercept, response and offsets. The result is cached.

    Raises
    ------
    FormulaError
        Where R's algebra has no meaning for the formula (a number other than 0 and 1, a power below 2, a nested tilde).

    Examples
    --------
    >>> terms("y ~ a * b - 1").term_labels
    ('a', 'b', 'a:b')
    """
    if isinstance(formula, str):
        formula = parse_formula(formula)
    elif isinstance(formula, Node):
        formula = Formula.of(call("~", formula))
    return _terms(formula, tuple(data_names) if data_names is not None and formula.has_dot else None, keep_order)


@lru_cache(maxsize=1024)
def _terms(formula: Formula, data_names: tuple[str, ...] | None, keep_order: bool) -> Terms:
    algebra = _Algebra(formula, data_names)
    if data_names is not None:
        algebra.register(formula.rhs)
    bits = algebra.expand(formula.rhs, adding=True)
    response = int(formula.lhs is not None)
    variables = tuple(algebra.variables)
    offset = tuple(i for i, node in enumerate(variables) if i >= response and _is_offset(node))
    mask = sum(1 << i for i in offset)
    kept = [term for term in bits if not term & mask]
    if not keep_order:
        kept.sort(key=int.bit_count)
    written = algebra.written_out() if algebra.dotted else formula
    return Terms(written, variables, tuple(kept), int(algebra.intercept), response, offset)


@dataclass
class _Algebra:
    """One evaluation of a right-hand side: terms are bit sets over the variables, kept in order of appearance.

    Sets of terms are dictionaries without values: they keep their order, and adding and deleting is quick.
    """

    formula: Formula
    data_names: tuple[str, ...] | None
    intercept: bool = True
    dotted: bool = False
    variables: list[Node] = field(default_factory=list)
    index: dict[Node, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.formula.lhs is not None:
            self.variable(self.formula.lhs)

    @cached_property
    def dot_names(self) -> tuple[str, ...]:
        """What ``.`` stands for: the columns that do not occur in the response."""
        if self.data_names is None:
            raise FormulaError("'.' in formula and no 'data' argument")
        lhs = self.formula.lhs
        used = set() if lhs is None else _symbols(lhs)
        return tuple(name for name in self.data_names if name not in used)

    def variable(self, node: Node) -> int:
        """The bit of a variable, which is registered where it is new."""
        key = _without_integers(node)
        position = self.index.setdefault(key, len(self.variables))
        if position == len(self.variables):
            self.variables.append(node)
        return 1 << position

    def register(self, node: Node) -> None:
        """Find the variables of a formula with a dot in R's order: after the dot, calls come before names.

        R takes the names that follow a dot for columns of the data, and comes back only later to those that are not.
        """
        stack, dotted = [node], False
        while stack:
            current = stack.pop()
            if current == DOT:
                dotted = True
                for name in self.dot_names:
                    self.variable(Name(name))
            elif isinstance(current, Name):
                if not (dotted and self.dot_names):
                    self.variable(current)
            elif is_call(current, *OPERATORS) and isinstance(current, Call):
                stack.extend(current.operands[: 1 if current.function in ("^", "(") else 2][::-1])
            elif isinstance(current, Call):
                self.variable(current)

    def expand(self, node: Node, adding: bool) -> dict[int, None]:
        """The terms of an expression; ``adding`` is False inside what a minus takes away."""
        left, links = unchain(node, only=INFIX)
        found = self.leaf(left, adding)
        for link in links:
            right = self.expand(_operand(link, 1), adding != (link.function == "-"))
            found = self.combined(link, found, right)
        return found

    def combined(self, node: Call, left: dict[int, None], right: dict[int, None]) -> dict[int, None]:
        """Apply a binary operator to two sets of terms; ``left`` may be changed."""
        operator = node.function
        if operator == "-":
            for term in right:
                left.pop(term, None)
        elif operator == "+":
            left.update(right)
        elif operator == ":":
            left = self.crossed(left, right, node)
        elif operator == "*" and left:
            both = self.crossed(left, right, node)
            left.update(right)
            left.update(both)
        elif operator == "/" and left:
            whole = _union(left)
            left.update((whole | term, None) for term in right)
        elif operator == "%in%":
            whole = _union(right)
            left = dict.fromkeys([term | whole for term in left])
        return left

    def crossed(self, left: dict[int, None], right: dict[int, None], node: Node) -> dict[int, None]:
        """Every term of ``left`` with every term of ``right``."""
        if len(left) * len(right) > MAX_TERMS:
            raise self.error(f"the formula stands for more than {MAX_TERMS} terms", node)
        return {a | b: None for a in left for b in right}

    def leaf(self, node: Node, adding: bool) -> dict[int, None]:
        """The terms of what is no binary operator."""
        if isinstance(node, Name):
            if node == DOT:
                self.dotted = True
                return {self.variable(Name(name)): None for name in self.dot_names}
            return {self.variable(node): None}
        if isinstance(node, Number | Constant):
            return self.constant(node, adding)
        if not isinstance(node, Call):
            raise self.error("invalid model formula: a string is no term", node)
        if node.function == "^":
            return self.power(node, adding)
        if node.function in OPERATORS:
            return self.single(node, adding)
        if node.function == "~":
            raise self.error("invalid model formula: a tilde inside a formula", node)
        return {self.variable(node): None}

    def single(self, node: Call, adding: bool) -> dict[int, None]:
        """The terms of an operator that has not two arguments: R takes one, none, and the first two of many."""
        if not node.args:
            return {}
        found = self.expand(_operand(node, 0), adding != (node.function == "-" and len(node.args) == 1))
        if len(node.args) > 1 and node.function != "(":
            right = self.expand(_operand(node, 1), adding != (node.function == "-"))
            return self.combined(node, found, right)
        return {} if node.function in ("-", ":") else found

    def constant(self, node: Number | Constant, adding: bool) -> dict[int, None]:
        """0 and 1 speak about the intercept, NULL is nothing."""
        value = node.value if isinstance(node, Number) else {"TRUE": 1, "FALSE": 0, "NULL": None}.get(node.name, -1)
        if value is None:
            return {}
        if value not in (0, 1):
            raise self.error(f"invalid model formula: the only numbers are 0 and 1, not {deparse(node)}", node)
        self.intercept = (value == 1) == adding
        return {}

    def power(self, node: Call, adding: bool) -> dict[int, None]:
        """All interactions of up to so many terms."""
        exponent = node.args[1].value if len(node.args) == 2 else None
        if not isinstance(exponent, Number) or not 2 <= exponent.value < float("inf"):
            raise self.error("invalid power in formula: it must be a number, 2 or more", node)
        base = self.expand(_operand(node, 0), adding)
        result = base
        for _ in range(min(int(exponent.value) - 1, MAX_POWER)):
            grown = self.crossed(result, base, node)
            if list(grown) == list(result):
                break
            result = grown
        return result

    def error(self, message: str, node: Node) -> FormulaError:
        return error_at(message, self.formula.text, node.pos)

    def written_out(self) -> Formula:
        """The formula with every ``.`` of its right-hand side written out."""
        names = self.dot_names
        if not names:
            return self.formula
        total: Node = Name(names[0])
        for name in names[1:]:
            total = call("+", total, Name(name))
        rhs = _substituted(self.formula.rhs, total, bare=True)
        sides = (rhs,) if self.formula.lhs is None else (self.formula.lhs, rhs)
        return Formula.of(call("~", *sides))


def _is_offset(node: Node) -> bool:
    """Whether R takes a variable for an offset: if its spelling begins like a call of ``offset()``."""
    return isinstance(node, Call) and deparse(node).startswith("offset(")


def _operand(node: Call, index: int) -> Node:
    value = node.args[index].value
    if value is None:
        raise FormulaError(f"invalid model formula: an empty argument in {deparse(node)}")
    return value


def _union(found: dict[int, None]) -> int:
    whole = 0
    for term in found:
        whole |= term
    return whole


def _positions(bits: int) -> tuple[int, ...]:
    positions = []
    while bits:
        low = bits & -bits
        positions.append(low.bit_length() - 1)
        bits ^= low
    return tuple(positions)


def _symbols(node: Node) -> set[str]:
    """Every symbol among the operands of an expression, also right of ``$``."""
    found: set[str] = set()
    stack: list[Node] = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, Name):
            found.add(current.name)
        elif isinstance(current, Call):
            stack.extend(current.operands)
    return found


def _without_integers(node: Node) -> Node:
    """Write ``2L`` as ``2``: R takes ``f(x, 2L)`` and ``f(x, 2)`` for the same variable."""
    if not any(isinstance(part, Number) and part.integer for part in walk(node)):
        return node
    return map_leaves(node, lambda leaf: Number(leaf.value) if isinstance(leaf, Number) else leaf)


def _substituted(node: Node, total: Node, bare: bool) -> Node:
    """Put ``total`` for every dot, in parentheses unless it is a lone name or stands where a sum may stand ``bare``."""
    left, links = unchain(node, only=INFIX)
    bare = links[0].function == "+" if links else bare
    if left == DOT:
        left = total if bare or isinstance(total, Name) else call("(", total)
    elif isinstance(left, Call):
        plain = left.function == "(" or left.function not in OPERATORS
        args = [Arg(arg.value and _substituted(arg.value, total, plain), arg.name) for arg in left.args]
        left = Call(left.function, tuple(args), pos=left.pos)
    for link in links:
        right = _substituted(_operand(link, 1), total, False)
        left = Call(link.function, (Arg(left), Arg(right)), pos=link.pos)
    return left
