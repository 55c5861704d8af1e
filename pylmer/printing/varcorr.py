"""The table of random effects: groups, names, variances, standard deviations, correlations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pylmer.errors import PylmerError
from pylmer.methods.varcorr import VarCorr, VarCorrTerm
from pylmer.rcompat.format import format_numbers
from pylmer.rcompat.layout import print_text_matrix
from pylmer.rcompat.options import current_options
from pylmer.rcompat.printable import as_text
from pylmer.rcompat.rounding import r_round

__all__ = ["varcorr_text"]

COMPONENTS = ("Variance", "Std.Dev.")


def _correlations(t: VarCorrTerm, decimals: int) -> list[list[str]]:
    """The rows of one term: its correlations below the diagonal, all in one format."""
    k = len(t.names)
    texts = format_numbers(r_round(t.correlation, decimals), nsmall=decimals, na="NaN")
    return [[texts[i * k + j] if j < i else "" for j in range(k)] for i in range(k)]


@as_text.register
def varcorr_text(vc: VarCorr, *, digits: int | None = None, comp: str | Sequence[str] = "Std.Dev.") -> str:
    """R's print of a ``VarCorr``: one row for each standard deviation.

    Parameters
    ----------
    vc
        Variances and correlations.
    digits
        Significant digits that every entry of a column shows; default the option ``digits`` less 2. Correlations have
        2 decimals less, but at least 2.
    comp
        ``"Variance"``, ``"Std.Dev."`` or both.

    Returns
    -------
    str
        Lines without a last newline.
    """
    digits = max(3, current_options().digits - 2) if digits is None else digits
    shown = [comp] if isinstance(comp, str) else list(comp)
    unknown = [c for c in shown if c not in COMPONENTS]
    if unknown or not shown:
        raise PylmerError(f"Illegal 'comp': {', '.join(unknown)}; choose from {', '.join(COMPONENTS)}")
    groups: list[str] = []
    names: list[str] = []
    deviations: list[float] = []
    for t in vc.terms:
        groups += [t.group, *[""] * (len(t.names) - 1)]
        names += t.names
        deviations += t.stddev.tolist()
    if vc.useSc:
        groups.append("Residual")
        names.append("")
        deviations.append(vc.sigma)
    columns = [groups, names]
    for c in shown:
        values = np.square(deviations) if c == "Variance" else np.asarray(deviations)
        columns.append(format_numbers(values, digits, na="NaN"))
    headers = ["Groups", "Name", *shown]
    rows = [list(row) for row in zip(*columns, strict=True)]
    widest = max(len(t.names) for t in vc.terms)
    if widest > 1:
        correlations = [row for t in vc.terms for row in _correlations(t, max(2, digits - 2))]
        correlations += [[]] * (len(rows) - len(correlations))
        rows = [row + (found + [""] * widest)[: widest - 1] for row, found in zip(rows, correlations, strict=True)]
        headers += ["Corr", *[""] * (widest - 2)]
    return print_text_matrix(rows, [""] * len(rows), headers)
