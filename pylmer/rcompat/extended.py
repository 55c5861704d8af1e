"""Extended precision (a significand of 64 bits), in which R scales by powers of ten; exact on every platform."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

__all__ = ["extended", "power_of_ten"]

_EXACT = 27  # 10**27 is the largest power of ten with a significand of 64 bits


def extended(x: Fraction) -> Fraction:
    """Round x >= 0 to a significand of 64 bits, ties to even."""
    if x == 0:
        return x
    shift = x.numerator.bit_length() - x.denominator.bit_length() - 64
    scaled = x / Fraction(2) ** shift
    if scaled >= 2**64:
        shift, scaled = shift + 1, scaled / 2
    elif scaled < 2**63:
        shift, scaled = shift - 1, scaled * 2
    return round(scaled) * Fraction(2) ** shift


@lru_cache(maxsize=1024)
def power_of_ten(k: int) -> Fraction:
    """10^k in extended precision."""
    exact = Fraction(10) ** k
    return exact if 0 <= k <= _EXACT else extended(exact)
