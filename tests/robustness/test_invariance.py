"""What must not change a model does not: each property an identity, at any theta or at the optimum."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer import lFormula, lm, lmer
from pylmer.dotted import LmerMod
from pylmer.linalg.cross_products import Factor, cross_products
from pylmer.model import at_theta

SEEDS = st.integers(0, 2**32 - 1)
FORMULAS = st.sampled_from(
    [
        "y ~ x + (1 | g)",
        "y ~ x + f + (x | g)",
        "y ~ x + (x || g)",
        "y ~ x + (1 | g) + (1 | h)",
        "y ~ x * f + (x | g) + (1 | h)",
        "y ~ x + (1 | g / h)",
    ]
)
quick = settings(max_examples=25, deadline=None)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def table(seed: int) -> pd.DataFrame:
    """A small unbalanced table with two crossed factors and a third for the fixed part."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(60, 120))
    g, h = rng.integers(0, 8, n), rng.integers(0, 4, n)
    g[:8], h[:4] = np.arange(8), np.arange(4)
    x = rng.normal(size=n)
    y = 1 + x + rng.normal(size=8)[g] + 0.5 * rng.normal(size=8)[g] * x + 0.7 * rng.normal(size=4)[h]
    columns: dict[str, Any] = {"y": y + rng.normal(size=n), "x": x, "w": rng.uniform(0.3, 4.0, n)}
    for name, codes in (("g", g), ("h", h), ("f", rng.integers(0, 3, n))):
        columns[name] = pd.Categorical([f"{name}{c}" for c in codes])
    return pd.DataFrame(columns)


def at(formula: str, data: pd.DataFrame, seed: int, REML: bool = True, **settings_: Any) -> LmerMod:
    """The model at a theta that depends on the seed only."""
    design = lFormula(formula, data, **settings_)
    rng = np.random.default_rng(seed)
    parts = []
    for t in design.re.terms:
        L = np.tril(rng.normal(size=(t.k, t.k)))
        cols, rows = np.triu_indices(t.k)
        np.fill_diagonal(L, np.abs(np.diagonal(L)))
        parts.append(L[rows, cols])
    return at_theta(LmerMod, design, np.concatenate(parts), REML)


def same(a: LmerMod, b: LmerMod) -> None:
    """The same criterion, coefficients and residual standard deviation."""
    assert b.value == pytest.approx(a.value, rel=1e-10)
    assert b.residual_sd == pytest.approx(a.residual_sd, rel=1e-9)
    np.testing.assert_allclose(b.beta, a.beta, rtol=1e-8, atol=1e-10)


@quick
@given(SEEDS, FORMULAS, st.booleans())
def test_the_order_of_rows(seed: int, formula: str, REML: bool) -> None:
    data = table(seed)
    order = np.random.default_rng(seed + 1).permutation(len(data))
    one, other = at(formula, data, seed, REML), at(formula, data.iloc[order], seed, REML)
    same(one, other)
    np.testing.assert_allclose(other.mu, one.mu[order], rtol=1e-9, atol=1e-9)


@quick
@given(SEEDS, FORMULAS)
def test_the_names_of_levels(seed: int, formula: str) -> None:
    data = table(seed)
    other = data.assign(g=data["g"].cat.rename_categories(lambda s: {"g0": "zebra"}.get(s, s + " x")))
    same(at(formula, data, seed), at(formula, other, seed))


@quick
@given(SEEDS)
def test_the_order_of_levels(seed: int) -> None:
    data = table(seed)
    other = data.assign(g=data["g"].cat.reorder_categories(list(data["g"].cat.categories)[::-1]))
    one, two = at("y ~ x + (x | g)", data, seed), at("y ~ x + (x | g)", other, seed)
    same(one, two)
    pd.testing.assert_frame_equal(two.ranef()["g"].loc[one.ranef()["g"].index], one.ranef()["g"], rtol=1e-8)


@quick
@given(SEEDS)
def test_the_order_of_terms(seed: int) -> None:
    data = table(seed)
    one = lmer("y ~ x + f + (1 | g) + (1 | h)", data)
    two = lmer("y ~ f + (1 | h) + (1 | g) + x", data)
    assert two.value == pytest.approx(one.value, abs=1e-7)
    np.testing.assert_allclose(two.fixef()[one.fixef().index], one.fixef(), rtol=1e-4, atol=1e-4)


@quick
@given(SEEDS, st.floats(1e-4, 1e4), st.floats(-1e3, 1e3))
def test_a_scaled_and_shifted_predictor(seed: int, scale: float, shift: float) -> None:
    data = table(seed)
    other = data.assign(x=scale * (data["x"] + shift))
    one, two = (at("y ~ x + (1 | g) + (1 | h)", d, seed, False) for d in (data, other))
    assert two.value == pytest.approx(one.value, rel=1e-9)
    assert two.beta[1] * scale == pytest.approx(one.beta[1], rel=1e-6, abs=1e-7)
    reml, other_reml = (at("y ~ x + (1 | g) + (1 | h)", d, seed) for d in (data, other))
    assert other_reml.value - 2 * np.log(scale) == pytest.approx(reml.value, rel=1e-9)


@settings(max_examples=8, deadline=None)
@given(SEEDS, st.floats(1e-6, 1e6), st.sampled_from([1e4, -1e5, 1e6]))
def test_a_predictor_far_from_zero(seed: int, scale: float, shift: float) -> None:
    """Where the quick sums lose their digits, the careful ones do not."""
    data = table(seed)
    other = data.assign(x=scale * (data["x"] + shift))
    one, two = (lmer("y ~ x + (1 | g) + (1 | h)", d) for d in (data, other))
    assert two.value - 2 * np.log(scale) == pytest.approx(one.value, abs=1e-6)
    assert two.fixef()["x"] * scale == pytest.approx(one.fixef()["x"], rel=1e-4, abs=1e-5)


