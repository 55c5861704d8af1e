"""lme4's optimizers: the default replays R's own path; the others reach the same optimum."""

from __future__ import annotations

import builtins
import warnings
from typing import Any

import numpy as np
import pytest

from pylmer import datasets, lmer, lmerControl, summary
from pylmer.dotted import LmerMod
from pylmer.errors import ConvergenceWarning, ModelError
from rcompare.engines.lme4 import send_frame
from rcompare.engines.r import RSession

pytest.importorskip("nlopt")

SLEEP = "Reaction ~ Days + (Days | Subject)"

#: Models whose path rounding does not bend: every evaluation is where R's was.
REPLAYED = [
    ("sleepstudy", SLEEP, True),
    ("sleepstudy", SLEEP, False),
    ("sleepstudy", "Reaction ~ Days + (1 | Subject)", True),
    ("sleepstudy", "Reaction ~ Days + (Days || Subject)", True),
    ("Dyestuff", "Yield ~ 1 + (1 | Batch)", True),
    ("Dyestuff", "Yield ~ 1 + (1 | Batch)", False),
    ("Dyestuff2", "Yield ~ 1 + (1 | Batch)", True),
    ("Penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)", True),
    ("Pastes", "strength ~ 1 + (1 | batch) + (1 | sample)", False),
    ("cake", "angle ~ recipe * temperature + (1 | recipe:replicate)", True),
    ("HSB", "mathach ~ 1 + (1 | school)", True),
    ("HSB", "mathach ~ cses + (1 | school)", True),
    ("HSB", "mathach ~ cses + (cses | school)", True),
    ("Orthodont", "distance ~ age * Sex + (age | Subject)", True),
]

OTHERS = ("bobyqa", "Nelder_Mead", "nlminbwrap", "optimx")


def fit(data: str, formula: str, REML: bool = True, **control: Any) -> LmerMod:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lmer(formula, getattr(datasets, data)(), REML, control=lmerControl(**control))


@pytest.mark.parametrize(("data", "formula", "REML"), REPLAYED, ids=lambda x: str(x))
def test_theta_of_r(R: RSession, data: str, formula: str, REML: bool) -> None:
    send_frame(R, "nlopt_data", getattr(datasets, data)())
    R(f"nlopt_fit <- suppressMessages(lmer({formula}, nlopt_data, REML = {str(REML).upper()}))")
    m = fit(data, formula, REML, optimizer="nloptwrap")
    np.testing.assert_allclose(m.theta, R.num('getME(nlopt_fit, "theta")'), rtol=0, atol=1e-8)
    np.testing.assert_allclose(m.beta, R.num("fixef(nlopt_fit)"), rtol=1e-8)
    assert m.opt.evaluations == R.num("nlopt_fit@optinfo$feval")[0]
    assert m.opt.message == R.strings("nlopt_fit@optinfo$message")[0]
    assert m.opt.optimizer == "nloptwrap"


@pytest.mark.parametrize("REML", [True, False])
def test_text_of_r(R: RSession, REML: bool) -> None:
    sleepstudy = datasets.sleepstudy()
    R(f"nlopt_text <- lmer({SLEEP}, sleepstudy, REML = {str(REML).upper()})")
    m = lmer(SLEEP, sleepstudy, REML, control=lmerControl("nloptwrap"))
    from pylmer import options

    with options(lme4="1.1-31"):
        assert str(summary(m)).splitlines() == R.output("print(summary(nlopt_text))")
        assert str(m).splitlines() == R.output("print(nlopt_text)")


def test_too_few_evaluations_are_told_as_in_r(R: RSession) -> None:
    sleepstudy = datasets.sleepstudy()
    R("""nlopt_said <- character()
    nlopt_few <- withCallingHandlers(
      lmer(Reaction ~ Days + (Days | Subject), sleepstudy, control = lmerControl(optCtrl = list(maxeval = 5))),
      warning = function(w) { nlopt_said <<- c(nlopt_said, conditionMessage(w)); invokeRestart("muffleWarning") })""")
    with pytest.warns(ConvergenceWarning) as caught:
        m = lmer(SLEEP, sleepstudy, control=lmerControl("nloptwrap", optCtrl={"maxeval": 5}))
    assert [str(w.message) for w in caught] == R.strings("nlopt_said")
    assert {w.filename for w in caught} == {__file__}
    assert str(m).splitlines() == R.output("print(nlopt_few)")


@pytest.mark.parametrize("optimizer", OTHERS)
@pytest.mark.parametrize(("data", "formula", "REML"), REPLAYED[:9], ids=lambda x: str(x))
def test_every_optimizer_reaches_the_optimum(optimizer: str, data: str, formula: str, REML: bool) -> None:
    m = fit(data, formula, REML, optimizer=optimizer)
    best = fit(data, formula, REML)
    assert -1e-8 < m.value - best.value < 1e-5
    assert m.opt.convergence == 0
    assert m.opt.optimizer == optimizer


def test_a_start_and_other_algorithms() -> None:
    near = fit("Dyestuff", "Yield ~ 1 + (1 | Batch)", optimizer="nloptwrap")
    m = lmer(
        "Yield ~ 1 + (1 | Batch)",
        datasets.Dyestuff(),
        start=near.theta,
        control=lmerControl("nloptwrap", optCtrl={"algorithm": "NLOPT_LN_NELDERMEAD", "xtol_rel": 1e-10}),
    )
    np.testing.assert_allclose(m.theta, near.theta, atol=1e-5)


@pytest.mark.parametrize(
    ("optCtrl", "text"),
    [({"algorithm": "NLOPT_LD_MMA"}, "LN_BOBYQA"), ({"maxfun": 5}, "knows? .*maxeval"), ({"maxeval": "x"}, "number")],
)
def test_settings_that_make_no_sense(optCtrl: dict[str, object], text: str) -> None:
    with pytest.raises(ModelError, match=text):
        fit("Dyestuff", "Yield ~ 1 + (1 | Batch)", optimizer="nloptwrap", optCtrl=optCtrl)
    with pytest.raises(ModelError, match="dict"):
        lmerControl(optCtrl=3)


def test_without_nlopt_an_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any, **more: Any) -> Any:
        if name == "nlopt":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ModelError, match=r"pylmer\[nlopt\]"):
        fit("Dyestuff", "Yield ~ 1 + (1 | Batch)", optimizer="nloptwrap")
