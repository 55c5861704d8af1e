"""lme4's checks of a model before the fit, each with lme4's sentence and under the setting that controls it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pylmer.arguments import shown
from pylmer.errors import DataError, ModelError, RMessage, RWarning
from pylmer.formula.design import ReTerm
from pylmer.formula.model_matrix import Columns
from pylmer.formula.values import FloatArray, IntArray
from pylmer.linalg.rank import is_safely_full_rank, pivoted_rank

__all__ = [
    "Checks",
    "check_group_sizes",
    "check_rank_of_Z",
    "check_scale",
    "check_term_sizes",
    "different_scales",
    "drop_dependent_columns",
    "gram_of",
    "warn_of_scales",
]

SCALE_TOLERANCE = 1e3
SMALL_Z = 1e6
DIFFERENT_SCALES = "Some predictor variables are on very different scales: "
UNIDENTIFIABLE = (
    "; the random-effects parameters and the residual variance (or scale parameter) are probably unidentifiable"
)


@dataclass(frozen=True, slots=True)
class Checks:
    """The settings of lme4's ``checkControl`` that concern a formula and its data, with lmer's defaults."""

    check_nobs_vs_rankZ: str = "ignore"
    check_nobs_vs_nlev: str = "stop"
    check_nlev_gtreq_5: str = "ignore"
    check_nlev_gtr_1: str = "stop"
    check_nobs_vs_nRE: str = "stop"
    check_rankX: str = "message+drop.cols"
    check_scaleX: str = "warning"
    check_formula_LHS: str = "stop"

    @classmethod
    def of(cls, control: object) -> Checks:
        """The settings that a control object has; lmer's defaults for the others."""
        if control is None:
            return _DEFAULT
        if isinstance(control, Mapping):
            return _of_settings(control)
        if not hasattr(control, "__dict__") or callable(control):
            raise ModelError(f"control={shown(control)}: give what lmerControl() makes, or a dict of its settings")
        try:
            return _checks_of(control)
        except TypeError:  # a control that cannot be a key
            return _read(control)


_DEFAULT = Checks()


def _of_settings(settings: Mapping[str, object]) -> Checks:
    """The checks among a dict of settings."""
    for name, value in settings.items():
        if name in Checks.__slots__ and not isinstance(value, str):
            raise ModelError(f"{name}={shown(value)}: give text in quotes, such as 'ignore', 'warning' or 'stop'")
    return Checks(**{name: str(value) for name, value in settings.items() if name in Checks.__slots__})


@lru_cache(maxsize=64)
def _checks_of(control: object) -> Checks:
    return _read(control)


def _read(control: object) -> Checks:
    return Checks(**{name: getattr(control, name) for name in Checks.__slots__ if hasattr(control, name)})


def _act(level: str, message: str, check: str, more: str = "") -> None:
    """Raise or warn as the setting says; an error says ``more`` than lme4's sentence."""
    if level == "stop":
        raise ModelError(message + more)
    if level == "warning":
        warnings.warn(message, RWarning, stacklevel=6)
    elif level != "ignore":
        raise ModelError(f"unknown check level for '{check}': {level!r}; use 'ignore', 'warning' or 'stop'")


def check_group_sizes(terms: Sequence[ReTerm], n: int, checks: Checks) -> None:
    """Every grouping factor has more than one level (and more than four), and fewer levels than there are rows."""
    groups = {t.group: t.J for t in reversed(terms)}
    smallest = min(groups.values())
    if smallest < 2:
        alone = ", ".join(g for g in dict.fromkeys(t.group for t in terms) if groups[g] < 2)
        message = "grouping factors must have > 1 sampled level"
        _act(checks.check_nlev_gtr_1, message, "check.nlev.gtr.1", f" (problems: {alone})")
    if smallest < 5 and checks.check_nlev_gtreq_5 != "ignore":
        message = "grouping factors with < 5 sampled levels may give unreliable estimates"
        _act(checks.check_nlev_gtreq_5, message, "check.nlev.gtreq.5")
    if max(groups.values()) >= n:
        full = ", ".join(g for g in dict.fromkeys(t.group for t in terms) if groups[g] >= n)
        _act(
            checks.check_nobs_vs_nlev,
            f"number of levels of each grouping factor must be < number of observations (problems: {full})",
            "check.nobs.vs.nlev",
        )


