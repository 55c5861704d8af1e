"""Comparisons in the terminal: one row a case, then every difference that matters, texts side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from rcompare.differences import Comparison, Difference
from rcompare.quantities import STAGES, quantity
from rcompare.textdiff import LineDifference, TextDifference

__all__ = ["STYLES", "difference_block", "print_report", "side_by_side", "tally"]

VERDICTS = {"agrees": ("agrees", "green"), "parts": ("PARTS", "bold red"), "not offered": ("not offered", "dim")}

NOTE = 40
"""A note longer than this stands below its table."""

STYLES = {
    "same": "green",
    "digits": "yellow",
    "waived": "yellow",
    "not comparable": "yellow",
    "not offered": "dim",
    "differs": "bold red",
    "missing": "bold red",
    "stale waiver": "bold red",
    "error": "bold red",
}


def tally(differences: Sequence[Difference]) -> str:
    """``"12/12"``: how many of these outcomes do not fail."""
    counted = [d for d in differences if d.status != "not offered"]
    return f"{sum(not d.fails for d in counted)}/{len(counted)}" if counted else "–"


def print_report(comparisons: Sequence[Comparison], console: Console, verbose: bool = False) -> None:
    """Print the table of cases, then the failures (with ``verbose`` every outcome)."""
    if not comparisons:
        console.print("nothing was compared")
        return
    console.print(_case_table(comparisons))
    for comparison in comparisons:
        quiet = ("same", "digits", "not offered")
        shown = [d for d in comparison.differences if verbose or d.status not in quiet]
        if shown:
            console.print(Text(f"\n{comparison.case.id}", style="bold"), Text(comparison.case.formula, style="dim"))
            console.print(difference_block(shown, comparison.names))
        for d in shown:
            if d.text is not None and d.text.lines and (verbose or d.fails):
                console.print(side_by_side(d, comparison.names))
    for line in _not_offered(comparisons):
        console.print(Text(line, style="yellow"))
    console.print(_closing(comparisons))


def _not_offered(comparisons: Sequence[Comparison]) -> list[str]:
    """Cases that were not compared, by the reason."""
    reasons: dict[str, list[str]] = {}
    for c in comparisons:
        if not c.offered:
            reasons.setdefault(c.differences[0].note, []).append(c.case.id)
    return [f"NOT OFFERED, {len(ids)} cases: {reason}: {', '.join(ids)}" for reason, ids in reasons.items()]


def _closing(comparisons: Sequence[Comparison]) -> Text:
    outcomes = [d for c in comparisons for d in c.differences]
    failures = [d for d in outcomes if d.fails]
    verdicts = [c.optimum.verdict for c in comparisons if c.optimum is not None]
    counts = ", ".join(f"{verdicts.count(v)} {v}" for v in dict.fromkeys(verdicts))
    text = Text()
    text.append(f"{len(comparisons)} cases, {len(outcomes)} comparisons, ")
    text.append(f"{len(failures)} failures", style="bold red" if failures else "bold green")
    if counts:
        text.append(f"; optima: {counts}")
    for status in ("digits", "waived", "not comparable", "not offered"):
        count = sum(d.status == status for d in outcomes)
        if count:
            said = "texts with another last digit" if status == "digits" else status
            text.append(f"; {count} {said}", style="yellow")
    return text


def _case_table(comparisons: Sequence[Comparison]) -> Table:
    ours, theirs = comparisons[0].names
    table = Table(title=f"{ours} beside {theirs}", title_justify="left", title_style="bold")
    table.add_column("case", overflow="fold")
    table.add_column("optimum")
    table.add_column("gap", justify="right")
    for name in STAGES.values():
        table.add_column(name, justify="right")
    table.add_column("")
    for c in comparisons:
        optimum = c.optimum
        cells = [_tally_cell([d for d in c.differences if d.stage == stage]) for stage in STAGES]
        gap = Text("" if optimum is None else f"{optimum.gap:+.1e}")
        verdict = Text("" if optimum is None else optimum.verdict, style=_verdict_style(c))
        mark = Text(*VERDICTS[c.verdict])
        table.add_row(c.case.id, verdict, gap, *cells, mark)
    return table


def _verdict_style(c: Comparison) -> str:
    if c.optimum is None:
        return ""
    return "green" if c.optimum.acceptable else "bold red"


def _tally_cell(differences: Sequence[Difference]) -> Text:
    failed = any(d.fails for d in differences)
    return Text(tally(differences), style="bold red" if failed else "")


def difference_block(differences: Sequence[Difference], names: tuple[str, str]) -> Group:
    """A table, one row an outcome, with the long notes below it, each said once."""
    long = {d.note: "" for d in differences if len(d.note) > NOTE}
    marks = {note: f"[{i}]" for i, note in enumerate(long, 1)}
    below = [Text(f"{mark} {note}", style="dim") for note, mark in marks.items()]
    return Group(_difference_table(differences, names, marks), *below)


def _difference_table(differences: Sequence[Difference], names: tuple[str, str], marks: Mapping[str, str]) -> Table:
    """One row an outcome: stage, quantity, the two values at the worst place, the difference and what is allowed."""
    table = Table()
    for heading in ("stage", "quantity", "where", *names):
        table.add_column(heading, overflow="fold")
    for heading in ("difference", "allowed"):
        table.add_column(heading, justify="right")
    table.add_column("verdict", overflow="fold")
    for d in differences:
        heading = quantity(d.quantity).heading
        size = "" if d.size != d.size else f"{d.size:.2g}"
        allowed = "" if d.tolerance != d.tolerance else f"{d.tolerance:.0e}"
        verdict = Text(d.status, style=STYLES[d.status])
        if d.note:
            verdict.append(f" {marks.get(d.note) or f'({d.note})'}", style="dim")
        table.add_row(d.stage_name, heading, d.where, d.ours, d.theirs, size, allowed, verdict)
    return table


def side_by_side(d: Difference, names: tuple[str, str], context: int = 1) -> Panel:
    """Two texts beside each other: the lines that differ, with some around them, differing tokens marked."""
    assert d.text is not None
    table = Table(box=None, padding=(0, 1))
    for heading in ("", *names, ""):
        table.add_column(heading, overflow="fold")
    for line in _around(d.text, context):
        table.add_row(
            str(line.number),
            _marked(line.ours, line.marks_ours),
            _marked(line.theirs, line.marks_theirs),
            Text(line.kind if line.kind != "same" else "", style="yellow" if line.kind == "digit" else "red"),
        )
    return Panel(table, title=f"{d.quantity}: {d.text.summary}", title_align="left")


def _around(text: TextDifference, context: int) -> list[LineDifference]:
    """The lines that differ, and the equal ones within ``context`` lines of them."""
    differing = {line.number for line in text.lines}
    near = {n + k for n in differing for k in range(-context, context + 1)} - differing
    equal = [
        LineDifference(n, "same", text.theirs[n - 1], text.theirs[n - 1]) for n in near if 1 <= n <= len(text.theirs)
    ]
    return sorted([*text.lines, *equal], key=lambda line: line.number)


def _marked(line: str | None, marks: Sequence[tuple[int, int]]) -> Text:
    if line is None:
        return Text("(no such line)", style="dim italic")
    shown = Text(line)
    for start, end in marks:
        shown.stylize("bold reverse red", start, end)
    return shown
