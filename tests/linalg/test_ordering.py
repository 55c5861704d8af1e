"""Orders of elimination against elimination of the whole graph, node by node."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from dense_twin import IntArray
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer.linalg import ordering as room
from pylmer.linalg.ordering import Elimination, elimination_of


def random_graph(seed: int, n: int, links: int) -> sp.csr_array:
    rng = np.random.default_rng(seed)
    full = np.zeros((n, n))
    full[rng.integers(0, n, links), rng.integers(0, n, links)] = 1.0
    return sp.csr_array(np.tril(full + full.T, -1))


def cut(flat: IntArray, counts: IntArray) -> list[set[int]]:
    return [set(part.tolist()) for part in np.split(flat, np.cumsum(counts)[:-1])]


def check(pattern: sp.csr_array, found: Elimination) -> None:
    """Eliminate the groups one by one: each leaves links only within what it says is its border."""
    n = pattern.shape[0]
    graph = [set(row.nonzero()[0].tolist()) for row in (pattern + pattern.T).toarray()]
    pivots, borders = cut(found.pivots, found.pivot_counts), cut(found.borders, found.border_counts)
    assert sorted(found.pivots.tolist()) == list(range(n))
    group_of = {v: g for g, group in enumerate(pivots) for v in group}
    for g, (group, border) in enumerate(zip(pivots, borders, strict=True)):
        met = set().union(*(graph[v] for v in group)) - group
        assert met <= border
        assert all(group_of[v] > g for v in border)
        if border:
            parent = int(found.parent[g])
            assert parent == min(group_of[v] for v in border)
            assert border <= pivots[parent] | borders[parent]
        else:
            assert found.parent[g] == -1
        for v in met:
            graph[v] = (graph[v] | met) - group - {v}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 30), st.integers(0, 60), st.booleans())
def test_groups_are_eliminated_in_order(seed: int, n: int, links: int, by_superlu: bool) -> None:
    pattern = random_graph(seed, n, links)
    widths = np.random.default_rng(seed).integers(1, 4, n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "MOST_BITS", 0 if by_superlu else 60_000)
        check(pattern, elimination_of(pattern, widths))


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("by_superlu", [False, True])
def test_a_grid(share: float, by_superlu: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    side = 9
    line = sp.diags_array([np.ones(side - 1), np.ones(side - 1)], offsets=[-1, 1])
    grid = sp.csr_array(sp.kron(line, sp.eye_array(side)) + sp.kron(sp.eye_array(side), line))
    monkeypatch.setattr(room, "DENSE_SHARE", share)
    monkeypatch.setattr(room, "MOST_BITS", 0 if by_superlu else 60_000)
    pattern = sp.csr_array(sp.tril(grid, -1))
    found = elimination_of(pattern, np.ones(side * side, dtype=np.intp))
    check(pattern, found)
    assert len(found.parent) > 1


def test_joining_is_by_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    pattern = random_graph(5, 40, 60)
    widths = np.ones(40, dtype=np.intp)
    monkeypatch.setattr(room, "ADD", 0.0)
    monkeypatch.setattr(room, "CELL", 1e-30)
    apart = elimination_of(pattern, widths)
    monkeypatch.setattr(room, "ADD", 1.0)
    together = elimination_of(pattern, widths)
    check(pattern, apart)
    check(pattern, together)
    assert len(together.parent) < len(apart.parent)


def test_nodes_without_links_and_trees_leave_no_new_link() -> None:
    alone = elimination_of(sp.csr_array((5, 5)), np.ones(5, dtype=np.intp))
    assert alone.parent.tolist() == [-1] * 5
    star = np.zeros((6, 6))
    star[5, :5] = 1.0
    found = elimination_of(sp.csr_array(star), np.full(6, 400))
    check(sp.csr_array(star), found)
    assert max(found.border_counts.tolist()) <= 1
