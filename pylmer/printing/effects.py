"""R's text of single answers: fixef, ranef, coef, logLik, confint, vcov."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from pylmer.formula.tokens import is_syntactic_name
from pylmer.methods.random import Coef, RanEf
from pylmer.printing.dropped_modes import dropped_text
from pylmer.rcompat.format import format_numbers
from pylmer.rcompat.layout import print_data_frame, print_matrix, print_named_vector
from pylmer.rcompat.loglik import LogLik
from pylmer.rcompat.printable import as_text
from pylmer.rcompat.pvalues import quoted

__all__ = ["coef_text", "confint_text", "fixef_text", "frames_text", "loglik_text", "ranef_text"]


class Frame(Protocol):
    """What is needed of a data frame of numbers."""

    @property
    def index(self) -> Iterable[Any]:
        """Row labels."""

    @property
    def columns(self) -> Iterable[Any]:
        """Column labels."""

    def to_numpy(self) -> np.ndarray[Any, Any]:
        """Return the numbers."""


def frames_text(frames: Mapping[str, Frame], digits: int | None = None) -> str:
    """R's print of a list of data frames: each behind its name, and an empty line after it."""
    parts = []
    for name, frame in frames.items():
        values = frame.to_numpy()
        columns = {str(c): values[:, j] for j, c in enumerate(frame.columns)}
        rows = [str(label) for label in frame.index]
        tag = name if is_syntactic_name(name) else f"`{name}`"
        parts.append(f"${tag}\n{print_data_frame(columns, rows, digits)}\n")
    return "\n".join(parts)


def ranef_text(frames: Mapping[str, Frame], with_variances: Sequence[str] = (), digits: int | None = None) -> str:
    """R's print of ``ranef()``: a list of data frames, and for which groups conditional variances are known.

    Parameters
    ----------
    frames
        Group to data frame of levels and effects.
    with_variances
        Groups whose conditional variances are known.
    digits
        Significant digits, default the option.
    """
    text = frames_text(frames, digits)
    if with_variances:
        groups = " ".join(quoted(group, double=True) for group in with_variances)
        text += f"\nwith conditional variances for {groups} "
    return text


def coef_text(frames: Mapping[str, Frame], digits: int | None = None) -> str:
    """R's print of ``coef()``: a list of data frames, and the class."""
    return f'{frames_text(frames, digits)}\nattr(,"class")\n[1] "coef.mer"'


def fixef_text(beta: ArrayLike, names: Sequence[str], digits: int | None = None) -> str:
    """R's print of ``fixef()``, a named vector."""
    return print_named_vector(beta, names, digits)


def loglik_text(value: float, df: float, digits: int | None = None) -> str:
    """R's print of ``logLik()``.

    Examples
    --------
    >>> loglik_text(-871.81414, 6)
    "'log Lik.' -871.8141 (df=6)"
    """
    return f"'log Lik.' {format_numbers(value, digits)[0]} (df={format_numbers(df)[0]})"


def confint_text(
    intervals: ArrayLike, parameters: Sequence[str], limits: Sequence[str], digits: int | None = None
) -> str:
    """R's print of ``confint()``, a matrix with one row for each parameter."""
    return print_matrix(intervals, parameters, limits, digits)


@as_text.register
def _(x: LogLik, *, digits: int | None = None) -> str:
    return loglik_text(float(x), x.df, digits)


@as_text.register
def _(x: RanEf, *, digits: int | None = None) -> str:
    return dropped_text(x, digits) if x.dropped else ranef_text(x, tuple(x.postVar), digits)


@as_text.register
def _(x: Coef, *, digits: int | None = None) -> str:
    return coef_text(x, digits)
