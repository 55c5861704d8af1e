"""Every data set, column by column, against what R wrote and against R itself."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pylmer import datasets

HASHES = json.loads((Path(__file__).parents[2] / "fixtures" / "data" / "hashes.json").read_text(encoding="utf-8"))


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def lines(items: Any) -> bytes:
    return "".join(f"{item}\n" for item in items).encode()


def hashed(column: pd.Series) -> dict[str, str]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes.to_numpy().astype("<i4") + np.int32(1)
        kind = "ordered" if column.cat.ordered else "factor"
        return {"type": kind, "integers": md5(codes.tobytes()), "levels": md5(lines(column.cat.categories))}
    if column.dtype == np.float64:
        return {"type": "numeric", "doubles": md5(column.to_numpy().astype("<f8").tobytes())}
    assert column.dtype == np.int64
    return {"type": "integer", "integers": md5(column.to_numpy().astype("<i4").tobytes())}


def test_every_exported_set_has_a_loader() -> None:
    assert sorted(datasets.__all__) == sorted(HASHES)


@pytest.mark.parametrize("name", sorted(HASHES))
def test_columns_are_those_of_R(name: str) -> None:
    frame, expected = getattr(datasets, name)(), HASHES[name]
    assert len(frame) == expected["rows"]
    assert md5(lines(frame.index)) == expected["row_names"]
    assert list(frame.columns) == list(expected["columns"])
    assert {str(label): hashed(frame[label]) for label in frame} == expected["columns"]


@pytest.mark.parametrize("name", ["HSB", "sleepstudy", "MathAchSchool"])
def test_caller_may_change_the_frame(name: str) -> None:
    load = getattr(datasets, name)
    frame, untouched = load(), load()
    for label in frame.columns:
        if isinstance(frame[label].dtype, pd.CategoricalDtype):
            frame[label] = frame[label].cat.codes[::-1].to_numpy()
        else:
            frame.loc[:, label] = -1.0
    frame.index = frame.index[::-1]
    pd.testing.assert_frame_equal(load(), untouched)


def test_HSB_centres_ses_within_schools() -> None:
    hsb = datasets.HSB()
    sums = hsb.groupby("school", observed=True)["cses"].sum()
    np.testing.assert_allclose(sums, 0.0, atol=1e-12)
    assert not hsb["school"].cat.ordered


def assert_same_columns(R: Any, theirs: str, ours: pd.DataFrame) -> None:
    """Compare a data frame of R with one of ours, column by column, to the last bit."""
    assert R.strings(f"names({theirs})") == list(ours.columns)
    assert R.strings(f"row.names({theirs})") == [str(label) for label in ours.index]
    for label in ours:
        column, values = f"{theirs}[['{label}']]", ours[label]
        if isinstance(values.dtype, pd.CategoricalDtype):
            assert R.strings(f"levels({column})") == list(values.cat.categories)
            assert R.strings(f"class({column})") == (["ordered"] if values.cat.ordered else []) + ["factor"]
            values = values.cat.codes + 1
        else:
            assert R.strings(f"typeof({column})") == ["integer" if values.dtype == np.int64 else "double"]
        np.testing.assert_array_equal(R.num(f"as.numeric({column})"), values)


@pytest.mark.parametrize("name", sorted(set(HASHES) - {"HSB"}))
def test_columns_are_those_of_live_R(R: Any, name: str) -> None:
    package = json.loads((Path(datasets.__file__).parent / "data" / f"{name}.schema.json").read_text())["package"]
    assert_same_columns(R, f"{package}::{name}", getattr(datasets, name)())


def test_HSB_is_R_merge(R: Any) -> None:
    R.eval(
        """
        datasets_hsb <- local({
          pupils <- as.data.frame(nlme::MathAchieve)
          means <- data.frame(School = levels(pupils$School), mean.ses = c(tapply(pupils$SES, pupils$School, mean)))
          both <- merge(nlme::MathAchSchool, means, by = "School")
          both <- both[, c("School", "Sector", "mean.ses", "Size", "HIMINTY")]
          hsb <- merge(both, pupils[, c("School", "Sex", "SES", "MathAch", "Minority")], by = "School")
          names(hsb) <- tolower(names(hsb))
          hsb$cses <- hsb$ses - hsb$mean.ses
          hsb
        })
        NULL
        """
    )
    assert_same_columns(R, "datasets_hsb", datasets.HSB())
