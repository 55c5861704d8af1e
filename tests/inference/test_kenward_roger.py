"""Kenward and Roger's inference against pbkrtest and lmerTest, live, at R's own theta."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.linalg
from lme4_fits import Pair, by_id, pair

from pylmer import KRmodcomp, anova, contest, datasets, lFormula, lmer, options, summary, vcovAdj
from pylmer.dotted import LmerMod
from pylmer.errors import ModelError
from pylmer.inference.kenward_roger import kenward_roger
from pylmer.model import at_theta
from rcompare.engines.r import RSession

# pbkrtest knows no prior weights, and is slow on large tables
IDS = [
    "slopes",
    "uncorrelated",
    "holes",
    "dyestuff",
    "penicillin",
    "pastes-slash",
    "machines",
    "cake",
    "crossed-slopes",
]


@pytest.fixture(params=IDS)
def both(request: pytest.FixtureRequest, R: RSession) -> Pair:
    R("for (p in c('pbkrtest', 'lmerTest')) if (!requireNamespace(p, quietly = TRUE)) stop(p, ' is missing')")
    return pair(by_id(request.param), R)


@pytest.mark.r
def test_against_pbkrtest(both: Pair) -> None:
    p = both.there.p
    adjusted = both.num("as.matrix(kr_V <- pbkrtest::vcovAdj({m}))")
    np.testing.assert_allclose(vcovAdj(both.there), adjusted, rtol=1e-6, atol=1e-9 * abs(adjusted).max())
    df = both.num(f"apply(diag({p}), 1, function(l) pbkrtest::Lb_ddf(l, vcov({{m}}), kr_V))")
    np.testing.assert_allclose(kenward_roger(both.there).coefficients(), df, rtol=1e-6)
    both.R(both.code(f"krt <- pbkrtest::KRmodcomp({{m}}, diag({p}))$test"))
    ours = KRmodcomp(both.there, np.eye(p)).test
    np.testing.assert_allclose(ours.iloc[:, [0, 1, 2]], both.R.num("as.matrix(krt[, 1:3])"), rtol=1e-6)
    np.testing.assert_allclose(ours.iloc[0, 3], both.R.num("krt[1, 4]"), rtol=1e-6)
    np.testing.assert_allclose(ours["p.value"], both.R.num("krt[, 5]"), rtol=1e-4)


def _dense(m: object, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Phi_A and the covariance of the estimated variances from n x n matrices."""
    X, tau = m.design.X, m.residual_sd**2
    R = np.eye(m.n) if weights is None else np.diag(1 / weights)
    G, Sigma = [], tau * R
    for t, V in zip(m.design.re.terms, m.covariance, strict=True):
        same = t.codes[:, None] == t.codes
        Sigma = Sigma + same * (t.columns @ V @ t.columns.T)
        for b in range(t.k):
            for a in range(b, t.k):
                S = np.zeros((t.k, t.k))
                S[a, b] = S[b, a] = 1.0
                G.append(same * (t.columns @ S @ t.columns.T))
    G.append(R)
    inverse = np.linalg.inv(Sigma)
    Phi = np.linalg.inv(X.T @ inverse @ X)
    P = [-X.T @ inverse @ g @ inverse @ X for g in G]
    Q = [[X.T @ inverse @ g @ inverse @ h @ inverse @ X for h in G] for g in G]
    I = np.array(
        [
            [
                np.trace(inverse @ g @ inverse @ h) - 2 * np.trace(Phi @ Q[i][j]) + np.trace(Phi @ P[i] @ Phi @ P[j])
                for j, h in enumerate(G)
            ]
            for i, g in enumerate(G)
        ]
    )
    W = 2 * np.linalg.inv(I)
    inner = sum(W[i, j] * (Q[i][j] - P[i] @ Phi @ P[j]) for i in range(len(G)) for j in range(len(G)))
    return Phi + 2 * Phi @ inner @ Phi, Phi


@pytest.mark.parametrize("name", ["slopes", "crossed-slopes", "weights", "three-terms"])
def test_sums_over_groups_are_the_dense_formula(name: str) -> None:
    fit = by_id(name)
    data = fit.data()
    m = lmer(fit.formula, data, **fit.arguments)
    adjusted, Phi = _dense(m, None if fit.weights is None else data["w"].to_numpy())
    np.testing.assert_allclose(vcovAdj(m), adjusted, rtol=1e-8, atol=1e-10 * abs(adjusted).max())
    np.testing.assert_allclose(kenward_roger(m).Phi, Phi, rtol=1e-8, atol=1e-10 * abs(Phi).max())


