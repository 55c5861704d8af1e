"""R's text of a fitted model and of its summary."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from pylmer.errors import FormulaError, RMessage
from pylmer.formula.batches.rows import LazyRows
from pylmer.formula.deparse import deparse_lines
from pylmer.formula.design import CallText
from pylmer.formula.parse import parse_formula
from pylmer.methods.summary import FitNotes, SummaryMerMod, aic_table, fit_notes, is_reml, meth_title
from pylmer.methods.varcorr import VarCorr
from pylmer.model import MerMod
from pylmer.printing.symbolic import symbolic_text
from pylmer.printing.tables import deviance_label
from pylmer.printing.varcorr import varcorr_text
from pylmer.rcompat.fill import cat_fill, strwrap
from pylmer.rcompat.format import format_numbers
from pylmer.rcompat.layout import print_named_vector, print_text_matrix
from pylmer.rcompat.names import abbreviate
from pylmer.rcompat.options import current_options
from pylmer.rcompat.printable import as_text
from pylmer.rcompat.pvalues import print_coefmat
from pylmer.rcompat.rounding import quantile, r_round, zapsmall

__all__ = ["correlation_text", "model_text", "summary_text"]

NOT_REQUIRED = "\nCorrelation of fixed effects could have been required in summary()\n"
QUANTILES = ("Min", "1Q", "Median", "3Q", "Max")


def _default_digits() -> int:
    return max(3, current_options().digits - 3)


def title_text(title: str, kind: str) -> str:
    """The first line; where it is too long for the width, R breaks it and leaves the quotes out."""
    width = current_options().width
    if len(title) + 5 + len(kind) > width:
        return cat_fill([*strwrap(title, width - 2, exdent=2), " [", kind, "]"], sep="")
    return f"{title} ['{kind}']"


def call_lines(call: CallText, control: bool = True) -> list[str]:
    """The lines of the call: formula, data and what else was given, as the caller wrote it."""
    try:
        formula = deparse_lines(parse_formula(call.formula).node)
    except FormulaError:
        formula = [call.formula]
    parts: list[tuple[str, Sequence[str] | None]] = [
        ("Formula:", formula),
        ("   Data:", call.data and [call.data]),
        ("Weights:", call.weights and [call.weights]),
        (" Offset:", call.offset and [call.offset]),
    ]
    if control and call.control != "lmerControl()":
        parts.append(("Control:", call.control and [call.control]))
    parts.append((" Subset:", call.subset and [call.subset]))
    return [cat_fill([label, *lines]) for label, lines in parts if lines]


def aic_text(table: dict[str, float], digits: int) -> str:
    """The REML criterion, or the row of criteria of an ML fit, rounded to so many decimals."""
    if list(table) == ["REML"]:
        return f"REML criterion at convergence: {format_numbers(r_round([table['REML']], digits))[0]}"
    names = [deviance_label(name) for name in table]
    values = r_round(list(table.values()), digits)
    texts = format_numbers(values)
    if "df.resid" in names:
        place = names.index("df.resid")
        texts[place] = format_numbers(values[place])[0]
    return print_named_vector(texts, names)


def residuals_text(residuals: ArrayLike, digits: int) -> str:
    """Quantiles of the scaled residuals."""
    if isinstance(residuals, LazyRows):
        found = residuals.quantiles((0.0, 0.25, 0.5, 0.75, 1.0))
    else:
        x = np.asarray(residuals, dtype=np.float64)
        found = quantile(x[~np.isnan(x)])
    quantiles = zapsmall(found, digits + 1)
    return "Scaled residuals: \n" + print_named_vector(quantiles, QUANTILES, digits)


def groups_text(ngrps: dict[str, int], nobs: int) -> str:
    """How many observations there are, and levels of each grouping factor."""
    groups = "; ".join(f"{name}, {count}" for name, count in ngrps.items())
    return cat_fill([f"Number of obs: {nobs}, groups: ", groups])


def fit_warnings_text(dropped: Sequence[str], scale_note: str) -> list[str]:
    """The notes on columns that were dropped for rank deficiency and on scales, if any."""
    s = "s" if len(dropped) > 1 else ""
    note = f"fixed-effect model matrix is rank deficient so dropping {len(dropped)} column{s} / coefficient{s}"
    notes = [note] if dropped else []
    notes += [scale_note] if scale_note else []
    return ["fit warnings:", *notes] if notes else []


def notes_text(notes: FitNotes, brief: bool) -> list[str]:
    """What is to be said about the optimizer, if anything: in one line, or with every message."""
    if not (notes.code > 0 or notes.messages or notes.warnings):
        return []
    outcome = "(OK)" if notes.code == 0 else f"({notes.message})" if notes.message else ""
    line = f"optimizer ({notes.optimizer}) convergence code: {notes.code} {outcome}"
    if brief:
        return [f"{line} ; {len(notes.warnings)} optimizer warnings; {len(notes.messages)} lme4 warnings "]
    return [line, *notes.messages, *notes.warnings, ""]


def correlation_text(names: Sequence[str], correlation: ArrayLike) -> str:
    """Correlations of the fixed effects: three decimals, below the diagonal, with abbreviated names.

    Parameters
    ----------
    names
        The p coefficients, p > 1.
    correlation
        ``(p, p)``.
    """
    p = len(names)
    texts = format_numbers(r_round(correlation, 3), nsmall=3, na="NaN")
    rows = [[texts[i * p + j] if j < i else "" for j in range(p - 1)] for i in range(1, p)]
    table = print_text_matrix(rows, abbreviate(names, 11)[1:], abbreviate(names, 6)[:-1])
    return f"Correlation of Fixed Effects:\n{table}"


@as_text.register
def model_text(m: MerMod, *, digits: int | None = None, ranef_comp: str | Sequence[str] = "Std.Dev.") -> str:
    """R's print of a linear mixed model.

    Parameters
    ----------
    m
        A fit.
    digits
        Significant digits; default the option ``digits`` less 3, and at least 3.
    ranef_comp
        What is shown of the random effects: ``"Std.Dev."``, ``"Variance"`` or both.

    Returns
    -------
    str
        Lines without a last newline.
    """
    digits = _default_digits() if digits is None else digits
    re = m.design.re
    lines = [
        title_text(meth_title(is_reml(m)), "lmerMod"),
        *call_lines(m.design.call, control=False),
        aic_text(aic_table(m), 4),
        "Random effects:",
        varcorr_text(VarCorr(m), digits=digits, comp=ranef_comp),
        groups_text({group: t.J for group, t in re.flist.items()}, m.n),
    ]
    if m.p:
        lines += ["Fixed Effects:", print_named_vector(format_numbers(m.beta, digits), m.design.X_names, gap=2)]
    else:
        lines.append("No fixed effect coefficients")
    lines += fit_warnings_text(m.design.dropped, m.design.scale_note)
    lines += notes_text(fit_notes(m), brief=True)
    return "\n".join(lines)


@as_text.register
def summary_text(
    s: SummaryMerMod,
    *,
    digits: int | None = None,
    correlation: bool | None = None,
    show_resids: bool = True,
    signif_stars: bool | None = None,
    ranef_comp: str | Sequence[str] = ("Variance", "Std.Dev."),
    symbolic_cor: bool = False,
) -> str:
    """R's print of the summary of a linear mixed model.

    Parameters
    ----------
    s
        A summary.
    digits
        Significant digits; default the option ``digits`` less 3, and at least 3.
    correlation
        Whether to show the correlations of the fixed effects; default where there are no more of them than the option
        ``lme4_summary_cor_max``, else a message says how to get them.
    show_resids
        Whether to show the quantiles of the scaled residuals.
    signif_stars
        Whether p-values, where there are any, get stars; default the option ``show_signif_stars``.
    ranef_comp
        What is shown of the random effects.
    symbolic_cor
        Whether correlations are shown as symbols.

    Returns
    -------
    str
        Lines without a last newline.
    """
    digits = _default_digits() if digits is None else digits
    blocks = [title_text(s.methTitle, s.objClass), *call_lines(s.call), "", aic_text(s.AICtab, 1), ""]
    if show_resids:
        blocks += [residuals_text(s.residuals, digits), ""]
    blocks += ["Random effects:", varcorr_text(s.varcor, digits=digits, comp=ranef_comp)]
    blocks.append(groups_text(s.ngrps, s.nobs))
    names, p = list(s.coefficients.index), len(s.coefficients)
    if p:
        table = s.coefficients.to_numpy(dtype=np.float64)
        columns = list(s.coefficients.columns)
        blocks += ["", "Fixed effects:", print_coefmat(table, names, columns, digits, signif_stars=signif_stars)]
    blocks += _correlation_blocks(s, correlation, symbolic_cor)
    blocks += fit_warnings_text(s.dropped, s.scale_note)
    blocks += notes_text(s.optinfo, brief=False)
    return "\n".join(blocks)


def _correlation_blocks(s: SummaryMerMod, asked: bool | None, symbolic: bool) -> list[str]:
    """The correlations, where they are asked for or few; a message where they are too many."""
    names, p = list(s.coefficients.index), len(s.coefficients)
    few = p <= current_options().lme4_summary_cor_max
    has = few if s.show_correlation is None else s.show_correlation
    if asked is None and not few:
        warnings.warn(_not_shown(p), RMessage, stacklevel=5)
    if p < 2 or not (few and has if asked is None else asked):
        return []
    if not has:
        warnings.warn(NOT_REQUIRED, RMessage, stacklevel=5)
    text = symbolic_text(names, s.correlation) if symbolic else correlation_text(names, s.correlation)
    return ["", text]


def _not_shown(p: int) -> str:
    return (
        f"\nCorrelation matrix not shown by default, as p = {p} > {current_options().lme4_summary_cor_max}.\n"
        "Use print(x, correlation=TRUE)  or\n    vcov(x)        if you need it\n"
    )
