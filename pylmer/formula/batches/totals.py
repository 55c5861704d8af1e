"""The second pass: sums over all rows, and what the checks of a model have to know."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import lapack

from pylmer.errors import DataError, ModelError
from pylmer.formula.batches.columns import CHANGED
from pylmer.formula.batches.recipe import BatchOfRows, Recipe
from pylmer.formula.batches.source import Source, blocks
from pylmer.formula.lformula import offset_of, response_of
from pylmer.formula.model_matrix import Columns
from pylmer.formula.values import FloatArray, IntArray
from pylmer.linalg.accumulate import Accumulator, estimated_bytes, stacked_triangle
from pylmer.linalg.cross_products import Factor

__all__ = ["ColumnMoments", "Totals", "memory_there_is", "moments_of", "most_levels", "sum_up", "triangle_of"]


@dataclass
class Totals:
    """Sums over rows.

    Parameters
    ----------
    recipe
        What made the arrays.
    beta0
        ``(P,)`` what is taken off the response, X beta0: close enough to least squares that sums of squares of what
        remains keep their digits.
    rows, n
        Rows met, rows used.
    columns
        The fixed-effects matrix of a batch, for its names.
    effects
        For each bar the names of its columns.
    gram
        ``(P, P)`` X'X without weights.
    column_sums
        ``(P,)`` sums of the columns of X.
    used, used_leaves
        For each factor, how many rows have each level.
    """

    recipe: Recipe
    beta0: FloatArray | None = None
    rows: int = 0
    n: int = 0
    log_weights: float = 0.0
    columns: Columns | None = None
    effects: tuple[tuple[str, ...], ...] = ()
    sums: Accumulator | None = None
    gram: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    column_sums: FloatArray = field(default_factory=lambda: np.zeros(0))
    used: dict[str, IntArray] = field(default_factory=dict)
    used_leaves: dict[str, IntArray] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """The grouping factors, in the order in which they are summed."""
        return tuple(dict.fromkeys(bar.label for bar in self.recipe.plan.bars))

    def bars_of(self, label: str) -> list[int]:
        """The bars of a grouping factor, as they are written: their columns stand side by side in this order."""
        return [i for i, bar in enumerate(self.recipe.plan.bars) if bar.label == label]

    def add(self, batch: BatchOfRows) -> None:
        """Add the rows of a batch."""
        self._begin(batch)
        assert self.sums is not None
        _count(self.used, batch.used)
        _count(self.used_leaves, batch.used_leaves)
        if not batch.n:
            return
        self.n += batch.n
        X, plan = batch.X.matrix, self.recipe.plan
        with np.errstate(all="ignore"):  # what is not finite is found in the sums
            y, offset = response_of(plan.response, batch.frame), offset_of(plan, batch.frame)
            if offset is not None:
                y = y - offset
            weights = batch.frame.weights
            root = None if weights is None else np.sqrt(weights)
            rows = X.T
            self.column_sums += X.sum(axis=0)
            if weights is not None and root is not None:
                self.gram += rows @ X
                rows, y = rows * root, y * root
                self.log_weights += float(np.log(weights).sum())
            if self.beta0 is None:
                self.beta0 = _least_squares(rows @ rows.T, rows @ y)
            self.sums.add([self._factor(batch, label, root) for label in self.labels], rows, y - self.beta0 @ rows)

    def _factor(self, batch: BatchOfRows, label: str, root: FloatArray | None) -> Factor:
        parts = [batch.lhs[i].matrix for i in self.bars_of(label)]
        Z = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        codes = batch.codes[label]
        if codes.min() < 0:  # rows with missing values were let pass
            advice = "please use \"na.action='na.omit'\" or \"na.action='na.exclude'\""
            raise ModelError(f"NA in Z (random-effects model matrix): {advice}")
        return Factor(codes, Z if root is None else Z * root[:, None], len(self.recipe.groups[label].levels))

    def _begin(self, batch: BatchOfRows) -> None:
        """Make room, once it is known how much is needed."""
        if self.columns is not None:
            return
        self.columns, self.effects = batch.X, tuple(lhs.names for lhs in batch.lhs)
        P = len(batch.X.names)
        groups = self.recipe.groups
        shapes = [
            (len(groups[label].levels), sum(len(self.effects[i]) for i in self.bars_of(label))) for label in self.labels
        ]
        needed, there = estimated_bytes(shapes, P + 1), memory_there_is()
        if needed > there:
            told = ", ".join(f"{label}: {J:,} x {k}" for label, (J, k) in zip(self.labels, shapes, strict=True))
            raise ModelError(
                f"the random effects ({told}) need about {needed / 1e9:.1f} GB, more than the {there / 1e9:.1f} GB "
                "that there are for them: use fewer levels or fewer effects a level"
            )
        self.gram = np.zeros((P, P))
        self.sums = Accumulator(shapes, P + 1, there)
        self.column_sums = np.zeros(P)


def _count(total: dict[str, IntArray], part: Mapping[str, IntArray]) -> None:
    for label, counts in part.items():
        total[label] = total[label] + counts if label in total else counts


def _least_squares(gram: FloatArray, right: FloatArray) -> FloatArray:
    if not len(gram) or not (np.isfinite(gram).all() and np.isfinite(right).all()):
        return np.zeros(len(gram))
    _, beta, info = lapack.dposv(gram, right)
    return np.asarray(beta if info == 0 else np.linalg.lstsq(gram, right, rcond=None)[0], dtype=np.float64)


class ColumnMoments:
    """Standard deviations of the numeric columns of X, batch by batch, and which of them are more than 0 and 1."""

    def __init__(self, columns: Columns) -> None:
        self.wanted = np.flatnonzero(columns.numeric)
        self.n = 0
        self.mean = np.zeros(len(self.wanted))
        self.about = np.zeros(len(self.wanted))
        self.continuous = np.zeros(len(self.wanted), dtype=bool)

    def add(self, X: FloatArray) -> None:
        """Add a batch (Chan, Golub & LeVeque 1983)."""
        m = len(X)
        if not m:
            return
        for i, j in enumerate(self.wanted.tolist()):
            x = X[:, j]
            if not self.continuous[i]:
                self.continuous[i] = not ((x == 0.0) | (x == 1.0)).all()
            mean = float(x.sum()) / m
            centred = x - mean
            gap = mean - self.mean[i]
            total = self.n + m
            self.about[i] += float(centred.dot(centred)) + gap * gap * (self.n * (m / total))
            self.mean[i] += gap * (m / total)
        self.n += m

    @property
    def sd(self) -> FloatArray:
        """Standard deviations."""
        sd: FloatArray = np.sqrt(self.about / max(self.n - 1, 1))
        return sd


def sum_up(recipe: Recipe, source: Source, rows: int, beta0: FloatArray | None = None) -> Totals:
    """Go through all rows; ``rows`` is how many there were before."""
    totals = Totals(recipe, beta0)
    for block in blocks(source, recipe.columns):
        totals.add(recipe.batch(block, totals.rows))
        totals.rows += block.num_rows
    if totals.rows != rows:
        raise DataError(f"{CHANGED}: {rows:,} rows before, {totals.rows:,} now")
    if not totals.n:
        raise DataError("0 (non-NA) cases: no row is left after 'subset' and the removal of missing values")
    return totals


def moments_of(recipe: Recipe, source: Source) -> ColumnMoments:
    """Moments of all rows of X: another pass, where sums of squares have lost too many digits to tell them."""
    moments: ColumnMoments | None = None
    first = 0
    for block in blocks(source, recipe.columns):
        X = recipe.batch(block, first).X
        moments = ColumnMoments(X) if moments is None else moments
        moments.add(X.matrix)
        first += block.num_rows
    assert moments is not None
    return moments


def triangle_of(recipe: Recipe, source: Source) -> FloatArray:
    """The triangle of a QR of all rows of X: another pass, where the sums cannot tell the rank."""
    triangle: FloatArray | None = None
    first = 0
    for block in blocks(source, recipe.columns):
        triangle = stacked_triangle(triangle, recipe.batch(block, first).X.matrix)
        first += block.num_rows
    assert triangle is not None
    return triangle


def memory_there_is() -> float:
    """Half of the machine's memory: what a model may take."""
    try:
        return 0.5 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not everywhere
        return 8e9


def most_levels() -> float:
    """How many levels a grouping factor may have: about 500 bytes go to each, its label included."""
    return memory_there_is() / 500
