"""Model-based bootstrap: all refits in one batched computation."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pylmer.criterion.criterion import Criterion
from pylmer.errors import ModelError, RWarning
from pylmer.inference.boot_intervals import BootType, boot_interval, level_columns
from pylmer.inference.parameters import parameter_names, parameters, parameters_of
from pylmer.linalg.one_factor import Responses
from pylmer.methods.simulate import draw_responses, simulate, stream_for
from pylmer.model import MerMod
from pylmer.optimize.newton import NewtonResult
from pylmer.optimize.optimum import OptResult, optimize_many

FloatArray = NDArray[np.float64]

__all__ = ["BootMer", "bootMer", "boot_parameters", "refit_many", "replicate"]

M = TypeVar("M", bound=MerMod)
Statistic = Callable[[MerMod], "ArrayLike | pd.Series[float] | float"]


@dataclass(frozen=True)
class BootMer:
    """A bootstrap: the statistic on the data and on each simulated response.

    Parameters
    ----------
    t0
        ``(k,)`` the statistic of the fit, named where the statistic names its values.
    t
        ``(nsim, k)``; NaN where a refit failed.
    R
        Number of replicates.
    seed
        The seed given, or None.
    messages
        What was said about the refits, and how often.
    """

    t0: pd.Series[float]
    t: FloatArray
    R: int
    seed: int | None
    messages: tuple[tuple[str, int], ...] = ()

    def confint(self, level: float = 0.95, type: BootType = "perc") -> pd.DataFrame:
        """Bootstrap intervals of each value of the statistic; see :func:`confint`."""
        rows = [boot_interval(t, t0, level, type) for t, t0 in zip(self.t.T, self.t0.tolist(), strict=True)]
        return pd.DataFrame(rows, index=self.t0.index, columns=level_columns(level))

    def as_data_frame(self) -> pd.DataFrame:
        """``(nsim, k)`` replicates, one column per value of the statistic."""
        return pd.DataFrame(self.t, columns=self.t0.index)


def bootMer(
    model: MerMod,
    FUN: Statistic,
    nsim: int = 1,
    seed: int | None = None,
    use_u: bool = False,
    progress: bool = False,
) -> BootMer:
    """Parametric bootstrap of any statistic of a fit.

    Parameters
    ----------
    model
        A fit.
    FUN
        Takes a fit, gives numbers (a Series keeps its labels).
    nsim
        Number of simulated responses.
    seed
        As R's ``set.seed``: the same seed draws the same responses as R.
    use_u
        Keep the fitted random effects, draw residuals only.
    progress
        Show a progress bar.

    Returns
    -------
    BootMer
        ``t0``, ``t`` of shape (nsim, k), ``confint()``.

    Examples
    --------
    >>> from pylmer import bootMer, datasets, fixef, lmer
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", data=datasets.Dyestuff(), REML=False)
    >>> bootMer(m, fixef, nsim=20, seed=1).t.shape
    (20, 1)
    """
    t0 = _as_series(FUN(model))
    y = simulate(model, nsim, seed, use_u=use_u)
    kept = y.to_numpy().T if not len(model.design.na_rows) else y.dropna().to_numpy().T
    criterion, found = refit_many(model, kept, progress)
    rows, failed = [], 0
    for r in range(nsim):
        try:
            value = np.asarray(_as_series(FUN(replicate(model, criterion, found, kept[r], r))), dtype=np.float64)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            value, failed = np.full(len(t0), np.nan), failed + 1
        rows.append(value)
    _warn_failed(failed, nsim)
    return BootMer(t0, np.array(rows), nsim, seed)


def _as_series(value: ArrayLike | pd.Series[float] | float) -> pd.Series[float]:
    if isinstance(value, pd.Series):
        return value
    values = np.atleast_1d(np.asarray(value, dtype=np.float64)).ravel()
    return pd.Series(values, index=[f"t{i + 1}" for i in range(len(values))])


def _warn_failed(failed: int, nsim: int) -> None:
    if failed:
        warnings.warn(f"some bootstrap runs failed ({failed}/{nsim})", RWarning, stacklevel=3)


def boot_parameters(
    model: MerMod, nsim: int, seed: int | None = None, progress: bool = False, oldNames: bool = True
) -> BootMer:
    """Bootstrap standard deviations, correlations, sigma and fixed effects.

    Simulated responses are summed as they are drawn and never held; the refits are Newton steps on all of them at once.
    """
    criterion = model.criterion.with_responses(draw_responses(model, nsim, stream_for(seed)), model.beta)
    found = _optimize(criterion, model.par, nsim, progress)
    t = parameters(criterion, found.theta)
    failed = ~found.converged
    t[failed] = np.nan
    _warn_failed(int(failed.sum()), nsim)
    t0 = pd.Series(parameters_of(model), index=parameter_names(model, oldNames))
    return BootMer(t0, t, nsim, seed)


def refit_many(model: MerMod, Y: FloatArray, progress: bool = False) -> tuple[Criterion, NewtonResult]:
    """Refit a model to many responses ``(R, n)``, summing over the rows once."""
    criterion = _with_rows(model, Y)
    return criterion, _optimize(criterion, model.par, len(Y), progress)


def _with_rows(model: MerMod, Y: FloatArray) -> Criterion:
    """Return the criterion for the responses in the rows of Y."""
    base, design = model.criterion, model.design
    rows = Y - (model.mu - model.linear_random)
    if design.weights is not None:
        rows = rows * np.sqrt(design.weights)
    return base.with_responses(base.sum_responses(rows), model.beta)


def _optimize(criterion: Criterion, start: FloatArray, R: int, progress: bool) -> NewtonResult:
    start = np.where((criterion.lower == 0) & (start < 1e-3), 1e-1, start)
    with _progress_bar(R, progress) as advance:
        return optimize_many(criterion, R, start, criterion.chunk, progress=advance)


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
