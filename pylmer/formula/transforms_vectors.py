"""R's functions on whole vectors: joining, ordering, running sums, group means, matrices of columns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pylmer.formula.ast import Name
from pylmer.formula.coerce import as_double, as_factor, as_strings, common_kind
from pylmer.formula.evaluate import Arguments, ContrastFunction, evaluate, function
from pylmer.formula.transforms_arithmetic import recycled
from pylmer.formula.values import Character, FloatArray, IntArray, Matrix, Value, Vector, take
from pylmer.rcompat.factors import Factor, cross_all
from pylmer.rcompat.rounding import quantile


def _each(args: Arguments) -> list[tuple[str | None, Value]]:
    """The values of the dots, NULL left out; a lone name gives its own name."""
    out: list[tuple[str | None, Value]] = []
    for name, node in args.dots:
        value = evaluate(node, args.env)
        if isinstance(value, ContrastFunction):
            raise args.error(f"{args.node.function}() takes data")
        if value is not None:
            out.append((name or (node.name if isinstance(node, Name) else None), value))
    return out


@function("c", "...")
def _c(args: Arguments) -> Value:
    values = [value for _, value in _each(args)]
    if not values:
        raise args.error("c() needs at least one argument here")
    if all(isinstance(v, Factor) for v in values):
        return _joined_factors(values)
    if any(isinstance(v, Character) for v in values):
        return Character(np.array([s for v in values for s in as_strings(v)], dtype=object))
    kinds = [v.kind if isinstance(v, Vector) else "integer" if isinstance(v, Factor) else "double" for v in values]
    return Vector(np.concatenate([as_double(v).ravel(order="F") for v in values]), common_kind(kinds))


def _joined_factors(values: list[Value]) -> Factor:
    levels: dict[str, int] = {}
    codes = []
    for f in values:
        assert isinstance(f, Factor)
        where = [levels.setdefault(label, len(levels)) for label in f.levels]
        codes.append(np.array([*where, -1], dtype=np.intp)[f.codes])
    return Factor(np.concatenate(codes), tuple(levels))


@function("cbind", "...", "deparse.level")
def _cbind(args: Arguments) -> Value:
    columns: list[FloatArray] = []
    names: list[str] = []
    for name, value in _each(args):
        if isinstance(value, Character):
            raise args.error("cbind() of strings makes no model matrix: convert them to numbers")
        if isinstance(value, Matrix):
            columns += [value.values[:, j] for j in range(value.values.shape[1])]
            names += value.names or ("",) * value.values.shape[1]
        else:
            columns.append(as_double(value))
            names.append(name or "")
    if not columns:
        raise args.error("cbind() needs at least one argument")
    return Matrix(np.column_stack(recycled(*columns)), tuple(names) if any(names) else None)


@function("offset", "object")
def _offset(args: Arguments) -> Value:
    return args.value("object")


@function("rev", "x")
def _rev(args: Arguments) -> Value:
    value = args.value("x")
    return take(value, np.arange(len(value))[::-1])


@function("cumsum", "x")
def _cumsum(args: Arguments) -> Value:
    value = args.value("x")
    if not isinstance(value, Vector):
        raise args.error("'cumsum' not defined on factors, strings and matrices in formulas")
    total = np.cumsum(value.values, dtype=np.longdouble).astype(np.float64)
    return Vector(total, "double" if value.kind == "double" else "integer")


_TIES = ("average", "first", "min", "max")


@function("rank", "x", "na.last", "ties.method")
def _rank(args: Arguments) -> Value:
    """Ranks; missing values come last, in the order met, unless ``na.last = "keep"``."""
    value = args.value("x")
    if isinstance(value, Matrix):
        raise args.error("rank() takes a vector")
    ties = (args.strings("ties.method") or ["average"])[0]
    if ties not in _TIES:
        raise args.error(f'ties.method = "{ties}" is not known in formulas: use {", ".join(_TIES)}')
    x = as_double(as_factor(value) if isinstance(value, Character) else value)
    known = ~np.isnan(x)
    out = np.empty(len(x))
    out[known] = _ranked(x[known], ties)
    keep = args.strings("na.last") == ["keep"]
    out[~known] = np.nan if keep else known.sum() + np.arange(1, int((~known).sum()) + 1)
    return Vector(out, "double" if ties == "average" else "integer")


def _ranked(x: FloatArray, ties: str) -> FloatArray:
    """Ranks from 1 of values that are all there."""
    if ties == "first":
        out = np.empty(len(x))
        out[np.argsort(x, kind="stable")] = np.arange(1.0, len(x) + 1)
        return out
    _, group, count = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(count).astype(np.float64)
    first = last - count + 1
    per_group = {"average": (first + last) / 2, "min": first, "max": last}[ties]
    return np.asarray(per_group[group])


def exact_mean(x: FloatArray) -> float:
    """R's mean: summed in extended precision, then corrected once."""
    if not len(x):
        return float("nan")
    total = np.sum(x, dtype=np.longdouble) / len(x)
    return float(total + np.sum(x - total, dtype=np.longdouble) / len(x))


