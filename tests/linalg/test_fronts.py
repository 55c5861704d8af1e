"""Factorization front by front against the whole dense matrix."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from dense_twin import FloatArray, close
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer.errors import ModelError
from pylmer.linalg import fronts as room
from pylmer.linalg import ordering
from pylmer.linalg.fronts import FrontPlan, Fronts
from pylmer.linalg.ordering import elimination_of


def matrices(seed: int, widths: list[int], links: int, R: int) -> tuple[sp.csr_array, FloatArray]:
    """A pattern of nodes, and R positive definite matrices that fill it."""
    rng = np.random.default_rng(seed)
    n = len(widths)
    met = np.zeros((n, n))
    met[rng.integers(0, n, links), rng.integers(0, n, links)] = 1.0
    pattern = np.tril(met + met.T, -1)
    node = np.repeat(np.arange(n), widths)
    filled = (pattern + pattern.T + np.eye(n))[np.ix_(node, node)] > 0
    S = rng.normal(size=(R, len(node), len(node))) * filled
    S = S + S.swapaxes(-1, -2)
    S += np.eye(len(node)) * (1.0 + np.abs(S).sum(axis=-1).max())
    return sp.csr_array(pattern), S


def factorized(pattern: sp.csr_array, widths: list[int], S: FloatArray) -> tuple[Fronts, FloatArray, FloatArray]:
    first = np.concatenate([[0], np.cumsum(widths)])
    plan = FrontPlan(elimination_of(pattern, np.array(widths)), first)
    rows, cols = np.nonzero(np.tril(np.abs(S).sum(axis=0)))
    here, across = plan.cells(rows, cols)
    buffer = np.zeros((len(S), plan.size + 1))
    buffer[:, here] = S[:, rows, cols]
    buffer[:, across] = S[:, rows, cols]
    return Fronts(plan, buffer), rows, cols


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**31),
    st.lists(st.integers(1, 4), min_size=1, max_size=25),
    st.integers(0, 50),
    st.integers(1, 3),
    st.sampled_from([(6, 160), (0, 160), (0, 0), (100, 160)]),
    st.booleans(),
)
def test_against_the_whole_matrix(
    seed: int, widths: list[int], links: int, R: int, how: tuple[int, int], apart: bool
) -> None:
    pattern, S = matrices(seed, widths, links, R)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "TOGETHER", how[0])
        patch.setattr(room, "ONE_BY_ONE", how[1])
        if apart:
            patch.setattr(ordering, "CELL", 1e-30)
            patch.setattr(ordering, "ADD", 0.0)
        fronts, rows, cols = factorized(pattern, widths, S)
        right = np.random.default_rng(seed).normal(size=(R, S.shape[1], 3))
        close(fronts.logdet, np.linalg.slogdet(S)[1])
        close(fronts.solve(right), np.linalg.solve(S, right))
        inverse = fronts.invert()
        close(inverse[:, fronts.plan.cells(rows, cols)[0]], np.linalg.inv(S)[:, rows, cols])
        close(inverse[:, fronts.plan.cells(rows, cols)[1]], np.linalg.inv(S)[:, rows, cols])
        close(fronts.solve(right), np.linalg.solve(S, right))


@pytest.mark.parametrize("how", [(6, 160), (0, 160), (0, 0)])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_matrix_that_is_not_positive_definite(
    how: tuple[int, int], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "TOGETHER", how[0])
    monkeypatch.setattr(room, "ONE_BY_ONE", how[1])
    pattern, S = matrices(1, [width] * 6, 0, 1)
    S[0, -1, -1] = -1.0
    with np.errstate(invalid="ignore"), pytest.raises(ModelError, match="not positive definite"):
        factorized(pattern, [width] * 6, S)


def test_memory_and_time_grow_with_the_fronts() -> None:
    small, large = (
        FrontPlan(elimination_of(matrices(3, [k] * 20, 30, 1)[0], np.full(20, k)), np.arange(21) * k) for k in (1, 3)
    )
    assert small.bytes_per_replicate() < large.bytes_per_replicate()
    assert small.seconds < large.seconds
    assert small.bytes_kept < large.bytes_kept
