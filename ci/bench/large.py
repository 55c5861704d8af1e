"""Models with many levels, beside lme4: time of a fit and peak memory, each in a process of its own.

``ci/benchmark --large`` prints the table, with one thread.  Times are medians of the processor's time, so that they
hold on a busy machine too.  Memory is the peak of the resident set while the model is fitted, less what the process
held before (the data included); the estimate is that of the structure, and of the rows' own arrays.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from pylmer import datasets, lmer
from pylmer.linalg.choice import estimates
from pylmer.linalg.memory import bytes_of_rows

STATUS = Path("/proc/self/status")


def students_teachers(
    schools: int = 500, teachers: int = 40, students: int = 200, rows: int = 5, movers: float = 0.002
) -> pd.DataFrame:
    """Students with several teachers of their school; a few move to another school half-way."""
    rng = np.random.default_rng(1)
    J = schools * students
    student = np.repeat(np.arange(J), rows)
    moved = (rng.random(J) < movers)[student] & (np.arange(J * rows) % rows > rows // 2)
    school = np.where(moved, rng.integers(0, schools, J)[student], student // students)
    teacher = school * teachers + rng.integers(0, teachers, J * rows)
    x = rng.normal(size=J * rows)
    y = 10.0 + 0.5 * x + rng.normal(size=J)[student] + 0.6 * rng.normal(size=schools * teachers)[teacher]
    y += 0.4 * rng.normal(size=schools)[school] + rng.normal(size=J * rows)
    ids = {"student": student, "teacher": teacher, "school": school}
    return pd.DataFrame({"y": y, "x": x} | {name: pd.Categorical(codes) for name, codes in ids.items()})


def nested(levels: tuple[int, ...] = (20, 400, 8_000, 80_000), rows: int = 4) -> pd.DataFrame:
    """Four levels of nesting; each row is in one unit of each."""
    rng = np.random.default_rng(2)
    n = levels[-1] * rows
    inner = np.arange(n) // rows
    x = rng.normal(size=n)
    y = x + rng.normal(size=n)
    columns: dict[str, object] = {}
    for i, J in enumerate(levels):
        codes = inner * J // levels[-1]
        y += 0.5 * rng.normal(size=J)[codes]
        columns[f"g{i + 1}"] = pd.Categorical(codes)
    return pd.DataFrame({"y": y, "x": x} | columns)


def unstructured(J: int = 12_000, q: int = 2_000, rows: int = 3) -> pd.DataFrame:
    """Two factors crossed at random: fill cannot be avoided."""
    rng = np.random.default_rng(3)
    g, h = np.repeat(np.arange(J), rows), np.concatenate([np.arange(q), rng.integers(0, q, J * rows - q)])
    y = rng.normal(size=J)[g] + rng.normal(size=q)[h] + rng.normal(size=J * rows)
    return pd.DataFrame({"y": y, "g": pd.Categorical(g), "h": pd.Categorical(h)})


@dataclass(frozen=True)
class Large:
    """A fit with many levels."""

    name: str
    formula: str
    table: Callable[[], pd.DataFrame]
    rounds: int = 5
    r_rounds: int = 1


LARGE = [
    Large("Chem97", "score ~ 1 + (1 | lea/school)", datasets.Chem97, 25, 7),
    Large("InstEval", "y ~ service + (1 | s) + (1 | d) + (1 | dept)", datasets.InstEval, 7),
    Large("students", "y ~ x + (1 | student) + (1 | teacher)", students_teachers),
    Large("students-schools", "y ~ x + (1 | student) + (1 | teacher) + (1 | school)", students_teachers),
    Large("nested", "y ~ x + (1 | g1) + (1 | g2) + (1 | g3) + (1 | g4)", nested, 5),
    Large("unstructured", "y ~ 1 + (1 | g) + (1 | h)", unstructured, 1),
]

IN_R = """
peak <- function() {{
    line <- grep(field, readLines("/proc/self/status"), value = TRUE)
    as.numeric(gsub("[^0-9]", "", line))
}}
d <- read.csv("{file}"); for (v in c({factors})) d[[v]] <- factor(d[[v]])
invisible(gc()); field <- "VmRSS"; before <- peak(); cat("5", file = "/proc/self/clear_refs")
seconds <- sapply(seq_len({rounds}), function(i) sum(system.time(
    m <<- suppressMessages(suppressWarnings(lme4::lmer({formula}, d))))[1:2]))
field <- "VmHWM"
cat(sprintf('{{"seconds": %.17g, "criterion": %.17g, "memory": %.17g}}\\n',
            median(seconds), lme4::REMLcrit(m), 1024 * (peak() - before)))
"""


def kilobytes(field: str) -> int:
    return next(int(line.split()[1]) for line in STATUS.read_text().splitlines() if line.startswith(field))


def by_pylmer(work: Large) -> dict[str, float]:
    """Fit in this process."""
    warnings.simplefilter("ignore")
    table, seconds = work.table(), []
    lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    before = kilobytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    for _ in range(work.rounds):
        start = time.process_time()
        model = lmer(work.formula, table)
        seconds.append(time.process_time() - start)
    peak = 1024.0 * (kilobytes("VmHWM") - before)
    name = {"Crossed": "dense", "SparseCrossed": "sparse"}[type(model.criterion.structure).__name__]
    sums = model.criterion.sums
    estimate = next(e.bytes for e in estimates(sums) if e.structure == name)
    estimate += bytes_of_rows(model.n, model.p, [A.shape[1] for A in sums.A])
    return {"seconds": median(seconds), "criterion": model.value, "memory": peak, "estimate": float(estimate)}


def by_lme4(work: Large) -> dict[str, float]:
    """Fit in a fresh R."""
    with tempfile.TemporaryDirectory() as folder:
        table, file = work.table(), f"{folder}/table.csv"
        table.to_csv(file, index=False)
        factors = ", ".join(f'"{name}"' for name in table.columns if table[name].dtype == "category")
        code = IN_R.format(file=file, factors=factors, rounds=work.r_rounds, formula=work.formula)
        run = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


def row(work: Large) -> str:
    """Both engines, ours in a process of its own."""
    alone = [sys.executable, __file__, "--ours", work.name]
    run = subprocess.run(alone, capture_output=True, text=True, check=True)
    ours, theirs = json.loads(run.stdout.splitlines()[-1]), by_lme4(work)
    above = ours["criterion"] - theirs["criterion"]
    assert above <= 1e-6 * max(1.0, abs(theirs["criterion"]) / 1e4), f"{work.name}: {above} above lme4's criterion"
    cells = [f"{r['seconds']:9.3f} s {r['memory'] / 1e6:7.0f} MB" for r in (ours, theirs)]
    ratio = theirs["seconds"] / ours["seconds"]
    return f"{work.name:18s}{cells[0]} {ours['estimate'] / 1e6:9.0f} MB {cells[1]} {ratio:9.1f} {above:12.1e}"


def main() -> None:
    """Print the table, or run one workload here."""
    named = {work.name: work for work in LARGE}
    if sys.argv[1:2] == ["--ours"]:
        print(json.dumps(by_pylmer(named[sys.argv[2]])))
        return
    heads = (
        ("pylmer", 11),
        ("peak", 10),
        ("estimated", 12),
        ("lme4", 11),
        ("peak", 10),
        ("ratio", 9),
        ("above lme4", 12),
    )
    print(f"{'workload':18s}" + " ".join(f"{head:>{width}s}" for head, width in heads))
    for name in sys.argv[1:] or named:
        print(row(named[name]), flush=True)


if __name__ == "__main__":
    main()
