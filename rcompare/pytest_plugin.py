"""The pytest plugin: a test says in one line that a model agrees with R.

    def test_growth(agrees_with_r):
        agrees_with_r("height ~ age + (age | boy)", boys)

The fixture fits the model with pylmer on the test's own data frame and compares with R: live where R is there, else
with a golden file in the folder ``golden`` beside the test, which ``pytest --rcompare-record`` writes. Where there is
neither, the test is skipped and counted, or fails with ``--require-r``. The failure message is the table of
differences.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import pandas as pd

    from rcompare.case import Case
    from rcompare.differences import Comparison
    from rcompare.engines.base import Engine
    from rcompare.engines.golden import GoldenEngine
    from rcompare.results import Results

__all__ = ["AgreesWithR", "agrees_with_r"]

RECORD_AGAIN = "record again, where R is: pytest --rcompare-record"

COUNTS: pytest.StashKey[Counter[str]] = pytest.StashKey()
REASONS: pytest.StashKey[dict[str, None]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("rcompare", "comparison with R")
    group.addoption("--rcompare-record", action="store_true", help="write golden files from R beside the tests")
    group.addoption(
        "--rcompare-engine",
        choices=("auto", "live", "golden"),
        default="auto",
        help="what to compare with: R itself, golden files, or (auto) R where it is there and golden files elsewhere",
    )
    group.addoption("--require-r", action="store_true", help="fail, instead of skipping, where R is missing")


def pytest_configure(config: pytest.Config) -> None:
    """Start counting."""
    config.stash[COUNTS] = Counter()
    config.stash[REASONS] = {}


@pytest.fixture
def agrees_with_r(request: pytest.FixtureRequest) -> AgreesWithR:
    """A function that fails unless a model, fitted on the data frame given, agrees with R; see :class:`AgreesWithR`."""
    return AgreesWithR(request)


@dataclass
class AgreesWithR:
    """What the fixture gives: call it with a formula and a data frame.

    Examples
    --------
    >>> def test_growth(agrees_with_r):  # doctest: +SKIP
    ...     agrees_with_r("height ~ age + (age | boy)", boys, REML=False)
    """

    request: pytest.FixtureRequest
    calls: int = field(default=0, repr=False)

    def __call__(
        self,
        formula: str,
        data: pd.DataFrame,
        *,
        REML: bool = True,
        weights: str | None = None,
        offset: str | None = None,
        subset: str | None = None,
        contrasts: Mapping[str, str] | None = None,
        quantities: tuple[str, ...] = ("structure", "fit", "effects", "rows", "text"),
    ) -> Comparison:
        """Fit, ask R, compare.

        Parameters
        ----------
        formula, data, REML, weights, offset, subset, contrasts
            As for ``lmer``; weights and offset name columns, contrasts map a factor to ``"contr.sum"`` and so on.
        quantities
            Groups of quantities to compare.

        Returns
        -------
        Comparison
            All outcomes, none of which fails.
        """
        from rcompare.case import Case
        from rcompare.engines.pylmer import PylmerEngine
        from rcompare.run import OtherData, compare_engines

        self.calls += 1
        case = Case(
            id=self._name(),
            data="data",
            formula=formula,
            REML=REML,
            weights=weights,
            offset=offset,
            subset=subset,
            contrasts=contrasts or {},
            groups=quantities,
        )
        reference = self._reference(case, data)
        ours = PylmerEngine(lme4=getattr(reference, "lme4_version", "1.1-31"), data=data)
        try:
            comparison = compare_engines(case, ours, reference)
        except OtherData:
            pytest.fail(f"{case.id}: R's answers were recorded from other data; {RECORD_AGAIN}", pytrace=False)
        self.request.config.stash[COUNTS]["compared"] += 1
        if not comparison.passed:
            pytest.fail(_table(comparison), pytrace=False)
        return comparison

    def _name(self) -> str:
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", self.request.node.name).strip("_")
        suffix = "" if self.calls == 1 else f"-{self.calls}"
        return f"{self.request.path.stem}.{name}{suffix}"

    def _reference(self, case: Case, data: pd.DataFrame) -> Engine:
        from rcompare.engines.lme4 import REngine
        from rcompare.engines.r import why_no_r
        from rcompare.results import write_results
        from rcompare.rtext import r_call

        config = self.request.config
        root = self.request.path.parent / "golden"
        choice, record = config.getoption("--rcompare-engine"), config.getoption("--rcompare-record")
        reason = why_no_r() if choice != "golden" or record else "golden files were asked for"
        if reason is None:
            live = REngine(data=data)
            if record:
                answers = live.run(case)
                write_results(answers, root / f"lme4-{live.lme4_version}")
                return _Fixed(live.name, answers, live.lme4_version)
            return live
        golden = _newest_with(root, case) if choice != "live" and not record else None
        if golden is not None:
            if golden.run(case).stamp.get("call") != r_call(case):
                pytest.fail(f"{case.id}: R's answers were recorded for another call; {RECORD_AGAIN}", pytrace=False)
            return golden
        return self._neither(case, reason, record)

    def _neither(self, case: Case, reason: str, record: bool) -> Engine:
        config = self.request.config
        said = (
            f"{reason}, and there is no golden file {case.id}.json (write it where R is with: pytest --rcompare-record)"
        )
        config.stash[COUNTS]["skipped"] += 1
        config.stash[REASONS][reason] = None
        if config.getoption("--require-r") or record:
            pytest.fail(f"R is required here: {said}", pytrace=False)
        pytest.skip(f"not compared with R: {said}")


@dataclass
class _Fixed:
    """Answers that R gave just now."""

    name: str
    answers: Results
    lme4_version: str

    def run(self, case: Case) -> Results:
        return self.answers


def _newest_with(root: Path, case: Case) -> GoldenEngine | None:
    """The newest recorded version that has this case."""
    from rcompare.engines.golden import GoldenEngine, version_key

    engines = [GoldenEngine(p) for p in sorted(root.glob("lme4-*"), key=version_key, reverse=True)]
    return next((engine for engine in engines if engine.has(case)), None)


def _table(comparison: Comparison) -> str:
    from rich.console import Console

    from rcompare.report.terminal import difference_table, side_by_side

    stream = io.StringIO()
    console = Console(file=stream, width=140)
    console.print(f"{comparison.case.formula}: {comparison.names[0]} and {comparison.names[1]} part")
    if comparison.optimum is not None:
        console.print(comparison.optimum.sentence)
    console.print(difference_table(comparison.failures, comparison.names))
    for d in comparison.failures:
        if d.text is not None and d.text.lines:
            console.print(side_by_side(d, comparison.names))
    return stream.getvalue()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many models were compared with R, and how many could not be."""
    counts, reasons = config.stash[COUNTS], config.stash[REASONS]
    if counts:
        why = f" ({'; '.join(reasons)})" if reasons else ""
        line = f"models compared with R: {counts['compared']}, skipped: {counts['skipped']}{why}"
        terminalreporter.write_line(line, yellow=bool(counts["skipped"]), green=not counts["skipped"])
