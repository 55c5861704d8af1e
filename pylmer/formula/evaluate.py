"""A small interpreter: the value of an expression of a formula over a table.

It walks the syntax tree and knows a fixed list of functions; nothing is ever given to Python's own evaluation. What a
function learns from the data (knots, centres, levels) goes into the memory of the environment and is used again when
the same expression is evaluated over new data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pylmer.errors import FormulaError
from pylmer.formula.ast import Arg, Call, Constant, Name, Node, Number, String
from pylmer.formula.contrasts import CONTRAST_FUNCTIONS
from pylmer.formula.table import Table, nearest
from pylmer.formula.tokens import error_at
from pylmer.formula.values import Character, Value, Vector

__all__ = [
    "FUNCTIONS",
    "Arguments",
    "ContrastFunction",
    "Environment",
    "Function",
    "evaluate",
    "function",
    "function_name",
    "matched",
]


#: Longest vector that a call in a formula makes, whatever the table.
MOST_VALUES = 1_000_000


@dataclass(frozen=True, slots=True)
class ContrastFunction:
    """A contrast function named as an argument, ``C(f, contr.sum)``."""

    name: str


Result = Value | ContrastFunction | None


@dataclass(slots=True)
class Environment:
    """Where names get their values.

    Parameters
    ----------
    table
        The data.
    text
        The text of the formula, so that errors can point into it.
    memory
        What data-dependent calls learned, by call.
    replay
        Whether the memory is read (new data) or written (the fit).
    """

    table: Table
    text: str = ""
    memory: dict[Node, Any] = field(default_factory=dict)
    replay: bool = False

    def remembered(self, node: Node, learn: Callable[[], Any]) -> Any:
        """What ``node`` learned from the data at the fit; learned now where this is the fit."""
        if self.replay and node in self.memory:
            return self.memory[node]
        learned = self.memory[node] = learn()
        return learned

    def error(self, message: str, node: Node) -> FormulaError:
        """An error that points at ``node``."""
        return error_at(message, self.text, node.pos)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one call, matched to the formals as R matches them: as syntax (``raw``) and as values."""

    env: Environment
    node: Call
    raw: Mapping[str, Node]
    named: Mapping[str, Result]
    dots: tuple[tuple[str | None, Node], ...]

    def error(self, message: str) -> FormulaError:
        """An error that points at the call."""
        return self.env.error(message, self.node)

    def has(self, name: str) -> bool:
        """Whether the argument was given."""
        return name in self.named

    def get(self, name: str) -> Result:
        """The argument; None where it was left out or is NULL."""
        return self.named.get(name)

    def value(self, name: str) -> Value:
        """An argument that must be there and be data."""
        if name not in self.named:
            raise self.error(f'argument "{name}" is missing, with no default: {self.node.function}() needs it')
        found = self.named[name]
        if found is None or isinstance(found, ContrastFunction):
            raise self.error(f"argument '{name}' of {self.node.function}() cannot be used: give data")
        return found

    def number(self, name: str, default: float) -> float:
        """A single number."""
        found = self.named.get(name)
        if found is None:
            return default
        if isinstance(found, Vector) and len(found) == 1:
            return float(found.values[0])
        raise self.error(f"invalid '{name}' argument: {self.node.function}() needs a single number there")

    def whole(self, name: str, default: float) -> int:
        """A single whole number; what is behind the point is cut off."""
        found = self.number(name, default)
        if not np.isfinite(found):
            raise self.error(f"invalid '{name}' argument: {self.node.function}() needs a number there, not {found}")
        return int(found)

    def bounded(self, count: float, what: str, most: int | None = None) -> int:
        """How many of something a call makes, as a whole number.

        Formulas are hostile input: no more values than a million, or ten for each row, and ``most`` of what is more.

        Raises
        ------
        FormulaError
            There would be more, or the number is none.
        """
        limit = max(MOST_VALUES, 10 * (self.env.table.n or 0)) if most is None else most
        if not 0 <= count <= limit:
            raise self.error(f"{self.node.function}() would make {count:g} {what}; it makes at most {limit} here")
        return int(count)

    def flag(self, name: str, default: bool) -> bool:
        """TRUE or FALSE."""
        found = self.number(name, float(default))
        if np.isnan(found):
            raise self.error(f"invalid '{name}' argument: {self.node.function}() needs TRUE or FALSE there")
        return bool(found)

    def numbers(self, name: str) -> np.ndarray[Any, np.dtype[np.float64]] | None:
        """A vector of numbers, or None."""
        found = self.named.get(name)
        if found is None:
            return None
        if isinstance(found, Vector):
            return found.values
        raise self.error(f"invalid '{name}' argument: {self.node.function}() needs numbers there")

    def strings(self, name: str) -> list[str] | None:
        """A vector as labels, or None."""
        from pylmer.formula.coerce import as_strings

        found = self.named.get(name)
        if found is None:
            return None
        if isinstance(found, ContrastFunction):
            raise self.error(f"invalid '{name}' argument: {self.node.function}() needs labels there")
        return ["NA" if s is None else s for s in as_strings(found)]

    def learn(self, compute: Callable[[], Any]) -> Any:
        """What this call learned from the data at the fit (computed now if this is the fit)."""
        return self.env.remembered(self.node, compute)


Body = Callable[[Arguments], Result]


@dataclass(frozen=True, slots=True)
class Function:
    """A function that formulas may call: its formals in R's order (``"..."`` among them) and what it does."""

    formals: tuple[str, ...]
    body: Body


FUNCTIONS: dict[str, Function] = {}
QUOTED = ("contr", "FUN")
"""Arguments that name a function: they are looked at as syntax, never evaluated as data."""


