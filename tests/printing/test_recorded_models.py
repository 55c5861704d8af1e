"""The text of models, fed with the numbers that R had, against the text that R printed."""

from __future__ import annotations

import gzip
import json
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from pylmer.errors import RMessage
from pylmer.formula.design import CallText, ReTerm, ReTerms
from pylmer.methods.summary import summary
from pylmer.methods.varcorr import VarCorr
from pylmer.model import MerMod
from pylmer.printing import (
    coef_text,
    confint_text,
    fixef_text,
    loglik_text,
    model_text,
    ranef_text,
    summary_text,
    varcorr_text,
)
from pylmer.rcompat.layout import print_data_frame, print_matrix
from pylmer.rcompat.options import options

FIXTURE = Path(__file__).parents[2] / "fixtures" / "printing" / "models.json.gz"
SPECIAL = {"NA": math.nan, "NaN": math.nan, "Inf": math.inf, "-Inf": -math.inf}
SINGULAR = "boundary (singular) fit: see help('isSingular')"

with gzip.open(FIXTURE, "rt", encoding="utf-8") as file:
    RECORDED: dict[str, Any] = json.load(file)

each_model = pytest.mark.parametrize("case", RECORDED["models"], ids=lambda case: case["name"])
each_effect = pytest.mark.parametrize("case", RECORDED["effects"], ids=lambda case: case["name"])


def number(text: str) -> float:
    return SPECIAL[text] if text in SPECIAL else float.fromhex(text)


def numbers(texts: list[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([number(t) for t in texts])


def stand_in(case: dict[str, Any]) -> MerMod:
    """A model with R's numbers, as far as the text needs them."""
    n, k = case["n"], len(case["X_names"])
    terms = tuple(
        ReTerm(group, np.zeros(0, dtype=np.intp), tuple(map(str, range(J))), tuple(names), np.zeros((0, len(names))))
        for group, names, J in zip(case["groups"], case["cnms"], case["J"], strict=True)
    )
    call = CallText(*(case[part] for part in ("formula", "data", "weights", "offset", "subset", "control")))
    design = SimpleNamespace(
        re=ReTerms(terms),
        X_names=tuple(case["X_names"]),
        call=call,
        dropped=("dropped",) * case["dropped"],
        scale_note="",
    )
    opt = SimpleNamespace(
        optimizer=case["optimizer"],
        convergence=case["convergence"],
        message=case["message"],
        warnings=tuple(message for message in case["messages"] if message != SINGULAR),
        own_warnings=(),
    )
    model = SimpleNamespace(
        design=design,
        opt=opt,
        n=n,
        p=k,
        REML=case["REML"],
        theta=numbers(case["theta"]),
        n_parameters=k + len(case["theta"]) + 1,
        residual_sd=number(case["sigma"]),
        beta=numbers(case["beta"]),
        vcov_beta=numbers(case["vcov"]).reshape(k, k),
        value=number(case["value"]),
        # quantiles of type 7 of five sorted numbers are these numbers
        scaled_residuals=lambda: numbers(case["residual_quantiles"]),
    )
    return cast(MerMod, model)


@pytest.fixture(autouse=True)
def as_recorded() -> Iterator[None]:
    with options(lme4=RECORDED["lme4"], useFancyQuotes=False):
        yield


@each_model
def test_print(case: dict[str, Any]) -> None:
    m = stand_in(case)
    assert model_text(m) == case["print"]
    with options(width=60, digits=5):
        assert model_text(m) == case["narrow"]["print"]


@each_model
def test_summary(case: dict[str, Any]) -> None:
    s = summary(stand_in(case))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert str(s) == case["summary"] == summary_text(s)
    said = [str(w.message) for w in caught]
    assert {w.category for w in caught} <= {RMessage}
    expected = case["message_p"].removesuffix("\n").replace("print(s,", "print(x,").replace("vcov(s)", "vcov(x)")
    assert said == ([expected] * 2 if expected else [])
    with warnings.catch_warnings(), options(width=60, digits=5):
        warnings.simplefilter("ignore", RMessage)
        assert s.text() == case["narrow"]["summary"]


@each_model
def test_varcorr(case: dict[str, Any]) -> None:
    vc = VarCorr(stand_in(case))
    assert list(vc) == case["vc_names"]
    assert str(vc) == case["varcorr"]
    assert varcorr_text(vc, comp=["Variance", "Std.Dev."], digits=3) == case["varcorr_both"]


@each_model
def test_varcorr_as_data_frame(case: dict[str, Any]) -> None:
    vc = VarCorr(stand_in(case))
    frame, expected = vc.as_data_frame(), case["frame"]
    for column in ("grp", "var1", "var2"):
        assert frame[column].tolist() == expected[column]
    for column in ("vcov", "sdcor"):
        np.testing.assert_allclose(frame[column], numbers(expected[column]), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(vc.as_data_frame("lower.tri")["vcov"], numbers(case["lower_order"]), rtol=1e-12)
    columns = {name: frame[name].tolist() for name in frame.columns}
    assert print_data_frame(columns) == case["varcorr_frame"]


@each_model
def test_single_answers(case: dict[str, Any]) -> None:
    m = stand_in(case)
    names, p = case["X_names"], len(case["X_names"])
    if p:
        assert fixef_text(m.beta, names) == case["fixef"]
        assert print_matrix(m.vcov_beta, names, names) == case["vcov_text"]
    assert loglik_text(-m.value / 2, p + len(m.theta) + 1) == case["logLik"]
    se = np.sqrt(np.diag(m.vcov_beta))
    variances = len(m.theta) + 1
    limits = np.full((variances + p, 2), np.nan)
    limits[variances:, 0], limits[variances:, 1] = m.beta - 1.959963984540054 * se, m.beta + 1.959963984540054 * se
    labels = [f".sig{i + 1:02d}" for i in range(len(m.theta))] + [".sigma", *names]
    assert confint_text(limits, labels, ["2.5 %", "97.5 %"]) == case["confint"]


@each_effect
def test_effects(case: dict[str, Any]) -> None:
    def frames(which: str) -> dict[str, pd.DataFrame]:
        return {
            group: pd.DataFrame(numbers(x["values"]).reshape(len(x["rows"]), -1), index=x["rows"], columns=x["columns"])
            for group, x in case[which].items()
        }

    modes = frames("ranef")
    assert ranef_text(modes, list(modes)) == case["ranef_text"]
    assert ranef_text(modes) == case["ranef_plain"]
    assert coef_text(frames("coef")) == case["coef_text"]
    with options(useFancyQuotes=True):
        assert ranef_text(modes, ["g"]).endswith("with conditional variances for \u201cg\u201d ")


@each_model
def test_later_versions_rename_the_deviance(case: dict[str, Any]) -> None:
    m = stand_in(case)
    old = model_text(m)
    with options(lme4="1.1-37"):
        new = model_text(m)
    if "deviance" not in old:
        assert new == old
        return
    changed = [(a, b) for a, b in zip(old.split("\n"), new.split("\n"), strict=True) if a != b]
    assert len(changed) in (1, 2)
    assert changed[0][0].split() == ["deviance" if w == "-2*log(L)" else w for w in changed[0][1].split()]
    assert [a.split() for a, _ in changed[1:]] == [b.split() for _, b in changed[1:]]
