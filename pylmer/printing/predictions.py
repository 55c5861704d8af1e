"""R's text of predictions with standard errors: a list of ``fit`` and ``se.fit``."""

from __future__ import annotations

from pylmer.methods.prediction_errors import Prediction
from pylmer.rcompat.layout import print_matrix, print_named_vector
from pylmer.rcompat.printable import as_text

__all__: list[str] = []


@as_text.register
def _(x: Prediction, *, digits: int | None = None) -> str:
    rows = [str(label) for label in x.se_fit.index]
    if x.fit.ndim == 2:
        fit = print_matrix(x.fit.to_numpy(), rows, ["fit", "lwr", "upr"], digits)
    else:
        fit = print_named_vector(x.fit.to_numpy(), rows, digits)
    return f"$fit\n{fit}\n\n$se.fit\n{print_named_vector(x.se_fit.to_numpy(), rows, digits)}\n"
