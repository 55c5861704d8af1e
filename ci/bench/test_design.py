"""From data frame and formula to a design, beside lme4's own lFormula."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_speed import in_r
from workloads import Workload

from pylmer import lFormula

DESIGNS = [
    Workload("design of HSB, slopes", "mathach ~ cses*sector + (cses | school)", "HSB", 200, 15),
    Workload("design of sleepstudy", "Reaction ~ Days + (Days | Subject)", "sleepstudy", 200, 15),
]


@pytest.mark.parametrize("work", DESIGNS, ids=lambda w: w.id)
@pytest.mark.parametrize("engine", ["pylmer", "lme4"])
def test_design(benchmark, R, tmp_path: Path, work: Workload, engine: str) -> None:
    benchmark.group = work.name
    benchmark.extra_info["engine"] = engine
    in_r(R, work, tmp_path)
    again = "bench_design <- lme4::lFormula(bench_formula, bench_data)"
    if engine == "lme4":
        benchmark.pedantic(lambda: R(again), rounds=work.r_rounds, warmup_rounds=1)
        return
    table = work.table()
    design = benchmark.pedantic(lambda: lFormula(work.formula, table), rounds=work.rounds, warmup_rounds=1)
    R(again)
    np.testing.assert_allclose(design.X, R.num("unname(bench_design$X)"), rtol=1e-14)
