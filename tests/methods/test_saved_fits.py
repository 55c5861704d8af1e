"""A fit written as JSON and read back answers as the fit does, bit for bit; a text that is no fit is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer import MerMod, datasets, lmer
from pylmer.dotted import LmerMod
from pylmer.errors import DataError, PylmerError


def slopes() -> LmerMod:
    return lmer("Reaction ~ Days + (Days | Subject)", data=datasets.sleepstudy())


def crossed() -> LmerMod:
    return lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", datasets.Penicillin(), REML=False)


def bases() -> LmerMod:
    data = datasets.sleepstudy()
    data["late"] = data["Days"] > 4
    data["w"] = np.linspace(1.0, 2.0, len(data))
    return lmer(
        "Reaction ~ poly(Days, 2) + late + offset(w) + (scale(Days) || Subject)",
        data,
        weights="w",
        control={"check_conv_singular": "ignore", "boundary_tol": 1e-4},
    )


def holes() -> LmerMod:
    data = datasets.sleepstudy()
    data.index = pd.Index([f"row {i}" for i in range(180)])
    data.loc["row 7", "Reaction"] = np.nan
    data["half"] = np.where(data["Days"] % 2 == 0, "even", "odd")
    return lmer("Reaction ~ log(Days + 1) * half + (1 | Subject)", data, na_action="na.exclude")


def cake() -> LmerMod:
    return lmer("angle ~ recipe + temperature + (1 | recipe:replicate)", datasets.cake())


FITS = [slopes, crossed, bases, holes, cake]


@pytest.fixture(params=FITS, ids=lambda make: make.__name__)
def fit(request: pytest.FixtureRequest) -> LmerMod:
    make: Callable[[], LmerMod] = request.param
    return make()


def test_every_answer_is_the_same_bit_for_bit(fit: LmerMod) -> None:
    back = LmerMod.from_json(fit.to_json())
    assert type(back) is LmerMod
    pd.testing.assert_series_equal(back.fitted(), fit.fitted(), check_exact=True)
    pd.testing.assert_series_equal(back.residuals("pearson"), fit.residuals("pearson"), check_exact=True)
    pd.testing.assert_series_equal(back.fixef(True), fit.fixef(True), check_exact=True)
    pd.testing.assert_frame_equal(back.vcov(), fit.vcov(), check_exact=True)
    pd.testing.assert_frame_equal(back.ranef().as_data_frame(), fit.ranef().as_data_frame(), check_exact=True)
    pd.testing.assert_series_equal(back.hatvalues(), fit.hatvalues(), check_exact=True)
    pd.testing.assert_frame_equal(back.model_frame(), fit.model_frame(), check_exact=True)
    pd.testing.assert_frame_equal(back.simulate(2, seed=1), fit.simulate(2, seed=1), check_exact=True)
    assert back.logLik() == fit.logLik()
    assert back.control == fit.control
    np.testing.assert_array_equal(back.opt.hessian, fit.opt.hessian)
    assert str(back) == str(fit)
    assert str(back.summary()) == str(fit.summary())
    assert str(back.summary(ddf="Satterthwaite")) == str(fit.summary(ddf="Satterthwaite"))
    assert back.to_json() == fit.to_json()


def test_new_data_are_predicted_with_what_the_fit_learned() -> None:
    m = bases()
    back = LmerMod.from_json(m.to_json())
    new = {
        "Days": [0.5, 11.0, 3.0],
        "late": [False, True, False],
        "w": [1.0, 1.5, 2.0],
        "Subject": ["308", "309", "new"],
    }
    expected = m.predict(new, allow_new_levels=True)
    pd.testing.assert_series_equal(back.predict(new, allow_new_levels=True), expected, check_exact=True)


def test_a_loaded_fit_can_be_refitted_and_compared() -> None:
    m = slopes()
    back = LmerMod.from_json(m.to_json())
    assert back.refitML().value == m.refitML().value
    pd.testing.assert_frame_equal(pd.DataFrame(back.drop1("Chisq")), pd.DataFrame(m.drop1("Chisq")), check_exact=True)


def test_the_text_is_json_without_code() -> None:
    content = json.loads(crossed().to_json())
    assert (content["format"], content["version"], content["REML"]) == ("pylmer fit", 1, False)


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '"fit"', "{}", b"\xff\xfe\x00", "[" * 100_000])
def test_what_is_no_fit_is_refused(text: str | bytes) -> None:
    with pytest.raises(DataError, match="JSON"):
        LmerMod.from_json(text)


def test_another_version_is_refused() -> None:
    content = json.loads(crossed().to_json())
    content["version"] = 99
    with pytest.raises(DataError, match="version 99"):
        LmerMod.from_json(json.dumps(content))


def changed(path: str, value: Any) -> str:
    content = json.loads(SLOPES)
    *parents, last = path.split("/")
    place = content
    for step in parents:
        place = place[int(step) if isinstance(place, list) else step]
    if value is KeyError:
        del place[last]
    else:
        place[int(last) if isinstance(place, list) else last] = value
    return json.dumps(content)


SLOPES = slopes().to_json()


@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        ("design", KeyError, "design"),
        ("design/y/f8", "AAAA", "bytes"),
        ("design/y/f8", "no base 64!", "cannot be read"),
        ("design/X/shape", [180, 3], "do not fill"),
        ("design/X/shape", [-180, -2], "no list of sizes"),
        ("design/X/shape", [2, 180], "shape"),
        ("design/X_names", ["a"], "shape"),
        ("design/terms", [], "terms"),
        ("design/terms/0/levels", ["a"], "codes"),
        ("design/terms/0/structure", "pickle", "structure"),
        ("design/terms/0/names", ["(Intercept)", "Hours"], "schema"),
        ("design/schema/formula", "Reaction ~ __import__('os') + (1 | Subject)", "no fit"),
        ("design/schema/bars", [7], "schema"),
        ("design/call", {"formula": 3}, "call|formula|data"),
        ("design/na_exclude", "yes", "na_exclude"),
        ("REML", 1, "REML"),
        ("control/optimizer", "os.system", "optimizer"),
        ("control/unknown", 1, "unknown"),
        ("opt/theta/shape", [1], "do not fill"),
        ("opt/evaluations", "many", "evaluations"),
        ("opt/value", 0.0, "changed"),
    ],
)
def test_changed_texts_are_refused_with_what_is_wrong(path: str, value: object, what: str) -> None:
    with pytest.raises(PylmerError, match=what):
        LmerMod.from_json(changed(path, value))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(SLOPES) - 1))
def test_truncated_texts_are_refused(length: int) -> None:
    with pytest.raises(DataError):
        LmerMod.from_json(SLOPES[:length])


JUNK = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=3)
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_part_replaced_by_junk_is_read_or_refused_in_words(data: st.DataObject) -> None:
    content = json.loads(SLOPES)
    place: Any = content
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(place[key], dict | list) and len(place[key]) and data.draw(st.booleans()):
            place = place[key]
            continue
        place[key] = data.draw(JUNK)
        break
    try:
        read: MerMod = LmerMod.from_json(json.dumps(content))
    except PylmerError:
        return
    assert isinstance(read, LmerMod)
