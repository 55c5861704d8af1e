from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from classical_cases import cases, fitted_case, name_of_case, table

import pylmer.printing.classical  # noqa: F401
from pylmer.classical.lm import lm
from pylmer.rcompat.options import options
from pylmer.rcompat.printable import as_text


@pytest.fixture(autouse=True)
def _straight_quotes() -> Iterator[None]:
    with options(useFancyQuotes=False):
        yield


def test_repr_is_the_text_too() -> None:
    fit = lm("yield ~ N", table("npk"))
    assert repr(fit) == str(fit) == as_text(fit)


def _lines(record: Any, **settings: Any) -> list[str]:
    return as_text(record, **settings).split("\n")


@pytest.mark.parametrize("case", cases("lm"), ids=name_of_case)
def test_lm(case: dict[str, Any]) -> None:
    fit, _ = fitted_case(case, "lm")
    assert _lines(fit) == case["print_text"]
    assert _lines(fit.summary()) == case["summary_text"]
    assert _lines(fit.anova()) == case["anova_text"]


@pytest.mark.parametrize("case", cases("aov"), ids=name_of_case)
def test_aov(case: dict[str, Any]) -> None:
    fit, _ = fitted_case(case, "aov")
    assert _lines(fit) == case["print_text"]
    assert _lines(fit.summary()) == case["summary_text"]
    assert _lines(fit.summary(intercept=True)) == case["intercept_text"]
    if case["anova_text"] is not None:
        assert _lines(fit.anova()) == case["anova_text"]


@pytest.mark.parametrize("case", cases("aovlist"), ids=name_of_case)
def test_aov_with_error_strata(case: dict[str, Any]) -> None:
    fit, _ = fitted_case(case, "aov")
    assert _lines(fit) == case["print_text"]
    assert _lines(fit.summary()) == case["summary_text"]


@pytest.mark.parametrize("case", cases("comparisons"), ids=name_of_case)
def test_anova_of_several(case: dict[str, Any]) -> None:
    fits = [lm(formula, table(case["data"])) for formula in case["formulas"]]
    assert _lines(fits[0].anova(*fits[1:], test=case["test"])) == case["text"]


@pytest.mark.parametrize("case", cases("settings"), ids=lambda c: f"{c['fun']} {c['formula']} {c['setting']}")
def test_other_options(case: dict[str, Any]) -> None:
    fit, _ = fitted_case(case, case["fun"])
    with options(**{name.replace(".", "_"): value for name, value in case["setting"].items()}):
        assert _lines(fit) == case["print_text"]
        assert _lines(fit.summary()) == case["summary_text"]
