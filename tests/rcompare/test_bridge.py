"""A fit crosses to R and back without being fitted again, and R's own methods take it for one of theirs."""

from __future__ import annotations

import numpy as np
import pytest

from pylmer import REMLcrit, datasets, fixef, lmer, predict, ranef, sigma, vcov
from pylmer.errors import DataError, ModelError
from rcompare.engines.r import RError, RSession

pytestmark = pytest.mark.r


def sleepstudy():  # type: ignore[no-untyped-def]
    data = datasets.sleepstudy()
    return data, lmer("Reaction ~ Days + (Days | Subject)", data=data)


def test_r_takes_the_fit_for_its_own(R: RSession) -> None:
    from rcompare.bridge import to_r

    data, m = sleepstudy()
    to_r(m, data, "crossed")
    assert R.strings("class(crossed)") == ["lmerMod"]
    assert R.num("getME(crossed, 'theta')").tolist() == m.theta.tolist()
    assert np.allclose(R.num("fixef(crossed)"), fixef(m), rtol=1e-10)
    assert np.allclose(R.num("sigma(crossed)"), sigma(m), rtol=1e-10)
    assert np.allclose(R.num("as.matrix(vcov(crossed))"), vcov(m), rtol=1e-10)
    assert np.allclose(R.num("as.matrix(ranef(crossed)$Subject)"), ranef(m)["Subject"], rtol=1e-9, atol=1e-9)
    summary = R.text("summary(crossed)")
    assert summary[:2] == ["Linear mixed model fit by REML ['lmerMod']", "Formula: Reaction ~ Days + (Days | Subject)"]
    new = data.assign(Days=data["Days"] + 1)
    assert np.allclose(R.num("predict(crossed, transform(sleepstudy, Days = Days + 1))"), predict(m, new), rtol=1e-10)


def test_methods_of_other_packages_work(R: RSession) -> None:
    from rcompare.bridge import to_r

    data, m = sleepstudy()
    to_r(m, data, "crossed")
    if R.has("lmerTest"):
        df = R.num("coef(summary(lmerTest::as_lmerModLmerTest(crossed)))[, 'df']")
        assert np.allclose(df, 17, atol=0.01)
    if R.has("emmeans"):
        R.eval("means <- emmeans::emmeans(crossed, ~Days, at = list(Days = c(0, 9)), lmer.df = 'asymptotic')")
        means = R.num("summary(means)$emmean")
        assert np.allclose(means, [fixef(m).iloc[0], fixef(m).iloc[0] + 9 * fixef(m).iloc[1]])


def test_r_can_go_on_from_the_fit(R: RSession) -> None:
    from rcompare.bridge import to_r

    data, _ = sleepstudy()
    rows = data.assign(w=1.0 + data["Days"] % 2)
    weighted = lmer("Reaction ~ Days + (1 | Subject)", data=rows, weights="w")
    to_r(weighted, rows, "crossed")
    assert R.strings("class(update(crossed, . ~ . - Days))") == ["lmerMod"]
    again = R.num("fixef(lme4::refit(crossed, getME(crossed, 'y')))")
    assert np.allclose(again, fixef(weighted), rtol=1e-6)
    assert R.num("dim(simulate(crossed, 2, seed = 1))").tolist() == [180, 2]


def test_there_and_back(R: RSession) -> None:
    from rcompare.bridge import from_r, to_r

    data, m = sleepstudy()
    back = from_r(to_r(m, data))
    assert back.theta.tolist() == m.theta.tolist()
    assert REMLcrit(back) == pytest.approx(REMLcrit(m), rel=1e-14)
    assert list(back.design.row_names[:3]) == ["1", "2", "3"]


@pytest.mark.parametrize(
    "code",
    [
        "lmer(diameter ~ 1 + (1 | plate) + (1 | sample), Penicillin, REML = FALSE)",
        "lmer(I(incidence/size) ~ period + (1 | herd), cbpp, weights = size)",
        "lmer(angle ~ recipe * temperature + (1 | recipe:replicate), cake, contrasts = list(recipe = 'contr.sum'))",
        "lmer(Reaction ~ Days + (Days | Subject), sleepstudy, subset = Days > 1)",
    ],
)
def test_fits_of_r_come_over(R: RSession, code: str) -> None:
    from rcompare.bridge import from_r

    R.eval(f"theirs <- {code}")
    m = from_r("theirs")
    assert np.allclose(fixef(m), R.num("fixef(theirs)"), rtol=1e-9)
    assert list(fixef(m).index) == R.strings("names(fixef(theirs))")
    assert np.allclose(sigma(m), R.num("sigma(theirs)"), rtol=1e-9)


def test_other_data_are_noticed(R: RSession) -> None:
    from rcompare.bridge import to_r

    data, m = sleepstudy()
    with pytest.raises(ModelError, match="another model"):
        to_r(m, data.assign(Reaction=data["Reaction"] + data["Days"]))
    with pytest.raises(DataError, match="name of an R variable"):
        to_r(m, data, "x; system('ls')")


def test_what_has_no_data_frame_cannot_come(R: RSession) -> None:
    from rcompare.bridge import from_r

    R.eval("y <- sleepstudy$Reaction; g <- sleepstudy$Subject; bare <- lmer(y ~ 1 + (1 | g))")
    with pytest.raises(RError, match="without a data frame"):
        from_r("bare")


def test_rpy2_converts_by_itself(R: RSession) -> None:
    from rpy2 import robjects

    from pylmer import LmerMod
    from rcompare.bridge import converter

    data, m = sleepstudy()
    with (robjects.default_converter + converter(data)).context():
        back = robjects.r["identity"](m)
    assert isinstance(back, LmerMod)
    assert back.theta.tolist() == m.theta.tolist()
    if R.has("lmerTest"):
        with (robjects.default_converter + converter(data)).context():
            tested = robjects.r("lmerTest::lmer(Reaction ~ Days + (1 | Subject), lme4::sleepstudy)")
        assert isinstance(tested, LmerMod)
