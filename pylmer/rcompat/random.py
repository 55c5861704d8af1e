"""R's random numbers: Mersenne-Twister, normal deviates by inversion, ``sample``; equal seeds give equal numbers.

A stream is an object, `RStream`; one stream of the process stands in for R's global one, and the functions `set_seed`,
`runif`, `rnorm` and `sample` use it.
"""

from __future__ import annotations

import math
import secrets
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pylmer.errors import DataError, RWarning
from pylmer.rcompat.normal_inversion import BLOCK, NormalInversion
from pylmer.rcompat.sampling import SampleKind, sample_index, uniform

__all__ = ["RStream", "default_stream", "rnorm", "runif", "sample", "set_seed"]

Floats: TypeAlias = NDArray[np.float64]
_WORDS = 624
_KIND = {"Rejection": 10403, "Rounding": 403}
_MAX_INT = 2**31 - 1


@cache
def _scrambler() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Give (a, c) so that step 52, 53, ..., 675 of s -> 69069 s + 1 (mod 2**32) is a s + c."""
    a, c, steps = 1, 0, []
    for _ in range(51 + _WORDS):
        a, c = 69069 * a % 2**32, (69069 * c + 1) % 2**32
        steps.append((a, c))
    # Fifty steps scramble the seed; the fifty-first would fill the counter, which is set to "used up" instead.
    table = np.array(steps[51:], dtype=np.uint32)
    return table[:, 0], table[:, 1]


def _check_seed(seed: int) -> int:
    try:
        value = math.trunc(seed)
    except (TypeError, ValueError, OverflowError):
        value = 2**31
    if abs(value) > _MAX_INT:
        raise DataError(
            f"supplied seed is not a valid integer: {seed!r}; give a whole number between {-_MAX_INT} and {_MAX_INT}"
        )
    return value


def _check_count(n: int) -> int:
    if n < 0:
        raise DataError(f"invalid arguments: {n} random numbers asked for; give a number of at least 0")
    return int(n)


class RStream:
    """A stream of R's random numbers.

    Parameters
    ----------
    seed : int or None, default None
        What R's ``set.seed`` takes; None takes the seed from the operating system.
    sample_kind : {"Rejection", "Rounding"}, default "Rejection"
        How `sample` makes an index; "Rounding" is that of R before 3.6.0.

    Notes
    -----
    A stream is a sequence: one thread may draw from it at a time.

    Examples
    --------
    >>> from pylmer.rcompat.random import RStream
    >>> RStream(42).sample(10).tolist()
    [1, 5, 10, 8, 2, 4, 6, 9, 7, 3]
    """

    def __init__(self, seed: int | None = None, sample_kind: SampleKind = "Rejection") -> None:
        self._twister = np.random.MT19937(0)
        self._inversion: NormalInversion | None = None
        self._kind: SampleKind = "Rejection"
        self.set_seed(seed, sample_kind)

    def set_seed(self, seed: int | None, sample_kind: SampleKind | None = None) -> None:
        """Start anew, as R's ``set.seed(seed, sample.kind = )`` does.

        Parameters
        ----------
        seed : int or None
            None takes the seed from the operating system.
        sample_kind : {"Rejection", "Rounding"}, optional
            None keeps the kind in use.

        Raises
        ------
        DataError
            If the seed is not a whole number of 32 bits with a sign.
        """
        if sample_kind is not None:
            self._set_kind(sample_kind)
        value = secrets.randbits(32) if seed is None else _check_seed(seed)
        a, c = _scrambler()
        self._set_key(a * np.uint32(value % 2**32) + c, _WORDS)

    def _set_kind(self, kind: SampleKind) -> None:
        if kind not in _KIND:
            raise DataError(f"'{kind}' is not a valid choice: sample_kind is one of {', '.join(_KIND)}")
        if kind == "Rounding":
            warnings.warn("non-uniform 'Rounding' sampler used", RWarning, stacklevel=4)
        self._kind = kind

    def _set_key(self, key: NDArray[np.uint32], position: int) -> None:
        self._twister.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": position}}

    @property
    def random_seed(self) -> NDArray[np.int32]:
        """The state, as R's ``.Random.seed``: an array of shape (626,); set it to go back to that state."""
        state: Any = self._twister.state["state"]
        head = np.array([_KIND[self._kind], state["pos"]], dtype=np.int32)
        return np.concatenate([head, np.asarray(state["key"], dtype=np.uint32).view(np.int32)])

    @random_seed.setter
    def random_seed(self, value: ArrayLike) -> None:
        state = np.asarray(value, dtype=np.int32)
        kinds = {code: kind for kind, code in _KIND.items()}
        if state.shape != (_WORDS + 2,) or int(state[0]) not in kinds or not 0 <= state[1] <= _WORDS:
            raise DataError(
                f"not a state of R's Mersenne-Twister: {state.size} numbers that begin {state[:2].tolist()}; "
                f"give {_WORDS + 2} that begin with one of {sorted(kinds)} and a position from 0 to {_WORDS}"
            )
        self._kind = kinds[int(state[0])]  # type: ignore[assignment]
        self._set_key(np.ascontiguousarray(state[2:]).view(np.uint32), int(state[1]))

    def copy(self) -> RStream:
        """Make a stream that goes on from the same state."""
        other = RStream(0)
        other._kind = self._kind
        other._twister.state = self._twister.state
        return other

    def _words(self, n: int) -> NDArray[np.uint64]:
        words: NDArray[np.uint64] = self._twister.random_raw(n)
        return words

    def runif(self, n: int, min: float = 0.0, max: float = 1.0) -> Floats:
        """Draw from the uniform distribution, ends excluded.

        Parameters
        ----------
        n : int
            How many.
        min, max : float, default 0 and 1
            The ends; equal ends give that number and draw nothing, as in R.

        Returns
        -------
        ndarray of shape (n,)
        """
        n = _check_count(n)
        if min == max:
            return np.full(n, float(min))
        if not (math.isfinite(min) and math.isfinite(max) and min < max):
            return self._not_a_number(n)
        return min + (max - min) * uniform(self._words(n))

    def rnorm(self, n: int | None = None, mean: float = 0.0, sd: float = 1.0, out: Floats | None = None) -> Floats:
        """Draw from the normal distribution.

        Parameters
        ----------
        n : int, optional
            How many; may be left out if `out` is given.
        mean, sd : float, default 0 and 1
            Mean and standard deviation; ``sd=0`` gives the mean and draws nothing, as in R.
        out : ndarray, float64, C-contiguous, optional
            Takes the numbers in the order in which they are drawn. To fill what R calls a matrix by column, give an
            array of shape (columns, rows).

        Returns
        -------
        ndarray
            `out`, or a new array of shape (n,).
        """
        if out is None:
            out = np.empty(_check_count(0 if n is None else n))
        elif not out.flags.c_contiguous or out.dtype != np.float64 or n not in (None, out.size):
            raise DataError(
                f"cannot draw {out.size if n is None else n} numbers into an array of shape {out.shape}, dtype "
                f"{out.dtype}: give a C-contiguous float64 array of as many elements"
            )
        if not (math.isfinite(mean) and sd >= 0.0):
            out[...] = self._not_a_number(1)
        elif sd == 0.0:
            out[...] = mean
        else:
            self._standard_normals(out.reshape(-1))
            if sd != 1.0:
                np.multiply(out, sd, out)
            if mean != 0.0:
                np.add(out, mean, out)
        return out

    def _standard_normals(self, out: Floats) -> None:
        if self._inversion is None:
            self._inversion = NormalInversion()
        for start in range(0, out.size, BLOCK):
            block = out[start : start + BLOCK]
            self._inversion.deviates(self._words(2 * block.size), block)

    def rnorm_blocks(self, total: int, block: int) -> Iterator[Floats]:
        """Draw standard normal deviates block by block, for those who need not hold them all.

        Parameters
        ----------
        total : int
            How many in all.
        block : int
            How many at a time; the last block is shorter if it must be.

        Yields
        ------
        ndarray of shape (block,)
            The next deviates, in memory that the next block takes again.
        """
        buffer = np.empty(min(_check_count(total), block))
        for start in range(0, total, block):
            yield self.rnorm(out=buffer[: total - start])

    def _not_a_number(self, n: int) -> Floats:
        if n:
            warnings.warn("NAs produced", RWarning, stacklevel=3)
        return np.full(n, np.nan)

    def sample(self, x: int | ArrayLike, size: int | None = None, replace: bool = False) -> NDArray[Any]:
        """Draw elements at random, all equally likely.

        Parameters
        ----------
        x : int or array_like of shape (n,)
            What to draw from; a whole number n stands for 1, 2, ..., n. Unlike in R, an array of one number stands
            for that number.
        size : int, optional
            How many; as many as there are if left out.
        replace : bool, default False
            Whether an element may be drawn again.

        Returns
        -------
        ndarray of shape (size,)

        Raises
        ------
        DataError
            If there are too few elements to draw from.
        """
        if isinstance(x, (int, np.integer)):
            n, elements = int(x), None
        else:
            elements = np.asarray(x)
            n = elements.size
        size = n if size is None else _check_count(size)
        if n < 0 or n >= 2**52 or (n == 0 and size > 0):
            raise DataError(f"invalid first argument: cannot take {size} elements from {n}")
        if size > n and not replace:
            raise DataError(
                "cannot take a sample larger than the population when 'replace = FALSE': "
                f"{size} of {n} elements asked for; ask for fewer, or give replace=True"
            )
        index = sample_index(self._words, self._kind, n, size, replace)
        return index + 1 if elements is None else elements[index]


