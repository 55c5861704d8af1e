"""Every argument that lme4's methods take, against live R."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from lme4_fits import by_id, pair

import pylmer
from pylmer import (
    AIC,
    BIC,
    NA,
    VarCorr,
    formula,
    getME,
    hatvalues,
    lmer,
    model_frame,
    options,
    predict,
    ranef,
    simulate,
    summary,
    terms,
    vcov,
    weights,
)
from pylmer.errors import DataError, ModelError, RMessage, RWarning
from rcompare.engines.r import RSession

IDS = ["slopes", "slopes-ML", "weights", "offset", "three-terms", "holes", "pastes-slash", "cake"]
each_model = pytest.mark.parametrize("name", IDS)


@each_model
def test_formula_and_terms(R: RSession, name: str) -> None:
    both = pair(by_id(name), R)
    m = both.there
    for ours, theirs in (
        (formula(m, fixed_only=True), "formula({m}, fixed.only = TRUE)"),
        (formula(m, random_only=True), "formula({m}, random.only = TRUE)"),
    ):
        assert str(ours) == " ".join(both.strings(f"deparse({theirs}, 500)"))
    for settings, code in (
        ({}, ""),
        ({"fixed_only": False}, ", fixed.only = FALSE"),
        ({"random_only": True}, ", random.only = TRUE"),
    ):
        theirs = both.strings(f'attr(terms({{m}}{code}), "term.labels")')
        assert list(terms(m, **settings).term_labels) == theirs  # type: ignore[arg-type]
    assert list(model_frame(m, fixed_only=True).columns) == both.strings("names(model.frame({m}, fixed.only = TRUE))")
    assert list(model_frame(m).columns) == both.strings("names(model.frame({m}))")


def test_formula_of_no_part(R: RSession) -> None:
    with pytest.raises(ModelError, match="can't specify 'only fixed' and 'only random' terms"):
        formula(pair(by_id("slopes"), R).there, fixed_only=True, random_only=True)


@each_model
@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"drop": True}, "drop = TRUE"),
        ({"drop": True, "condVar": False}, "drop = TRUE, condVar = FALSE"),
        ({"condVar": False}, "condVar = FALSE"),
    ],
    ids=str,
)
def test_text_of_random_effects(R: RSession, name: str, settings: dict[str, bool], code: str) -> None:
    both = pair(by_id(name), R)
    with options(useFancyQuotes=False):
        text = str(ranef(both.there, **settings))
    theirs = R.output(both.code(f"print(ranef({{m}}, {code}))"))
    assert [line for line in text.splitlines() if line] == [line for line in theirs if line]


def test_some_random_effects(R: RSession) -> None:
    both = pair(by_id("pastes-slash"), R)
    m = both.there
    assert list(ranef(m, whichel="batch")) == both.strings('names(ranef({m}, whichel = "batch"))')
    assert not len(ranef(m, whichel="none of these"))
    assert list(ranef(m, whichel=["batch", "cask:batch"])) == both.strings("names(ranef({m}))")
    assert "condsd" in ranef(m, drop=True).as_data_frame()


@each_model
def test_covariance_of_fixed_effects(R: RSession, name: str) -> None:
    both = pair(by_id(name), R)
    m = both.there
    theirs = both.num("as.matrix(vcov({m}, sigm = 2))").reshape(m.p, m.p)
    np.testing.assert_allclose(vcov(m, sigm=2.0), theirs, rtol=1e-8, atol=1e-14)
    correlation = both.num("as.matrix(vcov({m})@factors$correlation)").reshape(m.p, m.p)
    np.testing.assert_allclose(vcov(m).attrs["correlation"], correlation, rtol=1e-8, atol=1e-12)
    assert "correlation" not in vcov(m, correlation=False).attrs
    np.testing.assert_array_equal(vcov(summary(m)), vcov(m))
    assert summary(summary(m)).methTitle == summary(m).methTitle
    for asked in (vcov, summary):
        with pytest.raises(ModelError, match=r"'use.hessian'=TRUE specified"):
            asked(m, use_hessian=True)  # type: ignore[operator]


@each_model
def test_hat_matrix(R: RSession, name: str) -> None:
    both = pair(by_id(name), R)
    m = both.there
    ours = hatvalues(m, fullHatMatrix=True)
    np.testing.assert_allclose(np.diag(ours), hatvalues(m).dropna(), rtol=1e-8, atol=1e-10)
    if name != "holes":  # where rows were left out lme4 makes a vector of it
        theirs = both.num("as.matrix(hatvalues({m}, fullHatMatrix = TRUE))").reshape(ours.shape)
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)


@each_model
def test_weights_of_a_kind(R: RSession, name: str) -> None:
    both = pair(by_id(name), R)
    np.testing.assert_array_equal(weights(both.there, type="prior"), both.num('weights({m}, type = "prior")'))
    with pytest.raises(ModelError, match="working weights only available for GLMMs"):
        weights(both.there, "working")


def test_criteria_of_several_fits(R: RSession) -> None:
    both, other = pair(by_id("slopes"), R), pair(by_id("uncorrelated"), R)
    first, second = both.there, other.there
    table = AIC(first, second, k=3.0)
    assert table.index.tolist() == ["first", "second"]
    assert first.AIC(second).index.tolist() == ["first", "second"]
    R(f"first <- {both.name}; second <- {other.name}")
    np.testing.assert_allclose(table, R.num("as.matrix(AIC(first, second, k = 3))").reshape(2, 2), rtol=1e-9)
    np.testing.assert_allclose(BIC(first, second), R.num("as.matrix(BIC(first, second))").reshape(2, 2), rtol=1e-9)
    shorter = lmer("Reaction ~ Days + (1 | Subject)", both.data.iloc[:100])
    with pytest.warns(RWarning, match="models are not all fitted to the same number of observations"):
        BIC(first, shorter)
    with pytest.raises(ModelError, match="a fit made by lmer"):
        AIC(first, 3)  # type: ignore[arg-type]


def test_components_of_several_names(R: RSession) -> None:
    m = pair(by_id("slopes"), R).there
    assert list(getME(m, ("n", "p"))) == ["n", "p"]


@pytest.mark.parametrize("name", ["slopes", "cake", "weights"])
@pytest.mark.parametrize("shown", [None, True, False])
@pytest.mark.parametrize("asked", [None, True, False])
def test_text_of_correlations(R: RSession, name: str, shown: bool | None, asked: bool | None) -> None:
    both = pair(by_id(name), R)
    say = {None: "", True: ", correlation = TRUE", False: ", correlation = FALSE"}
    R(both.code("cor_fit <- {m}"))
    with warnings.catch_warnings(), options(lme4="1.1-31", useFancyQuotes=False):
        warnings.simplefilter("ignore", RMessage)
        for symbolic in (False, True):
            s = summary(both.there, correlation=shown)
            text = s.text(correlation=asked, symbolic_cor=symbolic).splitlines()
            flag = ", symbolic.cor = TRUE" if symbolic else ""
            theirs = R.output(f"print(summary(cor_fit{say[shown]}){say[asked]}{flag})")
            assert text[text.index("Fixed effects:") :] == _without_message(theirs[theirs.index("Fixed effects:") :])


def test_the_message_on_correlations_that_were_not_required(R: RSession) -> None:
    both = pair(by_id("slopes"), R)
    s = summary(both.there, correlation=False)
    with pytest.warns(RMessage) as caught:
        s.text(correlation=True)
    R(
        both.code("""cor_said <- NULL
    withCallingHandlers(capture.output(print(summary({m}, correlation = FALSE), correlation = TRUE)),
      message = function(m) { cor_said <<- conditionMessage(m); invokeRestart("muffleMessage") })""")
    )
    assert [str(w.message) for w in caught] == R.strings("cor_said")


def _without_message(lines: list[str]) -> list[str]:
    """R's output without its message on correlations that are not shown."""
    places = [i for i, line in enumerate(lines) if line.startswith("Correlation matrix not shown")]
    out = lines[: places[0]] if places else lines
    while out and not out[-1]:
        out = out[:-1]
    return out


