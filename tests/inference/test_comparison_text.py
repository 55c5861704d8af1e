"""Tables of likelihood-ratio tests, and the lines of a call, against R, live."""

from __future__ import annotations

import numpy as np
import pytest

from pylmer import anova, datasets, drop1, lm, lmer, lmerControl, options, refitML, summary, update
from pylmer.errors import ModelError, RMessage, RWarning
from rcompare.engines.r import RSession


def _text(table: object) -> list[str]:
    with options(useFancyQuotes=False, lme4="1.1-31"):
        return str(table).splitlines()


@pytest.mark.r
@pytest.mark.filterwarnings("ignore:refitting model")
def test_subset_and_linear_models(R: RSession) -> None:
    sleepstudy = datasets.sleepstudy()
    cmp_a = lmer("Reaction ~ Days + (1 | Subject)", sleepstudy, subset="Days>1")
    cmp_b = lmer("Reaction ~ Days + (Days | Subject)", sleepstudy, subset="Days > 1")
    R("cmp_a <- lmer(Reaction ~ Days + (1 | Subject), sleepstudy, subset = Days > 1)")
    R("cmp_b <- lmer(Reaction ~ Days + (Days | Subject), sleepstudy, subset = Days > 1)")
    assert _text(anova(cmp_a, cmp_b)) == R.output("print(suppressMessages(anova(cmp_a, cmp_b)))")
    cmp_m = lmer("Reaction ~ Days + (Days | Subject)", sleepstudy)
    cmp_l = lm("Reaction ~ Days", sleepstudy)
    R("cmp_m <- lmer(Reaction ~ Days + (Days | Subject), sleepstudy)")
    R("cmp_l <- lm(Reaction ~ Days, sleepstudy)")
    assert _text(anova(cmp_m, cmp_l)) == R.output("print(suppressMessages(anova(cmp_m, cmp_l)))")
    with pytest.raises(ModelError, match="all models must use the same subset"):
        anova(cmp_m, cmp_a)
    other = datasets.sleepstudy()
    cmp_o = lmer("Reaction ~ Days + (Days | Subject)", other)
    with pytest.raises(ModelError, match="all models must be fit to the same data object"):
        anova(cmp_m, cmp_o)


@pytest.mark.r
def test_warnings_of_a_comparison(R: RSession) -> None:
    sleepstudy = datasets.sleepstudy()
    cmp_m = lmer("Reaction ~ Days + (Days | Subject)", sleepstudy)
    cmp_1 = lmer("Reaction ~ 1 + (Days | Subject)", sleepstudy, REML=False)
    R("cmp_m <- lmer(Reaction ~ Days + (Days | Subject), sleepstudy)")
    R("cmp_1 <- lmer(Reaction ~ 1 + (Days | Subject), sleepstudy, REML = FALSE)")
    with pytest.warns(RWarning, match="some models fit with REML = TRUE, some not"):
        table = anova(cmp_m, cmp_1, refit=False)
    assert _text(table) == R.output("print(suppressWarnings(anova(cmp_m, cmp_1, refit = FALSE)))")
    with pytest.warns(RWarning, match="assigning generic names"), pytest.warns(RMessage):
        table = anova(cmp_m, cmp_m)
    assert _text(table) == R.output("print(suppressMessages(suppressWarnings(anova(cmp_m, cmp_m))))")


@pytest.mark.r
def test_lines_of_the_call(R: RSession) -> None:
    sleepstudy = datasets.sleepstudy()
    tight = lmerControl("bobyqa", optCtrl={"maxfun": 20000})
    known = np.ones(180)
    m = lmer(
        "Reaction ~ Days + (Days | Subject)",
        sleepstudy,
        control=tight,
        weights="Days+1",
        offset=known,
        subset="Days>1&Reaction<400",
    )
    R("tight <- lmerControl('bobyqa', optCtrl = list(maxfun = 20000)); known <- rep(1, 180)")
    R(
        "cll <- lmer(Reaction ~ Days + (Days | Subject), sleepstudy, control = tight, weights = Days + 1, "
        "offset = known, subset = Days > 1 & Reaction < 400)"
    )
    assert str(summary(m)).splitlines()[:7] == R.output("print(summary(cll))")[:7]
    plain = update(m, control=lmerControl("bobyqa", optCtrl={"maxfun": 20000}), weights=None)
    R("cll <- update(cll, control = lmerControl(optimizer = 'bobyqa', optCtrl = list(maxfun = 20000)), weights = NULL)")
    assert str(summary(plain)).splitlines()[:6] == R.output("print(summary(cll))")[:6]


@pytest.mark.r
def test_refit_by_maximum_likelihood_takes_bobyqa(R: RSession) -> None:
    R("rfm <- refitML(lmer(Reaction ~ Days + (Days | Subject), sleepstudy))")
    m = refitML(lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy(), control=lmerControl("nloptwrap")))
    assert m.opt.optimizer == R.strings("rfm@optinfo$optimizer")[0]
    np.testing.assert_allclose(m.theta, R.num('getME(rfm, "theta")'), rtol=1e-4)
    assert m.said is not None
    assert not update(m, "~ . - Days").REML


@pytest.mark.r
def test_nothing_to_drop(R: RSession) -> None:
    R("ntd <- lmer(Yield ~ 1 + (1 | Batch), Dyestuff)")
    m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    for test in ("none", "Chisq"):
        assert _text(drop1(m, test=test)) == R.output(f"print(drop1(ntd, test = '{test}'))")
