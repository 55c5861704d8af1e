"""R's text of lm, aov, their summaries, and analysis of variance tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pylmer.classical.aov import AovList, Stratum, SummaryAovList
from pylmer.classical.least_squares import FloatArray, LeastSquares
from pylmer.classical.record import Aov, Lm
from pylmer.classical.summaries import SummaryAov, SummaryLm, residual_variance
from pylmer.classical.tables import AnovaTable
from pylmer.formula.ast import Node
from pylmer.formula.deparse import deparse_lines
from pylmer.printing.tables import anova_text
from pylmer.rcompat.format import format_numbers
from pylmer.rcompat.formatc import format_c
from pylmer.rcompat.layout import print_named_vector, print_text_matrix
from pylmer.rcompat.options import current_options
from pylmer.rcompat.printable import as_text
from pylmer.rcompat.pvalues import format_pval, print_coefmat
from pylmer.rcompat.rounding import quantile, signif, zapsmall

__all__ = [
    "anova_lm_text",
    "aov_list_text",
    "aov_text",
    "lm_text",
    "stratum_text",
    "summary_aov_list_text",
    "summary_aov_text",
    "summary_lm_text",
]

QUANTILES = ("Min", "1Q", "Median", "3Q", "Max")
# The off-diagonal part of the QR triangle below which effects count as balanced, in units of the diagonal.
BALANCED = float(np.sqrt(np.finfo(np.float64).eps))


def _default_digits(less: int = 3) -> int:
    return max(3, current_options().digits - less)


def _call_lines(call: Node) -> list[str]:
    return ["", "Call:", *deparse_lines(call), ""]


def _gap(cells: Sequence[str]) -> list[str]:
    """With a second space behind each cell, R's ``print.gap = 2``."""
    return [f"{cell} " for cell in cells]


def _missing_note(count: int) -> str:
    return f"{count} observation{'s' if count > 1 else ''} deleted due to missingness"


@as_text.register
def lm_text(m: Lm, *, digits: int | None = None) -> str:
    """R's print of a linear model: the call and the coefficients."""
    digits = _default_digits() if digits is None else digits
    lines = _call_lines(m.source.call)
    if m.names:
        cells = format_numbers(m.fit.coefficients, digits)
        lines += ["Coefficients:", print_named_vector(_gap(cells), _gap(m.names)), ""]
    else:
        lines += ["No coefficients", ""]
    return "\n".join(lines)


@as_text.register
def summary_lm_text(s: SummaryLm, *, digits: int | None = None, signif_stars: bool | None = None) -> str:
    """R's print of the summary of a linear model."""
    digits = _default_digits() if digits is None else digits
    lines = [*_call_lines(s.call), *_residual_lines(s, digits)]
    lines += _coefficient_lines(s, digits, signif_stars)
    sigma = format_numbers(signif([s.sigma], digits), na="NaN")[0]
    lines += ["", f"Residual standard error: {sigma} on {s.df[1]} degrees of freedom"]
    if s.na_count:
        lines.append(f"  ({_missing_note(s.na_count)})")
    if s.fstatistic is not None:
        r2, adjusted = _plain(s.r_squared, digits), _plain(s.adj_r_squared, digits)
        lines.append(f"Multiple R-squared:  {r2},\tAdjusted R-squared:  {adjusted} ")
        f = s.fstatistic
        p = format_pval([f.p_value], digits)[0]
        lines.append(f"F-statistic: {_plain(f.value, digits)} on {f.numdf} and {f.dendf} DF,  p-value: {p}")
    return "\n".join([*lines, ""])


def _plain(x: float, digits: int) -> str:
    """R's ``formatC(x, digits = digits)``: padded to one character more than the digits."""
    text = "NaN" if np.isnan(x) else format_c([x], digits)[0]
    return text.rjust(digits + 1)


def _residual_lines(s: SummaryLm, digits: int) -> list[str]:
    heading = "Weighted Residuals:" if s.weighted else "Residuals:"
    known = s.residuals.dropna()
    if s.df[1] > 5:
        values: FloatArray = zapsmall(quantile(known.to_numpy()), digits + 1)
        names = list(QUANTILES)
    elif s.df[1] > 0:
        values = np.asarray(known.to_numpy(), dtype=np.float64)
        names = [str(name) for name in known.index]
    else:
        return [heading, f"ALL {s.df[0]} residuals are 0: no residual degrees of freedom!", ""]
    return [heading, print_named_vector(values, names, digits), ""]


