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
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import pandas as pd

    from rcompare.case import Case
    from rcompare.differences import Comparison
    from rcompare.divergences import Divergence
    from rcompare.engines.base import Engine
    from rcompare.engines.golden import GoldenEngine
    from rcompare.results import Results

__all__ = ["AgreesWithR", "agrees_with_r"]

RECORD_AGAIN = "record again, where R is: pytest --rcompare-record"

ENGINES = ("auto", "live", "golden", "nlme", "lmerTest")
PROPERTY = "compared with R"
"""Under this name a test's report says what became of each model: ``compared``, or why it was skipped."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("rcompare", "comparison with R")
    group.addoption("--rcompare-record", action="store_true", help="write golden files from R beside the tests")
    group.addoption(
        "--rcompare-engine",
        choices=ENGINES,
        default="auto",
        help="what to compare with: lme4 in R itself (live), golden files, lme4 where it is there and golden files "
        "elsewhere (auto), nlme or lmerTest in R",
    )
    group.addoption(
        "--rcompare-divergences",
        action="append",
        default=[],
        metavar="FILE",
        help="TOML file with [[divergence]] tables: known differences, which pass only while they are as registered",
    )
    group.addoption("--require-r", action="store_true", help="fail, instead of skipping, where R is missing")


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
        waive: Mapping[str, str] | None = None,
        quantities: tuple[str, ...] = ("structure", "fit", "effects", "rows", "text"),
    ) -> Comparison:
        """Fit, ask R, compare.

        Parameters
        ----------
        formula, data, REML, weights, offset, subset, contrasts
            As for ``lmer``; weights and offset name columns, contrasts map a factor to ``"contr.sum"`` and so on.
        waive
            Quantities that are known to differ, each with the reason; the test fails when one starts to agree.
        quantities
            Groups of quantities to compare.

        Returns
        -------
        Comparison
            All outcomes, none of which fails.
        """
        from pylmer.errors import PylmerError
        from rcompare.case import Case, CaseError, Waiver
        from rcompare.engines.base import OtherData
        from rcompare.engines.golden import GoldenAltered
        from rcompare.engines.pylmer import PylmerEngine
        from rcompare.run import compare_engines

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
            waivers=tuple(Waiver(name, reason) for name, reason in (waive or {}).items()),
        )
        try:
            reference = self._reference(case, data)
            ours = PylmerEngine(lme4=getattr(reference, "lme4_version", "1.1-31"), data=data)
            comparison = compare_engines(case, ours, reference, self._register())
        except OtherData:
            pytest.fail(f"{case.id}: R's answers were recorded from other data; {RECORD_AGAIN}", pytrace=False)
        except (CaseError, GoldenAltered, PylmerError) as err:
            pytest.fail(f"{case.id}: {err}", pytrace=False)
        self._count("compared")
        if not comparison.passed:
            pytest.fail(_table(comparison), pytrace=False)
        return comparison

    def _count(self, outcome: str) -> None:
        self.request.node.user_properties.append((PROPERTY, outcome))

    def _register(self) -> tuple[Divergence, ...]:
        from rcompare.divergences import builtin_register, load_register

        files = [Path(name) for name in self.request.config.getoption("--rcompare-divergences")]
        return (*builtin_register(), *load_register(files))

    def _name(self) -> str:
        """Name of the golden file: the test's file, classes and name, and which call it is."""
        full = ".".join(self.request.node.nodeid.split("::")[1:])
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", full).strip("_")
        if name != full:  # what was replaced may have told two tests apart
            name = f"{name}-{sha256(full.encode()).hexdigest()[:6]}"
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
        if choice in ("nlme", "lmerTest") and not record:
            return self._another(choice, case, data)
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

    def _another(self, choice: str, case: Case, data: pd.DataFrame) -> Engine:
        from rcompare.engines.base import EngineUnavailable
        from rcompare.engines.lmertest import LmerTestEngine
        from rcompare.engines.nlme import NlmeEngine

        try:
            return NlmeEngine(data=data) if choice == "nlme" else LmerTestEngine(data=data)
        except EngineUnavailable as err:
            return self._neither(case, str(err), False)

    def _neither(self, case: Case, reason: str, record: bool) -> Engine:
        config = self.request.config
        said = (
            f"{reason}, and there is no golden file {case.id}.json (write it where R is with: pytest --rcompare-record)"
        )
        self._count(reason)
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

    from rcompare.report.terminal import difference_block, side_by_side

    stream = io.StringIO()
    console = Console(file=stream, width=140, markup=False, emoji=False, highlight=False)
    console.print(f"{comparison.case.formula}: {comparison.names[0]} and {comparison.names[1]} part")
    if comparison.optimum is not None:
        console.print(comparison.optimum.sentence)
    console.print(difference_block(comparison.failures, comparison.names))
    for d in comparison.failures:
        if d.text is not None and d.text.lines:
            console.print(side_by_side(d, comparison.names))
    return stream.getvalue()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many models were compared with R, and how many could not be; workers of xdist are counted too."""
    outcomes = Counter(
        outcome
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, outcome in report.user_properties
        if name == PROPERTY
    )
    compared = outcomes.pop("compared", 0)
    skipped = sum(outcomes.values())
    if compared or skipped:
        why = f" ({'; '.join(outcomes)})" if outcomes else ""
        line = f"models compared with R: {compared}, skipped: {skipped}{why}"
        terminalreporter.write_line(line, yellow=bool(skipped), green=not skipped)
