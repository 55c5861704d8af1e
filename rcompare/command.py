"""What the commands of ``rcompare`` share: options, exit codes, progress bars, writing reports."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pylmer.errors import PylmerError
from pylmer.files import write_whole
from rcompare.case import Case, CaseError
from rcompare.differences import Comparison
from rcompare.divergences import Divergence, builtin_register, load_register
from rcompare.engines.base import Engine, EngineUnavailable, OtherData
from rcompare.engines.golden import BUILTIN, GoldenAltered, GoldenEngine, golden_folder, own_cases
from rcompare.results import DamagedResults

__all__ = [
    "BUILTIN",
    "DISAGREE",
    "EXIT_CODES",
    "UNAVAILABLE",
    "USAGE",
    "Failed",
    "cases_option",
    "compare_all",
    "divergences_option",
    "documented_errors",
    "golden_folder",
    "golden_option",
    "html_option",
    "json_option",
    "junit_option",
    "make_console",
    "progress",
    "register_of",
    "tag_option",
    "verbose_option",
    "versioned",
    "write",
    "write_reports",
]

DISAGREE, USAGE, UNAVAILABLE = 1, 2, 3

EXIT_CODES = """\b
Exit codes:
  0  everything that was compared agrees
  1  something disagrees, is missing, or a waiver is stale
  2  wrong usage: unknown option or case, a case file that cannot be read
  3  an engine that was asked for is not available (R, golden files), or offers none of the cases
"""

T = TypeVar("T")

cases_option = click.option(
    "--cases",
    "case_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="File or folder of case files (TOML); may be given several times. Default: the cases that come with rcompare.",
)
golden_option = click.option(
    "--golden",
    type=click.Path(path_type=Path),
    help="Folder of golden files, or of folders lme4-<version> of them. Default: 'golden' beside your own case files; "
    "for the cases of rcompare those that come with it.",
)
tag_option = click.option("--tag", "tags", multiple=True, help="Only cases with this tag; may be given several times.")
divergences_option = click.option(
    "--divergences",
    "registers",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="File or folder with [[divergence]] tables, beside those of rcompare and of the case files.",
)
json_option = click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write a report as JSON.")
junit_option = click.option("--junit", "junit_file", type=click.Path(path_type=Path), help="Write JUnit XML.")
html_option = click.option("--html", "html_file", type=click.Path(path_type=Path), help="Write one HTML page.")
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Show every comparison, not only differences.")


class Failed(click.ClickException):
    """An error with an exit code of its own."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        setattr(self, "exit_code", exit_code)  # noqa: B010  (click declares it as a class variable)


@contextmanager
def documented_errors() -> Iterator[None]:
    """Turn errors of the harness into messages with documented exit codes."""
    from rcompare.record import RecordingError

    try:
        yield
    except (CaseError, DamagedResults, PylmerError) as err:
        raise Failed(str(err), USAGE) from None
    except (OtherData, GoldenAltered) as err:
        raise Failed(str(err), DISAGREE) from None
    except (EngineUnavailable, RecordingError, FileNotFoundError) as err:
        raise Failed(str(err), UNAVAILABLE) from None


def make_console() -> Console:
    """The terminal; where there is none (a log, a pipe), lines of 140 characters. Labels are no markup."""
    console = Console(markup=False, emoji=False, highlight=False)
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return Console(markup=False, emoji=False, highlight=False, width=140)


def register_of(case_files: Iterable[Path], registers: Iterable[Path]) -> tuple[Divergence, ...]:
    """Give rcompare's own divergences, those of the user's case files, and those of further files."""
    own = [path for path in case_files if own_cases([path]) is not None]
    further = load_register([*own, *registers])
    ids = {entry.id for entry in further}
    return (*(entry for entry in builtin_register() if entry.id not in ids), *further)


def versioned(engine: Engine) -> str:
    """Name an engine with its version."""
    return f"pylmer {version('pylmer')}" if engine.name == "pylmer" else engine.name


def compare_all(
    cases: list[Case], ours: Engine, theirs: Engine, console: Console, register: Iterable[Divergence] | None = None
) -> list[Comparison]:
    """Compare two engines on all cases, with a progress bar.

    Raises
    ------
    EngineUnavailable
        If an engine is a folder of golden files that has none of the cases.
    """
    from rcompare.run import run_cases

    for engine in (ours, theirs):
        if cases and isinstance(engine, GoldenEngine) and not any(map(engine.has, cases)):
            names = " ".join(case.id for case in cases[:3]) + (" ..." if len(cases) > 3 else "")
            mend = f"write them where R is with: rcompare record {names}"
            raise EngineUnavailable(f"{engine.folder} has none of the {len(cases)} cases; {mend}")
    return list(progress(run_cases(cases, ours, theirs, register), len(cases), "comparing", console))


def progress(items: Iterable[T], total: int, what: str, console: Console) -> Iterator[T]:
    """Show a progress bar on a terminal while items are made."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        for item in items:
            bar.advance(task)
            yield item


def write_reports(
    comparisons: list[Comparison],
    console: Console,
    json_file: Path | None,
    junit_file: Path | None,
    html_file: Path | None,
    verbose: bool,
) -> None:
    """Write the reports asked for, print the table, and end with the exit code."""
    from rcompare.report.terminal import print_report

    print_report(comparisons, console, verbose)
    if json_file is not None:
        from rcompare.report.json import as_json

        write(json_file, as_json(comparisons), console)
    if junit_file is not None:
        from rcompare.report.junit import as_junit

        write(junit_file, as_junit(comparisons), console)
    if html_file is not None:
        from rcompare.report.html import as_html

        write(html_file, as_html(comparisons), console)
    if not any(c.offered for c in comparisons):
        sys.exit(UNAVAILABLE)
    sys.exit(0 if all(c.passed for c in comparisons) else DISAGREE)


def write(path: Path, text: str, console: Console) -> None:
    """Write a file, folders included, and say so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
    console.print(f"written: {path}")
