"""The models of a laboratory, held against R."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from rcompare.pytest_plugin import AgreesWithR


def plants() -> pd.DataFrame:
    """Heights of plants, week by week, under two kinds of light."""
    frame = pd.read_csv(Path(__file__).parent / "plants.csv", dtype={"plant": str})
    for name in ("plant", "light"):
        frame[name] = pd.Categorical(frame[name])
    return frame


def test_growth(agrees_with_r: AgreesWithR) -> None:
    """Every plant has its own start and its own speed."""
    agrees_with_r("height ~ week + (week | plant)", plants())


def test_light(agrees_with_r: AgreesWithR) -> None:
    """Light changes the speed, by maximum likelihood, rows weighted by the number of readings."""
    agrees_with_r("height ~ week * light + (1 | plant)", plants(), REML=False, weights="readings")


def test_red_light_only(agrees_with_r: AgreesWithR) -> None:
    """A subset, and two models in one test."""
    agrees_with_r("height ~ week + (1 | plant)", plants(), subset='light == "red"')
    agrees_with_r("log(height) ~ week + (0 + week | plant)", plants())
