"""Structured covariances: identities with unstructured models, and derivatives against differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer import datasets, getME, lmer, logLik
from pylmer.structured import StructuredTerm, UnstructuredTerm


@pytest.mark.parametrize(
    ("structured", "plain"),
    [
        ("Reaction ~ Days + us(Days | Subject)", "Reaction ~ Days + (Days | Subject)"),
        ("Reaction ~ Days + cs(Days | Subject)", "Reaction ~ Days + (Days | Subject)"),
        ("Reaction ~ Days + ar1(Days | Subject, hom = FALSE)", "Reaction ~ Days + (Days | Subject)"),
        ("Reaction ~ Days + diag(Days | Subject)", "Reaction ~ Days + (Days || Subject)"),
    ],
)
def test_two_effects_have_an_unstructured_twin(structured: str, plain: str) -> None:
    data = datasets.sleepstudy()
    one, other = lmer(structured, data), lmer(plain, data)
    assert one.value == pytest.approx(other.value, abs=1e-8)
    assert logLik(one).df == logLik(other).df
    np.testing.assert_allclose(one.beta, other.beta, rtol=1e-6)
    np.testing.assert_allclose(one.fitted(), other.fitted(), rtol=1e-5)


def test_compound_symmetry_with_one_variance_is_a_nested_intercept() -> None:
    data = datasets.Machines()
    one = lmer("score ~ Machine + cs(0 + Machine | Worker, hom = TRUE)", data)
    nested = lmer("score ~ Machine + (1 | Worker/Machine)", data)
    both = lmer("score ~ Machine + (1 | Worker) + diag(0 + Machine | Worker, hom = TRUE)", data)
    assert one.value == pytest.approx(nested.value, abs=1e-8)
    assert both.value == pytest.approx(nested.value, abs=1e-8)
    sd, rho = getME(one, "par")
    between, within = (float(v[0, 0]) for v in reversed(nested.covariance))
    assert rho == pytest.approx(between / (between + within), rel=1e-6)
    assert (sd * one.residual_sd) ** 2 == pytest.approx(between + within, rel=1e-6)


def test_ar1_correlations_fall_with_distance() -> None:
    m = lmer("score ~ Machine + ar1(0 + Machine | Worker)", datasets.Machines())
    (V,) = m.covariance
    sd = np.sqrt(np.diag(V))
    R = V / np.outer(sd, sd)
    assert sd == pytest.approx(np.full(3, sd[0]), rel=1e-12)
    assert R[0, 2] == pytest.approx(R[0, 1] ** 2, rel=1e-10)
    assert R[0, 1] == pytest.approx(getME(m, "par")[1], rel=1e-10)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["diag", "cs", "ar1", "us"]),
    st.booleans(),
    st.integers(1, 4),
    st.integers(0, 2**31),
)
def test_derivatives_of_G_against_differences(structure: str, hom: bool, k: int, seed: int) -> None:
    term = UnstructuredTerm(k) if structure == "us" else StructuredTerm(structure, hom, k)
    par = np.random.default_rng(seed).normal(size=(1, term.m)) + 0.3
    par[np.abs(par) < 0.05] = 0.05

    def G(x: np.ndarray) -> np.ndarray:
        L = term.L(x)
        return (L @ L.swapaxes(-1, -2))[0]

    h = 1e-5
    for i in range(term.m):
        step = np.zeros_like(par)
        step[0, i] = h
        slope = (G(par + step) - G(par - step)) / (2 * h)
        np.testing.assert_allclose(term.dG(par)[0][..., i], slope, atol=1e-7)
        bend = (term.dG(par + step)[0] - term.dG(par - step)[0]) / (2 * h)
        np.testing.assert_allclose(term.d2G(par)[0][..., i], bend, atol=1e-7)
