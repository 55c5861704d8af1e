"""Profiles: what must hold whatever the data, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from lme4_fits import by_id
from profile_records import fit, profiled

from pylmer import datasets, lmer, profile
from pylmer.errors import ModelError, RMessage, RWarning
from pylmer.inference.parameters import parameters_of
from pylmer.inference.profile_criterion import Held, _Batch, minimize_held
from pylmer.inference.profile_focus import foci, free_start


@pytest.mark.parametrize("name", ["sleepstudy", "oxboys", "penicillin", "weights", "uncorrelated"])
def test_the_gradient_is_that_of_the_deviance(name: str) -> None:
    m = fit(name)
    estimates = parameters_of(m)
    for focus in foci(m.criterion):
        h = Held(focus, float(estimates[focus.place]) * 1.05, m.theta * 1.02, m.residual_sd * 0.97)
        batch = _Batch(m.criterion, [h])
        phi = free_start(h.focus, h.theta, h.value, h.sigma)[None]
        one = np.zeros(1, dtype=np.intp)
        got = batch.evaluate(phi, one)
        for j in range(phi.shape[1]):
            step = np.zeros_like(phi)
            step[0, j] = 1e-5 * (1e-2 + abs(phi[0, j]))
            up, down = batch.evaluate(phi + step, one), batch.evaluate(phi - step, one)
            numeric = (up.value - down.value) / (2 * step[0, j])
            size = np.abs(got.gradient).max() + 1e-3 * abs(m.value)
            assert abs(numeric[0] - got.gradient[0, j]) < 1e-4 * size


@pytest.mark.parametrize("name", ["sleepstudy", "oxboys", "penicillin", "hsb_m2", "dyestuff2"])
def test_at_the_estimate_nothing_changes(name: str) -> None:
    m = fit(name)
    estimates = parameters_of(m)
    problems = [Held(f, float(estimates[f.place]), m.theta, m.residual_sd) for f in foci(m.criterion)]
    for found in minimize_held(m.criterion, problems):
        assert abs(found.deviance - m.value) < 1e-8
        np.testing.assert_allclose(found.parameters, estimates, rtol=1e-4, atol=1e-6)


def test_a_held_parameter_is_where_it_is_held() -> None:
    """The deviance of a solution is that of its own theta: sd, correlation and sigma are made of it again."""
    from pylmer.inference.parameters import sd_and_correlations

    m = fit("oxboys")
    estimates = parameters_of(m)
    for f in foci(m.criterion)[:7]:
        (s,) = minimize_held(m.criterion, [Held(f, float(estimates[f.place]) * 0.9, m.theta, m.residual_sd)])
        again = sd_and_correlations(s.theta[None], np.array([s.sigma]), [3])[0]
        np.testing.assert_allclose(np.append(again, s.sigma), s.parameters[:7], rtol=1e-7)
        assert m.criterion(s.theta) <= s.deviance + 1e-8


def test_zeta_rises_and_ends_beyond_the_cutoff() -> None:
    p = profiled("sleepstudy")
    for curve in p.curves.values():
        assert (np.diff(curve.zeta) > 0).all()
        assert 0 in curve.zeta
        assert curve.zeta[-1] > 3.8 or curve.values[-1] == curve.upper
        assert curve.zeta[0] < -3.8 or curve.values[0] == curve.lower


def test_which_delta_and_points() -> None:
    m = fit("sleepstudy")
    some = profile(m, ["Days", ".sigma"])
    assert list(some.curves) == [".sigma", "Days"]
    np.testing.assert_array_equal(some.curves["Days"].zeta, profiled("sleepstudy").curves["Days"].zeta)
    assert list(profile(m, "beta_").curves) == ["(Intercept)", "Days"]
    assert list(profile(m, 0, signames=False).curves) == ["sd_(Intercept)|Subject"]
    fine = profile(m, "Days", delta=0.25)
    assert len(fine.curves["Days"].zeta) > 1.8 * len(some.curves["Days"].zeta)
    assert len(profile(m, "Days", maxpts=4).curves["Days"].zeta) == 6
    np.testing.assert_allclose(fine.confint().to_numpy(), some.confint("Days").to_numpy(), rtol=1e-4)


def test_an_end_that_is_not_reached() -> None:
    p = profiled("dyestuff2")
    assert p.confint(".sig01").iloc[0, 0] == 0.0
    assert p.log().confint(".lsig01").iloc[0, 0] == -np.inf
    assert np.isnan(p.confint("(Intercept)", level=0.9999999).to_numpy()).all()
    bound = profiled("dyestuff")
    assert bound.confint(level=0.999).loc[".sig01"].iloc[0] == 0.0


def test_too_few_points_fall_back_to_lines() -> None:
    m = fit("dyestuff")
    with pytest.warns(RWarning, match="non-monotonic profile"):
        p = profile(m, ".sig01", maxpts=2)
    with pytest.warns(RWarning, match="falling back to linear interpolation"):
        ends = p.confint()
    assert ends.iloc[0].tolist() == [0.0, np.inf]


def test_what_is_refused() -> None:
    m = fit("dyestuff")
    with pytest.raises(ModelError, match="is not a parameter"):
        profile(m, "nothing")
    with pytest.raises(ModelError, match="is not a parameter"):
        profiled("dyestuff").confint("Days")


def test_a_fit_that_was_stopped_early_is_found_out() -> None:
    from pylmer.dotted import LmerMod
    from pylmer.model import at_theta

    m = fit("dyestuff")
    away = at_theta(LmerMod, m.design, m.theta * 1.5, REML=False)
    with pytest.raises(ModelError, match="profiling detected new, lower deviance"):
        away.profile()


def test_a_correlation_without_an_estimate() -> None:
    data = datasets.sleepstudy()
    data["flat"] = 250 + 10 * np.sin(np.arange(180.0) ** 2)
    with pytest.warns(RMessage, match="singular"):
        m = lmer("flat ~ 1 + (Days | Subject)", data, REML=False)
    if np.isnan(parameters_of(m)[1]):
        with pytest.warns(RWarning, match="bad profile"):
            p = profile(m, "theta_")
        assert set(p.curves) == {".sig01", ".sig02", ".sig03", ".sigma"}


@pytest.mark.parametrize("value", [0.6, 0.97, 1.0])
def test_a_correlation_held_where_its_standard_deviation_vanishes(value: float) -> None:
    """The best of two starts is no better than either: at a variance of zero the others are still optimized."""
    f = by_id("crossed-slopes")
    m = lmer(f.formula, f.data(), REML=False)
    focus = foci(m.criterion)[4]
    starts = [m.theta, m.theta * np.array([0.7, 1.5, 1.2, 1.4, 0.5, 0.8])]
    first, second = minimize_held(m.criterion, [Held(focus, value, theta, m.residual_sd) for theta in starts])
    assert first.parameters[5] < 1e-6
    assert abs(first.deviance - second.deviance) < 1e-7
