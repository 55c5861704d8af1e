"""Likelihoods, criteria and counts against live R at R's own theta."""

from __future__ import annotations

import warnings

import pytest
from dense_twin import close
from lme4_fits import FITS, Fit, Pair, by_id, pair

from pylmer import AIC, BIC, REMLcrit, deviance, icc, isSingular, logLik, ngrps
from pylmer.errors import ModelError, RWarning
from rcompare.engines.r import RSession

FLAGS = {None: "NULL", True: "TRUE", False: "FALSE"}


@pytest.fixture(params=FITS, ids=lambda fit: fit.id)
def both(request: pytest.FixtureRequest, R: RSession) -> Pair:
    fit: Fit = request.param
    return pair(fit, R)


#: The REML criterion of a model without fixed effects: lme4 adds a log-determinant that it never sets.
NOT_SET = "no-fixed-effects"


@pytest.mark.parametrize("REML", FLAGS)
def test_log_likelihood(both: Pair, REML: bool | None) -> None:
    ours = logLik(both.there, REML)
    if both.fit.id == NOT_SET:
        REML = False
    code = "logLik({m})" if REML is None else f"logLik({{m}}, REML = {FLAGS[REML]})"
    assert ours == pytest.approx(both.num(f"as.numeric({code})")[0], rel=1e-11)
    assert ours.df == both.num(f"attr({code}, 'df')")[0]
    assert ours.nobs == both.num(f"attr({code}, 'nobs')")[0]


@pytest.mark.parametrize("REML", FLAGS)
def test_deviance(both: Pair, REML: bool | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = deviance(both.there, REML)
    assert ours == pytest.approx(both.num(f"suppressWarnings(deviance({{m}}, REML = {FLAGS[REML]}))")[0], rel=1e-11)


def test_criteria(both: Pair) -> None:
    m = both.there
    assert AIC(m) == pytest.approx(both.num("AIC({m})")[0], rel=1e-11)
    assert AIC(m, k=3.5) == pytest.approx(both.num("AIC({m}, k = 3.5)")[0], rel=1e-11)
    assert BIC(m) == pytest.approx(both.num("BIC({m})")[0], rel=1e-11)
    theirs = "deviance({m})" if both.fit.id == NOT_SET else "REMLcrit({m})"
    assert REMLcrit(m) == pytest.approx(both.num(theirs)[0], rel=1e-11)
    methods = (m.AIC(), m.BIC(), m.REMLcrit(), m.logLik(), m.deviance(REML=False))
    assert methods == (AIC(m), BIC(m), REMLcrit(m), logLik(m), deviance(m, REML=False))


@pytest.mark.parametrize("tol", [1e-4, 0.5, 5.0])
def test_singular(both: Pair, tol: float) -> None:
    assert isSingular(both.there, tol) == bool(both.num(f"isSingular({{m}}, tol = {tol})")[0])


@pytest.mark.parametrize("name", ["slopes", "no-fixed-effects", "slopes-ML"])
def test_the_warning_about_the_deviance_of_a_REML_fit(R: RSession, name: str) -> None:
    both = pair(by_id(name), R)
    code = "tryCatch({ deviance({m}); '' }, warning = function(w) conditionMessage(w))"
    (expected,) = both.strings(code)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        deviance(both.there)
    assert [str(w.message) for w in caught] == ([expected] if expected else [])
    assert all(w.category is RWarning for w in caught)


@pytest.mark.parametrize("name", ["dyestuff", "dyestuff2", "penicillin", "pastes-slash", "cake"])
def test_intraclass_correlation(R: RSession, name: str) -> None:
    both = pair(by_id(name), R)
    V = both.num("as.data.frame(VarCorr({m}))$vcov")
    close(icc(both.there), V[:-1].sum() / V.sum(), 1e-10)
    assert both.there.icc() == icc(both.there)


@pytest.mark.parametrize("name", ["slopes", "no-intercepts", "crossed-slopes"])
def test_intraclass_correlation_is_refused_with_slopes(R: RSession, name: str) -> None:
    with pytest.raises(ModelError, match="has slopes: use VarCorr"):
        icc(pair(by_id(name), R).there)


def test_groups(R: RSession) -> None:
    both = pair(by_id("pastes-slash"), R)
    assert ngrps(both.there).index.tolist() == both.strings("names(ngrps({m}))")
    assert ngrps(both.there).tolist() == both.num("ngrps({m})").tolist()
