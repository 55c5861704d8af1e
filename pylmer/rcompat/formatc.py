"""C-style formatting as R gives it: formatC, and prettyNum's marks between thousands."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["format_c", "pretty_num"]


def pretty_num(text: str, big_mark: str = ",") -> str:
    """Put a mark between groups of three digits before the point, as R's ``prettyNum(big.mark=)``.

    Examples
    --------
    >>> pretty_num("1234567.25")
    '1,234,567.25'
    """
    blank = len(text) - len(text.lstrip())
    body = text[blank:]
    sign = body[:1] if body[:1] in "+-" else ""
    whole, point, rest = body[len(sign) :].partition(".")
    if not whole.isdigit():
        return text
    groups: list[str] = []
    while len(whole) > 3:
        groups.insert(0, whole[-3:])
        whole = whole[:-3]
    return text[:blank] + sign + big_mark.join([whole, *groups]) + point + rest


def format_c(
    x: ArrayLike,
    digits: int | None = None,
    width: int = 0,
    format: str = "g",
    flag: str = "",
    big_mark: str = "",
) -> list[str]:
    """Format each number by itself, as R's ``formatC()``.

    Parameters
    ----------
    x
        Numbers.
    digits
        Decimals for "f" and "e", significant digits for "g"; default 4, and below 0 C's 6.
    width
        The smallest width.
    format
        "d" (what is behind the point is cut off), "f", "e", "E", "g" or "G".
    flag
        Any of ``-`` (pad on the right), ``0``, ``+``, space, ``#``.
    big_mark
        Put between thousands.

    Returns
    -------
    list of str

    Examples
    --------
    >>> format_c([3.14159, 100], digits=3, format="f", width=8)
    ['   3.142', ' 100.000']
    """
    if format not in ("d", "f", "e", "E", "g", "G"):
        raise ValueError(f"'format' must be one of d, f, e, E, g, G (met {format!r})")
    values: list[float] = np.asarray(x, dtype=np.float64).ravel().tolist()
    precision = "" if digits is not None and digits < 0 else f".{4 if digits is None else digits}"
    kind = ".0f" if format == "d" else precision + format
    if format == "d":
        flag = flag.replace("#", "")
        values = [float(math.trunc(v)) if math.isfinite(v) else v for v in values]
    out = []
    for v in values:
        if not math.isfinite(v):
            text = "NA" if math.isnan(v) else "Inf" if v > 0 else "-Inf"
            out.append(text.ljust(width) if "-" in flag else text.rjust(width))
        elif big_mark:
            text = pretty_num(f"%{flag.replace('0', '').replace('-', '')}{kind}" % v, big_mark)
            out.append(text.ljust(width) if "-" in flag else text.rjust(width))
        else:
            out.append(f"%{flag}{width or ''}{kind}" % (v + 0.0))
    return out
