"""From characters to tokens: R's lexical rules, as far as formulas use them."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import NamedTuple

from pylmer.errors import FormulaError

__all__ = ["CONSTANTS", "CONTROL_WORDS", "MAX_LENGTH", "Token", "error_at", "is_syntactic_name", "tokenize"]

MAX_LENGTH = 100_000
"""Longest text, in characters, that is read as a formula."""

CONSTANTS = frozenset(
    ("TRUE", "FALSE", "NULL", "NA", "NA_integer_", "NA_real_", "NA_character_", "NA_complex_", "Inf", "NaN")
)
CONTROL_WORDS = frozenset(("if", "else", "for", "while", "repeat", "function", "next", "break", "in"))
MAX_INTEGER = 2**31 - 1


class Token(NamedTuple):
    """One token: its kind (``name number integer string op end``), its value and where it begins."""

    kind: str
    value: str | float
    pos: int


_TOKEN = re.compile(
    r"""(?P<space>(?:[ \t\f\r\n]|\#[^\n]*)+)
      | (?P<raw>[rR](?=["']-*[(\[{]))
      | (?P<name>(?:[^\W\d_]|\.(?!\d))[\w.]*)
      | (?P<number>0[xX][0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?(?:[pP][+-]?\d+)?[Li]?
                 | (?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[Li]?)
      | (?P<quote>["'`])
      | (?P<op>%[^%\n]*% | <<- | ->> | ::: | \|> | \|\| | && | <= | >= | == | != | \*\* | <- | -> | :: | := | \[\[
             | [-+*/^:~!<>=&|$@()\[\],{};?])
    """,
    re.VERBOSE,
)
_PLAIN = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*"), "`": re.compile(r"[^`\\]*")}
_ESCAPE = re.compile(
    r"x[0-9a-fA-F]{1,2}|u(?:[0-9a-fA-F]{1,4}|\{[0-9a-fA-F]{1,4}\})"
    r"|U(?:[0-9a-fA-F]{1,8}|\{[0-9a-fA-F]{1,8}\})|[0-7]{1,3}|.",
    re.DOTALL,
)
_SIMPLE_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_SIMPLE_ESCAPES.update({c: c for c in "\\\"'` \n"})


def error_at(message: str, text: str, pos: int) -> FormulaError:
    """Make a FormulaError whose message shows ``text`` with a caret under the character at ``pos``.

    Examples
    --------
    >>> print(error_at("unexpected ')'", "y ~ x)", 5))
    unexpected ')'
      y ~ x)
           ^
    """
    if pos < 0:
        return FormulaError(f"{message}\n  {text}" if len(text) <= 200 else message)
    start = text.rfind("\n", 0, pos) + 1
    stop = text.find("\n", pos)
    stop = len(text) if stop < 0 else stop
    left, right = max(start, pos - 70), min(stop, pos + 40)
    before = ("..." if left > start else "") + text[left:pos]
    after = text[pos:right] + ("..." if right < stop else "")
    shown = (before + after).replace("\t", " ").replace("\r", " ").replace("\f", " ")
    return FormulaError(f"{message}\n  {shown}\n  {' ' * len(before)}^")


def is_syntactic_name(name: str) -> bool:
    """Whether R would read ``name`` as a symbol without back-quotes."""
    if name in CONSTANTS or name in CONTROL_WORDS:
        return False
    found = _TOKEN.match(name)
    return found is not None and found.lastgroup == "name" and found.end() == len(name) and _is_word(name)


def tokenize(text: str) -> list[Token]:
    """Split a text into tokens; the last one is of kind ``end``.

    Newlines count as blanks, as they do inside the parentheses of a call in R.

    Raises
    ------
    FormulaError
        For a character, number, string or escape that R's language does not know, or a text that is too long.
    """
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"the formula has {len(text)} characters; at most {MAX_LENGTH} are read")
    tokens: list[Token] = []
    pos = 0
    while pos < len(text):
        found = _TOKEN.match(text, pos)
        if found is None:
            raise _unexpected_character(text, pos)
        kind, piece, end = found.lastgroup, found.group(), found.end()
        if kind == "name":
            if not _is_word(piece):
                raise _unexpected_character(text, pos + next(i for i, c in enumerate(piece) if not _is_word(f"a{c}")))
            tokens.append(Token("name", piece, pos))
        elif kind == "op":
            tokens.append(Token("op", "^" if piece == "**" else piece, pos))
        elif kind == "number":
            tokens.append(_number(text, piece, pos))
        elif kind == "quote":
            token, end = _quoted(text, pos)
            tokens.append(token)
        elif kind == "raw":
            token, end = _raw_string(text, pos)
            tokens.append(token)
        pos = end
    tokens.append(Token("end", "", len(text)))
    return tokens


def _is_word(name: str) -> bool:
    """Whether all characters are letters, decimal digits, dots and underscores (``\\w`` also admits superscripts)."""
    return name.isascii() or all(
        c in "._" or c.isalpha() or c.isdecimal() or unicodedata.category(c) == "Nl" for c in name
    )


_LOOKALIKES = {"-": "−–—", "~": "∼～˜", "|": "∣｜│", "*": "×∗", "'\"'": "“”„", '"\'"': "‘’‚", "^": "ˆ", "+": "＋"}
"""What word processors make of R's characters."""


def _unexpected_character(text: str, pos: int) -> FormulaError:
    character = text[pos]
    hint = {
        "%": "an operator like %in% needs a closing '%'",
        "\\": "functions cannot be defined in a formula",
        "_": "a name cannot begin with '_'; put it in back-quotes",
        "}": "braces cannot be used in a formula",
        **{typed: f"write {plain}" for plain, look in _LOOKALIKES.items() for typed in look},
    }.get(character, "if it belongs to a name, put the name in back-quotes")
    shown = repr(character) if character.isprintable() and character != " " else f"U+{ord(character):04X}"
    return error_at(f"unexpected input {shown}: {hint}", text, pos)


def _number(text: str, piece: str, pos: int) -> Token:
    if piece[-1] == "i":
        raise error_at(f"complex numbers such as {piece} cannot be used in a formula", text, pos)
    digits = piece.rstrip("L")
    try:
        if digits[:2] not in ("0x", "0X"):
            value = float(digits)
        elif "p" in digits.lower():
            value = float.fromhex(digits)
        elif "." in digits:
            raise error_at(f"the hexadecimal number {piece} needs an exponent 'p'", text, pos)
        else:
            value = float(int(digits, 16))
    except OverflowError:
        value = math.inf
    integer = piece[-1] == "L" and value <= MAX_INTEGER and value == math.floor(value)
    return Token("integer" if integer else "number", value, pos)


def _quoted(text: str, start: int) -> tuple[Token, int]:
    """Read a string or a back-quoted name that begins at ``start``."""
    quote = text[start]
    plain = _PLAIN[quote]
    pieces: list[str] = []
    pos = start + 1
    while True:
        run = plain.match(text, pos)
        assert run is not None
        pieces.append(run.group())
        pos = run.end()
        if pos >= len(text):
            raise error_at(f"the quote {quote} is never closed", text, start)
        if text[pos] == quote:
            break
        character, pos = _escape(text, pos)
        pieces.append(character)
    value = "".join(pieces)
    if quote != "`":
        return Token("string", value, start), pos + 1
    if not value:
        raise error_at("attempt to use zero-length variable name", text, start)
    return Token("quoted", value, start), pos + 1


def _escape(text: str, pos: int) -> tuple[str, int]:
    """Resolve the escape sequence whose backslash is at ``pos``; also give where it ends."""
    found = _ESCAPE.match(text, pos + 1)
    if found is None:
        raise error_at("a string is never closed", text, pos)
    code = found.group()
    if code in _SIMPLE_ESCAPES:
        return _SIMPLE_ESCAPES[code], found.end()
    if code[0] in "01234567":
        point, limit = int(code, 8), 0x80
    elif len(code) > 1:
        point, limit = int(code[1:].strip("{}"), 16), 0x80 if code[0] == "x" else 0x110000
    else:
        raise error_at(f"'\\{code}' is an unrecognized escape in character string", text, pos)
    if not 0 < point < limit or 0xD800 <= point < 0xE000:
        raise error_at(f"'\\{code}' is no character; use \\u with a code point", text, pos)
    return chr(point), found.end()


def _raw_string(text: str, start: int) -> tuple[Token, int]:
    """Read ``r"---(...)---"`` and its relatives."""
    quote = text[start + 1]
    opening = start + 2
    while text[opening] == "-":
        opening += 1
    closing = {"(": ")", "[": "]", "{": "}"}[text[opening]] + "-" * (opening - start - 2) + quote
    end = text.find(closing, opening + 1)
    if end < 0:
        raise error_at(f"the raw string is never closed by {closing}", text, start)
    return Token("string", text[opening + 1 : end], start), end + len(closing)
