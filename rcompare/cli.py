"""The command ``rcompare``."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from rcompare.case import load_cases, select
from rcompare.command import (
    BUILTIN,
    DISAGREE,
    EXIT_CODES,
    UNAVAILABLE,
    USAGE,
    Failed,
    cases_option,
    compare_all,
    documented_errors,
    golden_folder,
    golden_option,
    html_option,
    json_option,
    junit_option,
    make_console,
    progress,
    tag_option,
    verbose_option,
    versioned,
    write,
    write_reports,
)
from rcompare.engines.base import EngineUnavailable
from rcompare.engines.golden import GoldenEngine, golden_root

__all__ = ["main"]


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
        folder = golden_folder(golden) if "golden" in (engine, against) else None
        theirs = make_engine(against, folder)
        ours = make_engine(engine, folder, lme4=getattr(theirs, "lme4_version", "1.1-31"))
        comparisons = compare_all(chosen, ours, theirs, console)
    write_reports(comparisons, console, json_file, junit_file, html_file, verbose)


@main.command(epilog=EXIT_CODES)
@click.argument("names", nargs=-1)
@cases_option
@tag_option
@golden_option
def record(names: tuple[str, ...], case_files: tuple[Path, ...], tags: tuple[str, ...], golden: Path | None) -> None:
    """Write golden files from R, each case in a process of its own, at fixed addresses, C locale, one BLAS thread."""
    from rcompare.record import record as record_cases

    console = make_console()
    with documented_errors():
        _need_r()
        files = list(case_files or [BUILTIN])
        chosen = select(load_cases(files), names, tags)
        root = golden or golden_root()
        for case, path in progress(record_cases(chosen, root, files), len(chosen), "recording", console):
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

    console = make_console()
    with documented_errors():
        chosen = select(load_cases(case_files or [BUILTIN]), names, tags)
        folder = golden_folder(golden)
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
        comparisons = compare_all(chosen, make_engine("R"), make_engine("golden", folder), console)
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
    console = make_console()
    with documented_errors():
        first, second = GoldenEngine(ours), GoldenEngine(theirs)
        cases = [c for c in select(load_cases(case_files or [BUILTIN]), names) if first.has(c) and second.has(c)]
        comparisons = compare_all(cases, first, second, console)
    write_reports(comparisons, console, json_file, junit_file, html_file, verbose)


@main.command(epilog=EXIT_CODES)
def doctor() -> None:
    """Say what is installed, which versions, what will be skipped and why, and how to mend it."""
    from rcompare.doctor import examine

    console = make_console()
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
@tag_option
@golden_option
@click.option(
    "--engine", "engines", multiple=True, help="Engines to score; default: pylmer and all that are installed."
)
@click.option("--markdown", type=click.Path(path_type=Path), help="Write the table for a README.")
def scoreboard(
    names: tuple[str, ...],
    case_files: tuple[Path, ...],
    tags: tuple[str, ...],
    golden: Path | None,
    engines: tuple[str, ...],
    markdown: Path | None,
) -> None:
    """Score engines on the same cases against what R recorded (large cases only by name)."""
    from rcompare.engines.others import OTHERS
    from rcompare.run import make_engine
    from rcompare.scoreboard import COLUMNS, as_markdown, score

    console = make_console()
    scores = []
    with documented_errors():
        reference = GoldenEngine(golden_folder(golden))
        chosen = [c for c in select(load_cases(case_files or [BUILTIN]), names, tags) if c.call == "lmer"]
        chosen = [c for c in chosen if names or "large" not in c.tags]
        for name in engines or ("pylmer", *OTHERS):
            try:
                engine = make_engine(name, lme4=reference.lme4_version)
            except EngineUnavailable as err:
                if engines:
                    raise
                console.print(Text(f"SKIPPED {name}: {err}", style="yellow"))
                continue
            scores.append(score(versioned(engine), compare_all(chosen, engine, reference, console)))
    table = Table(title=f"{len(chosen)} cases against {reference.name}", title_justify="left")
    for heading in COLUMNS:
        table.add_column(heading, justify="left" if heading == "engine" else "right")
    for line in scores:
        table.add_row(*line.cells)
    console.print(table)
    if markdown is not None:
        write(markdown, as_markdown(scores), console)


@main.command(epilog=EXIT_CODES)
@click.argument("names", nargs=-1)
@cases_option
@golden_option
def selftest(names: tuple[str, ...], case_files: tuple[Path, ...], golden: Path | None) -> None:
    """Plant errors in recorded answers (wrong df, swapped labels, a digit) and prove that each is caught and named."""
    from rcompare.selftest import PLANTS, plant_all

    console = make_console()
    with documented_errors():
        engine = GoldenEngine(golden_folder(golden))
        chosen = [c for c in select(load_cases(case_files or [BUILTIN]), names) if engine.has(c)]
        caught = list(progress(plant_all(chosen, engine), len(chosen) * len(PLANTS), "planting", console))
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


def _why_no_r() -> str | None:
    from rcompare.engines.r import why_no_r

    return why_no_r()


def _need_r() -> None:
    reason = _why_no_r()
    if reason is not None:
        raise EngineUnavailable(f"R is needed here: {reason} (see: rcompare doctor)")


if __name__ == "__main__":
    main()
