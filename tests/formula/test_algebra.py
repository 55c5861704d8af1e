"""update_formula, drop_terms, delete_response, reformulate: arguments and errors."""

from __future__ import annotations

import pytest

from pylmer.errors import FormulaError
from pylmer.formula.algebra import delete_response, drop_terms, reformulate, update_formula
from pylmer.formula.ast import Name
from pylmer.formula.parse import Formula, parse, parse_formula
from pylmer.formula.terms import Terms, terms


@pytest.mark.r
@pytest.mark.parametrize("old", ["y ~ a * b - 1", "log(y) ~ x + (x | g) + offset(w)", "~a", "y ~ 0", "NULL ~ a"])
def test_update_formula_as_R(R, old: str) -> None:
    for new in (
        ". ~ . - a",
        "~ . + poly(x, 2L)",
        "log(.) ~ .:z",
        "z ~ .^2",
        "~ . - 1 + (1 | h)",
        "~ 1",
        ". + q ~ log(.)",
    ):
        expected = R.strings(f"deparse(update({old}, {new}), 500L)")
        assert [str(update_formula(old, new))] == list(expected)


def test_update_formula_takes_texts_and_formulas() -> None:
    updated = update_formula(parse_formula("y ~ a"), ". ~ . + b")
    assert isinstance(updated, Formula)
    assert updated is parse_formula("y ~ a + b")


def test_update_formula_needs_a_formula_without_dots() -> None:
    with pytest.raises(FormulaError, match=r"'\.' in formula and no 'data' argument"):
        update_formula("y ~ .", "~ . + x")
    with pytest.raises(FormulaError, match="tilde"):
        update_formula("y ~ x", ". + z")


def test_drop_terms_by_position_and_label() -> None:
    found = terms("y ~ a * b - 1")
    for dropped in ([2], ["a:b"], [-1], [2, "a:b"]):
        left = drop_terms(found, dropped, keep_response=True)
        assert isinstance(left, Terms)
        assert str(left) == "y ~ a + b - 1"
    assert str(drop_terms("y ~ a + b", [0])) == "~b"
    assert str(drop_terms("y ~ a + (1 | g) + b", ["a"], keep_response=True)) == "y ~ (1 | g) + b"
    assert drop_terms(found, []) is found


def test_drop_terms_that_are_not_there() -> None:
    with pytest.raises(FormulaError, match="there is no term 'c'; the terms are 'a', 'b'"):
        drop_terms("y ~ a + b", ["c"])
    with pytest.raises(FormulaError, match="there is no term 2"):
        drop_terms("y ~ a + b", [2])
    with pytest.raises(FormulaError, match="no term is left"):
        drop_terms("y ~ a", [0])


def test_delete_response() -> None:
    assert str(delete_response("y ~ a + offset(w)")) == "~a + offset(w)"
    one_sided = terms("~a")
    assert delete_response(one_sided) is one_sided


def test_reformulate() -> None:
    assert str(reformulate(["a", "b:c", "(1 | g)"], "log(y)")) == "log(y) ~ a + b:c + (1 | g)"
    assert str(reformulate("a", "my y", intercept=False)) == "`my y` ~ a - 1"
    assert str(reformulate(["a + b", "c"])) == "~a + b + c"
    assert str(reformulate("a", Name("odd name"))) == "`odd name` ~ a"
    assert str(reformulate("a", parse("y + 1"))) == "y + 1 ~ a"
    assert str(reformulate("a ~ b")) == "~(a ~ b)"
    with pytest.raises(FormulaError, match="'termlabels' must be a character vector"):
        reformulate([])
    with pytest.raises(FormulaError, match="unexpected symbol"):
        reformulate("a b")
