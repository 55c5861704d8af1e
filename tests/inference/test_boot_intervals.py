"""Intervals from replicates, against R's package boot on the same numbers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from dense_twin import FloatArray, close
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer.errors import ModelError, RWarning
from pylmer.inference.boot_intervals import boot_interval, level_columns, order_statistic
from rcompare.engines.r import RSession

#: An object of class boot that says nothing but its replicates, and boot.ci's answer for it.
BOOT_CI = """
interval_of <- function(t, t0, level, type) {
  t <- t[is.finite(t)]
  parts <- list(t0 = t0, t = matrix(t), R = length(t), sim = "parametric", call = quote(boot()))
  object <- structure(parts, class = "boot")
  answer <- boot::boot.ci(object, conf = level, type = type)
  utils::tail(as.vector(answer[[c(perc = "percent", basic = "basic", norm = "normal")[[type]]]]), 2)
}
"""

levels = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99])


def r_interval(R: RSession, t: FloatArray, t0: float, level: float, kind: str) -> FloatArray:
    R(BOOT_CI)
    R.assign("interval_t", t)
    return R.num(f"suppressWarnings(interval_of(interval_t, {t0!r}, {level!r}, '{kind}'))")


@pytest.mark.filterwarnings("ignore:extreme order statistics")
@pytest.mark.parametrize("kind", ["perc", "basic", "norm"])
@pytest.mark.parametrize("R_", [5, 10, 39, 40, 99, 100, 333])
def test_intervals_are_those_of_boot_ci(R: RSession, kind: str, R_: int) -> None:
    t = np.random.default_rng(R_).gamma(2.0, size=R_)
    for level in (0.5, 0.8, 0.9, 0.95, 0.99):
        close(boot_interval(t, 1.5, level, kind), r_interval(R, t, 1.5, level, kind), 1e-12)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:extreme order statistics")
@pytest.mark.parametrize("kind", ["perc", "basic", "norm"])
def test_replicates_that_failed_are_left_out(R: RSession, kind: str) -> None:
    t = np.random.default_rng(1).normal(size=60)
    t[[3, 17, 59]] = np.nan
    close(boot_interval(t, 0.1, 0.9, kind), r_interval(R, t, 0.1, 0.9, kind), 1e-12)  # type: ignore[arg-type]


@pytest.mark.parametrize("R_", [5, 10, 18, 19, 20, 38, 39, 40, 79])
@pytest.mark.parametrize("kind", ["perc", "basic"])
def test_the_warning_comes_when_r_gives_it(R: RSession, R_: int, kind: str) -> None:
    t = np.random.default_rng(R_).normal(size=R_)
    R(BOOT_CI)
    R.assign("interval_t", t)
    for level in (0.5, 0.8, 0.9, 0.95):
        code = f"interval_of(interval_t, 0, {level}, '{kind}')"
        said = R.strings(f"tryCatch({{ {code}; character() }}, warning = function(w) conditionMessage(w))")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            boot_interval(t, 0.0, level, kind)  # type: ignore[arg-type]
        assert [str(w.message) for w in caught] == said
        assert {w.category for w in caught} <= {RWarning}


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 60), levels)
def test_order_statistics_are_monotone_and_inside(seed: int, R_: int, level: float) -> None:
    t = np.sort(np.random.default_rng(seed).normal(size=R_))
    alphas = np.linspace(0.01, 0.99, 25)
    values = [order_statistic(t, a)[0] for a in alphas]
    assert (np.diff(values) >= 0).all()
    assert t[0] <= values[0]
    assert values[-1] <= t[-1]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.integers(40, 90), levels)
@pytest.mark.filterwarnings("ignore:extreme order statistics")
def test_basic_is_percentile_reflected_at_the_estimate(seed: int, R_: int, level: float) -> None:
    t = np.random.default_rng(seed).normal(size=R_)
    lo, hi = boot_interval(t, 0.3, level, "perc")
    close(boot_interval(t, 0.3, level, "basic"), (0.6 - hi, 0.6 - lo), 1e-14)
    centre = boot_interval(t, 0.3, level, "norm")
    assert sum(centre) / 2 == pytest.approx(0.6 - t.mean())


@pytest.mark.parametrize("t", [[], [1.0], [np.nan, np.nan, 2.0]])
def test_too_few_replicates_give_no_interval(t: list[float]) -> None:
    assert np.isnan(boot_interval(np.array(t), 1.0)).all()


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ModelError, match="boot_type='bca': choose 'perc', 'basic' or 'norm'"):
        boot_interval(np.arange(50.0), 1.0, 0.9, "bca")  # type: ignore[arg-type]


@pytest.mark.parametrize("level", [0.95, 0.9, 0.99, 0.5, 0.683, 0.999, 2 / 3])
def test_names_of_the_columns_are_those_of_confint(R: RSession, level: float) -> None:
    R(f"interval_wald <- confint(lmer(Yield ~ 1 + (1 | Batch), Dyestuff), method = 'Wald', level = {level!r})")
    assert level_columns(level) == R.strings("colnames(interval_wald)")


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 95.0])
def test_levels_outside_of_0_and_1_are_refused(level: float) -> None:
    with pytest.raises(ModelError, match="give a number between 0 and 1"):
        level_columns(level)
