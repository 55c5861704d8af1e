"""Commands beside comparing: what is installed, how engines score, planted errors, the schema of a table."""

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
    json_option,
    make_console,
    progress,
    register_of,
    tag_option,
    versioned,
    write,
)
from rcompare.engines.base import EngineUnavailable
from rcompare.engines.golden import GoldenEngine
from rcompare.surface_command import surface

__all__ = ["TOOLS"]


@click.command(epilog=EXIT_CODES)
@cases_option
@golden_option
@click.option("--require-r", is_flag=True, help="Fail if R cannot be used live.")
@json_option
def doctor(case_files: tuple[Path, ...], golden: Path | None, require_r: bool, json_file: Path | None) -> None:
    """Say what is installed, which versions, what will be skipped and why, and how to mend it."""
    from rcompare.doctor import as_json, examine, skipped

    console = make_console()
    with documented_errors():
        findings = examine(list(case_files), golden)
    table = Table(box=None)
    for heading in ("", "what", "found", "what follows, and how to mend it"):
        table.add_column(heading, overflow="fold")
    for f in findings:
        broken = f.needed or (f.live and require_r)
        mark = Text("ok", style="green") if f.ok else Text("no", style="bold red" if broken else "yellow")
        table.add_row(mark, f.what, f.found or "–", f.consequence)
    console.print(table)
    for line in skipped(findings):
        console.print(Text(f"WILL BE SKIPPED: {line}", style="bold yellow"))
    missing = [f.what for f in findings if not f.ok and (f.needed or (f.live and require_r))]
    console.print(f"missing: {', '.join(missing)}" if missing else "everything needed is there")
    if json_file is not None:
        write(json_file, as_json(findings), console)
    sys.exit(UNAVAILABLE if missing else 0)


@click.command(epilog=EXIT_CODES)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Write over a schema that is there.")
def schema(file: Path, force: bool) -> None:
    """Draft the schema of FILE, a CSV table: the type of every column, and the levels of factors.

    A case reads types from <name>.schema.json beside the table and guesses nothing. The draft takes a column of numbers
    for numbers, TRUE and FALSE for logicals and everything else for a factor with sorted levels; look it over.
    """
    from rcompare.datatable import draft_schema, schema_path

    console = make_console()
    with documented_errors():
        target = schema_path(file)
        if target.exists() and not force:
            raise Failed(f"{target} is there already; --force writes over it", USAGE)
        text, lines = draft_schema(file)
        for line in lines:
            console.print(line)
        write(target, text, console)


@click.command(epilog=EXIT_CODES)
@click.argument("names", nargs=-1)
@cases_option
@tag_option
@golden_option
@click.option(
    "--engine", "engines", multiple=True, help="Engines to score; default: pylmer and all that are installed."
)
@click.option("--markdown", type=click.Path(path_type=Path), help="Write the table for a README.")
@click.option("-v", "--verbose", is_flag=True, help="Say for every case without a fit why there is none.")
def scoreboard(
    names: tuple[str, ...],
    case_files: tuple[Path, ...],
    tags: tuple[str, ...],
    golden: Path | None,
    engines: tuple[str, ...],
    markdown: Path | None,
    verbose: bool,
) -> None:
    """Score engines on the same cases against what R recorded (large cases only by name)."""
    from rcompare.engines.others import OTHERS
    from rcompare.run import make_engine
    from rcompare.scoreboard import COLUMNS, as_markdown, score, why_not

    console = make_console()
    scores, reasons = [], {}
    with documented_errors():
        reference = GoldenEngine(golden_folder(golden, case_files))
        chosen = [c for c in select(load_cases(case_files or [BUILTIN]), names, tags) if c.call == "lmer"]
        chosen = [c for c in chosen if names or not {"large", "surface"} & set(c.tags)]
        register = register_of(case_files, ())
        for name in engines or ("pylmer", "nlme", *OTHERS):
            try:
                engine = make_engine(name, lme4=reference.lme4_version)
            except EngineUnavailable as err:
                if engines:
                    raise
                console.print(Text(f"SKIPPED {name}: {err}", style="yellow"))
                continue
            compared = compare_all(chosen, engine, reference, console, register)
            scores.append(score(versioned(engine), compared))
            reasons[versioned(engine)] = why_not(compared)
    table = Table(title=f"{len(chosen)} cases against {reference.name}", title_justify="left")
    for heading in COLUMNS:
        table.add_column(heading, justify="left" if heading == "engine" else "right")
    for line in scores:
        table.add_row(*line.cells)
    console.print(table)
    for engine_name, found in reasons.items() if verbose else ():
        for reason, ids in found.items():
            console.print(f"{engine_name}: {len(ids)} without a fit, {reason}: {', '.join(ids)}")
    if markdown is not None:
        write(markdown, as_markdown(scores), console)


@click.command(epilog=EXIT_CODES)
@click.argument("names", nargs=-1)
@cases_option
@golden_option
@click.option("--engine", default="golden", show_default=True, help="Whose answers are perturbed: golden, pylmer, R.")
def selftest(names: tuple[str, ...], case_files: tuple[Path, ...], golden: Path | None, engine: str) -> None:
    """Plant errors in an engine's answers (wrong df, swapped labels, a digit); prove that each is caught and named."""
    from rcompare.run import make_engine
    from rcompare.selftest import PLANTS, plant_all

    console = make_console()
    with documented_errors():
        reference = GoldenEngine(golden_folder(golden, case_files))
        perturbed = reference if engine == "golden" else make_engine(engine, lme4=reference.lme4_version)
        chosen = [c for c in select(load_cases(case_files or [BUILTIN]), names) if reference.has(c)]
        if not chosen:
            raise EngineUnavailable(f"none of these cases is recorded in {reference.folder}")
        work = plant_all(chosen, perturbed, reference)
        caught = list(progress(work, len(chosen) * len(PLANTS), "planting", console))
    table = Table(title=f"errors planted in {perturbed.name}", title_justify="left")
    for heading in ("error", "how it comes about", "must be named by", "planted", "caught"):
        table.add_column(heading)
    for plant in PLANTS:
        mine = [c for c in caught if c.plant is plant]
        good = sum(c.ok for c in mine)
        style = "green" if good == len(mine) else "bold red"
        table.add_row(plant.name, plant.story, plant.named_by, str(len(mine)), Text(str(good), style=style))
    console.print(table)
    for c in (c for c in caught if not c.ok):
        console.print(
            Text(f"MISSED: {c.plant.name} in {c.case}, reported {[d.quantity for d in c.reported]}", "bold red")
        )
    idle = [p.name for p in PLANTS if all(c.plant is not p for c in caught)]
    if idle:
        console.print(Text(f"no opportunity in these cases: {', '.join(idle)}", style="yellow"))
    console.print(f"{sum(c.ok for c in caught)} of {len(caught)} planted errors caught and named")
    sys.exit(0 if caught and all(c.ok for c in caught) else DISAGREE)


TOOLS = (doctor, schema, scoreboard, selftest, surface)
"""Commands that :mod:`rcompare.cli` adds to its own."""
