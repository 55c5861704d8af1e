"""The front door of the formula room: a formula and a table become the arrays that the engine needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pylmer.arguments import check_arguments
from pylmer.errors import DataError, FormulaError, ModelError
from pylmer.formula.batches.source import in_batches
from pylmer.formula.checks import (
    Checks,
    check_group_sizes,
    check_rank_of_Z,
    check_scale,
    check_term_sizes,
    drop_dependent_columns,
    gram_of,
)
from pylmer.formula.design import CallText, Design, ReTerm, ReTerms
from pylmer.formula.evaluate import Environment
from pylmer.formula.fixed_effects import chosen_contrasts, fixed_effects
from pylmer.formula.frame import ModelFrame, RowChoice, build_frame
from pylmer.formula.model_matrix import Columns
from pylmer.formula.parse import Formula, as_formula
from pylmer.formula.plan import Plan, plan_of
from pylmer.formula.random_effects import Bar, random_terms
from pylmer.formula.schema import remember
from pylmer.formula.table import as_table
from pylmer.formula.values import FloatArray, IntArray, Matrix, Value, Vector

__all__ = ["call_text", "lFormula", "offset_of", "response_of"]


def lFormula(
    formula: str | Formula,
    data: object = None,
    REML: bool = True,
    subset: object = None,
    weights: object = None,
    na_action: str = "na.omit",
    offset: object = None,
    contrasts: Mapping[str, object] | None = None,
    control: object = None,
) -> Design:
    """Apply a mixed-model formula to a table (lme4's ``lFormula``).

    Parameters
    ----------
    formula
        R's formula as text: ``"y ~ x + (x | g)"``.
    data
        A pandas or polars data frame, a pyarrow table, or a dict of arrays.
    REML
        Taken for the sake of R's order of arguments; the design does not depend on it.
    subset
        Rows to use: truth values, positions counted from 0, or an expression as text (``"x > 2"``).
    weights, offset
        Name of a column, an expression as text, or ``(n,)`` numbers for all rows of the table.
    na_action
        ``"na.omit"`` (rows with a missing value are dropped), ``"na.exclude"`` (and results are padded there),
        ``"na.fail"``, or ``"na.pass"``.
    contrasts
        For factors of the fixed part: name of a contrast function or a matrix, by variable.
    control
        Its attributes ``check_...`` say what the checks do; lme4's defaults where it has none.

    Returns
    -------
    Design
        Response, fixed-effects matrix of full column rank, random-effects terms in lme4's order, what new data need.

    Raises
    ------
    FormulaError
        If the formula makes no sense, or names what is not there.
    DataError
        If the data cannot be used.
    ModelError
        If the model cannot be fitted to these data.

    Examples
    --------
    >>> d = {"y": [1.0, 2.0, 4.0, 3.0, 5.0, 4.5], "x": [0.0, 1.0, 2.0, 0.0, 1.0, 2.0], "g": list("aaabbb")}
    >>> design = lFormula("y ~ x + (1 | g)", d)
    >>> design.X_names, design.re.terms[0].levels
    (('(Intercept)', 'x'), ('a', 'b'))
    """
    check_arguments(lFormula, locals())
    if in_batches(data):
        from pylmer.formula.batches.design import batched_design

        return batched_design(formula, data, subset, weights, na_action, offset, contrasts, control)
    formula = as_formula(formula)
    table = as_table(data)
    plan = plan_of(formula, table.names)
    checks = Checks.of(control)
    if plan.response is None and checks.check_formula_LHS == "stop":
        raise FormulaError(f"the formula has no response: write 'y {plan.text}'")
    env = Environment(table, formula.text)
    frame = build_frame(plan.variables, plan.response, env, RowChoice(subset, na_action, weights, offset))
    if frame.n == 0:
        raise DataError("0 (non-NA) cases: no row is left after 'subset' and the removal of missing values")
    terms = _checked_terms(plan, frame, checks, na_action.endswith("pass"))
    X = fixed_effects(plan.layout, frame, chosen_contrasts(contrasts, frame))
    gram = gram_of(X.matrix)
    kept = drop_dependent_columns(X, checks, gram=gram)
    matrix, names, dropped = _kept_columns(X, kept)
    numeric = X.numeric[kept] if dropped else X.numeric
    matrix, scale_note = check_scale(matrix, numeric, checks, gram=None if dropped else gram)
    re = ReTerms(tuple(term for _, term in terms))
    schema = remember(plan, frame, X, kept, [bar for bar, _ in terms], re)
    return Design(
        y=response_of(plan.response, frame),
        X=matrix,
        X_names=names,
        re=re,
        weights=frame.weights,
        offset=offset_of(plan, frame),
        row_names=frame.row_names,
        response=plan.response or "",
        call=call_text(plan, subset, weights, offset),
        schema=schema,
        dropped=dropped,
        scale_note=scale_note,
        na_rows=frame.na_rows,
        na_row_names=frame.na_row_names,
        frame=frame,
        na_exclude=frame.na_exclude,
    )


def _checked_terms(plan: Plan, frame: ModelFrame, checks: Checks, na_passed: bool) -> tuple[tuple[Bar, ReTerm], ...]:
    terms = random_terms(plan.bars, frame)
    only = [term for _, term in terms]
    check_group_sizes(only, frame.n, checks)
    check_term_sizes([(bar.text, term) for bar, term in terms], frame.n, checks)
    if na_passed:
        _refuse_missing(only)
    check_rank_of_Z(only, frame.n, checks)
    return terms


def _refuse_missing(terms: Sequence[ReTerm]) -> None:
    """Rows with missing values were let pass: Z cannot have them."""
    for t in terms:
        if np.isnan(t.columns).any() or t.codes.min() < 0:
            advice = "please use \"na.action='na.omit'\" or \"na.action='na.exclude'\""
            raise ModelError(f"NA in Z (random-effects model matrix): {advice}")


def _kept_columns(X: Columns, kept: IntArray) -> tuple[FloatArray, tuple[str, ...], tuple[str, ...]]:
    p = len(X.names)
    if len(kept) == p:
        return X.matrix, X.names, ()
    inside = set(kept.tolist())
    names = tuple(X.names[j] for j in kept.tolist())
    return X.matrix[:, kept], names, tuple(X.names[j] for j in range(p) if j not in inside)


def response_of(label: str | None, frame: ModelFrame) -> FloatArray:
    """The response as numbers, ``(n,)``."""
    if label is None:
        return np.zeros(frame.n)
    value = frame[label]
    if isinstance(value, Vector):
        return value.values.copy()  # the caller's data may change later
    if isinstance(value, Matrix) and value.values.shape[1] == 1:
        return value.values[:, 0]
    raise DataError(f"response must be numeric: {label} is {_described(value)}; lmer needs one numeric vector")


def _described(value: Value) -> str:
    if isinstance(value, Matrix):
        return f"a matrix of {value.values.shape[1]} columns"
    return "a factor" if not hasattr(value, "raw") else "a character vector"


def offset_of(plan: Plan, frame: ModelFrame) -> FloatArray | None:
    """The sum of the argument and of the ``offset()`` terms of the formula."""
    total = frame.offset
    for label in plan.offsets:
        value = frame[label]
        if not isinstance(value, Vector):
            raise DataError(f"{label} must be a numeric vector")
        total = value.values if total is None else total + value.values
    return total


def call_text(plan: Plan, subset: object, weights: object, offset: object) -> CallText:
    """The call as it is printed."""

    def spelled(given: object) -> str | None:
        return given if isinstance(given, str) else None

    return CallText(plan.text, None, spelled(weights), spelled(offset), spelled(subset))
