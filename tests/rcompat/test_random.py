"""R's random numbers, bit by bit, against what R recorded and against R itself."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer.errors import DataError, RWarning
from pylmer.rcompat import random
from pylmer.rcompat.normal_inversion import BLOCK, NormalInversion
from pylmer.rcompat.random import RStream
from pylmer.rcompat.sampling import uniform

with gzip.open(Path(__file__).parents[2] / "fixtures" / "rcompat" / "random.json.gz", "rt") as file:
    RECORDED: dict[str, Any] = json.load(file)


def numbers(texts: list[str]) -> np.ndarray:
    return np.array([float.fromhex(text) for text in texts if text])


def number(texts: list[str]) -> int:
    return int(numbers(texts)[0])


def md5(array: np.ndarray) -> str:
    return hashlib.md5(array.tobytes(), usedforsecurity=False).hexdigest()


def ulps_apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Count the doubles between a and b, which have the same sign."""
    return np.abs(a.view(np.int64) - b.view(np.int64))


@pytest.mark.parametrize("recorded", RECORDED["streams"], ids=lambda r: f"seed {number(r['seed'])}")
def test_streams(recorded: dict[str, Any]) -> None:
    stream = RStream(number(recorded["seed"]))
    u = stream.runif(100_000)
    np.testing.assert_array_equal(u[:5], numbers(recorded["runif_first"]))
    assert md5(u.astype("<f8")) == recorded["runif"]
    z = stream.rnorm(100_000)
    some = numbers(recorded["rnorm_some"])
    assert ulps_apart(z[::499], some).max() <= 1
    assert md5(stream.random_seed.astype("<i4")) == recorded["state"]


@pytest.mark.parametrize(
    "recorded",
    RECORDED["samples"],
    ids=lambda r: f"{r['kind']} {number(r['size'])} of {number(r['n'])} {'with' if r['replace'] else 'without'}",
)
@pytest.mark.filterwarnings("ignore:non-uniform")
def test_samples(recorded: dict[str, Any]) -> None:
    stream = RStream(number(recorded["seed"]), recorded["kind"])
    drawn = stream.sample(number(recorded["n"]), number(recorded["size"]), recorded["replace"])
    np.testing.assert_array_equal(drawn, numbers(recorded["drawn"]))
    np.testing.assert_array_equal(stream.runif(1), numbers(recorded["after"]))


def test_quantiles_of_all_branches() -> None:
    p = numbers(RECORDED["probabilities"])
    out = np.empty_like(p)
    NormalInversion(p.size).quantiles(p, out)
    expected = numbers(RECORDED["quantiles"])
    assert ulps_apart(out[p != 0.5], expected[p != 0.5]).max() <= 1
    assert out[p == 0.5] == expected[p == 0.5]


def test_scale_and_location() -> None:
    stream = RStream(11)
    drawn = [stream.rnorm(3, 10, 2), stream.runif(3, -1, 5), stream.rnorm(2, 4, 0), stream.runif(2, 3, 3)]
    np.testing.assert_allclose(np.concatenate([*drawn, stream.rnorm(1)]), numbers(RECORDED["scaled"]), rtol=4e-16)


def test_word_zero_is_a_number_above_zero() -> None:
    words = np.array([0, 0, 1 << 31, 0, 1 << 5, 0, 0, 7], dtype=np.uint64)
    u = uniform(words)
    assert u.min() > 0
    # What R computes from the two uniform deviates, one operation after another.
    expected = (np.floor(2.0**27 * u[0::2]) + u[1::2]) / 2.0**27
    made, quantiles, theirs = np.empty((3, 4))
    machine = NormalInversion(4)
    machine._probabilities(words.view(np.int64), made)
    np.testing.assert_array_equal(made, expected)
    machine.deviates(words, quantiles)
    machine.quantiles(expected, theirs)
    np.testing.assert_array_equal(quantiles, theirs)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 2 * BLOCK + 100), min_size=1, max_size=4), st.integers(0, 2**31 - 1))
