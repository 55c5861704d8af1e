"""pylmer, answering cases through its public names."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.errors import PylmerError, RMessage, RWarning
from pylmer.model import at_theta
from rcompare.case import Case
from rcompare.datatable import canonical_text, case_data, case_hash, data_hash
from rcompare.engines.named_call import call_case
from rcompare.engines.pylmer_classical import CLASSICAL, LOOK
from rcompare.engines.pylmer_extract import MIXED
from rcompare.engines.pylmer_surface import SURFACE_FITS
from rcompare.engines.pylmer_surface_parts import LISTS, SURFACE_PARTS
from rcompare.engines.pylmer_surface_tools import TOOLS
from rcompare.results import Results, Value

__all__ = ["PylmerEngine"]

SURFACE = SURFACE_FITS | SURFACE_PARTS | {"tools": TOOLS}
AT_THETA = {g: g for g in ("structure", "fit", "effects", "rows", "text", "icc", "heads", "simulate")}
AT_THETA.update({g: g for g in ("predictions", "simulations", "diagnostics", "getME", "extractors", "tools")})
AT_THETA.update(boot="replicates", conversions="conversions", comparisons="anova.own", modular="devfun.own")
"""Groups that are asked at R's theta; of the bootstrap every replicate, and no fit again of what is compared."""

FloatArray = NDArray[np.float64]
api: Any = import_module("pylmer")


@dataclass
class PylmerEngine:
    """pylmer in this process.

    Parameters
    ----------
    lme4
        The version of lme4 whose printed text is followed; the reference's, so that texts can be equal.
    data
        A table to be used instead of each case's own.
    """

    lme4: str = "1.1-31"
    name: str = "pylmer"
    data: pd.DataFrame | None = None
    _designs: dict[str, Any] = field(default_factory=dict, repr=False)

    def run(self, case: Case) -> Results:
        """Fit a case, or look at its data, and answer with pylmer's numbers and text."""
        frame = self._frame(case)
        seen = case_hash(case) if self.data is None else data_hash(canonical_text(frame))
        stamp = {**_stamp(), "data_hash": seen, "call": case.formula}
        try:
            model, heard, warned = self.fit(case, frame)
        except PylmerError as err:
            return Results(case.id, {}, stamp, error=str(err))
        except Exception as err:  # a crash is an answer too, and must be shown beside the others
            return Results(case.id, {}, stamp, error=f"{type(err).__name__}: {err}")
        values, failed = self._extract(model, case)
        return Results(case.id, values, stamp, messages=heard, warnings=warned, failed=failed)

    def _frame(self, case: Case) -> pd.DataFrame:
        return case_data(case) if self.data is None else self.data

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
            model = call_case(case, frame)
        messages = tuple(str(w.message) for w in caught if issubclass(w.category, RMessage))
        warned = tuple(str(w.message) for w in caught if issubclass(w.category, RWarning))
        if case.call == "lmer":
            self._designs[case.id] = model.design
        return model, messages, warned

    def run_at(self, case: Case, theta: FloatArray) -> Results:
        """Answer a case at a given theta, without optimizing."""
        if case.id not in self._designs:
            self.fit(case, self._frame(case))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RMessage)
            warnings.simplefilter("ignore", RWarning)
            model = at_theta(api.LmerMod, self._designs[case.id], theta, case.REML)
        values, failed = self._extract(model, case, AT_THETA)
        return Results(case.id, values, _stamp(), failed=failed)

    def criterion(self, case: Case, thetas: FloatArray) -> FloatArray:
        """Criterion at each row of ``thetas``."""
        devfun = api.mkLmerDevfun(self._designs[case.id], case.REML)
        return np.array([devfun(theta) for theta in thetas])

    def _extract(
        self, model: Any, case: Case, wanted: Mapping[str, str] | None = None
    ) -> tuple[dict[str, Value], dict[str, str]]:
        """Ask all questions of the case's groups; ``wanted`` maps groups to those that are asked instead."""
        values: dict[str, Value] = {}
        failed: dict[str, str] = {}
        tables = {"data": LOOK, "lmer": MIXED | SURFACE, "lmList": LISTS, **CLASSICAL}[case.call]
        with ExitStack() as stack:
            stack.enter_context(api.options(lme4=self.lme4, useFancyQuotes=False, digits=7, width=80))
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore", RMessage)
            warnings.simplefilter("ignore", RWarning)
            groups = case.groups if wanted is None else [wanted[g] for g in case.groups if g in wanted]
            for group in groups:
                for name, question in tables.get(group, {}).items():
                    try:
                        answer = question(model, case)
                        values.update(answer if isinstance(answer, Mapping) else {name: answer})
                    except Exception as err:  # one question that fails leaves the others standing
                        failed[name] = f"{type(err).__name__}: {err}"
        return values, failed


def _stamp() -> dict[str, Any]:
    packages = {}
    for name in ("pylmer", "numpy", "scipy", "pandas"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "not installed as a package"
    return {
        "engine": "pylmer",
        "RNGkind": "Mersenne-Twister Inversion Rejection",
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "packages": packages,
    }
