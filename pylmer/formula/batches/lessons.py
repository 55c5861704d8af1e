"""The first pass over batches: what functions of the formula must learn from all rows, and which levels occur.

Most functions look at one row at a time and need nothing. ``factor(x)`` and its like learn levels, ``scale(x)`` a mean
and a spread: both are gathered batch by batch. What needs all rows at once (``poly``, ``ns``, ...) is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pylmer.formula.ast import Call, Constant, Name, Node, Number, walk
from pylmer.formula.batches.levels import LevelSet
from pylmer.formula.coerce import as_double
from pylmer.formula.deparse import deparse
from pylmer.formula.evaluate import FUNCTIONS, Arguments, Environment, evaluate, function_name, matched
from pylmer.formula.tokens import error_at
from pylmer.formula.transforms_bases import scale_settings
from pylmer.formula.values import Character, Matrix
from pylmer.rcompat.factors import Factor

__all__ = [
    "LEVEL_FUNCTIONS",
    "Lesson",
    "check_arguments_are_factors",
    "columns_of",
    "is_learner",
    "lessons_of",
    "refuse_if_bound_to_all_rows",
]

#: Functions that learn the levels of their first argument.
LEVEL_FUNCTIONS = frozenset(["factor", "ordered", "as.factor", "droplevels", "dummy"])
#: Functions that take factors apart or together: right in batches only when their arguments are factors already.
OF_FACTORS = frozenset(["interaction", "C", ":"])
#: Functions that look at all rows at once, and how to do without.
OF_ALL_ROWS = {
    "poly": "poly(x, 2, raw = TRUE), or powers as columns of the data",
    "ns": "the arguments knots and Boundary.knots",
    "bs": "the arguments knots and Boundary.knots",
    "cut": "the cut points themselves, cut(x, breaks = c(...))",
    "rank": "ranks as a column of the data",
    "cumsum": "running sums as a column of the data",
    "rev": "a column of the data",
    "ave": "group means as a column of the data",
    "c": "a column of the data",
    "seq": "a column of the data",
    **dict.fromkeys(
        ["mean", "median", "sd", "var", "sum", "min", "max", "length", "quantile"], "the number itself, or scale(x)"
    ),
    "%in%": "constants on its right-hand side",
}


def columns_of(node: Node, names: Sequence[str]) -> tuple[str, ...]:
    """The columns that an expression names."""
    known = set(names)
    return tuple(dict.fromkeys(part.name for part in walk(node) if isinstance(part, Name) and part.name in known))


def is_learner(node: Node, names: Sequence[str]) -> bool:
    """Whether a call learns from the rows what it can learn batch by batch."""
    if not isinstance(node, Call) or not columns_of(node, names):
        return False
    name = function_name(node)
    if name in ("factor", "ordered"):
        return not _is_given(node, "levels")
    return name in LEVEL_FUNCTIONS or name == "scale"


def refuse_if_bound_to_all_rows(node: Node, names: Sequence[str], text: str) -> None:
    """Refuse an expression whose value in a row depends on other rows in a way that no pass over batches can learn.

    Raises
    ------
    FormulaError
        With the call, and what to write instead.
    """
    for part in walk(node):
        if not isinstance(part, Call) or not columns_of(part, names):
            continue
        name = function_name(part) or ""
        if name in OF_ALL_ROWS and not _says_all(part, name, names):
            raise error_at(
                f"{deparse(part)} looks at all rows at once, which is not done for data in batches: give "
                f"{OF_ALL_ROWS[name]}",
                text,
                part.pos,
            )
        if is_learner(part, names):
            inner = [deparse(other) for other in walk(part) if other is not part and is_learner(other, names)]
            if inner:
                raise error_at(
                    f"{deparse(part)} learns from the rows what {inner[0]} has learned, which is not done for data in "
                    "batches: make the inner one a column of the data",
                    text,
                    part.pos,
                )


def _says_all(node: Call, name: str, names: Sequence[str]) -> bool:
    """Whether the arguments of a call leave nothing to learn."""
    if name == "poly":
        return _argument(node, "raw", len(node.args)) in (Constant("TRUE"), Name("T"))
    if name in ("ns", "bs"):
        return _is_given(node, "knots") and _is_given(node, "Boundary.knots")
    if name == "cut":
        breaks = _argument(node, "breaks", 1)
        return breaks is not None and not isinstance(breaks, Number) and not columns_of(breaks, names)
    if name == "%in%":
        return len(node.operands) == 2 and not columns_of(node.operands[1], names)
    return False


def _is_given(node: Call, name: str) -> bool:
    formals = FUNCTIONS[function_name(node) or ""].formals
    before_dots = formals[: formals.index("...")] if "..." in formals else formals
    place = before_dots.index(name) if name in before_dots else len(node.args)
    return _argument(node, name, place) is not None


def _argument(node: Call, name: str, place: int) -> Node | None:
    """An argument by its name, or by its place among those without a name."""
    for arg in node.args:
        if arg.name is not None and name.startswith(arg.name):
            return arg.value
    plain = [arg.value for arg in node.args if arg.name is None]
    return plain[place] if place < len(plain) else None


def check_arguments_are_factors(node: Node, env: Environment) -> None:
    """Refuse ``interaction(a, b)``, ``C(a)`` of what is no factor yet: each batch would make levels of its own."""
    for part in walk(node):
        if not isinstance(part, Call) or function_name(part) not in OF_FACTORS or not columns_of(part, env.table.names):
            continue
        for operand in part.operands if function_name(part) != "C" else part.operands[:1]:
            if columns_of(operand, env.table.names) and not isinstance(evaluate(operand, env), Factor):
                raise env.error(
                    f"{deparse(part)} makes levels of {deparse(operand)}, which is no factor: for data in batches "
                    f"write factor({deparse(operand)}) there",
                    part,
                )


@dataclass
class Lesson:
    """What one call learns.

    Parameters
    ----------
    node
        The call.
    levels
        The levels of its argument, for a function of levels.
    moments
        Mean and spread of its columns, for ``scale``.
    """

    node: Call
    levels: LevelSet
    moments: list[_Moments] = field(default_factory=list)
    settings: tuple[list[float] | None, list[float] | None] = (None, None)

    def attend(self, env: Environment) -> None:
        """Learn from a batch."""
        args = self._arguments(env)
        if function_name(self.node) == "scale":
            self._attend_moments(args)
        else:
            self.levels.note(args.value(FUNCTIONS[function_name(self.node) or ""].formals[0]))

    def _arguments(self, env: Environment) -> Arguments:
        return matched(FUNCTIONS[function_name(self.node) or ""].formals, self.node, env)

    def _attend_moments(self, args: Arguments) -> None:
        value = args.value("x")
        if isinstance(value, (Factor, Character)):
            raise args.error("'x' must be numeric: scale() takes numbers")
        columns = value.values if isinstance(value, Matrix) else as_double(value)[:, None]
        self.settings = scale_settings(args, columns.shape[1])
        if not self.moments:
            self.moments = [_Moments() for _ in range(columns.shape[1])]
        for moments, column in zip(self.moments, columns.T, strict=True):
            moments.add(column)

    def learned(self, env: Environment) -> Any:
        """What the call remembers; ``env`` has a few rows, with all levels of the factor columns."""
        if function_name(self.node) == "scale":
            centre, spread = self.settings
            centre = [m.mean for m in self.moments] if centre is None else centre
            spread = [m.spread(c) for m, c in zip(self.moments, centre, strict=True)] if spread is None else spread
            return tuple(centre), tuple(spread)
        value = self._arguments(env).value(FUNCTIONS[function_name(self.node) or ""].formals[0])
        if isinstance(value, Factor) and function_name(self.node) == "dummy":
            return value.levels
        self.levels.finish(value.levels if isinstance(value, Factor) else None)
        return self.levels.levels


@dataclass
class _Moments:
    """Number, mean and sum of squares about it, of the values that are not missing (Chan, Golub & LeVeque 1983)."""

    n: int = 0
    total: np.longdouble = field(default_factory=lambda: np.longdouble(0))
    about: np.longdouble = field(default_factory=lambda: np.longdouble(0))

    def add(self, x: np.ndarray[Any, np.dtype[np.float64]]) -> None:
        known = x[~np.isnan(x)]
        m = len(known)
        if not m:
            return
        total = np.sum(known, dtype=np.longdouble)
        centred = known - total / m
        about = np.sum(centred * centred)
        if self.n:
            gap = total / m - self.total / self.n
            about = about + gap * gap * (np.longdouble(self.n) * m / (self.n + m))
        self.n, self.total, self.about = self.n + m, self.total + total, self.about + about

    @property
    def mean(self) -> float:
        return float(self.total / self.n) if self.n else float("nan")

    def spread(self, centre: float) -> float:
        """Root mean square of what is left when ``centre`` is taken off, with n - 1 below."""
        if not self.n:
            return float("nan")
        gap = self.total / self.n - np.longdouble(centre)
        return float(np.sqrt(np.float64(self.about + self.n * gap * gap) / max(1, self.n - 1)))


def lessons_of(nodes: Sequence[Node], names: Sequence[str], most: float) -> list[Lesson]:
    """All that the calls in some expressions have to learn, each once."""
    found: dict[Node, Lesson] = {}
    for node in nodes:
        for part in _learners(node, names):
            found.setdefault(part, Lesson(part, LevelSet(deparse(part), most)))
    return list(found.values())


def _learners(node: Node, names: Sequence[str]) -> Iterator[Call]:
    for part in walk(node):
        if isinstance(part, Call) and is_learner(part, names):
            yield part
