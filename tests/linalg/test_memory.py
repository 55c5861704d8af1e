"""Estimates of memory hold, models beyond it are refused, and the way to store the sums is chosen by both."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dense_twin import IntArray, Shape
from linalg_problem import Problem

from pylmer.errors import ModelError
from pylmer.linalg import memory as room
from pylmer.linalg.assembled import Z_of_term, block_diagonal, cholesky_of
from pylmer.linalg.choice import estimates, structure_of
from pylmer.linalg.cross_products import CrossProducts, Factor, cross_products
from pylmer.linalg.crossed import Crossed
from pylmer.linalg.memory import available_memory, memory_limit, memory_text
from pylmer.linalg.one_factor import OneFactor, Responses
from pylmer.linalg.sparse_crossed import SparseCrossed


def sums_of(codes: list[IntArray], width: int = 1, p: int = 2) -> CrossProducts:
    rng = np.random.default_rng(1)
    n = len(codes[0])
    factors = [Factor(c.astype(np.intp), rng.normal(size=(n, width)), int(c.max()) + 1) for c in codes]
    return cross_products(factors, rng.normal(size=(p + 1, n)))


def within_schools(schools: int, width: int = 1) -> CrossProducts:
    """Students who meet the teachers of their school, some those of another."""
    rng = np.random.default_rng(schools)
    student = np.repeat(np.arange(schools * 50), 4)
    school = np.where(rng.random(len(student)) < 0.01, rng.integers(0, schools, len(student)), student // 50)
    return sums_of([student, school * 10 + rng.integers(0, 10, len(student))], width)


def unstructured(J: int, q: int, rows: int) -> CrossProducts:
    rng = np.random.default_rng(J)
    return sums_of([np.repeat(np.arange(J), rows), np.concatenate([np.arange(q), rng.integers(0, q, J * rows - q)])])


def peak_of(make: Callable[[CrossProducts], Crossed | SparseCrossed | OneFactor], sums: CrossProducts) -> int:
    """Most memory while a structure is made and evaluated with derivatives."""
    L = [np.full((1, A.shape[1], A.shape[1]), 0.1) + np.eye(A.shape[1]) for A in sums.A]
    F = [np.ones((1, A.shape[0], A.shape[1], 3)) for A in sums.A]
    tracemalloc.start()
    at = make(sums).at(L, Responses.of(sums))
    at.W_sums()
    at.W_quadratic(F)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize(
    "sums",
    [
        lambda: within_schools(20),
        lambda: within_schools(60),
        lambda: within_schools(20, 2),
        lambda: unstructured(1000, 300, 4),
        lambda: sums_of([np.arange(8000) // 4, np.arange(8000) // 40, np.arange(8000) // 800]),
    ],
    ids=["20 schools", "60 schools", "slopes in schools", "unstructured", "nested"],
)
def test_estimates_are_not_exceeded(sums: Callable[[], CrossProducts]) -> None:
    made = sums()
    dense, sparse = estimates(made)
    assert (dense.structure, sparse.structure) == ("dense", "sparse")
    for estimate, make in ((dense, Crossed), (sparse, SparseCrossed)):
        peak = peak_of(make, made)
        assert peak <= estimate.bytes
        assert estimate.bytes <= 10 * peak + 5_000_000


def test_the_estimate_of_one_factor() -> None:
    sums = sums_of([np.arange(20_000) // 4], 2)
    (only,) = estimates(sums)
    assert only.structure == "one factor"
    assert peak_of(OneFactor, sums) <= only.bytes


def test_the_pattern_decides() -> None:
    assert isinstance(structure_of(within_schools(60)), SparseCrossed)
    assert isinstance(structure_of(sums_of([np.arange(8000) // 4, np.arange(8000) // 40])), SparseCrossed)
    assert isinstance(structure_of(unstructured(1000, 300, 4)), Crossed)
    assert isinstance(structure_of(unstructured(1000, 10, 4)), Crossed)
    assert isinstance(structure_of(Problem(Shape(1, ((4, (1,)),))).sums), OneFactor)


def test_memory_decides_where_time_does_not() -> None:
    sums = within_schools(20)
    dense, sparse = estimates(sums)
    assert sparse.bytes < dense.bytes
    with memory_limit(sparse.bytes):
        assert isinstance(structure_of(sums), SparseCrossed)
    small = unstructured(400, 60, 4)
    dense, sparse = estimates(small)
    with memory_limit(max(dense.bytes, sparse.bytes)):
        structure_of(small)


@pytest.mark.parametrize("make", [lambda: within_schools(20), lambda: sums_of([np.arange(20_000) // 4])])
def test_what_does_not_fit_is_refused_with_the_estimate(make: Callable[[], CrossProducts]) -> None:
    sums = make()
    least = min(e.bytes for e in estimates(sums))
    with memory_limit(0.99 * least), pytest.raises(ModelError) as refused:
        structure_of(sums)
    assert f"need about {memory_text(least)} of memory" in str(refused.value)
    assert f"{memory_text(0.99 * least)} may be taken" in str(refused.value)
    with memory_limit(least):
        structure_of(sums)


def test_nothing_is_allocated_before_a_refusal() -> None:
    sums = within_schools(60)
    tracemalloc.start()
    with memory_limit(1e5), pytest.raises(ModelError):
        structure_of(sums)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.2 * min(e.bytes for e in estimates(sums))


def test_the_limit_ends_with_its_block() -> None:
    with memory_limit(5.0):
        assert room.allowed_memory() == 5.0
        with memory_limit(None):
            assert room.allowed_memory() > 5.0
    assert room.allowed_memory() <= available_memory()


def test_available_memory_is_the_least_that_the_system_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < available_memory() < math.inf
    most, used = tmp_path / "max", tmp_path / "current"
    most.write_text("5000\n")
    used.write_text("2000\n")
    monkeypatch.setattr(room, "_CGROUPS", ((str(most), str(used)),))
    assert available_memory() == 3000.0
    most.write_text("max\n")
    assert available_memory() > 3000.0
    monkeypatch.setattr(room, "_CGROUPS", ((str(tmp_path / "none"), str(used)),))
    assert available_memory() > 3000.0


def test_bytes_in_words() -> None:
    sizes = (1234, 5.6e6, 7.89e9, 1.5e13)
    assert [memory_text(size) for size in sizes] == ["1.23 kB", "5.6 MB", "7.89 GB", "15 TB"]


def test_the_whole_factor_is_refused_where_it_does_not_fit() -> None:
    Z = Z_of_term(np.arange(40) % 20, np.ones((40, 1)), 20)
    Lambda = block_diagonal([np.ones((1, 1))], [20])
    with memory_limit(9_000.0), pytest.raises(ModelError, match=r"L of 20 .* takes 9\.6 kB of memory, and 9 kB may"):
        cholesky_of(Z, Lambda, None)
    with memory_limit(9_600.0):
        assert cholesky_of(Z, Lambda, None).shape == (20, 20)
