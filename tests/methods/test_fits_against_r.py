"""Fits by ``lmer`` and by live lme4, whose optimizer is run with tight tolerances.

Largest differences seen: criterion 6e-11 above R's; at R's theta 2e-12; at the optimum of each: fixed effects 1e-7 of a
standard error, standard errors and variances 1e-6, theta 6e-6 (which is R's).
"""

from __future__ import annotations

import numpy as np
import pytest
from dense_twin import close
from lme4_fits import FITS, Fit, Pair, by_id, pair

from pylmer import datasets, lmer
from pylmer.errors import RMessage
from rcompare.engines.r import RSession


@pytest.fixture(params=FITS, ids=lambda fit: fit.id)
def both(request: pytest.FixtureRequest, R: RSession) -> Pair:
    fit: Fit = request.param
    return pair(fit, R)


CRITERION = "-2 * as.numeric(logLik({m}))"


def test_the_criterion_is_no_higher_than_that_of_r(both: Pair) -> None:
    theirs = both.num(CRITERION)[0]
    assert both.ours.value <= theirs + 1e-6
    assert both.ours.value == pytest.approx(theirs, abs=1e-6)


def test_r_finds_our_optimum_as_good_as_its_own(both: Pair) -> None:
    R = both.R
    R.assign("theta_of_pylmer", both.ours.theta)
    at_ours = R.num(f"{both.devfun}(theta_of_pylmer)")[0]
    assert at_ours == pytest.approx(both.ours.value, rel=1e-11)
    assert at_ours <= both.num(CRITERION)[0] + 1e-6


def test_estimates_at_the_optimum(both: Pair) -> None:
    m = both.ours
    close(m.theta, both.num('getME({m}, "theta")'), 2e-5)
    close(m.sigma(), both.num("sigma({m})")[0], 5e-6)
    close(m.VarCorr().as_data_frame()["sdcor"], both.num("as.data.frame(VarCorr({m}))$sdcor"), 5e-6)
    if m.p:
        se = np.sqrt(np.diag(both.num("as.matrix(vcov({m}))")))
        close((m.fixef() - both.num("fixef({m})")) / se, np.zeros(m.p), atol=1e-6)
        close(np.sqrt(np.diag(m.vcov())) / se, np.ones(m.p), 5e-6)
    assert m.isSingular() == bool(both.num("isSingular({m})")[0]) == both.fit.singular


def test_at_the_theta_of_r_all_numbers_are_those_of_r(both: Pair) -> None:
    m = both.there
    tight = 1e-10
    close(m.value, both.num(CRITERION)[0], 1e-12)
    close(m.sigma(), both.num("sigma({m})")[0], tight)
    close(m.VarCorr().as_data_frame()["sdcor"], both.num("as.data.frame(VarCorr({m}))$sdcor"), tight)
    close(m.VarCorr().as_data_frame()["vcov"], both.num("as.data.frame(VarCorr({m}))$vcov"), tight)
    close(m.fitted().dropna(), both.num("na.omit(fitted({m}))"), tight)
    if m.p:
        V = both.num("as.matrix(vcov({m}))")
        se = np.sqrt(np.diag(V))
        close(m.vcov() / np.outer(se, se), V / np.outer(se, se), tight)
        close((m.fixef() - both.num("fixef({m})")) / se, np.zeros(m.p), atol=1e-9)
        assert m.fixef().index.tolist() == both.strings("names(fixef({m}))")
        assert m.vcov().columns.tolist() == m.vcov().index.tolist() == both.strings("colnames(vcov({m}))")


def test_names_and_counts(both: Pair) -> None:
    m = both.ours
    assert m.nobs() == both.num("nobs({m})")[0]
    assert m.df_residual() == both.num("df.residual({m})")[0]
    assert m.ngrps().to_dict() == dict(zip(both.strings("names(ngrps({m}))"), both.num("ngrps({m})"), strict=True))
    assert m.isREML() == bool(both.num("isREML({m})")[0])
    assert m.isLMM() == bool(both.num("isLMM({m})")[0])
    frame = m.VarCorr().as_data_frame()
    for column in ("grp", "var1", "var2"):
        ours = ["NA" if v is None else v for v in frame[column]]
        assert ours == both.strings(f"as.data.frame(VarCorr({{m}}))${column}")


def test_dropped_columns(R: RSession) -> None:
    both = pair(by_id("rank-deficient"), R)
    assert both.ours.fixef(add_dropped=True).index.tolist() == both.strings("names(fixef({m}, add.dropped = TRUE))")
    np.testing.assert_array_equal(
        both.ours.fixef(add_dropped=True).isna(), np.isnan(both.num("fixef({m}, add.dropped = TRUE)"))
    )


def test_a_fit_of_many_crossed_levels(R: RSession) -> None:
    """InstEval, 73,421 rows: R's criterion at our optimum is ours, and lower than all around it."""
    m = lmer("y ~ service + (1 | s) + (1 | d)", datasets.InstEval())
    R("fit_inst <- lmer(y ~ service + (1 | s) + (1 | d), InstEval, devFunOnly = TRUE)")
    around = [m.theta + step for step in ([0.0, 0.0], [1e-3, 0.0], [-1e-3, 0.0], [0.0, 1e-3], [0.0, -1e-3])]
    values = []
    for theta in around:
        R.assign("fit_theta", theta)
        values.append(R.num("fit_inst(fit_theta)")[0])
    assert m.value == pytest.approx(values[0], rel=1e-11)
    slope = (values[1] - values[2]) / 2e-3, (values[3] - values[4]) / 2e-3
    bend = (values[1] + values[2] - 2 * values[0]) / 1e-6, (values[3] + values[4] - 2 * values[0]) / 1e-6
    assert (np.array(bend) > 0).all()
    close(np.array(slope) / np.array(bend), [0.0, 0.0], atol=2e-5)


def test_the_message_about_a_singular_fit_is_that_of_r(R: RSession) -> None:
    code = "lmer(Yield ~ 1 + (1 | Batch), Dyestuff2)"
    (expected,) = R.strings(f"tryCatch({{ {code}; '' }}, message = function(m) trimws(conditionMessage(m)))")
    with pytest.warns(RMessage) as caught:
        lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff2())
    assert [str(w.message) for w in caught] == [expected]
