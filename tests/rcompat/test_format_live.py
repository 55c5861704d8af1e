"""R's formatting against live R, on numbers that no fixture has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from pylmer.rcompat.format import as_character, format_numbers
from pylmer.rcompat.layout import print_matrix, print_named_vector, print_vector
from pylmer.rcompat.options import options
from pylmer.rcompat.pvalues import print_coefmat
from pylmer.rcompat.rounding import r_round, signif, zapsmall

if TYPE_CHECKING:
    from rcompare.engines.r import RSession

pytestmark = pytest.mark.r


def numbers(rng: np.random.Generator, n: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    kind = rng.integers(4)
    if kind == 0:
        return rng.normal(size=n) * 10.0 ** rng.uniform(-3, 3, n)
    if kind == 1:
        return rng.normal(size=n) * 10.0 ** rng.uniform(-30, 30, n)
    if kind == 2:
        return np.round(rng.uniform(-1000, 1000, n), int(rng.integers(0, 5)))
    return (rng.integers(0, 10000, n) + 0.5) * 10.0 ** rng.integers(-6, 6, n)


@pytest.mark.parametrize("seed", range(8))
def test_format(R: RSession, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(12):
        x = numbers(rng, int(rng.integers(1, 6)))
        digits = int(rng.integers(1, 16))
        R.assign("fmt_x", x)
        assert format_numbers(x, digits) == R.strings(f"format(fmt_x, digits = {digits})")
        assert as_character(x) == R.strings("as.character(fmt_x)")
        np.testing.assert_array_equal(signif(x, digits), R.num(f"signif(fmt_x, {digits})"))
        np.testing.assert_array_equal(r_round(x, digits - 3), R.num(f"round(fmt_x, {digits - 3})"))
        np.testing.assert_array_equal(zapsmall(x, digits), R.num(f"zapsmall(fmt_x, {digits})"))


@pytest.mark.parametrize("seed", range(3))
def test_layout(R: RSession, seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    x = numbers(rng, 40)
    names = [f"n{i}" * int(rng.integers(1, 4)) for i in range(40)]
    R.assign("fmt_x", x)
    R.assign("fmt_names", names)
    assert print_vector(x).split("\n") == R.text("fmt_x")
    assert print_named_vector(x, names).split("\n") == R.text("setNames(fmt_x, fmt_names)")
    table = x.reshape(4, 10)
    expected = R.text("matrix(fmt_x, 4, byrow = TRUE, dimnames = list(fmt_names[1:4], fmt_names[5:14]))")
    assert print_matrix(table, names[:4], names[4:14]).split("\n") == expected


@pytest.mark.parametrize("seed", range(3))
def test_coefficients(R: RSession, seed: int) -> None:
    rng = np.random.default_rng(200 + seed)
    estimate = rng.normal(size=6) * 10.0 ** rng.uniform(-4, 3, 6)
    se = np.abs(estimate) * rng.uniform(0.01, 2, 6)
    x = np.column_stack([estimate, se, estimate / se, 10.0 ** rng.uniform(-20, 0, 6)])
    columns = ["Estimate", "Std. Error", "t value", "Pr(>|t|)"]
    rows = [f"x{i}" for i in range(6)]
    R.assign("fmt_x", x.ravel())
    R.assign("fmt_names", rows)
    R.assign("fmt_columns", columns)
    expected = R.output("printCoefmat(matrix(fmt_x, 6, byrow = TRUE, dimnames = list(fmt_names, fmt_columns)))")
    with options(useFancyQuotes=False):
        assert print_coefmat(x, rows, columns).split("\n") == expected
