"""Refits of one model to many responses, all in one batched computation or in parts that workers share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pylmer.criterion.criterion import Criterion
from pylmer.errors import ModelError
from pylmer.linalg.one_factor import Responses
from pylmer.methods.simulate import draw_responses, stream_for
from pylmer.model import MerMod
from pylmer.optimize.newton import NewtonResult
from pylmer.optimize.optimum import OptResult, optimize_many
from pylmer.threads import one_thread

FloatArray = NDArray[np.float64]
M = TypeVar("M", bound=MerMod)

#: Parts that the responses are cut into for workers, and the most responses in one.
PARTS, MOST = 8, 250

__all__ = ["off_the_boundary", "refit_drawn", "refit_many", "replicate"]


def refit_drawn(
    model: MerMod, nsim: int, seed: int | None, progress: bool = False, executor: Executor | None = None
) -> tuple[Criterion, NewtonResult]:
    """Draw responses from a model and refit it to all of them; the rows are never held."""
    with one_thread(max(model.design.cells, model.n * nsim)):
        criterion = model.criterion.with_responses(draw_responses(model, nsim, stream_for(seed)), model.beta)
        return criterion, _optimize(criterion, model.par, nsim, progress, executor)


def refit_many(
    model: MerMod, Y: FloatArray, progress: bool = False, executor: Executor | None = None
) -> tuple[Criterion, NewtonResult]:
    """Refit a model to many responses ``(R, n)``, summing over the rows once.

    What is found for a response has the same bits whatever the others are, and whoever computes it.
    """
    with one_thread(max(model.design.cells, Y.size)):
        criterion = _with_rows(model, Y)
        return criterion, _optimize(criterion, model.par, len(Y), progress, executor)


def _with_rows(model: MerMod, Y: FloatArray) -> Criterion:
    """Return the criterion for the responses in the rows of Y."""
    base, design = model.criterion, model.design
    rows = Y - (model.mu - model.linear_random)
    if design.weights is not None:
        rows = rows * np.sqrt(design.weights)
    return base.with_responses(base.sum_responses(rows), model.beta)


def off_the_boundary(criterion: Criterion, theta: FloatArray) -> FloatArray:
    """theta ``(m,)`` with what is nearly 0 among the variances a tenth of its column's unit: where to begin again."""
    unit = criterion.unit_start
    return np.where((criterion.lower == 0) & (theta < 1e-3 * unit), 0.1 * unit, theta)


def _optimize(
    criterion: Criterion, start: FloatArray, R: int, progress: bool, executor: Executor | None
) -> NewtonResult:
    start = off_the_boundary(criterion, start)
    with _progress_bar(R, progress) as advance:
        if executor is None or R < 2:
            return _minimize(criterion, start, advance)
        bare = replace(criterion, factors=(), X=np.empty((criterion.p, 0)))  # the sums are enough
        bare.__dict__["structure"] = criterion.structure
        size = min(-(-R // PARTS), MOST)
        cuts = [slice(first, first + size) for first in range(0, R, size)]
        waiting = [
            executor.submit(_minimize, bare.with_responses(bare.responses.take(cut), bare.beta0), start) for cut in cuts
        ]
        parts = []
        try:
            for future in waiting:
                parts.append(future.result())
                if advance is not None:
                    advance(sum(len(part.value) for part in parts))
        finally:
            for future in waiting:
                future.cancel()
    return NewtonResult(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(NewtonResult)))


def _minimize(criterion: Criterion, start: FloatArray, advance: Callable[[int], None] | None = None) -> NewtonResult:
    """Minimize the criteria of all responses."""
    with one_thread(criterion.structure.bytes_per_replicate() // 8):
        return optimize_many(
            criterion,
            criterion.responses.R,
            start,
            criterion.chunk,
            other_start=criterion.unit_start,
            progress=advance,
        )


@contextmanager
def _progress_bar(total: int, show: bool) -> Iterator[Callable[[int], None] | None]:
    if not show:
        yield None
        return
    from rich.progress import Progress

    with Progress() as bar:
        task = bar.add_task("bootstrap refits", total=total)
        yield lambda done: bar.update(task, completed=done)


def replicate(model: M, criterion: Criterion, found: NewtonResult, y: FloatArray, r: int) -> M:
    """Return the fit of one replicate as a model of the same class."""
    if not found.converged[r]:
        raise ModelError("the refit did not converge")
    one: Responses = criterion.responses.take(slice(r, r + 1))
    opt = OptResult(
        found.theta[r],
        float(found.value[r]),
        found.gradient[r],
        found.hessian[r],
        int(found.evaluations[r]),
        0,
        expected_decrease=float(found.expected_decrease[r]),
    )
    return replace(
        model,
        design=replace(model.design, y=y),
        criterion=criterion.with_responses(one, criterion.beta0),
        opt=opt,
    )
