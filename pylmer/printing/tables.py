"""R's text of anova tables, whatever made them: anova, drop1, ranova, lm."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from pylmer.inference.tables import AnovaFrame
from pylmer.rcompat.options import current_options
from pylmer.rcompat.printable import as_text
from pylmer.rcompat.pvalues import print_coefmat

__all__ = ["anova_text", "deviance_label"]

RENAMED_DEVIANCE = (1, 1, 36)
TESTS = ("F", "Cp", "Chisq")


def deviance_label(name: str) -> str:
    """What lme4 calls a column: from 1.1-36 on ``deviance`` is ``-2*log(L)``."""
    return "-2*log(L)" if name == "deviance" and current_options().lme4_version >= RENAMED_DEVIANCE else name


def anova_text(
    values: ArrayLike,
    row_names: Sequence[str],
    column_names: Sequence[str],
    heading: Sequence[str] = (),
    digits: int | None = None,
    signif_stars: bool | None = None,
) -> str:
    """R's print of a table of class anova.

    What a column holds is told by its name: p-values start with ``P(`` or ``Pr(`` and come last, test statistics are
    called ``F``, ``Chisq``, ``Cp`` or ``... value``, degrees of freedom end with ``Df``; in the others what is small
    beside the largest element is 0.

    Parameters
    ----------
    values
        ``(m, k)`` numbers, NaN where there is none.
    row_names, column_names
        Labels; ``deviance`` is renamed as the version of lme4 asks for.
    heading
        Texts above the table, each on lines of its own.
    digits
        Significant digits; default the option ``digits`` less 2, and at least 3.
    signif_stars
        Whether p-values get stars; default the option ``show_signif_stars``.

    Returns
    -------
    str
        Lines without a last newline.
    """
    digits = max(current_options().digits - 2, 3) if digits is None else digits
    names = [deviance_label(name) for name in column_names]
    if not len(row_names):
        return "\n".join([*heading, " ".join([" " * 4, *names])])
    has_p = names[-1].startswith(("P(", "Pr("))
    tests = [j for j, name in enumerate(names) if name[1:7] == " value"]
    tests += [j for j, name in enumerate(names) if name in TESTS]
    others = [j for j in range(len(names) - has_p) if j not in tests and not names[j].endswith("Df")]
    table = print_coefmat(
        values,
        row_names,
        names,
        digits,
        signif_stars=signif_stars,
        has_Pvalue=has_p,
        P_values=has_p,
        cs_ind=[],
        zap_ind=others,
        tst_ind=tests,
        na_print="",
    )
    return "\n".join([*heading, table])


@as_text.register
def _(x: AnovaFrame, *, digits: int | None = None) -> str:
    return anova_text(x.to_numpy(), [str(i) for i in x.index], [str(c) for c in x.columns], x.heading, digits)
