"""Each workload through pylmer, lme4 and the packages that are installed, in the same run; the table at the end."""

from __future__ import annotations

import os

import pytest
import table
from rich.console import Console

THREADS = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS"), "1")


def pytest_configure(config: pytest.Config) -> None:
    wrong = [name for name, value in THREADS.items() if os.environ.get(name) != value]
    if wrong:
        raise pytest.UsageError(f"set {' and '.join(wrong)} to 1: one thread each (ci/benchmark does)")


@pytest.fixture(scope="session")
def R():
    from rcompare.engines.r import r_session, why_no_r

    reason = why_no_r()
    if reason is not None:
        pytest.skip(f"no live R: {reason}")
    return r_session()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    session = getattr(config, "_benchmarksession", None)
    if session is not None and session.benchmarks:
        records = [bench.as_dict(include_data=False, flat=False, stats=True) for bench in session.benchmarks]
        Console(width=160).print(table.terminal(table.timings(records)))
