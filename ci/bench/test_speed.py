"""From data frame and formula to a fitted model or intervals; agreement is checked before a time counts."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from peers import PATIENCE, PEERS, in_time
from workloads import BOOTSTRAPS, FITS, PROFILES, Workload

from pylmer import confint, lmer

#: lme4's default optimizer, not ending before the optimum: what a bootstrap's refits are compared with.
TIGHT = """bench_tight <- lme4::lmerControl(
    optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-12, xtol_rel = 0, ftol_rel = 0, maxeval = 1e4))"""
DATA_R = Path(__file__).parents[2] / "rcompare" / "engines" / "data.R"


def in_r(R, work: Workload, folder: Path) -> str:
    """Define the workload as a function in R; the call that runs it."""
    R(DATA_R.read_text())
    R(TIGHT)
    if work.generated:
        file = folder / f"{work.data}.csv"
        if not file.exists():
            work.table().to_csv(file, index=False)
        R(f'bench_data <- read.csv("{file}", stringsAsFactors = TRUE)')
    else:
        R(f'bench_data <- rc_data("{work.data}")')
    R(f"bench_formula <- {work.formula}")
    run = f"lme4::lmer(bench_formula, bench_data, REML = {str(work.REML).upper()}, control = control)"
    if not work.is_fit:
        how = f'method = "boot", nsim = {work.nsim}, seed = 42' if work.nsim else 'method = "profile"'
        R("control <- lme4::lmerControl()")
        R(f"bench_model <- list(default = {run})")
        R("control <- bench_tight")
        R(f"bench_model$tight <- {run}")
        run = f"lme4:::confint.merMod(bench_model[[which]], {how}, quiet = TRUE)"
    R("control <- lme4::lmerControl()")
    R(f"""bench_run <- function(which = "default")
          suppressMessages(suppressWarnings({run}))""")
    return "bench_run()"


def ours(work: Workload):
    table = work.table()
    if work.is_fit:
        return lambda: lmer(work.formula, table)
    model = lmer(work.formula, table, REML=work.REML)
    if work.nsim:
        return lambda: confint(model, method="boot", nsim=work.nsim, seed=42, quiet=True)
    return lambda: confint(model, quiet=True)


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generated")


@pytest.fixture(scope="session")
def criteria() -> dict[str, float]:
    """REML criterion that pylmer reached, by workload; lme4's is never below it."""
    return {}


def label(benchmark, work: Workload, engine: str) -> None:
    benchmark.group = work.name
    benchmark.extra_info["engine"] = engine


@pytest.mark.parametrize("work", FITS + BOOTSTRAPS + PROFILES, ids=lambda w: w.id)
def test_pylmer(benchmark, R, folder: Path, criteria: dict[str, float], work: Workload) -> None:
    label(benchmark, work, "pylmer")
    result = benchmark.pedantic(ours(work), rounds=work.rounds, warmup_rounds=min(10, work.rounds))
    call = in_r(R, work, folder)
    if work.is_fit:
        criteria[work.name] = result.value
        assert result.value <= R.num(f"lme4::REMLcrit({call})")[0] + 1e-6
    else:
        tight = 'bench_run(which = "tight")' if work.nsim else call
        found, recorded = result.to_numpy().T.ravel(), R.num(tight).ravel(order="F")
        assert found == pytest.approx(recorded, rel=1e-5 if work.nsim else 1e-4, abs=1e-8)


@pytest.mark.parametrize("work", FITS + BOOTSTRAPS + PROFILES, ids=lambda w: w.id)
def test_lme4(benchmark, R, folder: Path, work: Workload) -> None:
    label(benchmark, work, "lme4")
    call = in_r(R, work, folder)
    benchmark.pedantic(lambda: R(call), rounds=work.r_rounds, warmup_rounds=work.r_rounds // 4)


@pytest.mark.parametrize("work", FITS, ids=lambda w: w.id)
@pytest.mark.parametrize("name", PEERS)
def test_peer(benchmark, criteria: dict[str, float], work: Workload, name: str) -> None:
    """Another package's time counts where it reaches the optimum to 1e-3; what it missed by is kept otherwise."""
    peer = PEERS[name]
    if not peer.installed:
        pytest.skip(f"{name} is not installed (ci/benchmark --peers installs it)")
    if work.name not in criteria:
        criteria[work.name] = lmer(work.formula, work.table()).value
    label(benchmark, work, name)
    run = peer.prepare(work, work.table())
    if run is None:
        pytest.skip(f"{name} has no such model")
    if work.is_large and not in_time(name, work):
        pytest.skip(f"{name} took more than {PATIENCE:.0f} s")
    try:
        fit = run()
    except BaseException as err:  # whatever a package raises, a Rust panic too, is its answer
        if isinstance(err, KeyboardInterrupt):
            raise
        pytest.skip(f"{name}: {type(err).__name__}: {err}")
    benchmark.extra_info["above"] = above = peer.criterion(fit) - criteria[work.name]
    rounds = max(1, work.rounds // 4)
    benchmark.pedantic(run, rounds=rounds, warmup_rounds=rounds // 4)
    if not np.isfinite(above) or abs(above) > 1e-3:
        benchmark.extra_info["disagrees"] = True
