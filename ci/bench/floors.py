"""Where the time of a fit goes, and how far it is from its floor.

The floor of a fit is what no engine of this design can avoid: reading the columns of the formula once (a copy of each),
forming the sums over rows, and the criterion's value at one theta. ``ci/benchmark --floors`` prints both.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from workloads import FITS, Workload

from pylmer import lFormula, lmer, mkLmerDevfun, optimizeLmer
from pylmer.dotted import LmerMod
from pylmer.linalg.cross_products import cross_products
from pylmer.model import make_model


def microseconds(run: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds + max(1, rounds // 4)):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e6 * float(np.median(times[-rounds:]))


def stages(work: Workload) -> tuple[list[float], int, float]:
    """Microseconds of the whole fit and of its stages, number of evaluations, and the floor."""
    table, rounds = work.table(), max(3, 2 * work.rounds)
    design = lFormula(work.formula, table)
    criterion = mkLmerDevfun(design)
    opt = optimizeLmer(criterion)
    names = [name for name in table.columns if name in work.formula]
    Xy = np.vstack([criterion.X, design.y])
    once = microseconds(lambda: criterion(opt.theta), rounds)
    sums = microseconds(lambda: cross_products(criterion.factors, Xy), rounds)
    read = microseconds(lambda: [table[name].array.copy() for name in names], rounds)
    times = [
        microseconds(lambda: lmer(work.formula, table), rounds),
        microseconds(lambda: lFormula(work.formula, table), rounds),
        microseconds(lambda: mkLmerDevfun(design), rounds),
        microseconds(lambda: optimizeLmer(criterion), rounds),
        microseconds(lambda: make_model(LmerMod, design, criterion, opt, None), rounds),
        microseconds(lambda: criterion.evaluate(np.atleast_2d(opt.theta)), rounds),
    ]
    return times, opt.evaluations, read + sums + once


def main() -> None:
    warnings.simplefilter("ignore")
    stages_of_a_fit = ["fit", "design", "sums", "optimum", "record", "one evaluation"]
    heads = ["workload", *stages_of_a_fit, "evaluations", "floor", "fit / floor"]
    table = Table(*heads, title="microseconds (medians)", box=box.SIMPLE)
    for column in table.columns[1:]:
        column.justify = "right"
    for work in FITS:
        times, evaluations, floor = stages(work)
        row = [f"{t:,.0f}" for t in times]
        table.add_row(work.name, *row, str(evaluations), f"{floor:,.0f}", f"{times[0] / floor:.1f}")
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
