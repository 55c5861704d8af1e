"""Operators and elementwise mathematics of R: recycling, types, missing values."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pylmer.errors import RWarning
from pylmer.formula.coerce import as_double, as_strings, common_kind
from pylmer.formula.evaluate import Arguments, evaluate, function
from pylmer.formula.values import Character, FloatArray, Kind, Matrix, Value, Vector, collation_in_force
from pylmer.rcompat.factors import Factor, collation_key
from pylmer.rcompat.rounding import r_round

__all__ = ["recycled", "truth"]

T = TypeVar("T", bound=np.generic)
Elementwise = Callable[[FloatArray, FloatArray], FloatArray]


def recycled(*arrays: NDArray[T]) -> list[NDArray[T]]:
    """Arrays of one length, shorter ones repeated; a warning where that does not come out even."""
    n = max(len(a) for a in arrays)
    if any(len(a) == 0 for a in arrays):
        return [a[:0] for a in arrays]
    if any(n % len(a) for a in arrays):
        warnings.warn("longer object length is not a multiple of shorter object length", RWarning, stacklevel=6)
    return [a if len(a) == n else np.resize(a, (n, *a.shape[1:])) for a in arrays]


def _numbers(args: Arguments, name: str) -> Vector | Matrix:
    value = args.value(name)
    if isinstance(value, Factor):
        raise args.error(
            f"'{args.node.function}' not meaningful for factors: use as.numeric(as.character(f)), or levels"
        )
    if isinstance(value, Character):
        raise args.error(f"non-numeric argument to {_what(args)}: it is a character vector")
    return value


def _what(args: Arguments) -> str:
    name = str(args.node.function)
    return "mathematical function" if name[0].isalpha() else "binary operator"


def _combined(args: Arguments, operate: Elementwise, kind: Kind | None = None) -> Value:
    """Apply an operator to two operands; ``kind`` is the type of the result, the common one if None."""
    a, b = _numbers(args, "e1"), _numbers(args, "e2")
    with np.errstate(all="ignore"):
        if isinstance(a, Matrix) or isinstance(b, Matrix):
            names = next((m.names for m in (a, b) if isinstance(m, Matrix)), None)
            columns = [m.values if isinstance(m, Matrix) else m.values[:, None] for m in (a, b)]
            left, right = recycled(*columns)
            return Matrix(operate(left, right), names)
        left, right = (a.values, b.values) if len(a) == len(b) else recycled(a.values, b.values)
        result = operate(left, right)
    return Vector(result, kind if kind is not None else _number_kind(a.kind, b.kind))


def _number_kind(*kinds: Kind) -> Kind:
    return "double" if "double" in kinds else "integer"


def _unary_minus(args: Arguments) -> Value:
    value = _numbers(args, "e1")
    sign = -1.0 if args.node.function == "-" else 1.0
    if isinstance(value, Matrix):
        return Matrix(sign * value.values, value.names)
    return Vector(sign * value.values, _number_kind(value.kind))


@function("+", "e1", "e2")
def _plus(args: Arguments) -> Value:
    return _combined(args, np.add) if args.has("e2") else _unary_minus(args)


@function("-", "e1", "e2")
def _minus(args: Arguments) -> Value:
    return _combined(args, np.subtract) if args.has("e2") else _unary_minus(args)


@function("*", "e1", "e2")
def _times(args: Arguments) -> Value:
    return _combined(args, np.multiply)


@function("/", "e1", "e2")
def _divide(args: Arguments) -> Value:
    return _combined(args, np.divide, "double")


def _power_of(x: FloatArray, y: FloatArray) -> FloatArray:
    return np.where(y == 2.0, x * x, np.power(x, y))


@function("^", "e1", "e2")
def _power(args: Arguments) -> Value:
    return _combined(args, _power_of, "double")


def _floor_quotient(x: FloatArray, y: FloatArray) -> FloatArray:
    whole = np.floor(x / y)
    return np.where(y == 0.0, x / y, whole + np.floor((x - whole * y) / y))


def _remainder_of(x: FloatArray, y: FloatArray) -> FloatArray:
    rest = x - np.floor(x / y) * y
    rest = rest - np.floor(rest / y) * y
    return np.where(np.isinf(y) & np.isfinite(x), np.where((x >= 0) == (y > 0), x, y), rest)


def _whole(args: Arguments, operate: Elementwise) -> Value:
    """Integer division and remainder; of integers by 0 they are NA."""
    found = _combined(args, operate)
    if isinstance(found, Vector) and found.kind == "integer":
        return Vector(np.where(np.isinf(found.values), np.nan, found.values), "integer")
    return found


@function("%/%", "e1", "e2")
def _integer_division(args: Arguments) -> Value:
    return _whole(args, _floor_quotient)


@function("%%", "e1", "e2")
def _remainder(args: Arguments) -> Value:
    return _whole(args, _remainder_of)


@function("(", "x")
def _parentheses(args: Arguments) -> Value:
    return args.value("x")


@function("I", "x")
def _as_is(args: Arguments) -> Value:
    return args.value("x")


_COMPARISONS: dict[str, Callable[[object, object], object]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,  # type: ignore[operator]
    ">": lambda a, b: a > b,  # type: ignore[operator]
    "<=": lambda a, b: a <= b,  # type: ignore[operator]
    ">=": lambda a, b: a >= b,  # type: ignore[operator]
}


@function("== != < > <= >=", "e1", "e2")
def _compare(args: Arguments) -> Value:
    a, b = args.value("e1"), args.value("e2")
    operator = str(args.node.function)
    if isinstance(a, Factor) or isinstance(b, Factor):
        return _compare_factors(args, a, b, operator)
    if isinstance(a, Character) or isinstance(b, Character):
        return _compare_strings(as_strings(a), as_strings(b), operator)
    if isinstance(a, Matrix) or isinstance(b, Matrix):
        raise args.error(f"a matrix cannot be compared with '{operator}' in a formula")
    left, right = recycled(a.values, b.values)
    return Vector(_with_na(_COMPARISONS[operator](left, right), np.isnan(left) | np.isnan(right)), "logical")


def _with_na(result: object, missing: NDArray[np.bool_]) -> FloatArray:
    out = np.asarray(result, dtype=np.float64)
    out[missing] = np.nan
    return out


def _compare_strings(a: list[str | None], b: list[str | None], operator: str) -> Vector:
    key = collation_key(collation_in_force()) if operator not in ("==", "!=") else None
    left, right = recycled(np.array(a, dtype=object), np.array(b, dtype=object))
    compare = _COMPARISONS[operator]
    out = np.full(len(left), np.nan)
    for i, (x, y) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        if x is not None and y is not None:
            out[i] = bool(compare(key(x), key(y)) if key is not None else compare(x, y))
    return Vector(out, "logical")


def _compare_factors(args: Arguments, a: Value, b: Value, operator: str) -> Value:
    """Factors compare by label for equality, by position where they are ordered."""
    both = isinstance(a, Factor) and isinstance(b, Factor)
    if operator in ("==", "!="):
        if both and sorted(a.levels) != sorted(b.levels):  # type: ignore[union-attr]
            raise args.error("level sets of factors are different")
        if isinstance(a, Factor) and isinstance(b, Character) and len(b) == 1:
            return _equal_to_label(a, b.labels().tolist()[0], operator)
        return _compare_strings(as_strings(a), as_strings(b), operator)
    first = a if isinstance(a, Factor) else b
    assert isinstance(first, Factor)
    if not first.ordered:
        raise args.error(f"'{operator}' not meaningful for factors: they are not ordered")
    levels = first.levels
    positions = [_positions(args, v, levels) for v in (a, b)]
    left, right = recycled(*positions)
    return Vector(_with_na(_COMPARISONS[operator](left, right), np.isnan(left) | np.isnan(right)), "logical")


def _equal_to_label(f: Factor, label: str | None, operator: str) -> Vector:
    code = f.levels.index(label) if label in f.levels else -2
    hit = (f.codes == code) if operator == "==" else (f.codes != code)
    return Vector(_with_na(hit, f.codes < 0), "logical")


def _positions(args: Arguments, value: Value, levels: tuple[str, ...]) -> FloatArray:
    if isinstance(value, Factor):
        if value.levels != levels:
            raise args.error("level sets of factors are different")
        return as_double(value)
    where = {label: float(i) for i, label in enumerate(levels, start=1)}
    return np.array([where.get(s, np.nan) if s is not None else np.nan for s in as_strings(value)])


def truth(args: Arguments, name: str) -> FloatArray:
    """An argument as truth values: 0, 1 or NaN."""
    value = args.value(name)
    if isinstance(value, (Factor, Character)):
        raise args.error(f"operations are possible only for numeric or logical types: '{args.node.function}'")
    x = value.values
    return np.where(np.isnan(x), np.nan, (x != 0.0).astype(np.float64))


@function("&", "e1", "e2")
def _and(args: Arguments) -> Value:
    a, b = recycled(truth(args, "e1"), truth(args, "e2"))
    return Vector(np.where((a == 0) | (b == 0), 0.0, np.where(np.isnan(a) | np.isnan(b), np.nan, 1.0)), "logical")


@function("|", "e1", "e2")
def _or(args: Arguments) -> Value:
    a, b = recycled(truth(args, "e1"), truth(args, "e2"))
    return Vector(np.where((a == 1) | (b == 1), 1.0, np.where(np.isnan(a) | np.isnan(b), np.nan, 0.0)), "logical")


@function("!", "x")
def _not(args: Arguments) -> Value:
    return Vector(1.0 - truth(args, "x"), "logical")


@function("ifelse", "test", "yes", "no")
def _ifelse(args: Arguments) -> Value:
    test = truth(args, "test")
    n = len(test)
    choices = [args.value(name) for name in ("yes", "no") if np.any(test == (1.0 if name == "yes" else 0.0))]
    if any(isinstance(c, Character) for c in choices):
        yes, no = (np.resize(np.array(as_strings(args.value(w)), dtype=object), n) for w in ("yes", "no"))
        picked = np.where(test == 1.0, yes, no)
        picked[np.isnan(test)] = None
        return Character(picked)
    yes, no = (np.resize(as_double(args.value(w)), n) for w in ("yes", "no"))
    kinds: list[Kind] = [c.kind if isinstance(c, Vector) else "integer" for c in choices]
    return Vector(np.where(np.isnan(test), np.nan, np.where(test == 1.0, yes, no)), common_kind(kinds))


@function("is.na", "x")
def _is_na(args: Arguments) -> Value:
    value = args.value("x")
    if isinstance(value, Vector):
        return Vector(np.isnan(value.values).astype(np.float64), "logical")
    if isinstance(value, Matrix):
        raise args.error("is.na() of a matrix is not known in formulas")
    codes = value.codes if isinstance(value, Factor) else value.factor().codes
    return Vector((codes < 0).astype(np.float64), "logical")


def _mapped(args: Arguments, apply: Callable[[FloatArray], FloatArray], keep_integer: bool = False) -> Value:
    value = _numbers(args, "x")
    with np.errstate(all="ignore"):
        result = np.asarray(apply(value.values), dtype=np.float64)
    if np.isnan(result).sum() > np.isnan(value.values).sum():
        warnings.warn("NaNs produced", RWarning, stacklevel=6)
    if isinstance(value, Matrix):
        return Matrix(result, value.names)
    return Vector(result, "integer" if keep_integer and value.kind != "double" else "double")


_MATHEMATICS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "exp": np.exp,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "plogis": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "qlogis": lambda p: np.log(p / (1.0 - p)),
    "floor": np.floor,
    "ceiling": np.ceil,
    "trunc": np.trunc,
}


@function(" ".join(_MATHEMATICS), "x")
def _mathematics(args: Arguments) -> Value:
    name = str(args.node.function)
    return _mapped(args, _MATHEMATICS[name])


@function("abs sign", "x")
def _absolute(args: Arguments) -> Value:
    return _mapped(args, np.abs if args.node.function == "abs" else np.sign, keep_integer=True)


@function("log", "x", "base")
def _log(args: Arguments) -> Value:
    base = args.number("base", np.e)
    known = {np.e: np.log, 2.0: np.log2, 10.0: np.log10}.get(base)
    return _mapped(args, known if known is not None else lambda x: np.log(x) / np.log(base))


@function("round", "x", "digits")
def _round(args: Arguments) -> Value:
    digits = args.whole("digits", 0.0)
    return _mapped(args, lambda x: r_round(x, digits), keep_integer=True)


def _parallel(args: Arguments, choose: Callable[[FloatArray, FloatArray], FloatArray]) -> Value:
    """Elementwise extremes of several vectors; a missing value wins unless ``na.rm = TRUE``."""
    vectors: list[Vector] = []
    for name, node in args.dots:
        value = evaluate(node, args.env)
        if not isinstance(value, Vector):
            raise args.error(f"{args.node.function}() takes numeric vectors" + (f", not '{name}'" if name else ""))
        vectors.append(value)
    if not vectors:
        raise args.error("no arguments")
    arrays = recycled(*[v.values for v in vectors])
    out = arrays[0]
    for other in arrays[1:]:
        out = choose(out, other)
    return Vector(out, _number_kind(*[v.kind for v in vectors]))


@function("pmin", "...", "na.rm")
def _pmin(args: Arguments) -> Value:
    return _parallel(args, np.fmin if args.flag("na.rm", False) else np.minimum)


@function("pmax", "...", "na.rm")
def _pmax(args: Arguments) -> Value:
    return _parallel(args, np.fmax if args.flag("na.rm", False) else np.maximum)