_GROUP_FUNCTIONS: dict[str, Callable[[FloatArray], float]] = {
    "mean": exact_mean,
    "sum": lambda x: float(np.sum(x, dtype=np.longdouble)),
    "min": lambda x: float(np.min(x)),
    "max": lambda x: float(np.max(x)),
    "median": lambda x: float("nan") if np.isnan(x).any() else float(quantile(x, [0.5])[0]),
    "length": lambda x: float(len(x)),
    "sd": lambda x: float(np.sqrt(np.sum((x - exact_mean(x)) ** 2, dtype=np.longdouble) / (len(x) - 1))),
    "var": lambda x: float(np.sum((x - exact_mean(x)) ** 2, dtype=np.longdouble) / (len(x) - 1)),
}


@function("ave", "x", "...", "FUN")
def _ave(args: Arguments) -> Value:
    """Each value replaced by the mean (or another function) of its group."""
    value = args.value("x")
    if not isinstance(value, Vector):
        raise args.error("ave() takes a numeric vector")
    node = args.raw.get("FUN", Name("mean"))
    apply = _GROUP_FUNCTIONS.get(node.name) if isinstance(node, Name) else None
    if apply is None:
        raise args.error(f"FUN of ave() must be one of {', '.join(_GROUP_FUNCTIONS)}")
    x = value.values
    groups = [as_factor(v) for _, v in _each(args)]
    codes = cross_all(groups).codes if groups else np.zeros(len(x), dtype=np.intp)
    if len(codes) != len(x):
        raise args.error(f"ave(): {len(x)} values, but {len(codes)} groups")
    out = x.copy()
    for rows in _rows_by_group(codes):
        out[rows] = apply(x[rows])
    return Vector(out)


def _rows_by_group(codes: IntArray) -> list[IntArray]:
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-2))
    return [rows for rows in np.split(order, starts[1:]) if len(rows) and codes[rows[0]] >= 0]


@function("seq", "from", "to", "by", "length.out")
def _seq(args: Arguments) -> Value:
    start = args.number("from", 1.0)
    if args.get("length.out") is not None:
        count = args.bounded(np.ceil(args.number("length.out", 1.0)), "values")
        stop = args.number("to", start + count - 1)
        return Vector(np.linspace(start, stop, count, dtype=np.float64))
    stop = args.number("to", 1.0)
    by = args.number("by", 1.0 if stop >= start else -1.0)
    if by == 0.0 or (stop - start) / by < 0:
        raise args.error("wrong sign in 'by' argument")
    count = args.bounded(np.floor((stop - start) / by + 1e-10) + 1, "values")
    return Vector(np.asarray(start + by * np.arange(count), dtype=np.float64))
