"""Predictions, for the rows of the fit or for new ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Never

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.arguments import check_arguments
from pylmer.errors import DataError, ModelError
from pylmer.formula.newdata import fixed_matrix, matching_terms, new_offset, new_row_names, random_terms
from pylmer.methods.residuals import row_series
from pylmer.model import MerMod
from pylmer.rcompat.missing import NA, NAType

FloatArray = NDArray[np.float64]
Picks = Sequence[tuple[int, NDArray[np.intp]]]

__all__ = ["predict"]

NA_ACTIONS = ("na.pass", "na.omit", "na.exclude", "na.fail")


def predict(
    model: MerMod,
    newdata: object = None,
    re_form: str | NAType | None = None,
    allow_new_levels: bool = False,
    random_only: bool = False,
    na_action: str = "na.pass",
    **unused: Never,
) -> pd.Series[float]:
    """Predict the response.

    Parameters
    ----------
    model
        A fit.
    newdata
        A table with the variables of the formula (the response is not needed); None: the rows of the fit.
    re_form
        Which random effects to add: None for all, NA or ``"~0"`` for none, or a formula such as ``"~(1 | g)"`` for
        some.
    allow_new_levels
        Predict levels that the fit did not see, with random effects of 0; otherwise they are an error.
    random_only
        Only the random part.
    na_action
        For rows of ``newdata`` with a missing value: ``"na.pass"`` gives NaN, ``"na.omit"`` leaves them out,
        ``"na.fail"`` is an error.

    Returns
    -------
    Series
        One value a row, in the units of the response.  An offset that was given as an argument is used for the rows of
        the fit only, as in R; an ``offset()`` term always.

    Raises
    ------
    DataError
        New levels, changed types, missing values.
    FormulaError
        A variable that is not there, or a ``re_form`` that is no part of the model.

    Examples
    --------
    >>> from pylmer import NA, datasets, lmer, predict
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    >>> predict(m, {"Days": [0, 5], "Subject": ["308", "309"]}).round(2).tolist()
    [253.66, 220.24]
    >>> predict(m, {"Days": [0, 5]}, re_form=NA).round(2).tolist()
    [251.41, 303.74]
    """
    check_arguments(predict, locals())
    if na_action not in NA_ACTIONS:
        raise ModelError(f"na_action={na_action!r}: choose {', '.join(NA_ACTIONS)}")
    picks = _picks(model, re_form)
    if newdata is None:
        total = np.zeros(model.n) if random_only else model.mu - model.linear_random
        if picks is None:
            return row_series(model, total + model.linear_random)
        terms = model.design.re.terms
        return row_series(model, total + _random(model, picks, [(t.codes, t.columns) for t in terms]))
    names = pd.Index(list(new_row_names(newdata)))
    values = _new(model, newdata, picks, allow_new_levels, random_only)
    return _handle_missing(pd.Series(values, index=names), na_action)


def _picks(model: MerMod, re_form: str | NAType | None) -> Picks | None:
    """Terms and their columns to be added; None for all."""
    if re_form is None:
        return None
    if re_form is NA or (isinstance(re_form, str) and re_form.replace(" ", "") == "~0"):
        return ()
    if not isinstance(re_form, str):
        raise ModelError(f"re_form={re_form!r}: give None, NA or a formula such as '~(1 | g)'")
    return matching_terms(model.design.schema, re_form)


def _new(model: MerMod, newdata: object, picks: Picks | None, allow_new_levels: bool, random_only: bool) -> FloatArray:
    schema = model.design.schema
    if picks is None:
        picks = [(i, np.arange(t.k)) for i, t in enumerate(model.design.re.terms)]
    total: FloatArray | float = 0.0
    if not random_only:
        total = fixed_matrix(schema, newdata) @ model.beta
        offset = new_offset(schema, newdata)
        if offset is not None:
            total = total + offset
    if picks:
        wanted = sorted({i for i, _ in picks})
        found = random_terms(schema, newdata, allow_new_levels, wanted)
        rows = {term.index: (term.codes, term.columns) for term in found}
        total = total + _random(model, picks, rows)
    return np.asarray(total) + np.zeros(len(new_row_names(newdata)))


def _random(
    model: MerMod,
    picks: Picks,
    rows: Sequence[tuple[NDArray[np.intp], FloatArray]] | dict[int, tuple[NDArray[np.intp], FloatArray]],
) -> FloatArray | float:
    """Sum of Z b over the chosen terms and columns; a code of -1 adds 0."""
    total: FloatArray | float = 0.0
    for i, columns in picks:
        codes, Z = rows[i]
        b = np.vstack([model.state.b[i], np.zeros((1, model.design.re.terms[i].k))])[codes]
        total = total + np.einsum("nk,nk->n", Z[:, columns], b[:, columns])
    return total


def _handle_missing(values: pd.Series[float], na_action: str) -> pd.Series[float]:
    if na_action == "na.pass" or not values.isna().any():
        return values
    if na_action == "na.fail":
        raise DataError(f"missing values in object: row {values.index[values.isna()][0]} of newdata has one")
    return values.dropna()
