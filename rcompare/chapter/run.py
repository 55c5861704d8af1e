"""Going through the chapter: fit, print, compare, draw, write the page."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from rcompare.case import Case, builtin_cases, select
from rcompare.chapter.blocks import BLOCKS, Block, Piece
from rcompare.chapter.rows import Row, rows_of
from rcompare.chapter.texts import MAKERS, PICTURES, draw, recorded_text
from rcompare.datatable import case_data
from rcompare.engines.golden import GoldenEngine
from rcompare.engines.pylmer import PylmerEngine
from rcompare.run import Answered, answer

__all__ = ["run_chapter"]

api: Any = import_module("pylmer")
STYLES = {"same": "green", "as R's tight optimum": "green", "digits": "yellow", "waived": "yellow"}


@dataclass(frozen=True)
class Shown:
    """A piece as it came out: text with what R recorded for it, or the picture's bytes and file."""

    piece: Piece
    text: str = ""
    recorded: str = ""
    where: str = ""
    picture: bytes | None = None
    file: str = ""

    @property
    def data_uri(self) -> str:
        """The picture for a self-contained page."""
        assert self.picture is not None
        return "data:image/png;base64," + base64.b64encode(self.picture).decode("ascii")

    @property
    def caption(self) -> str:
        """What the picture shows."""
        return PICTURES[self.piece.picture]


@dataclass(frozen=True)
class Told:
    """A block with everything that came out of it."""

    block: Block
    shown: tuple[Shown, ...]
    rows: tuple[Row, ...]

    @property
    def agrees(self) -> bool:
        """Whether no row fails."""
        return not any(row.fails for row in self.rows)


def run_chapter(console: Console, out: Path, golden: Path | None = None) -> bool:
    """Go through the chapter.

    Parameters
    ----------
    console
        Where to print.
    out
        Folder for the page and the pictures; made if need be.
    golden
        Folder of golden files; the newest when None.

    Returns
    -------
    bool
        Whether everything agrees with what R recorded: each row of the table, and every other comparison of the cases.
    """
    reference = GoldenEngine(golden)
    engine = PylmerEngine(lme4=reference.lme4_version)
    cases = {case.id: case for case in select(builtin_cases(), ["chapter"])}
    answers: dict[str, Answered] = {}
    models: dict[str, Any] = {}
    out.mkdir(parents=True, exist_ok=True)
    told = []
    for number, block in enumerate(BLOCKS, 1):
        needed = dict.fromkeys([p.case for p in block.pieces] + [a.case for a in block.asks])
        for case_id in needed:
            if case_id not in answers:
                _answer(cases[case_id], engine, reference, answers, models)
        told.append(_tell(block, answers, models, out))
        _print_block(console, number, told[-1])
    console.print(_table(told))
    page = out / "chapter.html"
    page.write_text(_page(told, [a.comparison for a in answers.values()], reference.name), encoding="utf-8")
    return _closing(console, told, answers, out)


def _answer(
    case: Case, engine: PylmerEngine, reference: GoldenEngine, answers: dict[str, Answered], models: dict[str, Any]
) -> None:
    answers[case.id] = answer(case, engine, reference)
    if answers[case.id].ours.error is None:
        models[case.id] = engine.fit(case, case_data(case))[0]


def _tell(block: Block, answers: dict[str, Answered], models: dict[str, Any], out: Path) -> Told:
    with api.options(useFancyQuotes=False):
        shown = tuple(_show(piece, answers, models, out) for piece in block.pieces)
    rows = tuple(row for ask in block.asks for row in rows_of(ask, answers[ask.case]))
    return Told(block, shown, rows)


def _show(piece: Piece, answers: dict[str, Answered], models: dict[str, Any], out: Path) -> Shown:
    if piece.case not in models:
        return Shown(piece, f"(no fit: {answers[piece.case].ours.error})")
    model = models[piece.case]
    if not piece.picture:
        text = MAKERS[piece.maker](model, answers[piece.case].ours, models)
        recorded, where = recorded_text(piece.maker, answers[piece.case].ours, answers[piece.case].theirs)
        return Shown(piece, text, recorded, where)
    picture = draw(piece.picture, model)
    if picture is None:
        return Shown(piece, "(no picture: matplotlib is not installed, pip install 'pylmer[plots]')")
    file = f"{piece.picture}.png"
    (out / file).write_bytes(picture)
    return Shown(piece, picture=picture, file=file)


# ----------------------------------------------------------------------------------------------------------- printing


def _print_block(console: Console, number: int, told: Told) -> None:
    console.print()
    console.print(Rule(f"{number}. {told.block.title}", align="left"))
    console.print(told.block.words, style="dim")
    for shown in told.shown:
        console.print()
        for line in shown.piece.code.splitlines():
            console.print(Text(f">>> {line}", style="cyan"))
        text = f"(picture: {shown.file})" if shown.file else shown.text
        console.print(Text(text), soft_wrap=True)
    failed = sum(row.fails for row in told.rows)
    verdict = "agrees with R" if told.agrees else f"PARTS from R in {failed} rows"
    console.print(
        Text(f"\n{len(told.rows)} quantities compared: {verdict}", style="green" if told.agrees else "bold red")
    )


def _table(told: Sequence[Told]) -> Table:
    table = Table(title="\npylmer beside R, one row a quantity", title_justify="left", title_style="bold")
    table.add_column("quantity", overflow="fold", min_width=38)
    table.add_column("pylmer", justify="right")
    table.add_column("R", justify="right")
    table.add_column("R, tight", justify="right")
    table.add_column("difference", justify="right")
    table.add_column("verdict", overflow="fold")
    for t in told:
        table.add_section()
        table.add_row(Text(t.block.title, style="bold"), "", "", "", "", "")
        for row in t.rows:
            verdict = Text(row.verdict, style=STYLES.get(row.verdict, "bold red"))
            if row.note and row.verdict not in ("same", "as R's tight optimum"):
                verdict.append(f" ({row.note})", style="dim")
            table.add_row(row.title, row.ours, row.theirs, row.tight, row.difference, verdict)
    return table


def _closing(console: Console, told: Sequence[Told], answers: dict[str, Answered], out: Path) -> bool:
    rows = [row for t in told for row in t.rows]
    counts = Counter(row.verdict for row in rows)
    console.print(f"{len(rows)} rows: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    comparisons = [a.comparison for a in answers.values()]
    outcomes = [d for c in comparisons for d in c.differences]
    failures = [d for d in outcomes if d.fails]
    console.print(f"behind them {len(outcomes)} comparisons of {len(comparisons)} cases, {len(failures)} failures")
    for d in failures:
        console.print(Text(f"  {d.case}, {d.quantity} ({d.stage_name}): {d.status} {d.note}", style="bold red"))
    console.print(f"written: {out / 'chapter.html'} and {sum(bool(s.file) for t in told for s in t.shown)} pictures")
    agrees = not failures and all(t.agrees for t in told)
    console.print(Text("the chapter agrees with R" if agrees else "the chapter PARTS from R", style="bold"))
    return agrees


def _page(told: Sequence[Told], comparisons: Sequence[Any], reference: str) -> str:
    from rcompare.report.html import counts, environment, heat_map

    return (
        environment()
        .get_template("chapter.html")
        .render(
            title="The chapter, block for block",
            reference=reference,
            told=told,
            comparisons=comparisons,
            counts=counts(comparisons),
            verdicts=Counter(row.verdict for t in told for row in t.rows),
            failures=sum(row.fails for t in told for row in t.rows),
            heat=heat_map(comparisons),
            made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )
    )
