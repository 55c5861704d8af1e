"""Predictions, for the rows of the fit or for new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Never

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.arguments import check_arguments
from pylmer.errors import DataError, ModelError
from pylmer.formula.newdata import fixed_matrix, lhs_columns, matching_terms, new_offset, new_row_names, random_terms
from pylmer.methods.new_parameters import with_parameters
from pylmer.methods.prediction_errors import (
    Picks,
    Prediction,
    Rows,
    interval_table,
    left_out_variance,
    standard_errors,
    what_is_covered,
)
from pylmer.methods.residuals import row_series
from pylmer.model import MerMod
from pylmer.rcompat.missing import NA, NAType

FloatArray = NDArray[np.float64]

__all__ = ["NA_ACTIONS", "handle_missing", "predict"]

NA_ACTIONS = ("na.pass", "na.omit", "na.exclude", "na.fail")


def predict(
    model: MerMod,
    newdata: object = None,
    re_form: str | NAType | None = None,
    allow_new_levels: bool = False,
    random_only: bool = False,
    na_action: str = "na.pass",
    *,
    newparams: Mapping[str, object] | None = None,
    terms: object = None,
    type: Literal["link", "response"] = "link",
    se_fit: bool = False,
    interval: Literal["none", "confidence", "prediction"] = "none",
    level: float = 0.95,
    **unused: Never,
) -> Any:
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
    newparams
        ``beta``, ``theta``, ``sigma`` to predict with instead of the fit's; the spherical random effects stay.
    terms
        Only None: lme4 has no predictions by term either.
    type
        The same for both: of a linear model the link is the identity.
    se_fit
        Also give standard errors (lme4 from 1.1-32 on).
    interval
        ``"confidence"``: for the mean of the response in the groups that ``re_form`` keeps; ``"prediction"``: for a new
        observation there, with its residual, and with the spread of the random effects that ``re_form`` leaves out.
    level
        Of the interval.
    **unused
        Refused.

    Returns
    -------
    Series
        One value a row, in the units of the response.  An offset that was given as an argument is used for the rows of
        the fit only, as in R; an ``offset()`` term always.  With ``interval`` a DataFrame with ``fit``, ``lwr``,
        ``upr``, whose ``attrs["covers"]`` says what the interval covers; with ``se_fit`` a record of ``fit`` and
        ``se_fit``.

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
    >>> predict(m, {"Days": [0, 5]}, re_form=NA, se_fit=True).se_fit.round(3).tolist()
    [6.825, 9.581]

    Notes
    -----
    Standard errors come from the joint covariance of the estimates of fixed and random effects, with theta and sigma
    held at their estimates; a level that the fit did not see has the variance of the random effects.
    """
    check_arguments(predict, locals())
    if na_action not in NA_ACTIONS:
        raise ModelError(f"na_action={na_action!r}: choose {', '.join(NA_ACTIONS)}")
    if terms is not None:
        raise ModelError("terms functionality for predict not yet implemented: leave terms at None")
    if not 0.0 < level < 1.0:
        raise ModelError(f"level={level} is not a probability between 0 and 1")
    if newparams is not None:
        model = with_parameters(model, newparams)
    picks = _picks(model, re_form)
    fit = _values(model, newdata, picks, allow_new_levels, random_only)
    if not se_fit and interval == "none":
        return fit if newdata is None else handle_missing(fit, na_action)
    se = _errors(model, newdata, picks, allow_new_levels, random_only)
    errors = _like(model, newdata, se, fit)
    out: pd.Series[float] | pd.DataFrame = fit
    if interval != "none":
        extra = _new_observation(model, newdata, picks, allow_new_levels) if interval == "prediction" else 0.0
        sd = _like(model, newdata, np.asarray(np.sqrt(se**2 + extra)), fit).to_numpy()
        out = interval_table(
            fit,
            np.asarray(sd, dtype=np.float64),
            level,
            what_is_covered(model, interval, picks, level, newdata is not None),
        )
    if newdata is not None:
        out, errors = handle_missing(out, na_action), handle_missing(errors, na_action)
    return Prediction(out, errors) if se_fit else out


def _values(
    model: MerMod, newdata: object, picks: Picks | None, allow_new_levels: bool, random_only: bool
) -> pd.Series[float]:
    if newdata is None:
        total = np.zeros(model.n) if random_only else model.mu - model.linear_random
        if picks is None:
            return row_series(model, total + model.linear_random)
        terms = model.design.re.terms
        return row_series(model, total + _random(model, picks, [(t.codes, t.columns) for t in terms]))
    values = _new(model, newdata, picks, allow_new_levels, random_only)
    return pd.Series(values, index=pd.Index(list(new_row_names(newdata))))


def _like(model: MerMod, newdata: object, values: FloatArray, fit: pd.Series[float]) -> pd.Series[float]:
    """Values by row: of the fit's rows padded as its predictions are."""
    return row_series(model, values) if newdata is None else pd.Series(values, index=fit.index)


def _all_picks(model: MerMod) -> Picks:
    return [(i, np.arange(t.k)) for i, t in enumerate(model.design.re.terms)]


def _rows(model: MerMod, newdata: object, wanted: Sequence[int], allow_new_levels: bool) -> Rows:
    """Levels and columns of the terms."""
    if newdata is None:
        return {i: (model.design.re.terms[i].codes, model.design.re.terms[i].columns) for i in wanted}
    found = random_terms(model.design.schema, newdata, allow_new_levels, wanted)
    return {term.index: (term.codes, term.columns) for term in found}


def _errors(
    model: MerMod, newdata: object, picks: Picks | None, allow_new_levels: bool, random_only: bool
) -> FloatArray:
    picks = _all_picks(model) if picks is None else picks
    n = model.n if newdata is None else len(new_row_names(newdata))
    X = None
    if not random_only:
        X = model.design.X if newdata is None else fixed_matrix(model.design.schema, newdata)
    return standard_errors(model, X, picks, _rows(model, newdata, sorted({i for i, _ in picks}), allow_new_levels), n)


def _new_observation(model: MerMod, newdata: object, picks: Picks | None, allow_new_levels: bool) -> FloatArray:
    """Variance beyond the standard error: of the random effects left out, and of the residual."""
    n = model.n if newdata is None else len(new_row_names(newdata))
    total = np.full(n, model.residual_sd**2)
    if newdata is None and model.design.weights is not None:
        total /= model.design.weights
    if picks is None:
        return total
    terms, kept = model.design.re.terms, {i: len(columns) for i, columns in picks}
    left = [i for i, t in enumerate(terms) if kept.get(i) != t.k]
    if newdata is None:
        return total + left_out_variance(model, picks, _rows(model, None, left, True), n)
    rows = {i: (np.full(n, -1), lhs_columns(model.design.schema, newdata, i)) for i in left}
    return total + left_out_variance(model, picks, rows, n)


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
        picks = _all_picks(model)
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


def handle_missing(values: pd.Series[float] | pd.DataFrame, na_action: str) -> Any:
    """Rows with missing values as ``na_action`` says: kept, left out, or an error."""
    missing = np.isnan(values.to_numpy(dtype=np.float64)).reshape(len(values), -1).any(axis=1)
    if na_action in ("na.pass", "na.exclude") or not missing.any():
        return values
    if na_action == "na.fail":
        raise DataError(f"missing values in object: row {values.index[np.flatnonzero(missing)[0]]} of newdata has one")
    return values.iloc[np.flatnonzero(~missing)]