def check_term_sizes(terms: Sequence[tuple[str, ReTerm]], n: int, checks: Checks) -> None:
    """Every term has fewer random effects than there are rows."""
    for text, term in terms:
        q = term.J * term.k
        if n <= q:
            message = f"number of observations (={n}) <= number of random effects (={q}) for term ({text})"
            _act(checks.check_nobs_vs_nRE, message + UNIDENTIFIABLE, "check.nobs.vs.nRE")


def check_rank_of_Z(terms: Sequence[ReTerm], n: int, checks: Checks) -> None:
    """The columns of Z leave room for a residual: off by default, for it costs a dense decomposition."""
    level = checks.check_nobs_vs_rankZ
    if level.startswith("ignore"):
        return
    q = sum(t.J * t.k for t in terms)
    if level.endswith("Small"):
        if n * q >= SMALL_Z:
            return
        level = level.removesuffix("Small")
    if level not in ("stop", "warning"):
        _act(level, "", "check.nobs.vs.rankZ")
    rank = int(np.linalg.matrix_rank(_dense_Z(terms, n)))
    if n <= rank:
        _act(level, f"number of observations (={n}) <= rank(Z) (={rank}){UNIDENTIFIABLE}", "check.nobs.vs.rankZ")


def _dense_Z(terms: Sequence[ReTerm], n: int) -> FloatArray:
    blocks = []
    for t in terms:
        block = np.zeros((n, t.J, t.k))
        block[np.arange(n), t.codes] = t.columns
        blocks.append(block.reshape(n, -1))
    return np.hstack(blocks)


def gram_of(X: FloatArray) -> FloatArray | None:
    """``X'X`` ``(p, p)``; None where squares leave the range of doubles."""
    with np.errstate(over="ignore", invalid="ignore"):
        gram: FloatArray = X.T.dot(X)
    return gram if math.isfinite(sum(gram.diagonal().tolist())) else None


def drop_dependent_columns(X: Columns, checks: Checks, tol: float = 1e-7, gram: FloatArray | None = None) -> IntArray:
    """Positions of the columns of X to keep: those that R's pivoted QR takes for independent.

    Parameters
    ----------
    X
        The model matrix.
    checks
        The settings.
    tol
        As of R's ``qr``.
    gram
        ``X'X``, where it is known.

    Raises
    ------
    ModelError
        With ``check_rankX="stop.deficient"`` and a rank-deficient matrix.
    """
    p = len(X.names)
    level = checks.check_rankX
    if level == "ignore" or p == 0:
        return np.arange(p)
    if gram is not None and len(X.matrix) >= p and is_safely_full_rank(gram):
        return np.arange(p)
    rank, pivot = _rank_of(X.matrix, tol, X.names)
    if rank == p:
        return np.arange(p)
    if level == "stop.deficient":
        raise ModelError(
            f"the fixed-effects model matrix is column rank deficient (rank(X) = {rank} < {p} = p);\n"
            "the fixed effects will be jointly unidentifiable"
        )
    count = p - rank
    what = "column / coefficient" if count == 1 else "columns / coefficients"
    message = f"fixed-effect model matrix is rank deficient so dropping {count} {what}"
    if level == "message+drop.cols":
        warnings.warn(message, RMessage, stacklevel=4)
    elif level == "warn+drop.cols":
        warnings.warn(message, RWarning, stacklevel=4)
    elif level != "silent.drop.cols":
        raise ModelError(f"unknown check level for 'check.rankX': {level!r}")
    return np.sort(pivot[:rank])


