"""From text to tree: R's expression grammar, with its precedences, as far as formulas use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import inf

from pylmer.errors import FormulaError
from pylmer.formula.ast import MAX_DEPTH, Arg, Call, Constant, Name, Node, Number, String, call, is_call, walk
from pylmer.formula.deparse import deparse
from pylmer.formula.tokens import CONSTANTS, CONTROL_WORDS, Token, error_at, tokenize

__all__ = ["Formula", "as_formula", "parse", "parse_formula"]

LONG = 10_000
"""Trees of longer texts are not remembered."""

# Binding powers of the binary operators; a larger one binds tighter (R's ?Syntax).
TILDE, OR, AND, NOT, COMPARE, SUM, PRODUCT, SPECIAL, COLON, SIGN, POWER, DOLLAR = range(1, 13)
BINARY = {
    "~": TILDE,
    "||": OR,
    "|": OR,
    "&&": AND,
    "&": AND,
    "==": COMPARE,
    "!=": COMPARE,
    "<": COMPARE,
    ">": COMPARE,
    "<=": COMPARE,
    ">=": COMPARE,
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
    "|>": SPECIAL,
    ":": COLON,
    "^": POWER,
    "$": DOLLAR,
    "@": DOLLAR,
}
# Unary operators: least binding power of what stands to their right.
PREFIX = {"-": SIGN, "+": SIGN, "!": NOT, "~": TILDE + 1}
ASSIGNMENTS = frozenset(("=", "<-", "<<-", "->", "->>", ":="))
FORBIDDEN_CALLS = ASSIGNMENTS | (CONTROL_WORDS - {"in"}) | {"{", "?"}


@dataclass(frozen=True, eq=False)
class Formula:
    """A formula: a tree whose top is ``~``.

    ``str()`` is R's spelling. Formulas compare by structure and can be keys of dictionaries.

    Parameters
    ----------
    node
        The whole tree.
    lhs
        The response, or None for a one-sided formula.
    rhs
        What stands right of the tilde.
    text
        The text as written, to which the positions of the nodes refer.
    """

    node: Call
    lhs: Node | None = field(repr=False)
    rhs: Node = field(repr=False)
    text: str = field(repr=False)

    @classmethod
    def of(cls, node: Node) -> Formula:
        """Make a formula of a tree that was put together by algebra.

        Raises
        ------
        FormulaError
            If the top of the tree is no ``~``.
        """
        text = deparse(node)
        try:
            formula = parse_formula(text)
        except FormulaError:
            pass
        else:
            if formula.node == node:
                return formula
        return _formula(node, text)

    @cached_property
    def has_dot(self) -> bool:
        """Whether the right-hand side speaks of ``.``."""
        return any(isinstance(node, Name) and node.name == "." for node in walk(self.rhs))

    def __hash__(self) -> int:
        return hash(self.node)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Formula) and self.node == other.node)

    def __str__(self) -> str:
        return deparse(self.node)


def parse(text: str) -> Node:
    """Parse one R expression.

    Parameters
    ----------
    text
        The expression; newlines count as blanks.

    Returns
    -------
    Node
        Its tree. The result is cached.

    Raises
    ------
    FormulaError
        With the text and a caret under the character where it stops making sense.

    Examples
    --------
    >>> parse("-2^2") == parse("-(2^2)")
    False
    >>> parse("a + b").function
    '+'
    """
    if not isinstance(text, str):
        raise FormulaError(f"a formula is a str; got {type(text).__name__}")
    return _parse(text) if len(text) <= LONG else _parse.__wrapped__(text)


def parse_formula(text: str) -> Formula:
    """Parse a formula, one-sided (``~ x``) or two-sided (``y ~ x``).

    Raises
    ------
    FormulaError
        If the text is no R expression, or has no tilde at its top.

    Examples
    --------
    >>> str(parse_formula("log(y)~a*b+(1|g)"))
    'log(y) ~ a * b + (1 | g)'
    """
    if not isinstance(text, str):
        raise FormulaError(f"a formula is a str; got {type(text).__name__}")
    return _parse_formula(text) if len(text) <= LONG else _parse_formula.__wrapped__(text)


def as_formula(formula: str | Formula) -> Formula:
    """Give a formula as it is, parse a text."""
    return formula if isinstance(formula, Formula) else parse_formula(formula)


@lru_cache(maxsize=1024)
def _parse(text: str) -> Node:
    try:
        return _Parser(text).whole()
    except RecursionError:
        raise FormulaError("the expression is nested too deep for what is left of Python's stack") from None


@lru_cache(maxsize=1024)
def _parse_formula(text: str) -> Formula:
    return _formula(parse(text), text)


def _formula(node: Node, text: str) -> Formula:
    if not (isinstance(node, Call) and is_call(node, "~")):
        raise error_at("invalid formula: it needs a tilde, as in 'y ~ x'", text, -1)
    sides = node.operands
    if len(sides) != len(node.args) or len(sides) not in (1, 2):
        raise error_at(f"invalid formula: '~' has one or two sides, not {len(sides)}", text, node.pos)
    return Formula(node, sides[0] if len(sides) == 2 else None, sides[-1], text)


class _Parser:
    """Precedence climbing over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.index = 0
        self.depth = 0

    def whole(self) -> Node:
        node = self.expression(TILDE)
        if self.tokens[self.index].kind != "end":
            raise self.unexpected(self.tokens[self.index])
        return node

    def expression(self, least: int) -> Node:
        """Parse an expression whose binary operators all bind at least as tight as ``least``."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"the expression is nested more than {MAX_DEPTH} deep", self.tokens[self.index])
        left = self.postfix(self.prefix())
        compared = False
        while True:
            token = self.tokens[self.index]
            power = self.power(token)
            if power < least:
                break
            if power == COMPARE and compared:
                raise self.error(f"unexpected '{token.value}': comparisons cannot be chained; use '&'", token)
            compared = power == COMPARE
            self.index += 1
            right = self.selected(token) if power == DOLLAR else self.expression(power + (power != POWER))
            left = (
                self.pipe(left, right, token)
                if token.value == "|>"
                else call(str(token.value), left, right, pos=token.pos)
            )
        self.depth -= 1
        return left

    def power(self, token: Token) -> int:
        """Binding power of a binary operator; 0 for any other token."""
        if token.kind != "op":
            return 0
        operator = str(token.value)
        return SPECIAL if operator[0] == "%" else BINARY.get(operator, 0)

    def prefix(self) -> Node:
        """Parse a constant, a name, something in parentheses, or an operator with one argument."""
        token = self.tokens[self.index]
        self.index += 1
        if token.kind == "op":
            return self.prefix_operator(token)
        return self.atom(token)

    def prefix_operator(self, token: Token) -> Node:
        operator = str(token.value)
        if operator in PREFIX:
            return call(operator, self.expression(PREFIX[operator]), pos=token.pos)
        if operator == "(":
            inner = self.expression(TILDE)
            self.expect(")")
            return call("(", inner, pos=token.pos)
        raise self.unexpected(token)

    def atom(self, token: Token) -> Node:
        value, pos = token.value, token.pos
        if isinstance(value, float):
            if value == inf:
                return Constant("Inf", pos=pos)
            return Number(value, token.kind == "integer", pos=pos)
        if token.kind == "string":
            return String(value, pos=pos)
        if token.kind == "quoted":
            return Name(value, pos=pos)
        if token.kind == "end" or value in CONTROL_WORDS:
            raise self.unexpected(token)
        return Constant(value, pos=pos) if value in CONSTANTS else Name(value, pos=pos)

    def postfix(self, node: Node) -> Node:
        """Parse the argument lists, indices and selections that follow an expression."""
        while True:
            token = self.tokens[self.index]
            if token.kind != "op" or token.value not in ("(", "[", "[[", "$", "@", "::", ":::"):
                return node
            self.index += 1
            node = self.followed(node, token)

    def followed(self, node: Node, token: Token) -> Node:
        operator = str(token.value)
        if operator == "(":
            return self.called(node, token)
        if operator in ("$", "@"):
            return call(operator, node, self.selected(token), pos=token.pos)
        if operator in ("::", ":::"):
            if not isinstance(node, Name | String):
                raise self.unexpected(token)
            return call(operator, node, self.selected(token), pos=token.pos)
        args = self.arguments("]") or (Arg(None),)
        if operator == "[[":
            self.expect("]")
        return Call(operator, (Arg(node), *args), pos=token.pos)

    def called(self, function: Node, token: Token) -> Node:
        """Parse the arguments of a call."""
        args = self.arguments(")")
        if not isinstance(function, Name | String):
            return Call(function, args, pos=token.pos)
        name = function.name if isinstance(function, Name) else function.value
        if name in FORBIDDEN_CALLS or not name:
            raise self.error(f"'{name}' cannot be called in a formula", token)
        return Call(name, args, pos=function.pos)

    def selected(self, operator: Token) -> Node:
        """Parse what may stand right of ``$``, ``@`` and ``::``."""
        token = self.tokens[self.index]
        self.index += 1
        if token.kind == "op" and token.value == "(" and operator.value in ("$", "@"):
            return self.prefix_operator(token)
        if token.kind not in ("name", "quoted", "string") or (token.kind == "name" and token.value in CONSTANTS):
            raise self.unexpected(token)
        return self.atom(token)

    def arguments(self, closing: str) -> tuple[Arg, ...]:
        """Parse arguments up to the closing bracket; ``f()`` has none, ``f(,)`` two empty ones."""
        token = self.tokens[self.index]
        if token.kind == "op" and token.value == closing:
            self.index += 1
            return ()
        args = [self.argument(closing)]
        while self.tokens[self.index].value == "," and self.tokens[self.index].kind == "op":
            self.index += 1
            args.append(self.argument(closing))
        self.expect(closing)
        return tuple(args)

    def argument(self, closing: str) -> Arg:
        token, following = self.tokens[self.index], self.tokens[min(self.index + 1, len(self.tokens) - 1)]
        name = None
        if following.kind == "op" and following.value == "=" and self.may_name(token):
            name = str(token.value)
            self.index += 2
            token = self.tokens[self.index]
        if token.kind == "op" and token.value in (",", closing):
            return Arg(None, name)
        return Arg(self.expression(TILDE), name)

    def may_name(self, token: Token) -> bool:
        """Whether a token can be the name of an argument."""
        if token.kind == "string" and not token.value:
            raise self.error("attempt to use zero-length variable name", token)
        if token.kind == "name":
            return token.value == "NULL" or (token.value not in CONSTANTS and token.value not in CONTROL_WORDS)
        return token.kind in ("string", "quoted")

    def pipe(self, left: Node, right: Node, token: Token) -> Node:
        """Write ``x |> f(y)`` as the call ``f(x, y)`` that it stands for."""
        if not isinstance(right, Call) or is_call(right, "(", *BINARY, *PREFIX) or "%" in str(right.function)[:1]:
            raise self.error("The pipe operator requires a function call as RHS", token)
        return Call(right.function, (Arg(left), *right.args), pos=right.pos)

    def expect(self, operator: str) -> None:
        token = self.tokens[self.index]
        if token.kind != "op" or token.value != operator:
            raise self.unexpected(token, f"; expected '{operator}'")
        self.index += 1

    def unexpected(self, token: Token, more: str = "") -> FormulaError:
        value = str(token.value)
        if token.kind == "end":
            return self.error(f"unexpected end of input{more}", token)
        if token.kind == "op":
            if value in ASSIGNMENTS:
                hint = " (write 'a < -b' with blanks for a comparison)" if value == "<-" else ""
                return self.error(f"unexpected '{value}': nothing can be assigned in a formula{hint}", token)
            if value in ("{", "}"):
                return self.error(f"unexpected '{value}': braces cannot be used in a formula", token)
            return self.error(f"unexpected '{value}'{more}", token)
        if token.kind == "name" and value in CONTROL_WORDS:
            return self.error(f"unexpected '{value}': control flow and functions cannot be used in a formula", token)
        kind = {"name": "symbol", "quoted": "symbol", "string": "string constant"}.get(token.kind, "numeric constant")
        return self.error(f"unexpected {kind}{more}", token)

    def error(self, message: str, token: Token) -> FormulaError:
        return error_at(message, self.text, token.pos)
