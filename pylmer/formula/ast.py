"""The syntax tree of R's language, as far as formulas use it: as in R, everything that is not a leaf is a call.

Trees are frozen and compare by structure (positions do not count). A call knows its own hash, so that looking up a
result that was cached for a tree costs nothing; comparing, walking and pickling run without recursion, because a sum
of a thousand terms is a thousand calls deep on its left side.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field

from pylmer.errors import FormulaError

__all__ = [
    "Arg",
    "Call",
    "Constant",
    "Name",
    "Node",
    "Number",
    "String",
    "all_names",
    "call",
    "is_call",
    "map_leaves",
    "unchain",
    "walk",
]

MAX_DEPTH = 100
"""Deepest nesting of a tree, not counting the left sides of infix operators (R itself allows 50 open brackets)."""

CHAINED = frozenset(["+", "-", "*", "/", ":", "|", "||", "&", "&&", "~", "==", "!=", "<", ">", "<=", ">="])
"""Operators whose chains, ``a + b + c + ...``, may be of any length."""


@dataclass(frozen=True, slots=True)
class Node:
    """A piece of syntax.

    Parameters
    ----------
    pos
        Offset, in characters, of the piece in the text that it was parsed from; -1 for a piece made by algebra.
    """

    pos: int = field(default=-1, compare=False, kw_only=True, repr=False)

    def __str__(self) -> str:
        """R's spelling."""
        from pylmer.formula.deparse import deparse

        return deparse(self)


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A symbol, without the back-quotes that it may have needed."""

    name: str


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A numeric constant; ``integer`` marks R's ``2L``."""

    value: float
    integer: bool = False


@dataclass(frozen=True, slots=True)
class String(Node):
    """A character constant, escapes resolved."""

    value: str


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """One of R's reserved constants: TRUE FALSE NULL NA NA_integer_ NA_real_ NA_character_ Inf NaN."""

    name: str


@dataclass(frozen=True, slots=True)
class Arg:
    """An argument of a call: a value (None for an empty one, as in ``x[1, ]``) and the name given to it, if any."""

    value: Node | None
    name: str | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Call(Node):
    """A call: ``a + b`` calls ``"+"`` with two arguments, ``(a)`` calls ``"("``, ``-a`` calls ``"-"`` with one.

    Parameters
    ----------
    function
        Name of the function, or the expression that gives it (``f(1)(2)``).
    args
        The arguments, in the order written.
    has_bars
        Whether ``|`` or ``||`` is called here or among the arguments.
    """

    function: str | Node
    args: tuple[Arg, ...] = ()
    has_bars: bool = field(init=False)
    _hash: int = field(init=False)
    _depth: int = field(init=False)

    def __post_init__(self) -> None:
        has_bars = self.function in ("|", "||")
        depth = self.function._depth if isinstance(self.function, Call) else 0
        for index, arg in enumerate(self.args):
            if isinstance(arg.value, Call):
                has_bars = has_bars or arg.value.has_bars
                depth = max(depth, arg.value._depth - (index == 0 and self.is_infix))
        if depth >= MAX_DEPTH:
            raise FormulaError(f"the expression is nested more than {MAX_DEPTH} deep")
        object.__setattr__(self, "has_bars", has_bars)
        object.__setattr__(self, "_hash", hash((self.function, self.args)))
        object.__setattr__(self, "_depth", depth + 1)

    def __repr__(self) -> str:
        return f"Call({str(self)!r})"

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Call):
            return NotImplemented
        return _same(self, other)

    def __reduce__(self) -> tuple[object, ...]:
        return _assemble, (_dismantle(self),)

    @property
    def is_infix(self) -> bool:
        """Whether this is a binary operator that is chained to the left (``+``, ``:``, ``|``, ``%in%`` ...)."""
        name = self.function
        return len(self.args) == 2 and isinstance(name, str) and (name in CHAINED or name[:1] == "%")

    @property
    def operands(self) -> tuple[Node, ...]:
        """The values of the arguments; empty arguments are left out."""
        return tuple(arg.value for arg in self.args if arg.value is not None)


