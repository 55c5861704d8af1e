"""Factors as R makes them: levels in R's order, labels in R's spelling, codes counted from 0."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.rcompat.format import as_character

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Collation = str | Callable[[str], object]

__all__ = [
    "Collation",
    "Contrast",
    "Factor",
    "as_labels",
    "collation_key",
    "cross",
    "cross_all",
    "drop_unused",
    "factor_from_numbers",
    "factor_from_strings",
    "match_levels",
    "number_labels",
    "unique_numbers",
]

#: Combinations of up to so many levels are counted instead of sorted.
MOST_COUNTED = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """A contrast matrix attached to a factor: ``(L, c)`` values, and column names where it has some."""

    matrix: FloatArray
    names: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """R's factor.

    Parameters
    ----------
    codes
        ``(n,)`` position of each value among the levels, counted from 0; -1 is NA.
    levels
        Labels, in order.
    ordered
        Whether R would call it an ordered factor.
    contrasts
        R's attribute ``contrasts``: the name of a contrast function, or a matrix; None means R's default.
    """

    codes: IntArray
    levels: tuple[str, ...]
    ordered: bool = False
    contrasts: str | Contrast | None = None

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Factor:
        """The factor on some rows, all levels kept."""
        return replace(self, codes=self.codes[rows])

    def has_na(self) -> bool:
        """Whether some value is missing."""
        return bool(len(self.codes)) and bool(self.codes.min() < 0)

    def labels(self) -> NDArray[np.object_]:
        """``(n,)`` the label of each value, None where missing."""
        return np.array([*self.levels, None], dtype=object)[self.codes]


def collation_key(collation: Collation) -> Callable[[str], object] | None:
    """Sorting key of a collation: ``"C"`` (code points), ``"en"`` (as R in a UTF-8 locale sorts), or a key function."""
    if callable(collation):
        return collation
    if collation == "C":
        return None
    if collation == "en":
        return _english_key
    raise ValueError(f"unknown collation {collation!r}: use 'C', 'en' or a key function")


def _english_key(label: str) -> tuple[tuple[tuple[int, str], ...], str, str]:
    """Punctuation, digits, letters without regard to case and accent; then accents; then small before capital."""
    plain = unicodedata.normalize("NFD", label)
    base = tuple(
        (2 if c.isalpha() else 1 if c.isdigit() else 0, c.casefold()) for c in plain if not unicodedata.combining(c)
    )
    return base, "".join(c for c in plain if unicodedata.combining(c)), plain.swapcase()


def _sorted(labels: Iterable[str], collation: Collation) -> list[str]:
    return sorted(labels, key=collation_key(collation))  # type: ignore[arg-type]


def factor_from_strings(values: object, collation: Collation = "C") -> Factor:
    """``factor(x)`` of strings.

    Parameters
    ----------
    values
        ``(n,)`` strings; None (or another missing value) is NA.
    collation
        How levels are sorted: ``"C"`` by code point, ``"en"`` as R does in a UTF-8 locale, or a key function.
    """
    codes, uniques = pd.factorize(values)  # type: ignore[call-overload]
    return _in_order(np.asarray(codes, dtype=np.intp), [str(u) for u in uniques], collation)


def _in_order(codes: IntArray, uniques: list[str], collation: Collation) -> Factor:
    levels = _sorted(uniques, collation)
    if levels == uniques:
        return Factor(codes, tuple(levels))
    where = {label: i for i, label in enumerate(levels)}
    lookup = np.array([where[u] for u in uniques] + [-1], dtype=np.intp)
    return Factor(lookup[codes], tuple(levels))


def factor_from_numbers(values: FloatArray, integer: bool = False) -> Factor:
    """``factor(x)`` of numbers: levels in numeric order, labelled with at most 15 significant digits; NaN is NA.

    Parameters
    ----------
    values
        ``(n,)`` numbers.
    integer
        Whether they are R integers, whose labels never are scientific (``"100000"``, not ``"1e+05"``).
    """
    uniques, codes = unique_numbers(values)
    labels = number_labels(uniques, integer)
    levels = tuple(dict.fromkeys(labels))
    if len(levels) < len(labels):  # numbers that agree in 15 digits are one level
        where = {label: i for i, label in enumerate(levels)}
        lookup = np.array([where[label] for label in labels] + [-1], dtype=np.intp)
        codes = lookup[codes]
    return Factor(codes, levels)


def number_labels(values: FloatArray, integer: bool = False) -> list[str]:
    """``as.character(x)`` of numbers without NA; R integers are never written in scientific notation."""
    if integer:
        return [str(int(v)) for v in values.tolist()]
    return [str(int(v)) if v == np.floor(v) and -1e5 < v < 1e5 else as_character([v])[0] for v in values.tolist()]


def unique_numbers(values: FloatArray) -> tuple[FloatArray, IntArray]:
    """Sorted distinct values ``(u,)`` and the position of each value among them, -1 for NaN."""
    small = _unique_small_integers(values)
    if small is not None:
        return small
    missing = np.isnan(values)
    if not missing.any():
        uniques, codes = np.unique(values, return_inverse=True)
        return uniques, codes.astype(np.intp, copy=False)
    uniques, present = np.unique(values[~missing], return_inverse=True)
    codes = np.full(len(values), -1, dtype=np.intp)
    codes[~missing] = present
    return uniques, codes


def _unique_small_integers(values: FloatArray) -> tuple[FloatArray, IntArray] | None:
    """The same by counting, where the values are whole numbers in a narrow range; None where they are not."""
    n = len(values)
    if n < 32:
        return None
    low, high = values.min(), values.max()
    if not (high - low < 4 * n + 1000):  # also catches NaN
        return None
    shifted = values - low
    offsets = shifted.astype(np.intp)
    if low != np.floor(low) or not np.array_equal(offsets, shifted):
        return None
    present = np.flatnonzero(np.bincount(offsets))
    lookup = np.empty(int(high - low) + 1, dtype=np.intp)
    lookup[present] = np.arange(len(present))
    return present + low, lookup[offsets]


def as_labels(values: object) -> tuple[str, ...]:
    """Level labels from whatever a table keeps as categories: strings as they are, numbers as R prints them."""
    out = []
    for v in values:  # type: ignore[attr-defined]
        if isinstance(v, str):
            out.append(v)
        elif isinstance(v, (bool, np.bool_)):
            out.append("TRUE" if v else "FALSE")
        elif isinstance(v, (int, np.integer)):
            out.append(str(int(v)))
        elif isinstance(v, (float, np.floating)):
            out.append(as_character([float(v)])[0])
        else:
            out.append(str(v))
    return tuple(out)


def drop_unused(f: Factor) -> Factor:
    """The factor without the levels that no row has; the same object where every level is used."""
    L = len(f.levels)
    try:
        counts = np.bincount(f.codes, minlength=L)
    except ValueError:  # some are missing
        counts = np.bincount(f.codes[f.codes >= 0], minlength=L)
    if np.count_nonzero(counts) == L:
        return f
    used = counts > 0
    lookup = np.full(L + 1, -1, dtype=np.intp)
    lookup[:-1][used] = np.arange(int(used.sum()))
    levels = tuple(label for label, keep in zip(f.levels, used, strict=True) if keep)
    return Factor(lookup[f.codes], levels, f.ordered, None)


def cross(a: Factor, b: Factor) -> Factor:
    """The interaction ``a:b`` as a grouping factor: the combinations met, ``a`` varying slowest, labels ``"la:lb"``."""
    J = len(b.levels)
    few = len(a.levels) * J <= min(MOST_COUNTED, 4 * len(a.codes))
    if few and len(a.codes) and a.codes.min() >= 0 and b.codes.min() >= 0:
        return _cross_by_counting(a, b)
    missing = (a.codes < 0) | (b.codes < 0)
    pair = np.where(missing, -1, a.codes * J + b.codes)
    any_missing = bool(missing.any())
    uniques, codes = np.unique(pair, return_inverse=True)
    codes = codes.astype(np.intp, copy=False)
    if any_missing:
        uniques, codes = uniques[1:], codes - 1
    levels = tuple(f"{a.levels[u // J]}:{b.levels[u % J]}" for u in uniques.tolist())
    return Factor(codes, levels)


def _cross_by_counting(a: Factor, b: Factor) -> Factor:
    """The same where there are few combinations and no missing values: none is sorted."""
    pair = a.codes * len(b.levels) + b.codes
    total = len(a.levels) * len(b.levels)
    met = np.bincount(pair, minlength=total) > 0
    labels = _pairs_of_labels(a.levels, b.levels)
    if np.count_nonzero(met) == total:
        return Factor(pair, labels)
    present = met.nonzero()[0]
    lookup = np.empty(total, dtype=np.intp)
    lookup[present] = np.arange(len(present))
    return Factor(lookup.take(pair), tuple([labels[u] for u in present.tolist()]))


@lru_cache(maxsize=64)
def _pairs_of_labels(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    """``"la:lb"`` of all combinations, the first varying slowest."""
    return tuple([f"{a}:{b}" for a in first for b in second])


def cross_all(factors: Sequence[Factor]) -> Factor:
    """``a:b:c...`` of one or more factors, from the left."""
    out = factors[0]
    for f in factors[1:]:
        out = cross(out, f)
    return out


def match_levels(f: Factor, levels: Sequence[str]) -> tuple[IntArray, tuple[str, ...]]:
    """Codes of ``f`` among other levels (-1 where unknown), and the unknown labels in use, in the order of ``f``."""
    if f.levels == tuple(levels):
        return f.codes, ()
    where = {label: i for i, label in enumerate(levels)}
    lookup = np.array([where.get(label, -1) for label in f.levels] + [-1], dtype=np.intp)
    unknown = np.flatnonzero(lookup[:-1] < 0)
    if len(unknown):
        used = set(np.unique(f.codes).tolist())
        new = tuple(f.levels[i] for i in unknown.tolist() if i in used)
    else:
        new = ()
    return lookup[f.codes], new
