"""Contrast matrices: how the levels of a factor become columns of a model matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.errors import FormulaError
from pylmer.rcompat.factors import Contrast, Factor, number_labels

FloatArray = NDArray[np.float64]
ContrastSpec = str | Contrast

__all__ = [
    "CONTRAST_FUNCTIONS",
    "Contrast",
    "ContrastSpec",
    "as_contrast",
    "attach",
    "coding",
    "contr_SAS",
    "contr_helmert",
    "contr_poly",
    "contr_sum",
    "contr_treatment",
    "indicator",
]

_POLY_NAMES = (".L", ".Q", ".C")
_MOST_POLY_LEVELS = 95


def _levels_of(n: int | Sequence[str]) -> tuple[int, tuple[str, ...] | None]:
    if isinstance(n, int):
        return n, None
    return len(n), tuple(n)


def _at_least_two(L: int) -> None:
    if L < 2:
        raise FormulaError(f"not enough degrees of freedom to define contrasts: {L} level; a factor needs 2 or more")


def indicator(n: int | Sequence[str]) -> Contrast:
    """One column for each level: ``contrasts=FALSE``."""
    L, levels = _levels_of(n)
    return Contrast(_identity(L), levels or tuple(str(i + 1) for i in range(L)))


@lru_cache(maxsize=64)
def _identity(L: int) -> FloatArray:
    out = np.eye(L)
    out.flags.writeable = False
    return out


def contr_treatment(n: int | Sequence[str], base: int = 1) -> Contrast:
    """R's ``contr.treatment``: an indicator for each level but the base (counted from 1).

    Parameters
    ----------
    n
        Number of levels, or their labels.
    base
        The level that gets no column, counted from 1.

    Examples
    --------
    >>> contr_treatment(3).matrix.tolist()
    [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    L, levels = _levels_of(n)
    _at_least_two(L)
    if not 1 <= base <= L:
        raise FormulaError(f"baseline group number out of range: {base} of {L} levels")
    names = levels or tuple(str(i + 1) for i in range(L))
    if base == 1:
        return Contrast(_identity(L)[:, 1:], names[1:])
    return Contrast(np.delete(_identity(L), base - 1, axis=1), names[: base - 1] + names[base:])


def contr_SAS(n: int | Sequence[str]) -> Contrast:
    """R's ``contr.SAS``: treatment contrasts with the last level as base."""
    L, _ = _levels_of(n)
    return contr_treatment(n, base=max(L, 1))


def contr_sum(n: int | Sequence[str]) -> Contrast:
    """R's ``contr.sum``: deviations from the mean, the last level minus the sum of the others."""
    L, _ = _levels_of(n)
    _at_least_two(L)
    return Contrast(np.vstack([np.eye(L - 1), -np.ones((1, L - 1))]))


def contr_helmert(n: int | Sequence[str]) -> Contrast:
    """R's ``contr.helmert``: each level against the mean of those before it."""
    L, _ = _levels_of(n)
    _at_least_two(L)
    out = np.zeros((L, L - 1))
    for j in range(L - 1):
        out[: j + 1, j] = -1.0
        out[j + 1, j] = j + 1.0
    return Contrast(out)


def contr_poly(n: int | Sequence[str], scores: Sequence[float] | None = None) -> Contrast:
    """R's ``contr.poly``: orthonormal polynomials of the scores (default 1, 2, ..., n), columns ``.L .Q .C ^4 ...``."""
    L, _ = _levels_of(n)
    _at_least_two(L)
    if L > _MOST_POLY_LEVELS:
        raise FormulaError(
            f"orthogonal polynomials cannot be represented accurately enough for {L - 1} degrees of freedom; "
            f"give another contrast for a factor of {L} levels"
        )
    given = tuple(float(s) for s in scores) if scores is not None else tuple(float(i + 1) for i in range(L))
    if len(given) != L:
        raise FormulaError(f"'scores' argument is of the wrong length: {len(given)} scores for {L} levels")
    if len(set(given)) < L:
        raise FormulaError("'scores' must all be different numbers")
    return Contrast(_orthonormal_powers(given), polynomial_names(L - 1))


def polynomial_names(degree: int) -> tuple[str, ...]:
    """``.L .Q .C ^4 ^5 ...``."""
    return (*_POLY_NAMES, *(f"^{i}" for i in range(4, degree + 1)))[:degree]


@lru_cache(maxsize=64)
def _orthonormal_powers(scores: tuple[float, ...]) -> FloatArray:
    """``(L, L - 1)`` powers of the scores, each made orthogonal to all lower ones and of length 1."""
    y = np.array(scores, dtype=np.longdouble)
    y = y - y.mean()
    basis = [np.ones(len(y), dtype=np.longdouble) / np.sqrt(np.longdouble(len(y)))]
    for _ in range(len(y) - 1):
        column = basis[-1] * y
        for _again in range(2):
            for earlier in basis:
                column = column - (earlier @ column) * earlier
        basis.append(column / np.sqrt(column @ column))
    out = np.column_stack(basis[1:]).astype(np.float64)
    out.flags.writeable = False
    return out


CONTRAST_FUNCTIONS: dict[str, Callable[..., Contrast]] = {
    "contr.treatment": contr_treatment,
    "contr.sum": contr_sum,
    "contr.helmert": contr_helmert,
    "contr.poly": contr_poly,
    "contr.SAS": contr_SAS,
}
_SHORT_NAMES = {name.removeprefix("contr."): name for name in CONTRAST_FUNCTIONS}


def as_contrast(value: object, levels: Sequence[str], variable: str = "x") -> ContrastSpec:
    """What a user gives as a contrast, checked against the levels.

    Parameters
    ----------
    value
        Name of a contrast function (``"contr.sum"``), a matrix with a row for each level (a data frame brings names of
        columns), or a :class:`Contrast`.
    levels
        The levels of the factor.
    variable
        Its name, for errors.
    """
    if isinstance(value, str):
        if value not in CONTRAST_FUNCTIONS:
            known = ", ".join(CONTRAST_FUNCTIONS)
            raise FormulaError(
                f"object '{value}' of mode 'function' was not found: the contrasts of '{variable}' are none of {known}"
            )
        return value
    if isinstance(value, Contrast):
        contrast = value
    elif isinstance(value, pd.DataFrame):
        contrast = Contrast(value.to_numpy(dtype=np.float64), tuple(str(c) for c in value.columns))
    else:
        contrast = Contrast(_as_matrix(value, variable))
    if contrast.matrix.shape[0] != len(levels):
        raise FormulaError(
            f"wrong number of contrast matrix rows: {contrast.matrix.shape[0]} rows for the {len(levels)} levels of "
            f"'{variable}'"
        )
    return contrast


def _as_matrix(value: object, variable: str) -> FloatArray:
    try:
        matrix = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise FormulaError(f"the contrasts of '{variable}' are neither a name nor a matrix: {value!r}") from None
    return matrix[:, None] if matrix.ndim == 1 else matrix


def attach(f: Factor, value: ContrastSpec, how_many: int | None = None) -> Factor:
    """R's ``contrasts(f, how.many) <- value``, as ``C(f, value, how.many)`` does it.

    A matrix with fewer than L - 1 columns is completed to L - 1 by columns orthogonal to it and to the constant, unless
    ``how_many`` says how many to keep.
    """
    L = len(f.levels)
    if isinstance(value, str) and how_many is None:
        return Factor(f.codes, f.levels, f.ordered, value)
    contrast = _named(value, f.levels) if isinstance(value, str) else value
    keep = L - 1 if how_many is None else min(how_many, L)
    return Factor(f.codes, f.levels, f.ordered, _complete(contrast, keep))


def _complete(contrast: Contrast, keep: int) -> Contrast:
    given = contrast.matrix.shape[1]
    if keep <= given:
        names = contrast.names[:keep] if contrast.names is not None else None
        return Contrast(contrast.matrix[:, :keep], names)
    L = len(contrast.matrix)
    with_constant = np.column_stack([np.ones(L), contrast.matrix])
    if np.linalg.matrix_rank(with_constant) < given + 1:
        raise FormulaError("singular contrast matrix: its columns and the constant are linearly dependent")
    q = np.linalg.qr(with_constant, mode="complete")[0][:, 1:L]
    q[:, :given] = contrast.matrix
    names = None if contrast.names is None else contrast.names + ("",) * (L - 1 - given)
    return Contrast(q[:, :keep], None if names is None else names[:keep])


def _named(name: str, levels: tuple[str, ...]) -> Contrast:
    return CONTRAST_FUNCTIONS[name](levels)


def coding(f: Factor, full: bool, spec: ContrastSpec | None = None) -> Contrast:
    """The rows that stand for the levels of ``f`` in a model matrix.

    Parameters
    ----------
    f
        The factor.
    full
        One column for each level, whatever its contrasts (R's code 2 in the table of factors).
    spec
        Contrasts that go before those attached to the factor.

    Returns
    -------
    Contrast
        ``(L, c)`` with a name for each column: what follows the name of the variable in the model matrix.
    """
    if full:
        return indicator(f.levels)
    if len(f.levels) < 2:
        raise FormulaError("contrasts can be applied only to factors with 2 or more levels")
    chosen = spec if spec is not None else f.contrasts
    if chosen is None:
        chosen = "contr.poly" if f.ordered else "contr.treatment"
    contrast = _named(chosen, f.levels) if isinstance(chosen, str) else chosen
    if contrast.names is None:
        return Contrast(contrast.matrix, tuple(number_labels(np.arange(1.0, contrast.matrix.shape[1] + 1))))
    return contrast
