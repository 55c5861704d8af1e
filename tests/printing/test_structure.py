"""R's ``str()`` of data frames, every character, against what R recorded."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pylmer import datasets
from pylmer.errors import DataError
from pylmer.printing.structure import r_str

with gzip.open(
    Path(__file__).parents[2] / "fixtures" / "printing" / "structure.json.gz", "rt", encoding="utf-8"
) as file:
    RECORDED: dict[str, Any] = json.load(file)

NOT_FINITE = {"NA": np.nan, "NaN": np.nan, "Inf": np.inf, "-Inf": -np.inf}


def column(recorded: dict[str, Any]) -> pd.Series:
    values = recorded["values"]
    match recorded["type"]:
        case "double":
            return pd.Series([NOT_FINITE[v] if v in NOT_FINITE else float.fromhex(v) for v in values], dtype=float)
        case "integer":
            return pd.Series(values, dtype="Int64")
        case "logical":
            return pd.Series([None if v is None else bool(v) for v in values], dtype="boolean")
        case "character":
            return pd.Series(values, dtype="str")
    codes = [-1 if v is None else v - 1 for v in values]
    kind = pd.CategoricalDtype(recorded["levels"], ordered=recorded["type"] == "ordered")
    return pd.Series(pd.Categorical.from_codes(codes, dtype=kind))


def frame(recorded: dict[str, Any]) -> pd.DataFrame:
    made = pd.DataFrame({i: column(c) for i, c in enumerate(recorded["columns"])}, index=range(recorded["rows"]))
    made.columns = [c["name"] for c in recorded["columns"]]
    return made


@pytest.mark.parametrize("number", range(0, len(RECORDED["frames"]), 31))
def test_frames(number: int) -> None:
    for recorded in RECORDED["frames"][number : number + 31]:
        assert r_str(frame(recorded)) == recorded["text"]


@pytest.mark.parametrize("name", sorted(RECORDED["sets"]))
def test_data_sets(name: str) -> None:
    assert r_str(getattr(datasets, name)()) == RECORDED["sets"][name]


def test_plain_python_columns() -> None:
    """Types that pandas has more than one of read alike."""
    wide = pd.DataFrame({"i": [1, 2], "b": [True, False], "s": ["u", "v"], "x": [0.5, 1.0]})
    nullable = wide.convert_dtypes()
    objects = wide.astype(object)
    assert r_str(wide) == r_str(nullable) == r_str(objects)
    assert "num" in r_str(pd.DataFrame({"too_large_for_an_int": [2**31]}))


def test_column_of_another_type() -> None:
    with pytest.raises(DataError, match="column 'when' is of type datetime64"):
        r_str(pd.DataFrame({"when": pd.to_datetime(["2022-11-10"])}))


def test_HSB_of_live_R(R: Any) -> None:
    R.eval(
        """
        structure_hsb <- local({
          pupils <- as.data.frame(nlme::MathAchieve)
          means <- aggregate(SES ~ School, pupils, mean)
          names(means)[2] <- "mean.ses"
          both <- merge(nlme::MathAchSchool, means, by = "School")
          both <- both[, c("School", "Sector", "mean.ses", "Size", "HIMINTY")]
          hsb <- merge(both, pupils[, c("School", "Sex", "SES", "MathAch", "Minority")], by = "School")
          names(hsb) <- tolower(names(hsb))
          transform(hsb, cses = ses - mean.ses)
        })
        NULL
        """
    )
    assert r_str(datasets.HSB()).split("\n") == R.output("str(structure_hsb)")
