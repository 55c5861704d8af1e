"""Fits without one term of the fixed part: the same rows, the columns that the remaining terms make."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from pylmer.criterion.criterion import mkLmerDevfun
from pylmer.formula.checks import Checks, drop_dependent_columns
from pylmer.formula.deparse import deparse_lines
from pylmer.formula.design import Design
from pylmer.formula.model_matrix import model_columns
from pylmer.formula.parse import parse_formula
from pylmer.formula.plan import layout_of
from pylmer.inference.fitting import optimum_of
from pylmer.model import MerMod, make_model

M = TypeVar("M", bound=MerMod)

__all__ = ["broken_formula", "without_term"]


def without_term(model: M, term: int) -> M:
    """Return the fit, by the same criterion, without one term of the fixed part, counted from 0.

    The terms that are left make their columns anew, as ``update(m, . ~ . - term)`` does: a factor takes the degrees
    of freedom of an intercept or a main effect that is gone, and a column that depended on the term's may be estimable.
    A fit that has no model frame with it (rows read in batches) loses the term's columns.
    """
    smaller = _by_columns(model.design, term) if model.design.frame is None else _by_terms(model, term)
    criterion = mkLmerDevfun(smaller, REML=model.REML)
    return make_model(type(model), smaller, criterion, optimum_of(smaller, criterion, model.control), model.control)


def broken_formula(model: MerMod) -> str:
    """The formula of the fit, in lines as R's ``deparse`` breaks it."""
    text = model.design.call.formula
    return "\n".join(deparse_lines(parse_formula(text).node))


def _by_terms(model: MerMod, term: int) -> Design:
    design = model.design
    schema, frame = design.schema, design.frame
    assert frame is not None
    fixed = schema.plan.fixed
    left = replace(fixed, bits=tuple(bits for i, bits in enumerate(fixed.bits) if i != term))
    layout = layout_of(left)
    columns = model_columns(layout, frame.variables, frame.n, schema.contrasts)
    kept = drop_dependent_columns(columns, Checks.of(model.control))
    names = [columns.names[j] for j in kept.tolist()]
    return replace(
        design,
        X=columns.matrix[:, kept],
        X_names=tuple(names),
        dropped=tuple(name for j, name in enumerate(columns.names) if j not in set(kept.tolist())),
        schema=replace(
            schema,
            plan=replace(schema.plan, fixed=left, layout=layout),
            contrasts=columns.contrasts,
            columns=columns.names,
            assign=columns.assign,
            kept=kept,
        ),
    )


def _by_columns(design: Design, term: int) -> Design:
    schema = design.schema
    keep = np.asarray(schema.assign)[np.asarray(schema.kept)] != term + 1
    names = tuple(name for name, stays in zip(design.X_names, keep.tolist(), strict=True) if stays)
    return replace(design, X=design.X[:, keep], X_names=names)
