"""R's text of principal components of random effects, and of a family."""

from __future__ import annotations

import numpy as np

from pylmer.formula.ast import Name
from pylmer.formula.deparse import deparse
from pylmer.methods.extract import Family
from pylmer.methods.re_pca import RePCA, SummaryRePCA
from pylmer.rcompat.format import format_numbers
from pylmer.rcompat.layout import print_matrix
from pylmer.rcompat.options import current_options
from pylmer.rcompat.printable import as_text

__all__: list[str] = []

IMPORTANCE = ("Standard deviation", "Proportion of Variance", "Cumulative Proportion")


@as_text.register
def _(x: Family) -> str:
    return f"\nFamily: {x.family} \nLink function: {x.link} \n"


@as_text.register
def _(x: RePCA, *, digits: int | None = None) -> str:
    parts = []
    for group, pca in x.items():
        k = len(pca.sdev)
        values = print_plain(pca.sdev, digits)
        rotation = print_matrix(pca.rotation, None, None, digits)
        head = f"{_tag(group)}\nStandard deviations (1, .., p={k}):"
        parts.append(f"{head}\n{values}\n\nRotation (n x k) = ({k} x {k}):\n{rotation}\n")
    return "\n".join(parts) + '\nattr(,"class")\n[1] "prcomplist"'


@as_text.register
def _(x: SummaryRePCA, *, digits: int | None = None) -> str:
    digits = max(3, current_options().digits - 3) if digits is None else digits
    parts = []
    for group, pca in x.pca.items():
        table = print_matrix(
            pca.importance, IMPORTANCE, [f"[,{j + 1}]" for j in range(len(pca.sdev))], digits, na="NaN"
        )
        parts.append(f"{_tag(group)}\nImportance of components:\n{table}\n")
    return "\n".join(parts)


def _tag(group: str) -> str:
    """How R heads an element of a list."""
    return f"${deparse(Name(group))}"


def print_plain(values: np.ndarray[tuple[int], np.dtype[np.float64]], digits: int | None = None) -> str:
    """R's print of a numeric vector without names."""
    texts = format_numbers(values, digits)
    width = current_options().width
    tag = len(str(len(texts))) + 2
    per_line = max(1, (width - tag) // (len(texts[0]) + 1))
    lines = []
    for first in range(0, len(texts), per_line):
        lines.append(f"[{first + 1}]".rjust(tag) + "".join(" " + t for t in texts[first : first + per_line]))
    return "\n".join(lines)