@quick
@given(SEEDS, st.floats(1e-6, 1e6), st.floats(-1e6, 1e6), FORMULAS)
def test_a_scaled_and_shifted_response(seed: int, scale: float, shift: float, formula: str) -> None:
    data = table(seed)
    one, two = at(formula, data, seed, False), at(formula, data.assign(y=scale * (data["y"] + shift)), seed, False)
    assert two.value - 2 * one.n * np.log(scale) == pytest.approx(one.value, rel=1e-7)
    assert two.residual_sd / scale == pytest.approx(one.residual_sd, rel=1e-7)
    np.testing.assert_allclose(two.beta[1:] / scale, one.beta[1:], rtol=1e-5, atol=1e-7)


@quick
@given(SEEDS, st.floats(0.01, 100.0))
def test_a_scaled_slope_scales_its_theta(seed: int, scale: float) -> None:
    data = table(seed)
    one = lmer("y ~ x + (x | g)", data)
    two = lmer("y ~ x + (x | g)", data.assign(x=scale * data["x"]))
    assert two.value - 2 * np.log(scale) == pytest.approx(one.value, abs=1e-6)


@quick
@given(SEEDS, st.lists(st.integers(1, 59), max_size=4))
def test_sums_over_batches_of_rows(seed: int, cuts: list[int]) -> None:
    model = at("y ~ x * f + (x | g) + (1 | h)", table(seed), seed)
    Xy = np.concatenate([model.design.X.T, model.design.y[None]])
    factors = [Factor(t.codes, t.columns, t.J) for t in model.design.re.terms]
    whole = cross_products(factors, Xy)
    edges = [0, *sorted(set(cuts)), model.n]
    total = None
    for lo, hi in pairwise(edges):
        part = cross_products([Factor(f.codes[lo:hi], f.columns[lo:hi], f.J) for f in factors], Xy[:, lo:hi])
        total = part if total is None else total + part
    assert total is not None
    np.testing.assert_allclose(total.C, whole.C, rtol=1e-12, atol=1e-10)
    for one, other in zip((*whole.A, *whole.B), (*total.A, *total.B), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-12, atol=1e-10)


@quick
@given(SEEDS, FORMULAS)
def test_weights_of_one(seed: int, formula: str) -> None:
    data = table(seed)
    same(at(formula, data, seed), at(formula, data, seed, weights=np.ones(len(data))))


@quick
@given(SEEDS)
def test_two_bars_are_two_terms(seed: int) -> None:
    data = table(seed)
    same(at("y ~ x + (x || g)", data, seed), at("y ~ x + (1 | g) + (0 + x | g)", data, seed))


@quick
@given(SEEDS, FORMULAS)
def test_rows_written_twice_are_weights_of_two(seed: int, formula: str) -> None:
    """Sums of squares and coefficients are the same; the criterion counts other rows."""
    data = table(seed)
    times = np.random.default_rng(seed).integers(1, 4, len(data))
    once = at(formula, data, seed, weights=times.astype(float))
    often = at(formula, data.loc[data.index.repeat(times)], seed)
    np.testing.assert_allclose(often.beta, once.beta, rtol=1e-8, atol=1e-9)
    for key in ("pwrss", "ldL2", "ldRX2"):
        assert getattr(often.state, key) == pytest.approx(getattr(once.state, key), rel=1e-9)
    for b, other in zip(once.state.b, often.state.b, strict=True):
        np.testing.assert_allclose(other, b, rtol=1e-7, atol=1e-9)


@quick
@given(SEEDS, st.integers(3, 10), st.integers(2, 8))
def test_the_closed_form_of_balanced_groups(seed: int, J: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(J, 1)) * rng.uniform(0, 2) + rng.normal(size=(J, n))
    m = lmer("y ~ 1 + (1 | g)", {"y": y.ravel(), "g": np.repeat([f"g{j}" for j in range(J)], n)})
    within = ((y - y.mean(axis=1, keepdims=True)) ** 2).sum() / (J * (n - 1))
    between = n * y.mean(axis=1).var(ddof=1)
    if between > within * (1 + 1e-6):
        assert m.residual_sd**2 == pytest.approx(within, rel=1e-6)
        assert m.covariance[0][0, 0] == pytest.approx((between - within) / n, rel=1e-4, abs=1e-7)
    elif between < within * (1 - 1e-3):
        assert m.theta[0] == 0.0
        assert m.residual_sd**2 == pytest.approx(y.var(ddof=1), rel=1e-9)
    assert m.beta[0] == pytest.approx(y.mean(), rel=1e-9, abs=1e-12)


@quick
@given(SEEDS, FORMULAS)
def test_without_variances_it_is_the_linear_model(seed: int, formula: str) -> None:
    data = table(seed)
    design = lFormula(formula, data)
    m = at_theta(LmerMod, design, np.zeros(sum(t.n_theta for t in design.re.terms)), False)
    plain = lm(formula.partition(" + (")[0], data)
    np.testing.assert_allclose(m.beta, plain.coef(), rtol=1e-8, atol=1e-10)
    rss = float(np.square(np.asarray(plain.residuals())).sum())
    n = len(data)
    assert m.value == pytest.approx(n * (1 + np.log(2 * np.pi * rss / n)), rel=1e-10)
