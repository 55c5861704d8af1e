"""R's format() for numbers: as few digits as show every element to a number of significant digits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from pylmer.rcompat.extended import extended, power_of_ten
from pylmer.rcompat.options import current_options

__all__ = [
    "NumberFormat",
    "as_character",
    "common_format",
    "format_logical",
    "format_numbers",
    "format_strings",
    "pad",
    "significant",
]

_DOUBLE_DIGITS = 15
_SHOWN = 20  # digits looked at by the fast path
_NEAR_TIE = 400  # in units of the last of them: wider than the rounding error of extended precision


def _scaled(x: Fraction, k: int) -> Fraction:
    """x / 10^k in extended precision, as R computes it: small powers multiply, large ones divide."""
    if k == 0:
        return x
    if abs(k) < 10:
        return extended(x / power_of_ten(k) if k > 0 else x * power_of_ten(-k))
    if k <= -308:
        return extended(extended(x * extended(Fraction(10) ** 303)) / power_of_ten(k + 303))
    return extended(x / power_of_ten(k))


def _tie_digits(x: float, digits: int) -> tuple[int, int]:
    """The significand of x > 0 as an integer of `digits` digits, and its exponent, where x is close to a tie."""
    value = Fraction(x)
    k = math.floor(math.log10(x)) - digits + 1
    scaled = _scaled(value, k)
    if scaled < 10 ** (digits - 1):
        scaled, k = extended(scaled * 10), k - 1
    return round(scaled), k + digits - 1


@lru_cache(maxsize=65536)
def significant(x: float, digits: int) -> tuple[int, int]:
    """Decimal exponent of x when rounded to `digits` significant digits, and how many of them are needed.

    Parameters
    ----------
    x
        A finite number above 0.
    digits
        From 1 to 22. Up to 15 the rounding is that of R, which scales in extended precision; beyond, it is exact.

    Returns
    -------
    tuple of int
        ``(exponent, needed)``: 1234.5 with 7 digits has exponent 3 and needs 5.
    """
    if digits > _DOUBLE_DIGITS:
        mantissa, _, exponent = f"{x:.{digits - 1}e}".partition("e")
        return int(exponent), max(1, len(mantissa.replace(".", "").rstrip("0")))
    mantissa, _, exponent = f"{x:.{_SHOWN - 1}e}".partition("e")
    shown = mantissa[0] + mantissa[2:]
    unit = 10 ** (_SHOWN - digits)
    power = int(exponent)
    head, tail = divmod(int(shown), unit)
    if abs(tail - unit // 2) <= _NEAR_TIE:
        head, power = _tie_digits(x, digits)
    elif tail > unit // 2:
        head += 1
    if head >= 10**digits:
        head, power = head // 10, power + 1
    return power, max(1, len(str(head).rstrip("0")))


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """One layout for all elements of a vector.

    Parameters
    ----------
    width
        Characters of every element.
    decimals
        Digits after the point.
    scientific
        Whether there is an exponent.
    na
        What a NaN is called.
    """

    width: int
    decimals: int
    scientific: bool
    na: str = "NA"

    def text(self, x: float) -> str:
        """The number in this layout, not padded."""
        if math.isnan(x):
            return self.na
        if math.isinf(x):
            return "Inf" if x > 0 else "-Inf"
        return f"{x + 0.0:.{self.decimals}{'e' if self.scientific else 'f'}}"

    def encode(self, x: float) -> str:
        """The number in this layout, padded on the left to the common width."""
        return self.text(x).rjust(self.width)


def _fixed_left(x: float, exponent: int, digits: int) -> int:
    """Characters before the point in fixed notation, sign not counted."""
    if exponent > digits and x < 10**exponent - 0.5:
        exponent -= 1  # 99996 to three digits is 1e5, but its integer part still has five
    return max(1, exponent + 1)


def common_format(
    x: Iterable[float], digits: int | None = None, nsmall: int = 0, na: str = "NA", scipen: int | None = None
) -> NumberFormat:
    """Find the layout in which R prints a numeric vector.

    Fixed notation is taken unless it is wider than scientific notation by more than the option ``scipen``; the number
    of digits is the smallest with which every element shows to `digits` significant digits.

    Parameters
    ----------
    x
        The numbers.
    digits
        Significant digits; default the option ``digits``.
    nsmall
        In fixed notation, at least so many digits after the point.
    na
        What a NaN is called.
    scipen
        Default the option.
    """
    settings = current_options()
    digits = settings.digits if digits is None else digits
    scipen = settings.scipen if scipen is None else scipen
    special = 0
    negative = False
    left = decimals = needed = 0
    low, high = 999, -999
    for v in x:
        if not math.isfinite(v):
            special = max(special, len(na) if math.isnan(v) else 3 + (v < 0))
            continue
        a = abs(v)
        exponent, count = significant(a, digits) if a else (0, 1)
        negative = negative or v < 0
        left = max(left, _fixed_left(a, exponent, digits) + (v < 0))
        decimals = max(decimals, count - exponent - 1)
        needed = max(needed, count)
        low, high = min(low, exponent), max(high, exponent)
    if needed == 0:
        return NumberFormat(special, 0, False, na)
    fixed = left + decimals + (decimals > 0)
    exponent_digits = 3 if high >= 100 or low <= -100 else 2
    scientific = negative + (needed > 1) + needed + 2 + exponent_digits
    if fixed > scientific + scipen:
        return NumberFormat(max(scientific, special), needed - 1, True, na)
    if nsmall > decimals:
        decimals = nsmall
        fixed = left + decimals + 1
    return NumberFormat(max(fixed, special), decimals, False, na)


def format_numbers(
    x: ArrayLike, digits: int | None = None, nsmall: int = 0, na: str = "NA", width: int = 0
) -> list[str]:
    """Format numbers as R's ``format()`` does: one layout for all, padded on the left to one width.

    Parameters
    ----------
    x
        Numbers of any shape; a matrix is read row by row, and has one layout.
    digits
        Significant digits that every element must show; default the option ``digits`` (7).
    nsmall
        At least so many digits after the point in fixed notation.
    na
        What NaN is called: "NA", or "NaN" where R would have computed it.
    width
        The smallest width.

    Returns
    -------
    list of str

    Examples
    --------
    >>> format_numbers([1, 10.5, 1234.5678])
    ['   1.000', '  10.500', '1234.568']
    """
    values: list[float] = np.asarray(x, dtype=np.float64).ravel().tolist()
    layout = common_format(values, digits, nsmall, na)
    return [layout.text(v).rjust(max(layout.width, width)) for v in values]


def as_character(x: ArrayLike, na: str = "NA") -> list[str]:
    """Convert numbers as R's ``as.character()``: each by itself, to at most 15 significant digits.

    Examples
    --------
    >>> as_character([0.1 + 0.2, 100000, 123456, 1 / 3])
    ['0.3', '1e+05', '123456', '0.333333333333333']
    """
    values: list[float] = np.asarray(x, dtype=np.float64).ravel().tolist()
    return [common_format((v,), _DOUBLE_DIGITS, na=na).text(v) for v in values]


def format_logical(x: Sequence[bool | None]) -> list[str]:
    """Format truth values as R does, None being NA."""
    return format_strings(["NA" if v is None else "TRUE" if v else "FALSE" for v in x], justify="right")


def pad(text: str, width: int, justify: str = "left") -> str:
    """Pad to a width; `justify` is "left", "right", "centre" or "none"."""
    if justify == "left":
        return text.ljust(width)
    if justify == "right":
        return text.rjust(width)
    if justify == "none":
        return text
    before = (width - len(text)) // 2
    return (" " * max(before, 0) + text).ljust(width)


def format_strings(x: Sequence[str], justify: str = "left", width: int = 0) -> list[str]:
    """Pad strings to a common width, as R's ``format()`` of a character vector does."""
    width = max([width, *map(len, x)]) if justify != "none" else 0
    return [pad(s, width, justify) for s in x]
