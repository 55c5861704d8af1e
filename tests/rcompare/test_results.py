"""Results survive JSON exactly."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcompare.results import (
    NA,
    Labelled,
    Results,
    Strings,
    Text,
    content_hash,
    decode_number,
    decode_value,
    encode_number,
    encode_value,
    from_json,
    read_results,
    sample_positions,
    to_json,
    write_results,
)


def bits(x: float) -> bytes:
    return struct.pack("<d", x)


@given(st.floats(allow_nan=False))
def test_every_float_survives_to_the_bit(x: float) -> None:
    assert bits(decode_number(json.loads(json.dumps(encode_number(x))))) == bits(x)


def test_missing_and_not_a_number_stay_apart() -> None:
    assert encode_number(NA) == "NA"
    assert encode_number(math.nan) == "NaN"
    assert bits(decode_number("NA")) == bits(NA)
    assert math.isnan(decode_number("NaN"))
    assert bits(decode_number("NaN")) != bits(NA)
    assert [decode_number(s) for s in ("Inf", "-Inf")] == [math.inf, -math.inf]
    assert bits(decode_number(json.loads(json.dumps(encode_number(-0.0))))) == bits(-0.0)


def example() -> Results:
    values = {
        "scalar": Labelled(np.asarray(0.1)),
        "vector": Labelled(np.array([1.0, NA, np.inf]), (("a", "b", "c"),)),
        "rows": Labelled(np.arange(5.0), (("1", "2", "3", "4", "5"),)),
        "matrix": Labelled(np.arange(6.0).reshape(2, 3), (None, ("x", "y", "z")), sampled=True),
        "empty": Labelled(np.empty((0, 2)), (None, ("u", "v"))),
        "labels": Strings(("ä", "b\nc", "")),
        "text": Text(("  x  ", "", 'say "y"')),
    }
    return Results("a-case", values, {"R": "4.2.2", "packages": {"lme4": "1.1-31"}}, {"t": Strings(())}, ("m",), ("w",))


def test_results_survive_json() -> None:
    before = example()
    after = from_json(to_json(before))
    assert to_json(after) == to_json(before)
    assert after.stamp == before.stamp
    assert after.messages == ("m",)
    vector = after.values["vector"]
    assert isinstance(vector, Labelled)
    assert vector.labels == (("a", "b", "c"),)
    assert after.values["text"] == before.values["text"]
    matrix = after.values["matrix"]
    assert isinstance(matrix, Labelled)
    assert matrix.sampled
    assert matrix.values.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_row_numbers_are_stored_as_their_count() -> None:
    value = Labelled(np.zeros(4), (("1", "2", "3", "4"),))
    assert encode_value(value)["labels"] == [{"1..": 4}]
    back = decode_value(encode_value(value))
    assert isinstance(back, Labelled)
    assert back.labels == value.labels


def test_large_results_are_packed_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    big = Results("big", {"v": Labelled(np.random.default_rng(1).normal(size=5000))})
    path = write_results(big, tmp_path)
    assert path.name == "big.json.gz"
    first = path.read_bytes()
    assert write_results(big, tmp_path).read_bytes() == first
    back = read_results(tmp_path, "big")
    assert back.stamp == {"content_hash": content_hash(big)}
    assert content_hash(back) == content_hash(big)
    assert to_json(replace(back, stamp={})) == to_json(big)
    small = Results("big", {})
    assert write_results(small, tmp_path).name == "big.json"
    assert not path.exists()


def test_a_case_without_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="rcompare record nothing"):
        read_results(tmp_path, "nothing")


def test_labels_must_fit() -> None:
    with pytest.raises(ValueError, match="labels do not fit"):
        Labelled(np.zeros(3), (("a", "b"),))


@given(st.integers(0, 5000), st.integers(10, 600))
def test_sampled_positions_are_spread_and_ascending(n: int, size: int) -> None:
    keep = sample_positions(n, size)
    assert min(n, size) <= len(keep) <= min(n, size) + 10
    assert all(np.diff(keep) > 0)
    assert n == 0 or (keep[0] == 0 and keep[-1] < n)


def test_a_number_is_asked_by_name() -> None:
    assert example().number("scalar") == 0.1
    with pytest.raises(KeyError):
        example().number("vector")
