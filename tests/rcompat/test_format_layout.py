"""R's layout of vectors, matrices, tables of coefficients and its ways with names, against what R recorded."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylmer.rcompat.formatc import format_c, pretty_num
from pylmer.rcompat.layout import (
    print_data_frame,
    print_matrix,
    print_named_vector,
    print_text_matrix,
    print_vector,
)
from pylmer.rcompat.names import abbreviate, make_names, make_unique
from pylmer.rcompat.options import options
from pylmer.rcompat.pvalues import format_pval, print_coefmat

FIXTURE = Path(__file__).parents[2] / "fixtures" / "rcompat" / "layout.json.gz"
SPECIAL = {"NA": math.nan, "NaN": math.nan, "Inf": math.inf, "-Inf": -math.inf}


def numbers(texts: list[str]) -> list[float]:
    return [SPECIAL[t] if t in SPECIAL else float.fromhex(t) for t in texts]


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    with gzip.open(FIXTURE, "rt", encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    return found


def test_vectors(recorded: dict[str, Any]) -> None:
    for texts, names, width, digits, plain, named in recorded["vector"]:
        with options(width=width):
            assert print_vector(numbers(texts), digits) == plain
            assert print_named_vector(numbers(texts), names, digits) == named


def test_matrices(recorded: dict[str, Any]) -> None:
    for texts, m, n, rows, cols, width, digits, plain, cells, left, right in recorded["matrix"]:
        with options(width=width):
            assert print_matrix(np.reshape(numbers(texts), (m, n)), rows, cols, digits) == plain
            table = [cells[i * n : (i + 1) * n] for i in range(m)]
            assert print_text_matrix(table, rows, cols) == left
            assert print_text_matrix(table, rows, cols, right=True) == right


def test_data_frames(recorded: dict[str, Any]) -> None:
    for columns, names, rows, width, expected in recorded["frame"]:
        x = [
            numbers(v) if j in (0, 2) else np.array(numbers(v)).astype(int) if j == 4 else v
            for j, v in enumerate(columns)
        ]
        if set(columns[3]) == {None}:
            continue  # nothing says that these are truth values
        with options(width=width):
            assert print_data_frame(dict(zip(names, x, strict=True)), rows) == expected


def test_p_values(recorded: dict[str, Any]) -> None:
    for texts, digits, eps, expected in recorded["pval"]:
        assert format_pval(numbers(texts), digits, float.fromhex(eps)) == expected


def test_tables_of_coefficients(recorded: dict[str, Any]) -> None:
    for texts, rows, cols, digits, stars, df, width, expected in recorded["coefmat"]:
        x = np.reshape(numbers(texts), (len(rows), len(cols)))
        more: dict[str, Any] = {"cs_ind": [0, 1], "tst_ind": [3], "zap_ind": [2]} if df else {}
        with options(width=width, useFancyQuotes=False):
            assert print_coefmat(x, rows, cols, digits, signif_stars=stars, **more) == expected


def test_anova_tables(recorded: dict[str, Any]) -> None:
    for texts, rows, cols, expected in recorded["anova"]:
        x = np.reshape(numbers(texts), (len(rows), len(cols)))
        with options(useFancyQuotes=False):
            text = print_coefmat(x, rows, cols, 5, has_Pvalue=True, cs_ind=[], zap_ind=[0, 6], tst_ind=[5], na_print="")
        assert text == expected


def test_format_c(recorded: dict[str, Any]) -> None:
    for texts, kind, digits, width, flag, expected in recorded["formatc"]:
        assert format_c(numbers(texts), digits, width, kind, flag) == expected


def test_abbreviate(recorded: dict[str, Any]) -> None:
    for x, minlength, expected in recorded["abbreviate"]:
        assert abbreviate(x, minlength) == expected


def test_names(recorded: dict[str, Any]) -> None:
    for x, made, unique_made, unique in recorded["names"]:
        assert make_names(x) == made
        assert make_names(x, unique=True) == unique_made
        assert make_unique(["NA" if v is None else v for v in x]) == unique


@given(st.lists(st.text(max_size=8), max_size=8))
def test_made_names_are_unique_and_stay(x: list[str]) -> None:
    unique = make_unique(x)
    assert len(set(unique)) == len(x)
    assert make_unique(unique) == unique


def test_thousands() -> None:
    assert [pretty_num(v) for v in ("12", "-1234", " 1234567.125", "abc")] == ["12", "-1,234", " 1,234,567.125", "abc"]
