"""R's text of ``ranef(m, drop = TRUE)``: a vector for each group of one effect."""

from __future__ import annotations

import numpy as np

from pylmer.formula.tokens import is_syntactic_name
from pylmer.methods.random import RanEf
from pylmer.printing.components import print_plain
from pylmer.rcompat.layout import print_data_frame, print_named_vector
from pylmer.rcompat.pvalues import quoted

__all__ = ["dropped_text"]


def dropped_text(x: RanEf, digits: int | None = None) -> str:
    """R's print: vectors with their conditional variances as attributes, data frames as ever.

    Parameters
    ----------
    x
        Conditional modes, dropped to vectors where a group has one effect.
    digits
        Significant digits, default the option.
    """
    parts = []
    for group in x:
        modes = x[group]
        tag = group if is_syntactic_name(group) else f"`{group}`"
        rows = [str(label) for label in modes.index]
        if modes.ndim == 1:
            text = print_named_vector(modes.to_numpy(), rows, digits)
            if group in x.postVar:
                text += f'\nattr(,"postVar")\n{print_plain(np.asarray(x.postVar[group]), digits)}'
        else:
            values = modes.to_numpy()
            text = print_data_frame({str(c): values[:, j] for j, c in enumerate(modes.columns)}, rows, digits)
        parts.append(f"${tag}\n{text}\n")
    text = "\n".join(parts)
    if x.postVar:
        text += "\nwith conditional variances for " + " ".join(quoted(g, double=True) for g in x.postVar) + " "
    return text
