"""Where lme4 begins: needed to follow its optimizers step by step, not by Newton's method."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pylmer.criterion.criterion import Criterion
from pylmer.formula.design import Design

FloatArray = NDArray[np.float64]

__all__ = ["lme4_start"]


def lme4_start(design: Design, criterion: Criterion) -> FloatArray:
    """Return lme4's first theta, ``(m,)``.

    Where every term is ``(1 | g)`` with a factor of its own, the variances of the rows' group means stand for the
    variance components, and what they leave of the variance of y for that of the residuals. Everywhere else, and where
    nothing would be left, L begins as the identity.

    Examples
    --------
    >>> from pylmer import datasets, lFormula, mkLmerDevfun
    >>> design = lFormula("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    >>> lme4_start(design, mkLmerDevfun(design)).round(4).tolist()
    [0.9788]
    """
    identity = np.concatenate([t.start for t in criterion.terms])
    terms = design.re.terms
    scalar = all(t.names == ("(Intercept)",) and t.structure == "us" for t in terms)
    if not scalar or len(design.re.groups) != len(terms) or design.n < 2:
        return identity
    y = design.y
    between = np.array([_variance_of_means(y, t.codes, t.J) for t in terms])
    left = y.var(ddof=1) - between.sum()
    return np.sqrt(between / left) if left > 0 else identity


def _variance_of_means(y: FloatArray, codes: NDArray[np.intp], J: int) -> float:
    """Variance over the rows of the mean of y in each row's group."""
    means = np.bincount(codes, y, J) / np.bincount(codes, minlength=J)
    return float(means[codes].var(ddof=1))
