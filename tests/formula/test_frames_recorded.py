"""Model matrices and random-effects terms against those that R recorded: names exact, values to a few ulp."""

from __future__ import annotations

from functools import cache

import pytest
from frames_records import data_frame, differences, records, waived

CHUNK = 40


@cache
def frames():
    return {name: data_frame(spelled) for name, spelled in records()["data"].items()}


def test_there_is_a_record_of_some_hundred_cases():
    cases = records()["cases"]
    assert len(cases) > 800
    assert sum("error" not in c["result"] for c in cases) > 700
    assert sum(waived(c) is not None for c in cases) < 30


@pytest.mark.parametrize("start", range(0, len(records()["cases"]), CHUNK))
def test_design_matrices_are_those_of_R(start):
    wrong = []
    for record in records()["cases"][start : start + CHUNK]:
        if waived(record) is None:
            wrong += [f"{record['data']}: {record['formula']}: {d}" for d in differences(record, frames())]
    assert not wrong, "\n".join(wrong)
