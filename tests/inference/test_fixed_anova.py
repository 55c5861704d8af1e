"""Analysis of variance of types I, II and III against lmerTest, live."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest

from pylmer import anova, datasets, drop1, lmer, options
from pylmer.dotted import LmerMod
from pylmer.inference.fixed_contrasts import anova_contrasts
from rcompare.engines.lme4 import send_frame
from rcompare.engines.r import RSession


@functools.cache
def unbalanced() -> pd.DataFrame:
    """Two factors, a covariate and a logical, with cells of different sizes."""
    rng = np.random.default_rng(3)
    cells = pd.MultiIndex.from_product([["a1", "a2", "a3"], ["b1", "b2"], range(8)]).to_frame(index=False)
    d = pd.DataFrame({"a": pd.Categorical(cells[0]), "b": pd.Categorical(cells[1])})
    d["g"] = pd.Categorical([f"g{i % 12:02d}" for i in range(len(d))])
    d["x"], d["late"] = np.round(rng.normal(size=len(d)), 3), rng.random(len(d)) < 0.5
    d["y"] = np.round(d["x"] + rng.normal(size=12)[d["g"].cat.codes] + rng.normal(size=len(d)), 3)
    d = d.drop(index=[2, 6, 7, 19, 20, 21, 39]).reset_index(drop=True)
    d.index = pd.RangeIndex(1, len(d) + 1)
    return d


FORMULAS = [
    "y ~ a * b + (1 | g)",
    "y ~ a * x + (1 | g)",
    "y ~ b * a * x + (1 | g)",
    "y ~ a + (1 | g)",
    "y ~ a:b + (1 | g)",
    "y ~ a + a:b + x + (1 | g)",
    "y ~ x + I(x^2) + a + (1 | g)",
    "y ~ 0 + a * b + (1 | g)",
    "y ~ 0 + x + b:x + (1 | g)",
    "y ~ poly(x, 2) * b + (1 | g)",
    "y ~ x:b + a + (1 | g)",
    "y ~ late * a + (1 | g)",
    "y ~ a:b + a:x + (1 | g)",
    "y ~ a:b + late + (1 | g)",
]


def _both(R: RSession, formula: str, more: str = "", **settings: object) -> LmerMod:
    R("if (!requireNamespace('lmerTest', quietly = TRUE)) stop('lmerTest is missing')")
    send_frame(R, "unb", unbalanced())
    R(f"fan <- suppressMessages(lmerTest::lmer({formula}, unb{more}))")
    return lmer(formula, unbalanced(), **settings)


def _compare(R: RSession, m: LmerMod, type: int) -> None:
    R(f"fan_L <- lmerTest::show_tests(anova(fan, type = {type}))")
    ours = anova_contrasts(m, "I" * type)
    assert list(ours) == R.strings("names(fan_L)")
    for label, L in ours.items():
        np.testing.assert_allclose(L, R.num(f"fan_L[['{label}']]"), rtol=1e-6, atol=1e-8)
    R(f"fan_t <- anova(fan, type = {type})")
    table = anova(m, type=type)
    assert table.columns.tolist() == R.strings("names(fan_t)")
    np.testing.assert_allclose(table.iloc[:, :5], R.num("as.matrix(fan_t[, 1:5])"), rtol=2e-4)
    np.testing.assert_allclose(table.iloc[:, 5], R.num("fan_t[, 6]"), rtol=2e-3)


@pytest.mark.r
@pytest.mark.filterwarnings("ignore:fixed-effect model matrix is rank deficient")
@pytest.mark.parametrize("type", [1, 2, 3])
@pytest.mark.parametrize("formula", FORMULAS)
def test_types(R: RSession, formula: str, type: int) -> None:
    _compare(R, _both(R, formula), type)


@pytest.mark.r
@pytest.mark.parametrize("type", [1, 2])
def test_another_coding(R: RSession, type: int) -> None:
    coding = {"a": "contr.sum", "b": "contr.helmert"}
    more = ", contrasts = list(a = 'contr.sum', b = 'contr.helmert')"
    _compare(R, _both(R, FORMULAS[0], more, contrasts=coding), type)


@pytest.mark.r
def test_third_type_does_not_depend_on_the_coding(R: RSession) -> None:
    coding = {"a": "contr.sum", "b": "contr.helmert"}
    R("if (!requireNamespace('lmerTest', quietly = TRUE)) stop('lmerTest is missing')")
    m = _both(R, FORMULAS[0], ", contrasts = list(a = 'contr.sum', b = 'contr.helmert')", contrasts=coding)
    np.testing.assert_allclose(anova(m, type=3), R.num("as.matrix(anova(fan))"), rtol=2e-4)
    np.testing.assert_allclose(anova(m, type=3), anova(lmer(FORMULAS[0], unbalanced()), type=3), rtol=1e-6)


@pytest.mark.r
@pytest.mark.filterwarnings("ignore:fixed-effect model matrix is rank deficient")
@pytest.mark.parametrize("type", [1, 2, 3])
def test_an_empty_cell(R: RSession, type: int) -> None:
    some = unbalanced()[lambda d: ~((d["a"] == "a3") & (d["b"] == "b2"))]
    _both(R, FORMULAS[0])
    R("fan <- suppressMessages(lmerTest::lmer(y ~ a * b + (1 | g), subset(unb, !(a == 'a3' & b == 'b2'))))")
    _compare(R, lmer(FORMULAS[0], some), type)


@pytest.mark.r
@pytest.mark.parametrize("type", [1, 2, 3])
def test_kenward_roger(R: RSession, type: int) -> None:
    m = _both(R, FORMULAS[0])
    R(f"fan_t <- suppressMessages(anova(fan, type = {type}, ddf = 'Kenward-Roger'))")
    np.testing.assert_allclose(anova(m, type=type, ddf="Kenward-Roger"), R.num("as.matrix(fan_t)"), rtol=1e-5)


@pytest.mark.r
@pytest.mark.parametrize("ddf", ["Satterthwaite", "Kenward-Roger"])
def test_text(R: RSession, ddf: str) -> None:
    R("fat <- lmerTest::lmer(angle ~ recipe * temperature + (1 | recipe:replicate), cake)")
    m = lmer("angle ~ recipe * temperature + (1 | recipe:replicate)", datasets.cake())
    with options(useFancyQuotes=False):
        for type in (1, 2, 3):
            expected = R.output(f"print(anova(fat, ddf = '{ddf}', type = {type}))")
            assert str(anova(m, ddf=ddf, type=type)).splitlines() == expected
        assert str(drop1(m, ddf=ddf)).splitlines() == R.output(f"print(drop1(fat, ddf = '{ddf}'))")
        R("fat <- lmerTest::lmer(Reaction ~ 1 + (Days | Subject), sleepstudy)")
        m = lmer("Reaction ~ 1 + (Days | Subject)", datasets.sleepstudy())
        assert str(anova(m, ddf=ddf)).splitlines() == R.output(f"print(anova(fat, ddf = '{ddf}'))")


def test_without_degrees_of_freedom_it_is_the_table_of_lme4() -> None:
    m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    assert str(anova(m, ddf="lme4")) == str(anova(m))
    np.testing.assert_allclose(anova(m)["F value"], anova(m, type="I")["F value"], rtol=1e-10)
