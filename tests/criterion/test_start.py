"""Where the optimizer begins: covariances brought well inside the positive definite matrices."""

from __future__ import annotations

import numpy as np
import pytest
from dense_twin import close
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer.criterion.start import LARGEST, SMALLEST, _clipped, _clipped_pair


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.floats(-5, 5))
def test_two_by_two_is_written_out(seed: int, power: float) -> None:
    G = np.random.default_rng(seed).normal(size=(2, 2)) * 10.0**power
    G = G + G.T
    close(_clipped_pair(G), _clipped(G), 1e-8)


@pytest.mark.parametrize("G", [np.zeros((2, 2)), np.eye(2), -np.eye(2), np.ones((2, 2)) * 1e9])
def test_eigenvalues_stay_in_range(G: np.ndarray) -> None:
    L = _clipped_pair(G)
    values = np.linalg.eigvalsh(L @ L.T)
    assert values[0] >= 0.02 * 10 * SMALLEST * (1 - 1e-9)
    assert values[-1] <= LARGEST * (1 + 1e-9)
    assert values[0] >= 0.02 * values[-1] * (1 - 1e-9)
    close(L, _clipped(G), 1e-8)
