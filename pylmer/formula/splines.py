"""B-spline bases: R's ``bs`` and ``ns``, with their knots and their behaviour beyond the boundary."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pylmer.errors import RWarning
from pylmer.formula.evaluate import Arguments, function
from pylmer.formula.values import Matrix, Value, Vector
from pylmer.rcompat.rounding import quantile

if TYPE_CHECKING:
    from scipy.interpolate import BSpline

FloatArray = NDArray[np.float64]

__all__ = ["Knots", "bs_basis", "ns_basis"]


@dataclass(frozen=True, slots=True)
class Knots:
    """What a spline basis learned from the data: interior and boundary knots."""

    interior: tuple[float, ...]
    boundary: tuple[float, float]


def bs_basis(x: FloatArray, knots: Knots, degree: int, intercept: bool) -> FloatArray:
    """R's ``bs``: the B-spline basis of a degree; beyond the boundary the outermost polynomials go on.

    Parameters
    ----------
    x
        ``(n,)`` values, none missing.
    knots
        Interior and boundary knots.
    degree
        Of the polynomial pieces, 3 for cubic.
    intercept
        Whether the first basis function stays in.
    """
    basis = _pieces(x, knots, degree)
    return basis if intercept else basis[:, 1:]


def _augmented(knots: Knots, degree: int) -> FloatArray:
    low, high = knots.boundary
    return np.sort(np.array([low] * (degree + 1) + list(knots.interior) + [high] * (degree + 1)))


def _splines(knots: Knots, degree: int) -> BSpline:
    from scipy.interpolate import BSpline  # takes long to import, and few formulas need it

    t = _augmented(knots, degree)

    return BSpline(t, np.eye(len(t) - degree - 1), degree)


def _pieces(x: FloatArray, knots: Knots, degree: int) -> FloatArray:
    low, high = knots.boundary
    splines = _splines(knots, degree)
    out = np.empty((len(x), splines.c.shape[0]))
    inside = (x >= low) & (x <= high)
    out[inside] = splines(x[inside])
    t = _augmented(knots, degree)
    for rows, pivot in (
        (x < low, 0.75 * low + 0.25 * t[degree + 1]),
        (x > high, 0.75 * high + 0.25 * t[len(t) - degree - 2]),
    ):
        if rows.any():  # Taylor series from a point within the outermost piece
            out[rows] = 0.0
            power = np.ones(int(rows.sum()))
            for k in range(degree + 1):
                out[rows] += power[:, None] * splines(pivot, nu=k)
                power = power * (x[rows] - pivot) / (k + 1)
    return out


def ns_basis(x: FloatArray, knots: Knots, intercept: bool) -> FloatArray:
    """R's ``ns``: cubic splines that are straight lines beyond the boundary knots.

    Parameters
    ----------
    x
        ``(n,)`` values, none missing.
    knots
        Interior and boundary knots.
    intercept
        Whether the space keeps the constant.
    """
    low, high = knots.boundary
    splines = _splines(knots, 3)
    basis = splines(np.clip(x, low, high))
    for rows, pivot in ((x < low, low), (x > high, high)):
        if rows.any():
            basis[rows] = splines(pivot) + (x[rows] - pivot)[:, None] * splines(pivot, nu=1)
    bends = splines(np.array([low, high]), nu=2)
    if not intercept:
        basis, bends = basis[:, 1:], bends[:, 1:]
    q = np.linalg.qr(bends.T, mode="complete")[0]
    return np.asarray(basis @ q[:, 2:])


def _learn_knots(args: Arguments, x: FloatArray, wanted: int) -> Knots:
    """The knots as given, or ``wanted`` interior ones at quantiles of the values within the boundary."""
    given = args.numbers("Boundary.knots")
    if not len(x):
        raise args.error(f"{args.node.function}() needs values: all are missing")
    low, high = (float(x.min()), float(x.max())) if given is None else (float(min(given)), float(max(given)))
    interior = args.numbers("knots")
    if interior is None:
        inside = x[(x >= low) & (x <= high)]
        places = np.linspace(0.0, 1.0, wanted + 2)[1:-1]
        interior = quantile(inside, places) if wanted > 0 else np.empty(0)
    if not np.isfinite([low, high, *interior]).all() or not low < high:
        raise args.error(f"{args.node.function}() needs finite knots, and two different values or boundary knots")
    return Knots(tuple(float(k) for k in interior), (low, high))


def _numeric(args: Arguments) -> tuple[FloatArray, NDArray[np.bool_]]:
    value = args.value("x")
    if isinstance(value, Matrix) and value.values.shape[1] == 1:
        value = Vector(value.values[:, 0])
    if not isinstance(value, Vector):
        raise args.error(f"{args.node.function}() takes a numeric vector")
    return value.values, ~np.isnan(value.values)


def _spread(basis: FloatArray, known: NDArray[np.bool_]) -> Matrix:
    out = np.full((len(known), basis.shape[1]), np.nan)
    out[known] = basis
    return Matrix(out, tuple(str(j + 1) for j in range(basis.shape[1])))


MOST_COLUMNS = 10_000


@function("bs", "x", "df", "knots", "degree", "intercept", "Boundary.knots")
def _bs(args: Arguments) -> Value:
    x, known = _numeric(args)
    degree, intercept = args.whole("degree", 3.0), args.flag("intercept", False)
    if degree < 1:
        raise args.error("'degree' must be integer >= 1")
    knots: Knots = args.learn(lambda: _learn_knots(args, x[known], _interior_count(args, degree + 1 - (not intercept))))
    low, high = knots.boundary
    if ((x[known] < low) | (x[known] > high)).any():
        message = "some 'x' values beyond boundary knots may cause ill-conditioned bases"
        warnings.warn(message, RWarning, stacklevel=6)
    return _spread(bs_basis(x[known], knots, degree, intercept), known)


@function("ns", "x", "df", "knots", "intercept", "Boundary.knots")
def _ns(args: Arguments) -> Value:
    x, known = _numeric(args)
    intercept = args.flag("intercept", False)
    knots: Knots = args.learn(lambda: _learn_knots(args, x[known], _interior_count(args, 1 + intercept)))
    return _spread(ns_basis(x[known], knots, intercept), known)


def _interior_count(args: Arguments, least: int) -> int:
    """Number of interior knots that ``df`` asks for."""
    df = args.get("df")
    if df is None:
        return 0
    wanted = args.bounded(args.whole("df", float(least)), "columns", MOST_COLUMNS)
    if wanted < least:
        warnings.warn(f"'df' was too small; have used {least}", RWarning, stacklevel=6)
    return max(0, wanted - least)
