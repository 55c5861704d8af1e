"""Calling a fitting function where the table goes by the case's name for it, because printed calls show that name."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import FunctionType
from typing import Any

import pandas as pd

from rcompare.case import Case

__all__ = ["call_case"]

api: Any = import_module("pylmer")


def call_case(case: Case, frame: pd.DataFrame, formula: str | None = None) -> Any:
    """Fit a case with pylmer (``formula`` instead of the case's own); the printed call names the case's data."""
    arguments: dict[str, object] = {
        "subset": case.subset,
        "weights": case.weights,
        "offset": case.offset,
        "na_action": case.na_action,
        "contrasts": dict(case.contrasts) or None,
    }
    given = {name: value for name, value in arguments.items() if value is not None}
    if case.call == "lmer":
        given["REML"] = case.REML
    return _where_named(case.data, frame)(getattr(api, case.call), formula or case.formula, frame, given)


def _fit(_function: Callable[..., Any], _formula: str, _data: pd.DataFrame, _given: dict[str, object]) -> Any:
    return _function(_formula, data=_data, **_given)


def _where_named(name: str, frame: pd.DataFrame) -> Callable[..., Any]:
    return FunctionType(_fit.__code__, {"__builtins__": {}, name: frame})
