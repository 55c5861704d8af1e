"""Columns that depend on all the data: standardized variables and orthogonal polynomials, replayed on new data."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from pylmer.formula.ast import Node
from pylmer.formula.coerce import as_double
from pylmer.formula.evaluate import Arguments, ContrastFunction, evaluate, function
from pylmer.formula.values import Character, Matrix, Value, Vector
from pylmer.linalg.rank import pivoted_rank
from pylmer.rcompat.factors import Factor

FloatArray = NDArray[np.float64]

__all__ = ["PolynomialBasis", "orthogonal_polynomials", "scale_settings"]

_SAFE_DEGREE = 8
MOST_COLUMNS = 10_000


@dataclass(frozen=True, slots=True)
class PolynomialBasis:
    """The three-term recurrence of orthogonal polynomials on the values met at the fit.

    Parameters
    ----------
    centre
        The d coefficients alpha (the first is the mean).
    norm2
        The d + 2 squared lengths, 1 and n first.
    """

    centre: tuple[float, ...]
    norm2: tuple[float, ...]

    def evaluate(self, x: FloatArray) -> FloatArray:
        """``(n, d)`` the polynomials of degree 1 to d at new values."""
        d = len(self.centre)
        columns = [np.ones(len(x)), x - self.centre[0]]
        for k in range(1, d):
            columns.append((x - self.centre[k]) * columns[k] - self.norm2[k + 1] / self.norm2[k] * columns[k - 1])
        return np.asarray(np.column_stack(columns[1:]) / np.sqrt(np.array(self.norm2[2:])))


def orthogonal_polynomials(x: FloatArray, degree: int) -> tuple[FloatArray, PolynomialBasis]:
    """R's ``poly(x, degree)``: orthonormal columns, and what is needed to continue them on new values.

    Parameters
    ----------
    x
        ``(n,)`` values, none missing, more different ones than ``degree``.
    degree
        Number of columns.
    """
    values = x.astype(np.longdouble)
    mean = values.mean()
    centred = values - mean
    raw = [np.ones(len(x), dtype=np.longdouble)]
    for _ in range(degree):
        column = raw[-1] * centred
        for _again in range(2):
            for earlier in raw:
                column = column - earlier * ((earlier @ column) / (earlier @ earlier))
        raw.append(column)
    norm2 = [z @ z for z in raw]
    centre = [(centred @ (z * z)) / s + mean for z, s in zip(raw[:-1], norm2[:-1], strict=True)]
    basis = PolynomialBasis(tuple(float(a) for a in centre), (1.0, *(float(s) for s in norm2)))
    Z = np.column_stack([z / np.sqrt(s) for z, s in zip(raw[1:], norm2[1:], strict=True)])
    return Z.astype(np.float64), basis


def _columns_of(args: Arguments, value: object) -> list[FloatArray]:
    if isinstance(value, Matrix):
        return [value.values[:, j] for j in range(value.values.shape[1])]
    if isinstance(value, Vector):
        return [value.values]
    raise args.error("poly() takes numeric vectors or matrices")


@function("poly", "x", "...", "degree", "coefs", "raw", "simple")
def _poly(args: Arguments) -> Value:
    variables = _columns_of(args, args.value("x"))
    degree = args.number("degree", 1.0)
    raw = args.flag("raw", False)
    extra = [(name, node, _data(args, node)) for name, node in args.dots]
    if len(extra) == 1 and extra[0][0] is None and isinstance(extra[0][2], Vector) and len(extra[0][2]) == 1:
        degree = float(extra[0][2].values[0])
    else:
        for _, _, value in extra:
            variables += _columns_of(args, value)
    if not 1 <= degree < np.inf or degree != np.floor(degree):
        raise args.error("'degree' must be at least 1, and whole")
    if raw:
        args.bounded(degree, "columns", MOST_COLUMNS)
    single = len(variables) == 1
    pieces = _replayed(args, variables, int(degree), raw)
    if single:
        return Matrix(pieces[0], tuple(str(k + 1) for k in range(int(degree))))
    return _products(pieces, int(degree))


def _data(args: Arguments, node: Node) -> Value:
    value = evaluate(node, args.env)
    if value is None or isinstance(value, ContrastFunction):
        raise args.error("poly() takes numeric vectors or matrices")
    return value


def _replayed(args: Arguments, variables: list[FloatArray], degree: int, raw: bool) -> list[FloatArray]:
    if raw:
        return [np.column_stack([x**k for k in range(1, degree + 1)]) for x in variables]
    if not args.env.replay or args.node not in args.env.memory:
        for x in variables:
            _check_polynomial(args, x, degree)
        made = [orthogonal_polynomials(x, degree) for x in variables]
        args.learn(lambda: tuple(basis for _, basis in made))
        return [Z for Z, _ in made]
    bases: tuple[PolynomialBasis, ...] = args.learn(tuple)
    return [basis.evaluate(x) for basis, x in zip(bases, variables, strict=True)]


def _check_polynomial(args: Arguments, x: FloatArray, degree: int) -> None:
    if np.isnan(x).any():
        raise args.error("missing values are not allowed in 'poly': drop the rows, or use raw = TRUE")
    distinct = len(np.unique(x))
    if degree >= distinct or (degree > _SAFE_DEGREE and _powers_are_dependent(x, degree)):
        raise args.error(f"'degree' must be less than number of unique points: {degree} and {distinct}")


def _powers_are_dependent(x: FloatArray, degree: int) -> bool:
    """Whether R's QR of the powers gives up on a column."""
    powers = (x - x.mean())[:, None] ** np.arange(degree + 1)
    return pivoted_rank(powers)[0] < degree + 1


