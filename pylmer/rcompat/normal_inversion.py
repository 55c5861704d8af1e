"""Normal deviates by inversion, many at a time, with the last bit that R gives.

R makes a normal deviate from two 32-bit words of the Mersenne-Twister: the 27 upper bits of the first and all bits of
the second make a probability, whose normal quantile is taken by Wichura's algorithm. Every operation below is one
IEEE operation of the published formula, in the order of Horner's scheme, so nothing but the logarithm of the platform
can change a bit. The work is done in blocks that stay in the processor's cache.

References
----------
Wichura, M. J. (1988). Algorithm AS 241: The percentage points of the normal distribution. *Applied Statistics* 37,
477-484 (routine PPND16).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from pylmer.rcompat.sampling import uniform

__all__ = ["BLOCK", "NormalInversion"]

Floats: TypeAlias = NDArray[np.float64]

BLOCK = 32768
"""Deviates made at a time: the three arrays of a step of Horner's scheme fit the second-level cache."""

# Coefficients from the highest power down: near the median, in the tails, in the far tails.
_CENTRE = (
    (
        2509.0809287301226727,
        33430.575583588128105,
        67265.770927008700853,
        45921.953931549871457,
        13731.693765509461125,
        1971.5909503065514427,
        133.14166789178437745,
        3.387132872796366608,
    ),
    (
        5226.495278852854561,
        28729.085735721942674,
        39307.89580009271061,
        21213.794301586595867,
        5394.1960214247511077,
        687.1870074920579083,
        42.313330701600911252,
        1.0,
    ),
)
_TAIL = (
    (
        7.7454501427834140764e-4,
        0.0227238449892691845833,
        0.24178072517745061177,
        1.27045825245236838258,
        3.64784832476320460504,
        5.7694972214606914055,
        4.6303378461565452959,
        1.42343711074968357734,
    ),
    (
        1.05075007164441684324e-9,
        5.475938084995344946e-4,
        0.0151986665636164571966,
        0.14810397642748007459,
        0.68976733498510000455,
        1.6763848301838038494,
        2.05319162663775882187,
        1.0,
    ),
)
_FAR_TAIL = (
    (
        2.01033439929228813265e-7,
        2.71155556874348757815e-5,
        0.0012426609473880784386,
        0.026532189526576123093,
        0.29656057182850489123,
        1.7848265399172913358,
        5.4637849111641143699,
        6.6579046435011037772,
    ),
    (
        2.04426310338993978564e-15,
        1.4215117583164458887e-7,
        1.8463183175100546818e-5,
        7.868691311456132591e-4,
        0.0148753612908506148525,
        0.13692988092273580531,
        0.59983220655588793769,
        1.0,
    ),
)


def _horner(coefficients: tuple[float, ...], x: Floats, out: Floats) -> None:
    np.multiply(x, coefficients[0], out)
    for coefficient in coefficients[1:-1]:
        np.add(out, coefficient, out)
        np.multiply(out, x, out)
    np.add(out, coefficients[-1], out)


def _tail_quantiles(p: Floats) -> Floats:
    """Give the absolute normal quantiles of tail probabilities `p`, all below 0.075."""
    # xlogy is a logarithm of the C library, as R's is; NumPy's own may differ from it in the last bit.
    depth = np.sqrt(xlogy(-1.0, p))
    numerator, denominator = np.empty_like(p), np.empty_like(p)
    x = depth - 1.6
    _horner(_TAIL[0], x, numerator)
    _horner(_TAIL[1], x, denominator)
    np.divide(numerator, denominator, numerator)
    if depth.max(initial=0.0) > 5.0:
        far = np.flatnonzero(depth > 5.0)
        numerator[far] = _far_tail(depth[far] - 5.0)
    return numerator


def _far_tail(x: Floats) -> Floats:
    numerator, denominator = np.empty_like(x), np.empty_like(x)
    _horner(_FAR_TAIL[0], x, numerator)
    _horner(_FAR_TAIL[1], x, denominator)
    return np.divide(numerator, denominator)


class NormalInversion:
    """Turns words of the Mersenne-Twister into normal deviates; owns the scratch memory for a block.

    Parameters
    ----------
    size : int
        The greatest number of deviates in a block.
    """

    def __init__(self, size: int = BLOCK) -> None:
        self._bits = np.empty(size, dtype=np.int64)
        self._p, self._q, self._r = np.empty((3, size))
        self._d = self._bits.view(np.float64)  # the bits are used up before the denominators are made
        self._tail = np.empty(size, dtype=np.bool_)

    def deviates(self, words: NDArray[np.uint64], out: Floats) -> None:
        """Turn words into standard normal deviates.

        Parameters
        ----------
        words : ndarray of shape (2 m,), uint64
            The words, below 2**32, as drawn; m at most the `size` of the block.
        out : ndarray of shape (m,), float64
            Takes the deviates.
        """
        p = self._p[: out.size]
        self._probabilities(words.view(np.int64), p)
        self.quantiles(p, out)

    def _probabilities(self, words: NDArray[np.int64], p: Floats) -> None:
        # (floor(2^27 u1) + u2) / 2^27 with u = word / 2^32. The integer 2^32 floor(2^27 u1) + 2^32 u2 has 59 bits;
        # making it a double rounds once, as R's addition does.
        bits = self._bits[: p.size]
        first, second = words[0::2], words[1::2]
        np.right_shift(first, 5, bits)
        np.left_shift(bits, 32, bits)
        np.bitwise_or(bits, second, bits)
        np.copyto(p, bits)
        np.multiply(p, 2.0**-59, p)
        if words.min(initial=1) == 0:
            zero = np.flatnonzero(second == 0)
            p[zero] = ((first[zero] >> 5) + uniform(second[zero])) * 2.0**-27

    def quantiles(self, p: Floats, out: Floats) -> None:
        """Take normal quantiles.

        Parameters
        ----------
        p : ndarray of shape (m,)
            Probabilities above 0 and below 1; m at most the `size` of the block.
        out : ndarray of shape (m,)
            Takes the quantiles.
        """
        m = p.size
        q, r, d = self._q[:m], self._r[:m], self._d[:m]
        np.subtract(p, 0.5, q)
        np.multiply(q, q, r)
        np.subtract(0.180625, r, r)
        _horner(_CENTRE[0], r, out)
        _horner(_CENTRE[1], r, d)
        np.multiply(out, q, out)
        np.divide(out, d, out)

        np.greater(np.abs(q, q), 0.425, self._tail[:m])
        tail = np.flatnonzero(self._tail[:m])
        lower = p.take(tail)
        upper = (0.5 - lower) + 0.5
        size = _tail_quantiles(np.minimum(lower, upper))
        out[tail] = np.copysign(size, lower - 0.5)
