"""Correlations as symbols, R's ``symnum``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from pylmer.rcompat.layout import print_text_matrix
from pylmer.rcompat.names import abbreviate
from pylmer.rcompat.options import current_options

__all__ = ["symbolic_text"]

CUTS = (0.3, 0.6, 0.8, 0.9, 0.95)
SYMBOLS = (" ", ".", ",", "+", "*", "B")


def symbolic_text(names: Sequence[str], correlation: ArrayLike) -> str:
    """Correlations of the fixed effects as symbols, with R's legend.

    Parameters
    ----------
    names
        The p coefficients.
    correlation
        ``(p, p)``.
    """
    r = np.abs(np.asarray(correlation, dtype=np.float64))
    place = np.searchsorted(CUTS, r, side="left")
    rows = [
        ["1" if i == j else SYMBOLS[place[i, j]] if j < i else "" for j in range(len(names))] for i in range(len(names))
    ]
    table = print_text_matrix(rows, abbreviate(names, 11), [name[:1] for name in names])
    left, right = ("\u2018", "\u2019") if current_options().useFancyQuotes else ("'", "'")
    steps = " ".join(f"{cut:g} {left}{s}{right}" for cut, s in zip((0, *CUTS), SYMBOLS, strict=True))
    return f'Correlation of Fixed Effects:\n{table}\nattr(,"legend")\n[1] {steps} 1'
