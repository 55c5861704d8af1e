"""The command ``rcompare``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from rcompare.case import Case, CaseError, load_cases, select
from rcompare.differences import Comparison
from rcompare.engines.base import EngineUnavailable
from rcompare.engines.golden import GoldenEngine, golden_root

__all__ = ["main"]

DISAGREE, USAGE, UNAVAILABLE = 1, 2, 3

EXIT_CODES = """\b
Exit codes:
  0  everything that was compared agrees
  1  something disagrees, is missing, or a waiver is stale
  2  wrong usage: unknown option or case, a case file that cannot be read
  3  an engine that was asked for is not available (R, golden files)
"""

T = TypeVar("T")

BUILTIN = Path(__file__).parent / "cases"

cases_option = click.option(
    "--cases",
    "case_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="File or folder of case files (TOML); may be given several times. Default: the cases that come with rcompare.",
)
golden_option = click.option(
    "--golden", type=click.Path(path_type=Path), help="Root folder of golden files (default: fixtures/golden)."
)
tag_option = click.option("--tag", "tags", multiple=True, help="Only cases with this tag; may be given several times.")
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
def _errors() -> Iterator[None]:
    """Turn errors of the harness into messages with documented exit codes."""
    from rcompare.record import RecordingError
    from rcompare.run import OtherData

    try:
        yield
    except (CaseError, OtherData) as err:
        raise Failed(str(err), USAGE) from None
    except (EngineUnavailable, RecordingError, FileNotFoundError) as err:
        raise Failed(str(err), UNAVAILABLE) from None


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="pylmer")
def main() -> None:
    """Compare mixed-model engines with R, case by case: structure, at R's theta, own optimum, inference, text."""


@main.command(epilog=EXIT_CODES)
@click.argument("names", nargs=-1)
@cases_option
@tag_option
@click.option("--engine", default="pylmer", show_default=True, help="pylmer, R, golden, or a folder of golden files.")
@click.option("--against", default="golden", show_default=True, help="The reference: golden, R, or a folder.")
@golden_option
@click.option("--require-r", is_flag=True, help="Fail if R cannot be used live.")
@click.option("--out", type=click.Path(path_type=Path), help="For 'chapter': output folder (default out/chapter).")
@json_option
@junit_option
@html_option
@verbose_option
def run(
    names: tuple[str, ...],
    case_files: tuple[Path, ...],
    tags: tuple[str, ...],
    engine: str,
    against: str,
    golden: Path | None,
    require_r: bool,
    out: Path | None,
    json_file: Path | None,
    junit_file: Path | None,
    html_file: Path | None,
    verbose: bool,
) -> None:
    """Compare an engine with a reference on cases, by id, tag or pattern (NAMES; all when none is given).

    'rcompare run chapter' goes through the tutorial chapter instead, block for block, prints it as pylmer gives it
    beside what R recorded, and writes the pictures and one HTML page into --out.
    """
    console = _console()
    with _errors():
        if require_r:
            _need_r()
        if names == ("chapter",) and not case_files:
            from rcompare.chapter import run_chapter

            agrees = run_chapter(console, out or Path("out") / "chapter", _golden_folder(golden))
            sys.exit(0 if agrees else DISAGREE)
        from rcompare.run import make_engine

        chosen = select(load_cases(case_files or [BUILTIN]), names, tags)
        folder = _golden_folder(golden) if "golden" in (engine, against) else None
        theirs = make_engine(against, folder)
        ours = make_engine(engine, folder, lme4=getattr(theirs, "lme4_version", "1.1-31"))
        comparisons = _compare_all(chosen, ours, theirs, console)
    _report(comparisons, console, json_file, junit_file, html_file, verbose)


@main.command(epilog=EXIT_CODES)
@click.argument("names", nargs=-1)
@cases_option
@tag_option
@golden_option
def record(names: tuple[str, ...], case_files: tuple[Path, ...], tags: tuple[str, ...], golden: Path | None) -> None:
    """Write golden files from R, each case in a process of its own, at fixed addresses, C locale, one BLAS thread."""
    from rcompare.record import record as record_cases

    console = _console()
    with _errors():
        _need_r()
        files = list(case_files or [BUILTIN])
        chosen = select(load_cases(files), names, tags)
        root = golden or golden_root()
        for case, path in _progress(record_cases(chosen, root, files), len(chosen), "recording", console):
            console.print(f"{case.id}: {path} ({path.stat().st_size:,} bytes)")


@main.command(epilog=EXIT_CODES)
@click.argument("names", nargs=-1)
@cases_option
@tag_option
@golden_option
@click.option("--live/--no-live", default=True, show_default=True, help="Ask R again, where R is there.")
@click.option("--require-r", is_flag=True, help="Fail, instead of saying so, where R cannot be asked.")
@verbose_option
def check(
    names: tuple[str, ...],
    case_files: tuple[Path, ...],
    tags: tuple[str, ...],
    golden: Path | None,
    live: bool,
    require_r: bool,
    verbose: bool,
) -> None:
    """Check that golden files are complete and belong to today's data and scripts, and that R still says the same."""
    from rcompare.check import stale_files
    from rcompare.run import make_engine

    console = _console()
    with _errors():
        chosen = select(load_cases(case_files or [BUILTIN]), names, tags)
        folder = _golden_folder(golden)
        problems = stale_files(chosen, GoldenEngine(folder))
        for case_id, problem in problems:
            console.print(Text(f"{case_id}: {problem}", style="bold red"))
        console.print(f"{len(chosen) - len({c for c, _ in problems})} of {len(chosen)} golden files are good")
        if problems:
            sys.exit(DISAGREE)
        reason = _why_no_r() if live else "not asked (--no-live)"
        if reason is not None:
            console.print(Text(f"SKIPPED {len(chosen)} live comparisons with R: {reason}", style="bold yellow"))
            sys.exit(UNAVAILABLE if require_r else 0)
        comparisons = _compare_all(chosen, make_engine("R"), make_engine("golden", folder), console)
    _report(comparisons, console, None, None, None, verbose)


