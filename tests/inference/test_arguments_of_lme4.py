"""Arguments of lme4's functions that are seldom given, against live lme4."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pylmer import (
    confint,
    datasets,
    drop1,
    findbars,
    fixef,
    getME,
    llikAIC,
    lmer,
    lmerControl,
    lmList,
    logProf,
    mkReTrms,
    options,
    profile,
    refitML,
    sigma,
    summary,
    update,
)
from pylmer.errors import DataError, ModelError, RMessage, RWarning
from pylmer.formula.linear import model_frame
from rcompare.engines.r import RSession

sleepstudy, Dyestuff, Dyestuff2 = datasets.sleepstudy(), datasets.Dyestuff(), datasets.Dyestuff2()
SLOPES = "Reaction ~ Days + (Days | Subject)"
BATCH = "Yield ~ 1 + (1 | Batch)"


@pytest.fixture(scope="module")
def m() -> Any:
    return lmer(SLOPES, sleepstudy)


@pytest.fixture(scope="module")
def ml() -> Any:
    return lmer(BATCH, Dyestuff, REML=False)


@pytest.mark.parametrize("REML", [True, False])
def test_devFunOnly(R: RSession, REML: bool) -> None:
    f = lmer(SLOPES, sleepstudy, REML=REML, devFunOnly=True)
    expected = R.num(f"lmer({SLOPES}, sleepstudy, REML = {str(REML).upper()}, devFunOnly = TRUE)(c(.9, .1, .2))")
    np.testing.assert_allclose(f([0.9, 0.1, 0.2]), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, ""),
        ({"reorder_terms": False}, ", reorder.terms = FALSE"),
        ({"drop_unused_levels": False}, ", drop.unused.levels = FALSE"),
    ],
)
def test_mkReTrms(R: RSession, ours: dict[str, bool], theirs: str) -> None:
    data = sleepstudy.assign(h=[1, 2, 3] * 60, x=[2, 1, 5] * 60)
    data["g"] = data["Subject"].cat.add_categories("never")
    R("retrms_d <- transform(sleepstudy, h = rep(1:3, 60), x = rep(c(2, 1, 5), 60))")
    R('retrms_d$g <- factor(retrms_d$Subject, levels = c(levels(retrms_d$Subject), "never"))')
    formula = "Reaction ~ Days + x + (x + Days | h) + (1 | g)"
    R(f"retrms_f <- {formula}")
    R(f"retrms <- mkReTrms(findbars(retrms_f), model.frame(subbars(retrms_f), retrms_d){theirs})")
    found = mkReTrms(findbars(formula), model_frame(formula, data), **ours)
    assert [t.group for t in found.terms] == R.strings("names(retrms$cnms)")
    assert [n for t in found.terms for n in t.names] == R.strings("unlist(retrms$cnms)")
    assert [t.J for t in found.terms] == R.num("sapply(retrms$flist, nlevels)").tolist()
    assert found.q == R.num("nrow(retrms$Zt)")[0]


def test_mkReTrms_sorts_columns() -> None:
    data = {"y": [1.0, 2.0, 4.0], "b": [1.0, 2.0, 0.0], "a": [3.0, 1.0, 2.0], "g": [1, 2, 1]}
    formula = "y ~ b + a + (b + a | g)"
    (term,) = mkReTrms(findbars(formula), model_frame(formula, data), reorder_vars=True).terms
    assert term.names == ("(Intercept)", "a", "b")
    np.testing.assert_array_equal(term.columns[:, 1:], np.column_stack([data["a"], data["b"]]))


def test_llikAIC(R: RSession, m: Any) -> None:
    R(f"llik_m <- lmer({SLOPES}, sleepstudy); llik_ml <- refitML(llik_m)")
    ml = refitML(m)
    cases = [
        (llikAIC(m), "llikAIC(llik_m)"),
        (llikAIC(m, chkREML=False), "llikAIC(llik_m, chkREML = FALSE)"),
        (llikAIC(ml, devianceFUN=lambda fit: 3.0), "llikAIC(llik_ml, devianceFUN = function(fit) 3)"),
        (llikAIC(m, devcomp=getME(ml, "devcomp")), "llikAIC(llik_m, devcomp = llik_ml@devcomp)"),
        (llikAIC(ml, devcomp=getME(m, "devcomp")), "llikAIC(llik_ml, devcomp = llik_m@devcomp)"),
    ]
    for ours, theirs in cases:
        assert list(ours["AICtab"]) == R.strings(f"names({theirs}$AICtab)")
        np.testing.assert_allclose(list(ours["AICtab"].values()), R.num(f"{theirs}$AICtab"), rtol=1e-8)
        np.testing.assert_allclose(float(ours["logLik"]), R.num(f"as.numeric({theirs}$logLik)"), rtol=1e-8)


def test_zeta_instead_of_a_level(R: RSession, ml: Any) -> None:
    R(f"zeta_m <- lmer({BATCH}, Dyestuff, REML = FALSE)")
    found = confint(ml, zeta=[-1.5, 1.5], quiet=True)
    expected = R.num("suppressMessages(confint(zeta_m, zeta = c(-1.5, 1.5)))").reshape(-1, 2)
    np.testing.assert_allclose(found.to_numpy(), expected, rtol=1e-4)
    with pytest.raises(ModelError, match="give two numbers"):
        profile(ml).confint(zeta=[1.0])


def test_settings_go_to_the_profile_or_the_bootstrap(R: RSession, ml: Any) -> None:
    R(f"further_m <- lmer({BATCH}, Dyestuff, REML = FALSE)")
    found = confint(ml, alphamax=0.2, quiet=True)
    expected = R.num("suppressMessages(confint(further_m, alphamax = .2))").reshape(-1, 2)
    np.testing.assert_allclose(found.to_numpy(), expected, rtol=1e-4)
    drawn = 'further_m, method = "boot", nsim = 60, seed = 1, quiet = TRUE'
    own = confint(ml, method="boot", nsim=60, seed=1, quiet=True, use_u=True, type="semiparametric")
    expected = R.num(f'confint({drawn}, use.u = TRUE, type = "semiparametric")').reshape(-1, 2)
    np.testing.assert_allclose(own.to_numpy(), expected, rtol=1e-3)
    with pytest.raises(ModelError, match=r"unused argument \(maxpts = 3\) of confint\(\)"):
        confint(ml, method="Wald", maxpts=3)


def test_intervals_of_any_statistic(R: RSession, ml: Any) -> None:
    R(f"statistic_m <- lmer({BATCH}, Dyestuff, REML = FALSE)")
    R("statistic <- function(x) c(a = sigma(x), b = unname(fixef(x)))")

    def statistic(fit: Any) -> pd.Series[float]:
        return pd.Series({"a": sigma(fit), "b": fixef(fit).iloc[0]})

    drawn = 'statistic_m, method = "boot", FUN = statistic, nsim = 60, seed = 3, quiet = TRUE'
    found = confint(ml, method="boot", FUN=statistic, nsim=60, seed=3, quiet=True)
    np.testing.assert_allclose(found.to_numpy(), R.num(f"suppressMessages(confint({drawn}))").reshape(-1, 2), rtol=1e-4)
    assert list(found.index) == ["a", "b"]
    assert list(confint(ml, method="boot", FUN=statistic, parm="b", nsim=60, seed=3, quiet=True).index) == ["b"]


@pytest.mark.parametrize("sigIni", ["sigma", "sig", "sig0", ".sig01"])
def test_which_standard_deviations_become_logarithms(R: RSession, ml: Any, sigIni: str) -> None:
    R(f"ini_p <- profile(lmer({BATCH}, Dyestuff, REML = FALSE))")
    found = logProf(profile(ml), sigIni=sigIni)
    assert list(found.curves) == R.strings(f'unique(as.character(logProf(ini_p, sigIni = "{sigIni}")$.par))')
    expected = R.num(f'confint(logProf(ini_p, sigIni = "{sigIni}"))').reshape(-1, 2)
    np.testing.assert_allclose(found.confint().to_numpy(), expected, rtol=1e-4)


def test_an_end_that_is_not_reached_is_the_logarithm_of_zero(R: RSession) -> None:
    """lme4 leaves the bound 0 as it is, which on this scale is a standard deviation of 1."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        p = profile(lmer(BATCH, Dyestuff2, REML=False))
    R(f"bound_p <- suppressMessages(suppressWarnings(profile(lmer({BATCH}, Dyestuff2, REML = FALSE))))")
    plain, logs = p.confint(), logProf(p).confint()
    assert plain.iloc[0, 0] == 0.0 == R.num("confint(bound_p)[1, 1]")[0]
    assert logs.iloc[0, 0] == -np.inf
    assert R.num("confint(logProf(bound_p))[1, 1]")[0] == 0.0
    np.testing.assert_allclose(logs.to_numpy()[1:], R.num("confint(logProf(bound_p))")[1:], rtol=1e-4)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"formula": ". ~ . - Days"}, ". ~ . - Days"),
        ({"REML": False}, "REML = FALSE"),
        ({"weights": "Days + 1"}, "weights = Days + 1"),
        ({"subset": "Days > 1", "REML": False}, "REML = FALSE, subset = Days > 1"),
        ({"control": lmerControl("bobyqa")}, 'control = lmerControl(optimizer = "bobyqa")'),
    ],
)
def test_the_changed_call_alone(R: RSession, ours: dict[str, Any], theirs: str) -> None:
    R(f"call_m <- lmer({SLOPES}, sleepstudy)")
    text = update(lmer(SLOPES, sleepstudy), **ours, evaluate=False)
    assert text.splitlines() == R.output(f"print(update(call_m, {theirs}, evaluate = FALSE))")


