"""Nothing reaches R but what was parsed, checked and spelled again."""

from __future__ import annotations

import pytest

from pylmer.errors import FormulaError
from rcompare.case import Case, CaseError
from rcompare.rtext import r_call, r_expression, r_formula


@pytest.mark.parametrize(
    "text",
    [
        'y ~ system("rm -rf x") + (1 | g)',
        "y ~ x + (1 | base::system('x'))",
        "y ~ get('system')('x')",
        "y ~ x + (1 | g[[1]])",
        "y ~ x$y",
        "y ~ eval(x)",
        "y ~ `a\\`; system('x'); \\`` + (1 | g)",
        "y ~ do.call(f, x)",
        "y ~ source('x')",
    ],
)
def test_other_calls_are_refused(text: str) -> None:
    with pytest.raises((CaseError, FormulaError)):
        r_formula(text)


@pytest.mark.parametrize("text", ["y ~ {x}", "y ~ (x <- 2)", "y ~ function(x) x", "y ~ x; system('x')", "y ~"])
def test_what_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises((CaseError, FormulaError)):
        r_formula(text)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("y~x+(1|g)", "y ~ x + (1 | g)"),
        ("log(y) ~ poly(x,2)*f + (x||a/b)", "log(y) ~ poly(x, 2) * f + (x || a/b)"),
        ("y ~ `odd name` + offset(2*z) + (0 + x | g:h)", "y ~ `odd name` + offset(2 * z) + (0 + x | g:h)"),
    ],
)
def test_formulas_are_spelled_by_us(text: str, spelled: str) -> None:
    assert r_formula(text) == spelled


def test_strings_keep_their_quotes() -> None:
    assert r_expression('f == "a\\"b"') == 'f == "a\\"b"'


def test_a_call_is_written_argument_by_argument() -> None:
    case = Case(
        "a",
        "my data",
        formula="y ~ f + (1 | g)",
        REML=False,
        weights="w",
        offset="o",
        subset="x > 1",
        contrasts={"f": "contr.sum"},
        na_action="na.exclude",
    )
    assert r_call(case) == (
        "lmer(y ~ f + (1 | g), data = `my data`, REML = FALSE, subset = x > 1, weights = w, offset = o, "
        'na.action = na.exclude, contrasts = list(f = "contr.sum"))'
    )


@pytest.mark.parametrize(
    "wrong",
    [
        Case("a", "d`; system('x')", formula="y ~ x"),
        Case("a", "d", formula="y ~ x", weights="w`, system('x')"),
        Case("a", "d", formula="y ~ x", na_action="system"),
        Case("a", "d", formula="y ~ x", contrasts={"f": "system('x')"}),
        Case("a", "d", formula="y ~ x", subset="system('x') == 0"),
    ],
)
def test_other_arguments_are_no_way_in(wrong: Case) -> None:
    with pytest.raises(CaseError):
        r_call(wrong)
