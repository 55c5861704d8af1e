"""From tree to text, in R's own spelling."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import accumulate

from pylmer.formula.ast import Arg, Call, Constant, Name, Node, Number, String
from pylmer.formula.tokens import is_syntactic_name
from pylmer.rcompat.format import common_format

__all__ = ["deparse", "deparse_lines", "variable_name"]

# Precedence of the binary operators, from the loosest: see ?Syntax in R.
_LEVELS = (
    ("~",),
    ("||", "|"),
    ("&&", "&"),
    (),  # unary !
    ("==", "!=", "<", ">", "<=", ">="),
    ("+", "-"),
    ("*", "/"),
    (),  # %any%
    (":",),
    (),  # unary signs
    ("^",),
    ("$", "@"),
)
_PRECEDENCE = {operator: level for level, operators in enumerate(_LEVELS) for operator in operators}
_NOT, _COMPARE, _SPECIAL, _SIGN, _POWER, _SELECT = 3, 4, 7, 9, 10, 11
_UNARY = {"-": _SIGN, "+": _SIGN, "!": _NOT, "~": 0}
_CLOSE = ("/", "^", ":", "%%", "%/%")
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v", "\\": "\\\\"}
_WIDEST = 500


def deparse(node: Node, simple: bool = False) -> str:
    """Spell a tree as R's ``deparse()`` does, on one line.

    Parentheses that the tree does not have but that its meaning needs are added where R adds them.

    Parameters
    ----------
    node
        The tree.
    simple
        Write ``2L`` as ``2`` and ``NA_real_`` as ``NA``, as R does in labels of terms.

    Examples
    --------
    >>> from pylmer.formula.parse import parse
    >>> deparse(parse("y~a*b+poly( x,2 ,raw=T)-1e5:`a b`"))
    'y ~ a * b + poly(x, 2, raw = T) - 1e+05:`a b`'
    """
    if isinstance(node, Call):
        return _spelled(node, simple)
    return _leaf(node, simple)


def deparse_lines(node: Node, width_cutoff: int = 60) -> list[str]:
    """Spell a tree as R's ``deparse(node, width.cutoff)`` does, in lines.

    Parameters
    ----------
    node
        The tree.
    width_cutoff
        A line is broken, at the next operator or argument, once it has more bytes than this.

    Examples
    --------
    >>> from pylmer.formula.parse import parse
    >>> deparse_lines(parse("response ~ first + second + third"), 20)
    ['response ~ first + second + ', '    third']
    """
    writer = _Writer(width_cutoff)
    writer.write(node)
    return writer.finished()


def variable_name(node: Node) -> str:
    """Name that R gives to a column of a model frame: its spelling, a lone name without back-quotes.

    Examples
    --------
    >>> variable_name(Name("my var"))
    'my var'
    """
    return node.name if isinstance(node, Name) else deparse(node)


@lru_cache(maxsize=4096)
def _spelled(node: Call, simple: bool) -> str:
    writer = _Writer(None, simple)
    writer.write(node)
    return writer.finished()[0]


def _leaf(node: Node, simple: bool = False) -> str:
    if isinstance(node, Name):
        return _symbol(node.name)
    if isinstance(node, Constant):
        return "NA" if simple and node.name[:3] == "NA_" else node.name
    if isinstance(node, String):
        return _quoted(node.value, '"')
    assert isinstance(node, Number)
    if node.integer:
        return f"{node.value:.0f}" + "L" * (not simple)
    if node.value < 100_000 and node.value.is_integer():
        return str(int(node.value))
    return common_format((node.value,), 15, scipen=0).text(node.value)


@lru_cache(maxsize=4096)
def _symbol(name: str) -> str:
    return name if is_syntactic_name(name) else _quoted(name, "`")


def _quoted(text: str, quote: str) -> str:
    if text.isascii() and text.isprintable() and "\\" not in text and quote not in text:
        return f"{quote}{text}{quote}"
    return f"{quote}{''.join(_escaped(c, quote) for c in text)}{quote}"


def _escaped(character: str, quote: str) -> str:
    if character == quote:
        return f"\\{quote}"
    if character in _ESCAPES:
        return _ESCAPES[character]
    if unicodedata.category(character) not in ("Cc", "Cn", "Cs"):
        return character
    point = ord(character)
    return f"\\{point:03o}" if point < 128 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def _binary_level(node: Node) -> int | None:
    """Precedence of a call that is written as a binary operator."""
    if not isinstance(node, Call) or len(node.args) != 2 or not isinstance(node.function, str):
        return None
    return _SPECIAL if node.function[:1] == "%" else _PRECEDENCE.get(node.function)


def _level(node: Node) -> int:
    level = _binary_level(node)
    assert level is not None
    return level


def _unary_level(node: Node) -> int | None:
    """Precedence of a call that is written as a unary operator."""
    if not isinstance(node, Call) or len(node.args) != 1 or not isinstance(node.function, str):
        return None
    return _UNARY.get(node.function)


def _left_needs(node: Node, level: int) -> bool:
    """Whether the left operand of an operator of precedence ``level`` needs parentheses."""
    inner = _binary_level(node)
    if inner is None:
        inner = _unary_level(node)
        return inner is not None and inner < level
    return inner < level or (inner == level and level in (_COMPARE, _POWER))


def _right_needs(node: Node, level: int, following: int) -> bool:
    """Whether the right operand needs parentheses.

    A unary operator swallows what follows the whole expression, if that binds tighter than it does.
    """
    inner = _binary_level(node)
    if inner is None:
        inner = _unary_level(node)
        return inner is not None and inner < following
    return inner < level or (inner == level and level != _POWER)


def _unary_needs(node: Node, level: int, following: int) -> bool:
    """Whether the operand of a unary operator needs parentheses."""
    inner = _binary_level(node)
    if inner is None:
        inner = _unary_level(node)
        return inner is not None and inner < following
    return inner <= level


class _Writer:
    """Writes a tree, breaking lines as R does: before an operand or argument, once a line is longer than the cutoff."""

    def __init__(self, cutoff: int | None, simple: bool = False) -> None:
        self.cutoff = cutoff
        self.simple = simple
        self.lines: list[str] = []
        self.pieces: list[str] = []
        self.bytes = 0
        self.indent = 0

    def finished(self) -> list[str]:
        return [*self.lines, "".join(self.pieces)]

    def put(self, text: str) -> None:
        if self.cutoff is not None:
            if not self.pieces and self.lines:
                text = "    " * min(self.indent, 4) + "  " * max(self.indent - 4, 0) + text
            self.bytes += len(text.encode())
        self.pieces.append(text)

    def broken(self, already: bool) -> bool:
        """Start a new line if this one is too long; the first break of an expression indents what follows in it."""
        if self.cutoff is None or self.bytes <= self.cutoff:
            return already
        self.indent += not already
        self.lines.append("".join(self.pieces))
        self.pieces, self.bytes = [], 0
        return True

    def write(self, node: Node, following: int = 0) -> None:
        """Write a node; ``following`` is the precedence of the operators that come right after it, if any."""
        if not isinstance(node, Call):
            self.put(_leaf(node, self.simple))
        elif _binary_level(node) is not None and self.plain(node):
            self.binary(node, following)
        elif _unary_level(node) is not None and node.operands:
            assert isinstance(node.function, str)
            self.put(node.function)
            only = node.operands[0]
            self.operand(only, _unary_needs(only, _UNARY[node.function], following), following)
        elif node.function == "(" and len(node.operands) == 1:
            self.operand(node.operands[0], True)
        elif node.function in ("[", "[[") and node.args and node.args[0].value is not None and not node.args[0].name:
            self.subset(node, node.function)
        else:
            self.called(node)

    def plain(self, node: Call) -> bool:
        """Whether a call of a binary operator can be written as one."""
        left, right = (arg.value for arg in node.args)
        if left is None or right is None:
            return False
        return node.function not in ("$", "@") or isinstance(right, Name | String)

    def operand(self, node: Node, enclosed: bool, following: int = 0) -> None:
        if not enclosed:
            self.write(node, following)
            return
        self.put("(")
        self.write(node)
        self.put(")")

    def binary(self, node: Call, following: int) -> None:
        """Write a chain of operators from its left end, without recursion into left operands."""
        chain = [node]
        levels = [_level(node)]
        while True:
            left = chain[-1].operands[0]
            if _binary_level(left) is None or _left_needs(left, levels[-1]):
                break
            assert isinstance(left, Call)
            if not self.plain(left):
                break
            chain.append(left)
            levels.append(_level(left))
        # What follows an operand: the operators above it in the chain, and what follows the chain.
        after = list(accumulate([following, *levels], max))
        self.operand(left, _left_needs(left, levels[-1]), after[-1])
        for link, level, next_level in zip(reversed(chain), reversed(levels), reversed(after[:-1]), strict=True):
            self.operator(link, level, next_level)

    def operator(self, node: Call, level: int, following: int) -> None:
        """Write an operator and its right operand."""
        operator, right = node.function, node.operands[1]
        assert isinstance(operator, str)
        if level == _SELECT:
            valid = isinstance(right, String) and is_syntactic_name(right.value)
            self.put(operator + (right.value if valid and isinstance(right, String) else _leaf(right)))
            return
        close = operator in _CLOSE
        self.put(operator if close else f" {operator} ")
        broken = False if close else self.broken(False)
        self.operand(right, _right_needs(right, level, following), following)
        self.indent -= broken

    def subset(self, node: Call, bracket: str) -> None:
        first = node.operands[0]
        self.operand(first, _left_needs(first, _SELECT))
        self.put(bracket)
        self.arguments(node.args[1:])
        self.put("]" * len(bracket))

    def called(self, node: Call) -> None:
        function = node.function
        if isinstance(function, str):
            leaves = not any(isinstance(part, Call) for part in node.operands)  # a dot may have been written out
            if function in ("::", ":::") and len(node.operands) == 2 and leaves:
                self.put(function.join(_leaf(part) for part in node.operands))
                return
            self.put(_symbol(function))
        else:
            self.operand(function, _left_needs(function, _SELECT))
        self.put("(")
        self.arguments(node.args)
        self.put(")")

    def arguments(self, args: tuple[Arg, ...]) -> None:
        broken = False
        for index, arg in enumerate(args):
            if index:
                self.put(", ")
                broken = self.broken(broken)
            if arg.name is not None:
                self.put(_symbol(arg.name) + " = ")
            if arg.value is not None:
                self.write(arg.value)
            else:
                self.put("")
        self.indent -= broken
