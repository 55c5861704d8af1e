"""terms(): what is not in the recorded formulas: dots, caches, labels of many terms, errors, bounds."""

from __future__ import annotations

import time

import numpy as np
import pytest

from pylmer.errors import FormulaError
from pylmer.formula.ast import Name
from pylmer.formula.parse import parse, parse_formula
from pylmer.formula.terms import terms


def test_the_parts_of_terms() -> None:
    found = terms("log(y) ~ a * b + offset(w) - 1")
    assert [str(node) for node in found.variables] == ["log(y)", "a", "b", "offset(w)"]
    assert found.term_labels == ("a", "b", "a:b")
    assert found.order == (1, 1, 2)
    assert (found.intercept, found.response, found.offset) == (0, 1, (3,))
    assert found.members == ((1,), (2,), (1, 2))
    assert found.codes == ((1,), (1,), (1, 1))
    np.testing.assert_array_equal(found.factors, [[0, 0, 0], [1, 0, 1], [0, 1, 1], [0, 0, 0]])
    assert str(found) == "log(y) ~ a * b + offset(w) - 1"


def test_a_right_hand_side_alone() -> None:
    assert terms(parse("a:b + a")).term_labels == ("a", "a:b")
    assert terms(Name("x")).response == 0


def test_dots_are_columns_without_the_response() -> None:
    found = terms("log(y) ~ . - b", ("a", "y", "b", "odd name"))
    assert found.term_labels == ("a", "`odd name`")
    assert str(found) == "log(y) ~ (a + b + `odd name`) - b"
    with pytest.raises(FormulaError, match=r"'\.' in formula and no 'data' argument"):
        terms("y ~ .")


def test_results_are_cached() -> None:
    formula = parse_formula("y ~ a + b")
    assert terms(formula) is terms("y ~ a + b") is terms(formula, ("x", "y"))
    assert terms("y ~ .", ("a", "b")) is terms("y ~ .", ("a", "b"))
    assert terms("y ~ .", ("a", "b")) is not terms("y ~ .", ("a", "c"))


def test_the_order_of_terms_can_be_kept() -> None:
    assert terms("y ~ a:b + c", keep_order=True).term_labels == ("a:b", "c")
    assert terms("y ~ a:b + c").term_labels == ("c", "a:b")


def test_calls_can_be_looked_for() -> None:
    assert terms("y ~ a + Error(g) + s(x)").specials("Error", "s") == (2, 3)


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("y ~ a + 2", "the only numbers are 0 and 1, not 2", 8),
        ("y ~ a + 'b'", "a string is no term", 8),
        ("y ~ a + (b ~ c)", "a tilde inside a formula", 11),
        ("y ~ (a + b)^1", "invalid power in formula", 11),
        ("y ~ (a + b)^c", "invalid power in formula", 11),
        ("y ~ NA", "the only numbers are 0 and 1, not NA", 4),
    ],
)
def test_errors_point_at_the_term(text: str, message: str, column: int) -> None:
    with pytest.raises(FormulaError) as error:
        terms(text)
    first, shown, pointer = str(error.value).split("\n")
    assert message in first
    assert shown == f"  {text}"
    assert pointer == " " * (column + 2) + "^"


def test_errors_point_into_the_text_that_was_given() -> None:
    for text in ("y~a+2", "y  ~  a  +  2"):
        with pytest.raises(FormulaError) as error:
            terms(text)
        shown, pointer = str(error.value).split("\n")[1:]
        assert shown[len(pointer) - 1] == "2"


def test_formulas_that_grow_without_bound_are_refused() -> None:
    with pytest.raises(FormulaError, match="more than 1000000 terms"):
        terms("y ~ (" + " + ".join(f"x{i}" for i in range(30)) + ")^20")
    assert len(terms("y ~ (a + b + c)^1e300").bits) == 7


def test_many_terms_are_quick() -> None:
    text = "y ~ " + " + ".join(f"x{i}" for i in range(2000))
    parse_formula(text)
    start = time.perf_counter()
    assert len(terms(text).bits) == 2000
    assert time.perf_counter() - start < 1
