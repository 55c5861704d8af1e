"""The work of a bootstrap, replicate by replicate, so that an end in the middle loses nothing that was computed."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pylmer.arguments import shown
from pylmer.criterion.criterion import Criterion
from pylmer.errors import DataError, ModelError
from pylmer.files import write_whole
from pylmer.model import MerMod
from pylmer.optimize.newton import NewtonResult

FloatArray = NDArray[np.float64]
Flags = NDArray[np.bool_]
Statistic = Callable[[MerMod], "ArrayLike | pd.Series[float] | float"]
Refit = Callable[[FloatArray], tuple[Criterion, NewtonResult]]
Replicate = Callable[[MerMod, Criterion, NewtonResult, FloatArray, int], MerMod]

PartOf = Callable[[Criterion, NewtonResult, FloatArray], "Part"]

__all__ = ["BLOCK", "Kept", "Part", "Statistic", "as_series", "compute", "fingerprint", "statistics"]

#: Replicates that are refitted together; the result does not depend on where the work was cut before.
BLOCK = 250
#: Replicates that go to a worker together.
FOR_A_WORKER = 50
#: Seconds between two writings of the checkpoint.
PAUSE = 1.0
FORMAT, VERSION = "pylmer bootstrap", 1


@dataclass
class Kept:
    """What has been computed so far.

    Parameters
    ----------
    t
        ``(nsim, k)`` statistics.
    done, failed, boundary
        ``(nsim,)`` which replicates are finished, which of them failed, and whose fit is singular.
    place
        The file that it is written to, or None.
    fingerprint
        What the replicates depend on.
    """

    t: FloatArray
    done: Flags
    failed: Flags
    boundary: Flags
    place: Path | None = None
    fingerprint: str = ""
    written: float = 0.0

    @classmethod
    def of(cls, nsim: int, k: int, place: str | os.PathLike[str] | None, fingerprint: str) -> Kept:
        """Nothing yet, or what the file at ``place`` has.

        Raises
        ------
        DataError
            If the file is no checkpoint, or that of another bootstrap.
        """
        none = np.zeros(nsim, dtype=bool)
        kept = cls(np.full((nsim, k), np.nan), none, none.copy(), none.copy(), fingerprint=fingerprint)
        if place is None:
            return kept
        kept.place = Path(place)
        if kept.place.exists():
            kept._read(kept.place.read_bytes())
        return kept

    def write(self, now: bool = False) -> None:
        """Write the file, if there is one and it is time."""
        if self.place is None or not (now or time.monotonic() - self.written > PAUSE):
            return
        rows = [[None if v != v else v for v in row] for row in self.t[self.done].tolist()]
        content = {
            "format": FORMAT,
            "version": VERSION,
            "fingerprint": self.fingerprint,
            **{name: _spelled(getattr(self, name)) for name in ("done", "failed", "boundary")},
            "t": rows,
        }
        write_whole(self.place, json.dumps(content))
        self.written = time.monotonic()

    def _read(self, text: bytes) -> None:
        try:
            content = json.loads(text)
            if content["format"] != FORMAT or content["version"] != VERSION:
                raise ValueError(f"its format is {shown(content['format'])}")
            same = content["fingerprint"] == self.fingerprint
            flags = [_flags(content[name], len(self.done)) for name in ("done", "failed", "boundary")] if same else []
            rows = [[np.nan if v is None else float(v) for v in row] for row in content["t"]]
            if same:
                self.done, self.failed, self.boundary = flags
                self.t[self.done] = np.array(rows, dtype=np.float64).reshape(-1, self.t.shape[1])
        except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
            raise DataError(
                f"{self.place} is no checkpoint of a bootstrap, or a damaged one ({error}): remove it, or give another"
            ) from None
        if not same:
            raise DataError(
                f"{self.place} is the checkpoint of another bootstrap (fit, data, nsim, seed, type or statistic "
                "differ): give another file, or the arguments that it was begun with"
            )


def _spelled(flags: Flags) -> str:
    return "".join("1" if f else "0" for f in flags)


def _flags(spelled: object, n: int) -> Flags:
    if not isinstance(spelled, str) or len(spelled) != n or set(spelled) - {"0", "1"}:
        raise ValueError("its flags are damaged")
    return np.array([c == "1" for c in spelled], dtype=bool)


def fingerprint(model: MerMod, y: FloatArray, t0: pd.Series[float]) -> str:
    """What the replicates of a bootstrap depend on, in 64 letters."""
    digest = hashlib.sha256()
    for array in (model.theta, model.beta, model.design.X, y, t0.to_numpy(dtype=np.float64)):
        digest.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    digest.update("\n".join([str(model.REML), *map(str, t0.index)]).encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Part:
    """Some of the replicates, with all that a worker needs to compute their statistics."""

    model: MerMod
    criterion: Criterion
    found: NewtonResult
    y: FloatArray
    FUN: Statistic
    k: int
    replicate: Replicate


def statistics(part: Part) -> tuple[FloatArray, Flags]:
    """The statistic of each replicate ``(R, k)``, NaN where it failed, and where it did."""
    pairs = [_one(part, r) for r in range(len(part.y))]
    return np.array([row for row, _ in pairs]).reshape(-1, part.k), np.array([bad for _, bad in pairs], dtype=bool)


def _one(part: Part, r: int) -> tuple[FloatArray, bool]:
    try:
        value = as_series(part.FUN(part.replicate(part.model, part.criterion, part.found, part.y[r], r)))
        if len(value) == part.k:
            return np.asarray(value, dtype=np.float64), False
    except Exception:  # as in R, a statistic that fails fails for its replicate
        pass
    return np.full(part.k, np.nan), True


def as_series(value: ArrayLike | pd.Series[float] | float) -> pd.Series[float]:
    """What a statistic gave, with names."""
    if isinstance(value, pd.Series):
        return value
    try:
        values = np.atleast_1d(np.asarray(value, dtype=np.float64)).ravel()
    except (TypeError, ValueError, OverflowError):
        raise ModelError(
            f"bootMer currently only handles functions that return numeric vectors: FUN gave {shown(value)}"
        ) from None
    return pd.Series(values, index=[f"t{i + 1}" for i in range(len(values))])


def compute(
    singular_tol: float, y: FloatArray, part_of: PartOf, refit: Refit, kept: Kept, executor: Executor | None
) -> None:
    """Refit and compute statistics of all replicates that are not done, block by block.

    Parameters
    ----------
    singular_tol
        A diagonal element of L below it makes a replicate's fit singular.
    y
        ``(nsim, n)`` simulated responses.
    part_of
        Makes a part of a block's criterion, optima and responses.
    refit
        Refits the responses of one block.
    kept
        Filled in, and written, as the work goes on.
    executor
        Computes the statistics elsewhere.

    Raises
    ------
    BrokenExecutor
        A worker died; what the others had computed is kept.
    """
    for first in range(0, len(y), BLOCK):
        block = np.arange(first, min(first + BLOCK, len(y)))
        if kept.done[block].all():
            continue
        criterion, found = refit(y[block])
        kept.boundary[block] = (found.theta[:, criterion.lower == 0] < singular_tol).any(axis=1)
        part = part_of(criterion, found, y[block])
        if executor is None:
            for r in np.flatnonzero(~kept.done[block]).tolist():
                kept.t[first + r], kept.failed[first + r] = _one(part, r)
                kept.done[first + r] = True
                kept.write()
        else:
            _elsewhere(part, first, kept, executor)


def _elsewhere(part: Part, first: int, kept: Kept, executor: Executor) -> None:
    """Statistics of one block by workers; what is ready when one of them dies is kept."""
    with _cancelled_at_the_end() as futures:
        for place in range(0, len(part.y), FOR_A_WORKER):
            rows = slice(place, place + FOR_A_WORKER)
            todo = slice(first + rows.start, first + min(rows.stop, len(part.y)))
            if not kept.done[todo].all():
                futures.append((todo, executor.submit(statistics, _cut(part, rows))))
        broken: BrokenExecutor | None = None
        for todo, future in futures:
            try:
                kept.t[todo], kept.failed[todo] = future.result()
            except BrokenExecutor as error:
                broken = error
                continue
            kept.done[todo] = True
            kept.write()
        if broken is not None:
            raise broken


@contextmanager
def _cancelled_at_the_end() -> Iterator[list[tuple[slice, Future[Any]]]]:
    futures: list[tuple[slice, Future[Any]]] = []
    try:
        yield futures
    finally:
        for _, future in futures:
            future.cancel()


def _cut(part: Part, rows: slice) -> Part:
    some = NewtonResult(*(getattr(part.found, f.name)[rows] for f in fields(NewtonResult)))
    own = part.criterion.with_responses(part.criterion.responses.take(rows), part.criterion.beta0)
    return replace(part, criterion=own, found=some, y=part.y[rows])
