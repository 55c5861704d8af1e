"""Fixtures for all tests: ``R``, the live R that expected values come from, and the count of what ran with it."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rcompare.engines.r import RSession

OUTCOMES: pytest.StashKey[Counter[str]] = pytest.StashKey()
REASON: pytest.StashKey[list[str]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    with contextlib.suppress(ValueError):  # the plugin of rcompare has it too, where it is installed
        parser.addoption("--require-r", action="store_true", help="fail, instead of skipping, where live R is missing")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[OUTCOMES] = Counter()
    config.stash[REASON] = []


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
        request.config.stash[REASON][:] = [reason]
        if request.config.getoption("--require-r"):
            pytest.fail(f"live R is required (--require-r): {reason}", pytrace=False)
        pytest.skip(f"no live R: {reason}")
    return r_session()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    report = yield
    if item.get_closest_marker("r") is not None:
        counts = item.config.stash[OUTCOMES]
        if report.skipped and report.when in ("setup", "call"):
            counts["skipped"] += 1
        elif report.when == "call":
            counts["run"] += 1
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    counts, reason = config.stash[OUTCOMES], config.stash[REASON]
    why = f" ({reason[0]})" if reason else ""
    line = f"live comparisons with R: {counts['run']} run, {counts['skipped']} skipped{why}"
    terminalreporter.write_line(line, yellow=bool(counts["skipped"]), green=not counts["skipped"])
