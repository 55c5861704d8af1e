"""R's parser, deparse, terms, update and drop.terms, and lme4's bars, on recorded formulas."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from language_records import FIXTURES, described, load

PARTS = 8


@cache
def recording() -> dict[str, Any]:
    return load(FIXTURES / "language.json.gz")


@pytest.mark.parametrize("part", range(PARTS))
def test_recorded_formulas_mean_what_they_mean_in_R(part: int) -> None:
    records = recording()["records"][part::PARTS]
    assert len(records) > 100
    wrong = described(records, tuple(recording()["data_names"]))
    assert not wrong, "\n".join(wrong)
