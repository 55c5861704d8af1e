"""The oracle: cases answered by real R with lme4, live in this process or recorded in a process of its own."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from rcompare.case import Case
from rcompare.datatable import canonical_text, case_data, data_hash
from rcompare.engines.base import EngineUnavailable, OtherData
from rcompare.engines.r import RSession, quote, r_session, why_no_r
from rcompare.engines.scripts import SCRIPTS, script_hash
from rcompare.results import Labelled, Results, Strings, Text, Value
from rcompare.rtext import r_call

__all__ = ["REngine", "loaded", "r_stamp", "send_case_data", "send_frame"]


class REngine:
    """lme4 in the R that rpy2 embeds.

    Parameters
    ----------
    tight
        Also look for the optimum itself with tight tolerances, which takes some further fits.
    data
        A table to be used instead of each case's own.

    Raises
    ------
    EngineUnavailable
        If R, rpy2 or lme4 is missing.
    """

    name = "R"

    def __init__(self, tight: bool = True, data: pd.DataFrame | None = None) -> None:
        reason = why_no_r()
        if reason is not None:
            raise EngineUnavailable(reason)
        self.tight = tight
        self.data = data
        self._session = loaded(r_session())
        self.lme4_version = self._session.strings("packageDescription('lme4')$Version")[0]
        self.name = f"R (lme4 {self.lme4_version})"

    def run(self, case: Case) -> Results:
        """Answer a case.

        Raises
        ------
        OtherData
            If R's data set and ours are not the same to the last digit.
        CaseError
            If the case says what may not reach R.
        """
        R = self._session
        code = r_call(case)
        seen, _ = send_case_data(R, case, self.data)
        R.eval(f"rcompare_case <- {_r_list(case, code, self.tight)}")
        answer = R.eval("rc_answer(rcompare_case, rcompare_data)")
        results = Results(
            case=case.id,
            values=_values(answer["values"]),
            tight=_values(answer["tight"] or {}),
            messages=tuple(answer["messages"] or ()),
            warnings=tuple(answer["warnings"] or ()),
            error=answer["error"][0] if answer["error"] else None,
        )
        return replace(results, stamp={**r_stamp(R), "call": code, "data_hash": seen, **_draws(case)})


def send_case_data(R: RSession, case: Case, data: pd.DataFrame | None = None) -> tuple[str, pd.DataFrame]:
    """Give R the table of a case (``data`` instead, where given) as ``rcompare_data``.

    Returns
    -------
    tuple
        SHA-256 of the table, and the table.

    Raises
    ------
    OtherData
        If R's data set and ours are not the same to the last digit.
    """
    frame = case_data(case) if data is None else data
    if case.file is None and data is None:
        R.eval(f"rcompare_data <- rc_data({quote(case.data)})")
    else:
        send_frame(R, "rcompare_data", frame)
    theirs = data_hash(R.strings("rc_canonical(rcompare_data)")[0])
    ours = data_hash(canonical_text(frame))
    if ours != theirs:
        raise OtherData(f"case {case.id}: R's data and ours differ (SHA-256 {theirs[:12]} and {ours[:12]})")
    return theirs, frame


@lru_cache(maxsize=1)
def loaded(R: RSession) -> RSession:
    """Give R the scripts that take fits apart, once."""
    for path in SCRIPTS:
        R.eval(f"source({quote(str(path))})")
    return R


def send_frame(R: RSession, name: str, frame: pd.DataFrame) -> None:
    """Give R a data frame: numbers, logicals, text and factors with their levels in order, and the row labels."""
    R.eval("rcompare_columns <- list()")
    for column in frame.columns:
        values = frame[column]
        if isinstance(values.dtype, pd.CategoricalDtype):
            R.assign("rcompare_x", np.asarray(values.cat.codes, dtype=np.float64) + 1)
            R.assign("rcompare_levels", [str(v) for v in values.cat.categories])
            ordered = "TRUE" if values.dtype.ordered else "FALSE"
            R.eval("rcompare_x[rcompare_x == 0] <- NA")
            labels = "levels = seq_along(rcompare_levels), labels = rcompare_levels"
            R.eval(f"rcompare_x <- factor(rcompare_x, {labels}, ordered = {ordered})")
        elif pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
            R.assign("rcompare_x", values.to_numpy(dtype=np.float64))
            R.eval("rcompare_x[is.nan(rcompare_x)] <- NA")
        else:
            R.assign("rcompare_x", values.to_numpy())
        R.eval(f"rcompare_columns[[{quote(str(column))}]] <- rcompare_x")
    R.eval(f"{name} <- data.frame(rcompare_columns, check.names = FALSE, stringsAsFactors = FALSE)")
    if frame.index.is_unique:
        R.assign("rcompare_x", [str(label) for label in frame.index])
        R.eval(f"row.names({name}) <- rcompare_x")


def _r_list(case: Case, code: str, tight: bool) -> str:
    entries = {
        "call": quote(case.call),
        "code": quote(code),
        "data": quote(case.data),
        "groups": f"c({', '.join(quote(g) for g in case.groups)})",
        "tight": "TRUE" if tight else "FALSE",
    }
    if case.against is not None:
        entries["against"] = quote(r_call(replace(case, formula=case.against)))
    for name in ("boot", "simulate"):
        draws = getattr(case, name)
        if draws is not None:
            entries[name] = f"list(nsim = {int(draws.nsim)}L, seed = {int(draws.seed)}L)"
    return f"list({', '.join(f'{key} = {value}' for key, value in entries.items())})"


def _draws(case: Case) -> dict[str, Any]:
    draws = {name: getattr(case, name) for name in ("boot", "simulate")}
    return {name: {"nsim": d.nsim, "seed": d.seed} for name, d in draws.items() if d is not None}


def r_stamp(R: RSession) -> dict[str, Any]:
    """Who answers: R, its packages, BLAS, locale, kind of random numbers, and the scripts' hash."""
    raw = R.eval("rc_stamp()")
    packages = {name: version[0] for name, version in raw.pop("packages").items()}
    flat = {key: value[0] if len(value) == 1 else " ".join(value) for key, value in raw.items()}
    return {"engine": "R", "package": "lme4", **flat, "packages": packages, "script_hash": script_hash()}


def _values(raw: Any) -> dict[str, Value]:
    """Values by name; R's empty list has no names."""
    return {name: _value(entry) for name, entry in raw.items()} if isinstance(raw, dict) else {}


def _value(entry: dict[str, Any]) -> Value:
    kind = entry["kind"][0]
    if kind != "array":
        items = tuple("NA" if s is None else s for s in entry["x"])
        return Strings(items) if kind == "strings" else Text(items)
    shape = [int(d) for d in np.atleast_1d(entry["dim"])]
    values = np.asarray(entry["x"], dtype=np.float64).reshape(shape, order="F")
    labels = entry["labels"]
    if isinstance(labels, dict):
        labels = list(labels.values())
    named = tuple(None if names is None else tuple(str(s) for s in names) for names in labels or [None] * len(shape))
    return Labelled(values, named, bool(entry["sampled"][0]))