def function(names: str, *formals: str) -> Callable[[Body], Body]:
    """Enter a function into the table of known ones, under one or more names (separated by blanks)."""

    def enter(body: Body) -> Body:
        for name in names.split():
            FUNCTIONS[name] = Function(formals, body)
        return body

    return enter


_CONSTANTS: dict[str, Vector] = {
    "TRUE": Vector(np.array([1.0]), "logical"),
    "FALSE": Vector(np.array([0.0]), "logical"),
    "NA": Vector(np.array([np.nan]), "logical"),
    "NaN": Vector(np.array([np.nan])),
    "Inf": Vector(np.array([np.inf])),
    "NA_real_": Vector(np.array([np.nan])),
    "NA_integer_": Vector(np.array([np.nan]), "integer"),
}
_NAMED = {"T": _CONSTANTS["TRUE"], "F": _CONSTANTS["FALSE"], "pi": Vector(np.array([np.pi]))}


def evaluate(node: Node, env: Environment) -> Result:
    """The value of an expression.

    Raises
    ------
    FormulaError
        If it names a column or a function that is not there, or a function refuses its arguments; the message points
        at the place.
    """
    if isinstance(node, Name):
        return _look_up(node, env)
    if isinstance(node, Call):
        return _apply(node, env)
    if isinstance(node, Number):
        return Vector(np.array([node.value]), "integer" if node.integer else "double")
    if isinstance(node, String):
        return Character(np.array([node.value], dtype=object))
    if isinstance(node, Constant):
        if node.name == "NA_character_":
            return Character(np.array([None], dtype=object))
        return None if node.name == "NULL" else _CONSTANTS[node.name]
    raise env.error("an empty argument has no value", node)


def _look_up(node: Name, env: Environment) -> Result:
    name = node.name
    try:
        return env.table.column(name)
    except KeyError:
        pass
    if name in _NAMED:
        return _NAMED[name]
    if name in CONTRAST_FUNCTIONS:
        return ContrastFunction(name)
    raise unknown_column(name, env, node)


def unknown_column(name: str, env: Environment, node: Node) -> FormulaError:
    """The error for a name that is no column: R's sentence, then the nearest names."""
    close = nearest(name, env.table.names)
    if close:
        hint = "; did you mean " + " or ".join(repr(c) for c in close) + "?"
    else:
        listed = ", ".join(map(str, env.table.names[:12])) + (", ..." if len(env.table.names) > 12 else "")
        hint = f"; the columns are {listed}" if listed else "; no data were given"
    return env.error(f"object '{name}' not found: it is no column of the data{hint}", node)


def _apply(node: Call, env: Environment) -> Result:
    name = function_name(node)
    known = FUNCTIONS.get(name) if name is not None else None
    if known is None:
        raise _unknown_function(name, node, env)
    return known.body(matched(known.formals, node, env))


def function_name(node: Call) -> str | None:
    """The name of the function called; a package in front (``splines::ns``) says nothing more."""
    f = node.function
    if isinstance(f, str):
        return f
    if isinstance(f, Call) and f.function in ("::", ":::") and len(f.args) == 2:
        last = f.args[1].value
        if isinstance(last, (Name, String)):
            return last.name if isinstance(last, Name) else last.value
    return None


_COLUMN = "a formula names columns of the data alone, 'x' and not 'd$x'"
_SMOOTH = "smooth terms are those of mgcv; ns(x, df) and bs(x, df) are known here"
_ABSENT = {
    "$": _COLUMN,
    "@": _COLUMN,
    "[[": _COLUMN,
    "[": "a formula uses whole columns; choose rows by subset=",
    "%>%": "write the call itself, scale(x) and not x %>% scale",
    "s": _SMOOTH,
    "te": _SMOOTH,
}
"""Functions that are often asked for, and what to write."""


def _unknown_function(name: str | None, node: Call, env: Environment) -> FormulaError:
    words = sorted(f for f in FUNCTIONS if f[0].isalpha())
    if name is None:
        return env.error("only functions called by name can be used in a formula", node)
    if name in _ABSENT:
        return env.error(f'could not find function "{name}": {_ABSENT[name]}', node)
    close = nearest(name, words)
    rest = [w for w in words if w not in close]
    return env.error(
        f'could not find function "{name}"; the functions known in formulas are {", ".join([*close, *rest])}', node
    )


def matched(formals: tuple[str, ...], node: Call, env: Environment) -> Arguments:
    """R's matching: by exact name, then by unique beginning (not beyond ``...``), then by place."""
    slots: dict[str, Node] = {}
    rest: list[Arg] = []
    before_dots = formals[: formals.index("...")] if "..." in formals else formals
    for arg in node.args:
        target = _target(arg.name, formals, before_dots, slots) if arg.name is not None else None
        if target is None:
            rest.append(arg)
        elif arg.value is not None:
            slots[target] = arg.value
    free = [f for f in before_dots if f not in slots]
    dots: list[tuple[str | None, Node]] = []
    for arg in rest:
        if arg.value is None:  # an empty argument takes its place and stays missing
            free = free[1:]
        elif arg.name is None and free:
            slots[free.pop(0)] = arg.value
        elif "..." in formals:
            dots.append((arg.name, arg.value))
        else:
            what = f"{arg.name} = ..." if arg.name is not None else "one too many"
            listed = ", ".join(formals)
            raise env.error(f"unused argument ({what}): {node.function}() takes {listed}", node)
    named = {name: evaluate(value, env) for name, value in slots.items() if name not in QUOTED}
    return Arguments(env, node, slots, named, tuple(dots))


def _target(name: str, formals: Sequence[str], before_dots: Sequence[str], taken: Mapping[str, Node]) -> str | None:
    if name in formals and name != "..." and name not in taken:
        return name
    close = [f for f in before_dots if f.startswith(name) and f not in taken]
    return close[0] if len(close) == 1 else None
