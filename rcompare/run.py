"""Running cases: each one answered by two engines and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rcompare.case import Case
from rcompare.compare import compare_case
from rcompare.differences import Comparison
from rcompare.engines.base import CriterionEngine, Engine, EngineUnavailable
from rcompare.engines.golden import GoldenEngine
from rcompare.results import Labelled, Results

__all__ = ["ENGINES", "Answered", "OtherData", "answer", "compare_engines", "make_engine", "run_cases"]

ENGINES = ("pylmer", "R", "golden")


class OtherData(ValueError):
    """Two engines answered a case from different rows."""


def make_engine(name: str, golden: Path | None = None, lme4: str = "1.1-31") -> Engine:
    """Make an engine by name: ``pylmer``, ``R`` (live), ``golden``, another package, or a folder of golden files.

    Parameters
    ----------
    name
        The engine.
    golden
        Folder of golden files for ``golden``; the newest recorded one when None.
    lme4
        The version whose printed text pylmer follows.

    Raises
    ------
    EngineUnavailable
        If it cannot work here.
    """
    if name == "pylmer":
        from rcompare.engines.pylmer import PylmerEngine

        return PylmerEngine(lme4=lme4)
    if name == "R":
        from rcompare.engines.lme4 import REngine

        return REngine()
    if name == "golden":
        return GoldenEngine(golden)
    from rcompare.engines.others import OTHERS

    if name in OTHERS:
        return OTHERS[name]()
    if Path(name).is_dir():
        return GoldenEngine(Path(name))
    known = ", ".join([*ENGINES, *OTHERS])
    raise EngineUnavailable(f"unknown engine {name!r}; known are {known} or a folder of golden files")


@dataclass(frozen=True)
class Answered:
    """Both answers to a case, and their comparison."""

    comparison: Comparison
    ours: Results
    theirs: Results
    ours_at: Results | None = None


def compare_engines(case: Case, engine: Engine, reference: Engine) -> Comparison:
    """Compare the answers of two engines to a case; see :func:`answer`."""
    return answer(case, engine, reference).comparison


def answer(case: Case, engine: Engine, reference: Engine) -> Answered:
    """Let two engines answer a case and compare their answers in all stages.

    Raises
    ------
    FileNotFoundError
        If the reference is a folder of golden files without this case.
    OtherData
        If the two engines saw different data.
    """
    theirs = reference.run(case)
    ours = engine.run(case)
    _same_data(case, ours, theirs)
    theta = theirs.values.get("theta")
    at = None
    criterion: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None
    if isinstance(engine, CriterionEngine) and isinstance(theta, Labelled) and ours.error is None:
        mine = ours.values.get("theta")
        if isinstance(mine, Labelled) and mine.values.shape == theta.values.shape:
            at = engine.run_at(case, theta.values)
            asked = engine

            def criterion(thetas: NDArray[np.float64]) -> NDArray[np.float64]:
                return asked.criterion(case, thetas)

    names = (engine.name, reference.name)
    partial = bool(getattr(engine, "partial", False))
    return Answered(compare_case(case, ours, theirs, at, criterion, partial, names), ours, theirs, at)


def _same_data(case: Case, ours: Results, theirs: Results) -> None:
    a, b = ours.stamp.get("data_hash"), theirs.stamp.get("data_hash")
    if a is not None and b is not None and a != b:
        raise OtherData(
            f"case {case.id}: the two engines saw different data (SHA-256 {a[:12]} and {b[:12]}); "
            "if the data set has changed on purpose, record again: rcompare record " + case.id
        )


def run_cases(cases: Iterable[Case], engine: Engine, reference: Engine) -> Iterator[Comparison]:
    """Compare two engines case by case, as an iterator so that progress can be shown."""
    for case in cases:
        yield compare_engines(case, engine, reference)
