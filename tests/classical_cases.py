"""The recorded cases of fixtures/classical, as data frames and calls."""

from __future__ import annotations

import json
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pylmer import datasets
from pylmer.classical.aov import aov
from pylmer.classical.lm import lm
from pylmer.errors import RWarning

PATH = Path(__file__).resolve().parents[1] / "fixtures" / "classical" / "classical.json"


@lru_cache(maxsize=1)
def recorded() -> dict[str, Any]:
    return json.loads(PATH.read_text())


def cases(kind: str) -> list[Any]:
    """Cases of one kind, named for pytest's ids."""
    return recorded()[kind]


def name_of_case(case: dict[str, Any]) -> str:
    return f"{case['data']}: {case['formula']}" if "formula" in case else f"{case['data']}: {case['formulas'][-1]}"


@lru_cache(maxsize=16)
def table(name: str) -> pd.DataFrame:
    shipped = {
        "hsb": datasets.HSB,
        "sleepstudy": datasets.sleepstudy,
        "cake": datasets.cake,
        "Penicillin": datasets.Penicillin,
    }
    if name in shipped:
        return shipped[name]()
    made = recorded()["tables"][name]
    columns: dict[str, Any] = {}
    for column, parts in made["columns"].items():
        if "levels" in parts:
            columns[column] = pd.Categorical.from_codes(np.array(parts["codes"], dtype=int), parts["levels"])
        elif "truth" in parts:
            columns[column] = np.array(parts["truth"], dtype=bool)
        else:
            columns[column] = np.array(parts["values"], dtype=np.float64)
    return pd.DataFrame(columns, index=made["row_names"])


def fitted_case(case: dict[str, Any], function: str) -> tuple[Any, list[str]]:
    """Fit a recorded case, with the name of its data in scope as the caller has it; the fit and R's warnings."""
    _call = {"lm": lm, "aov": aov}[function]
    _data = globals()[case["data"]] = table(case["data"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RWarning)
        fit = _call(case["formula"], _data, **case["args"])
    return fit, [str(w.message) for w in caught]


def frame_of(made: dict[str, Any] | None) -> pd.DataFrame:
    """A recorded matrix."""
    assert made is not None
    return pd.DataFrame(
        np.array(made["values"], dtype=np.float64).reshape(len(made["rows"]), len(made["columns"])),
        index=made["rows"],
        columns=made["columns"],
    )