def call(function: str, *operands: Node, pos: int = -1) -> Call:
    """Make a call of ``function`` with unnamed arguments.

    Examples
    --------
    >>> call("+", Name("a"), Name("b")) == call("+", Name("a"), Name("b"))
    True
    """
    return Call(function, tuple(Arg(node) for node in operands), pos=pos)


def is_call(node: object, *functions: str, arity: int | None = None) -> bool:
    """Whether ``node`` is a call of one of ``functions`` (with ``arity`` arguments, if given)."""
    return (
        isinstance(node, Call)
        and isinstance(node.function, str)
        and node.function in functions
        and (arity is None or len(node.args) == arity)
    )


def unchain(node: Node, only: Container[object] | None = None, stop: Container[object] = ()) -> tuple[Node, list[Call]]:
    """Take a chain of infix operators apart, without recursion.

    Parameters
    ----------
    node
        Any node.
    only
        Take only these operators apart.
    stop
        Do not take these operators apart.

    Returns
    -------
    tuple
        The left end of the chain, and the calls above it, the innermost first: of ``a + b - c`` the name ``a`` and the
        calls ``a + b`` and ``a + b - c``.
    """
    links: list[Call] = []
    while isinstance(node, Call) and node.is_infix and node.args[0].value is not None:
        if node.function in stop or not (only is None or node.function in only):
            break
        links.append(node)
        node = node.args[0].value
    return node, links[::-1]


def walk(node: Node) -> Iterator[Node]:
    """Every node of a tree, parents before children, from left to right."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if isinstance(current, Call):
            stack.extend(arg.value for arg in reversed(current.args) if arg.value is not None)
            if isinstance(current.function, Node):
                stack.append(current.function)


def all_names(node: Node) -> tuple[str, ...]:
    """Names of the variables of an expression, each once, in order of appearance (R's ``all.vars``).

    What stands right of ``$``, ``@`` and ``::`` is no variable.
    """
    found: dict[str, None] = {}
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, Name):
            found[current.name] = None
        elif isinstance(current, Call):
            if current.function in ("::", ":::"):
                continue
            args = current.args[:1] if current.function in ("$", "@") else current.args
            stack.extend(arg.value for arg in reversed(args) if arg.value is not None)
            if isinstance(current.function, Node):
                stack.append(current.function)
    return tuple(found)


def map_leaves(node: Node, change: Callable[[Node], Node]) -> Node:
    """The same tree with every leaf (anything but a call) replaced by ``change(leaf)``."""
    changed = _assemble([change(step) if isinstance(step, Node) else step for step in _dismantle(node)])
    assert changed is not None
    return changed


def _same(left: Call, right: Call) -> bool:
    stack: list[tuple[object, object]] = [(left, right)]
    while stack:
        a, b = stack.pop()
        if a is b:
            continue
        if not (isinstance(a, Call) and isinstance(b, Call)):
            if a != b:
                return False
            continue
        if a._hash != b._hash or len(a.args) != len(b.args):
            return False
        stack.append((a.function, b.function))
        for x, y in zip(a.args, b.args, strict=True):
            if x.name != y.name:
                return False
            stack.append((x.value, y.value))
    return True


Instruction = Node | None | tuple[str | None, tuple[str | None, ...], int]


def _dismantle(node: Node) -> list[Instruction]:
    """Write a tree as a postfix program: leaves, and for each call (function or None, names of arguments, position)."""
    program: list[Instruction] = []
    stack: list[Node | None] = [node]
    while stack:
        current = stack.pop()
        if not isinstance(current, Call):
            program.append(current)
            continue
        name = current.function if isinstance(current.function, str) else None
        program.append((name, tuple(arg.name for arg in current.args), current.pos))
        if isinstance(current.function, Node):
            stack.append(current.function)
        stack.extend(arg.value for arg in current.args)
    return program[::-1]


def _assemble(program: list[Instruction]) -> Node | None:
    """Run a program of :func:`_dismantle`."""
    stack: list[Node | None] = []
    for step in program:
        if not isinstance(step, tuple):
            stack.append(step)
            continue
        name, names, pos = step
        values = [stack.pop() for _ in names]
        function = name if name is not None else stack.pop()
        assert function is not None
        args = tuple(Arg(value, label) for value, label in zip(reversed(values), names, strict=True))
        stack.append(Call(function, args, pos=pos))
    return stack.pop()
