"""Profiles of variances and covariances: the same likelihood, other parameters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from profile_records import fit, profiled
from scipy.optimize import minimize

from pylmer import datasets, lmer, logProf, profile, varianceProf
from pylmer.errors import ModelError
from pylmer.inference.profile_criterion import Held, _Batch, minimize_held
from pylmer.inference.profile_focus import foci, free_start
from rcompare.engines.r import RSession


@pytest.mark.parametrize("name", ["sleepstudy", "penicillin", "dyestuff2"])
def test_the_profile_of_a_variance_is_that_of_the_standard_deviation(name: str) -> None:
    m = fit(name)
    ours, squared = profile(m, prof_scale="varcov"), varianceProf(profiled(name))
    for (kind, a), (old, b) in zip(ours.curves.items(), squared.curves.items(), strict=True):
        if a.kind in ("var", "sigma2", "beta"):
            np.testing.assert_array_equal(a.values, b.values)
            np.testing.assert_array_equal(a.zeta, b.zeta)
            np.testing.assert_allclose(ours.confint(kind), squared.confint(old), rtol=1e-12)
    table = ours.as_data_frame()
    at_estimate = table[table[".zeta"] == 0].iloc[0]
    np.testing.assert_allclose(at_estimate[".sigma"], m.residual_sd**2, rtol=1e-6)
    np.testing.assert_allclose(at_estimate[".sig01"], m.covariance[0][0, 0], rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("name", ["sleepstudy", "oxboys"])
def test_the_gradient_with_a_covariance_held_is_that_of_the_deviance(name: str) -> None:
    m = fit(name)
    one = np.zeros(1, dtype=np.intp)
    for focus in foci(m.criterion, covariances=True):
        if focus.kind != "cov":
            continue
        for value in (0.0, 0.3, -2.0):
            h = Held(focus, value, m.theta * 1.02, m.residual_sd * 0.97)
            batch = _Batch(m.criterion, [h])
            phi = free_start(focus, h.theta, value, h.sigma)[None]
            got = batch.evaluate(phi, one)
            for j in range(phi.shape[1]):
                step = np.zeros_like(phi)
                step[0, j] = 1e-5 * (1e-2 + abs(phi[0, j]))
                up, down = batch.evaluate(phi + step, one), batch.evaluate(phi - step, one)
                numeric = (up.value - down.value) / (2 * step[0, j])
                assert abs(numeric[0] - got.gradient[0, j]) < 1e-4 * (np.abs(got.gradient).max() + abs(m.value) * 1e-3)


def test_a_covariance_of_zero_is_the_model_without_it() -> None:
    m = fit("sleepstudy")
    without = lmer("Reaction ~ Days + (Days || Subject)", datasets.sleepstudy(), REML=False)
    focus = next(f for f in foci(m.criterion, covariances=True) if f.kind == "cov")
    for value in (0.0, 1e-6, -1e-6):
        (found,) = minimize_held(m.criterion, [Held(focus, value, m.theta, m.residual_sd)])
        assert abs(found.deviance - without.value) < 1e-7
        np.testing.assert_allclose(found.sigma, without.residual_sd, rtol=1e-5)


@pytest.mark.parametrize("covariance", [-150.0, 30.0, 200.0])
def test_a_held_covariance_against_a_search_without_derivatives(covariance: float) -> None:
    """Over the logarithms of both standard deviations, of sigma; the correlation is what they leave."""
    m = fit("sleepstudy")

    def deviance(x: np.ndarray) -> float:
        first, second, sigma = np.exp(x)
        cor = covariance / (first * second)
        if not abs(cor) < 1:
            return np.inf
        L = np.linalg.cholesky(np.array([[first**2, covariance], [covariance, second**2]])) / sigma
        s = m.criterion.state(L[[0, 1, 1], [0, 0, 1]])
        n = m.n
        return float(s.ldL2 + s.pwrss / sigma**2 + n * np.log(2 * np.pi * sigma**2))

    start = np.log([25.0, max(6.0, 1.2 * abs(covariance) / 25.0), 25.0])
    best = minimize(deviance, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-11, "maxiter": 4000})
    focus = next(f for f in foci(m.criterion, covariances=True) if f.kind == "cov")
    (found,) = minimize_held(m.criterion, [Held(focus, covariance, m.theta, m.residual_sd)])
    assert abs(found.deviance - best.fun) < 1e-7


def test_covariances_of_three_effects_rise_from_the_estimate() -> None:
    m = fit("oxboys")
    p = profile(m, "theta_", prof_scale="varcov", signames=False)
    assert [c.kind for c in p.curves.values()] == ["var", "cov", "cov", "var", "cov", "var", "sigma2"]
    names = list(p.curves)
    assert [name.split("_")[0] for name in names] == ["var", "cov", "cov", "var", "cov", "var", "sigma"]
    G = m.covariance[0]
    for (row, col), curve in zip([(1, 0), (2, 0), (2, 1)], (p.curves[names[i]] for i in (1, 2, 4)), strict=True):
        assert (np.diff(curve.zeta) > 0).all()
        np.testing.assert_allclose(curve.values[curve.zeta == 0], G[row, col], rtol=1e-9)
        assert curve.zeta[0] < -3
        assert curve.zeta[-1] > 3


def test_the_intervals_of_covariances_are_those_of_r(R: RSession) -> None:
    R("vc_m <- lmer(Reaction ~ Days + (Days | Subject), sleepstudy, REML = FALSE)")
    R('vc_ci <- suppressWarnings(confint(profile(vc_m, which = 2, prof.scale = "varcov")))')
    ours = profile(fit("sleepstudy"), prof_scale="varcov").confint()
    np.testing.assert_allclose(ours.loc[".sig02"], R.num('vc_ci[".sig02", ]'), rtol=1e-5)
    pd.testing.assert_frame_equal(ours.loc[["Days"]], profiled("sleepstudy").confint("Days"))


def test_variances_are_not_transformed_again() -> None:
    p = profile(fit("dyestuff2"), prof_scale="varcov")
    for transform in (logProf, varianceProf):
        with pytest.raises(ModelError, match="variances already"):
            transform(p)
