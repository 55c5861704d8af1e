"""Other starts where one is known not to be enough: small data whose groups are very unlike in size, or very few.

One big group and many of a row or two tell different stories about a variance, and a handful of groups says little
about a correlation: the criterion can have several minima, of which zero need not be one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pylmer.criterion.criterion import Criterion
from pylmer.optimize.optimum import OptResult

FloatArray = NDArray[np.float64]

__all__ = ["lowest_of_starts", "several_minima_likely"]

#: Larger data have one minimum worth the name.
FEW_ROWS = 1_000
#: A group this many times as large as the median one is unlike it.
UNLIKE = 10.0
#: Decrease of the criterion that makes an optimum another one.
LOWER = 1e-7


def several_minima_likely(criterion: Criterion) -> bool:
    """Whether, in few rows, some factor has groups that tell far more than its usual ones, or few for a matrix."""
    if criterion.n > FEW_ROWS:
        return False
    for A in criterion.sums.A:
        J, k, _ = A.shape
        if k > 1 and 2 * k + 1 >= J:
            return True
        told = A[:, 0, 0] if k == 1 else np.einsum("jkk->j", A)
        if float(told.max()) > UNLIKE * float(np.median(told)):
            return True
    return False


def other_starts(criterion: Criterion, theta: FloatArray) -> Iterator[FloatArray]:
    """Each variance in turn 0 beside an optimum ``(m,)``; then the unit start, a tenth of it, and ten times."""
    unit = criterion.unit_start
    for i in np.flatnonzero(unit > 0).tolist():
        start = theta.copy()
        start[i] = 0.0  # stays so on the way, for the criterion is even in it, until the end is no minimum
        yield start
    yield from (size * unit for size in (1.0, 0.1, 10.0))


def lowest_of_starts(
    criterion: Criterion, opt: OptResult, minimize: Callable[[Criterion, FloatArray], OptResult]
) -> OptResult:
    """The lowest optimum from this one and from other starts, with the evaluations of all.

    Parameters
    ----------
    criterion
        Of data for which ``several_minima_likely`` holds.
    opt
        Where the first start ended.
    minimize
        Minimizes the criterion from a start.
    """
    best, evaluations = opt, opt.evaluations
    for start in other_starts(criterion, opt.theta):
        again = minimize(criterion, start)
        evaluations += again.evaluations
        if again.value < best.value - LOWER * (1.0 + abs(best.value) / 1e4):
            best = again
    return replace(best, evaluations=evaluations)
