"""Every bad call of the table is answered as R answers it, or better, and never with a traceback of another library."""

from __future__ import annotations

import pytest
from answers import answer, prepare
from bad_calls import CALLS, Bad


@pytest.fixture(scope="module")
def prepared(R):
    prepare(R)
    return R


@pytest.mark.r
@pytest.mark.parametrize("bad", CALLS, ids=lambda bad: bad.id)
def test_a_bad_call_is_answered_as_in_r(bad: Bad, prepared) -> None:
    ours, _, wrong = answer(bad, prepared)
    assert not wrong
    assert all(text for _, text in ours)
