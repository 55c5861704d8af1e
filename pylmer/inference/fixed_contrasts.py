"""Which hypotheses about the fixed effects an analysis of variance tests: types I, II and III, as lmerTest takes them.

Each term's hypothesis is L beta = 0.  With the Cholesky-like factor X'X = U'DU, U unit upper triangular, the rows of U
are type I; type II is the same with the columns of a term behind all that does not contain it; type III is orthogonal
to the hypotheses about the terms that contain it (Searle 1987, Linear Models for Unbalanced Data, chapters 8 and 12).
A term that nothing contains has rows of the identity in types II and III.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pylmer.errors import ModelError
from pylmer.formula.frame import ModelFrame
from pylmer.formula.model_matrix import Layout, model_columns
from pylmer.formula.values import Value, Vector
from pylmer.model import MerMod

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["TYPES", "anova_contrasts", "anova_type", "terms_in_use"]

TYPES = ("III", "II", "I", "3", "2", "1", "marginal")
NUMBERS = {"1": "I", "2": "II", "3": "III"}
#: Columns of the treatment-coded matrix beyond its rank, and elements of L that are rounding, are below these.
RANK_TOL, ZERO = 1e-7, 1e-10


def anova_type(type: str | int) -> str:
    """``"I"``, ``"II"``, ``"III"`` or ``"marginal"``.

    Raises
    ------
    ModelError
        Any other type.
    """
    name = str(type)
    if name not in TYPES:
        raise ModelError(f"'arg' should be one of {', '.join(repr(t) for t in TYPES)}: type={type!r}")
    return NUMBERS.get(name, name)


def terms_in_use(model: MerMod) -> tuple[list[int], IntArray]:
    """Numbers, from 1, of the fixed terms with columns in the fit, and the term of each column ``(p,)``."""
    schema = model.design.schema
    assign = np.asarray(schema.assign)[np.asarray(schema.kept)]
    return [t for t in dict.fromkeys(assign.tolist()) if t > 0], assign


def anova_contrasts(model: MerMod, type: str) -> dict[str, FloatArray]:
    """Label of each fixed term to the rows ``(q, p)`` of its hypothesis, in the coding of the fit."""
    numbers, assign = terms_in_use(model)
    labels = model.design.schema.term_labels
    X = model.design.X
    if type == "marginal":
        found = {t: _identity_rows(assign, t) for t in numbers}
    elif type == "I" or len(numbers) == 1:
        U = _unit_upper(X)
        found = {t: U[assign == t] for t in numbers}
    else:
        layout = model.design.schema.plan.layout
        above = {t: _containing(layout, _frame(model), t, numbers) for t in numbers}
        found = _type_two(X, assign, above) if type == "II" else _type_three(model, assign, above)
    return {labels[t - 1]: found[t] for t in numbers}


def _frame(model: MerMod) -> ModelFrame:
    frame = model.design.frame
    if frame is None:
        raise ModelError("this fit does not have its model frame with it: fit it again to test its terms")
    return frame


def _identity_rows(assign: IntArray, term: int) -> FloatArray:
    rows: FloatArray = np.eye(len(assign))[assign == term]
    return rows


def _unit_upper(X: FloatArray) -> FloatArray:
    """U of X'X = U'DU."""
    R = np.linalg.qr(X, mode="r")
    U: FloatArray = R / np.diagonal(R)[:, None]
    return U


def _containing(layout: Layout, frame: ModelFrame, term: int, terms: Sequence[int]) -> list[int]:
    """The terms that contain a term: with all its variables, the same covariates, and at least one factor more.

    What counts are the variables that are coded by contrasts, as lmerTest has it: ``a:b`` beside ``a`` alone, where b
    is coded within the levels of a, does not contain ``a``.  A matrix (``poly(x, 2)``) counts as a factor.
    """

    def parts(t: int) -> tuple[set[int], set[int]]:
        variables = {v for v, code in layout.terms[t - 1] if code == 1}
        covariates = {v for v in variables if _is_covariate(frame.variables[layout.variables[v]])}
        return variables, covariates

    own, covariates = parts(term)
    found = {other: parts(other) for other in terms if other != term}
    return [other for other, (more, same) in found.items() if own < more and covariates == same]


def _is_covariate(value: Value) -> bool:
    return isinstance(value, Vector) and value.kind != "logical"


def _type_two(X: FloatArray, assign: IntArray, above: dict[int, list[int]]) -> dict[int, FloatArray]:
    out = {}
    for term, containing in above.items():
        if not containing:
            out[term] = _identity_rows(assign, term)
            continue
        last = np.isin(assign, containing)
        own = assign == term
        order = np.concatenate([np.flatnonzero(~last & ~own), np.flatnonzero(own), np.flatnonzero(last)])
        L = np.empty((int(own.sum()), len(assign)))
        L[:, order] = _unit_upper(X[:, order])[own[order]]
        out[term] = L
    return out


def _type_three(model: MerMod, assign: IntArray, above: dict[int, list[int]]) -> dict[int, FloatArray]:
    """By treatment contrasts, whatever the fit's own coding is, and then brought to that."""
    frame, schema = _frame(model), model.design.schema
    layout = schema.plan.layout
    treatment: dict[str, str] = dict.fromkeys(schema.contrasts, "contr.treatment")
    coded = model_columns(layout, frame.variables, frame.n, treatment)
    kept = np.asarray(schema.kept)
    same = all(schema.contrasts[label] == "contr.treatment" for label in treatment)
    Xt = coded.matrix[:, kept if same else _independent(coded.matrix)]
    own_assign = assign if same else coded.assign[_independent(coded.matrix)]
    to_fit = np.eye(model.p) if same else np.linalg.lstsq(Xt, model.design.X, rcond=None)[0]
    out = {}
    for term, containing in above.items():
        L = _identity_rows(own_assign, term)
        if containing:
            full = _full_columns(layout, frame, containing)
            M = np.linalg.lstsq(Xt, full, rcond=None)[0]
            inside = np.isin(own_assign, containing)
            G = M[inside] @ M.T
            B = np.linalg.lstsq(G[:, inside], G[:, own_assign == term], rcond=None)[0]
            L[:, inside] = -B.T
        L = L @ to_fit
        out[term] = np.where(np.abs(L) < ZERO, 0.0, L)
    return out


def _independent(X: FloatArray) -> IntArray:
    """Columns that do not depend on those before them."""
    kept: list[int] = []
    basis = np.empty((len(X), 0))
    for j, column in enumerate(X.T):
        rest = column - basis @ (basis.T @ column)
        rest = rest - basis @ (basis.T @ rest)
        if np.linalg.norm(rest) > RANK_TOL * np.linalg.norm(column):
            kept.append(j)
            basis = np.column_stack([basis, rest / np.linalg.norm(rest)])
    return np.array(kept, dtype=np.intp)


def _full_columns(layout: Layout, frame: ModelFrame, terms: Sequence[int]) -> FloatArray:
    """The columns of some terms with an indicator for every level of every factor."""
    full = tuple(tuple((v, 2) for v, _ in layout.terms[t - 1]) for t in terms)
    return model_columns(
        Layout(layout.variables, full, True, (), layout.has_response), frame.variables, frame.n
    ).matrix[:, 1:]
