"""aov: analysis of variance, with Error strata where the formula has an Error() term."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Never

import numpy as np
import pandas as pd

from pylmer.arguments import check_arguments
from pylmer.classical.inputs import Inputs, call_of, inputs_of
from pylmer.classical.least_squares import FloatArray, LeastSquares, least_squares
from pylmer.classical.record import Aov
from pylmer.classical.source import Source
from pylmer.classical.strata import ErrorModel, Projection, project
from pylmer.classical.summaries import SummaryAov, summary_aov
from pylmer.errors import FormulaError, ModelError, RWarning
from pylmer.formula.ast import Call, Node, Number, call
from pylmer.formula.frame import RowChoice
from pylmer.formula.parse import Formula, as_formula
from pylmer.formula.plan import layout_of
from pylmer.formula.table import Table, as_table
from pylmer.formula.terms import Terms, terms
from pylmer.rcompat.printable import Printable

__all__ = ["AovList", "Stratum", "SummaryAovList", "aov"]

# A column whose sum of squares in a stratum is not above this has no part in the stratum (R's absolute threshold).
PRESENT = 1e-5


@dataclass(frozen=True, eq=False, repr=False)
class Stratum(Printable):
    """The fit within one error stratum.

    Parameters
    ----------
    label
        ``"(Intercept)"``, the label of an error term, or ``"Within"``.
    fit
        The numbers, in coordinates of the stratum (the coordinates differ from R's, what is computed of them does not).
    names
        Names of the columns of the model matrix that have a part in the stratum.
    term_labels
        Labels of all terms of the model, the intercept not counted.
    """

    label: str
    fit: LeastSquares
    names: tuple[str, ...]
    term_labels: tuple[str, ...]

    def coef(self) -> pd.Series[float]:
        """The coefficients that could be estimated in this stratum."""
        return pd.Series(self.fit.coefficients, index=list(self.names), dtype=np.float64).dropna()

    def summary(self, intercept: bool = False) -> SummaryAov:
        """Sums of squares by term."""
        return summary_aov(self.fit, self.term_labels, intercept)


@dataclass(frozen=True, eq=False, repr=False)
class SummaryAovList(Printable):
    """R's ``summary.aovlist``: one table for each stratum but the intercept."""

    strata: Mapping[str, SummaryAov]

    def __getitem__(self, label: str) -> pd.DataFrame:
        return self.strata[label].table


@dataclass(frozen=True, eq=False, repr=False)
class AovList(Printable):
    """An analysis of variance with Error strata (R's class ``aovlist``).

    Parameters
    ----------
    strata
        The strata by label, in R's order.
    source
        Call, rows and what new data need.
    """

    strata: Mapping[str, Stratum]
    source: Source

    def __getitem__(self, label: str) -> Stratum:
        return self.strata[label]

    def coef(self) -> dict[str, pd.Series[float]]:
        """R's ``coef``: the estimable coefficients of each stratum."""
        return {label: stratum.coef() for label, stratum in self.strata.items()}

    def summary(self, intercept: bool = False) -> SummaryAovList:
        """R's ``summary``: sums of squares by term in each stratum."""
        tables = {label: s.summary(intercept) for label, s in self.strata.items() if label != "(Intercept)"}
        return SummaryAovList(tables)


def aov(
    formula: str | Formula,
    data: object = None,
    contrasts: Mapping[str, object] | None = None,
    subset: object = None,
    weights: object = None,
    na_action: str = "na.omit",
    offset: object = None,
    **unused: Never,
) -> Aov | AovList:
    """Fit an analysis of variance model, as R's ``aov``.

    Parameters
    ----------
    formula
        R's formula as text; ``"y ~ x + Error(g)"`` asks for error strata.
    data
        A pandas or polars data frame, a pyarrow table, or a dict of arrays.
    contrasts
        For factors: name of a contrast function or a matrix, by variable.
    subset
        Rows to use: truth values, positions counted from 0, or an expression as text.
    weights, offset
        Name of a column, an expression as text, or ``(n,)`` numbers for all rows of the table. With Error strata
        weights are refused and an offset is not used, as in R.
    na_action
        ``"na.omit"``, ``"na.exclude"``, ``"na.fail"`` or ``"na.pass"``.

    Returns
    -------
    Aov or AovList
        A fit, or with ``Error()`` a fit for each stratum.

    Raises
    ------
    FormulaError
        If the formula makes no sense, or has more than one Error term.
    ModelError
        For weights together with Error strata.

    Warns
    -----
    RWarning
        ``Error() model is singular`` if a column of the error model depends on those before it.

    Examples
    --------
    >>> d = {"y": [1.0, 2.0, 4.0, 3.0, 6.0, 8.0], "g": ["a", "a", "b", "b", "c", "c"]}
    >>> aov("y ~ 1 + Error(g)", d).summary()["g"].round(3).to_dict("index")
    {'Residuals': {'Df': 2.0, 'Sum Sq': 31.0, 'Mean Sq': 15.5, 'F value': nan, 'Pr(>F)': nan}}
    """
    check_arguments(aov, locals())
    parsed = as_formula(formula)
    table = as_table(data)
    given = {
        "contrasts": contrasts,
        "subset": subset,
        "weights": weights,
        "na.action": None if na_action == "na.omit" else na_action,
        "offset": offset,
    }
    spelled = call_of("aov", parsed, given, sys._getframe(1), data)
    choice = RowChoice(subset, na_action, weights, offset)
    found = terms(parsed, table.names)
    if found.specials("Error"):
        if weights is not None:
            raise ModelError("weights are not supported in a multistratum aov() fit: leave them out, or use lmer")
        return _multistratum(found, table, choice, contrasts, spelled)
    made = inputs_of(found, table, choice, contrasts, spelled)
    fit = least_squares(made.X.matrix, made.y, made.X.assign, made.weights, made.offset)
    return Aov(fit, made.X.matrix, made.y, made.X.names, found.term_labels, made.source)


def _multistratum(
    found: Terms, table: Table, choice: RowChoice, contrasts: Mapping[str, object] | None, spelled: Node
) -> AovList:
    treatment, error = _split(found)
    made = inputs_of(treatment, table, choice, contrasts, spelled, extra=error)
    projected = _project(made, error)
    if projected.singular:
        warnings.warn("Error() model is singular", RWarning, stacklevel=3)
    labels = ("(Intercept)", *error.term_labels, "Within")
    strata = {
        label: _stratum(label, part, dim, made, treatment.term_labels)
        for label, part, dim in zip(labels, projected.parts, projected.dims, strict=True)
        if dim > 0
    }
    return AovList(strata, replace(made.source, formula=found.formula.node))


def _split(found: Terms) -> tuple[Terms, Terms]:
    """The terms without Error(), and the terms inside it."""
    positions = found.specials("Error")
    if len(positions) > 1:
        raise FormulaError(f"there are {len(positions)} Error terms: only 1 is allowed")
    bit = 1 << positions[0]
    if any(bits & bit and bits != bit for bits in found.bits):
        raise FormulaError("Error() must be a term of its own: it cannot be part of an interaction")
    node = found.variables[positions[0]]
    assert isinstance(node, Call)
    if len(node.args) != 1 or node.args[0].value is None:
        raise FormulaError("Error() needs one argument, the error model: Error(g), Error(a/b), Error(a * b)")
    inside = node.args[0].value
    error = terms(inside if found.intercept else call("-", inside, Number(1.0)))
    return replace(found, bits=tuple(bits for bits in found.bits if bits != bit)), error


def _project(made: Inputs, error: Terms) -> Projection:
    """Response and model matrix in the strata of the error model."""
    columns = np.column_stack([made.y, made.X.matrix])
    model = ErrorModel(layout_of(error), made.frame.variables, made.frame.n)
    return project(model, columns)


def _stratum(
    label: str,
    part: FloatArray,
    dim: int,
    made: Inputs,
    term_labels: tuple[str, ...],
) -> Stratum:
    present = np.flatnonzero((part[:, 1:] ** 2).sum(axis=0) > PRESENT)
    fit = least_squares(part[:, 1 + present], part[:, 0], made.X.assign[present])
    names = tuple(made.X.names[j] for j in present)
    return Stratum(label, replace(fit, dimension=dim), names, term_labels)