def _coefficient_lines(s: SummaryLm, digits: int, signif_stars: bool | None) -> list[str]:
    if not s.aliased:
        return ["No Coefficients"]
    lost = sum(s.aliased.values())
    heading = f"Coefficients: ({lost} not defined because of singularities)" if lost else "Coefficients:"
    table = s.coefficients.reindex(list(s.aliased)) if lost else s.coefficients
    na = "NA" if s.df[1] > 0 else "NaN"
    text = print_coefmat(
        table.to_numpy(),
        list(s.aliased),
        list(table.columns),
        digits,
        signif_stars=signif_stars,
        na_print=na,
    )
    return [heading, text]


@as_text.register
def summary_aov_text(s: SummaryAov, *, digits: int | None = None) -> str:
    """R's print of the summary of an analysis of variance."""
    digits = _default_digits() if digits is None else digits
    labels = [str(label) for label in s.table.index]
    width = max([s.label_width, *map(len, labels)])
    lines = [
        anova_text(s.table.to_numpy(), [label.ljust(width) for label in labels], list(s.table.columns), (), digits)
    ]
    if s.na_count:
        lines.append(_missing_note(s.na_count))
    return "\n".join(lines)


@as_text.register
def summary_aov_list_text(s: SummaryAovList, *, digits: int | None = None) -> str:
    """R's print of the summary of an analysis of variance with Error strata."""
    return "\n".join(f"\nError: {label}\n{summary_aov_text(table, digits=digits)}" for label, table in s.strata.items())


@as_text.register
def anova_lm_text(a: AnovaTable, *, digits: int | None = None) -> str:
    """R's print of an analysis of variance table of linear models."""
    heading = ["Analysis of Variance Table", ""]
    if a.models:
        heading += [line for i, model in enumerate(a.models) for line in _model_lines(i, model)]
    else:
        heading.append(f"Response: {a.response}")
    labels = [str(label) for label in a.table.index]
    return anova_text(a.table.to_numpy(), labels, list(a.table.columns), heading, digits)


def _model_lines(index: int, model: Node) -> list[str]:
    first, *rest = deparse_lines(model)
    return [f"Model {index + 1}: {first}", *rest]


@as_text.register
def aov_text(m: Aov, *, intercept: bool = False) -> str:
    """R's print of an analysis of variance: sums of squares and degrees of freedom by term."""
    first, *rest = deparse_lines(m.source.call)
    lines = ["Call:", f"   {first}", *rest, ""]
    lines += _terms_lines(m.fit, m.term_labels, intercept)
    if len(m.source.na_rows):
        lines.append(_missing_note(len(m.source.na_rows)))
    return "\n".join(lines)


def _terms_lines(fit: LeastSquares, term_labels: Sequence[str], intercept: bool = False) -> list[str]:
    """Sums of squares and degrees of freedom, residual standard error, and what can be said of the effects."""
    terms = np.unique(fit.effect_terms)
    terms = terms if intercept else terms[terms > 0]
    df, ss = fit.term_sums(terms)
    labels = [("(Intercept)", *term_labels)[t] for t in terms]
    if fit.df_residual > 0:
        labels.append("Residuals")
        df, ss = np.append(df, fit.df_residual), np.append(ss, fit.rss)
    cells = [format_numbers(zapsmall(ss)), format_numbers(df)]
    lines = ["Terms:", print_text_matrix(cells, ["Sum of Squares", "Deg. of Freedom"], labels, right=True), ""]
    if fit.df_residual > 0:
        lines.append(f"Residual standard error: {format_numbers([np.sqrt(residual_variance(fit))])[0]}")
    lost = len(fit.coefficients) - fit.rank
    if lost:
        lines.append(f"{lost} out of {len(fit.coefficients)} effects not estimable")
    if np.any(fit.effect_terms > 0):
        lines.append(f"Estimated effects {'are balanced' if _is_balanced(fit) else 'may be unbalanced'}")
    return lines


def _is_balanced(fit: LeastSquares) -> bool:
    """Whether the estimable columns are orthogonal."""
    triangle = np.abs(fit.qr.R)
    diagonal = float(triangle.trace())
    return float(triangle.sum()) - diagonal <= BALANCED * diagonal


@as_text.register
def stratum_text(s: Stratum) -> str:
    """R's print of one error stratum."""
    return "\n".join(_terms_lines(s.fit, s.term_labels))


@as_text.register
def aov_list_text(m: AovList) -> str:
    """R's print of an analysis of variance with Error strata."""
    lines = _call_lines(m.source.call)
    mean = m.strata.get("(Intercept)")
    if mean is not None:
        lines += [f"Grand Mean: {format_numbers(mean.fit.coefficients[:1])[0]}", ""]
    others = [s for label, s in m.strata.items() if label != "(Intercept)"]
    for number, stratum in enumerate(others, start=1):
        lines += [f"Stratum {number}: {stratum.label}", "", stratum_text(stratum), ""]
    return "\n".join(lines[:-1])