def test_the_test_depends_on_the_hypothesis_and_not_on_its_rows() -> None:
    m = lmer("score ~ Machine + (Machine | Worker)", datasets.Machines())
    L = np.eye(3)[1:]
    mixed = np.array([[2.0, -1.0], [0.3, 5.0]]) @ L
    one, other = (KRmodcomp(m, rows).test.iloc[0].to_numpy() for rows in (L, mixed))
    np.testing.assert_allclose(one, other, rtol=1e-10)
    smaller = lmer("score ~ 1 + (Machine | Worker)", datasets.Machines())
    np.testing.assert_allclose(KRmodcomp(m, smaller).test.iloc[0], one, rtol=1e-10)
    assert scipy.linalg.subspace_angles(KRmodcomp(m, smaller).L.T, L.T).max() < 1e-10


@pytest.mark.r
@pytest.mark.parametrize("ddf", ["Satterthwaite", "Kenward-Roger"])
def test_contest(R: RSession, ddf: str) -> None:
    m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    R("ctst <- lmerTest::lmer(Reaction ~ Days + (Days | Subject), sleepstudy)")
    L = [[1.0, 3.0], [0.0, 2.0]]
    R("ctst_L <- rbind(c(1, 3), c(0, 2))")
    R(f"ctst_joint <- lmerTest::contest(ctst, ctst_L, ddf = '{ddf}', rhs = c(200, 1))")
    R(f"ctst_each <- lmerTest::contest(ctst, ctst_L, ddf = '{ddf}', joint = FALSE, rhs = 200, level = 0.9)")
    joint = contest(m, L, ddf=ddf, rhs=[200.0, 1.0])
    each = contest(m, L, ddf=ddf, joint=False, rhs=200.0, level=0.9)
    assert joint.columns.tolist() == R.strings("names(ctst_joint)")
    assert each.columns.tolist() == R.strings("names(ctst_each)")
    np.testing.assert_allclose(joint, R.num("as.matrix(ctst_joint)"), rtol=1e-3)
    np.testing.assert_allclose(each, R.num("as.matrix(ctst_each)"), rtol=1e-3)


TEXTS = [
    ("sleepstudy", "Reaction ~ Days + (Days | Subject)"),
    ("cake", "angle ~ recipe * temperature + (1 | recipe:replicate)"),
    ("Penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)"),
]


@pytest.mark.r
@pytest.mark.parametrize(("name", "formula"), TEXTS)
def test_text_of_summary(R: RSession, name: str, formula: str) -> None:
    R(f"krs <- lmerTest::lmer({formula}, {name})")
    design = lFormula(formula, getattr(datasets, name)())
    m = at_theta(LmerMod, replace(design, call=replace(design.call, data=name)), R.num('getME(krs, "theta")'))
    with options(useFancyQuotes=False), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = str(summary(m, ddf="Kenward-Roger")).splitlines()
    assert text == R.output("print(summary(krs, ddf = 'Kenward-Roger'))")


@pytest.mark.r
def test_text_of_a_comparison(R: RSession) -> None:
    cake = datasets.cake()
    large = lmer("angle ~ recipe * temperature + (1 | recipe:replicate)", cake)
    small = lmer("angle ~ recipe + temperature + (1 | recipe:replicate)", cake)
    R("krl <- lmer(angle ~ recipe * temperature + (1 | recipe:replicate), cake)")
    R("krm <- lmer(angle ~ recipe + temperature + (1 | recipe:replicate), cake)")
    with options(useFancyQuotes=False):
        assert str(KRmodcomp(large, small)).splitlines() == R.output("print(pbkrtest::KRmodcomp(krl, krm))")


def test_what_it_cannot_do() -> None:
    sleep = datasets.sleepstudy()
    by_ml = lmer("Reaction ~ Days + (Days | Subject)", sleep, REML=False)
    with pytest.raises(ModelError, match="only available for REML model fits"):
        summary(by_ml, ddf="Kenward-Roger")
    m = lmer("Reaction ~ Days + (Days | Subject)", sleep)
    with pytest.raises(ModelError, match="'arg' should be one of"):
        anova(m, ddf="Wald")
    with pytest.raises(ModelError, match="'arg' should be one of"):
        anova(m, type=4)
    with pytest.raises(ModelError, match="2 fixed effects"):
        contest(m, [1.0, 0.0, 0.0])
    other = lmer("Reaction ~ 0 + I(Days^2) + (1 | Subject)", sleep)
    with pytest.raises(ModelError, match="not nested"):
        KRmodcomp(m, other)
    assert isinstance(vcovAdj(m), pd.DataFrame)
