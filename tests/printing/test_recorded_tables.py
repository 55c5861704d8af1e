"""Anova tables and lmerTest's summaries, fed with the numbers that R had, against the text that R printed."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pylmer.methods.summary import meth_title
from pylmer.printing import anova_text
from pylmer.printing.model import title_text
from pylmer.rcompat.options import options
from pylmer.rcompat.pvalues import print_coefmat

FIXTURE = Path(__file__).parents[2] / "fixtures" / "printing" / "tables.json.gz"
SPECIAL = {"NA": math.nan, "NaN": math.nan, "Inf": math.inf, "-Inf": -math.inf}

with gzip.open(FIXTURE, "rt", encoding="utf-8") as file:
    RECORDED: dict[str, Any] = json.load(file)


def matrix(texts: list[str], rows: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.reshape([SPECIAL[t] if t in SPECIAL else float.fromhex(t) for t in texts], (rows, -1))


@pytest.fixture(autouse=True)
def as_recorded() -> Iterator[None]:
    with options(lme4=RECORDED["lme4"], useFancyQuotes=False):
        yield


@pytest.mark.parametrize("case", RECORDED["tables"], ids=lambda case: case["name"])
def test_anova(case: dict[str, Any]) -> None:
    rows, columns, heading = case["rows"], case["columns"], case["heading"]
    values = matrix(case["values"], len(rows))
    assert anova_text(values, rows, columns, heading) == case["text"]
    assert anova_text(values, rows, columns, heading, digits=4, signif_stars=False) == case["plain"]
    with options(lme4="1.1-37"):
        assert ("-2*log(L)" in anova_text(values, rows, columns)) == ("deviance" in columns)


@pytest.mark.parametrize("case", RECORDED["summaries"], ids=lambda case: case["name"])
def test_summary_with_degrees_of_freedom(case: dict[str, Any]) -> None:
    lines = case["text"].split("\n")
    title = meth_title(case["REML"], case["ddf"])
    assert title == case["title"]
    assert title_text(title, case["class"]).split("\n") == lines[:2]
    rows = case["rows"]
    table = print_coefmat(matrix(case["coefficients"], len(rows)), rows, case["columns"], 4)
    start = lines.index("Fixed effects:") + 1
    assert table.split("\n") == lines[start : start + len(rows) + 3]
