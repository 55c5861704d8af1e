"""Formulas are hostile input: a parse of bounded depth and size, nothing evaluated, and always an error of pylmer."""

from __future__ import annotations

import string
import time
import warnings
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer import datasets, lFormula, lmer
from pylmer.errors import PylmerError
from pylmer.formula.parse import parse_formula
from pylmer.formula.terms import terms

LETTERS = list(string.ascii_lowercase)
SLEEP = datasets.sleepstudy()

BOMBS = {
    "parentheses": "y ~ " + "(" * 10_000 + "x" + ")" * 10_000,
    "never closed": "(" * 100_000,
    "a megabyte": "y ~ " + "+".join(["x"] * 500_000),
    "thousands of terms": "y ~ " + "+".join(f"x{i}" for i in range(14_000)) + " + (1 | g)",
    "2^26 terms": "y ~ (1 | g) + " + "*".join(LETTERS),
    "a power of sums": "y ~ (1 | g) + (" + "+".join(LETTERS) + ")^20",
    "a degree of a billion": "Reaction ~ poly(Days, 1e9) + (1 | Subject)",
    "powers of a billion": "Reaction ~ poly(Days, 1e9, raw = TRUE) + (1 | Subject)",
    "a sequence of a billion": "Reaction ~ I(1:1e9) + (1 | Subject)",
    "an endless sequence": "Reaction ~ I(1:Inf) + (1 | Subject)",
    "seq": "Reaction ~ seq(1, 1e12) + (1 | Subject)",
    "seq of nothing": "Reaction ~ seq(1, 2, length.out = NaN) + (1 | Subject)",
    "a spline of a billion": "Reaction ~ ns(Days, df = 1e9) + (1 | Subject)",
    "another": "Reaction ~ bs(Days, df = 1e7) + (1 | Subject)",
    "intervals": "Reaction ~ cut(Days, 1e9) + (1 | Subject)",
    "levels": f"Reaction ~ interaction({', '.join(['Subject'] * 12)}) + (1 | Subject)",
    "digits": "y ~ " + "9" * 50_000 + " + (1 | g)",
    "minus signs": "y ~ " + "-" * 50_000 + "x",
    "exclamation marks": "y ~ " + "!" * 50_000 + "x",
    "powers": "y ~ " + "^".join(["x"] * 20_000),
    "tildes": "y ~ " + "~" * 50_000,
    "brackets": "y ~ x" + "[" * 5_000,
    "calls": "y ~ " + "f(" * 10_000,
    "pipes": "y ~ " + "x|>" * 20_000,
    "bars": "y ~ " + "(1|" * 5_000,
    "slashes": "Reaction ~ (1 | " + "/".join(["Subject"] * 2_000) + ")",
    "grouping": "nothing ~ (1 | " + ":".join(["Subject"] * 3_000) + ")",
    "terms": "nothing ~ " + "+".join(["(1 | Subject)"] * 2_000),
    "a string": "y ~ '" + "a" * 90_000,
    "directions": "y ~ " + "\u202e" * 1_000,
    "zero": "y ~ \x00",
    "half a character": "y ~ \ud800",
    "import": "Reaction ~ __import__('os').system('true') + (1 | Subject)",
    "class": "Reaction ~ Days$__class__ + (1 | Subject)",
    "attribute": "Reaction ~ Days@values + (1 | Subject)",
    "system": "Reaction ~ system('true') + (1 | Subject)",
    "eval": "Reaction ~ eval(parse(text = 'q()')) + (1 | Subject)",
    "overflow": "Reaction ~ exp(exp(exp(Days))) + (1 | Subject)",
    "infinite": "Reaction ~ I(1e99999 * Days) + (1 | Subject)",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_soon(name: str) -> None:
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(PylmerError):
            lmer(BOMBS[name], SLEEP)
    assert time.process_time() - began < 20


def test_a_dot_beside_two_colons() -> None:
    """Found by fuzzing: written out, the dot is a call, which has no place beside ``::``."""
    assert terms("y ~ .::. + a", ("x", "z")).term_labels[-1] == "a"


PIECES = st.sampled_from(
    [
        *("y", "x", "g", "Days", "Subject", "Reaction", "1", "0", "-1", "2.5", "1e400", "TRUE", "NULL", "NA", "."),
        *(
            "~",
            "+",
            "-",
            "*",
            "/",
            "^",
            ":",
            "|",
            "||",
            "%in%",
            "%%",
            "(",
            ")",
            "[",
            "]",
            ",",
            "$",
            "@",
            "!",
            "<",
            "==",
        ),
        *(
            "log(",
            "I(",
            "poly(",
            "offset(",
            "factor(",
            "scale(",
            "ns(",
            "cbind(",
            "us(",
            "ar1(",
            "'",
            '"',
            "`",
            " ",
            "\n",
        ),
        *("(1 | g)", "(Days | Subject)", "(x || g)", "é", "_", "#", "\\", ";", "{", "}", "<-", "function(", "if", "&&"),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with suppress(PylmerError):
        formula = parse_formula(text)
        terms(formula, ("y", "x", "g"))
        assert str(parse_formula(str(formula))) == str(formula)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=12).map("".join))
def test_any_formula_is_fitted_to_data_or_refused(text: str) -> None:
    with warnings.catch_warnings(), suppress(PylmerError):
        warnings.simplefilter("ignore")
        lFormula(f"Reaction ~ {text} + (1 | Subject)", SLEEP)
