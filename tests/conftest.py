"""Fixtures for all tests: ``R``, the live R that expected values come from, and the count of what ran with it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rcompare.engines.r import RSession


def pytest_addoption(parser: pytest.Parser) -> None:
    with contextlib.suppress(ValueError):  # the plugin of rcompare has it too, where it is installed
        parser.addoption("--require-r", action="store_true", help="fail, instead of skipping, where live R is missing")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(LiveComparisons())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test that takes the fixture ``R`` carries the marker ``r``, and every ``r`` test needs R."""
    for item in items:
        names = getattr(item, "fixturenames", [])
        if "R" in names and item.get_closest_marker("r") is None:
            item.add_marker("r")
        elif item.get_closest_marker("r") is not None and "R" not in names:
            names.insert(0, "R")


@pytest.fixture(scope="session")
def R(request: pytest.FixtureRequest) -> RSession:
    """Live R with lme4 attached, C locale, one BLAS thread.

    ``R.num(code)`` gives a float array, ``R.text(code)`` the lines that R prints for a value, ``R.output(code)`` the
    lines that the code writes, ``R.strings(code)`` a list of strings, ``R.eval(code)`` anything (dict for a named
    list), ``R.assign(name, array)`` makes a variable. Each call sees the variables of the earlier ones (one global
    environment), so tests use names of their own.
    """
    from rcompare.engines.r import r_session, why_no_r

    reason = why_no_r()
    if reason is not None:
        if request.config.getoption("--require-r"):
            pytest.fail(f"live R is required (--require-r): {reason}", pytrace=False)
        pytest.skip(f"no live R: {reason}")
    return r_session()


class LiveComparisons:
    """Counts the tests that ran with live R and those that could not, in the workers of a parallel run too."""

    def __init__(self) -> None:
        self.run = self.skipped = 0
        self.why = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if "r" not in report.keywords:
            return
        if report.skipped:
            self.skipped += 1
            self.why = f" ({report.longrepr[2]})" if isinstance(report.longrepr, tuple) else ""
        elif report.when == "call":
            self.run += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        line = f"live comparisons with R: {self.run} run, {self.skipped} skipped{self.why}"
        terminalreporter.write_line(line, yellow=bool(self.skipped), green=not self.skipped)
