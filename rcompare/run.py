"""Running cases: each one answered by two engines and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pylmer.errors import PylmerError
from rcompare.case import CALLS, Case, CaseError, load_cases
from rcompare.compare import compare_case
from rcompare.differences import Comparison, Difference
from rcompare.divergences import Divergence, builtin_register, registered
from rcompare.engines.base import CriterionEngine, Engine, EngineUnavailable, OtherData
from rcompare.engines.golden import GoldenAltered, GoldenEngine
from rcompare.engines.r import RError
from rcompare.judge import judge_of
from rcompare.results import Labelled, Results

__all__ = [
    "ENGINES",
    "Answered",
    "answer",
    "common_cases",
    "compare_engines",
    "engine_names",
    "make_engine",
    "run_cases",
]

ENGINES = ("pylmer", "R", "golden", "nlme", "lmerTest")


def make_engine(name: str, golden: Path | None = None, lme4: str = "1.1-31") -> Engine:
    """Make an engine by name: one of :data:`ENGINES` (``R`` is live lme4), another package, a folder of golden files.

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
    if name == "nlme":
        from rcompare.engines.nlme import NlmeEngine

        return NlmeEngine()
    if name == "lmerTest":
        from rcompare.engines.lmertest import LmerTestEngine

        return LmerTestEngine()
    from rcompare.engines.others import OTHERS

    if name in OTHERS:
        return OTHERS[name]()
    if Path(name).is_dir():
        return GoldenEngine(Path(name))
    raise EngineUnavailable(f"unknown engine {name!r}; known are {engine_names()} or a folder of golden files")


def engine_names() -> str:
    """Every engine that has a name, for help and error messages."""
    from rcompare.engines.others import OTHERS

    return ", ".join([*ENGINES, *OTHERS])


def common_cases(
    first: GoldenEngine, second: GoldenEngine, case_files: Iterable[Path]
) -> tuple[list[Case], dict[str, list[str]]]:
    """Cases that two folders of golden files both have, and ids that either lacks, by its name.

    A case that is in none of the case files is known by its id and by the call in its stamp.

    Raises
    ------
    EngineUnavailable
        If they have no case in common.
    """
    known = {case.id: case for case in load_cases(case_files)}
    a, b = first.recorded(), second.recorded()
    both = [name for name in a if name in set(b)]
    if not both:
        raise EngineUnavailable(f"{first.folder} and {second.folder} have no case in common")
    names = _distinct(first, second)
    lacking = {names[0]: [n for n in b if n not in set(a)], names[1]: [n for n in a if n not in set(b)]}
    return [known.get(name) or _bare(name, first) for name in both], lacking


def _bare(name: str, engine: GoldenEngine) -> Case:
    call, _, rest = str(engine.stamp(name).get("call", "")).partition("(")
    formula = rest.removesuffix(")") or "recorded"
    return Case(name, "data", call if call in CALLS and call != "data" else "lmer", formula=formula)


@dataclass(frozen=True)
class Answered:
    """Both answers to a case, and their comparison."""

    comparison: Comparison
    ours: Results
    theirs: Results
    ours_at: Results | None = None


def compare_engines(
    case: Case, engine: Engine, reference: Engine, register: Iterable[Divergence] | None = None
) -> Comparison:
    """Compare the answers of two engines to a case; see :func:`answer`."""
    return answer(case, engine, reference, register).comparison


def answer(case: Case, engine: Engine, reference: Engine, register: Iterable[Divergence] | None = None) -> Answered:
    """Let two engines answer a case and compare their answers in all stages.

    Parameters
    ----------
    case, engine, reference
        What is asked, and of whom.
    register
        Known divergences; those that come with rcompare when None.

    Raises
    ------
    FileNotFoundError
        If an engine is a folder of golden files without this case.
    OtherData
        If the two engines saw different data.
    GoldenAltered
        If a golden file is not as R wrote it.
    CaseError
        If the case says what may not reach R.
    """
    wanted = [group for e in (engine, reference) for group in getattr(e, "wants", ())]
    if wanted and case.call == "lmer":
        case = replace(case, groups=tuple(dict.fromkeys([*case.groups, *wanted])))
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

    names = _distinct(engine, reference)
    partial = bool(getattr(engine, "partial", False))
    known = registered(case, (ours.stamp, theirs.stamp), builtin_register() if register is None else register)
    talk = not (partial or getattr(reference, "partial", False))
    judge = None if isinstance(engine, CriterionEngine) else judge_of(case, ours, theirs)
    compared = compare_case(case, ours, theirs, at, criterion, partial, names, known, talk, judge)
    return Answered(compared, ours, theirs, at)


def _distinct(engine: Engine, reference: Engine) -> tuple[str, str]:
    """Headings of two engines, told apart by their folders where their names are the same."""
    a, b = engine.name, reference.name
    if a != b:
        return a, b
    if isinstance(engine, GoldenEngine) and isinstance(reference, GoldenEngine) and engine.folder != reference.folder:
        folders = engine.folder.resolve(), reference.folder.resolve()
        depth = next(i for i in range(1, 99) if folders[0].parts[-i:] != folders[1].parts[-i:])
        first, second = (f"R (golden {'/'.join(folder.parts[-depth:])})" for folder in folders)
        return first, second
    return f"{a}, first", f"{b}, second"


def _same_data(case: Case, ours: Results, theirs: Results) -> None:
    a, b = ours.stamp.get("data_hash"), theirs.stamp.get("data_hash")
    if a is not None and b is not None and a != b:
        raise OtherData(
            f"the two engines saw different data (SHA-256 {a[:12]} and {b[:12]}); "
            "if the data have changed on purpose, record again: rcompare record " + case.id
        )


def run_cases(
    cases: Iterable[Case], engine: Engine, reference: Engine, register: Iterable[Divergence] | None = None
) -> Iterator[Comparison]:
    """Compare two engines case by case, as an iterator so that progress can be shown.

    A case that cannot be compared at all (not recorded, other data, a golden file that was altered, a formula that may
    not reach R) fails by itself, with the reason, and the others go on.
    """
    known = None if register is None else tuple(register)
    for case in cases:
        try:
            yield compare_engines(case, engine, reference, known)
        except Exception as err:
            kind = next((kind for kind in STOPPED if isinstance(err, kind)), None)
            if kind is None:
                raise
            quantity, status = STOPPED[kind]
            yield Comparison(
                case, (Difference(case.id, quantity, 0, status, note=str(err)),), None, _distinct(engine, reference)
            )


STOPPED: dict[type[Exception], tuple[str, str]] = {
    FileNotFoundError: ("golden file", "missing"),
    GoldenAltered: ("golden file", "error"),
    OtherData: ("data", "error"),
    CaseError: ("case", "error"),
    PylmerError: ("case", "error"),
    RError: ("error", "error"),
}
"""What stops one case only: the quantity and status under which it is reported."""
