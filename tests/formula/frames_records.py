"""Reads what R made of formulas over data frames, makes the same with pylmer, and lists the differences."""

from __future__ import annotations

import gzip
import json
import re
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pylmer.errors import PylmerError
from pylmer.formula.design import Design
from pylmer.formula.lformula import lFormula
from pylmer.formula.linear import linear_schema, model_frame, model_matrix
from pylmer.formula.newdata import fixed_matrix
from pylmer.formula.table import Table, value_of
from pylmer.formula.values import Value
from pylmer.rcompat.factors import Contrast, Factor

FIXTURES = Path(__file__).parents[2] / "fixtures" / "formula"
ULPS = 2e-13
"""Allowed distance, relative to the largest entry of a column."""


class Lenient:
    """Checks off, as the recording has them."""

    check_nobs_vs_nlev = check_nlev_gtr_1 = check_nobs_vs_nRE = check_scaleX = "ignore"
    check_rankX = "silent.drop.cols"


@cache
def records() -> dict[str, Any]:
    with gzip.open(FIXTURES / "frames.json.gz", "rt", encoding="utf-8") as file:
        loaded: dict[str, Any] = json.load(file)
    return loaded


def numbers(text: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([np.nan if s == "NA" else float(s) for s in text.split()]) if text else np.empty(0)


def data_frame(spelled: dict[str, Any]) -> pd.DataFrame | Table:
    """A data frame with the types that R has; a Table of our own where factors carry contrasts."""
    columns = {c["name"]: _column(c) for c in spelled["columns"]}
    names = spelled["row_names"]
    index = pd.Index([int(r) for r in names]) if names[0].isdigit() else pd.Index(names)
    if not any("contrasts" in c or "contrast_columns" in c for c in spelled["columns"]):
        return pd.DataFrame(columns).set_axis(index)
    values = {c["name"]: _with_contrasts(c, value_of(columns[c["name"]])) for c in spelled["columns"]}
    return Table(tuple(values), len(index), values.__getitem__, lambda: index.values)


def _with_contrasts(c: dict[str, Any], value: Value) -> Value:
    if "contrast_columns" in c:
        assert isinstance(value, Factor)
        return replace(value, contrasts=Contrast(np.column_stack([numbers(v) for v in c["contrast_columns"]])))
    if "contrasts" in c:
        assert isinstance(value, Factor)
        return replace(value, contrasts=c["contrasts"])
    return value


def _column(c: dict[str, Any]) -> Any:
    if c["type"] == "character":
        return np.array([None if s == "<NA>" else s for s in c["values"]], dtype=object)
    values = numbers(c["values"])
    if c["type"] in ("factor", "ordered"):
        codes = np.where(np.isnan(values), 0, values).astype(int) - 1
        return pd.Categorical.from_codes(codes, c["levels"], ordered=c["type"] == "ordered")
    if c["type"] == "logical":
        if np.isnan(values).any():
            return pd.array([None if v != v else bool(v) for v in values], dtype="boolean")
        return values.astype(bool)
    if c["type"] == "integer":
        return pd.array(values, dtype="Int64") if np.isnan(values).any() else values.astype(int)
    return values


def waived(record: dict[str, Any]) -> str | None:
    """Why pylmer means to differ from R in a case; None where it does not."""
    formula = record["formula"]
    if "newdata" in record and re.search(r"cut\(\w+, (\d|.*quantile)", formula):
        return "R forgets the breaks that cut() chose; pylmer replays them"
    lhs, _, rhs = formula.partition(" ~ ")
    if "newdata" in record and lhs in rhs:
        return "with new data R forgets a response that is part of an interaction"
    if record.get("na.action") == "na.pass" and record["kind"] == "lmer":
        return "R gives a row with a missing group a row of zeros in Z; pylmer refuses it"
    if "error" in record["result"] and re.search(r"unexpected '\|'", record["result"]["error"]):
        return "lme4 stumbles over an intercept alone left of a double bar"
    return None


def differences(record: dict[str, Any], data: dict[str, pd.DataFrame]) -> list[str]:
    """What pylmer makes differently; empty where all is the same."""
    compare = _compare_lm if record["kind"] == "lm" else _compare_lmer
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            out = compare(record, data[record["data"]])
    except PylmerError as error:
        expected = record["result"].get("error")
        return [] if expected is not None else [f"refused: {error}"]
    return out + _said(record, [str(w.message) for w in said])


def _said(record: dict[str, Any], said: list[str]) -> list[str]:
    expected = {s.strip() for s in record["said"]}
    if "newdata" in record:  # R drops contrasts for a moment, and looks at variables that no term needs
        expected &= set(said)
    if set(said) == expected or "error" in record["result"]:
        return []
    return [f"warnings {said} instead of {record['said']}"]


def _arguments(record: dict[str, Any]) -> dict[str, Any]:
    out = {k: record[k] for k in ("subset", "weights", "offset") if k in record}
    if "na.action" in record:
        out["na_action"] = record["na.action"]
    return out


def _contrasts(record: dict[str, Any]) -> dict[str, Any] | None:
    given = record.get("contrasts")
    return given and {k: v if isinstance(v, str) else np.array(v, dtype=float).T for k, v in given.items()}


def _compare_lm(record: dict[str, Any], data: pd.DataFrame) -> list[str]:
    framed = model_frame(record["formula"], data, **_arguments(record))
    X = model_matrix(framed, contrasts=_contrasts(record))
    expected = record["result"]
    if "error" in expected:
        return [f"accepted what R refuses: {expected['error']}"]
    out = _same_matrix(X.matrix, X.names, expected, "X")
    out += _same_list(X.assign.tolist(), _listed(expected["assign"]), "assign")
    out += _same_list([str(r) for r in framed.frame.row_names], expected["rows"], "rows")
    if "newdata" in expected:
        new = _new_rows(data, record["newdata"])
        schema = linear_schema(framed, X)
        out += _same_matrix(fixed_matrix(schema, new), X.names, expected["newdata"], "newdata")
    return out


def _new_rows(data: pd.DataFrame, rows: list[int]) -> pd.DataFrame:
    new = data.iloc[[r - 1 for r in rows]].copy()
    new["x"] = new["x"] * 1.1 + 0.03
    new["z"] = new["z"] + 0.2
    return new


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _compare_lmer(record: dict[str, Any], data: pd.DataFrame) -> list[str]:
    design = lFormula(record["formula"], data, contrasts=_contrasts(record), control=Lenient(), **_arguments(record))
    expected = record["result"]
    if "error" in expected:
        return [f"accepted what R refuses: {expected['error']}"]
    out = _same_matrix(design.X, design.X_names, expected["X"], "X")
    out += _same_list(list(design.dropped), expected["dropped"], "dropped")
    out += _same_list([str(r) for r in design.row_names], expected["rows"], "rows")
    out += _same_numbers(design.y, numbers(expected["y"]), "y")
    out += _same_list([design.call.formula], [expected["formula"]], "formula")
    out += _same_numbers(np.empty(0) if design.weights is None else design.weights, numbers(expected["weights"]), "w")
    out += _same_numbers(np.empty(0) if design.offset is None else design.offset, numbers(expected["offset"]), "offset")
    return out + _compare_terms(design, expected)


def _compare_terms(design: Design, expected: dict[str, Any]) -> list[str]:
    terms = design.re
    out = _same_list([[t.group, list(t.names)] for t in terms.terms], expected["cnms"], "cnms")
    if out:
        return out
    out += _same_list(terms.Gp.tolist(), _listed(expected["Gp"]), "Gp")
    out += _same_list(terms.theta_start.tolist(), _listed(expected["theta"]), "theta")
    lower = np.where(np.isfinite(terms.lower), terms.lower, -99.0)
    out += _same_list(lower.tolist(), _listed(expected["lower"]), "lower")
    levels = [[name, list(term.levels)] for name, term in terms.flist.items()]
    out += _same_list(levels, expected["flist"], "flist")
    place = {name: i + 1 for i, name in enumerate(terms.flist)}
    out += _same_list([place[t.group] for t in terms.terms], _listed(expected["assign_flist"]), "assign of flist")
    Z = np.hstack([_dense(t) for t in terms.terms])
    return out + _same_matrix(Z.T, None, expected["Zt"], "Zt")


def _dense(term: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    Z = np.zeros((len(term.codes), term.J, term.k))
    Z[np.arange(len(term.codes)), term.codes] = term.columns
    return Z.reshape(len(term.codes), -1)


def _same_list(found: list[Any], expected: list[Any], what: str) -> list[str]:
    return [] if found == list(expected) else [f"{what}: {found} instead of {expected}"]


def _same_numbers(found: Any, expected: Any, what: str) -> list[str]:
    if len(found) != len(expected):
        return [f"{what}: {len(found)} numbers instead of {len(expected)}"]
    if not len(found):
        return []
    if (np.isnan(found) != np.isnan(expected)).any():
        return [f"{what}: missing values differ"]
    known = np.isfinite(expected)
    size = np.abs(expected[known]).max(initial=1e-300)
    worst = np.abs(np.asarray(found)[known] - expected[known]).max(initial=0.0)
    return [] if worst <= ULPS * size + 1e-15 else [f"{what}: off by {worst:.2e} of {size:.2e}"]


def _same_matrix(matrix: Any, names: tuple[str, ...] | None, expected: dict[str, Any], what: str) -> list[str]:
    if names is not None and list(names) != expected["names"]:
        return [f"{what} names: {list(names)} instead of {expected['names']}"]
    columns = expected["columns"]
    if matrix.shape != (expected["n"], len(columns)):
        return [f"{what}: shape {matrix.shape} instead of {(expected['n'], len(columns))}"]
    return [d for j, c in enumerate(columns) for d in _same_numbers(matrix[:, j], numbers(c), f"{what}[{j}]")]
