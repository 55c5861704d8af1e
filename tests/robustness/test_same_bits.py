"""The same bits from one run to the next, and for any number of threads; from machine to machine, the same digits."""

from __future__ import annotations

import platform
import threading

import numpy as np
import pytest
from same_bits import MACHINES, difference, run

from pylmer.threads import one_thread


@pytest.fixture(scope="module")
def alone() -> dict[str, np.ndarray]:
    return run()


@pytest.mark.parametrize(
    "settings",
    [{}, {"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}, {"PYTHONHASHSEED": "7"}],
    ids=["again", "two threads", "another hash seed"],
)
def test_the_same_bits(alone: dict[str, np.ndarray], settings: dict[str, str]) -> None:
    found = difference(alone, run(**settings))
    assert {name: d.different for name, d in found.items()} == dict.fromkeys(alone, 0)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the kernels are those of x86-64")
def test_another_machine_gives_the_same_digits(alone: dict[str, np.ndarray]) -> None:
    """What R prints are seven digits; theta on flat criteria is the first to differ."""
    found = difference(alone, run(OPENBLAS_CORETYPE=MACHINES[-1]))
    assert max(d.largest for d in found.values()) < 1e-8


def test_threads_that_fit_at_the_same_time_leave_the_setting_as_it_was() -> None:
    from threadpoolctl import threadpool_info

    def counts() -> list[int]:
        return [entry["num_threads"] for entry in threadpool_info() if entry["user_api"] == "blas"]

    before = counts()
    first, second, seen = threading.Event(), threading.Event(), []

    def fit() -> None:
        with one_thread(10**6):
            first.set()
            second.wait(5)
            seen.extend(counts())

    worker = threading.Thread(target=fit)
    worker.start()
    assert first.wait(5)
    with one_thread(10**6):
        pass
    second.set()
    worker.join()
    assert set(seen) <= {1}
    assert counts() == before
