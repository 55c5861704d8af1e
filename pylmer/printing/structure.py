"""What R's ``str()`` shows of a data frame: a line for each column, with its type and first values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pylmer.errors import DataError
from pylmer.rcompat.format import as_character, format_numbers
from pylmer.rcompat.layout import align, text_width
from pylmer.rcompat.rounding import signif

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["r_str"]

_DIGITS = 3
_MANY, _FEW, _LOGICAL, _STRINGS = 10, 5, 6, 4
_COLUMNS = 99
_LEVELS_WIDTH = 13
_LONGEST, _KEPT = 128, 112
_MAX_INT = 2**31 - 1
_ESCAPES = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\t": r"\t", "\r": r"\r"} | {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\v": r"\v",
}


def r_str(df: pd.DataFrame) -> str:
    """Show the structure of a data frame as R's ``str(df)`` does.

    Parameters
    ----------
    df : DataFrame
        Columns of numbers, truth values, strings or categories. A column of whole numbers is R's ``int``; a
        Categorical is a factor, ordered or not.

    Returns
    -------
    str
        R's lines.

    Raises
    ------
    DataError
        For a column of any other type.

    Examples
    --------
    >>> from pylmer import datasets
    >>> from pylmer.printing.structure import r_str
    >>> print(r_str(datasets.sleepstudy()).expandtabs(8))
    'data.frame':   180 obs. of  3 variables:
     $ Reaction: num  250 259 251 321 357 ...
     $ Days    : num  0 1 2 3 4 5 6 7 8 9 ...
     $ Subject : Factor w/ 18 levels "308","309","310",..: 1 1 1 1 1 1 1 1 1 1 ...
    """
    rows, columns = df.shape
    head = f"'data.frame':\t{rows} obs. of  {columns} variable{'' if columns == 1 else 's'}{':' if columns else ''}"
    names = [str(name) for name in df.columns]
    width = max(map(text_width, names), default=0)
    lines = [f" $ {align(v, width, right=False)}:{_column(v, df.iloc[:, i])}" for i, v in enumerate(names[:_COLUMNS])]
    more = ["  [list output truncated]"] if columns > _COLUMNS else []
    return "\n".join([head, *lines, *more])


def _column(name: str, column: pd.Series) -> str:
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return _factor(column.cat)
    kind = _kind(column)
    head = column.iloc[: _MANY + 1]
    values = [None if na else v for v, na in zip(head.tolist(), head.isna().tolist(), strict=True)]
    match kind:
        case "logi":
            return _vector(kind, ["NA" if v is None else "TRUE" if v else "FALSE" for v in values], _LOGICAL)
        case "chr":
            return _vector(kind, ["NA" if v is None else _quoted(v) for v in values[: _STRINGS + 1]], _STRINGS)
        case "int":
            return _vector(kind, ["NA" if v is None else str(v) for v in values], _MANY)
        case "num":
            return _numbers(np.array([np.nan if v is None else float(v) for v in values]))
    raise DataError(f"column '{name}' is of type {column.dtype} ({kind}): convert it to numbers, strings or categories")


def _kind(column: pd.Series) -> str:
    """Name the type of a column as ``str()`` does, or as pandas does if R has no such type."""
    import pandas as pd

    found = pd.api.types.infer_dtype(column, skipna=True)
    if found == "empty":
        found = {"f": "floating", "i": "integer", "b": "boolean", "O": "boolean"}.get(column.dtype.kind, "string")
    if found == "integer":
        present = column.dropna()
        return "int" if present.empty or max(abs(present.max()), abs(present.min())) <= _MAX_INT else "num"
    return {"boolean": "logi", "string": "chr", "floating": "num", "mixed-integer-float": "num"}.get(found, found)


def _vector(kind: str, text: Sequence[str], shown: int) -> str:
    """Lay out a type and values; there are two blanks between them if there are several values."""
    if len(text) < 2:
        return f" {kind} {''.join(text)}"
    return f" {kind}  {' '.join(text[:shown])}{' ...' if len(text) > shown else ''}"


def _numbers(x: NDArray[np.float64]) -> str:
    shown = _MANY if _plain(x[:_MANY]) else _FEW
    text = [_drop_zeros(t.strip()) for t in format_numbers(x[:shown], digits=_DIGITS)]
    return _vector("num", text + [""] * (x.size > shown), shown)


def _plain(x: NDArray[np.float64]) -> bool:
    """Whether three significant digits say all of the numbers, so that more of them are shown."""
    x = x[~np.isnan(x)]
    size = np.abs(x)
    if not np.all((size == 0.0) | ((size > 1e-10) & (size < 1e10))):
        return False
    return bool(np.all(np.abs(x - signif(x, _DIGITS)) <= 9e-16 * size))


def _drop_zeros(text: str) -> str:
    """Drop zeros at the end of a decimal fraction; with an exponent R drops only ``e+00`` after a fraction."""
    if "." not in text:
        return text
    return text.removesuffix("e+00") if "e" in text else text.rstrip("0").rstrip(".")


def _factor(column: Any) -> str:
    levels, ordered = list(column.categories), column.ordered
    labels = [_quoted(v if isinstance(v, str) else as_character([v])[0]) for v in levels]
    shown, width = 0, 0
    while shown < len(labels) and width <= _LEVELS_WIDTH:
        width += text_width(labels[shown]) + 1
        shown += 1
    separator = "<" if ordered else ","
    listed = separator.join(labels[:shown]) + (f"{separator}.." if shown < len(labels) else "")
    codes = [str(code + 1) if code >= 0 else "NA" for code in column.codes[: _MANY + 1].tolist()]
    values = " ".join(codes[:_MANY]) + (" ..." if len(codes) > _MANY else "")
    number = f"{len(levels)} level{'' if len(levels) == 1 else 's'}"
    return f" {'Ord.f' if ordered else 'F'}actor w/ {number}{' ' if levels else ''}{listed}: {values}"


def _quoted(text: str) -> str:
    encoded = '"' + "".join(_ESCAPES.get(c) or (c if c.isprintable() else f"\\{ord(c):03o}") for c in text) + '"'
    if text_width(encoded) <= _LONGEST:
        return encoded
    kept, width = "", 0
    for c in encoded:
        width += text_width(c)
        if width > _KEPT:
            break
        kept += c
    return f'{kept}"| __truncated__'