def test_update_with_everything(m: Any) -> None:
    later = sleepstudy[sleepstudy.Days > 1]
    w = np.arange(1.0, 1 + len(later))
    found = update(m, ". ~ . - (Days | Subject) + (1 | Subject)", data=later, weights=w, REML=False)
    again = lmer("Reaction ~ Days + (1 | Subject)", later, weights=w, REML=False)
    assert found.value == again.value
    assert found.design.call.data == "later"
    assert found.design.call.weights == "w"


def test_a_singular_fit_by_refitML_is_printed_without_notes(R: RSession) -> None:
    R(f"notes_m <- suppressMessages(refitML(lmer({BATCH}, Dyestuff2)))")
    with warnings.catch_warnings(), options(lme4="1.1-31"):
        warnings.simplefilter("ignore")
        r = refitML(lmer("Yield ~ 1 + (1 | Batch)", Dyestuff2))
        data = "   Data: Dyestuff2"
        assert [line for line in str(r).splitlines() if line != data] == [
            line for line in R.output("print(notes_m)") if line != data
        ]
        assert "boundary" not in str(summary(r))


def test_drop1_by_another_criterion(R: RSession, m: Any) -> None:
    R(f"k_m <- lmer({SLOPES}, sleepstudy)")
    with options(useFancyQuotes=False):
        found = str(drop1(m, k=math.log(180), scale=2, test="Chisq"))
        assert found.splitlines() == R.output("print(drop1(k_m, k = log(180), scale = 2, test = 'Chisq'))")
    with pytest.warns(RMessage) as told:
        drop1(m, trace=2)
    assert [str(w.message) for w in told] == R.output("invisible(drop1(k_m, trace = 2))")


