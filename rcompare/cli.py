"""The command ``rcompare``."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.text import Text

from rcompare.case import load_cases, select
from rcompare.cli_tools import TOOLS
from rcompare.command import (
    BUILTIN,
    DISAGREE,
    EXIT_CODES,
    UNAVAILABLE,
    USAGE,
    Failed,
    cases_option,
    compare_all,
    divergences_option,
    documented_errors,
    golden_folder,
    golden_option,
    html_option,
    json_option,
    junit_option,
    make_console,
    progress,
    register_of,
    tag_option,
    verbose_option,
    write_reports,
)
from rcompare.engines.base import EngineUnavailable
from rcompare.engines.golden import LME4, GoldenEngine, recording_root
from rcompare.run import common_cases, engine_names

__all__ = ["main"]


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="pylmer")
def main() -> None:
    """Compare mixed-model engines with R, case by case: structure, at R's theta, own optimum, inference, text."""


@main.command(epilog=EXIT_CODES)
@click.argument("names", nargs=-1)
@cases_option
@tag_option
@click.option("--engine", default="pylmer", show_default=True, help=f"{engine_names()}, or a folder of golden files.")
@click.option("--against", default="golden", show_default=True, help="The reference: any of the same.")
@golden_option
@divergences_option
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
    registers: tuple[Path, ...],
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
    console = make_console()
    with documented_errors():
        if require_r:
            _need_r()
        if names == ("chapter",) and not case_files:
            from rcompare.chapter import run_chapter

            agrees = run_chapter(console, out or Path("out") / "chapter", golden_folder(golden))
            sys.exit(0 if agrees else DISAGREE)
        from rcompare.run import make_engine

        chosen = select(load_cases(case_files or [BUILTIN]), names, tags)
        folder = golden_folder(golden, case_files) if "golden" in (engine, against) else None
        theirs = make_engine(against, folder)
        ours = make_engine(engine, folder, lme4=getattr(theirs, "lme4_version", LME4))
        comparisons = compare_all(chosen, ours, theirs, console, register_of(case_files, registers))
    write_reports(comparisons, console, json_file, junit_file, html_file, verbose)


@main.command(epilog=EXIT_CODES)
@click.argument("names", nargs=-1)
@cases_option
@tag_option
@golden_option
def record(names: tuple[str, ...], case_files: tuple[Path, ...], tags: tuple[str, ...], golden: Path | None) -> None:
    """Write golden files from R, each case in a process of its own, at fixed addresses, C locale, one BLAS thread."""
    from rcompare.record import record as record_cases
    from rcompare.rtext import r_call

    console = make_console()
    with documented_errors():
        _need_r()
        files = list(case_files or [BUILTIN])
        chosen = select(load_cases(files), names, tags)
        for case in chosen:
            r_call(case)  # a case that may not reach R stops here, before anything is recorded
        root = golden or recording_root(files)
        for case, path in progress(record_cases(chosen, root, files), len(chosen), "recording", console):
            console.print(f"{case.id}: {path} ({path.stat().st_size:,} bytes)")


@main.command(epilog=EXIT_CODES)
@click.argument("names", nargs=-1)
@cases_option
@tag_option
@golden_option
@divergences_option
@click.option("--live/--no-live", default=True, show_default=True, help="Ask R again, where R is there.")
@click.option("--require-r", is_flag=True, help="Fail, instead of saying so, where R cannot be asked.")
@verbose_option
def check(
    names: tuple[str, ...],
    case_files: tuple[Path, ...],
    tags: tuple[str, ...],
    golden: Path | None,
    registers: tuple[Path, ...],
    live: bool,
    require_r: bool,
    verbose: bool,
) -> None:
    """Check that golden files are complete and belong to today's data and scripts, and that R still says the same."""
    from rcompare.check import stale_files
    from rcompare.run import make_engine

    console = make_console()
    with documented_errors():
        chosen = select(load_cases(case_files or [BUILTIN]), names, tags)
        folder = golden_folder(golden, case_files)
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
        register = register_of(case_files, registers)
        comparisons = compare_all(chosen, make_engine("R"), make_engine("golden", folder), console, register)
    write_reports(comparisons, console, None, None, None, verbose)


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
    write_reports(comparisons, make_console(), json_file, junit_file, html_file, verbose)


@main.command(epilog=EXIT_CODES)
@click.argument("ours", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("theirs", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("names", nargs=-1)
@cases_option
@divergences_option
@json_option
@junit_option
@html_option
@verbose_option
def diff(
    ours: Path,
    theirs: Path,
    names: tuple[str, ...],
    case_files: tuple[Path, ...],
    registers: tuple[Path, ...],
    json_file: Path | None,
    junit_file: Path | None,
    html_file: Path | None,
    verbose: bool,
) -> None:
    """Compare two folders of golden files (R against R: two versions of lme4, two BLAS, two machines).

    It is 'rcompare run --engine OURS --against THEIRS' on the cases that both have; what only one has is said. Case
    files are needed only for titles, tags and waivers.
    """
    console = make_console()
    with documented_errors():
        first, second = GoldenEngine(golden_folder(ours)), GoldenEngine(golden_folder(theirs))
        cases, lacking = common_cases(first, second, list(case_files or [BUILTIN]))
        comparisons = compare_all(select(cases, names), first, second, console, register_of(case_files, registers))
    for engine, ids in lacking.items():
        if ids and not names:
            shown = ", ".join(ids[:8]) + (", ..." if len(ids) > 8 else "")
            console.print(Text(f"NOT COMPARED, {len(ids)} cases missing in {engine}: {shown}", style="bold yellow"))
    write_reports(comparisons, console, json_file, junit_file, html_file, verbose)


def _why_no_r() -> str | None:
    from rcompare.engines.r import why_no_r

    return why_no_r()


def _need_r() -> None:
    reason = _why_no_r()
    if reason is not None:
        raise EngineUnavailable(f"R is needed here: {reason} (see: rcompare doctor)")


for command in TOOLS:
    main.add_command(command)


if __name__ == "__main__":
    main()
