"""The formula of a fit, its terms, its model frame and its matrices: of a fit, or of a formula and data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import pandas as pd

from pylmer.arguments import check_arguments
from pylmer.errors import FormulaError, ModelError
from pylmer.formula import linear
from pylmer.formula import terms as formula_terms
from pylmer.formula.ast import call
from pylmer.formula.bars import findbars, nobars, subbars
from pylmer.formula.frame_table import frame_table
from pylmer.formula.parse import Formula, as_formula
from pylmer.methods.components import getME
from pylmer.model import MerMod

__all__ = ["formula", "model_frame", "model_matrix", "terms"]


def formula(model: MerMod | str | Formula, fixed_only: bool = False, random_only: bool = False) -> Formula:
    """Return the formula of a fit (``str`` spells it as R does), or a text as a formula.

    Parameters
    ----------
    model
        A fit, or a formula.
    fixed_only, random_only
        Only the fixed part, or only the random-effects terms (written out: ``(1 | a/b)`` as two terms).

    Examples
    --------
    >>> from pylmer import datasets, formula, lmer
    >>> str(formula(lmer("Yield ~ 1+(1|Batch)", datasets.Dyestuff())))
    'Yield ~ 1 + (1 | Batch)'
    """
    check_arguments(formula, locals())
    whole = model.design.schema.plan.formula if isinstance(model, MerMod) else as_formula(model)
    if fixed_only and random_only:
        raise ModelError("can't specify 'only fixed' and 'only random' terms: leave one of them out")
    if fixed_only:
        return nobars(whole)
    return _only_random(whole) if random_only else whole


def _only_random(whole: Formula) -> Formula:
    bars = [call("(", bar) for bar in findbars(whole)]
    if not bars:
        raise FormulaError(f"No random effects terms specified in formula: '{whole}' has no (x | g)")
    total = bars[0]
    for bar in bars[1:]:
        total = call("+", total, bar)
    return Formula.of(call("~", *(() if whole.lhs is None else (whole.lhs,)), total))


def terms(
    model: MerMod | str | Formula, data: object = None, fixed_only: bool = True, random_only: bool = False
) -> formula_terms.Terms:
    """Return the terms of the fixed part of a fit, or of a formula (a dot in it stands for the columns of ``data``).

    Parameters
    ----------
    model
        A fit, or a formula.
    data
        The table, for a formula.
    fixed_only
        Of a fit: the terms of the fixed part (the default), or of the formula with bars read as sums.
    random_only
        Of a fit: the terms of the random part, bars read as sums.

    Examples
    --------
    >>> from pylmer import terms
    >>> terms("y ~ a*b - a").term_labels
    ('b', 'a:b')
    """
    check_arguments(terms, locals())
    if isinstance(model, MerMod):
        plan = model.design.schema.plan
        if random_only:
            return formula_terms.terms(subbars(_only_random(plan.formula)))
        return plan.fixed if fixed_only else plan.frame
    names = None if data is None else tuple(str(name) for name in data)  # type: ignore[attr-defined]
    return formula_terms.terms(model, names)


def model_frame(
    model: MerMod | str | Formula, data: object = None, fixed_only: bool = False, **settings: Any
) -> pd.DataFrame:
    """Return the variables of a formula on the rows that are used.

    Parameters
    ----------
    model
        A fit, or a formula.
    data
        The table, for a formula.
    fixed_only
        Of a fit: only the variables of its fixed part.
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
    frame = model.design.frame
    if fixed_only:
        plan = model.design.schema.plan
        wanted = {*plan.fixed.variable_names, *(() if plan.response is None else (plan.response,))}
        frame = replace(frame, variables={name: v for name, v in frame.variables.items() if name in wanted})
    return frame_table(frame)


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
