from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer.classical.least_squares import least_squares

seeds = st.integers(0, 2**31)


def _problem(seed: int, n: int, p: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    if p > 2:
        X[:, -1] = X[:, 1] * 2.0
    return X, rng.normal(size=n), np.arange(p)


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(5, 40), st.integers(1, 5))
def test_normal_equations_and_pythagoras(seed: int, n: int, p: int) -> None:
    X, y, assign = _problem(seed, n, p)
    fit = least_squares(X, y, assign)
    np.testing.assert_allclose(X.T @ fit.residuals, 0.0, atol=1e-9)
    np.testing.assert_allclose(fit.fitted + fit.residuals, y, atol=1e-14)
    np.testing.assert_allclose((fit.effects**2).sum(), y @ y)
    np.testing.assert_allclose((fit.effects[fit.rank :] ** 2).sum(), fit.rss, atol=1e-12)
    assert fit.rank == (p - 1 if p > 2 else p)


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(6, 30), st.integers(1, 4))
def test_whole_weights_are_repeated_rows(seed: int, n: int, p: int) -> None:
    X, y, assign = _problem(seed, n, p)
    times = np.random.default_rng(seed).integers(0, 4, size=n)
    times[: p + 1] = 1
    weighted = least_squares(X, y, assign, weights=times.astype(float))
    repeated = least_squares(np.repeat(X, times, axis=0), np.repeat(y, times), assign)
    np.testing.assert_allclose(weighted.coefficients, repeated.coefficients, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(weighted.rss, repeated.rss, rtol=1e-8, atol=1e-10)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(5, 30), st.integers(1, 4))
def test_an_offset_moves_response_and_fit(seed: int, n: int, p: int) -> None:
    X, y, assign = _problem(seed, n, p)
    offset = np.random.default_rng(seed + 1).normal(size=n)
    with_offset, without = least_squares(X, y + offset, assign, offset=offset), least_squares(X, y, assign)
    np.testing.assert_allclose(with_offset.coefficients, without.coefficients, atol=1e-9)
    np.testing.assert_allclose(with_offset.fitted, without.fitted + offset, atol=1e-9)
