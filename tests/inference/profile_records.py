"""Profiles that R recorded, and our fits of the same models."""

from __future__ import annotations

import gzip
import json
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pylmer import datasets, lmer
from pylmer.dotted import LmerMod
from pylmer.inference.profile import Profile, profile

FloatArray = NDArray[np.float64]
RECORDED = Path(__file__).parents[2] / "fixtures" / "inference" / "profiles.json.gz"
SPECIAL = {"NA": np.nan, "NaN": np.nan, "Inf": np.inf, "-Inf": -np.inf}

MODELS = {
    "sleepstudy": ("Reaction ~ Days + (Days | Subject)", "sleepstudy", {}),
    "uncorrelated": ("Reaction ~ Days + (Days || Subject)", "sleepstudy", {}),
    "weights": ("Reaction ~ Days + (1 | Subject)", "sleepstudy", {"weights": "w"}),
    "offset": ("Reaction ~ Days + (1 | Subject)", "sleepstudy", {"offset": "known"}),
    "dyestuff": ("Yield ~ 1 + (1 | Batch)", "Dyestuff", {}),
    "dyestuff2": ("Yield ~ 1 + (1 | Batch)", "Dyestuff2", {}),
    "penicillin": ("diameter ~ 1 + (1 | plate) + (1 | sample)", "Penicillin", {}),
    "pastes": ("strength ~ 1 + (1 | batch / cask)", "Pastes", {}),
    "hsb_m1": ("mathach ~ 1 + (1 | school)", "HSB", {}),
    "hsb_m2": ("mathach ~ cses + (1 | school)", "HSB", {}),
    "oxboys": ("height ~ age + I(age^2) + (age + I(age^2) | Subject)", "Oxboys", {}),
}


def numbers(texts: list[str]) -> FloatArray:
    """Hexadecimal floats."""
    return np.array([SPECIAL[t] if t in SPECIAL else float.fromhex(t) for t in texts])


@cache
def recorded() -> dict[str, Any]:
    """All that R recorded."""
    with gzip.open(RECORDED, "rt") as file:
        out: dict[str, Any] = json.load(file)
    return out


def record(name: str, field: str, columns: int = 1) -> FloatArray:
    """Numbers of one model; a table if it has several columns."""
    flat = numbers(recorded()["profiles"][name][field])
    return flat if columns == 1 else flat.reshape(-1, columns)


def strings(name: str, field: str) -> list[str]:
    """Strings of one model."""
    out: list[str] = recorded()["profiles"][name][field]
    return out


@cache
def fit(name: str, REML: bool = False) -> LmerMod:
    """Our fit."""
    formula, table, more = MODELS[name]
    data = getattr(datasets, table)()
    if table == "sleepstudy":
        days = np.arange(180.0)
        data = data.assign(w=1 + np.mod(days, 7), known=10 * np.sin(days))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lmer(formula, data, REML=REML, **more)  # type: ignore[arg-type]


@cache
def profiled(name: str) -> Profile:
    """Our profile."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return profile(fit(name), "theta_" if name == "weights" else None)
