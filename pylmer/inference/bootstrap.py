"""Model-based bootstrap: all refits in one batched computation."""

from __future__ import annotations

import json
import sys
import warnings
from concurrent.futures import BrokenExecutor, Executor
from contextlib import suppress
from dataclasses import dataclass, replace
from os import PathLike
from typing import Literal, Never, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.arguments import check_arguments, shown
from pylmer.criterion.criterion import Criterion
from pylmer.errors import BootstrapInterrupted, BootstrapStopped, DataError, ModelError, RWarning
from pylmer.files import FileError
from pylmer.inference.boot_intervals import BootType, boot_interval, level_columns
from pylmer.inference.boot_run import BLOCK, Kept, Part, Statistic, as_series, compute, fingerprint
from pylmer.inference.many import refit_drawn, refit_many, replicate
from pylmer.inference.parameters import parameter_names, parameters, parameters_of
from pylmer.methods.simulate import simulate, stream_for
from pylmer.methods.summary import SINGULAR
from pylmer.model import MerMod
from pylmer.optimize.newton import NewtonResult
from pylmer.rcompat.caller import name_of
from pylmer.rcompat.missing import NA, NAType
from pylmer.rcompat.printable import Printable
from pylmer.threads import one_thread

FloatArray = NDArray[np.float64]

__all__ = [
    "BootMer",
    "Statistic",
    "bootMer",
    "boot_parameters",
]

M = TypeVar("M", bound=MerMod)


@dataclass(frozen=True, repr=False)
class BootMer(Printable):
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
    call
        The call as R would show it.
    """

    t0: pd.Series[float]
    t: FloatArray
    R: int
    seed: int | None
    messages: tuple[tuple[str, int], ...] = ()
    call: str = ""

    def confint(self, level: float = 0.95, type: BootType = "perc") -> pd.DataFrame:
        """Bootstrap intervals of each value of the statistic; see :func:`confint`."""
        rows = [boot_interval(t, t0, level, type) for t, t0 in zip(self.t.T, self.t0.tolist(), strict=True)]
        return pd.DataFrame(rows, index=self.t0.index, columns=level_columns(level))

    def to_json(self) -> str:
        """Write everything as JSON text, every digit kept; NaN as null."""
        rows = [[None if v != v else v for v in row] for row in self.t.tolist()]
        content = {
            "t0": {"names": [str(name) for name in self.t0.index], "values": self.t0.tolist()},
            "t": rows,
            "R": self.R,
            "seed": self.seed,
            "messages": [list(m) for m in self.messages],
            "call": self.call,
        }
        return json.dumps(content)

    @classmethod
    def from_json(cls, text: str | bytes) -> BootMer:
        """Read what ``to_json`` wrote.

        Raises
        ------
        DataError
            The text is something else, or damaged.
        """
        try:
            got = json.loads(text)
            t0 = pd.Series(got["t0"]["values"], index=got["t0"]["names"], dtype=np.float64)
            t = np.array([[np.nan if v is None else v for v in row] for row in got["t"]], dtype=np.float64)
            said = tuple((str(a), int(b)) for a, b in got["messages"])
            read = cls(t0, t.reshape(-1, len(t0)), int(got["R"]), got["seed"], said, str(got.get("call", "")))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise DataError(f"this text holds no bootstrap that can be read: {error}") from None
        if len(read.t) != read.R or not (read.seed is None or isinstance(read.seed, int)):
            raise DataError(f"this text holds no bootstrap that can be read: {len(read.t)} replicates, R = {read.R}")
        return read

    def concatenate(self, *others: BootMer) -> BootMer:
        """Put the replicates of bootstraps of the same fit and statistic behind each other.

        Raises
        ------
        ModelError
            Statistics with other names or other values on the data.
        """
        for other in others:
            if not self.t0.index.equals(other.t0.index) or not np.allclose(
                self.t0, other.t0, rtol=1e-8, equal_nan=True
            ):
                raise ModelError("these bootstraps are of different fits or statistics: their t0 differ")
        parts = (self, *others)
        messages = tuple(m for part in parts for m in part.messages)
        return BootMer(
            self.t0, np.concatenate([part.t for part in parts]), sum(p.R for p in parts), self.seed, messages, self.call
        )

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
    re_form: str | NAType | None = NA,
    type: Literal["parametric", "semiparametric"] = "parametric",
    executor: Executor | None = None,
    checkpoint: str | PathLike[str] | None = None,
    **unused: Never,
) -> BootMer:
    """Model-based bootstrap of any statistic of a fit.

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
    re_form
        Which random effects are kept, as in :func:`simulate`; not together with ``use_u``.
    type
        ``"parametric"`` draws normal residuals; ``"semiparametric"`` draws from the residuals of the fit, with
        replacement, and needs ``use_u=True``.
    executor
        Any ``concurrent.futures`` executor (or one like it, such as ``dask.distributed.Client().get_executor()``),
        which then refits and computes the statistics; the bits of the result are the same with or without, for any
        number of workers. Threads will do: most of the time of a refit is spent in NumPy, beside which other threads
        run. Fits that go to workers have no model frame.
    checkpoint
        A file that the replicates are kept in as they are computed; needs ``seed``. When it is there already, the
        bootstrap goes on from it, and gives the same bits as one that was not stopped.

    Returns
    -------
    BootMer
        ``t0``, ``t`` of shape (nsim, k), ``confint()``.

    Raises
    ------
    ModelError
        ``type="semiparametric"`` without ``use_u=True``; an unknown type; a checkpoint without a seed.
    DataError
        A checkpoint that is damaged, or that of another bootstrap.
    BootstrapInterrupted, BootstrapStopped
        On an interrupt, or when a worker of the executor died; ``partial`` has the replicates that were finished.

    Examples
    --------
    >>> from pylmer import bootMer, datasets, fixef, lmer
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", data=datasets.Dyestuff(), REML=False)
    >>> bootMer(m, fixef, nsim=20, seed=1).t.shape
    (20, 1)
    """
    check_arguments(bootMer, locals())
    if checkpoint is not None and seed is None:
        raise ModelError(f"checkpoint={shown(checkpoint)} needs seed=: without it the replicates cannot be drawn again")
    t0 = as_series(FUN(model))
    y = _responses(model, nsim, seed, use_u, re_form, type)
    kept = Kept.of(nsim, len(t0), checkpoint, "" if checkpoint is None else fingerprint(model, y, t0))
    call = _call_text(model, FUN, nsim=nsim, seed=seed, use_u=use_u, re_form=re_form, type=type)
    base = model if executor is None else _bare(model)

    def part_of(criterion: Criterion, found: NewtonResult, rows: FloatArray) -> Part:
        return Part(base, criterion, found, rows, FUN, len(t0), replicate)

    tol = model.control.singular_tol
    try:
        with one_thread(max(model.design.cells, model.n * min(nsim, BLOCK))):
            compute(tol, y, part_of, lambda rows: refit_many(model, rows, progress, executor), kept, executor)
        kept.write(now=True)
    except (KeyboardInterrupt, BrokenExecutor, FileError) as stop:
        with suppress(FileError):
            kept.write(now=True)
        partial = _result(kept, t0, seed, call)
        if isinstance(stop, KeyboardInterrupt):
            raise BootstrapInterrupted(_stopped("it was interrupted", kept), partial) from stop
        raise BootstrapStopped(_stopped(str(stop) or "a worker died", kept), partial) from stop
    _warn_failed(int(kept.failed.sum()), nsim)
    return _result(kept, t0, seed, call)


def _stopped(why: str, kept: Kept) -> str:
    """What to say of a bootstrap that ended early."""
    done, nsim = int(kept.done.sum()), len(kept.done)
    if kept.place is None:
        goes_on = "they are in .partial of this error; with checkpoint= and seed= the next call can go on from them"
    else:
        goes_on = f"they are in {kept.place}, and the same call goes on from there"
    return f"the bootstrap ended after {done} of {nsim} replicates: {why}; {goes_on}"


def _result(kept: Kept, t0: pd.Series[float], seed: int | None, call: str) -> BootMer:
    """The replicates that are done."""
    R, failed, at_boundary = (int(f[kept.done].sum()) for f in (kept.done, kept.failed, kept.boundary))
    said = ((f"some bootstrap runs failed ({failed}/{R})", failed),) if failed else ()
    if at_boundary:
        said = (*said, (SINGULAR, at_boundary))
    return BootMer(t0, kept.t[kept.done], R, seed, said, call)


def _bare(model: MerMod) -> MerMod:
    """The model as it goes to workers; the table itself stays here: not every table can go to another process."""
    return replace(model, said=None, design=replace(model.design, frame=None))


def _call_text(model: MerMod, FUN: Statistic, **given: object) -> str:
    """The call in R's words; arguments that have their default are left out."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("pylmer."):
        frame = frame.f_back
    name = getattr(FUN, "__name__", "FUN")
    parts = [f"x = {name_of(model, frame) or 'x'}", f"FUN = {name if name.isidentifier() else 'FUN'}"]
    defaults = {"nsim": 1, "seed": None, "use_u": False, "re_form": NA, "type": "parametric"}
    for label, value in given.items():
        if value is not defaults[label] and value != defaults[label]:
            parts.append(f"{label.replace('_', '.')} = {_r_value(value)}")
    return f"bootMer({', '.join(parts)})"


