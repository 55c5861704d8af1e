"""Predictions, for the rows of the fit or for new ones."""

from __future__ import annotations

import pandas as pd

from pylmer.errors import ModelError
from pylmer.methods.residuals import row_series
from pylmer.methods.simulate import no_random_effects
from pylmer.model import MerMod
from pylmer.rcompat.missing import NAType

__all__ = ["predict"]


def predict(
    model: MerMod,
    newdata: object = None,
    re_form: str | NAType | None = None,
    allow_new_levels: bool = False,
    random_only: bool = False,
    na_action: str = "na.pass",
) -> pd.Series[float]:
    """Predict the response."""
    without = no_random_effects(re_form)
    if newdata is not None:
        raise ModelError("newdata")
    if random_only:
        return row_series(model, model.linear_random * (0.0 if without else 1.0))
    return row_series(model, model.mu - model.linear_random if without else model.mu)
