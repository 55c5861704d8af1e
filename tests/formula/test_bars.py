"""Bars: structures around them, nested groups, and what is refused; the rest is in the recorded formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylmer.errors import FormulaError
from pylmer.formula.ast import Call
from pylmer.formula.bars import expandDoubleVerts, findbars, isNested, nobars, structured_bars, subbars
from pylmer.formula.parse import Formula, parse, parse_formula


def test_bars_are_calls_of_two_operands() -> None:
    (bar,) = findbars("y ~ x + (1 + x | g)")
    assert isinstance(bar, Call)
    assert bar.function == "|"
    assert [str(part) for part in bar.operands] == ["1 + x", "g"]


def test_formulas_and_trees_are_answered_in_kind() -> None:
    formula = parse_formula("y ~ x + (x || g)")
    for question in (nobars, subbars, expandDoubleVerts):
        assert isinstance(question(formula), Formula)
        assert question(formula) == question("y ~ x + (x || g)")
    assert str(nobars(parse("x + (1 | g)"))) == "x"
    assert str(nobars(parse("(1 | g)"))) == "1"
    assert str(subbars(parse("x + (1 | g)"))) == "x + (1 + g)"
    assert str(expandDoubleVerts(parse("x || g"))) == "(1 | g) + (0 + x | g)"
    assert [str(bar) for bar in findbars(parse("x + (1 | g)"))] == ["1 | g"]


def test_what_has_no_bars_stays_itself() -> None:
    formula = parse_formula("log(y) ~ x * z")
    assert findbars(formula) == ()
    assert nobars(formula) is subbars(formula) is expandDoubleVerts(formula) is formula


def test_answers_are_cached() -> None:
    formula = parse_formula("y ~ x + (1 | a/b)")
    assert structured_bars(formula) is structured_bars(formula)
    assert nobars(formula) is nobars(formula)


def test_nested_groups_keep_the_shape_that_labels_show() -> None:
    assert [str(bar) for bar in findbars("y ~ (1 | a/b/c)")] == ["1 | c:(b:a)", "1 | b:a", "1 | a"]


@pytest.mark.parametrize("group", ["a/(b/c)", "(a/b)", "f(a/b)", "a:b/c", "(a + b)/c", "a/b * c"])
def test_other_slashes_are_refused(group: str) -> None:
    with pytest.raises(FormulaError, match="unparseable formula for grouping factor") as error:
        findbars(f"y ~ (1 | {group})")
    shown, pointer = str(error.value).split("\n")[1:]
    assert shown == f"  y ~ (1 | {group})"
    assert len(pointer) - 1 >= shown.index("|") + 2


def test_structures() -> None:
    bars = structured_bars(
        "y ~ us(x | g) + diag(f | a/b, hom = TRUE) + cs(0 + f | g, hom = FALSE) + ar1(0 + f | h) + (1 | h)"
    )
    assert [(str(bar), bar.structure, bar.hom) for bar in bars] == [
        ("x | g", "us", None),
        ("f | b:a", "diag", True),
        ("f | a", "diag", True),
        ("0 + f | g", "cs", False),
        ("0 + f | h", "ar1", None),
        ("1 | h", "us", None),
    ]
    assert (str(bars[1].lhs), str(bars[1].group)) == ("f", "b:a")
    assert str(nobars("y ~ x + cs(0 + f | g, hom = TRUE)")) == "y ~ x"
    assert structured_bars("y ~ diag(x) + f(x | g)")[0].structure == "us"


@pytest.mark.parametrize(
    "call", ["cs(x | g, hom = 1)", "cs(x | g, het = TRUE)", "cs(x | g, TRUE, FALSE)", "cs(x | g, hom = )"]
)
def test_structures_take_hom_only(call: str) -> None:
    with pytest.raises(FormulaError, match=r"cs\(\) takes a bar and hom = TRUE or FALSE"):
        findbars(f"y ~ {call}")


def test_double_bars_of_nothing() -> None:
    assert [str(bar) for bar in findbars("y ~ (1 || g)")] == ["1 | g"]
    with pytest.raises(FormulaError, match="no term left"):
        findbars("y ~ (0 || g)")
    with pytest.raises(FormulaError, match="another bar"):
        findbars("y ~ (x || g || h)")
    with pytest.raises(FormulaError) as error:
        findbars("y ~ " + "||".join(["x"] * 1000))
    assert len(str(error.value)) < 200


codes = st.integers(0, 30).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(0, 4), min_size=n, max_size=n) for _ in range(2)])
)


@given(codes)
def test_nesting_is_one_outer_level_for_each_inner_level(pair: tuple[list[int], list[int]]) -> None:
    inner, outer = pair
    expected = len(set(zip(inner, outer, strict=True))) == len(set(inner))
    assert isNested(inner, outer) == expected
    assert isNested([f"g{i}" for i in inner], np.array(outer)) == expected


def test_nesting_needs_equal_lengths() -> None:
    with pytest.raises(FormulaError, match="different lengths, 2 and 3"):
        isNested([1, 2], [1, 2, 3])


@pytest.mark.r
def test_isNested_as_lme4(R) -> None:
    rng = np.random.default_rng(1)
    answers = []
    for k in range(12):
        inner = rng.integers(0, 6, 15)
        outer = inner // 2 if k % 2 else rng.integers(0, 3, 15)
        R.assign("language_inner", inner.astype(float))
        R.assign("language_outer", outer.astype(float))
        expected = bool(R.num("as.numeric(isNested(factor(language_inner), factor(language_outer)))")[0])
        answers.append(expected)
        assert isNested(inner, outer) == expected
    assert any(answers)
    assert not all(answers)
