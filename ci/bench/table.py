"""Medians of a run, by workload and engine: in the terminal, as Markdown and as a picture.

``python ci/bench/table.py out/benchmark.json`` reads what pytest-benchmark saved.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Timing:
    """One engine on one workload: median seconds; ``above`` is by how much it missed the optimum, where it did."""

    median: float
    disagrees: bool = False
    above: float = 0.0


Timings = Mapping[str, Mapping[str, Timing]]


def timings(benchmarks: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Timing]]:
    """By workload, then by engine, from pytest-benchmark's records."""
    found: dict[str, dict[str, Timing]] = {}
    for bench in benchmarks:
        extra = bench["extra_info"]
        timing = Timing(bench["stats"]["median"], extra.get("disagrees", False), extra.get("above", 0.0))
        found.setdefault(bench["group"], {})[extra["engine"]] = timing
    return found


def engines(found: Timings) -> list[str]:
    """pylmer and lme4 first, then the others as met."""
    rest = dict.fromkeys(engine for by in found.values() for engine in by if engine not in ("pylmer", "lme4"))
    return ["pylmer", "lme4", *rest]


def cells(found: Timings) -> list[list[str]]:
    """Workload, then milliseconds of each engine; behind the time, how many times faster than lme4 it is."""
    return [[name, *(_cell(by.get(engine), by.get("lme4")) for engine in engines(found))] for name, by in found.items()]


def _cell(timing: Timing | None, lme4: Timing | None) -> str:
    if timing is None:
        return "-"
    if timing.disagrees:
        return f"off by {timing.above:.3g}"
    ms = 1e3 * timing.median
    text = f"{ms:.2f}" if ms < 100 else f"{ms:,.0f}"
    return text if lme4 is None or timing is lme4 else f"{text} ({lme4.median / timing.median:.1f}x)"


def terminal(found: Timings) -> Table:
    """For the end of a run."""
    table = Table("workload", *engines(found), title="ms (times faster than lme4)", box=box.SIMPLE)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in cells(found):
        table.add_row(*row)
    return table


def markdown(found: Timings) -> str:
    """For the README."""
    head = ["workload", *(f"{engine}, ms" for engine in engines(found))]
    rows = [head, ["---", *("---:" for _ in head[1:])], *cells(found)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def picture(found: Timings, file: Path) -> None:
    """Times as multiples of lme4's speed, one row of dots a workload."""
    from matplotlib.figure import Figure

    names = [name for name, by in found.items() if "lme4" in by]
    figure = Figure(figsize=(9, 0.42 * len(names) + 1.6), layout="constrained")
    axes = figure.subplots()
    for engine in engines(found):
        if engine == "lme4":
            continue
        there = [(i, found[name].get(engine)) for i, name in enumerate(names)]
        dots = [(found[names[i]]["lme4"].median / t.median, i) for i, t in there if t and not t.disagrees]
        if dots:
            large = engine == "pylmer"
            x, y = zip(*dots, strict=True)
            axes.scatter(
                x, y, s=70 if large else 28, label=engine, zorder=3 if large else 2, alpha=1 if large else 0.75
            )
    axes.axvline(1, color="0.3", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="x", color="0.9")
    axes.set_xlabel("times faster than lme4 (line: lme4), one thread")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    figure.savefig(file, dpi=120)


def main(file: Path) -> None:
    found = timings(json.loads(file.read_text())["benchmarks"])
    print(markdown(found))
    picture(found, file.with_suffix(".png"))
    Console(stderr=True).print(f"{file.with_suffix('.png')} written")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
