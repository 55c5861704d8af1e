"""Factors: R's levels and labels, and the identities of the operations on them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylmer.rcompat.factors import (
    Factor,
    as_labels,
    cross,
    cross_all,
    drop_unused,
    factor_from_numbers,
    factor_from_strings,
    match_levels,
    number_labels,
)

RECORD = Path(__file__).parents[2] / "fixtures" / "formula" / "frames_checks.json"
LABELS = st.lists(st.one_of(st.none(), st.text(max_size=3)), min_size=1, max_size=30)
NUMBERS = st.lists(st.one_of(st.just(float("nan")), st.integers(-9, 9).map(float), st.floats(-1e6, 1e6)), min_size=1)


@cache
def labels():
    return json.loads(RECORD.read_text())["labels"]


def strings(values):
    return factor_from_strings(np.array(values, dtype=object))


def test_levels_of_numbers_are_R_s():
    values = np.array([float(v) for v in labels()["values"]])
    assert list(factor_from_numbers(values).levels) == labels()["factor"]
    assert number_labels(values) == labels()["character"]


@given(LABELS)
def test_strings_come_back_from_their_factor(values):
    f = strings(values)
    assert f.labels().tolist() == values
    assert list(f.levels) == sorted({v for v in values if v is not None})
    assert drop_unused(f) is f


@given(NUMBERS)
def test_numbers_are_sorted_and_nan_is_missing(values):
    x = np.array(values)
    f = factor_from_numbers(x)
    assert np.array_equal(f.codes < 0, np.isnan(x))
    known = ~np.isnan(x)
    assert (np.diff(f.codes[known][np.argsort(x[known], kind="stable")]) >= 0).all()


@given(st.lists(st.integers(-500, 500), min_size=40, max_size=60))
def test_counting_and_sorting_agree(values):
    x = np.array(values, dtype=float)
    fast, plain = factor_from_numbers(x), factor_from_numbers(np.append(x, np.nan))
    assert fast.levels == plain.levels
    assert np.array_equal(fast.codes, plain.codes[:-1])


def test_whole_numbers_of_type_integer_are_never_scientific():
    assert factor_from_numbers(np.array([100000.0, 5.0]), integer=True).levels == ("5", "100000")
    assert factor_from_numbers(np.array([100000.0, 5.0])).levels == ("5", "1e+05")


def test_numbers_that_agree_in_fifteen_digits_are_one_level():
    f = factor_from_numbers(np.array([0.1 + 0.2, 0.3, 1.0]))
    assert f.levels == ("0.3", "1")
    assert f.codes.tolist() == [0, 0, 1]


@given(LABELS, st.data())
def test_an_interaction_has_the_combinations_met_first_factor_slowest(values, data):
    n = len(values)
    other = data.draw(st.lists(st.sampled_from(["u", "v", None]), min_size=n, max_size=n))
    a, b = strings(values), strings(other)
    f = cross(a, b)
    expected = [None if x is None or y is None else f"{x}:{y}" for x, y in zip(values, other, strict=True)]
    assert f.labels().tolist() == expected
    pairs = sorted({(c, d) for c, d in zip(a.codes.tolist(), b.codes.tolist(), strict=True) if c >= 0 and d >= 0})
    assert list(f.levels) == [f"{a.levels[c]}:{b.levels[d]}" for c, d in pairs]
    assert cross_all([a]) is a


def test_unused_levels_go_and_order_stays():
    f = Factor(np.array([3, -1, 1]), ("a", "b", "c", "d"), ordered=True)
    dropped = drop_unused(f)
    assert dropped.levels == ("b", "d")
    assert dropped.codes.tolist() == [1, -1, 0]
    assert dropped.ordered


def test_matching_lists_what_is_unknown_and_in_use():
    f = Factor(np.array([0, 2, 2]), ("x", "never", "new"))
    codes, new = match_levels(f, ("y", "x"))
    assert codes.tolist() == [1, -1, -1]
    assert new == ("new",)
    assert match_levels(f, f.levels) == (f.codes, ())


def test_collations():
    values = np.array(["b", "_", "A", "a", "B", "1", "Z"], dtype=object)
    assert factor_from_strings(values).levels == ("1", "A", "B", "Z", "_", "a", "b")
    assert factor_from_strings(values, "en").levels == ("_", "1", "a", "A", "b", "B", "Z")
    assert factor_from_strings(values, str.casefold).levels[0] == "1"
    with pytest.raises(ValueError, match="unknown collation 'xx'"):
        factor_from_strings(values, "xx")


def test_categories_of_every_type_become_labels():
    assert as_labels([1, 2.5, True, "x", np.int64(3), pd.Timestamp("2020-01-02")]) == (
        "1",
        "2.5",
        "TRUE",
        "x",
        "3",
        "2020-01-02 00:00:00",
    )
