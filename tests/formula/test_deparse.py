"""Spelling: options that the recorded formulas do not use."""

from __future__ import annotations

import pytest

from pylmer.formula.ast import Call, Name, Number, call
from pylmer.formula.deparse import deparse, deparse_lines, variable_name
from pylmer.formula.parse import parse


def test_labels_have_no_integers_and_no_typed_missing_values() -> None:
    tree = parse("f(x, 2L, NA_real_, 100000L)")
    assert deparse(tree) == "f(x, 2L, NA_real_, 100000L)"
    assert deparse(tree, simple=True) == "f(x, 2, NA, 100000)"


def test_a_lone_name_in_a_model_frame_has_no_quotes() -> None:
    assert variable_name(Name("a b")) == "a b"
    assert variable_name(parse("log(`a b`)")) == "log(`a b`)"
    assert str(Name("a b")) == "`a b`"


def test_operators_with_the_wrong_number_of_operands_are_calls() -> None:
    assert deparse(call("*", Name("a"))) == "`*`(a)"
    assert deparse(call("+", Name("a"), Name("b"), Name("c"))) == "`+`(a, b, c)"
    assert deparse(Call("+")) == "`+`()"
    assert deparse(call("$", Name("a"), Number(1.0))) == "`$`(a, 1)"


LONG = [
    "response ~ first_variable * second_variable + log(third_variable) + (1 + first_variable | group)",
    "f(aaaaaaaaaaaaaaaa, g(bbbbbbbbbbbbbbbbbbb, cccccccccccccccccc, h(ddddddddddddd, eeeeeeeeeeeee)), n = ffffffff, )",
    "f(" * 7 + "aaaaaaaaaaaaaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbbbbbbbb" + ", cccccccccccc)" * 7,
    "f(a, f(a, f(a, f(a, f(a, f(a, f(aaaaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbbbb)))))))",
    "aaaaaaaaaaaaaaaa:bbbbbbbbbbbbbbbbbb:cccccccccccccccc + dddddddd/eeeeeeeeeeeeeee %in% ffffffff == ggggggg & !hhh",
]


@pytest.mark.r
@pytest.mark.parametrize("text", LONG)
def test_lines_break_as_in_R(R, text: str) -> None:
    for width in (20, 30, 60, 500):
        expected = R.strings(f"deparse(quote({text}), width.cutoff = {width}L)")
        assert deparse_lines(parse(text), width) == list(expected)


@pytest.mark.r
def test_numbers_as_in_R(R) -> None:
    texts = [
        "0.1 + 0.2",
        "1e5",
        "1e15",
        "123456.7",
        "1e-300",
        "5e-324",
        "1.7976931348623157e308",
        "33333333333333333333",
    ]
    texts += [
        "0.1234567890123456",
        "2.5e-7",
        "0x7fffffffL",
        "1e5L",
        "123456789012345678",
        "1e22",
        "100000",
        "99999",
        "0",
    ]
    for text in texts:
        assert [deparse(parse(text))] == list(R.strings(f"deparse(quote({text}))"))