@each_model
def test_predictions_with_other_parameters(R: RSession, name: str) -> None:
    if name == "holes":
        return  # lme4 pads these predictions twice
    both = pair(by_id(name), R)
    m = both.there
    theta = 1.0 + 0.1 * np.arange(len(m.theta))
    R.assign("other_theta", theta)
    R.assign("other_beta", 2.0 + np.arange(m.p))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = predict(m, newparams={"theta": theta, "beta": 2.0 + np.arange(m.p), "sigma": 3.0})
    theirs = "suppressMessages(predict({m}, newparams = list(theta = other_theta, beta = other_beta, sigma = 3)))"
    np.testing.assert_allclose(ours, both.num(theirs), rtol=1e-6)


def test_predictions_that_r_refuses(R: RSession) -> None:
    both = pair(by_id("slopes"), R)
    m = both.there
    with pytest.raises(ModelError, match="terms functionality for predict not yet implemented"):
        predict(m, terms="Days")
    np.testing.assert_array_equal(predict(m, type="response"), predict(m))
    rows = both.data.iloc[:4].assign(Days=[0.0, np.nan, 2.0, 3.0])
    for action in ("na.pass", "na.exclude", "na.omit"):
        ours = predict(m, rows, na_action=action)
        R.assign("missing_days", rows["Days"].to_numpy())
        theirs = both.num(f"predict({{m}}, transform({both.table}[1:4, ], Days = missing_days), na.action = {action})")
        np.testing.assert_allclose(ours, theirs, rtol=1e-8)
    with pytest.raises(DataError, match="missing values in object"):
        predict(m, rows, na_action="na.fail")


