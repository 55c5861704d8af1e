"""The formula of a fit, its terms, its model frame and its matrices: of a fit, or of a formula and data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd

from pylmer.arguments import check_arguments
from pylmer.errors import ModelError
from pylmer.formula import linear
from pylmer.formula import terms as formula_terms
from pylmer.formula.frame_table import frame_table
from pylmer.formula.parse import Formula, as_formula
from pylmer.methods.components import getME
from pylmer.model import MerMod

__all__ = ["formula", "model_frame", "model_matrix", "terms"]


def formula(model: MerMod | str | Formula) -> Formula:
    """Return the formula of a fit (``str`` spells it as R does), or a text as a formula.

    Examples
    --------
    >>> from pylmer import datasets, formula, lmer
    >>> str(formula(lmer("Yield ~ 1+(1|Batch)", datasets.Dyestuff())))
    'Yield ~ 1 + (1 | Batch)'
    """
    check_arguments(formula, locals())
    return model.design.schema.plan.formula if isinstance(model, MerMod) else as_formula(model)


def terms(model: MerMod | str | Formula, data: object = None) -> formula_terms.Terms:
    """Return the terms of the fixed part of a fit, or of a formula (a dot in it stands for the columns of ``data``).

    Examples
    --------
    >>> from pylmer import terms
    >>> terms("y ~ a*b - a").term_labels
    ('b', 'a:b')
    """
    check_arguments(terms, locals())
    if isinstance(model, MerMod):
        return model.design.schema.plan.fixed
    names = None if data is None else tuple(str(name) for name in data)  # type: ignore[attr-defined]
    return formula_terms.terms(model, names)


def model_frame(model: MerMod | str | Formula, data: object = None, **settings: Any) -> pd.DataFrame:
    """Return the variables of a formula on the rows that are used.

    Parameters
    ----------
    model
        A fit, or a formula.
    data
        The table, for a formula.
    **settings
        For a formula: ``subset, na_action, weights, offset``, as in ``lmer``.

    Examples
    --------
    >>> from pylmer import model_frame
    >>> model_frame("y ~ log(x)", {"y": [1.0, 2.0], "x": [1.0, None]}).to_dict("list")
    {'y': [1.0], 'log(x)': [0.0]}
    """
    check_arguments(model_frame, locals())
    if not isinstance(model, MerMod):
        return frame_table(linear.model_frame(model, data, **settings).frame)
    if model.design.frame is None:
        raise ModelError("this fit does not have its model frame with it")
    return frame_table(model.design.frame)


def model_matrix(
    model: MerMod | str | Formula,
    data: object = None,
    type: Literal["fixed", "random", "randomListRaw"] = "fixed",
    contrasts: Mapping[str, object] | None = None,
) -> Any:
    """Return the matrices of a fit, or the fixed-effects matrix of a formula.

    Parameters
    ----------
    model
        A fit, or a formula.
    data
        The table, for a formula.
    type
        Of a fit: ``"fixed"`` (X, a data frame), ``"random"`` (Z, sparse) or ``"randomListRaw"`` (the left-hand sides by
        term).
    contrasts
        For a formula: contrasts by variable.

    Examples
    --------
    >>> from pylmer import datasets, lmer, model_matrix
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    >>> model_matrix(m, type="random").shape
    (30, 6)
    """
    check_arguments(model_matrix, locals())
    if not isinstance(model, MerMod):
        framed = linear.model_frame(model, data)
        X = linear.model_matrix(framed, contrasts=contrasts)
        return pd.DataFrame(X.matrix, index=list(framed.frame.row_names), columns=list(X.names))
    parts = {"fixed": "X", "random": "Z", "randomListRaw": "mmList"}
    if type not in parts:
        raise ModelError(f"type={type!r}: choose {', '.join(map(repr, parts))}")
    return getME(model, parts[type])
