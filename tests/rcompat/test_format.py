"""R's number formatting, every character and every bit, against what R recorded."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylmer.rcompat.format import as_character, common_format, format_numbers, significant
from pylmer.rcompat.options import options
from pylmer.rcompat.rounding import quantile, r_round, signif, zapsmall

FIXTURE = Path(__file__).parents[2] / "fixtures" / "rcompat" / "format.json.gz"
NA_TEXT = {"NA": math.nan, "NaN": math.nan, "Inf": math.inf, "-Inf": -math.inf}


def numbers(texts: list[str]) -> list[float]:
    return [NA_TEXT[t] if t in NA_TEXT else float.fromhex(t) for t in texts]


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    with gzip.open(FIXTURE, "rt", encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    return found


def test_format(recorded: dict[str, Any]) -> None:
    wrong = []
    for texts, digits, nsmall, scipen, expected in recorded["format"]:
        if "NaN" in texts and "NA" in texts:
            continue  # one NaN in Python
        with options(scipen=scipen):
            got = format_numbers(numbers(texts), digits, nsmall, na="NaN" if "NaN" in texts else "NA")
        if got != expected:
            wrong.append((numbers(texts), digits, nsmall, scipen, expected, got))
    assert wrong == []


def test_as_character(recorded: dict[str, Any]) -> None:
    texts, expected = recorded["as_character"]
    x = numbers(texts)
    assert [(v, e, g) for v, e, g in zip(x, expected, as_character(x), strict=True) if e != g] == []


@pytest.mark.parametrize(("name", "function"), [("signif", signif), ("round", r_round), ("zapsmall", zapsmall)])
def test_rounding(recorded: dict[str, Any], name: str, function: Any) -> None:
    wrong = []
    for texts, digits, expected in recorded[name]:
        x = numbers(texts)
        for v, g, e in zip(x, function(x, digits).tolist(), numbers(expected), strict=True):
            if g != e:
                wrong.append((v, digits, e, g))
    assert wrong == []


def test_quantile(recorded: dict[str, Any]) -> None:
    for texts, p, expected in recorded["quantile"]:
        assert quantile(numbers(texts), numbers(p)).tolist() == numbers(expected)


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(finite, min_size=1, max_size=5), st.integers(1, 15))
def test_every_element_shows_its_digits(x: list[float], digits: int) -> None:
    layout = common_format(x, digits)
    for v in x:
        text = layout.text(v)
        assert len(layout.encode(v)) >= layout.width
        if v and 1e-290 < abs(v) < 1e290:
            assert float(text) == pytest.approx(v, rel=0.51 * 10.0 ** (1 - digits))


@given(st.floats(min_value=1e-300, max_value=1e300), st.integers(1, 15))
def test_needed_digits_suffice(x: float, digits: int) -> None:
    exponent, needed = significant(x, digits)
    assert 1 <= needed <= digits
    assert float(f"{x:.{needed - 1}e}") == pytest.approx(float(f"{x:.{digits - 1}e}"), rel=1e-14)
    assert exponent in (math.floor(math.log10(x)), math.floor(math.log10(x)) + 1, math.floor(math.log10(x)) - 1)


@given(st.lists(finite, min_size=1, max_size=9), st.integers(0, 6))
def test_round_is_idempotent(x: list[float], digits: int) -> None:
    once = r_round(x, digits)
    np.testing.assert_array_equal(r_round(once, digits), once)
