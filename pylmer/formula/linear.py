"""R's ``model.frame``, ``model.matrix`` and lme4's ``mkReTrms``, one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pylmer.errors import FormulaError
from pylmer.formula.ast import Node
from pylmer.formula.bars import subbars
from pylmer.formula.coerce import as_factor
from pylmer.formula.design import ReTerm, ReTerms
from pylmer.formula.evaluate import Environment
from pylmer.formula.fixed_effects import chosen_contrasts, fixed_effects
from pylmer.formula.frame import ModelFrame, RowChoice, build_frame
from pylmer.formula.model_matrix import Columns
from pylmer.formula.parse import Formula, as_formula
from pylmer.formula.plan import Plan, bars_of, layout_of
from pylmer.formula.random_effects import random_terms
from pylmer.formula.schema import Schema, remember
from pylmer.formula.table import as_table, value_of_any
from pylmer.formula.terms import Terms, terms
from pylmer.formula.values import Value
from pylmer.rcompat.factors import Factor

__all__ = ["FramedTerms", "dummy", "linear_schema", "mkReTrms", "model_frame", "model_matrix"]


@dataclass(frozen=True, eq=False)
class FramedTerms:
    """A model frame together with the terms it was made for.

    Parameters
    ----------
    frame
        The variables on the rows kept.
    terms
        The terms of the formula, bars read as sums.
    """

    frame: ModelFrame
    terms: Terms


def model_frame(
    formula: str | Formula,
    data: object = None,
    subset: object = None,
    na_action: str = "na.omit",
    weights: object = None,
    offset: object = None,
) -> FramedTerms:
    """Evaluate the variables of a formula (R's ``model.frame`` with ``drop.unused.levels = TRUE``).

    Parameters
    ----------
    formula
        R's formula as text; bars are read as sums, as lme4 does.
    data
        A pandas or polars data frame, a pyarrow table, or a dict of arrays.
    subset, na_action, weights, offset
        As in :func:`pylmer.formula.lformula.lFormula`.

    Examples
    --------
    >>> framed = model_frame("y ~ log(x)", {"y": [1.0, 2.0, 3.0], "x": [1.0, None, 2.0]})
    >>> list(framed.frame.variables), framed.frame.row_names.tolist()
    (['y', 'log(x)'], [1, 3])
    """
    table = as_table(data)
    written = as_formula(formula)
    found = terms(subbars(written), tuple(table.names))
    response = found.variable_names[0] if found.response else None
    variables = tuple(zip(found.variable_names, found.variables, strict=True))
    env = Environment(table, found.formula.text)
    frame = build_frame(variables, response, env, RowChoice(subset, na_action, weights, offset))
    return FramedTerms(frame, found)


def model_matrix(
    formula: str | Formula | FramedTerms, data: object = None, contrasts: Mapping[str, object] | None = None
) -> Columns:
    """R's ``model.matrix``: the columns of the terms of a formula.

    Parameters
    ----------
    formula
        A formula, or what :func:`model_frame` gave.
    data
        The table, where a formula was given.
    contrasts
        Name of a contrast function or a matrix, by variable.

    Returns
    -------
    Columns
        ``matrix`` (n, p), ``names``, ``assign`` and the ``contrasts`` used.

    Examples
    --------
    >>> model_matrix("~ f", {"f": ["a", "b", "a"]}).names
    ('(Intercept)', 'fb')
    """
    framed = formula if isinstance(formula, FramedTerms) else model_frame(formula, data)
    return fixed_effects(layout_of(framed.terms), framed.frame, chosen_contrasts(contrasts, framed.frame))


def mkReTrms(
    bars: Sequence[Node],
    framed: FramedTerms,
    drop_unused_levels: bool = True,
    reorder_terms: bool = True,
    reorder_vars: bool = False,
) -> ReTerms:
    """lme4's ``mkReTrms``: the random-effects terms of bars over a model frame.

    Parameters
    ----------
    bars
        What :func:`pylmer.formula.bars.findbars` gave.
    framed
        What :func:`model_frame` gave for the whole formula.
    drop_unused_levels
        Leave out levels of grouping factors that have no row.
    reorder_terms
        Put the terms into decreasing order of their numbers of levels.
    reorder_vars
        Put the columns of each term into alphabetical order, the intercept first (lme4 1.1-31 stops here).
    """
    frame = framed.frame
    if not drop_unused_levels:
        frame = replace(frame, variables=_with_all_levels(frame))
    terms = [term for _, term in random_terms(bars_of(bars), frame, reorder_terms)]
    return ReTerms(tuple(_with_sorted_columns(t) if reorder_vars else t for t in terms))


def _with_all_levels(frame: ModelFrame) -> dict[str, Value]:
    """The variables, factors with the levels that they have in the table."""
    out = dict(frame.variables)
    for name, value in out.items():
        if isinstance(value, Factor) and name in frame.env.table:
            whole = frame.env.table.column(name)
            if isinstance(whole, Factor):
                out[name] = whole if frame.rows is None else whole.take(frame.rows)
    return out


def _with_sorted_columns(t: ReTerm) -> ReTerm:
    order = sorted(range(t.k), key=lambda j: (t.names[j] != "(Intercept)", t.names[j]))
    return replace(t, names=tuple(t.names[j] for j in order), columns=t.columns[:, order])


def dummy(f: object, levelsToKeep: Sequence[str] | None = None) -> pd.DataFrame:
    """lme4's ``dummy``: indicator columns of some levels of a factor.

    Parameters
    ----------
    f
        ``(n,)`` labels, or a pandas Categorical.
    levelsToKeep
        The levels that get a column; all but the first by default.

    Examples
    --------
    >>> dummy(["a", "b", "c", "b"]).to_dict("list")
    {'b': [0.0, 1.0, 0.0, 1.0], 'c': [0.0, 0.0, 1.0, 0.0]}
    """
    factor = as_factor(value_of_any(f, "f"))
    wanted = factor.levels[1:] if levelsToKeep is None else levelsToKeep
    keep = [label for label in wanted if label in factor.levels]
    if not keep:
        raise FormulaError("at least some of the levels in f must also be present in levelsToKeep")
    return pd.DataFrame({label: (factor.codes == factor.levels.index(label)).astype(np.float64) for label in keep})


def linear_schema(framed: FramedTerms, X: Columns) -> Schema:
    """What new data need to give the same columns as ``X``.

    Parameters
    ----------
    framed
        What :func:`model_frame` gave.
    X
        What :func:`model_matrix` made of it.
    """
    found = framed.terms
    variables = tuple(zip(found.variable_names, found.variables, strict=True))
    offsets = tuple(found.variable_names[i] for i in found.offset)
    response = framed.frame.response
    text = str(found.formula)
    written = framed.frame.env.text
    plan = Plan(found.formula, text, found, variables, found, layout_of(found), (), response, offsets, written)
    return remember(plan, framed.frame, X, np.arange(len(X.names)), (), ReTerms(()))
