"""Profiles beside those that R recorded."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from profile_records import MODELS, FloatArray, fit, numbers, profiled, record, recorded, strings

from pylmer import confint, lmer
from pylmer.errors import RMessage
from pylmer.inference.parameters import parameters_of
from pylmer.inference.profile_criterion import Held, minimize_held
from pylmer.inference.profile_focus import foci

#: Here R goes astray, among correlations that no covariance matrix has: ours is compared where R's are possible.
HARD = {"oxboys"}
SOUND = [name for name in MODELS if name not in HARD]


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize(("field", "level"), [("at_95", 0.95), ("at_80", 0.8), ("at_999", 0.999)])
def test_intervals(name: str, field: str, level: float) -> None:
    ours = profiled(name).confint(level=level)
    theirs = record(name, field, 2)
    assert ours.index.tolist() == strings(name, "rows")
    if level == 0.95:
        assert ours.columns.tolist() == strings(name, "columns")
    size = np.nanmax(np.abs(theirs), axis=1, keepdims=True)
    np.testing.assert_allclose(ours.to_numpy() / size, theirs / size, rtol=0, atol=1e-4)
    shown = np.abs(theirs) > 1e-8
    np.testing.assert_allclose(ours.to_numpy()[shown], theirs[shown], rtol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_zeta_at_the_values_that_r_visited(name: str) -> None:
    m = fit(name)
    names = strings(name, "names")
    table = record(name, "values", len(names))
    places = [names.index(par) - 1 for par in strings(name, "par")]
    all_foci, estimates = foci(m.criterion), parameters_of(m)
    problems = [
        Held(all_foci[place], float(row[place + 1]), m.theta, m.residual_sd)
        for place, row in zip(places, table, strict=True)
    ]
    rise = np.array([s.deviance for s in minimize_held(m.criterion, problems)]) - m.value
    assert (rise > -1e-8).all()
    sign = np.sign([h.value - estimates[h.focus.place] for h in problems])
    away = (table[:, 0] != 0) & possible(name, table)
    ours, theirs = (sign * np.sqrt(np.maximum(rise, 0.0)))[away], table[away, 0]
    excess = np.abs(theirs) - np.abs(ours)
    assert excess.min() > -1e-4
    if name not in HARD:
        assert np.mean(excess < 1e-4) > 0.97
        assert excess.max() < 1e-3


def possible(name: str, table: FloatArray) -> NDArray[np.bool_]:
    """Which of R's rows have correlations of a covariance matrix."""
    if name not in HARD:
        return np.ones(len(table), dtype=bool)
    a, b, c = table[:, 2], table[:, 3], table[:, 5]
    result: NDArray[np.bool_] = 1 + 2 * a * b * c - a**2 - b**2 - c**2 > 0
    return result


@pytest.mark.parametrize("name", SOUND)
def test_the_points_are_those_of_r(name: str) -> None:
    ours = profiled(name).as_data_frame()
    assert ours.columns.tolist() == [*strings(name, "names"), ".par", ".focal"]
    assert ours[".par"].tolist() == strings(name, "par")
    theirs = record(name, "values", len(strings(name, "names")))
    zeta = theirs[:, 0]
    np.testing.assert_allclose(ours[".zeta"], zeta, rtol=0, atol=5e-3)
    size = np.abs(theirs[:, 1:]).max(axis=0)
    np.testing.assert_allclose(ours[".focal"], record(name, "focal"), rtol=5e-3, atol=1e-3 * size.max())


@pytest.mark.parametrize("name", ["uncorrelated", "dyestuff", "penicillin", "hsb_m1", "hsb_m2"])
def test_logarithms_and_variances(name: str) -> None:
    p = profiled(name)
    for ours, what in ((p.log(), "log"), (p.varianceProf(), "variance")):
        assert [".zeta", *ours.names, ".par"] == strings(name, f"{what}_names")
        theirs = record(name, f"{what}_95", 2)
        np.testing.assert_allclose(ours.confint().to_numpy(), theirs, rtol=1e-4)


def test_fixed_effects_with_weights() -> None:
    m = fit("weights")
    slope = foci(m.criterion)[-1]
    recorded_slopes = recorded()["slopes"]
    problems = [Held(slope, b, m.theta, m.residual_sd) for b in numbers(recorded_slopes["at"])]
    ours = [s.deviance for s in minimize_held(m.criterion, problems)]
    np.testing.assert_allclose(ours, numbers(recorded_slopes["deviance"]), rtol=1e-10)


def test_confint_by_profile_is_the_default() -> None:
    m = fit("sleepstudy", REML=True)
    with pytest.warns(RMessage, match=r"Computing profile confidence intervals \.\.\."):
        ours = confint(m)
    theirs = record("sleepstudy", "at_95", 2)
    np.testing.assert_allclose(ours.to_numpy(), theirs, rtol=1e-4)
    long = confint(m, "theta_", oldNames=False, quiet=True)
    assert long.index.tolist() == strings("sleepstudy", "long_names")
    np.testing.assert_allclose(long.to_numpy(), theirs[:4], rtol=1e-4)
    some = confint(m, ["Days", ".sigma"], quiet=True)
    assert some.index.tolist() == [".sigma", "Days"]
    np.testing.assert_allclose(confint(m, "beta_", quiet=True).to_numpy(), theirs[4:], rtol=1e-4)


@pytest.mark.parametrize("name", ["dyestuff", "hsb_m1"])
def test_text(name: str) -> None:
    ours, theirs = str(profiled(name)).splitlines(), strings(name, "text")
    assert ours[0].split() == theirs[0].split()
    assert [line.split()[0] for line in ours] == [line.split()[0] for line in theirs]
    assert [line.split()[-1] for line in ours] == [line.split()[-1] for line in theirs]
    logs, their_logs = str(profiled(name).log()).splitlines(), strings(name, "log_text")
    assert [line.split()[0] for line in logs] == [line.split()[0] for line in their_logs]


def test_a_live_profile(R) -> None:  # type: ignore[no-untyped-def]
    """One small model beside R as it is installed here."""
    from pylmer import datasets

    R("profile_live <- suppressMessages(lme4:::profile.merMod(lmer(Yield ~ 1 + (1 | Batch), Dyestuff)))")
    m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    np.testing.assert_allclose(m.profile().confint().to_numpy(), R.num("unname(confint(profile_live))"), rtol=1e-4)
