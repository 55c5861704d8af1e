"""R's summaries of a vector, one number or a few: ``x - mean(x)``, ``x / max(x)``, ``cut(x, quantile(x))``.

They see the rows that the expression is evaluated over, in R as here: predictions from new data have the mean of the
new data. ``scale(x, scale = FALSE)`` remembers the mean of the fit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pylmer.formula.coerce import as_double, as_strings, common_kind
from pylmer.formula.evaluate import Arguments, ContrastFunction, evaluate, function
from pylmer.formula.transforms_vectors import exact_mean
from pylmer.formula.values import Character, FloatArray, Matrix, Value, Vector
from pylmer.rcompat.factors import Factor
from pylmer.rcompat.rounding import quantile

__all__: list[str] = []


def _variance(x: FloatArray) -> float:
    if len(x) < 2:
        return float("nan")
    return float(np.sum((x - exact_mean(x)) ** 2, dtype=np.longdouble) / (len(x) - 1))


def _median(x: FloatArray) -> float:
    if not len(x) or np.isnan(x).any():
        return float("nan")
    middle = np.sort(x)[(len(x) - 1) // 2 : len(x) // 2 + 1]
    return exact_mean(middle)


_OF_ONE: dict[str, Callable[[FloatArray], float]] = {
    "mean": exact_mean,
    "median": _median,
    "var": _variance,
    "sd": lambda x: float(np.sqrt(_variance(x))),
}

_OF_MANY: dict[str, Callable[[FloatArray], float]] = {
    "sum": lambda x: float(np.sum(x, dtype=np.longdouble)),
    "min": lambda x: float(np.min(x, initial=np.inf)),
    "max": lambda x: float(np.max(x, initial=-np.inf)),
}


def _numeric(args: Arguments, value: object) -> FloatArray:
    """Numbers of an argument, without the missing ones if that is asked for."""
    if not isinstance(value, Vector | Matrix):
        what = {Factor: "a factor", Character: "a character vector"}.get(type(value), "no data")
        raise args.error(f"{args.node.function}() needs numbers: its argument is {what}")
    x = as_double(value).ravel(order="F")
    return x[~np.isnan(x)] if args.flag("na.rm", False) else x


@function(" ".join(_OF_ONE), "x", "na.rm")
def _of_one(args: Arguments) -> Value:
    return Vector(np.array([_OF_ONE[str(args.node.function)](_numeric(args, args.value("x")))]))


@function(" ".join(_OF_MANY), "...", "na.rm")
def _of_many(args: Arguments) -> Value:
    values = [evaluate(node, args.env) for _, node in args.dots]
    if not values:
        raise args.error(f"{args.node.function}() needs at least one argument here")
    x = np.concatenate([_numeric(args, value) for value in values])
    kind = common_kind([v.kind if isinstance(v, Vector) else "double" for v in values])
    result = np.array([_OF_MANY[str(args.node.function)](x)])
    return Vector(result, "integer" if kind != "double" and np.isfinite(result[0]) else "double")


@function("length", "x")
def _length(args: Arguments) -> Value:
    value = args.value("x")
    size = value.values.size if isinstance(value, Matrix) else len(value)
    return Vector(np.array([float(size)]), "integer")


@function("quantile", "x", "probs", "na.rm")
def _quantile(args: Arguments) -> Value:
    """Sample quantiles of R's default type."""
    x = _numeric(args, args.value("x"))
    if np.isnan(x).any():
        raise args.error("missing values and NaN's not allowed if 'na.rm' is FALSE")
    probs = args.numbers("probs")
    p = np.linspace(0.0, 1.0, 5) if probs is None else probs
    if np.isnan(p).any() or (p < 0).any() or (p > 1).any():
        raise args.error("'probs' outside [0,1]")
    return Vector(quantile(x, p))


@function("paste paste0", "...", "sep")
def _paste(args: Arguments) -> Value:
    """Strings put together row by row; a missing value is the text ``NA``."""
    given = (args.strings("sep") or [" "])[0]
    between = "" if args.node.function == "paste0" else given
    values = [evaluate(node, args.env) for _, node in args.dots]
    if not values or any(value is None or isinstance(value, ContrastFunction) for value in values):
        raise args.error(f"{args.node.function}() needs data")
    columns = [["NA" if s is None else s for s in as_strings(v)] for v in values]  # type: ignore[arg-type]
    n = 0 if any(not column for column in columns) else max(len(column) for column in columns)
    rows = [between.join(column[i % len(column)] for column in columns) for i in range(n)]
    return Character(np.array(rows, dtype=object))
