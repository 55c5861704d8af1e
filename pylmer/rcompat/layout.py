"""R's layout of vectors, matrices and data frames in lines of the option ``width``."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pylmer.rcompat.format import format_logical, format_numbers
from pylmer.rcompat.options import current_options

__all__ = [
    "align",
    "format_column",
    "lay_out_columns",
    "print_data_frame",
    "print_matrix",
    "print_named_vector",
    "print_text_matrix",
    "print_vector",
    "text_width",
]

Column = Sequence[object] | NDArray[np.generic]


def text_width(text: str) -> int:
    """Columns of a terminal that the text takes: 2 for wide characters, 0 for combining ones."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def align(text: str, width: int, right: bool) -> str:
    """Pad to a width in terminal columns."""
    fill = " " * (width - text_width(text))
    return fill + text if right else text + fill


def print_vector(x: ArrayLike, digits: int | None = None, na: str = "NA") -> str:
    """Print numbers without names as R does: ``[1] 1.0 2.5``.

    Parameters
    ----------
    x
        ``(n,)`` numbers.
    digits
        Significant digits, default the option.
    na
        What NaN is called.

    Returns
    -------
    str
        Lines without a last newline.
    """
    texts = format_numbers(x, digits, na=na)
    if not texts:
        return "numeric(0)"
    label = len(str(len(texts))) + 2
    per_line = max(1, (current_options().width - label) // (len(texts[0]) + 1))
    return "\n".join(
        " ".join([f"[{start + 1}]".rjust(label), *texts[start : start + per_line]])
        for start in range(0, len(texts), per_line)
    )


def print_named_vector(
    x: ArrayLike | Sequence[str], names: Sequence[str], digits: int | None = None, na: str = "NA", gap: int = 1
) -> str:
    """Print a named vector as R does: a line of names above a line of elements, each with a space behind it.

    Parameters
    ----------
    x
        ``(n,)`` numbers, or texts that are printed as they are (no quotes).
    names
        Their names.
    digits
        Significant digits, default the option.
    na
        What NaN is called.
    gap
        Spaces behind each element.

    Returns
    -------
    str
        Lines without a last newline.

    Examples
    --------
    >>> print_named_vector([251.405, 10.467], ["(Intercept)", "Days"]).split("\\n")
    ['(Intercept)        Days ', '    251.405      10.467 ']
    """
    cells = [str(v) for v in x] if _is_text(x) else format_numbers(np.asarray(x, dtype=np.float64), digits, na=na)
    if not cells:
        return "named numeric(0)"
    width = max(map(text_width, [*cells, *names]))
    per_line = max(1, current_options().width // (width + gap))
    lines = []
    for start in range(0, len(cells), per_line):
        for row in (names, cells):
            lines.append("".join(align(v, width, right=True) + " " * gap for v in row[start : start + per_line]))
    return "\n".join(lines)


def _is_text(x: object) -> TypeGuard[Sequence[str]]:
    return isinstance(x, Sequence) and len(x) > 0 and isinstance(x[0], str)


def lay_out_columns(
    columns: Sequence[Sequence[str]], headers: Sequence[str], row_names: Sequence[str], right: bool | Sequence[bool]
) -> str:
    """Put columns of cells beside row names, in as many blocks as the option ``width`` asks for.

    Parameters
    ----------
    columns
        For each column its cells.
    headers
        The column labels.
    row_names
        The row labels, justified to the left.
    right
        Whether cells and headers are justified to the right; one value or one for each column.

    Returns
    -------
    str
        Lines without a last newline. As in R every line is shorter than the option ``width``, and columns that are
        justified to the left are padded up to the end of the line.
    """
    sides = [right] * len(columns) if isinstance(right, bool) else list(right)
    label = max([0, *map(text_width, row_names)])
    widths = [max(map(text_width, [header, *cells])) for header, cells in zip(headers, columns, strict=True)]
    limit = current_options().width
    lines: list[str] = []
    if not columns:
        return "\n".join([" " * label, *(align(name, label, right=False) for name in row_names)])
    first = 0
    while first < len(columns):
        last, used = first + 1, label + widths[first] + 1
        while last < len(columns) and used + widths[last] + 1 < limit:
            used += widths[last] + 1
            last += 1
        block = range(first, last)
        lines.append(" ".join([" " * label, *(align(headers[j], widths[j], sides[j]) for j in block)]))
        for i, name in enumerate(row_names):
            cells_i = (align(columns[j][i], widths[j], sides[j]) for j in block)
            lines.append(" ".join([align(name, label, right=False), *cells_i]))
        first = last
    return "\n".join(lines)


def _row_labels(names: Sequence[str] | None, n: int) -> list[str]:
    return [f"[{i + 1},]" for i in range(n)] if names is None else list(names)


def _column_labels(names: Sequence[str] | None, n: int) -> list[str]:
    return [f"[,{j + 1}]" for j in range(n)] if names is None else list(names)


def print_matrix(
    x: ArrayLike,
    row_names: Sequence[str] | None = None,
    column_names: Sequence[str] | None = None,
    digits: int | None = None,
    na: str = "NA",
) -> str:
    """Print a numeric matrix as R does: every column in a format of its own.

    Parameters
    ----------
    x
        ``(m, n)`` numbers.
    row_names, column_names
        Labels; None gives ``[1,]`` and ``[,1]``.
    digits
        Significant digits, default the option.
    na
        What NaN is called.

    Returns
    -------
    str
        Lines without a last newline.

    Examples
    --------
    >>> print(print_matrix([[1, 2.5], [10, 3]], column_names=["a", "b"]))
          a   b
    [1,]  1 2.5
    [2,] 10 3.0
    """
    values = np.asarray(x, dtype=np.float64)
    m, n = values.shape
    if m == 0 and n == 0:
        return "<0 x 0 matrix>"
    shown = min(m, max(1, current_options().max_print // max(n, 1)))
    columns = [format_numbers(values[:shown, j], digits, na=na) for j in range(n)]
    rows = _row_labels(row_names, m)[:shown]
    text = lay_out_columns(columns, _column_labels(column_names, n), rows, right=True)
    if shown < m:
        text += f'\n [ reached getOption("max.print") -- omitted {m - shown} rows ]'
    return text


def print_text_matrix(
    cells: Sequence[Sequence[str]],
    row_names: Sequence[str] | None = None,
    column_names: Sequence[str] | None = None,
    right: bool = False,
) -> str:
    """Print a matrix of texts as R does with ``quote = FALSE``.

    Parameters
    ----------
    cells
        The rows.
    row_names, column_names
        Labels; None gives ``[1,]`` and ``[,1]``.
    right
        Whether cells are justified to the right.

    Returns
    -------
    str
        Lines without a last newline.
    """
    rows = [list(row) for row in cells]
    n = len(column_names) if column_names is not None else len(rows[0]) if rows else 0
    columns = [[row[j] for row in rows] for j in range(n)]
    headers = _column_labels(column_names, n)
    if column_names is None:  # R keeps these to the left, whatever the cells do
        headers = [
            align(h, max(map(text_width, [h, *cells])), right=False) for h, cells in zip(headers, columns, strict=True)
        ]
    return lay_out_columns(columns, headers, _row_labels(row_names, len(rows)), right)


def format_column(values: Column, digits: int | None = None) -> list[str]:
    """Format one column of a data frame: numbers jointly, truth values as TRUE and FALSE, texts as they are.

    A missing number or truth value is ``NA``, a missing text ``<NA>``.
    """
    array = np.asarray(values)
    if array.dtype.kind == "b":
        return format_logical([bool(v) for v in array])
    if array.dtype.kind in "iuf":
        return format_numbers(array, digits)
    items = list(values)
    if all(v is None or isinstance(v, bool | np.bool_) for v in items) and any(v is not None for v in items):
        return format_logical([None if v is None else bool(v) for v in items])
    return ["<NA>" if v is None or (isinstance(v, float) and math.isnan(v)) else str(v) for v in items]


def print_data_frame(
    columns: Mapping[str, Column],
    row_names: Sequence[str] | None = None,
    digits: int | None = None,
    right: bool = True,
) -> str:
    """Print a data frame as R does.

    Parameters
    ----------
    columns
        Column names and values, all of one length.
    row_names
        Labels; None counts from 1.
    digits
        Significant digits, default the option.
    right
        Whether cells are justified to the right.

    Returns
    -------
    str
        Lines without a last newline.

    Examples
    --------
    >>> print(print_data_frame({"grp": ["g", "Residual"], "vcov": [1.5, 2]}))
           grp vcov
    1        g  1.5
    2 Residual  2.0
    """
    n = len(next(iter(columns.values()))) if columns else len(row_names or ())
    if not columns:
        return f"data frame with 0 columns and {n} row{'s' * (n != 1)}"
    if n == 0:
        heads = " ".join(["[1]", *format_header(list(columns))])
        return f"{heads}\n<0 rows> (or 0-length row.names)"
    shown = min(n, current_options().max_print // len(columns))
    labels = [str(i + 1) for i in range(n)] if row_names is None else list(row_names)
    texts = [format_column(values[:shown], digits) for values in columns.values()]
    text = lay_out_columns(texts, list(columns), labels[:shown], right)
    if shown < n:
        text += f"\n [ reached 'max' / getOption(\"max.print\") -- omitted {n - shown} rows ]"
    return text


def format_header(names: Sequence[str]) -> list[str]:
    """Column names padded to one width, as R prints them for a data frame without rows."""
    width = max(map(text_width, names))
    return [align(name, width, right=False) for name in names]
