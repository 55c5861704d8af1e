"""Rows that do not fit into memory: time and memory of a fit from Parquet beside reading the file twice.

    ci/benchmark --rows [ROWS ...]      (20 million rows by default; the file is made in the temporary directory once)

Reading is that of pyarrow with one thread, the same columns, decoded to NumPy. Each measurement is a process of its
own; the smallest of three counts, for other work on the machine only ever adds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

GROUPS = 10_000
COLUMNS = ["y", "x1", "x2", "x3", "g"]
FORMULA = "y ~ x1 + x2 + x3 + (1 | g)"
PART = 1_000_000

READ = """
import pyarrow as pa, pyarrow.parquet as pq
pa.set_cpu_count(1)
def work():
    for _ in range(2):
        file = pq.ParquetFile(path, pre_buffer=False)
        for batch in file.iter_batches(batch_size=65_536, columns=columns, use_threads=False):
            for column in batch.columns:
                column.to_numpy(zero_copy_only=False)
"""
FIT = """
import pyarrow.dataset
from pylmer import lmer
def work():
    lmer(formula, data=path)
"""
MEASURE = """
import json, resource, sys, time
path, columns, formula = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
{body}
best = []
for _ in range(3):
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    best.append((time.perf_counter() - wall, time.process_time() - cpu))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps([min(w for w, _ in best), min(c for _, c in best), peak]))
"""


def parquet_file(rows: int) -> Path:
    """The file of so many rows, made where it is not there yet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = Path(os.environ.get("PYLMER_BENCH_DIR", tempfile.gettempdir()))
    path = folder / f"pylmer-rows-{rows}.parquet"
    if path.exists():
        return path
    rng = np.random.default_rng(1)
    effects = 0.7 * rng.normal(size=GROUPS)
    schema = pa.schema([*((name, pa.float64()) for name in COLUMNS[:-1]), ("g", pa.int32())])
    unfinished = path.with_suffix(".part")
    with pq.ParquetWriter(unfinished, schema) as writer:
        for first in range(0, rows, PART):
            n = min(PART, rows - first)
            g = rng.integers(0, GROUPS, n).astype(np.int32)
            x = rng.normal(size=(3, n))
            y = 1.0 + 0.5 * x[0] - 0.25 * x[1] + 0.1 * x[2] + effects[g] + 2.0 * rng.normal(size=n)
            writer.write_table(pa.table([y, *x, g], schema=schema))
    unfinished.rename(path)
    return path


def measured(body: str, path: Path) -> tuple[float, float, float]:
    """Seconds on the clock, seconds of CPU, and the peak of memory."""
    code = MEASURE.format(body=body)
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), json.dumps(COLUMNS), FORMULA],
        capture_output=True,
        text=True,
        check=True,
    )
    wall, cpu, peak = json.loads(done.stdout)
    return wall, cpu, peak


def main(sizes: list[int]) -> None:
    """Print a line for each number of rows."""
    print(f"{'rows':>12s} {'read twice':>20s} {'fit':>20s} {'ratio':>12s} {'peak of fit':>12s}")
    for rows in sizes:
        path = parquet_file(rows)
        read, fit = measured(READ, path), measured(FIT, path)
        times = [f"{wall:7.2f} s ({cpu:6.2f} CPU)" for wall, cpu, _ in (read, fit)]
        ratio = f"{fit[0] / read[0]:.1f} ({fit[1] / read[1]:.1f})"
        print(f"{rows:12,d} {times[0]:>20s} {times[1]:>20s} {ratio:>12s} {fit[2] / 1e6:9.0f} MB", flush=True)


if __name__ == "__main__":
    main([int(float(a)) for a in sys.argv[1:]] or [20_000_000])
