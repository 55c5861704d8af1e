"""Faults injected on purpose: what was said, and how much of what had been computed was lost."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from pylmer import bootMer, datasets, from_json, lmer
from pylmer.errors import BootstrapInterrupted, BootstrapStopped, PylmerError
from pylmer.files import write_whole
from pylmer.inference import boot_run
from pylmer.model import MerMod
from rcompare import results
from rcompare.results import DamagedResults, Labelled, Results, read_results, write_results

NSIM = 120


@dataclass(frozen=True)
class Fault:
    """One fault: what was done, what was answered, and what was lost of what had been computed or written."""

    name: str
    answer: str
    lost: str


def spread(m: MerMod) -> Any:
    """A statistic."""
    return np.append(m.theta, m.residual_sd)


def dies(m: MerMod) -> Any:
    """The same, in a process that is killed while a file is there."""
    mark = Path(os.environ["PYLMER_TEST_DIES"])
    if mark.exists() and os.getpid() != int(mark.read_text()):
        os.kill(os.getpid(), signal.SIGKILL)
    return spread(m)


def _interrupting(after: int) -> Callable[[MerMod], Any]:
    left = [after]

    def statistic(m: MerMod) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return spread(m)

    return statistic


@contextmanager
def full_disk() -> Iterator[None]:
    """Nothing can be brought to the disk."""
    with mock.patch.object(os, "fsync", side_effect=OSError(28, "No space left on device")):
        yield


def injected() -> Iterator[Fault]:
    """Every fault in turn."""
    model = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    whole = bootMer(model, spread, NSIM, 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for after in (1, 37, 119):
            yield _interrupted(model, whole.t, folder / f"{after}.json", after)
        yield _dead_worker(model, whole.t, folder)
        yield _disk_full_in_a_bootstrap(model, whole.t, folder / "full.json")
        yield from _files(folder)
    yield from _damaged(model)


def _interrupted(model: MerMod, right: Any, place: Path, after: int) -> Fault:
    try:
        bootMer(model, _interrupting(after), NSIM, 1, checkpoint=place)
        said = "nothing"
    except BootstrapInterrupted as error:
        said, kept = str(error), error.partial.R  # type: ignore[attr-defined]
    again = bootMer(model, spread, NSIM, 1, checkpoint=place)
    lost = after - 1 - kept
    return Fault(f"interrupt in replicate {after} of {NSIM}", said, _lost(lost, np.array_equal(again.t, right)))


def _dead_worker(model: MerMod, right: Any, folder: Path) -> Fault:
    mark, place = folder / "dies", folder / "dead.json"
    mark.write_text(str(os.getpid()))
    with mock.patch.dict(os.environ, {"PYLMER_TEST_DIES": str(mark)}):
        try:
            with ProcessPoolExecutor(1) as workers:
                bootMer(model, dies, NSIM, 1, executor=workers, checkpoint=place)
            said = "nothing"
        except BootstrapStopped as error:
            said = str(error)
        mark.unlink()
        with ProcessPoolExecutor(1) as workers:
            again = bootMer(model, dies, NSIM, 1, executor=workers, checkpoint=place)
    return Fault("a worker is killed", said, _lost(0, np.array_equal(again.t, right)))


def _disk_full_in_a_bootstrap(model: MerMod, right: Any, place: Path) -> Fault:
    with full_disk(), mock.patch.object(boot_run, "PAUSE", 0.0):
        try:
            bootMer(model, spread, NSIM, 1, checkpoint=place)
            said, kept = "nothing", 0
        except BootstrapStopped as error:
            said, kept = str(error), error.partial.R  # type: ignore[attr-defined]
    again = bootMer(model, spread, NSIM, 1, checkpoint=place)
    return Fault("full disk at a checkpoint", said, _lost(1 - kept, np.array_equal(again.t, right)))


def _lost(replicates: int, same: bool) -> str:
    return "nothing; goes on to the same bits" if replicates == 0 and same else f"{replicates} replicates, same: {same}"


def _files(folder: Path) -> Iterator[Fault]:
    good = Results("a", {"beta": Labelled(np.arange(3.0))}, {"seed": 1})
    path = write_results(good, folder)
    report = folder / "report.html"
    write_whole(report, "<html>before</html>")
    for what, file, write in (
        ("a golden file", path, lambda: write_results(good, folder)),
        ("a report", report, lambda: write_whole(report, "<html>after</html>")),
    ):
        before = file.read_bytes()
        with full_disk():
            said = _said(write)
        yield Fault(
            f"full disk while {what} is written", said, "nothing" if file.read_bytes() == before else "the file"
        )
    path.write_text(path.read_text()[:40])
    yield Fault("a truncated golden file", _said(lambda: read_results(folder, "a")), "nothing to lose")
    path.write_text('{"format": "something else"}')
    yield Fault("a foreign golden file", _said(lambda: read_results(folder, "a")), "nothing to lose")


def _damaged(model: MerMod) -> Iterator[Fault]:
    text = model.to_json()
    yield Fault("a truncated saved fit", _said(lambda: from_json(text[: len(text) // 2])), "nothing to lose")
    yield Fault("a foreign saved fit", _said(lambda: from_json(results.to_json(Results("a", {})))), "nothing to lose")
    changed = text.replace('"value":', '"value":1')
    yield Fault("a saved fit with a changed number", _said(lambda: from_json(changed)), "nothing to lose")


def _said(call: Callable[[], object]) -> str:
    try:
        call()
    except (PylmerError, DamagedResults) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"
