"""Indices drawn at random as R's ``sample.int`` draws them, from the words of a generator.

A generator is a function: ``words(n)`` gives the next n words of 32 bits. No function here ever asks for a word that
R would not have used, so the generator is left where R leaves it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["SampleKind", "Words", "sample_index", "uniform"]

Words: TypeAlias = Callable[[int], NDArray[np.uint64]]
SampleKind: TypeAlias = Literal["Rejection", "Rounding"]

_MAX_INT = 2**31 - 1
_SMALLEST = 0.5 * 2.328306437080797e-10


def uniform(words: NDArray[np.uint64] | NDArray[np.int64]) -> NDArray[np.float64]:
    """Make uniform deviates of words; the word 0 gives what R gives for it, a number just above 0."""
    u = np.multiply(words.view(np.int64), 2.0**-32, dtype=np.float64)
    u[u == 0.0] = _SMALLEST
    return u


def sample_index(words: Words, kind: SampleKind, n: int, size: int, replace: bool) -> NDArray[np.int64]:
    """Draw `size` indices from 0, 1, ..., n - 1.

    Parameters
    ----------
    words : callable
        The generator.
    kind : {"Rejection", "Rounding"}
        R's ``sample.kind``.
    n, size : int
        `size` is at most `n` unless `replace` is true.
    replace : bool
        Whether an index may be drawn again.

    Returns
    -------
    ndarray of shape (size,), int64
    """
    if replace or size < 2:
        return _with_replacement(words, kind, n, size)
    if n > 1e7 and size <= n / 2:
        return _distinct(words, kind, n, size)
    return _shuffled(words, kind, n, size)


def _bits(bound: int) -> int:
    return math.ceil(math.log2(bound))


def _attempts(words: Words, kind: SampleKind, bound: int, m: int) -> NDArray[np.int64]:
    """Make m attempts at an index below `bound`; those of the kind "Rejection" may miss."""
    if kind == "Rounding":
        if bound <= _MAX_INT:
            return np.floor(bound * uniform(words(m))).astype(np.int64)
        u = uniform(words(2 * m)).reshape(m, 2)
        return np.floor(bound * ((np.floor(u[:, 0] * 2.0**25) + u[:, 1]) / 2.0**25)).astype(np.int64)
    bits = _bits(bound)
    chunks = (words(m * (bits // 16 + 1)) >> np.uint64(16)).astype(np.int64).reshape(m, -1)
    value = chunks[:, 0]
    for i in range(1, chunks.shape[1]):
        value = (value << 16) | chunks[:, i]
    return value & ((1 << bits) - 1)


def _with_replacement(words: Words, kind: SampleKind, n: int, size: int) -> NDArray[np.int64]:
    # Every index takes at least one attempt, so making one for each that is missing never makes too many.
    drawn = [np.empty(0, dtype=np.int64)]
    missing = size
    while missing:
        attempts = _attempts(words, kind, n, missing)
        drawn.append(attempts[attempts < n])
        missing -= drawn[-1].size
    return np.concatenate(drawn)


def _distinct(words: Words, kind: SampleKind, n: int, size: int) -> NDArray[np.int64]:
    """Draw with replacement and pass over what was drawn before: R's way when there are very many indices."""
    seen: dict[int, None] = {}
    while len(seen) < size:
        seen.update(dict.fromkeys(_with_replacement(words, kind, n, size - len(seen)).tolist()))
    return np.fromiter(seen, dtype=np.int64, count=size)


def _shuffled(words: Words, kind: SampleKind, n: int, size: int) -> NDArray[np.int64]:
    """Draw from the indices that are left, the last of which takes the place of the one drawn."""
    pool, drawn = list(range(n)), []
    last = n
    for i in _falling_indices(words, kind, n, size):
        last -= 1
        drawn.append(pool[i])
        pool[i] = pool[last]
    return np.array(drawn, dtype=np.int64)


def _falling_indices(words: Words, kind: SampleKind, n: int, size: int) -> Iterator[int]:
    """Draw an index below n, one below n - 1, and so on: `size` of them."""
    if kind == "Rounding":
        yield from np.floor(np.arange(n, n - size, -1) * uniform(words(size))).astype(np.int64).tolist()
        return
    bound, end = n, n - size
    while bound > end:
        # While the number of bits is the same all attempts look alike, and each index takes at least one.
        same_bits = bound - max(end, (1 << _bits(bound)) >> 1)
        for attempt in _attempts(words, kind, bound, same_bits).tolist():
            if attempt < bound:
                yield attempt
                bound -= 1