def test_pieces_are_the_whole(sizes: list[int], seed: int) -> None:
    whole = RStream(seed).rnorm(sum(sizes))
    stream = RStream(seed)
    np.testing.assert_array_equal(np.concatenate([stream.rnorm(n) for n in sizes]), whole)
    blocks = [block.copy() for block in RStream(seed).rnorm_blocks(whole.size, 7185)]
    np.testing.assert_array_equal(np.concatenate([*blocks, np.empty(0)]), whole)
    matrix = np.empty((2, whole.size // 2))
    assert RStream(seed).rnorm(out=matrix) is matrix
    np.testing.assert_array_equal(matrix.ravel(), whole[: matrix.size])


def test_state_goes_out_and_comes_back() -> None:
    stream = RStream(5)
    stream.rnorm(1000)
    state, twin = stream.random_seed, stream.copy()
    expected = stream.rnorm(100)
    np.testing.assert_array_equal(twin.rnorm(100), expected)
    stream.random_seed = state
    np.testing.assert_array_equal(stream.rnorm(100), expected)


def test_stream_of_the_process() -> None:
    random.set_seed(3)
    drawn = random.runif(2), random.rnorm(2), random.sample([2.5, 1.5, 0.5])
    stream = RStream(3)
    np.testing.assert_array_equal(drawn[0], stream.runif(2))
    np.testing.assert_array_equal(drawn[1], stream.rnorm(2))
    np.testing.assert_array_equal(drawn[2], np.array([2.5, 1.5, 0.5])[stream.sample(3) - 1])


def test_without_a_seed_streams_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "_default", None)
    assert not np.array_equal(random.runif(3), RStream().runif(3))


def test_what_cannot_be_drawn() -> None:
    stream = RStream(1)
    for seed in (2**31, "a", float("nan")):
        with pytest.raises(DataError, match="supplied seed is not a valid integer"):
            stream.set_seed(seed)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="cannot take a sample larger than the population"):
        stream.sample(5, 6)
    with pytest.raises(DataError, match="invalid first argument"):
        stream.sample(-1)
    with pytest.raises(DataError, match="invalid arguments"):
        stream.rnorm(-1)
    with pytest.raises(DataError, match="not a state"):
        stream.random_seed = np.zeros(626, dtype=np.int32)
    with pytest.raises(DataError, match="C-contiguous"):
        stream.rnorm(out=np.empty((3, 2)).T)
    with pytest.raises(DataError, match="sample_kind is one of"):
        stream.set_seed(1, "Sloppy")  # type: ignore[arg-type]
    with pytest.warns(RWarning, match="NAs produced"):
        assert np.isnan(stream.rnorm(2, sd=-1)).all()
    with pytest.warns(RWarning, match="NAs produced"):
        assert np.isnan(stream.runif(2, 2, 1)).all()
    with pytest.warns(RWarning, match="non-uniform 'Rounding' sampler used"):
        stream.set_seed(1, "Rounding")


@pytest.mark.parametrize("seed", [7, 20221110, -99])
def test_draws_are_those_of_live_R(R: Any, seed: int) -> None:
    """On one machine the two share the C library, so even the logarithm agrees to the last bit."""
    R.eval(f"set.seed({seed}, 'Mersenne-Twister', 'Inversion', 'Rejection')")
    stream = RStream(seed)
    np.testing.assert_array_equal(stream.runif(100_000), R.num("runif(1e5)"))
    ours, theirs = stream.rnorm(100_000), R.num("rnorm(1e5)")
    assert ulps_apart(ours, theirs).max() <= 1
    assert np.mean(ours == theirs) > 0.999
    np.testing.assert_array_equal(stream.sample(7185), R.num("sample(7185)"))
    np.testing.assert_array_equal(stream.sample(100_000, replace=True), R.num("sample(1e5, replace = TRUE)"))
    np.testing.assert_array_equal(stream.random_seed, R.num(".Random.seed"))