@main.command(epilog=EXIT_CODES)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@junit_option
@html_option
@verbose_option
def report(file: Path, json_file: Path | None, junit_file: Path | None, html_file: Path | None, verbose: bool) -> None:
    """Make reports from FILE, which 'rcompare run --json FILE' wrote earlier."""
    from rcompare.report.json import from_json

    try:
        comparisons = from_json(file.read_text(encoding="utf-8"))
    except ValueError as err:
        raise Failed(f"{file}: {err}", USAGE) from None
    _report(comparisons, _console(), json_file, junit_file, html_file, verbose)


@main.command(epilog=EXIT_CODES)
@click.argument("ours", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("theirs", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("names", nargs=-1)
@cases_option
@json_option
@junit_option
@html_option
@verbose_option
def diff(
    ours: Path,
    theirs: Path,
    names: tuple[str, ...],
    case_files: tuple[Path, ...],
    json_file: Path | None,
    junit_file: Path | None,
    html_file: Path | None,
    verbose: bool,
) -> None:
    """Compare two folders of golden files (R against R, two versions of lme4) on the cases that both have."""
    console = _console()
    with _errors():
        first, second = GoldenEngine(ours), GoldenEngine(theirs)
        cases = [c for c in select(load_cases(case_files or [BUILTIN]), names) if first.has(c) and second.has(c)]
        comparisons = _compare_all(cases, first, second, console)
    _report(comparisons, console, json_file, junit_file, html_file, verbose)


@main.command(epilog=EXIT_CODES)
def doctor() -> None:
    """Say what is installed, which versions, what will be skipped and why, and how to mend it."""
    from rcompare.doctor import examine

    console = _console()
    findings = examine()
    table = Table(box=None)
    for heading in ("", "what", "found", "what follows"):
        table.add_column(heading, overflow="fold")
    for f in findings:
        mark = Text("ok", style="green") if f.ok else Text("no", style="bold red" if f.needed else "yellow")
        table.add_row(mark, f.what, f.found or "–", f.consequence)
    console.print(table)
    broken = [f for f in findings if f.needed and not f.ok]
    console.print("everything needed is there" if not broken else f"missing: {', '.join(f.what for f in broken)}")
    sys.exit(UNAVAILABLE if broken else 0)


@main.command(epilog=EXIT_CODES)
@click.argument("names", nargs=-1)
@cases_option
@golden_option
def selftest(names: tuple[str, ...], case_files: tuple[Path, ...], golden: Path | None) -> None:
    """Plant errors in recorded answers (wrong df, swapped labels, a digit) and prove that each is caught and named."""
    from rcompare.selftest import PLANTS, plant_all

    console = _console()
    with _errors():
        engine = GoldenEngine(_golden_folder(golden))
        chosen = [c for c in select(load_cases(case_files or [BUILTIN]), names) if engine.has(c)]
        caught = list(_progress(plant_all(chosen, engine), len(chosen) * len(PLANTS), "planting", console))
    table = Table(title="planted errors", title_justify="left")
    for heading in ("error", "how it comes about", "must be named by", "planted", "caught"):
        table.add_column(heading)
    for plant in PLANTS:
        mine = [c for c in caught if c.plant is plant]
        good = sum(c.ok for c in mine)
        style = "green" if mine and good == len(mine) else "bold red"
        table.add_row(plant.name, plant.story, plant.named_by, str(len(mine)), Text(str(good), style=style))
    console.print(table)
    missed = [c for c in caught if not c.ok] + [p for p in PLANTS if all(c.plant is not p for c in caught)]
    console.print(f"{len(caught) - sum(not c.ok for c in caught)} of {len(caught)} planted errors caught and named")
    sys.exit(DISAGREE if missed else 0)


# ------------------------------------------------------------------------------------------------------------- shared


def _console() -> Console:
    """The terminal; where there is none (a log, a pipe), lines of 140 characters."""
    console = Console()
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(width=140)


def _golden_folder(root: Path | None) -> Path:
    from rcompare.engines.golden import latest_golden

    return root if root is not None and any(root.glob("*.json*")) else latest_golden(root)


def _why_no_r() -> str | None:
    from rcompare.engines.r import why_no_r

    return why_no_r()


def _need_r() -> None:
    reason = _why_no_r()
    if reason is not None:
        raise EngineUnavailable(f"R is needed here: {reason} (see: rcompare doctor)")


def _compare_all(cases: list[Case], ours: object, theirs: object, console: Console) -> list[Comparison]:
    from rcompare.run import run_cases

    return list(_progress(run_cases(cases, ours, theirs), len(cases), "comparing", console))  # type: ignore[arg-type]


def _progress(items: Iterable[T], total: int, what: str, console: Console) -> Iterator[T]:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        for item in items:
            bar.advance(task)
            yield item


def _report(
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

        _write(json_file, as_json(comparisons), console)
    if junit_file is not None:
        from rcompare.report.junit import as_junit

        _write(junit_file, as_junit(comparisons), console)
    if html_file is not None:
        from rcompare.report.html import as_html

        _write(html_file, as_html(comparisons), console)
    sys.exit(0 if all(c.passed for c in comparisons) else DISAGREE)


def _write(path: Path, text: str, console: Console) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    console.print(f"written: {path}")


if __name__ == "__main__":
    main()
