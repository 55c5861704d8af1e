"""Hard models: what is reported is the criterion, its optimum is not above R's, and what is in doubt is told."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from exact_criterion import BETTER, exact_criterion
from hard_models import KINDS, fitted, gap, hard_model

from pylmer import datasets, lFormula, lmer, mkLmerDevfun, refit
from pylmer.criterion.careful import careful, may_be_uncertain, uncertainty
from pylmer.errors import ConvergenceWarning, ModelError

LIMIT = 1e-6
needs_digits = pytest.mark.skipif(not BETTER, reason="long double has no more digits than double here")


def first_of_each_kind() -> list[int]:
    found: dict[str, int] = {}
    number = 0
    while len(found) < len(KINDS):
        found.setdefault(hard_model(number).kind, number)
        number += 1
    return sorted(found.values())


@needs_digits
@pytest.mark.parametrize("number", first_of_each_kind(), ids=lambda n: hard_model(n).kind)
def test_the_criterion_is_what_exact_sums_give(number: int) -> None:
    hard = hard_model(number)
    m, doubts = fitted(hard)
    error = abs(m.value - exact_criterion(m.design, m.theta, hard.REML))
    assert error <= LIMIT or doubts


@needs_digits
@pytest.mark.parametrize("number", first_of_each_kind(), ids=lambda n: hard_model(n).kind)
def test_not_above_r(R, number: int) -> None:
    found = gap(hard_model(number), R)
    assert not found.error.startswith("pylmer")
    assert found.exact <= LIMIT or found.doubts


@needs_digits
@pytest.mark.parametrize("number", [65, 213, 356])
def test_not_above_r_where_there_are_several_minima(R, number: int) -> None:
    found = gap(hard_model(number), R)
    assert found.exact <= LIMIT
    assert not found.doubts


def test_a_minimum_at_zero_hides_no_lower_one() -> None:
    """One big group and many of a single row: 0 is a minimum of the criterion, and another lies 34 below it."""
    rng = np.random.default_rng(45)
    codes = np.concatenate([np.zeros(200, dtype=int), np.arange(1, 33)])
    y = 3.0 * np.append(0.0, rng.normal(size=32))[codes] + rng.normal(size=232)
    data = {"y": y, "g": [f"g{i:02d}" for i in codes]}
    m = lmer("y ~ 1 + (1 | g)", data)
    devfun = mkLmerDevfun(m.design)
    grid = [devfun([t]) for t in np.geomspace(1e-3, 1e3, 200)]
    assert m.value <= min(grid)


def test_a_slope_of_something_large_with_another_factor() -> None:
    data = datasets.sleepstudy()
    data["huge"] = data["Days"] * 1e8
    data["week"] = np.where(data["Days"] > 4, "b", "a")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        m = lmer("Reaction ~ huge + (huge | Subject) + (1 | week)", data)
        plain = lmer("Reaction ~ Days + (Days | Subject) + (1 | week)", data)
    assert m.value - 2 * np.log(1e8) == pytest.approx(plain.value, abs=1e-5)
    assert m.fixef().iloc[1] * 1e8 == pytest.approx(plain.fixef().iloc[1], rel=1e-5)


@pytest.mark.parametrize("REML", [True, False])
def test_the_careful_criterion_is_the_quick_one_where_that_has_its_digits(REML: bool) -> None:
    for formula in ("Reaction ~ Days + (Days | Subject)", "Reaction ~ Days + (Days | Subject) + (1 | week)"):
        data = datasets.sleepstudy()
        data["week"] = [f"w{int(d) % 4}" for d in data["Days"]]
        design = lFormula(formula, data, weights=np.linspace(0.5, 2.0, 180))
        quick = mkLmerDevfun(design, REML)
        slow = careful(quick, design)
        theta = quick.unit_start + 0.1
        one, two = quick.by_elimination(theta[None]), slow.evaluate(theta[None])
        np.testing.assert_allclose(two.value, one.value, rtol=1e-12)
        np.testing.assert_allclose(two.gradient, one.gradient, rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(two.hessian, one.hessian, rtol=1e-7, atol=1e-7)
        here, there = quick.state(theta), slow.state(theta)
        np.testing.assert_allclose(there.beta, here.beta, rtol=1e-9)
        np.testing.assert_allclose(there.RX, here.RX, rtol=1e-9, atol=1e-9)
        for b, other in zip(here.b, there.b, strict=True):
            np.testing.assert_allclose(other, b, rtol=1e-7, atol=1e-9)
        assert there.ldRX2 == pytest.approx(here.ldRX2)
        assert there.pwrss == pytest.approx(here.pwrss)


def test_the_bound_on_rounding_is_a_bound() -> None:
    m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    assert not may_be_uncertain(m.criterion, m.theta, 1e-7)
    assert uncertainty(m.criterion, m.theta) < 1e-10
    assert m.criterion.careful is None


@pytest.mark.parametrize("response", ["const", "double", "nothing"])
def test_a_response_without_residuals_is_refused(response: str) -> None:
    data = datasets.sleepstudy()
    data = data.assign(const=7.0, double=2.0 * data["Days"] + 1.0, nothing=0.0)
    with pytest.raises(ModelError, match="the residual variance is 0"):
        lmer(f"{response} ~ Days + (1 | Subject)", data)
    with pytest.raises(ModelError, match="the residual variance is 0"):
        refit(lmer("Reaction ~ Days + (1 | Subject)", data), data[response])


def test_confounded_slopes_are_told() -> None:
    data = datasets.sleepstudy()
    data["twice"] = data["Days"] * 2.0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        lmer("Reaction ~ Days + (1 | Subject) + (0 + Days | Subject) + (0 + twice | Subject)", data)
    told = [str(w.message) for w in caught if issubclass(w.category, ConvergenceWarning)]
    assert any("Hessian" in text for text in told)


def test_groups_of_one_row_and_a_very_large_one() -> None:
    rng = np.random.default_rng(3)
    codes = np.concatenate([np.arange(500), np.full(200_000, 500)])
    b = np.append(rng.normal(size=500), 0.3)
    x = rng.normal(size=len(codes))
    y = 1.0 + 0.5 * x + b[codes] + 0.5 * rng.normal(size=len(codes))
    m = lmer("y ~ x + (1 | g)", {"y": y, "x": x, "g": np.array([f"g{i:03d}" for i in codes])})
    assert m.fixef()["x"] == pytest.approx(0.5, abs=0.01)
    assert m.theta[0] == pytest.approx(2.0, rel=0.2)


def test_a_fit_that_needed_care_can_be_saved() -> None:
    data = datasets.sleepstudy()
    data["near"] = data["Days"] + 1e-6 * np.sin(np.arange(180.0))
    m = lmer("Reaction ~ Days + near + (1 | Subject)", data)
    assert m.criterion.careful is not None
    back = type(m).from_json(m.to_json())
    assert back.value == pytest.approx(m.value, abs=1e-7)
    np.testing.assert_allclose(back.fixef(), m.fixef(), rtol=1e-9)
