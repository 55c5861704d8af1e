"""Data in batches that change between the passes, or stop in the middle, are refused, and nothing is fitted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from pylmer import datasets, lmer
from pylmer.errors import DataError

FORMULA = "Reaction ~ Days + (Days | Subject)"
Change = Callable[[pd.DataFrame], pd.DataFrame]


def growing(change: Change) -> Callable[[], Iterator[pd.DataFrame]]:
    """Batches that are other ones from the third time on: the first look, the first pass, then the second."""
    data = datasets.sleepstudy()
    times = [0]

    def batches() -> Iterator[pd.DataFrame]:
        times[0] += 1
        now = data if times[0] < 3 else change(data)
        yield now.iloc[:100]
        yield now.iloc[100:]

    return batches


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.iloc[:170],
        lambda d: pd.concat([d, d]),
        lambda d: d.drop(columns="Days"),
        lambda d: d.assign(Reaction="a"),
        lambda d: d.assign(Subject=pd.Categorical(["new"] * len(d))),
    ],
    ids=["fewer rows", "more rows", "no column", "another type", "another level"],
)
def test_batches_that_change_between_the_passes(change: Change) -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(DataError):
        lmer(FORMULA, growing(change))


@pytest.mark.parametrize("size", [0, 10, 1000])
def test_a_file_that_was_cut_off(tmp_path: Path, size: int) -> None:
    pytest.importorskip("pyarrow")
    place = tmp_path / "sleep.parquet"
    datasets.sleepstudy().to_parquet(place)
    place.write_bytes(place.read_bytes()[:size])
    with pytest.raises(DataError):
        lmer(FORMULA, place)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match=r"none\.csv"):
        lmer(FORMULA, tmp_path / "none.csv")
