"""Simulations for new rows, with some random effects kept, at other parameters, and without a fit."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lme4_fits import by_id, pair

from pylmer import NA, datasets, simulate
from pylmer.errors import DataError, ModelError, RMessage, RWarning
from pylmer.methods.simulate import stream_for
from rcompare.engines.r import RSession

NEW = pd.DataFrame({"Days": [0.0, 1, 2, 0, 1, 2], "Subject": ["308"] * 3 + ["999"] * 3})
TRUTH: dict[str, Any] = {"beta": [100.0, 1.0], "theta": [1.0, 0.2, 0.8], "sigma": 2.0}
R_NEW = 'sim_new <- data.frame(Days = rep(0:2, 2), Subject = factor(rep(c("308", "999"), each = 3)))'
R_TRUTH = "newparams = list(beta = c(100, 1), theta = c(1, .2, .8), sigma = 2)"

CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("slopes", "newdata = sim_new[1:3, ]", {"newdata": NEW[:3]}),
    ("slopes", "newdata = sim_new, allow.new.levels = TRUE", {"newdata": NEW, "allow_new_levels": True}),
    ("slopes", "newdata = sim_new[1:3, ], re.form = NULL", {"newdata": NEW[:3], "re_form": None}),
    (
        "slopes",
        "newdata = sim_new, re.form = NULL, allow.new.levels = TRUE",
        {"newdata": NEW, "re_form": None, "allow_new_levels": True},
    ),
    ("slopes", "newdata = sim_new[1:3, ], re.form = ~(1 | Subject)", {"newdata": NEW[:3], "re_form": "~(1 | Subject)"}),
    ("slopes", "re.form = ~(1 | Subject)", {"re_form": "~(1 | Subject)"}),
    ("slopes", "re.form = ~(Days | Subject)", {"re_form": "~(Days | Subject)"}),
    ("penicillin", "re.form = ~(1 | sample)", {"re_form": "~(1 | sample)"}),
    ("slopes", R_TRUTH, {"newparams": TRUTH}),
    ("slopes", f"{R_TRUTH}, re.form = NULL", {"newparams": TRUTH, "re_form": None}),
    ("slopes", f"{R_TRUTH}, newdata = sim_new[1:3, ]", {"newparams": TRUTH, "newdata": NEW[:3]}),
    ("slopes", "newparams = list(sigma = 3)", {"newparams": {"sigma": 3}}),
    ("slopes", "newparams = list(theta = c(1, .2, .8))", {"newparams": {"theta": TRUTH["theta"]}}),
]


def quietly(*args: Any, **settings: Any) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return simulate(*args, **settings)


def as_in_r(R: RSession, code: str, ours: pd.DataFrame) -> None:
    theirs = R.num(f"as.matrix(suppressMessages(suppressWarnings({code})))")
    np.testing.assert_allclose(ours.to_numpy(), theirs, rtol=0, atol=1e-10 * np.abs(theirs).max())


@pytest.mark.parametrize(("name", "r", "settings"), CASES, ids=[f"{n}: {r}" for n, r, _ in CASES])
def test_numbers_of_r(R: RSession, name: str, r: str, settings: dict[str, Any]) -> None:
    both = pair(by_id(name), R)
    R(R_NEW)
    as_in_r(R, f"simulate({both.name}, nsim = 3, seed = 1, {r})", quietly(both.there, 3, seed=1, **settings))


def test_many_rows_of_new_data(R: RSession) -> None:
    both = pair(by_id("penicillin"), R)
    code = f"simulate({both.name}, nsim = 3, seed = 1, newdata = {both.table}[20:90, ])"
    as_in_r(R, code, simulate(both.there, 3, seed=1, newdata=both.data.iloc[19:90]))


@pytest.mark.parametrize(
    ("formula", "beta", "theta"),
    [
        ("~ 1 + Days + (1 | Subject)", [100.0, 1.0], [1.0]),
        ("Reaction ~ Days + (Days | Subject)", [100.0, 1.0], [1.0, 0.2, 0.8]),
        ("~ 1 + (1 | Days) + (1 | Subject)", [5.0], [0.5, 1.5]),
    ],
)
def test_a_formula_without_a_fit(R: RSession, formula: str, beta: list[float], theta: list[float]) -> None:
    data = datasets.sleepstudy()
    params = f"list(beta = c({str(beta)[1:-1]}), theta = c({str(theta)[1:-1]}), sigma = 2)"
    code = f"simulate({formula}, nsim = 2, seed = 4, newdata = sleepstudy, newparams = {params}, family = gaussian)"
    truth = {"beta": beta, "theta": theta, "sigma": 2.0}
    as_in_r(R, code, quietly(formula, 2, seed=4, newdata=data, newparams=truth))
    if formula.startswith("Reaction"):
        as_in_r(R, code, quietly(formula, 2, seed=4, newdata=data.drop(columns="Reaction"), newparams=truth))


def test_named_parameters_are_matched_and_others_announced() -> None:
    data = datasets.Penicillin()
    names = {"sample.(Intercept)": 2.0, "plate.(Intercept)": 0.5}
    truth: dict[str, Any] = {"beta": {"(Intercept)": 20.0}, "theta": names, "sigma": 1.0}
    formula = "~ 1 + (1 | plate) + (1 | sample)"
    ours = simulate(formula, 2, seed=1, newdata=data, newparams=truth)
    expected = quietly(formula, 2, seed=1, newdata=data, newparams={"beta": [20], "theta": [0.5, 2], "sigma": 1})
    pd.testing.assert_frame_equal(ours, expected)
    with pytest.warns(RMessage, match="theta parameter vector not named"):
        simulate(formula, newdata=data, newparams={**truth, "theta": [0.5, 2.0]})
    with pytest.raises(ModelError, match="names"):
        simulate(formula, newdata=data, newparams={**truth, "theta": {"a": 1.0, "b": 2.0}})
    with pytest.raises(ModelError, match="length mismatch"):
        quietly(formula, newdata=data, newparams={**truth, "beta": [1.0, 2.0]})
    with pytest.raises(ModelError, match="newdata"):
        simulate(formula, newparams=truth)


def test_random_effects_from_another_distribution(R: RSession) -> None:
    m = pair(by_id("slopes"), R).there
    zero = simulate(m, 2, seed=1, cluster_rand=lambda n: np.zeros(n))
    noise = stream_for(1).rnorm(2 * m.n).reshape(2, m.n)
    np.testing.assert_allclose(zero.to_numpy().T, m.mu - m.linear_random + m.residual_sd * noise, rtol=1e-12)
    same = simulate(m, 2, seed=1, cluster_rand=lambda n: stream_for(None).rnorm(n))
    pd.testing.assert_frame_equal(same, simulate(m, 2, seed=1))
    with pytest.raises(ModelError, match="cluster_rand"):
        simulate(m, cluster_rand=lambda n: np.zeros(3))


def test_each_term_keeps_its_own_theta(R: RSession) -> None:
    """Where lme4 1.1-31 mixes them up: only the second term is drawn."""
    m = pair(by_id("penicillin"), R).there
    drawn = simulate(m, 400, seed=1, re_form="~(1 | plate)")
    variance = drawn.sub(m.mu, axis=0).var(axis=1).mean()
    plates = m.design.re.terms[1]
    assert plates.group == "sample"
    np.testing.assert_allclose(variance, m.residual_sd**2 * (1 + m.theta[1] ** 2), rtol=0.1)


def test_what_makes_no_sense_is_refused(R: RSession) -> None:
    m = pair(by_id("slopes"), R).there
    with pytest.raises(DataError, match="new levels detected in newdata: 999"):
        simulate(m, newdata=NEW)
    with pytest.raises(ModelError, match="params should be"):
        simulate(m, newparams={"foo": 1})
    with pytest.warns(RWarning, match="some parameters not specified"):
        simulate(m, newparams={"sigma": 1.0})
    with pytest.raises(ModelError, match="re_form"):
        simulate(m, re_form=3)  # type: ignore[arg-type]
    assert simulate(m, newdata=NEW[:3], re_form=NA).shape == (3, 1)
