"""Two printed texts: where they part, and whether in layout, in wording, in the last digit or in the number itself."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["LineDifference", "TextDifference", "compare_text", "tokens"]

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.])"
_TOKEN = re.compile(rf"(?<![\w.])({_NUMBER})|(\s+)|([^\s]+?)(?=\s|(?<![\w.]){_NUMBER}|\Z)")

KINDS = ("same", "layout", "digit", "numeric", "wording")
"""From harmless to bad; a text is as bad as its worst line."""


@dataclass(frozen=True)
class LineDifference:
    """One line that differs.

    Parameters
    ----------
    number
        Line number in the reference text, from 1; for a line that only one side has, where it would stand.
    kind
        ``layout`` (only blanks differ), ``digit`` (a number differs by one unit of its last printed place),
        ``numeric`` (by more), ``wording`` (anything else).
    ours, theirs
        The lines; None where one side has none.
    marks_ours, marks_theirs
        Spans (start, end) of the tokens that differ.
    relative
        Largest relative difference of two numbers, one unit of the last place of each forgiven.
    numbers
        The pairs of numbers that differ, ours first.
    """

    number: int
    kind: str
    ours: str | None
    theirs: str | None
    marks_ours: tuple[tuple[int, int], ...] = ()
    marks_theirs: tuple[tuple[int, int], ...] = ()
    relative: float = 0.0
    numbers: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class TextDifference:
    """All lines that differ, and the two whole texts for showing them side by side."""

    kind: str
    lines: tuple[LineDifference, ...]
    ours: tuple[str, ...]
    theirs: tuple[str, ...]

    @property
    def summary(self) -> str:
        """One line for tables: ``"2 lines differ: layout 1, digit 1"``."""
        if not self.lines:
            return "every character the same"
        counts = {kind: sum(line.kind == kind for line in self.lines) for kind in KINDS}
        shown = ", ".join(f"{kind} {count}" for kind, count in counts.items() if count)
        return f"{len(self.lines)} line{'s' * (len(self.lines) > 1)} differ: {shown}"


def tokens(line: str) -> list[tuple[str, str, int]]:
    """Split a line into (kind, text, start) with kind ``number``, ``blank`` or ``word``.

    Examples
    --------
    >>> [t[:2] for t in tokens("Days  10.467")]
    [('word', 'Days'), ('blank', '  '), ('number', '10.467')]
    """
    out = []
    for match in _TOKEN.finditer(line):
        kind = "number" if match[1] is not None else "blank" if match[2] is not None else "word"
        out.append((kind, match[0], match.start()))
    return out


def compare_text(ours: Sequence[str], theirs: Sequence[str]) -> TextDifference:
    """Compare two texts line by line, after matching up lines that only one of them has."""
    found: list[LineDifference] = []
    matcher = difflib.SequenceMatcher(
        None, [_skeleton(s) for s in ours], [_skeleton(s) for s in theirs], autojunk=False
    )
    for _, i1, i2, j1, j2 in matcher.get_opcodes():
        for k in range(max(i2 - i1, j2 - j1)):
            a = ours[i1 + k] if i1 + k < i2 else None
            b = theirs[j1 + k] if j1 + k < j2 else None
            if a != b:
                found.append(_line_difference(min(j1 + k, len(theirs)) + 1, a, b))
    worst = max((KINDS.index(line.kind) for line in found), default=0)
    return TextDifference(KINDS[worst], tuple(found), tuple(ours), tuple(theirs))


def _skeleton(line: str) -> str:
    """A line without blanks and with every number replaced, so that lines match up by their wording."""
    return "".join("#" if kind == "number" else text for kind, text, _ in tokens(line) if kind != "blank")


def _line_difference(number: int, a: str | None, b: str | None) -> LineDifference:
    if a is None or b is None:
        blank = not (a or b or "").strip()
        return LineDifference(number, "layout" if blank else "wording", a, b)
    ta = [t for t in tokens(a) if t[0] != "blank"]
    tb = [t for t in tokens(b) if t[0] != "blank"]
    if [t[1] for t in ta] == [t[1] for t in tb]:
        return LineDifference(number, "layout", a, b, *_blank_marks(a, b))
    if [t[0] for t in ta] != [t[0] for t in tb]:
        return LineDifference(number, "wording", a, b, ((0, len(a)),), ((0, len(b)),))
    pairs = [(x, y) for x, y in zip(ta, tb, strict=True) if x[1] != y[1]]
    kind = max((_token_kind(x, y) for x, y in pairs), key=KINDS.index)
    marks_a = tuple((x[2], x[2] + len(x[1])) for x, _ in pairs)
    marks_b = tuple((y[2], y[2] + len(y[1])) for _, y in pairs)
    relative = max((_relative(x, y) for x, y in pairs), default=0.0)
    numbers = tuple((float(x[1]), float(y[1])) for x, y in pairs if x[0] == "number")
    return LineDifference(number, kind, a, b, marks_a, marks_b, relative, numbers)


def _blank_marks(a: str, b: str) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
    codes = difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    ours = tuple((i1, max(i2, i1 + 1)) for tag, i1, i2, _, _ in codes if tag != "equal")
    theirs = tuple((j1, max(j2, j1 + 1)) for tag, _, _, j1, j2 in codes if tag != "equal")
    return ours, theirs


def _token_kind(x: tuple[str, str, int], y: tuple[str, str, int]) -> str:
    if x[0] != "number":
        return "wording"
    unit = max(_last_place(x[1]), _last_place(y[1]))
    gap = abs(float(x[1]) - float(y[1]))
    if gap == 0:
        return "layout"
    return "digit" if gap <= 1.001 * unit else "numeric"


def _relative(x: tuple[str, str, int], y: tuple[str, str, int]) -> float:
    if x[0] != "number":
        return float("inf")
    gap = abs(float(x[1]) - float(y[1])) - 1.001 * max(_last_place(x[1]), _last_place(y[1]))
    return max(gap, 0.0) / max(abs(float(y[1])), 1e-300)


def _last_place(text: str) -> float:
    """Size of one unit in the last printed place: 0.01 for ``"1.25"``, 1e3 for ``"2e3"``."""
    mantissa, _, exponent = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return float(10.0 ** (int(exponent or 0) - decimals))
