"""From data frame and formula to a fitted model or bootstrap intervals; agreement is checked before a time counts."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from workloads import BOOTSTRAPS, FITS, Workload

from pylmer import confint, lmer

DATA_R = Path(__file__).parents[2] / "rcompare" / "engines" / "data.R"


def r_call(R, work: Workload) -> str:
    """Define the workload as a function in R; its name."""
    R(DATA_R.read_text())
    R(f'bench_data <- rc_data("{work.data}")')
    R(f"bench_formula <- {work.formula}")
    fit = "lme4::lmer(bench_formula, bench_data)"
    if work.nsim:
        R(f"bench_model <- {fit}")
        fit = f'lme4:::confint.merMod(bench_model, method = "boot", nsim = {work.nsim}, seed = 42, quiet = TRUE)'
    R(f"bench_run <- function() suppressMessages(suppressWarnings({fit}))")
    return "bench_run"


def ours(work: Workload):
    table = work.table()
    if not work.nsim:
        return lambda: lmer(work.formula, table)
    model = lmer(work.formula, table)
    return lambda: confint(model, method="boot", nsim=work.nsim, seed=42, quiet=True)


@pytest.mark.parametrize("work", FITS + BOOTSTRAPS, ids=lambda w: w.name)
@pytest.mark.parametrize("engine", ["pylmer", "lme4"])
def test_speed(benchmark, R, work: Workload, engine: str) -> None:
    benchmark.group = work.name
    benchmark.extra_info["engine"] = engine
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = ours(work)
        name = r_call(R, work)
        if engine == "pylmer":
            result = benchmark.pedantic(run, rounds=work.rounds, warmup_rounds=min(10, work.rounds))
            if work.nsim:
                assert result.to_numpy().T.ravel() == pytest.approx(R.num(f"{name}()").ravel(order="F"), rel=1e-5)
            else:
                assert result.value <= R.num(f"lme4::REMLcrit({name}())")[0] + 1e-6
        else:
            again = f"{name}()"
            benchmark.pedantic(lambda: R(again), rounds=work.r_rounds, warmup_rounds=work.r_rounds // 4)
