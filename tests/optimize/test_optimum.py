"""Optima of real criteria: stationary, the same from everywhere, and honest when they were not reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from dense_twin import Dense, FloatArray, Shape, close, draw_design, draw_theta
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer import datasets, lFormula, lmer, lmerControl, mkLmerDevfun, optimizeLmer
from pylmer.covariance import TermCovariance, factor_maps
from pylmer.criterion.criterion import Criterion
from pylmer.errors import ConvergenceWarning, ModelError, RMessage
from pylmer.optimize.optimum import optimize_many, singular

if TYPE_CHECKING:
    from rcompare.engines.r import RSession

SLOPES = "Reaction ~ Days + (Days | Subject)"


@pytest.fixture(scope="module")
def sleep() -> Criterion:
    return mkLmerDevfun(lFormula(SLOPES, datasets.sleepstudy()))


def sensible() -> st.SearchStrategy[Shape]:
    """Models with several rows for each random effect; the likelihood of others may have no maximum."""
    width = st.integers(1, 2).map(lambda k: (k,))
    factors = st.lists(st.tuples(st.integers(4, 7), width), min_size=1, max_size=2).map(tuple)
    flag = st.booleans()
    return st.builds(Shape, st.integers(0, 2**31), factors, st.just(100), st.integers(0, 3), flag, flag, flag)


@settings(max_examples=12, deadline=None)
@given(sensible(), st.booleans())
def test_an_optimum_is_stationary_and_lower_than_its_surroundings(shape: Shape, REML: bool) -> None:
    design = draw_design(shape)
    f = mkLmerDevfun(design, REML)
    opt = optimizeLmer(f)
    assert opt.convergence == 0
    assert opt.value == pytest.approx(f(opt.theta), rel=1e-12)
    assert (opt.theta[design.re.lower == 0] >= 0).all()
    twin = Dense(design, opt.theta, REML)
    size = np.abs(draw_theta(design, np.random.default_rng(0))[0])
    assert np.abs(twin.gradient * np.maximum(np.abs(opt.theta), 1e-3 * size)).max() < 1e-2
    rng = np.random.default_rng(shape.seed)
    for scale in (1e-3, 1e-2, 1e-1):
        assert f(opt.theta + scale * size * rng.normal(size=len(size))) > opt.value - 1e-7


@pytest.mark.parametrize("factor", [1e-3, 0.1, 3.0, 1e3])
def test_every_start_gives_the_same_optimum(sleep: Criterion, factor: float) -> None:
    expected = optimizeLmer(sleep)
    opt = optimizeLmer(sleep, factor * np.array([1.0, 0.0, 1.0]))
    assert opt.convergence == 0
    assert opt.value == pytest.approx(expected.value, abs=1e-7)
    close(opt.theta, expected.theta, 1e-4)


def test_signs_of_the_start_do_not_matter(sleep: Criterion) -> None:
    expected = optimizeLmer(sleep)
    for start in ([-1.0, 0.5, 1.0], [1.0, 0.5, -1.0], [-1.0, -0.5, -1.0]):
        opt = optimizeLmer(sleep, start)
        close(opt.theta, expected.theta, 1e-4)
        close(sleep.evaluate(opt.theta[None]).gradient[0], np.zeros(3), atol=1e-2)


@pytest.mark.parametrize("start", [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
def test_a_start_at_zero_variance_is_left(sleep: Criterion, start: list[float]) -> None:
    assert optimizeLmer(sleep, start).value == pytest.approx(optimizeLmer(sleep).value, abs=1e-7)


def test_a_saddle_with_a_zero_variance_is_not_an_optimum() -> None:
    design = draw_design(Shape(32, ((6, (1, 3)),), n=44, p=3))
    f = mkLmerDevfun(design)
    opt = optimizeLmer(f)
    size = np.abs(draw_theta(design, np.random.default_rng(1))[0])
    for i in np.flatnonzero(opt.theta == 0):
        assert f(opt.theta + 0.05 * size * np.eye(len(size))[i]) >= opt.value - 1e-8


def test_a_variance_of_zero_is_reached_exactly() -> None:
    f = mkLmerDevfun(lFormula("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff2()))
    for start in (None, [1.0], [5.0], [0.01]):
        opt = optimizeLmer(f, start)
        assert opt.convergence == 0
        assert opt.theta.tolist() == [0.0]
        assert opt.value == f([0.0])
        assert singular(opt.theta, f.lower)


def test_the_snap_to_the_boundary_can_be_turned_off() -> None:
    f = mkLmerDevfun(lFormula("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff2()))
    opt = optimizeLmer(f, [1.0], boundary_tol=0.0)
    assert 0 <= opt.theta[0] < 1e-2
    assert opt.value == pytest.approx(f([0.0]), abs=1e-6)


def test_a_correlation_of_one_is_reached() -> None:
    data = pd.DataFrame({"g": np.repeat(np.arange(6.0), 8), "x": np.tile(np.arange(8.0), 6)})
    rng = np.random.default_rng(5)
    slope = rng.normal(size=6)[data["g"].astype(int)]
    data["y"] = 3 * slope * (1 + data["x"]) + rng.normal(size=48)
    with pytest.warns(RMessage, match="singular"):
        m = lmer("y ~ x + (x | g)", data)
    assert m.opt.convergence == 0
    assert m.theta[2] < 1e-3
    close(m.VarCorr().terms[0].correlation, np.ones((2, 2)), 1e-5)


def test_it_takes_few_evaluations(sleep: Criterion) -> None:
    assert optimizeLmer(sleep).evaluations < 12
    penicillin = mkLmerDevfun(lFormula("diameter ~ 1 + (1 | plate) + (1 | sample)", datasets.Penicillin()))
    assert optimizeLmer(penicillin).evaluations < 15


def test_the_limit_of_evaluations_is_told(sleep: Criterion) -> None:
    opt = optimizeLmer(sleep, [30.0, 0.0, 30.0], max_evaluations=2)
    assert opt.convergence != 0
    assert opt.evaluations == 2
    assert "2 evaluations" in opt.message
    assert opt.warnings[0].startswith("Model failed to converge")


def test_lmer_warns_of_no_convergence_and_still_gives_the_fit() -> None:
    data = datasets.sleepstudy()
    start = [30.0, 0.0, 30.0]
    few = {"max_evaluations": 2}
    with pytest.warns(ConvergenceWarning, match="failed to converge"):
        m = lmer(SLOPES, data, control=few, start=start)
    assert m.value == pytest.approx(m.criterion(m.theta))
    lmer(SLOPES, data, control=lmerControl(check_conv_grad="ignore", **few), start=start)
    with pytest.raises(ModelError, match="failed to converge"):
        lmer(SLOPES, data, control=lmerControl(check_conv_grad="stop", **few), start=start)


@pytest.mark.parametrize("start", [[1.0], [1.0, 0.0, 1.0, 0.0], [[1.0, 0.0, 1.0]], [1.0, np.nan, 1.0], [np.inf, 0, 1]])
def test_a_start_of_the_wrong_length_or_not_finite(sleep: Criterion, start: list[float]) -> None:
    with pytest.raises(ModelError, match=r"\(!=3\).*give 3 finite numbers"):
        optimizeLmer(sleep, start)


def test_the_error_about_the_start_begins_as_lme4_does(R: RSession) -> None:
    code = f"tryCatch(lmer({SLOPES}, sleepstudy, start = c(1, 1)), error = function(e) conditionMessage(e))"
    (expected,) = R.strings(code)
    with pytest.raises(ModelError) as caught:
        lmer(SLOPES, datasets.sleepstudy(), start=[1.0, 1.0])
    assert str(caught.value).startswith(expected)


def test_many_responses_in_chunks_of_any_size() -> None:
    base = mkLmerDevfun(draw_design(Shape(3, ((6, (2,)), (4, (1,))), n=50)))
    rng = np.random.default_rng(0)
    R = 7
    f = base.with_responses(base.sum_responses(rng.normal(size=(R, 50))), base.beta0)
    start = base.start
    whole = optimize_many(f, R, start, R)
    told: list[int] = []
    for chunk in (1, 3):
        parts = optimize_many(f, R, start, chunk, progress=told.append)
        close(parts.theta, whole.theta, 1e-7)
        close(parts.value, whole.value, 1e-12)
        np.testing.assert_array_equal(parts.converged, whole.converged)
    assert told[-1] == R
    for r in range(R):
        alone = optimizeLmer(base.with_responses(f.responses.take(slice(r, r + 1)), base.beta0))
        assert whole.value[r] == pytest.approx(alone.value, abs=1e-6)


def test_each_evaluation_can_be_watched(capsys: pytest.CaptureFixture[str]) -> None:
    m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff(), start=[2.0], verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert 1 < len(lines) <= m.opt.evaluations
    quiet = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff(), start=[2.0])
    assert capsys.readouterr().out == ""
    np.testing.assert_array_equal(quiet.theta, m.theta)


def lower_triangles(theta: FloatArray, sizes: tuple[int, ...]) -> list[FloatArray]:
    out, start = [], 0
    for k in sizes:
        L = np.zeros((k, k))
        cols, rows = np.triu_indices(k)
        L[rows, cols] = theta[start : start + len(rows)]
        out.append(L)
        start += len(rows)
    return out


def canonical_signs(theta: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    (one,) = factor_maps([TermCovariance(k) for k in sizes], [0] * len(sizes), [np.ones(sum(sizes))])
    return one.canonical(theta)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple), st.integers(1, 3))
def test_canonical_signs_leave_the_covariance(seed: int, sizes: tuple[int, ...], R: int) -> None:
    theta = np.random.default_rng(seed).normal(size=(R, sum(k * (k + 1) // 2 for k in sizes)))
    before = theta.copy()
    for got, given_theta in zip(canonical_signs(theta, sizes), theta, strict=True):
        for L, L0 in zip(lower_triangles(got, sizes), lower_triangles(given_theta, sizes), strict=True):
            assert (np.diagonal(L) >= 0).all()
            close(L @ L.T, L0 @ L0.T, 1e-14)
    np.testing.assert_array_equal(theta, before)
    np.testing.assert_array_equal(canonical_signs(theta[:1], sizes), canonical_signs(theta, sizes)[:1])


def test_canonical_signs_of_a_zero_stay() -> None:
    np.testing.assert_array_equal(canonical_signs(np.array([[0.0, -2.0, -1.0]]), (2,)), [[0.0, -2.0, 1.0]])
