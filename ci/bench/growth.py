"""How time grows with rows, levels, covariates and parameters, beside lme4: four curves and their numbers.

``ci/benchmark --growth`` runs it; it writes ``out/growth.png`` and prints the table.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import generated
import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from pylmer import lmer

OUT = Path("out/growth.png")
R_LONGEST = 20.0  # seconds of lme4 after which the larger ones are not asked of it


@dataclass(frozen=True)
class Point:
    """One fit: where it stands on the axis, its formula and its table."""

    x: int
    formula: str
    table: pd.DataFrame


def rows() -> Iterator[Point]:
    for n in (1_000, 10_000, 100_000, 1_000_000):
        yield Point(n, "y ~ x1 + (x1 | g)", generated.growing(n, 500))


def levels() -> Iterator[Point]:
    for n in (50, 500, 5_000, 50_000):
        yield Point(n, "y ~ x1 + (x1 | g)", generated.growing(100_000, n))


def covariates() -> Iterator[Point]:
    table = generated.growing(20_000, 500, 64)
    for p in (1, 4, 16, 64):
        yield Point(p, f"y ~ {' + '.join(f'x{j + 1}' for j in range(p))} + (1 | g)", table)


def parameters() -> Iterator[Point]:
    table = generated.growing(20_000, 200, 6)
    for k in range(1, 7):
        inner = " + ".join(f"x{j + 1}" for j in range(k - 1)) or "1"
        yield Point(k * (k + 1) // 2, f"y ~ {inner} + ({inner} | g)", table)


AXES: Mapping[str, Callable[[], Iterator[Point]]] = {
    "rows (500 groups, slopes)": rows,
    "levels (100,000 rows, slopes)": levels,
    "covariates (20,000 rows, 500 groups)": covariates,
    "elements of theta (20,000 rows, 200 groups)": parameters,
}


def median_seconds(run: Callable[[], object], at_most: float = 1.0) -> float:
    """Median of as many runs as fit into ``at_most`` seconds, between 1 and 15, after one to warm up."""
    start = time.perf_counter()
    run()
    first = time.perf_counter() - start
    if first > at_most:
        return first
    times = []
    for _ in range(min(15, max(3, int(at_most / first)))):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def in_lme4(point: Point, folder: str) -> Callable[[], object]:
    from rcompare.engines.r import r_session

    R = r_session()
    file = Path(folder) / "growing.csv"
    point.table.to_csv(file, index=False)
    R(f'growing <- read.csv("{file}", stringsAsFactors = TRUE)')
    return lambda: R(f"suppressMessages(suppressWarnings(lme4::lmer({point.formula}, growing)))")


def curve(points: Iterator[Point]) -> list[tuple[int, float, float]]:
    """Per point: where, seconds of pylmer, seconds of lme4 (NaN where it was not asked)."""
    found, too_long = [], False
    with tempfile.TemporaryDirectory() as folder:
        for point in points:
            ours = median_seconds(lambda p=point: lmer(p.formula, p.table))
            theirs = float("nan") if too_long else median_seconds(in_lme4(point, folder))
            too_long = too_long or theirs > R_LONGEST
            found.append((point.x, ours, theirs))
    return found


def draw(curves: Mapping[str, list[tuple[int, float, float]]]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7), layout="constrained")
    for axes, (title, points) in zip(figure.subplots(2, 2, sharey=True).flat, curves.items(), strict=True):
        x, ours, theirs = (np.array(column, dtype=float) for column in zip(*points, strict=True))
        axes.plot(x, ours, "o-", label="pylmer")
        axes.plot(x, theirs, "s--", color="0.5", label="lme4")
        axes.set(xscale="log", yscale="log", xlabel=title, ylabel="seconds")
        axes.grid(color="0.92")
        axes.legend(frameon=False)
    OUT.parent.mkdir(exist_ok=True)
    figure.savefig(OUT, dpi=120)


def main() -> None:
    warnings.simplefilter("ignore")
    curves = {title: curve(points()) for title, points in AXES.items()}
    table = Table("", "at", "pylmer, ms", "lme4, ms", "lme4 / pylmer", box=box.SIMPLE)
    for title, points in curves.items():
        for x, ours, theirs in points:
            table.add_row(title, f"{x:,}", f"{1e3 * ours:,.1f}", f"{1e3 * theirs:,.1f}", f"{theirs / ours:.1f}")
    draw(curves)
    console = Console()
    console.print(table)
    console.print(f"{OUT} written")


if __name__ == "__main__":
    main()