@each_model
def test_variances_at_another_sigma(R: RSession, name: str) -> None:
    both = pair(by_id(name), R)
    ours = VarCorr(both.there, sigma=2.0)
    assert str(ours).splitlines() == R.output(both.code("print(VarCorr({m}, sigma = 2))"))
    for order in ("cov.last", "lower.tri"):
        table = VarCorr(both.there).as_data_frame(order=order)  # type: ignore[arg-type]
        theirs = f'as.data.frame(VarCorr({{m}}), order = "{order}")'
        np.testing.assert_allclose(table["sdcor"], both.num(f"{theirs}$sdcor"), rtol=1e-8, atol=1e-12)
        assert table["grp"].tolist() == both.strings(f"{theirs}$grp")


@each_model
def test_standard_errors_of_the_mean_over_groups(R: RSession, name: str) -> None:
    both = pair(by_id(name), R)
    ours = predict(both.there, re_form=NA, se_fit=True).se_fit.dropna()
    theirs = both.num("sqrt(diag(getME({m}, 'X') %*% as.matrix(vcov({m})) %*% t(getME({m}, 'X'))))")
    np.testing.assert_allclose(ours, theirs, rtol=1e-8)


def test_means_are_simulated_without_residuals(R: RSession) -> None:
    both = pair(by_id("slopes"), R)
    for settings, code in (({}, ""), ({"re_form": None}, ", re.form = NULL"), ({"newdata": both.data.iloc[:4]}, None)):
        nsim = 1 if "re_form" in settings else 2  # lme4 has one column too few there
        ours = simulate(both.there, nsim, seed=1, cond_sim=False, **settings)  # type: ignore[arg-type]
        more = f", newdata = {both.table}[1:4, ]" if code is None else code
        theirs = both.num(f"as.matrix(simulate({{m}}, {nsim}, seed = 1, cond.sim = FALSE{more}))").reshape(ours.shape)
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_rows_with_missing_values_are_simulated_as_asked(R: RSession) -> None:
    m = pair(by_id("slopes"), R).there
    rows = pd.DataFrame({"Days": [0.0, np.nan, 2.0], "Subject": ["308", "308", "309"]})
    assert simulate(m, 2, seed=1, newdata=rows).isna().to_numpy().any(axis=1).tolist() == [False, True, False]
    assert len(simulate(m, 2, seed=1, newdata=rows, na_action="na.omit")) == 2
    with pytest.raises(DataError, match="missing values in object"):
        simulate(m, newdata=rows, na_action="na.fail")
    with pytest.raises(ModelError, match="na_action"):
        simulate(m, na_action="none")


def test_small_names(R: RSession, capsys: pytest.CaptureFixture[str]) -> None:
    assert pylmer._makeCC("stop", 0.5) == {"action": "stop", "tol": 0.5, "relTol": None}
    for action, tol in (("shout", 1.0), ("stop", "x")):
        with pytest.raises(ModelError):
            pylmer._makeCC(action, tol)  # type: ignore[arg-type]
    assert pylmer.lme4_testlevel() == R.num("lme4_testlevel()").item()
    pylmer.show(3)
    assert capsys.readouterr().out == "3\n"
    for name in ("simulate_formula", "confint_merMod", "vcov_merMod", "dotplot_ranef_mer", "fortify_merMod"):
        assert getattr(pylmer, name) is getattr(pylmer, name.split("_")[0])
