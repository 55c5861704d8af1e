"""Each workload through pylmer and through lme4 in the same run; the table of ratios at the end."""

from __future__ import annotations

import os
from collections import defaultdict

import pytest

THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def pytest_configure(config: pytest.Config) -> None:
    wrong = [name for name, value in THREADS.items() if os.environ.get(name) != value]
    if wrong:
        raise pytest.UsageError(f"set {' and '.join(wrong)} to 1: one BLAS thread each (ci/benchmark does)")


@pytest.fixture(scope="session")
def R():
    from rcompare.engines.r import r_session, why_no_r

    reason = why_no_r()
    if reason is not None:
        pytest.skip(f"no live R: {reason}")
    return r_session()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Medians side by side."""
    session = getattr(config, "_benchmarksession", None)
    if session is None or not session.benchmarks:
        return
    medians: dict[str, dict[str, float]] = defaultdict(dict)
    for bench in session.benchmarks:
        medians[bench.group][bench.extra_info["engine"]] = bench.stats.median
    write = terminalreporter.write_line
    write("")
    write(f"{'workload':28s} {'pylmer':>12s} {'lme4':>12s} {'lme4 / pylmer':>14s}")
    for name, by in medians.items():
        ours, theirs = by.get("pylmer"), by.get("lme4")
        cells = [f"{1e3 * t:9.2f} ms" if t is not None else "-" for t in (ours, theirs)]
        ratio = f"{theirs / ours:.1f}" if ours and theirs else "-"
        write(f"{name:28s} {cells[0]:>12s} {cells[1]:>12s} {ratio:>14s}")
