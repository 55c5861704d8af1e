"""Gauss-Hermite rules in one and more dimensions: lme4's ``GHrule``, ``GQdk`` and ``GQN``, computed."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import pandas as pd
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray

from pylmer.errors import ModelError

FloatArray = NDArray[np.float64]

__all__ = ["GQN", "GHrule", "GQdk"]

#: Largest accuracy of each dimension 1, 2, ... in lme4's table.
ACCURACIES = (25, 25, 25, 20, 14, 12, 10, 9, 8, 7, 6, 6, 6, 5, 5, 5, 5, 5, 5, 5)
#: Most points of an expanded rule.
MOST_POINTS = 5_000_000


def GHrule(ord: int, asMatrix: bool = True) -> pd.DataFrame:
    """Gauss-Hermite rule for expectations of a standard normal variable.

    Parameters
    ----------
    ord
        Number of points, 0 to 100.
    asMatrix
        Rows without names (R's matrix), or numbered from 1 (R's data frame).

    Returns
    -------
    DataFrame
        ``(ord, 3)``: ``z`` (points, increasing), ``w`` (weights, sum 1), ``ldnorm`` (log density of a standard normal
        at ``z``).

    Raises
    ------
    ModelError
        A number of points below 0 or above 100.

    Examples
    --------
    >>> rule = GHrule(5)
    >>> round(float((rule["w"] * rule["z"] ** 4).sum()), 12)
    3.0
    """
    order = int(ord)
    if not 0 <= order <= 100:
        raise ModelError(f"ord < 101L is not TRUE: ord={ord!r}; give a whole number from 0 to 100")
    z, w = _rule(order) if order else (np.empty(0), np.empty(0))
    frame = pd.DataFrame({"z": z, "w": w, "ldnorm": -0.5 * (z**2 + math.log(2 * math.pi))})
    if not asMatrix:
        frame.index = pd.RangeIndex(1, order + 1)
    return frame


def GQdk(d: int = 1, k: int = 1) -> FloatArray:
    """Sparse Gauss-Hermite rule of d dimensions, exact for polynomials of total degree 2k - 1 (Smolyak's).

    Parameters
    ----------
    d
        Dimensions, 1 to 20.
    k
        Accuracy; how large it may be depends on d as in lme4 (25 for up to 3 dimensions, 5 for 20).

    Returns
    -------
    ndarray
        ``(points, d + 1)``: the weight, then the coordinates; points in lexicographic order (lme4 has the same points
        in another order).

    Raises
    ------
    ModelError
        A dimension or an accuracy that lme4's table does not have.

    Notes
    -----
    Heiss, F. & Winschel, V. (2008), Journal of Econometrics 144, 62-80.

    Examples
    --------
    >>> rule = GQdk(2, 3)
    >>> rule.shape, round(float((rule[:, 0] * rule[:, 1] ** 2 * rule[:, 2] ** 2).sum()), 12)
    ((13, 3), 1.0)
    """
    _known(d, k)
    compressed = GQN[d - 1][k - 1]
    size = sum(_arrangements(point) * 2 ** sum(x > 0 for x in point) for point in compressed[:, 1:])
    if size > MOST_POINTS:
        raise ModelError(f"GQdk({d}, {k}) has {size} points, more than {MOST_POINTS}")
    rows = [(weight, *point) for weight, *z in compressed.tolist() for point in _signed(z)]
    return np.array(sorted(rows, key=lambda row: row[1:]))


class _OfDimension(Sequence[FloatArray]):
    """The rules of one dimension, by accuracy from 1 (position 0), each computed when asked for."""

    def __init__(self, d: int) -> None:
        self.d = d

    def __len__(self) -> int:
        return ACCURACIES[self.d - 1]

    def __getitem__(self, k):  # type: ignore[no-untyped-def]
        if isinstance(k, slice):
            return [self[i] for i in range(*k.indices(len(self)))]
        if not -len(self) <= k < len(self):
            raise IndexError(
                f"accuracies of dimension {self.d} go from 1 to {len(self)}: positions 0 to {len(self) - 1}"
            )
        return _compressed(self.d, k % len(self) + 1).copy()


GQN: Sequence[Sequence[FloatArray]] = tuple(_OfDimension(d + 1) for d in range(len(ACCURACIES)))
"""Rules without their mirror images: ``GQN[d - 1][k - 1]`` is R's ``GQN[[d]][[k]]``, weight and rising coordinates."""


@cache
def _rule(n: int) -> tuple[FloatArray, FloatArray]:
    z, w = hermegauss(n)
    z[n // 2] = 0.0 if n % 2 else z[n // 2]
    return z, w / w.sum()


@cache
def _compressed(d: int, k: int) -> FloatArray:
    """Points whose coordinates increase and are not negative, with the weight of each."""
    weights: defaultdict[tuple[int, ...], float] = defaultdict(float)
    nodes: dict[int, float] = {0: 0.0}
    for level in range(max(0, k - d), k):
        sign = (-1) ** (k - 1 - level) * math.comb(d - 1, k - 1 - level)
        for excess in _partitions(level, d):
            sizes = [1 + e for e in excess]
            orders = math.factorial(d)
            for count in Counter([*sizes, *[1] * (d - len(sizes))]).values():
                orders //= math.factorial(count)
            half = [_half(size) for size in sizes]
            for chosen in itertools.product(*half):
                key = tuple(sorted(round(z * 1e10) for z, _ in chosen))
                nodes.update((round(z * 1e10), z) for z, _ in chosen)
                weights[(0,) * (d - len(key)) + key] += sign * orders * math.prod(w for _, w in chosen)
    rows = [[w / _arrangements(key), *(nodes[x] for x in key)] for key, w in sorted(weights.items())]
    return np.array([row for row in rows if abs(row[0]) > 0.0])


@cache
def _half(n: int) -> tuple[tuple[float, float], ...]:
    """Points of a rule that are not negative."""
    z, w = _rule(n)
    return tuple((float(a), float(b)) for a, b in zip(z, w, strict=True) if a >= 0.0)


def _partitions(total: int, parts: int, largest: int | None = None) -> Iterator[tuple[int, ...]]:
    """Ways to write a number as a sum of at most so many numbers, the largest first."""
    if total == 0:
        yield ()
    elif parts:
        for first in range(min(total, largest or total), 0, -1):
            for rest in _partitions(total - first, parts - 1, first):
                yield (first, *rest)


def _arrangements(point: Sequence[float] | FloatArray) -> int:
    """In how many orders the coordinates can stand."""
    out = math.factorial(len(point))
    for count in Counter(list(point)).values():
        out //= math.factorial(count)
    return out


def _signed(z: Sequence[float]) -> Iterator[tuple[float, ...]]:
    """All orders and signs of the coordinates."""
    for order in _orders(tuple(sorted(z))):
        yield from itertools.product(*((x,) if x == 0 else (-x, x) for x in order))


def _orders(z: tuple[float, ...]) -> Iterator[tuple[float, ...]]:
    """Different orders of values some of which are equal."""
    if not z:
        yield ()
    for x in sorted(set(z)):
        rest = list(z)
        rest.remove(x)
        for other in _orders(tuple(rest)):
            yield (x, *other)


def _known(d: int, k: int) -> None:
    if not 1 <= d <= len(ACCURACIES):
        raise ModelError(f"d <= 20L is not TRUE: d={d!r}; give 1 to {len(ACCURACIES)}")
    if not 1 <= k <= ACCURACIES[d - 1]:
        raise ModelError(f"k <= length(GQNd <- GQN[[d]]) is not TRUE: k={k!r}; for d={d} give 1 to {ACCURACIES[d - 1]}")
