"""R's ways with names: make.names, make.unique, abbreviate."""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["abbreviate", "make_names", "make_unique"]

_RESERVED = frozenset(
    {"NULL", "NA", "TRUE", "FALSE", "Inf", "NaN", "NA_integer_", "NA_real_", "NA_character_", "NA_complex_"}
    | {"function", "while", "repeat", "for", "if", "in", "else", "next", "break"}
)
_VOWELS = frozenset("aeiou")


def _syntactic(name: str | None) -> str:
    if name is None:
        return "NA."
    starts_well = name[:1].isalpha() or (name[:1] == "." and not name[1:2].isdigit())
    if not starts_well:
        name = "X" + name
    name = "".join(c if c.isalnum() or c in "._" else "." for c in name)
    return name + "." if name in _RESERVED else name


def make_names(names: Sequence[str | None], unique: bool = False) -> list[str]:
    """Make syntactic names as R's ``make.names()``: what is not a letter, digit, point or underscore becomes a point.

    Parameters
    ----------
    names
        Any strings; None is NA.
    unique
        Whether to make them unique too; names that were already valid keep their spelling.

    Returns
    -------
    list of str

    Examples
    --------
    >>> make_names(["clinic:trt", "1a", "if"])
    ['clinic.trt', 'X1a', 'if.']
    """
    made = [_syntactic(name) for name in names]
    if not unique:
        return made
    order = sorted(range(len(made)), key=lambda i: made[i] != names[i])
    for i, name in zip(order, make_unique([made[i] for i in order]), strict=True):
        made[i] = name
    return made


def make_unique(names: Sequence[str], sep: str = ".") -> list[str]:
    """Append .1, .2, ... to repeated names, as R's ``make.unique()``.

    Examples
    --------
    >>> make_unique(["g", "g", "g.1", "g"])
    ['g', 'g.2', 'g.1', 'g.3']
    """
    taken = set(names)
    seen: set[str] = set()
    last: dict[str, int] = {}
    out = []
    for name in names:
        if name not in seen:
            seen.add(name)
            out.append(name)
            continue
        count = last.get(name, 0) + 1
        while f"{name}{sep}{count}" in taken:
            count += 1
        last[name] = count
        fresh = f"{name}{sep}{count}"
        taken.add(fresh)
        out.append(fresh)
    return out


def _ends_word(chars: list[str], i: int) -> bool:
    return not chars[i - 1].isspace() and (i + 1 == len(chars) or chars[i + 1].isspace())


def _inside_word(chars: list[str], i: int) -> bool:
    return not chars[i - 1].isspace()


def _is_vowel(char: str) -> bool:
    return char in _VOWELS


def _is_lower(char: str) -> bool:
    return char.islower()


def _is_shown(char: str) -> bool:
    return not char.isspace()


_PASSES: tuple[tuple[Callable[[str], bool], Callable[[list[str], int], bool]], ...] = (
    (_is_vowel, _ends_word),
    (_is_vowel, _inside_word),
    (_is_lower, _ends_word),
    (_is_lower, _inside_word),
    (_is_shown, _inside_word),
)


def _shorten(name: str, minlength: int) -> str:
    """Drop lower-case vowels, then lower-case letters, then anything, from the end and never a word's first letter."""
    chars = list(name.lstrip())
    spaces = sum(c.isspace() for c in chars[1:])
    if len(chars) > minlength + spaces:
        for droppable, place in _PASSES:
            for i in range(len(chars) - 1, 0, -1):
                if droppable(chars[i]) and place(chars, i):
                    del chars[i]
                if len(chars) - spaces <= minlength:
                    break
            else:
                continue
            break
    if len(chars) > minlength:
        chars = chars[:1] + [c for c in chars[1:] if not c.isspace()]
    return "".join(chars)


def abbreviate(names: Sequence[str], minlength: int = 4) -> list[str]:
    """Abbreviate strings to at least `minlength` characters such that they stay unique, as R's ``abbreviate()``.

    Parameters
    ----------
    names
        Any strings; equal strings have equal abbreviations.
    minlength
        What a string is shortened to; those that would be equal get longer ones.

    Returns
    -------
    list of str

    Examples
    --------
    >>> abbreviate(["(Intercept)", "sectorCatholic", "cses:sectorCatholic"], 6)
    ['(Intr)', 'sctrCt', 'css:sC']
    """
    stripped = [name.strip(" ") for name in names]
    distinct = list(dict.fromkeys(stripped))
    short = dict.fromkeys(distinct, "")
    again = distinct
    while True:
        for name in again:
            short[name] = _shorten(name, minlength)
        seen: set[str] = set()
        clashing: set[str] = set()
        for made in short.values():
            (clashing if made in seen else seen).add(made)
        if not clashing:
            return [short[name] for name in stripped]
        again = [name for name, made in short.items() if made in clashing]
        minlength += 1
