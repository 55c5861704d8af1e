"""Simulated responses: R's own numbers for R's own seed, given R's own theta."""

from __future__ import annotations

import numpy as np
import pytest
from dense_twin import close
from lme4_fits import FITS, Fit, Pair, by_id, pair

from pylmer import NA, rnorm, set_seed, simulate
from pylmer.errors import ModelError
from pylmer.methods.simulate import draw_responses, spherical_draws, stream_for
from rcompare.engines.r import RSession

UNWEIGHTED = [fit for fit in FITS if fit.weights is None]
#: lme4 1.1-31 pads fitted values twice when it keeps the random effects of a fit with missing rows.
NO_HOLES = [fit for fit in UNWEIGHTED if fit.id != "holes"]

each_model = pytest.mark.parametrize("fit", UNWEIGHTED, ids=lambda fit: fit.id)
each_without_holes = pytest.mark.parametrize("fit", NO_HOLES, ids=lambda fit: fit.id)


def same_as_r(both: Pair, code: str, ours: object) -> None:
    both.R(f"sim <- {both.code(code)}")
    frame = np.asarray(ours)
    theirs = both.num("as.matrix(sim)")
    np.testing.assert_array_equal(np.isnan(frame), np.isnan(theirs))
    size = np.abs(theirs[np.isfinite(theirs)]).max()
    np.testing.assert_allclose(frame, theirs, rtol=0, atol=1e-10 * size)


@each_model
def test_new_random_effects_and_residuals(R: RSession, fit: Fit) -> None:
    both = pair(fit, R)
    ours = simulate(both.there, nsim=3, seed=42)
    same_as_r(both, "simulate({m}, nsim = 3, seed = 42)", ours)
    assert ours.columns.tolist() == R.strings("names(sim)")
    assert ours.index.astype(str).tolist() == R.strings("rownames(sim)")


@each_without_holes
def test_the_random_effects_of_the_fit_are_kept(R: RSession, fit: Fit) -> None:
    both = pair(fit, R)
    ours = simulate(both.there, nsim=2, seed=7, use_u=True)
    same_as_r(both, "simulate({m}, nsim = 2, seed = 7, use.u = TRUE)", ours)
    same_as_r(both, "simulate({m}, nsim = 2, seed = 7, re.form = NULL)", ours)
    np.testing.assert_array_equal(ours, simulate(both.there, nsim=2, seed=7, re_form=None))


def test_both_ways_to_ask_for_new_random_effects(R: RSession) -> None:
    m = pair(by_id("slopes"), R).there
    expected = simulate(m, seed=3)
    np.testing.assert_array_equal(simulate(m, seed=3, re_form=NA), expected)
    np.testing.assert_array_equal(simulate(m, seed=3, re_form="~0"), expected)
    np.testing.assert_array_equal(m.simulate(seed=3), expected)


def test_without_a_seed_the_stream_goes_on(R: RSession) -> None:
    both = pair(by_id("slopes"), R)
    set_seed(11)
    first, second, after = simulate(both.there, 2), simulate(both.there, 1), rnorm(3)
    R("set.seed(11)")
    same_as_r(both, "simulate({m}, 2)", first)
    same_as_r(both, "simulate({m}, 1)", second)
    close(after, R.num("rnorm(3)"), 1e-14)


def test_more_responses_than_one_block_of_draws(R: RSession) -> None:
    both = pair(by_id("slopes"), R)
    same_as_r(both, "simulate({m}, nsim = 400, seed = 1)", simulate(both.there, 400, seed=1))


@pytest.mark.parametrize("name", ["weights", "offset"])
def test_prior_weights_shrink_the_residuals_that_lme4_leaves_alike(R: RSession, name: str) -> None:
    both = pair(by_id(name), R)
    m = both.there
    ours = simulate(m, 2, seed=5, use_u=True).to_numpy() - m.mu[:, None]
    R(both.code("sim <- simulate({m}, 2, seed = 5, use.u = TRUE) - fitted({m})"))
    assert m.design.weights is not None
    close(ours * np.sqrt(m.design.weights)[:, None], R.num("as.matrix(sim)"), 1e-9)


@pytest.mark.parametrize("nsim", [0, -1])
def test_no_responses_at_all_are_refused(R: RSession, nsim: int) -> None:
    with pytest.raises(ModelError, match=f"nsim={nsim}"):
        simulate(pair(by_id("slopes"), R).there, nsim)


@pytest.mark.parametrize("name", ["slopes", "weights", "offset", "three-terms", "crossed-slopes", "oxboys", "raters"])
def test_responses_summed_as_they_are_drawn(R: RSession, name: str) -> None:
    """The bootstrap's cross-products of simulated responses are those of the responses themselves."""
    m = pair(by_id(name), R).there
    nsim = 3
    Y = simulate(m, nsim, seed=9).to_numpy().T - (m.mu - m.linear_random)
    if m.design.weights is not None:
        Y = Y * np.sqrt(m.design.weights)
    expected = m.criterion.sum_responses(Y)
    got = draw_responses(m, nsim, stream_for(9))
    for a, b in zip((*got.Zy, got.Xy, got.yy), (*expected.Zy, expected.Xy, expected.yy), strict=True):
        close(a, b, 1e-10, 1e-6)


def test_spherical_draws_have_the_order_of_the_columns_of_Z(R: RSession) -> None:
    m = pair(by_id("three-terms"), R).there
    u = spherical_draws(m, 2, stream_for(1))
    R("set.seed(1)")
    flat = np.concatenate([part.reshape(2, -1) for part in u], axis=1)
    close(flat, R.num(f"matrix(rnorm({2 * m.q}), 2, byrow = TRUE)"), 1e-14)
