"""Texts part in layout, in a last digit, in a number or in words, and each is told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcompare.textdiff import compare_text, tokens

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)


@given(PRINTABLE)
def test_tokens_put_together_are_the_line(line: str) -> None:
    assert "".join(text for _, text, _ in tokens(line)) == line


@given(st.lists(PRINTABLE, max_size=8))
def test_a_text_equals_itself(lines: list[str]) -> None:
    assert compare_text(lines, lines).kind == "same"


@pytest.mark.parametrize(
    ("ours", "theirs", "kind"),
    [
        ("a  1.25", "a 1.25", "layout"),
        ("a 1.25 ", "a 1.25", "layout"),
        ("a 1.25", "a 1.26", "digit"),
        ("a 9.99", "a 10.00", "digit"),
        ("a 1.25", "a 1.28", "numeric"),
        ("a 1e-05", "a 2e-05", "digit"),
        ("a 1.250", "a 1.25", "layout"),
        ("cses 1", "ses 1", "wording"),
        ("x -0.000", "x 0.000", "layout"),
        ("a 1 2", "a 1", "wording"),
    ],
)
def test_kinds(ours: str, theirs: str, kind: str) -> None:
    assert compare_text([ours], [theirs]).kind == kind


def test_a_line_too_many_does_not_upset_the_others() -> None:
    found = compare_text(["head", "note: x", "a 1", "b 2"], ["head", "a 1", "b 2"])
    assert [(line.ours, line.theirs) for line in found.lines] == [("note: x", None)]
    assert found.kind == "wording"


def test_a_blank_line_too_many_is_layout() -> None:
    assert compare_text(["a", "", "b"], ["a", "b"]).kind == "layout"


def test_marks_show_the_tokens() -> None:
    (line,) = compare_text(["Days  10.467 1.546"], ["Days  10.468 1.546"]).lines
    assert [line.ours[a:b] for a, b in line.marks_ours] == ["10.467"]  # type: ignore[index]
    assert line.number == 1


def test_summary_counts_kinds() -> None:
    found = compare_text(["a 1.1", "b  2"], ["a 1.2", "b 2"])
    assert found.summary == "2 lines differ: layout 1, digit 1"
