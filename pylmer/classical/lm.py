"""lm: linear models by least squares."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Never

from pylmer.arguments import check_arguments
from pylmer.classical.inputs import call_of, inputs_of
from pylmer.classical.least_squares import least_squares
from pylmer.classical.record import Lm
from pylmer.formula.frame import RowChoice
from pylmer.formula.parse import Formula, as_formula
from pylmer.formula.table import as_table
from pylmer.formula.terms import terms

__all__ = ["lm"]


def lm(
    formula: str | Formula,
    data: object = None,
    subset: object = None,
    weights: object = None,
    na_action: str = "na.omit",
    offset: object = None,
    contrasts: Mapping[str, object] | None = None,
    **unused: Never,
) -> Lm:
    """Fit a linear model by (weighted) least squares, as R's ``lm``.

    Parameters
    ----------
    formula
        R's formula as text: ``"y ~ x + f"``.
    data
        A pandas or polars data frame, a pyarrow table, or a dict of arrays.
    subset
        Rows to use: truth values, positions counted from 0, or an expression as text.
    weights, offset
        Name of a column, an expression as text, or ``(n,)`` numbers for all rows of the table.
    na_action
        ``"na.omit"``, ``"na.exclude"``, ``"na.fail"`` or ``"na.pass"``.
    contrasts
        For factors: name of a contrast function or a matrix, by variable.

    Returns
    -------
    Lm
        The fit. Coefficients of columns that depend on earlier ones are NaN.

    Raises
    ------
    FormulaError
        If the formula makes no sense, or names what is not there.
    DataError
        If the data cannot be used.

    Examples
    --------
    >>> d = {"x": [1.0, 2.0, 3.0, 4.0], "y": [2.1, 3.9, 6.2, 7.8]}
    >>> lm("y ~ x", d).coef().round(3).to_dict()
    {'(Intercept)': 0.15, 'x': 1.94}
    """
    check_arguments(lm, locals())
    parsed = as_formula(formula)
    table = as_table(data)
    given = {
        "subset": subset,
        "weights": weights,
        "na.action": None if na_action == "na.omit" else na_action,
        "contrasts": contrasts,
        "offset": offset,
    }
    call = call_of("lm", parsed, given, sys._getframe(1), data)
    found = terms(parsed, table.names)
    made = inputs_of(found, table, RowChoice(subset, na_action, weights, offset), contrasts, call)
    fit = least_squares(made.X.matrix, made.y, made.X.assign, made.weights, made.offset)
    return Lm(fit, made.X.matrix, made.y, made.X.names, found.term_labels, made.source)
