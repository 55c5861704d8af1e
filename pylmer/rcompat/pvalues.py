"""R's text for p-values and for tables of coefficients: format.pval, significance stars, printCoefmat."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pylmer.rcompat.fill import cat_fill, strwrap
from pylmer.rcompat.format import format_numbers, format_strings
from pylmer.rcompat.layout import print_text_matrix
from pylmer.rcompat.options import current_options
from pylmer.rcompat.rounding import r_round, zapsmall

FloatArray = NDArray[np.float64]
EPS = float(np.finfo(np.float64).eps)

__all__ = ["format_pval", "print_coefmat", "quoted", "significance_legend", "significance_stars"]


def quoted(text: str, double: bool = False) -> str:
    """R's sQuote() and dQuote(): curly or straight by the option ``useFancyQuotes``."""
    fancy = current_options().useFancyQuotes
    if double:
        return f"\u201c{text}\u201d" if fancy else f'"{text}"'
    return f"\u2018{text}\u2019" if fancy else f"'{text}'"


def format_pval(p: ArrayLike, digits: int | None = None, eps: float = EPS, na: str = "NA") -> list[str]:
    """Format p-values as R's ``format.pval()``: those in fixed and in scientific notation apart, tiny ones as ``<eps``.

    Parameters
    ----------
    p
        ``(n,)`` probabilities; NaN is missing.
    digits
        Significant digits; default the option ``digits`` less 2.
    eps
        What is smaller is printed as less than it.
    na
        What NaN is called.

    Returns
    -------
    list of str

    Examples
    --------
    >>> format_pval([0.05, 1e-9, 1e-300], digits=3)
    ['0.05', '1e-09', '<2e-16']
    """
    digits = max(1, current_options().digits - 2) if digits is None else digits
    values: list[float] = np.asarray(p, dtype=np.float64).ravel().tolist()
    out = [na] * len(values)
    tiny = [i for i, v in enumerate(values) if v < eps]
    rest = [i for i, v in enumerate(values) if v >= eps]
    exponent = {i: math.floor(math.log10(values[i] if values[i] > 0 else 1e-50)) for i in rest}
    fixed = [i for i in rest if exponent[i] >= -3 or (exponent[i] == -4 and digits > 1)]
    for part in (fixed, [i for i in rest if i not in fixed]):
        for i, text in zip(part, format_numbers([values[i] for i in part], digits), strict=True):
            out[i] = text
    if tiny:
        eps_digits = max(1, digits - 2)
        widest = max((len(out[i]) for i in rest), default=0)
        if rest and eps_digits > 1 and eps_digits + 6 > widest:
            eps_digits = max(1, widest - 7)
        close = eps_digits == 1 and widest <= 6
        text = ("<" if close else "< ") + format_numbers([eps], eps_digits)[0]
        for i in tiny:
            out[i] = text
    return out


_CUTS = ((0.001, "***"), (0.01, "**"), (0.05, "*"), (0.1, "."), (1.0, " "))


def significance_stars(p: ArrayLike) -> list[str]:
    """One of ``***``, ``**``, ``*``, ``.`` and a space for each p-value, nothing for NaN."""
    values: list[float] = np.asarray(p, dtype=np.float64).ravel().tolist()
    return [next((mark for cut, mark in _CUTS if v <= cut), "") for v in values]


def significance_legend() -> str:
    """The line below a table with stars, broken as R does where the option ``width`` is narrow."""
    marks = "".join(f" {quoted(mark)} {cut:g}" for cut, mark in _CUTS)
    legend = f"0{marks}"
    width = current_options().width
    parts = [legend] if width >= len(legend) else strwrap(legend, width - 2, prefix="  ")
    fill = width + 4 + max(len(part.encode()) - len(part) for part in parts)
    return cat_fill(["---\nSignif. codes:  ", *parts], sep="", width=fill)


def _estimates(x: FloatArray, digits: int) -> list[str]:
    """Coefficients and standard errors, jointly: as many decimals as the smallest needs, no more than the largest."""
    known = np.abs(x[np.isfinite(x) & (x != 0)])
    smallest = 1 + math.floor(math.log10(known.min())) if known.size else 1
    largest = 1 + math.floor(math.log10(known.max())) if known.size else 1
    return format_numbers(r_round(x, max(1, digits - smallest, digits - largest)), digits)


def _lost_to_zero(x: float, text: str) -> bool:
    return (x == 0) != (float(text) == 0) if math.isfinite(x) else False


