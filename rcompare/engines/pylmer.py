"""pylmer, answering cases through its public names."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import FunctionType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.errors import PylmerError, RMessage, RWarning
from pylmer.model import at_theta
from rcompare.case import Case
from rcompare.datatable import canonical_text, case_data, data_hash
from rcompare.engines.pylmer_extract import CLASSICAL, LOOK, MIXED
from rcompare.results import Results, Value

__all__ = ["PylmerEngine"]

FloatArray = NDArray[np.float64]
api: Any = import_module("pylmer")


@dataclass
class PylmerEngine:
    """pylmer in this process.

    Parameters
    ----------
    lme4
        The version of lme4 whose printed text is followed; the reference's, so that texts can be equal.
    """

    lme4: str = "1.1-31"
    name: str = "pylmer"
    _designs: dict[str, Any] = field(default_factory=dict, repr=False)

    def run(self, case: Case, data: pd.DataFrame | None = None) -> Results:
        """Fit a case, or look at its data, and answer with pylmer's numbers and text."""
        frame = case_data(case) if data is None else data
        stamp = {**_stamp(), "data_hash": _hash(frame), "call": case.formula}
        try:
            model, heard, warned = self.fit(case, frame)
        except PylmerError as err:
            return Results(case.id, {}, stamp, error=str(err))
        except Exception as err:  # a crash is an answer too, and must be shown beside the others
            return Results(case.id, {}, stamp, error=f"{type(err).__name__}: {err}")
        values, failed = self._extract(model, case)
        return Results(case.id, values, stamp, messages=heard, warnings=warned, failed=failed)

    def fit(self, case: Case, frame: pd.DataFrame) -> tuple[Any, tuple[str, ...], tuple[str, ...]]:
        """Give the fit (or the data themselves) with the messages and warnings that pylmer gave.

        Raises
        ------
        pylmer.errors.PylmerError
            If the model cannot be fitted.
        """
        if case.call == "data":
            return frame, (), ()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = self._call(case, frame)
        messages = tuple(str(w.message) for w in caught if issubclass(w.category, RMessage))
        warned = tuple(str(w.message) for w in caught if issubclass(w.category, RWarning))
        if case.call == "lmer":
            self._designs[case.id] = model.design
        return model, messages, warned

    def _call(self, case: Case, frame: pd.DataFrame) -> Any:
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
        return _where_named(case.data, frame)(getattr(api, case.call), case.formula, frame, given)

    def run_at(self, case: Case, theta: FloatArray) -> Results:
        """Answer a case at a given theta, without optimizing."""
        if case.id not in self._designs:
            self.fit(case, case_data(case))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RMessage)
            warnings.simplefilter("ignore", RWarning)
            model = at_theta(api.LmerMod, self._designs[case.id], theta, case.REML)
        values, failed = self._extract(model, replace(case, groups=_without_draws(case)))
        return Results(case.id, values, _stamp(), failed=failed)

    def criterion(self, case: Case, thetas: FloatArray) -> FloatArray:
        """Criterion at each row of ``thetas``."""
        devfun = api.mkLmerDevfun(self._designs[case.id], case.REML)
        return np.array([devfun(theta) for theta in thetas])

    def _extract(self, model: Any, case: Case) -> tuple[dict[str, Value], dict[str, str]]:
        values: dict[str, Value] = {}
        failed: dict[str, str] = {}
        tables = LOOK if case.call == "data" else (MIXED if case.call == "lmer" else CLASSICAL[case.call])
        with ExitStack() as stack:
            stack.enter_context(api.options(lme4=self.lme4, useFancyQuotes=False, digits=7, width=80))
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore", RMessage)
            warnings.simplefilter("ignore", RWarning)
            for group in ("structure", "fit", "effects", "rows", "text", *case.groups):
                for name, question in tables.get(group, {}).items():
                    if group not in case.groups or name in values or name in failed:
                        continue
                    try:
                        answer = question(model, case)
                        values.update(answer if isinstance(answer, Mapping) else {name: answer})
                    except Exception as err:  # one question that fails leaves the others standing
                        failed[name] = f"{type(err).__name__}: {err}"
        return values, failed


def _without_draws(case: Case) -> tuple[str, ...]:
    return tuple(g for g in case.groups if g in ("structure", "fit", "effects", "rows", "text", "icc"))


def _fit(_function: Callable[..., Any], _formula: str, _data: pd.DataFrame, _given: dict[str, object]) -> Any:
    return _function(_formula, data=_data, **_given)


def _where_named(name: str, frame: pd.DataFrame) -> Callable[..., Any]:
    """:func:`_fit` in a place where the table goes by the case's name for it, which printed calls show."""
    return FunctionType(_fit.__code__, {"__builtins__": {}, name: frame})


def _hash(frame: pd.DataFrame) -> str:
    return data_hash(canonical_text(frame))


def _stamp() -> dict[str, Any]:
    packages = {}
    for name in ("pylmer", "numpy", "scipy", "pandas"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "not installed as a package"
    return {
        "engine": "pylmer",
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "packages": packages,
    }
