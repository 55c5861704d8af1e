"""Samples of the same distribution agree, samples of another do not."""

from __future__ import annotations

import numpy as np
import pytest

from rcompare.case import Case
from rcompare.compare import compare_case
from rcompare.engines.golden import GoldenEngine
from rcompare.montecarlo import compare_samples
from rcompare.results import Labelled, Results, read_results


@pytest.mark.parametrize("seed", range(5))
def test_the_same_distribution_agrees(seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert all(m.agrees for m in compare_samples(rng.gamma(3.0, size=500), rng.gamma(3.0, size=700)))


def test_a_shift_and_a_spread_are_seen() -> None:
    rng = np.random.default_rng(1)
    plain = rng.normal(size=500)
    assert not compare_samples(rng.normal(0.5, size=500), plain)[0].agrees
    spread = {m.what: m.agrees for m in compare_samples(rng.normal(0, 2, size=500), plain)}
    assert spread["mean"]
    assert not spread["quantile 0.025"]


def test_missing_replicates_are_left_out_and_few_are_refused() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=100)
    assert compare_samples(np.append(x, np.nan), x)[0].z == 0
    with pytest.raises(ValueError, match="too few"):
        compare_samples(x[:20], x)


def test_engines_with_a_stream_of_their_own_are_compared_by_chance() -> None:
    rng = np.random.default_rng(3)

    def bootstrap(draws: np.ndarray, **stamp: str) -> Results:  # type: ignore[type-arg]
        return Results("c", {"boot.t": Labelled(draws, (None, ("s", "t")))}, stamp)

    theirs = bootstrap(rng.normal(size=(300, 2)))
    case = Case("c", "d", formula="y ~ 1 + (1 | g)")
    ours = bootstrap(rng.normal([0.0, 1.0], size=(200, 2)), stream="own")
    found = [d for d in compare_case(case, ours, theirs).differences if d.quantity == "boot.t"]
    assert [(d.where, d.status) for d in found] == [("s", "same"), ("t", "differs")]


def test_an_own_stream_agrees_with_the_bootstrap_of_r() -> None:
    """The bootstrap of the chapter's first model with another seed, against R's replicates."""
    from pylmer import bootMer, datasets, lmer

    theirs = read_results(GoldenEngine().folder, "hsb-m1-reml").values["boot.t"]
    assert isinstance(theirs, Labelled)
    m = lmer("mathach ~ 1 + (1 | school)", datasets.HSB())
    draws = np.asarray(bootMer(m, lambda fit: fit.beta, nsim=200, seed=2026).t)
    assert all(found.agrees for found in compare_samples(draws[:, 0], theirs.values[:, 2]))
