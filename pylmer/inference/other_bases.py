"""A second way to an optimum that Newton's method did not reach: random effects of other columns.

The calendar year as a slope, ``(year | id)``, makes intercepts and slopes all but proportional: the criterion is a long
bent valley in theta. The model does not change when the columns of a term are replaced by combinations of them that are
orthogonal over the rows, with the covariances changed likewise, and there the criterion is round.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from pylmer.criterion.criterion import Criterion, mkLmerDevfun
from pylmer.formula.design import Design, ReTerms
from pylmer.optimize.optimum import OptResult

FloatArray = NDArray[np.float64]

__all__ = ["by_other_columns"]

#: Columns that depend on one another to this share of their size have no orthogonal combinations worth the name.
DEPENDENT = 1e-13


def by_other_columns(
    design: Design,
    criterion: Criterion,
    opt: OptResult,
    minimize: Callable[[Design, Criterion], OptResult],
) -> OptResult:
    """The optimum by orthogonal columns, as theta of the columns that were written; ``opt`` where that is no lower.

    Gradient and Hessian of the result are those in the other columns.

    Parameters
    ----------
    design, criterion
        The model.
    opt
        Where Newton's method gave up.
    minimize
        Minimizes a criterion.
    """
    if design.batches is not None or any(t.structure != "us" for t in design.re.terms):
        return opt
    roots = [_root(t.columns) for t in design.re.terms]
    if all(root is None for root in roots):
        return opt
    terms = [
        t if root is None else replace(t, columns=_combined(t.columns, root))
        for t, root in zip(design.re.terms, roots, strict=True)
    ]
    other = replace(design, re=ReTerms(tuple(terms)))
    found = minimize(other, mkLmerDevfun(other, criterion.REML))
    if found.convergence or not found.value < opt.value:
        return opt
    theta = _as_written(found.theta, roots, [t.k for t in terms])
    return replace(found, theta=theta, evaluations=opt.evaluations + found.evaluations)


def _combined(columns: FloatArray, root: FloatArray) -> FloatArray:
    """Columns that are orthogonal over the rows."""
    combined: FloatArray = solve_triangular(root, columns.T, trans="T").T
    return combined


def _root(columns: FloatArray) -> FloatArray | None:
    """Upper triangle ``R`` with ``Z'Z = n R'R``; None for one column, or dependent ones."""
    if columns.shape[1] < 2:
        return None
    R: FloatArray = np.linalg.qr(columns, mode="r") / np.sqrt(len(columns))
    size = np.linalg.norm(R, axis=0)
    return R if (np.abs(np.diagonal(R)) > DEPENDENT * size).all() else None


def _as_written(theta: FloatArray, roots: list[FloatArray | None], sizes: list[int]) -> FloatArray:
    """theta ``(m,)`` of the columns as written: b = R^-1 b' has covariance (R^-1 L) (R^-1 L)'."""
    out, start = theta.copy(), 0
    for root, k in zip(roots, sizes, strict=True):
        cols, rows = np.triu_indices(k)
        part = slice(start, start + len(rows))
        start = part.stop
        if root is None:
            continue
        L = np.zeros((k, k))
        L[rows, cols] = theta[part]
        lower = np.linalg.qr(solve_triangular(root, L).T)[1].T
        lower = lower * np.where(np.diagonal(lower) < 0, -1.0, 1.0)
        out[part] = lower[rows, cols]
    return out
