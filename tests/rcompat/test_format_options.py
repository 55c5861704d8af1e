"""R's options for text: set, read, put back, refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pylmer.errors import PylmerError
from pylmer.rcompat.format import format_logical, format_numbers, format_strings
from pylmer.rcompat.layout import print_data_frame, print_matrix, text_width
from pylmer.rcompat.options import current_options, options
from pylmer.rcompat.printable import Printable, as_text
from pylmer.rcompat.pvalues import quoted


def test_options_are_put_back() -> None:
    before = current_options()
    with options(digits=3, width=40) as now:
        assert (now.digits, now.width) == (3, 40)
        with options(digits=5):
            assert format_numbers([1 / 3]) == ["0.33333"]
        assert format_numbers([1 / 3]) == ["0.333"]
    assert current_options() is before


def test_options_give_what_was_before() -> None:
    old = options(digits=4)
    try:
        assert old["digits"] == 7
        assert options()["digits"] == 4
        assert set(old) == set(options())
        assert "digits=7" in repr(old)
        with pytest.raises(KeyError):
            old["colour"]
    finally:
        options(**dict(old))
    assert current_options().digits == 7


@pytest.mark.parametrize(
    ("wrong", "text"),
    [({"digits": 0}, "'digits'.*met 0"), ({"width": 5}, "'width'.*met 5"), ({"colour": 1}, "unknown option 'colour'")],
)
def test_options_refuse(wrong: dict[str, Any], text: str) -> None:
    with pytest.raises(PylmerError, match=text):
        options(**wrong)
    assert current_options().digits == 7


@pytest.mark.parametrize(("version", "numbers"), [("1.1-31", (1, 1, 31)), ("2.0-0", (2, 0, 0)), ("1.1-37", (1, 1, 37))])
def test_version(version: str, numbers: tuple[int, ...]) -> None:
    with options(lme4=version) as now:
        assert now.lme4_version == numbers


def test_long_tables_are_cut() -> None:
    with options(max_print=6):
        assert print_matrix([[1, 2]] * 5).split("\n")[-1] == ' [ reached getOption("max.print") -- omitted 2 rows ]'
        cut = print_data_frame({"a": [1, 2, 3, 4], "b": [1, 2, 3, 4]}).split("\n")
        assert cut[-1] == " [ reached 'max' / getOption(\"max.print\") -- omitted 1 rows ]"
        assert len(cut) == 5


def test_texts() -> None:
    assert format_logical([True, None, False]) == [" TRUE", "   NA", "FALSE"]
    assert format_strings(["a", "bcd"], justify="centre") == [" a ", "bcd"]
    assert format_strings(["a", "bcd"], justify="none") == ["a", "bcd"]
    assert format_strings(["a"], justify="right", width=3) == ["  a"]
    assert [text_width(t) for t in ("abc", "\u65e5\u672c", "e\u0301")] == [3, 4, 1]
    assert (quoted("g"), quoted("g", double=True)) == ("\u2018g\u2019", "\u201cg\u201d")


def test_empty() -> None:
    assert print_data_frame({}) == "data frame with 0 columns and 0 rows"
    assert print_data_frame({"a": [], "bb": []}) == "[1] a  bb\n<0 rows> (or 0-length row.names)"
    assert print_matrix(np.zeros((0, 0))) == "<0 x 0 matrix>"


def test_records_without_a_text() -> None:
    class Mute(Printable):
        pass

    with pytest.raises(TypeError, match="no text is known for an object of class Mute"):
        str(Mute())
    with pytest.raises(TypeError):
        as_text(3)