def _products(pieces: list[FloatArray], degree: int) -> Matrix:
    """Products of the polynomials of several variables, up to a total degree; names like ``1.0``, ``0.2``."""
    n = len(pieces[0])
    with_one = [np.column_stack([np.ones(n), piece]) for piece in pieces]
    columns, names = [], []
    for reverse in product(range(degree + 1), repeat=len(pieces)):
        powers = reverse[::-1]
        if 0 < sum(powers) <= degree:
            column = np.ones(n)
            for piece, k in zip(with_one, powers, strict=True):
                column = column * piece[:, k]
            columns.append(column)
            names.append(".".join(map(str, powers)))
    return Matrix(np.column_stack(columns), tuple(names))


@function("scale", "x", "center", "scale")
def _scale(args: Arguments) -> Value:
    value = args.value("x")
    if isinstance(value, (Factor, Character)):
        raise args.error("'x' must be numeric: scale() takes numbers")
    matrix = value.values if isinstance(value, Matrix) else as_double(value)[:, None]
    centre, spread = args.learn(lambda: _learn_scale(args, matrix))
    out = matrix - np.array(centre)
    names = value.names if isinstance(value, Matrix) else None
    return Matrix(out / np.array(spread), names)


def _learn_scale(args: Arguments, matrix: FloatArray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The centre and the spread of each column; 0 and 1 where none is wanted."""
    centre, spread = scale_settings(args, matrix.shape[1])
    if centre is None:
        centre = [_mean(column) for column in matrix.T]
    if spread is None:
        spread = [_root_mean_square(column) for column in (matrix - np.array(centre)).T]
    return tuple(centre), tuple(spread)


def scale_settings(args: Arguments, k: int) -> tuple[list[float] | None, list[float] | None]:
    """The centres and spreads that a call of ``scale()`` gives for ``k`` columns; None where the data have to tell."""
    centre, spread = _wanted(args, "center", k), _wanted(args, "scale", k)
    if spread is not None and (args.get("scale") is None or _is_flag(args.get("scale"))):
        spread = [1.0] * k
    return centre, spread


def _is_flag(value: object) -> bool:
    return isinstance(value, Vector) and value.kind == "logical"


def _wanted(args: Arguments, name: str, k: int) -> list[float] | None:
    """The numbers given, zeros for FALSE, None where they are to be computed."""
    value = args.get(name)
    if value is None or (_is_flag(value) and args.flag(name, True)):
        return None
    if _is_flag(value):
        return [0.0] * k
    numbers = args.numbers(name)
    if numbers is None or len(numbers) != k:
        raise args.error(f"length of '{name}' must equal the number of columns of 'x': {k}")
    return numbers.tolist()  # type: ignore[no-any-return]


def _mean(x: FloatArray) -> float:
    known = x[~np.isnan(x)]
    return float(np.sum(known, dtype=np.longdouble) / len(known)) if len(known) else float("nan")


def _root_mean_square(x: FloatArray) -> float:
    known = x[~np.isnan(x)]
    return float(np.sqrt(np.float64(np.sum(known * known, dtype=np.longdouble)) / max(1, len(known) - 1)))
