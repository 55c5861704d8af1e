"""The criterion of the rows that stay when some are deleted, without another pass over the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pylmer.criterion.criterion import Criterion
from pylmer.criterion.start import moment_start
from pylmer.formula.design import Design
from pylmer.linalg.cross_products import CrossProducts, Factor
from pylmer.linalg.deletion import level_counts, with_columns, without_rows
from pylmer.linalg.one_factor import Responses
from pylmer.linalg.rank import is_safely_full_rank, pivoted_rank

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["Deletions"]


class Deletions:
    """Criteria of a fit's data without some of the rows.

    Parameters
    ----------
    criterion
        The criterion of all rows, with one response.
    design
        The data.
    """

    def __init__(self, criterion: Criterion, design: Design) -> None:
        self.criterion = criterion
        self.design = design
        scaled = zip(criterion.factors, criterion.maps, strict=True)
        self.factors = tuple(Factor(f.codes, f.columns / m.scale, f.J) for f, m in scaled)
        self.counts = level_counts(self.factors)
        self.beta0 = np.atleast_2d(criterion.beta0)[0]
        y = design.y if design.offset is None else design.y - design.offset
        if design.weights is not None:
            y = y * np.sqrt(design.weights)
        self.Xy = np.concatenate([criterion.X, (y - self.beta0 @ criterion.X)[None]])
        now = criterion.responses
        self.sums = criterion.sums.with_response(now.Zy, now.Xy, now.yy)

    def without(self, rows: IntArray) -> tuple[Criterion, IntArray]:
        """Return the criterion without the rows ``rows``, and which columns of X can still be estimated.

        Scales and centres are those of all rows.  ``factors`` and ``X`` of what is returned still have all rows: it
        answers what the sums answer (value, derivatives, state).
        """
        full = self.criterion
        sums = without_rows(self.sums, self.factors, self.Xy, rows, self.counts)
        kept = self._estimable(sums, rows)
        beta0 = self.beta0
        if len(kept) < full.p:
            T = np.zeros((full.p + 1, len(kept) + 1))
            T[kept, np.arange(len(kept))] = 1.0
            T[:-1, -1] = beta0
            T[kept, -1] = 0.0  # what the columns that go took off the response is given back
            T[-1, -1] = 1.0
            sums, beta0 = with_columns(sums, T), beta0[kept]
        weights = self.design.weights
        lost = 0.0 if weights is None else float(np.log(weights[rows]).sum())
        left = replace(
            full,
            sums=sums,
            responses=Responses.of(sums),
            beta0=beta0,
            log_weights=full.log_weights - lost,
            n=sums.n,
            p=len(kept),
        )
        return left, kept

    def start(self, criterion: Criterion, theta: FloatArray) -> FloatArray:
        """Where to begin: at theta of all rows, unless a variance is 0 there."""
        inside = (theta[criterion.lower == 0] > 1e-3).all()
        return theta if inside else moment_start(criterion.sums, criterion.maps, criterion.start)

    def _estimable(self, sums: CrossProducts, rows: IntArray) -> IntArray:
        p = self.criterion.p
        if p == 0 or is_safely_full_rank(sums.C[:-1, :-1]):
            return np.arange(p)
        rank, pivot = pivoted_rank(np.delete(self.criterion.X, rows, axis=1).T)
        return np.sort(np.asarray(pivot)[:rank])
