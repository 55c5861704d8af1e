"""R's functions that make and change factors."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pylmer.errors import FormulaError, RWarning
from pylmer.formula.ast import Name, String
from pylmer.formula.coerce import as_double, as_factor, as_strings
from pylmer.formula.contrasts import CONTRAST_FUNCTIONS, Contrast, as_contrast, attach
from pylmer.formula.evaluate import Arguments, ContrastFunction, evaluate, function
from pylmer.formula.transforms_arithmetic import recycled
from pylmer.formula.values import Character, FloatArray, IntArray, Matrix, Value, Vector
from pylmer.rcompat.factors import Factor, drop_unused, match_levels


def _stable(args: Arguments, f: Factor) -> Factor:
    """The factor with the levels that the fit saw first; levels that only new data have come after them."""
    levels: tuple[str, ...] = args.learn(lambda: f.levels)
    if levels == f.levels:
        return f
    more = tuple(label for label in f.levels if label not in set(levels))
    codes, _ = match_levels(f, levels + more)
    return Factor(codes, levels + more, f.ordered, f.contrasts)


@function("factor", "x", "levels", "labels", "exclude", "ordered")
def _factor(args: Arguments) -> Value:
    value = args.value("x")
    default = isinstance(value, Factor) and value.ordered
    return _make_factor(args, value, args.flag("ordered", default))


@function("ordered", "x", "levels", "labels")
def _ordered(args: Arguments) -> Value:
    return _make_factor(args, args.value("x"), True)


def _make_factor(args: Arguments, value: Value, ordered: bool) -> Factor:
    wanted = args.strings("levels")
    if wanted is None:
        f = drop_unused(as_factor(value))
        if not isinstance(value, Factor) or args.env.replay:
            f = _stable(args, f)
        else:
            args.learn(lambda: f.levels)
    else:
        if len(set(wanted)) < len(wanted):
            raise args.error("factor level is duplicated: 'levels' must be different")
        f = Factor(match_levels(as_factor(value), wanted)[0], tuple(wanted))
    excluded = args.strings("exclude") or []
    if set(excluded) & set(f.levels):
        kept = [label for label in f.levels if label not in excluded]
        f = Factor(match_levels(f, kept)[0], tuple(kept))
    f = Factor(f.codes, f.levels, ordered)
    labels = args.strings("labels")
    return f if labels is None else _relabelled(args, f, labels)


def _relabelled(args: Arguments, f: Factor, labels: list[str]) -> Factor:
    L = len(f.levels)
    if len(labels) == 1 and L != 1:
        labels = [f"{labels[0]}{i + 1}" for i in range(L)]
    if len(labels) != L:
        raise args.error(f"invalid 'labels'; length {len(labels)} should be 1 or {L}")
    distinct = tuple(dict.fromkeys(labels))
    where = {label: i for i, label in enumerate(distinct)}
    lookup = np.array([where[label] for label in labels] + [-1], dtype=np.intp)
    return Factor(lookup[f.codes], distinct, f.ordered)


@function("as.factor", "x")
def _as_factor(args: Arguments) -> Value:
    value = args.value("x")
    return value if isinstance(value, Factor) else _stable(args, as_factor(value))


@function("droplevels", "x")
def _droplevels(args: Arguments) -> Value:
    value = args.value("x")
    if not isinstance(value, Factor):
        raise args.error("droplevels() takes a factor")
    return _stable(args, drop_unused(value))


@function("as.character", "x")
def _as_character(args: Arguments) -> Value:
    value = args.value("x")
    return value if isinstance(value, Character) else Character(np.array(as_strings(value), dtype=object))


@function("as.numeric as.double", "x")
def _as_numeric(args: Arguments) -> Value:
    return Vector(_converted(args).ravel(order="F"))


@function("as.integer", "x")
def _as_integer(args: Arguments) -> Value:
    return Vector(np.trunc(_converted(args).ravel(order="F")), "integer")


def _converted(args: Arguments) -> FloatArray:
    value = args.value("x")
    out = as_double(value)
    if isinstance(value, Character) and np.isnan(out).sum() > (value.factor().codes < 0).sum():
        warnings.warn("NAs introduced by coercion", RWarning, stacklevel=6)
    return out


_TRUE = ("T", "TRUE", "true", "True")
_FALSE = ("F", "FALSE", "false", "False")


@function("as.logical", "x")
def _as_logical(args: Arguments) -> Value:
    value = args.value("x")
    if isinstance(value, (Factor, Character)):
        known = {**dict.fromkeys(_TRUE, 1.0), **dict.fromkeys(_FALSE, 0.0)}
        return Vector(np.array([known.get(s, np.nan) if s else np.nan for s in as_strings(value)]), "logical")
    x = value.values.ravel(order="F")
    return Vector(np.where(np.isnan(x), np.nan, (x != 0).astype(np.float64)), "logical")


@function("relevel", "x", "ref")
def _relevel(args: Arguments) -> Value:
    f = args.value("x")
    if not isinstance(f, Factor) or f.ordered:
        raise args.error("'relevel' only for (unordered) factors")
    ref = args.value("ref")
    if isinstance(ref, Character) and len(ref) == 1:
        label = as_strings(ref)[0]
        if label not in f.levels:
            raise args.error(f"'ref' must be an existing level: '{label}' is none of {', '.join(f.levels)}")
        first = f.levels.index(label)
    else:
        first = args.whole("ref", 1.0) - 1
        if not 0 <= first < len(f.levels):
            raise args.error(f"ref = {first + 1} must be in 1L:{len(f.levels)}")
    order = [first, *(i for i in range(len(f.levels)) if i != first)]
    levels = tuple(f.levels[i] for i in order)
    return Factor(match_levels(f, levels)[0], levels)


@function("interaction", "...", "drop", "sep", "lex.order")
def _interaction(args: Arguments) -> Value:
    factors = [as_factor(_data(args, node)) for _, node in args.dots]
    if not factors:
        raise args.error("No factors specified")
    sep = (args.strings("sep") or ["."])[0]
    out = factors[0]
    for f in factors[1:]:
        args.bounded(len(out.levels) * len(f.levels), "levels")
        out = _crossed(out, f, sep, args.flag("lex.order", False))
    if args.flag("drop", False):
        return _stable(args, drop_unused(out))
    return out


def _data(args: Arguments, node: object) -> Value:
    value = evaluate(node, args.env)  # type: ignore[arg-type]
    if value is None or isinstance(value, ContrastFunction):
        raise args.error(f"{args.node.function}() takes data")
    return value


MOST_INTERVALS = 100_000


def _crossed(a: Factor, b: Factor, sep: str, lexical: bool) -> Factor:
    """All combinations of levels, the first varying fastest, or slowest in lexical order."""
    A, B = len(a.levels), len(b.levels)
    ca, cb = recycled(a.codes, b.codes)
    missing = (ca < 0) | (cb < 0)
    if lexical:
        codes = ca * B + cb
        levels = tuple(f"{la}{sep}{lb}" for la in a.levels for lb in b.levels)
    else:
        codes = ca + A * cb
        levels = tuple(f"{la}{sep}{lb}" for lb in b.levels for la in a.levels)
    return Factor(np.where(missing, -1, codes).astype(np.intp), levels)


@function(":", "e1", "e2")
def _colon(args: Arguments) -> Value:
    """A sequence of numbers, or the interaction of two factors with all combinations, the first varying slowest."""
    a, b = args.value("e1"), args.value("e2")
    if isinstance(a, Factor) and isinstance(b, Factor):
        args.bounded(len(a.levels) * len(b.levels), "levels")
        return _crossed(a, b, ":", True)
    start, stop = args.number("e1", 0.0), args.number("e2", 0.0)
    count = args.bounded(np.floor(abs(stop - start) + 1e-10) + 1, "values")
    step = 1.0 if stop >= start else -1.0
    return Vector(
        np.asarray(start + step * np.arange(count), dtype=np.float64),
        "integer" if start == np.floor(start) else "double",
    )


@function("%in%", "x", "table")
def _is_in(args: Arguments) -> Value:
    a, b = args.value("x"), args.value("table")
    if isinstance(a, Vector) and isinstance(b, Vector):
        return Vector(np.isin(a.values, b.values).astype(np.float64), "logical")
    table = set(as_strings(b))
    return Vector(np.array([s in table for s in as_strings(a)], dtype=np.float64), "logical")


@function("cut", "x", "breaks", "labels", "include.lowest", "right", "dig.lab", "ordered_result")
def _cut(args: Arguments) -> Value:
    value = args.value("x")
    if not isinstance(value, Vector):
        raise args.error("'x' must be numeric: cut() takes a numeric vector")
    x = value.values
    breaks: tuple[float, ...] = args.learn(lambda: tuple(_breaks(args, x)))
    right, lowest = args.flag("right", True), args.flag("include.lowest", False)
    codes = _interval(x, np.array(breaks), right, lowest)
    given = args.get("labels")
    if isinstance(given, Vector) and given.kind == "logical" and len(given) == 1 and given.values[0] == 0.0:
        return Vector(np.where(codes < 0, np.nan, codes + 1.0), "integer")
    labels = args.strings("labels") if given is not None else None
    if labels is None:
        labels = _interval_labels(breaks, right, lowest, args.whole("dig.lab", 3.0))
    elif len(labels) != len(breaks) - 1:
        raise args.error(f"number of intervals and length of 'labels' differ: {len(breaks) - 1} and {len(labels)}")
    f = Factor(codes, tuple(labels), args.flag("ordered_result", False))
    return _relabelled(args, f, labels) if len(set(labels)) < len(labels) else f


def _breaks(args: Arguments, x: FloatArray) -> list[float]:
    wanted = args.numbers("breaks")
    if wanted is None:
        raise args.error('argument "breaks" is missing, with no default')
    if len(wanted) > 1:
        if len(set(wanted.tolist())) < len(wanted):
            raise args.error("'breaks' are not unique")
        return sorted(wanted.tolist())
    if np.isnan(wanted[0]) or wanted[0] < 2:
        raise args.error("invalid number of intervals: 'breaks' must be 2 or more, or the cut points themselves")
    known = x[~np.isnan(x)]
    low, high = float(known.min()), float(known.max())
    count = args.bounded(wanted[0], "intervals", MOST_INTERVALS) + 1
    width = high - low
    if width == 0.0:
        width = abs(low)
        return (low - width / 1000 + np.arange(count) * (2 * width / 1000 / (count - 1))).tolist()  # type: ignore[no-any-return]
    out: list[float] = (low + np.arange(count) * (width / (count - 1))).tolist()
    out[0], out[-1] = low - width / 1000, high + width / 1000
    return out


def _interval(x: FloatArray, breaks: FloatArray, right: bool, lowest: bool) -> IntArray:
    """The interval of each value, counted from 0; -1 outside."""
    codes = np.searchsorted(breaks, x, side="left" if right else "right").astype(np.intp) - 1
    if lowest:
        edge, code = (breaks[0], 0) if right else (breaks[-1], len(breaks) - 2)
        codes[x == edge] = code
    codes[(codes >= len(breaks) - 1) | (codes < 0) | np.isnan(x)] = -1
    return codes


def _end(b: float, digits: int, infinity: str) -> str:
    """A cut point in a label."""
    return f"{b + 0.0:.{digits}g}" if np.isfinite(b) else infinity if b > 0 else "-Inf"


def _interval_labels(breaks: Sequence[float], right: bool, lowest: bool, digits: int) -> list[str]:
    """``(a,b]`` with as few digits, from ``digits`` up to 12, as keep the ends apart."""
    infinity = " Inf" if -np.inf in breaks else "Inf"  # R makes infinities of one width
    for d in range(digits, max(12, digits) + 1):
        ends = [_end(b, d, infinity) for b in breaks]
        if all(a != b for a, b in pairwise(ends)):
            break
    opening, closing = ("(", "]") if right else ("[", ")")
    labels = [f"{opening}{a},{b}{closing}" for a, b in pairwise(ends)]
    if lowest and right:
        labels[0] = "[" + labels[0][1:]
    elif lowest:
        labels[-1] = labels[-1][:-1] + "]"
    return labels


@function("C", "object", "contr", "how.many", "...")
def _C(args: Arguments) -> Value:
    value = args.value("object")
    if not isinstance(value, Factor) and not _is_logical(value):
        raise args.error("object not interpretable as a factor: C() takes a factor, so write C(factor(x), ...)")
    f = as_factor(value)
    how_many = args.whole("how.many", 0.0) if args.get("how.many") is not None else None
    try:
        return attach(f, _wanted_contrast(args, f), how_many)
    except FormulaError as error:
        raise args.error(str(error)) from None


def _is_logical(value: Value) -> bool:
    return isinstance(value, Vector) and value.kind == "logical"


def _wanted_contrast(args: Arguments, f: Factor) -> str | Contrast:
    node = args.raw.get("contr")
    if node is None:
        return f.contrasts or ("contr.poly" if f.ordered else "contr.treatment")
    name = node.name if isinstance(node, Name) else node.value if isinstance(node, String) else None
    numbered = isinstance(node, Name) and name in CONTRAST_FUNCTIONS  # R calls a function with the number of levels
    if name is not None and f"contr.{name}" in CONTRAST_FUNCTIONS:
        name = f"contr.{name}"
    if name in CONTRAST_FUNCTIONS:
        options = {(k or "").replace(".", "_"): _data(args, v) for k, v in args.dots}
        return _called_contrast(args, name, len(f.levels), options) if options or numbered else name
    found = evaluate(node, args.env)
    if isinstance(found, Matrix):
        return as_contrast(Contrast(found.values, found.names), f.levels)
    if isinstance(found, Vector):
        return as_contrast(Contrast(found.values[:, None]), f.levels)
    raise args.error("invalid contrasts: give the name of a contrast function, or a matrix")


def _called_contrast(
    args: Arguments, name: str, L: int, options: dict[str, Value], levels: Sequence[str] | None = None
) -> Contrast:
    """A contrast function called with options: ``base`` or ``scores``."""
    n: int | Sequence[str] = levels if levels is not None else L
    if name == "contr.treatment" and set(options) <= {"base"}:
        base = as_double(options["base"]) if "base" in options else np.ones(1)
        if len(base) != 1 or not np.isfinite(base[0]):
            raise args.error("baseline group number out of range: 'base' is the number of a level")
        return CONTRAST_FUNCTIONS[name](n, int(base[0]))
    if name == "contr.poly" and set(options) <= {"scores"}:
        scores = options.get("scores")
        return CONTRAST_FUNCTIONS[name](n, as_double(scores).tolist() if scores is not None else None)
    if options:
        raise args.error(f"unused argument ({', '.join(options)}) of {name}()")
    return CONTRAST_FUNCTIONS[name](n)


@function(" ".join(CONTRAST_FUNCTIONS), "n", "...")
def _contrast_function(args: Arguments) -> Value:
    """A contrast matrix: ``n`` is the number of levels, or the levels."""
    n = args.value("n")
    labels = None if isinstance(n, Vector) and len(n) == 1 else [s or "NA" for s in as_strings(n)]
    L = len(labels) if labels is not None else args.whole("n", 0.0)
    options: dict[str, Value] = {}
    for place, (name, node) in enumerate(args.dots):
        formal = name or {"contr.treatment": "base", "contr.poly": "scores"}.get(str(args.node.function), f"..{place}")
        options[formal] = _data(args, node)
    contrast = _called_contrast(args, str(args.node.function), L, options, labels)
    return Matrix(contrast.matrix, contrast.names)


@function("dummy", "f", "levelsToKeep")
def _dummy(args: Arguments) -> Value:
    """lme4's ``dummy``: indicator columns of some levels, of all but the first by default."""
    value = args.value("f")
    f = value if isinstance(value, Factor) else as_factor(value)
    levels: tuple[str, ...] = args.learn(lambda: f.levels)
    codes, _ = match_levels(f, levels)
    if f.has_na():
        known = int((f.codes >= 0).sum())
        raise args.error(f"variable lengths differ (found for 'dummy'): {known}, not {len(f)}; f has missing values")
    keep = args.strings("levelsToKeep") or list(levels[1:])
    if not set(keep) & set(levels):
        raise args.error("at least some of the levels in f must also be present in levelsToKeep")
    columns = [(codes == levels.index(label)).astype(np.float64) for label in keep if label in levels]
    return Matrix(np.column_stack(columns), tuple(label for label in keep if label in levels))
