"""Bootstraps with R's seed against live R: the same responses, refitted by both."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from bootstrap_pairs import NSIM, SEED, boot_pair, same_replicates, statistic
from dense_twin import close

from pylmer import bootMer, confint, fixef, simulate
from pylmer.inference.bootstrap import boot_parameters
from rcompare.engines.r import RSession

MODELS = ["slopes-ML", "orthodont", "dyestuff", "penicillin", "pastes-sample", "dyestuff2"]

ignored = pytest.mark.filterwarnings("ignore:extreme order statistics")


@pytest.mark.parametrize("name", MODELS)
def test_replicates(R: RSession, name: str) -> None:
    both = boot_pair(name, R)
    ours = bootMer(both.m, statistic, NSIM, SEED)
    same_replicates(ours.t, R.num(f"{both.result}$t"))
    close(ours.t0.to_numpy(), R.num(f"unname({both.result}$t0)"), 1e-9)
    assert (ours.R, ours.seed) == (NSIM, SEED)


def test_replicates_with_the_random_effects_kept(R: RSession) -> None:
    both = boot_pair("slopes-ML", R)
    ours = bootMer(both.m, statistic, 5, SEED, use_u=True)
    code = f"bootMer({both.name}, boot_statistic, nsim = 5, seed = {SEED}, use.u = TRUE)"
    same_replicates(ours.t, R.num(f"boot_quietly({code})$t"))


@pytest.mark.parametrize("name", MODELS)
def test_the_batched_refits_are_those_of_the_plain_statistic(R: RSession, name: str) -> None:
    m = boot_pair(name, R).m
    fast = boot_parameters(m, NSIM, SEED)
    plain = bootMer(m, statistic, NSIM, SEED)
    assert fast.t0.index.tolist() == plain.t0.index.tolist()[:-1]
    close(fast.t0, plain.t0.iloc[:-1], 1e-12)
    size = np.nanmax(np.abs(plain.t[:, :-1]), axis=0)
    np.testing.assert_allclose(fast.t / size, plain.t[:, :-1] / size, rtol=0, atol=2e-6)


@ignored
@pytest.mark.parametrize("boot_type", ["perc", "basic", "norm"])
@pytest.mark.parametrize("name", ["slopes-ML", "dyestuff", "penicillin"])
def test_intervals_of_each_kind_and_level(R: RSession, name: str, boot_type: str) -> None:
    both = boot_pair(name, R)
    for level in (0.95, 0.7):
        ours = confint(both.m, method="boot", nsim=NSIM, seed=SEED, boot_type=boot_type, level=level, quiet=True)  # type: ignore[arg-type]
        R(f"boot_interval <- boot_quietly(confint({both.result}, type = '{boot_type}', level = {level}))")
        theirs = R.num("boot_interval")[:-1]
        assert ours.columns.tolist() == R.strings("colnames(boot_interval)")
        size = np.abs(theirs).max(axis=1, keepdims=True)
        np.testing.assert_allclose(ours.to_numpy() / size, theirs / size, rtol=0, atol=1e-4)


@ignored
@pytest.mark.parametrize("name", ["slopes-ML", "dyestuff"])
def test_intervals_from_one_call(R: RSession, name: str) -> None:
    both = boot_pair(name, R)
    ours, theirs = confint(both.m, method="boot", nsim=NSIM, seed=SEED, quiet=True), both.interval()
    assert ours.index.tolist() == R.strings("rownames(boot_interval)")
    assert ours.columns.tolist() == R.strings("colnames(boot_interval)")
    size = np.abs(theirs).max(axis=1, keepdims=True)
    np.testing.assert_allclose(ours.to_numpy() / size, theirs / size, rtol=0, atol=1e-4)


@ignored
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("beta_", "'beta_'"), ("theta_", "'theta_'"), ("Days", "'Days'"), ([0, 4], "c(1, 5)"), ([".sigma"], "'.sigma'")],
)
def test_some_parameters(R: RSession, ours: str | list[int], theirs: str) -> None:
    both = boot_pair("slopes-ML", R)
    table = confint(both.m, ours, method="boot", nsim=3, seed=SEED, quiet=True)
    close(table.to_numpy(), both.interval(f", parm = {theirs}", 3), 1e-4)
    assert table.index.tolist() == R.strings("rownames(boot_interval)")


@ignored
def test_long_names(R: RSession) -> None:
    both = boot_pair("slopes-ML", R)
    table = confint(both.m, method="boot", nsim=3, seed=SEED, quiet=True, oldNames=False)
    both.interval(", oldNames = FALSE", 3)
    assert table.index.tolist() == R.strings("rownames(boot_interval)")


@pytest.mark.parametrize("name", ["slopes-ML", "orthodont", "dyestuff", "penicillin"])
@pytest.mark.parametrize("level", [0.95, 0.9, 0.5])
def test_wald_intervals(R: RSession, name: str, level: float) -> None:
    both = boot_pair(name, R)
    R(f"boot_wald <- confint({both.name}, method = 'Wald', level = {level})")
    ours, theirs = confint(both.m, method="Wald", level=level), R.num("boot_wald")
    assert ours.index.tolist() == R.strings("rownames(boot_wald)")
    assert ours.columns.tolist() == R.strings("colnames(boot_wald)")
    np.testing.assert_array_equal(ours.isna(), np.isnan(theirs))
    close(ours.dropna().to_numpy(), theirs[~np.isnan(theirs[:, 0])], 1e-9)


def test_what_r_says_about_extreme_order_statistics(R: RSession) -> None:
    """One warning a parameter, when there are too few replicates for the level."""
    both = boot_pair("dyestuff", R)
    R("boot_said <- character()")
    code = f"confint({both.name}, method = 'boot', nsim = 10, seed = 1, quiet = TRUE)"
    R(f"withCallingHandlers({code}, warning = function(w) boot_said <<- c(boot_said, conditionMessage(w)))")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        confint(both.m, method="boot", nsim=10, seed=1, quiet=True)
    assert [str(w.message) for w in caught] == R.strings("boot_said")


def test_the_message_at_the_start(R: RSession) -> None:
    both = boot_pair("dyestuff", R)
    code = f"confint({both.name}, method = 'boot', nsim = 50, seed = 1)"
    (said,) = R.strings(f"tryCatch({code}, message = function(m) trimws(conditionMessage(m)))")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        confint(both.m, method="boot", nsim=50, seed=1)
    assert [str(w.message) for w in caught] == [said]


def test_refits_by_lme4_1_1_31_of_REML_fits_with_predictors_miss_the_optimum(R: RSession) -> None:
    """lme4 1.1-31 refits with the wrong REML degrees of freedom (mended in 1.1-33): here it is caught at it.

    Of a response that R simulated, the refit of R is worse than ours in R's own criterion, while a fresh fit by R
    agrees with ours. Where lme4 is newer, R's refit must agree too.
    """
    both = boot_pair("slopes", R)
    (version,) = R.strings("packageVersion('lme4')")
    y = simulate(both.m, 1, seed=SEED)["sim_1"].to_numpy()
    ours = bootMer(both.m, statistic, 1, SEED).t[0]
    R.assign("boot_y", y)
    R(f"boot_refit <- boot_quietly(refit({both.name}, boot_y))")
    fresh = "update({}, boot_y ~ ., data = cbind(data_slopes, boot_y = boot_y))"
    R(f"boot_fresh <- boot_quietly({fresh.format(both.name)})")
    R("boot_dev <- as.function(getME(boot_fresh, 'devfun'))")
    at_refit = R.num("boot_dev(getME(boot_refit, 'theta'))")[0]
    fresh_value = R.num("REMLcrit(boot_fresh)")[0]
    close(ours[-1], fresh_value, 1e-10)
    if version in ("1.1.31", "1.1.32"):
        assert at_refit > ours[-1] + 1e-4
        assert abs(R.num("REMLcrit(boot_refit)")[0] - fresh_value) > 1
    else:
        close(at_refit, ours[-1], 1e-9)


def test_fixed_effects_alone(R: RSession) -> None:
    both = boot_pair("slopes-ML", R)
    R(f"boot_fixef <- boot_quietly(bootMer({both.name}, fixef, nsim = 5, seed = 3))")
    ours = bootMer(both.m, fixef, 5, 3)
    close(ours.t, R.num("boot_fixef$t"), 1e-7)
    assert ours.t0.index.tolist() == R.strings("names(boot_fixef$t0)")
    pd.testing.assert_series_equal(ours.t0, fixef(both.m))
    assert ours.as_data_frame().shape == (5, 2)
