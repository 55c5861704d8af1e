"""Power by simulation: how often a test of a fixed effect would find it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Literal, Never

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import betaincinv

from pylmer.arguments import check_arguments, refuse_unused
from pylmer.errors import ModelError
from pylmer.inference.many import refit_drawn
from pylmer.inference.parameters import estimates
from pylmer.inference.refits import p_values
from pylmer.inference.satterthwaite import satterthwaite_many
from pylmer.methods.new_parameters import model_of_formula, with_parameters
from pylmer.model import MerMod

FloatArray = NDArray[np.float64]

__all__ = ["powerSim"]


def powerSim(
    model: MerMod | str,
    test: str | Sequence[str] | None = None,
    nsim: int = 1000,
    seed: int | None = None,
    alpha: float = 0.05,
    ddf: Literal["Satterthwaite", "Wald"] = "Satterthwaite",
    newparams: Mapping[str, object] | None = None,
    newdata: object = None,
    weights: object = None,
    level: float = 0.95,
    progress: bool = False,
    executor: Executor | None = None,
    **unused: Never,
) -> pd.DataFrame:
    """Power of the t-tests of fixed effects, by simulation: draw responses, refit the model to all of them, count.

    Parameters
    ----------
    model
        A fit; or a formula, for which ``newdata`` and all of ``newparams`` are needed: a study that is planned.
    test
        Names of the fixed effects that are tested; None (the default) tests each.
    nsim
        Number of simulated responses.
    seed
        As R's ``set.seed``: the responses are those that :func:`simulate` draws from it.
    alpha
        Level of the tests.
    ddf
        ``"Satterthwaite"`` (the default): t-tests with these degrees of freedom, as lmerTest's; ``"Wald"``: normal.
    newparams
        ``beta``, ``theta``, ``sigma`` to simulate from, instead of the fit's; see :func:`simulate`.
    newdata, weights
        For a formula: the table of the design, and prior weights. The response need not be in it.
    level
        Coverage of the interval for the power.
    progress
        Show a progress bar.
    executor
        Any ``concurrent.futures`` executor: its workers share the refits; see :func:`bootMer`.

    Returns
    -------
    DataFrame
        One row an effect: ``successes`` and ``trials``, how often its test was significant and how often it was made;
        ``mean``, the power, with ``lower`` and ``upper``, its exact interval (Clopper & Pearson 1934); the columns that
        R's simr gives. Then ``estimate`` and ``sd``, mean and standard deviation of the estimates.

    Raises
    ------
    ModelError
        A fixed effect that the model does not have; a formula without ``newdata`` or ``newparams``.

    Notes
    -----
    All replicates are fitted together: :func:`refit` of :func:`simulate` gives the fits themselves. A replicate that
    has not converged counts as not significant.

    Examples
    --------
    How many subjects find an effect of half a standard deviation?

    >>> import pandas as pd
    >>> from pylmer import powerSim
    >>> truth = {"beta": {"(Intercept)": 0.0, "x": 0.5}, "theta": {"g.(Intercept)": 0.5}, "sigma": 1.0}
    >>> for J in (10, 20, 40):
    ...     design = pd.DataFrame({"x": [0.0, 1.0] * (2 * J), "g": [f"s{i // 4}" for i in range(4 * J)]})
    ...     power = powerSim("y ~ x + (1 | g)", "x", nsim=500, seed=1, newdata=design, newparams=truth)
    ...     print(J, power.loc["x", ["mean", "lower", "upper"]].round(3).tolist())
    10 [0.36, 0.318, 0.404]
    20 [0.604, 0.56, 0.647]
    40 [0.884, 0.853, 0.911]
    """
    check_arguments(powerSim, locals())
    for name, value in {"alpha": alpha, "level": level}.items():
        if not 0 < value < 1:
            raise ModelError(f"{name}={value!r}: give a number between 0 and 1")
    if nsim < 1:
        raise ModelError(f"nsim={nsim!r}: give a whole number of at least 1")
    truth = _truth(model, newparams, newdata, weights)
    effects = list(truth.design.X_names)
    chosen = effects if test is None else [test] if isinstance(test, str) else list(test)
    unknown = [name for name in chosen if name not in effects]
    if unknown or not chosen:
        raise ModelError(f"test={test!r}: choose among the fixed effects {', '.join(effects) or '(there are none)'}")
    criterion, found = refit_drawn(truth, nsim, seed, progress, executor)
    got = estimates(criterion, found.theta)
    t = got.beta / np.sqrt(np.diagonal(got.V, axis1=1, axis2=2))
    p = p_values(t, satterthwaite_many(criterion, got) if ddf == "Satterthwaite" else None)
    rejected = ((p < alpha) & found.converged[:, None]).sum(axis=0)
    beta = got.beta[found.converged]
    table = np.column_stack([rejected / nsim, *_exact_interval(rejected, nsim, level)])
    out = pd.DataFrame(table, index=effects, columns=["mean", "lower", "upper"])
    out.insert(0, "successes", rejected)
    out.insert(1, "trials", nsim)
    out["estimate"], out["sd"] = beta.mean(axis=0), beta.std(axis=0, ddof=1) if len(beta) > 1 else np.nan
    return out.loc[chosen]


def _truth(model: MerMod | str, newparams: Mapping[str, object] | None, newdata: object, weights: object) -> MerMod:
    """The model that is simulated from."""
    if isinstance(model, str):
        if newdata is None or newparams is None or set(newparams) != {"beta", "theta", "sigma"}:
            raise ModelError("powerSim of a formula needs newdata= and newparams= with beta, theta and sigma")
        model = model_of_formula(model, newdata, weights)
    elif newdata is not None or weights is not None:
        given = {name: v for name, v in {"newdata": newdata, "weights": weights}.items() if v is not None}
        refuse_unused("powerSim of a fit", ["newparams"], given)
    return model if newparams is None else with_parameters(model, newparams, stacklevel=4)


def _exact_interval(successes: NDArray[np.intp], trials: int, level: float) -> tuple[FloatArray, FloatArray]:
    """Interval for a probability."""
    tail = (1.0 - level) / 2.0
    k, rest = successes.astype(np.float64), (trials - successes).astype(np.float64)
    lower = np.where(k > 0, betaincinv(np.maximum(k, 1.0), rest + 1.0, tail), 0.0)
    upper = np.where(rest > 0, betaincinv(k + 1.0, np.maximum(rest, 1.0), 1.0 - tail), 1.0)
    return lower, upper
