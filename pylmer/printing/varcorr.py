"""The table of random effects: groups, names, variances, standard deviations, correlations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pylmer.errors import PylmerError
from pylmer.methods.varcorr import VarCorr, VarCorrTerm
from pylmer.rcompat.format import format_numbers
from pylmer.rcompat.layout import print_text_matrix
from pylmer.rcompat.named_list import NamedList
from pylmer.rcompat.options import current_options
from pylmer.rcompat.printable import as_text
from pylmer.rcompat.rounding import r_round

Formatter = Callable[..., Sequence[str]]

__all__ = ["formatVC", "varcorr_text"]

COMPONENTS = ("Variance", "Std.Dev.")


def _correlations(t: VarCorrTerm, decimals: int) -> list[list[str]]:
    """The rows of one term: its correlations below the diagonal, all in one format."""
    k = len(t.names)
    texts = format_numbers(r_round(t.correlation, decimals), nsmall=decimals, na="NaN")
    return [[texts[i * k + j] if j < i else "" for j in range(k)] for i in range(k)]


@as_text.register
def varcorr_text(
    vc: VarCorr,
    *,
    digits: int | None = None,
    comp: str | Sequence[str] = "Std.Dev.",
    formatter: Formatter | None = None,
) -> str:
    """R's print of a ``VarCorr``: one row for each standard deviation.

    Parameters
    ----------
    vc
        Variances and correlations.
    digits
        Significant digits that every entry of a column shows; default the option ``digits`` less 2. Correlations have
        2 decimals less, but at least 2.
    comp
        ``"Variance"``, ``"Std.Dev."`` or both; the beginning of a name will do.
    formatter
        Makes texts of numbers, called as ``formatter(values, digits=digits)``; default R's ``format``.

    Returns
    -------
    str
        Lines without a last newline.
    """
    rows, headers = _table(vc, digits, comp, formatter, vc.useSc)
    return print_text_matrix(rows, [""] * len(rows), headers)


def formatVC(
    varcor: VarCorr,
    digits: int | None = None,
    comp: str | Sequence[str] = "Std.Dev.",
    formatter: Formatter | None = None,
    useScale: bool | None = None,
) -> NamedList[list[str]]:
    """The table of random effects as texts (lme4's ``formatVC``).

    Parameters
    ----------
    varcor
        What ``VarCorr(m)`` gives.
    digits, comp, formatter
        As for its print.
    useScale
        Whether there is a row for the residual; default as in ``varcor``.

    Returns
    -------
    NamedList
        Columns of texts: ``Groups``, ``Name``, those asked for, and ``Corr`` where there are correlations (further
        columns of them have no name).

    Raises
    ------
    PylmerError
        An unknown ``comp``.

    Examples
    --------
    >>> from pylmer import VarCorr, datasets, formatVC, lmer
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    >>> formatVC(VarCorr(m))["Std.Dev."]
    ['24.7405', ' 5.9221', '25.5918']
    """
    rows, headers = _table(varcor, digits, comp, formatter, varcor.useSc if useScale is None else useScale)
    return NamedList((name, [row[j] if j < len(row) else "" for row in rows]) for j, name in enumerate(headers))


def _components(comp: str | Sequence[str]) -> list[str]:
    """What is shown, in the order asked for; the beginning of a name stands for it."""
    asked = [comp] if isinstance(comp, str) else list(comp)
    if not asked:
        raise PylmerError(f"Must *either* show variances or standard deviations: give comp, of {', '.join(COMPONENTS)}")
    unknown = [c for c in asked if not c or not any(known.startswith(c) for known in COMPONENTS)]
    if unknown:
        raise PylmerError(f"Illegal 'comp': {', '.join(unknown)}; choose from {', '.join(COMPONENTS)}")
    return list(dict.fromkeys(next(known for known in COMPONENTS if known.startswith(c)) for c in asked))


def _table(
    vc: VarCorr, digits: int | None, comp: str | Sequence[str], formatter: Formatter | None, residual: bool
) -> tuple[list[list[str]], list[str]]:
    digits = max(3, current_options().digits - 2) if digits is None else digits
    shown = _components(comp)
    groups: list[str] = []
    names: list[str] = []
    deviations: list[float] = []
    for t in vc.terms:
        groups += [t.group, *[""] * (len(t.names) - 1)]
        names += t.names
        deviations += t.stddev.tolist()
    if residual:
        groups.append("Residual")
        names.append("")
        deviations.append(vc.sigma)
    columns = [groups, names]
    for c in shown:
        values = np.square(deviations) if c == "Variance" else np.asarray(deviations)
        columns.append(
            list(formatter(values, digits=digits)) if formatter else format_numbers(values, digits, na="NaN")
        )
    headers = ["Groups", "Name", *shown]
    rows = [list(row) for row in zip(*columns, strict=True)]
    widest = max(len(t.names) for t in vc.terms)
    if widest > 1:
        correlations = [row for t in vc.terms for row in _correlations(t, max(2, digits - 2))]
        correlations += [[]] * (len(rows) - len(correlations))
        rows = [row + (found + [""] * widest)[: widest - 1] for row, found in zip(rows, correlations, strict=True)]
        headers += ["Corr", *[""] * (widest - 2)]
    return rows, headers