def _r_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if value is None:
        return "NULL"
    return str(value) if not isinstance(value, str) or value.startswith("~") else f'"{value}"'


def _responses(
    model: MerMod, nsim: int, seed: int | None, use_u: bool, re_form: str | NAType | None, type: str
) -> FloatArray:
    """Bootstrap responses ``(nsim, n)``."""
    if type == "parametric":
        return simulate(model, nsim, seed, re_form, use_u).dropna().to_numpy().T
    if type != "semiparametric":
        raise ModelError(f"type={type!r}: choose 'parametric' or 'semiparametric'")
    if not use_u:
        raise ModelError("semiparametric bootstrapping with use.u=FALSE not yet implemented: give use_u=True")
    drawn = stream_for(seed).sample(model.raw_residuals(), nsim * model.n, replace=True)
    responses: FloatArray = model.mu + np.asarray(drawn, dtype=np.float64).reshape(nsim, model.n)
    return responses


def _warn_failed(failed: int, nsim: int) -> None:
    if failed:
        warnings.warn(f"some bootstrap runs failed ({failed}/{nsim})", RWarning, stacklevel=3)


def boot_parameters(
    model: MerMod,
    nsim: int,
    seed: int | None = None,
    progress: bool = False,
    oldNames: bool = True,
    executor: Executor | None = None,
) -> BootMer:
    """Bootstrap standard deviations, correlations, sigma and fixed effects.

    Simulated responses are summed as they are drawn and never held; the refits are Newton steps on all of them at once.
    """
    criterion, found = refit_drawn(model, nsim, seed, progress, executor)
    t = parameters(criterion, found.theta)
    failed = ~found.converged
    t[failed] = np.nan
    _warn_failed(int(failed.sum()), nsim)
    t0 = pd.Series(parameters_of(model), index=parameter_names(model, oldNames))
    return BootMer(t0, t, nsim, seed)