def print_coefmat(
    x: ArrayLike,
    row_names: Sequence[str],
    column_names: Sequence[str],
    digits: int | None = None,
    *,
    signif_stars: bool | None = None,
    signif_legend: bool | None = None,
    dig_tst: int | None = None,
    cs_ind: Sequence[int] | None = None,
    tst_ind: Sequence[int] | None = None,
    zap_ind: Sequence[int] = (),
    has_Pvalue: bool | None = None,
    P_values: bool | None = None,
    eps_Pvalue: float = EPS,
    na_print: str = "NA",
) -> str:
    """Print a table of coefficients as R's ``printCoefmat()``.

    Parameters
    ----------
    x
        ``(m, k)`` numbers: estimates and their standard errors, test statistics, perhaps p-values last.
    row_names, column_names
        Labels.
    digits
        Significant digits of the smallest estimate; default the option ``digits`` less 2.
    signif_stars, signif_legend
        Whether p-values get stars, and stars their legend; default the option ``show_signif_stars``.
    dig_tst
        Decimals of test statistics, significant digits of p-values; default `digits` - 1 in 1 to 5.
    cs_ind, tst_ind
        Columns (from 0) of estimates and of test statistics; default all but the test statistic, which is the last
        column before the p-values.
    zap_ind
        Columns (from 0) in which what is small beside the largest becomes 0.
    has_Pvalue
        Whether the last column has p-values; default whether there are 4 columns or more and the last is called
        ``Pr(...`` or ``p-v...``.
    P_values
        Whether to print them.
    eps_Pvalue
        Smaller p-values are printed as less than it.
    na_print
        What NaN is called.

    Returns
    -------
    str
        Lines without a last newline.
    """
    values = np.array(x, dtype=np.float64)
    digits = max(3, current_options().digits - 2) if digits is None else digits
    dig_tst = max(1, min(5, digits - 1)) if dig_tst is None else dig_tst
    names = list(column_names)
    if has_Pvalue is None:
        has_Pvalue = len(names) >= 4 and names[-1][:3] in ("Pr(", "p-v")
    if has_Pvalue and P_values is False:
        values, names, has_Pvalue = values[:, :-1], names[:-1], False
    last = len(names) - 1 if has_Pvalue else len(names)
    k = last - (1 if tst_ind is None else len(tst_ind))
    cs = list(range(k)) if cs_ind is None else list(cs_ind)
    tests = [k] if tst_ind is None else list(tst_ind)
    for j in zap_ind:
        values[:, j] = zapsmall(values[:, j], digits)
    cells = _coefficient_cells(values, cs, tests, last, digits, dig_tst)
    missing = np.isnan(values)
    for i, j in zip(*np.nonzero(missing), strict=True):
        cells[i][j] = na_print
    stars = False
    if has_Pvalue:
        p = values[:, -1]
        for i, text in zip(
            np.nonzero(~missing[:, -1])[0], format_pval(p[~missing[:, -1]], dig_tst, eps_Pvalue), strict=True
        ):
            cells[i][-1] = text
        wanted = current_options().show_signif_stars if signif_stars is None else signif_stars
        stars = wanted and bool(np.any(p < 0.1))
        if stars:
            for row, mark in zip(cells, format_strings(significance_stars(p)), strict=True):
                row.append(mark)
            names = [*names, ""]
    text = print_text_matrix(cells, row_names, names, right=True)
    if stars and (signif_legend is None or signif_legend):
        text += "\n" + significance_legend()
    return text


def _coefficient_cells(
    values: FloatArray, cs: list[int], tests: list[int], last: int, digits: int, dig_tst: int
) -> list[list[str]]:
    """The texts of all columns but p-values; what would falsely print as zero is formatted again."""
    m, n = values.shape
    cells = [[""] * n for _ in range(m)]

    def put(columns: list[int], texts: list[str]) -> None:
        for position, text in enumerate(texts):
            cells[position // len(columns)][columns[position % len(columns)]] = text

    if cs and np.any(np.isfinite(values[:, cs])):
        put(cs, _estimates(values[:, cs], digits))
    if tests:
        put(tests, format_numbers(r_round(values[:, tests], dig_tst), digits))
    for j in range(last):
        if j not in cs and j not in tests:
            put([j], format_numbers(values[:, j], digits))
    again = [
        (i, j)
        for j in range(last)
        for i in range(m)
        if j not in tests and cells[i][j].strip() and _lost_to_zero(float(values[i, j]), cells[i][j])
    ]
    if again:
        for (i, j), text in zip(again, format_numbers([values[ij] for ij in again], max(1, digits - 1)), strict=True):
            cells[i][j] = text
    return cells
