"""Where the optimizer begins: covariances brought well inside the positive definite matrices."""

from __future__ import annotations

import numpy as np
import pytest
from dense_twin import close
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer import datasets, lFormula, mkLmerDevfun
from pylmer.criterion import start
from pylmer.criterion.closed_form import AXIS
from pylmer.criterion.start import LARGEST, SMALLEST, _clipped, _clipped_pair
from pylmer.optimize.starts import newton_from_starts


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.floats(-5, 5))
def test_two_by_two_is_written_out(seed: int, power: float) -> None:
    G = np.random.default_rng(seed).normal(size=(2, 2)) * 10.0**power
    G = G + G.T
    close(_clipped_pair(G), _clipped(G), 1e-8)


@pytest.mark.parametrize("G", [np.zeros((2, 2)), np.eye(2), -np.eye(2), np.ones((2, 2)) * 1e9])
def test_eigenvalues_stay_in_range(G: np.ndarray) -> None:
    L = _clipped_pair(G)
    values = np.linalg.eigvalsh(L @ L.T)
    assert values[0] >= 0.02 * 10 * SMALLEST * (1 - 1e-9)
    assert values[-1] <= LARGEST * (1 + 1e-9)
    assert values[0] >= 0.02 * values[-1] * (1 - 1e-9)
    close(L, _clipped(G), 1e-8)


@pytest.mark.parametrize(
    ("formula", "data"),
    [
        ("Reaction ~ Days + (Days | Subject)", "sleepstudy"),
        ("angle ~ recipe * temperature + (1 | recipe:replicate)", "cake"),
        ("Yield ~ 1 + (1 | Batch)", "Dyestuff"),
        ("Yield ~ 1 + (1 | Batch)", "Dyestuff2"),
        ("strength ~ 1 + (1 | batch/cask)", "Pastes"),
        ("distance ~ age + (age | Subject)", "Orthodont"),
    ],
)
def test_with_balanced_data_the_start_is_the_optimum(formula: str, data: str) -> None:
    f = mkLmerDevfun(lFormula(formula, getattr(datasets, data)()))
    got = f.evaluate(f.start[None])
    assert float(np.abs(got.gradient).max()) < 1e-7 * float(got.hessian.max())


def test_the_moments_of_one_factor_are_those_of_the_rows() -> None:
    """Against M = I - X (X'X)^-1 X' written out."""
    rng = np.random.default_rng(3)
    n, J, k = 60, 7, 3
    g, x = rng.integers(0, J, n), rng.normal(size=(2, n))
    data = {"y": rng.normal(size=n) + 2 * rng.normal(size=J)[g], "g": g.astype(str), "a": x[0], "b": x[1]}
    design = lFormula("y ~ a + (a + b | g)", data)
    f = mkLmerDevfun(design)
    found = start._one_factor(f.sums, f.p)
    assert found is not None
    Z = (design.re.terms[0].columns / f.maps[0].scale)[:, None, :] * np.eye(J)[design.re.terms[0].codes][..., None]
    X = design.X
    M = np.eye(n) - X @ np.linalg.solve(X.T @ X, X.T)
    N = np.einsum("nja,nm,mlb->jalb", Z, M, Z)
    e = np.einsum("nja,n->ja", Z, M @ design.y)
    left = np.zeros((k * k + 1, k * k + 1))
    left[:-1, :-1] = np.einsum("jalc,jbld->abcd", N, N).reshape(k * k, k * k)
    left[:-1, -1] = left[-1, :-1] = np.einsum("jajb->ab", N).ravel()
    left[-1, -1] = n - f.p
    solved = np.linalg.solve(left, np.append((e.T @ e).ravel(), design.y @ M @ design.y))
    close(found, (solved[:-1] / solved[-1]).reshape(k, k), 1e-7)


@pytest.mark.parametrize("formula", ["Yield ~ 1 + (1 | Batch)", "log(Yield + 10) ~ 0 + (1 | Batch)"])
def test_the_axis_is_looked_at_as_point_by_point(formula: str) -> None:
    f = mkLmerDevfun(lFormula(formula, datasets.Dyestuff2()))
    seen = f.along_axis
    assert seen is not None
    close(seen, [f(np.array([t])) for t in AXIS * f.unit_start[0]], 1e-12)
    assert mkLmerDevfun(lFormula("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())).along_axis is None


def test_a_minimum_inside_is_found_beside_one_on_the_bound() -> None:
    """One large group and many of a single row: a variance of 0 is a minimum, though a far lower one lies inside."""
    g = np.repeat(np.arange(41), [60] + [1] * 40)
    y = np.where(g == 0, 5.0, 20.0) * np.where(np.arange(100) % 2, 1.0, -1.0)
    f = mkLmerDevfun(lFormula("y ~ 1 + (1 | g)", {"y": y, "g": g.astype(str)}), REML=False)
    assert f.evaluate(np.zeros((1, 1))).hessian > 0
    found = newton_from_starts(f, np.zeros(1), 1e-9, 200)
    assert found.theta > 1
    lowest = min(f(np.array([t])) for t in np.linspace(0.0, 100.0, 2001))
    assert found.value <= lowest + 1e-9
