"""lme4's checks: class and sentence of every one, under every setting, as R recorded them."""

from __future__ import annotations

import json
import warnings
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pylmer.errors import PylmerError, RMessage, RWarning
from pylmer.formula.lformula import lFormula

RECORD = Path(__file__).parents[2] / "fixtures" / "formula" / "frames_checks.json"
NAMES = {
    "check.nobs.vs.rankZ": "check_nobs_vs_rankZ",
    "check.nobs.vs.nlev": "check_nobs_vs_nlev",
    "check.nlev.gtreq.5": "check_nlev_gtreq_5",
    "check.nlev.gtr.1": "check_nlev_gtr_1",
    "check.nobs.vs.nRE": "check_nobs_vs_nRE",
    "check.rankX": "check_rankX",
    "check.scaleX": "check_scaleX",
}


@cache
def record():
    return json.loads(RECORD.read_text())


def number(text):
    return np.nan if text in (None, "NA", "NaN") else float(text)


@cache
def data():
    columns = {}
    for name, column in record()["data"].items():
        if "numbers" in column:
            columns[name] = np.array([number(v) for v in column["numbers"]])
        elif column["levels"]:
            levels = column["levels"] if isinstance(column["levels"], list) else [column["levels"]]
            columns[name] = pd.Categorical([None if s == "<NA>" else s for s in column["strings"]], levels)
        else:
            columns[name] = column["strings"]
    return pd.DataFrame(columns)


def observe(case):
    """What pylmer says: class and text of each message, in order."""
    settings = SimpleNamespace(**{NAMES[k]: v for k, v in dict(case["settings"]).items()})
    said = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            lFormula(case["formula"], data(), control=settings, na_action=case.get("na.action", "na.omit"))
        except PylmerError as error:
            said.append(("error", str(error)))
    classes = {RMessage: "message", RWarning: "warning"}
    return [(classes[w.category], str(w.message)) for w in caught] + said


def judged_by_lme4_s_checks(case):
    """Not those that the control object refuses already."""
    return not any(s["text"].startswith("invalid control level") for s in case["said"])


@pytest.mark.parametrize(
    "case",
    [*filter(judged_by_lme4_s_checks, record()["checks"])],
    ids=lambda c: f"{c['formula']} {dict(c['settings'])}",
)
def test_says_what_lme4_says(case):
    expected = [(s["class"], s["text"]) for s in case["said"] if "not meaningful" not in s["text"]]
    found = observe(case)
    assert [c for c, _ in found] == [c for c, _ in expected], found
    for (kind, text), (_, sentence) in zip(found, expected, strict=True):
        if "foreign function call" in sentence:  # R's own words say where, not what
            assert text.startswith("NA/NaN/Inf")
        elif kind == "error":
            assert text.startswith(sentence)
        else:
            assert text == sentence


def test_the_data_are_rescaled_where_that_is_asked_for():
    design = lFormula("y ~ big + (1 | g)", data(), control=SimpleNamespace(check_scaleX="silent.rescale"))
    plain = lFormula("y ~ big + (1 | g)", data(), control=SimpleNamespace(check_scaleX="ignore"))
    assert np.allclose(design.X[:, 1], plain.X[:, 1] / plain.X[:, 1].std(ddof=1), rtol=1e-14)
    assert np.array_equal(design.X[:, 0], plain.X[:, 0])


@pytest.mark.parametrize("scale", [1e200, 1e-200, 1e160])
def test_extreme_scales_are_no_rank_deficiency(scale):
    huge = data().assign(x=data()["x"] * scale)
    with pytest.warns(RWarning, match="very different scales"):
        design = lFormula("y ~ x + f + (1 | g)", huge)
    assert design.dropped == ()


@pytest.mark.parametrize("bad", [np.inf, -np.inf])
def test_infinite_predictors_are_refused(bad):
    with pytest.raises(PylmerError, match="NA/NaN/Inf in 'x'"):
        lFormula("y ~ x + f + (1 | g)", data().assign(x=data()["x"].replace(data()["x"][3], bad)))


@pytest.mark.parametrize("name", ["check_nobs_vs_nlev", "check_nlev_gtr_1", "check_rankX", "check_scaleX"])
def test_an_unknown_setting_is_refused(name):
    formula = "y ~ big + x + x2 + (1 | one) + (1 | id)"
    settings = {"check_nobs_vs_nlev": "ignore", "check_nlev_gtr_1": "ignore", "check_nobs_vs_nRE": "ignore"}
    settings |= {"check_rankX": "silent.drop.cols", "check_scaleX": "ignore", name: "bogus"}
    with pytest.raises(PylmerError, match="unknown check level"):
        lFormula(formula, data(), control=SimpleNamespace(**settings))