def _rank_of(X: FloatArray, tol: float, names: Sequence[str]) -> tuple[int, IntArray]:
    """Rank and pivot; columns whose squares leave the range of doubles are scaled first, which changes neither."""
    size = np.abs(X).max(axis=0, initial=0.0)
    if not np.isfinite(size).all():
        bad = ", ".join(name for name, largest in zip(names, size.tolist(), strict=True) if not math.isfinite(largest))
        raise DataError(f"NA/NaN/Inf in 'x': the fixed-effects model matrix has a missing or infinite value in {bad}")
    try:
        with np.errstate(over="raise", invalid="raise"):
            rank, pivot = pivoted_rank(X, tol)
        if rank == X.shape[1]:
            return rank, pivot
    except FloatingPointError:
        pass
    return pivoted_rank(X / np.where(size > 0.0, size, 1.0), tol)


def check_scale(
    X: FloatArray,
    numeric: NDArray[np.bool_],
    checks: Checks,
    tol: float = SCALE_TOLERANCE,
    gram: FloatArray | None = None,
) -> tuple[FloatArray, str]:
    """Warn where standard deviations of columns of X differ from one another, or from 1, more than ``tol`` times.

    Returns
    -------
    FloatArray, str
        ``X``, its columns divided by their standard deviations where the setting asks for that; and what was said,
        empty where nothing was.
    """
    level = checks.check_scaleX
    if level == "ignore":
        return X, ""
    if gram is not None and _surely_of_one_scale(X, numeric, gram, tol):
        return X, ""
    wanted = numeric.nonzero()[0].tolist()
    with np.errstate(over="ignore", invalid="ignore"):
        sd = [_sd(X[:, j]) for j in wanted]
    if not sd or max(1.0, *sd) <= tol * min(1.0, *sd):
        return X, ""
    return _rescaled(X, np.array(wanted, dtype=np.intp), np.array(sd), level, tol)


def different_scales(sd: FloatArray, tol: float = SCALE_TOLERANCE) -> bool:
    """Whether standard deviations differ from one another, or from 1, more than ``tol`` times."""
    if not len(sd):
        return False
    smallest, largest = float(sd.min()), float(sd.max())
    return not (largest <= tol * smallest and largest <= tol and smallest * tol >= 1.0)


def warn_of_scales(level: str) -> str:
    """Say that predictors are on very different scales, as the setting asks; give what was said."""
    message = DIFFERENT_SCALES + "consider rescaling"
    _act(level, message, "check.scaleX")
    return message


def _surely_of_one_scale(X: FloatArray, numeric: NDArray[np.bool_], gram: FloatArray, tol: float) -> bool:
    """Whether standard deviations from ``gram = X'X`` are well within the tolerance; False means "look closer"."""
    n, wanted = len(X), numeric.nonzero()[0].tolist()
    if not wanted:
        return True
    squares, totals = gram.diagonal().tolist(), np.add.reduce(X, axis=0).tolist()
    variances = [squares[j] - totals[j] ** 2 / n for j in wanted]
    smallest, largest = min(variances), max(variances)
    if not smallest > 1e-6 * max(squares):  # digits were lost, or something is no number
        return False
    unit, well = max(n - 1, 1), 0.99 * tol**2
    return bool(max(unit, largest) < well * min(unit, smallest))


def _sd(x: FloatArray) -> float:
    n = len(x)
    centred = x - np.add.reduce(x) / n
    return math.sqrt(centred.dot(centred) / max(n - 1, 1))


def _rescaled(X: FloatArray, wanted: IntArray, sd: FloatArray, level: str, tol: float) -> tuple[FloatArray, str]:
    continuous = np.array([not np.isin(X[:, j], (0.0, 1.0)).all() for j in wanted], dtype=bool)
    wanted, sd = wanted[continuous], sd[continuous]
    if not different_scales(sd, tol):
        return X, ""
    if level in ("warning", "stop"):
        return X, warn_of_scales(level)
    message = DIFFERENT_SCALES + "auto-rescaled (results NOT adjusted)"
    if level == "warn+rescale":
        warnings.warn(message, RWarning, stacklevel=5)
    elif level not in ("silent.rescale", "message+rescale"):
        raise ModelError(f"unknown check level for 'check.scaleX': {level!r}")
    X = X.copy(order="F")
    with np.errstate(divide="ignore"):  # a constant column has no scale, in R as here
        X[:, wanted] /= sd
    return X, message