_default: RStream | None = None


def default_stream() -> RStream:
    """Give the stream of the process, seeded by the operating system unless `set_seed` was called."""
    global _default
    if _default is None:
        _default = RStream()
    return _default


def set_seed(seed: int | None, sample_kind: SampleKind | None = None) -> None:
    """Start the stream of the process anew: R's ``set.seed``. See `RStream.set_seed`.

    Examples
    --------
    >>> from pylmer.rcompat.random import rnorm, set_seed
    >>> set_seed(42)
    >>> print(rnorm(3).round(6))
    [ 1.370958 -0.564698  0.363128]
    """
    default_stream().set_seed(seed, sample_kind)


def runif(n: int, min: float = 0.0, max: float = 1.0) -> Floats:
    """Draw from the uniform distribution with the stream of the process. See `RStream.runif`."""
    return default_stream().runif(n, min, max)


def rnorm(n: int | None = None, mean: float = 0.0, sd: float = 1.0, out: Floats | None = None) -> Floats:
    """Draw from the normal distribution with the stream of the process. See `RStream.rnorm`."""
    return default_stream().rnorm(n, mean, sd, out)


def sample(x: int | ArrayLike, size: int | None = None, replace: bool = False) -> NDArray[Any]:
    """Draw elements at random with the stream of the process. See `RStream.sample`."""
    return default_stream().sample(x, size, replace)
