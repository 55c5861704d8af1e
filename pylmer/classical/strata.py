"""Error strata: the orthogonal subspaces that the terms of an error model cut out of the observations, one by one.

The first stratum is the intercept, the next is what the first error term adds to it, and so on; what the whole error
model does not reach is the stratum called Within. In each stratum the response and the model matrix are projected and a
least-squares problem is solved, whose answer does not depend on the basis of the subspace.

In general the subspaces come from a QR of the error model's matrix. Where each error term is a factor nested in the one
before (``g``, ``a/b``), the projections are differences of cell means, and no matrix is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pylmer.classical.least_squares import FloatArray, IntArray
from pylmer.formula.model_matrix import Layout, model_columns
from pylmer.formula.values import Character, Value
from pylmer.linalg.rank import pivoted_qr
from pylmer.rcompat.factors import Factor

__all__ = ["ErrorModel", "Projection", "project", "project_by_means", "project_by_qr"]


@dataclass(frozen=True)
class Projection:
    """Columns seen in the strata of an error model.

    Parameters
    ----------
    parts
        For each stratum, the intercept first and Within last, ``(rows, m)`` coordinates of the m columns in an
        orthogonal basis. The rows may outnumber the dimension of the stratum.
    dims
        Dimension of each stratum.
    singular
        Whether a column of the error model depends on those before it.
    """

    parts: tuple[FloatArray, ...]
    dims: tuple[int, ...]
    singular: bool


@dataclass(frozen=True, eq=False)
class ErrorModel:
    """The terms of an error model and the variables in them, on n rows."""

    layout: Layout
    variables: Mapping[str, Value]
    n: int


def project(model: ErrorModel, columns: FloatArray) -> Projection:
    """Project ``columns`` (n, m) on the strata of an error model."""
    nested = _nested_factors(model)
    return project_by_qr(model, columns) if nested is None else project_by_means(model, nested, columns)


def project_by_qr(model: ErrorModel, columns: FloatArray) -> Projection:
    """Project by a QR of the error model's matrix: works for every error model."""
    E = model_columns(model.layout, model.variables, model.n)
    qr = pivoted_qr(E.matrix)
    turned = qr.effects(columns)
    terms = E.assign[qr.pivot[: qr.rank]]
    head = turned[: qr.rank]
    parts = [head[terms == t] for t in range(len(model.layout.terms) + 1)]
    parts.append(turned[qr.rank :])
    return Projection(tuple(parts), tuple(len(part) for part in parts), qr.rank < len(E.names))


def project_by_means(model: ErrorModel, nested: Sequence[IntArray], columns: FloatArray) -> Projection:
    """Project by cell means, for an intercept and factors of which each is nested in the one before.

    Parameters
    ----------
    model
        The error model.
    nested
        For each term its ``(n,)`` cells, counted from 0 without gaps; each refines the one before.
    columns
        ``(n, m)`` what is to be projected.
    """
    n = model.n
    above = columns.mean(axis=0)[None, :]
    parent = np.zeros(n, dtype=np.intp)
    parts, dims = [np.sqrt(n) * above], [1]
    for cells in nested:
        counts = np.bincount(cells)
        means = np.column_stack([np.bincount(cells, weights=column) / counts for column in columns.T])
        upward = np.zeros(len(counts), dtype=np.intp)
        upward[cells] = parent
        parts.append(np.sqrt(counts)[:, None] * (means - above[upward]))
        dims.append(len(counts) - len(above))
        above, parent = means, cells
    parts.append(columns - above[parent])
    dims.append(n - len(above))
    return Projection(tuple(parts), tuple(dims), sum(dims[:-1]) < _n_columns(model))


def _nested_factors(model: ErrorModel) -> list[IntArray] | None:
    """The cells of each term if all terms are factors, each nested in the one before; else None."""
    if not model.layout.intercept:
        return None
    out: list[IntArray] = []
    before: set[int] = set()
    for term in model.layout.terms:
        members = {v for v, _ in term}
        factors = [_factor(model, v) for v in sorted(members)]
        if not members > before or any(f is None for f in factors):
            return None
        before = members
        out.append(_cells([f for f in factors if f is not None]))
    return out


def _factor(model: ErrorModel, variable: int) -> Factor | None:
    value = model.variables[model.layout.variables[variable]]
    if isinstance(value, Character):
        value = value.factor()
    return value if isinstance(value, Factor) and len(value.levels) > 1 and value.codes.min() >= 0 else None


def _cells(factors: Sequence[Factor]) -> IntArray:
    """Occupied cells of a cross-classification, counted from 0."""
    cells = factors[0].codes
    for f in factors[1:]:
        cells = cells * len(f.levels) + f.codes
    return np.asarray(np.unique(cells, return_inverse=True)[1], dtype=np.intp).reshape(-1)


def _n_columns(model: ErrorModel) -> int:
    """Number of columns of the error model's matrix: contrasts of a factor are one fewer than its levels."""
    total = 1
    for term in model.layout.terms:
        widths = [_levels(model, v) - (code == 1) for v, code in term]
        total += int(np.prod(widths))
    return total


def _levels(model: ErrorModel, variable: int) -> int:
    f = _factor(model, variable)
    assert f is not None
    return len(f.levels)