@pytest.mark.parametrize(
    ("change", "formula"),
    [
        ('s$Reaction[s$Subject == "310"] <- NA', "Reaction ~ Days | Subject"),
        ('s$Reaction[s$Subject %in% c("308", "310")] <- NA', "Reaction ~ Days | Subject"),
        ('s$f <- ifelse(s$Subject == "308" | s$Days > 4, "a", "b")', "Reaction ~ f | Subject"),
    ],
)
def test_groups_without_a_linear_model(R: RSession, change: str, formula: str) -> None:
    data = sleepstudy.copy()
    data["f"] = np.where((data.Subject == "308") | (data.Days > 4), "a", "b")
    gone = [g for g in ("308", "310") if f'"{g}"' in change and "NA" in change]
    data.loc[data.Subject.isin(gone), "Reaction"] = np.nan
    R(f"s <- sleepstudy; {change}; said <- character()")
    R(
        f"l <- withCallingHandlers(lmList({formula}, s), warning = function(w) {{ said <<- conditionMessage(w); "
        'invokeRestart("muffleWarning") })'
    )
    with pytest.warns(RWarning) as caught:
        found = lmList(formula, data)
    assert [str(w.message) for w in caught] == R.strings("said")
    np.testing.assert_allclose(found.coef().to_numpy(), R.num("as.matrix(coef(l))"), rtol=1e-9)
    np.testing.assert_allclose(found.sigma(), R.num("sigma(l)"), rtol=1e-12)
    if not np.isnan(found.coef().iloc[0, 0]):  # lme4's confint stumbles over a first group without a fit
        table = found.confint()["(Intercept)"].to_numpy()
        np.testing.assert_allclose(table, R.num("unclass(confint(l))[, , 1]"), rtol=1e-9)
    with pytest.raises(ModelError, match="log-likelihood not available with NULL fits"):
        found.logLik()
    assert lmList(formula, data, warn=False).coef().equals(found.coef())


def test_linear_models_of_some_rows(R: RSession) -> None:
    found = lmList("Reaction ~ Days | Subject", sleepstudy, subset='Subject != "308" & Days > 1')
    R('some_l <- lmList(Reaction ~ Days | Subject, data = sleepstudy, subset = Subject != "308" & Days > 1)')
    assert str(found).splitlines() == R.output("print(some_l)")
    by_place = lmList("Reaction ~ Days | Subject", sleepstudy, subset=list(range(40)))
    assert list(by_place.coef().index) == R.strings(
        "rownames(coef(lmList(Reaction ~ Days | Subject, sleepstudy, subset = 1:40)))"
    )


def test_linear_models_with_weights_as_numbers() -> None:
    w = np.tile([1.0, 2.0], 90)
    with_name = lmList("Reaction ~ Days | Subject", sleepstudy.assign(w=w), weights="w")
    np.testing.assert_array_equal(
        lmList("Reaction ~ Days | Subject", sleepstudy, weights=w).coef().to_numpy(), with_name.coef().to_numpy()
    )


def test_linear_models_that_are_refused() -> None:
    holes = sleepstudy.assign(Reaction=sleepstudy.Reaction.where(sleepstudy.Days > 0))
    with pytest.raises(DataError, match="missing values in object"):
        lmList("Reaction ~ Days | Subject", holes, na_action="na.fail")
    with pytest.raises(ModelError, match="family='binomial': give None"):
        lmList("Reaction ~ Days | Subject", sleepstudy, family="binomial")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"0 \(non-NA\) cases"):
        lmList("Reaction ~ Days | Subject", sleepstudy.assign(Reaction=np.nan))
