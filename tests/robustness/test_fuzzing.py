"""A short run of each fuzzer; ``ci/robustness`` runs them for longer."""

from __future__ import annotations

import pytest
from fuzzing import TARGETS, fuzz


@pytest.mark.parametrize("target", TARGETS)
def test_mutations_are_read_or_refused(target: str) -> None:
    found = fuzz(target, 1.5)
    assert found.runs > 10
    assert found.findings == ()
