"""Linear models by group against live lme4."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pylmer import datasets, lm, lmList
from pylmer.errors import FormulaError
from rcompare.engines.r import RSession

sleepstudy = datasets.sleepstudy()
Dyestuff = datasets.Dyestuff()
Pastes = datasets.Pastes()


@pytest.mark.r
@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("sleepstudy", "Reaction ~ Days | Subject"),
        ("sleepstudy", "Reaction ~ poly(Days, 2) | Subject"),
        ("Dyestuff", "Yield ~ 1 | Batch"),
        ("Pastes", "strength ~ cask | batch"),
    ],
)
def test_as_lme4(R: RSession, name: str, formula: str) -> None:
    ours = lmList(formula, globals()[name])
    R(f"lml <- lmList({formula}, {name})")
    theirs = R.num("as.matrix(coef(lml))").reshape(len(ours), -1)
    assert ours.coef().index.tolist() == R.strings("rownames(coef(lml))")
    assert ours.coef().columns.tolist() == R.strings("names(coef(lml))")
    np.testing.assert_allclose(ours.coef(), theirs, rtol=1e-9)
    np.testing.assert_allclose(ours.fixef(), R.num("fixef(lml)"), rtol=1e-9)
    np.testing.assert_allclose(ours.ranef(), R.num("do.call(cbind, ranef(lml))").reshape(len(ours), -1), atol=1e-7)
    assert ours.sigma() == pytest.approx(R.num("sigma(lml)").item(), rel=1e-10)
    assert float(ours.logLik()) == pytest.approx(R.num("as.numeric(logLik(lml))").item(), rel=1e-10)
    assert ours.logLik().df == R.num("attr(logLik(lml), 'df')").item()
    np.testing.assert_allclose(ours.fitted(), R.num("fitted(lml)"), rtol=1e-9)
    np.testing.assert_allclose(ours.residuals(), R.num("residuals(lml)"), atol=1e-8)
    intervals = np.stack([table.to_numpy() for table in ours.confint().values()], axis=2)
    np.testing.assert_allclose(intervals, np.asarray(R.num("confint(lml)")).reshape(intervals.shape), rtol=1e-8)


@pytest.mark.r
def test_the_text(R: RSession) -> None:
    ours = lmList("Reaction ~ Days | Subject", sleepstudy)
    R("lml <- lmList(Reaction ~ Days | Subject, data = sleepstudy)")
    assert str(ours).splitlines() == R.output("print(lml)")
    assert [*str(ours.confint()).splitlines(), ""] == R.output("print(confint(lml))")
    R("lml <- lmList(Yield ~ 1 | Batch, data = Dyestuff, pool = FALSE)")
    assert str(lmList("Yield ~ 1 | Batch", Dyestuff, pool=False)).splitlines() == R.output("print(lml)")


def test_each_fit_is_that_of_its_rows() -> None:
    ours = lmList("Reaction ~ Days | Subject", sleepstudy)
    alone = lm("Reaction ~ Days", sleepstudy[sleepstudy["Subject"] == "309"])
    pd.testing.assert_series_equal(ours["309"].coef(), alone.coef())


@pytest.mark.parametrize("formula", ["Reaction ~ Days", "~ Days | Subject", "Reaction ~ (1 | Subject) + (1 | Days)"])
def test_a_formula_without_groups_is_refused(formula: str) -> None:
    with pytest.raises(FormulaError, match="one grouping factor"):
        lmList(formula, sleepstudy)
