"""The command ``rcompare surface``: the table of lme4's names."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from jinja2 import Environment, PackageLoader
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rcompare.case import Case, load_cases, select
from rcompare.command import (
    BUILTIN,
    DISAGREE,
    EXIT_CODES,
    cases_option,
    compare_all,
    documented_errors,
    golden_folder,
    golden_option,
    html_option,
    json_option,
    make_console,
    tag_option,
    write,
)
from rcompare.engines.golden import GoldenEngine
from rcompare.surface import (
    COLUMNS,
    Names,
    Row,
    as_json,
    as_markdown,
    cells,
    live_names,
    load_entries,
    measure,
    recorded_names,
    summary,
    unaccounted,
)

__all__ = ["surface"]

STYLES = {"agrees": "green", "property test": "green", "absent": "yellow", "not compared": "yellow"}


@click.command(epilog=EXIT_CODES)
@click.argument("names", nargs=-1)
@cases_option
@tag_option
@golden_option
@click.option("--against", default="golden", show_default=True, help="The reference: golden or R.")
@click.option("--live/--no-live", default=True, show_default=True, help="Ask R for its names, where R is there.")
@json_option
@html_option
@click.option("--markdown", type=click.Path(path_type=Path), help="Write the table as markdown.")
def surface(
    names: tuple[str, ...],
    case_files: tuple[Path, ...],
    tags: tuple[str, ...],
    golden: Path | None,
    against: str,
    live: bool,
    json_file: Path | None,
    html_file: Path | None,
    markdown: Path | None,
) -> None:
    """List every name that lme4 exports and every method of a fit: there or not, and agreeing with R to what.

    What is measured comes from comparing pylmer with the reference on the cases NAMES (all but the large ones when none
    is given).
    """
    from rcompare.run import make_engine

    console = make_console()
    with documented_errors():
        folder = golden_folder(golden, case_files)
        chosen = _chosen(case_files, names, tags, GoldenEngine(folder) if against == "golden" else None)
        theirs = make_engine(against, folder)
        version = str(getattr(theirs, "lme4_version", "1.1-31"))
        comparisons = compare_all(chosen, make_engine("pylmer", folder, lme4=version), theirs, console)
        recorded, entries = recorded_names(version), load_entries()
        rows = measure(recorded, entries, comparisons)
    show(rows, recorded, console)
    lacking = [*unaccounted(recorded, entries), *(_changed(recorded, console) if live else ())]
    for name in lacking:
        console.print(Text(f"not accounted for: {name}", style="bold red"))
    for path, text in ((json_file, as_json), (markdown, as_markdown), (html_file, as_html)):
        if path is not None:
            write(path, text(rows, recorded), console)
    sys.exit(DISAGREE if lacking or any(row.status in ("differs", "missing") for row in rows) else 0)


def _chosen(
    files: Sequence[Path], names: Sequence[str], tags: Sequence[str], golden: GoldenEngine | None
) -> list[Case]:
    found = select(load_cases(files or [BUILTIN]), names, tags)
    found = [case for case in found if case.call in ("lmer", "lmList") and (names or tags or "large" not in case.tags)]
    return [case for case in found if golden is None or golden.has(case)]


def _changed(recorded: Names, console: Console) -> tuple[str, ...]:
    """Names that R at hand has and the recording has not, or the other way round; of the same version only."""
    from rcompare.engines.r import r_session, why_no_r

    reason = why_no_r()
    if reason is not None:
        console.print(Text(f"SKIPPED asking R for its names: {reason}", style="yellow"))
        return ()
    here = live_names(r_session())
    if here.lme4 != recorded.lme4:
        console.print(Text(f"R has lme4 {here.lme4} here: its names are not compared", style="yellow"))
        return ()
    console.print(f"asked R: lme4 {here.lme4} has {len(here.exports)} names and {len(here.methods)} methods")
    return tuple(sorted(set(here.all) ^ set(recorded.all)))


def show(rows: Sequence[Row], names: Names, console: Console) -> None:
    """Print the table."""
    table = Table(title=summary(rows, names), title_justify="left", box=None)
    for heading in COLUMNS:
        table.add_column(heading, overflow="fold")
    for row in rows:
        first, *rest = cells(row)
        shown = [Text(cell) for cell in rest]
        shown[1].stylize(STYLES.get(row.status, "bold red"))
        table.add_row(Text(first), *shown)
    console.print(table)


def as_html(rows: Sequence[Row], names: Names) -> str:
    """Write the table as one HTML page."""
    environment = Environment(loader=PackageLoader("rcompare", "report"), autoescape=True)
    page = environment.get_template("surface.html")
    return page.render(title=summary(rows, names), columns=COLUMNS, rows=[(row.status, cells(row)) for row in rows])
