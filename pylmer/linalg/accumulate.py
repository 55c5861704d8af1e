"""Cross-products summed batch by batch, in memory that does not depend on the number of rows.

The sums over all rows are carried with their rounding error (Knuth's two-sum), so that a thousand batches lose no more
digits than one; of the sums by level only those that a batch has are touched; and blocks between factors that are too
large for a dense array grow as sparse ones, merged when they are of like size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import lapack

from pylmer.errors import ModelError
from pylmer.linalg.cross_products import DENSE_CELLS, CrossProducts, Factor

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["Accumulator", "RunningSum", "estimated_bytes", "order_statistics", "selected", "stacked_triangle"]

#: Rows that come in runs of equal codes at least this long on average are summed run by run.
LONG_RUN = 8
LOOK = 4096


class RunningSum:
    """An array of sums, each with the rounding error that it has gathered."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.total = np.zeros(shape)
        self.error = np.zeros(shape)

    def add(self, part: FloatArray) -> None:
        """Add to every entry."""
        self.total, lost = two_sum(self.total, part)
        self.error += lost

    @property
    def value(self) -> FloatArray:
        """The sums, rounded once."""
        value: FloatArray = self.total + self.error
        return value


def two_sum(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """``a + b`` and what rounding it lost (Knuth, The Art of Computer Programming 2, 4.2.2)."""
    total: FloatArray = a + b
    part = total - a
    lost: FloatArray = (a - (total - part)) + (b - part)
    return total, lost


def estimated_bytes(shapes: Sequence[tuple[int, int]], width: int) -> int:
    """Memory for the sums of factors of ``(J, k)`` with ``width`` columns of ``[X y]``, and for a fit made of them.

    Blocks between factors are not in it: how many cells of them are filled is known only when the rows were read.
    """
    accumulating = sum(J * (k * (k + 1) // 2 + k * width) for J, k in shapes)
    fitting = sum(J * k * (8 * k + 4 * width) for J, k in shapes)
    return 8 * (accumulating + fitting)


class Accumulator:
    """Sums over the rows of all batches so far.

    Parameters
    ----------
    shapes
        ``(J, k)`` of each grouping factor.
    width
        Number of columns of ``[X y]``.
    most_bytes
        Blocks between factors may not take more than this.

    Examples
    --------
    >>> import numpy as np
    >>> from pylmer.linalg.cross_products import Factor
    >>> sums = Accumulator([(2, 1)], 1)
    >>> sums.add([Factor(np.array([0, 1, 1]), np.ones((3, 1)), 2)], np.empty((0, 3)), np.array([1.0, 2.0, 3.0]))
    >>> sums.add([Factor(np.array([0]), np.ones((1, 1)), 2)], np.empty((0, 1)), np.array([4.0]))
    >>> sums.result().B[0].ravel().tolist()
    [5.0, 5.0]
    """

    def __init__(self, shapes: Sequence[tuple[int, int]], width: int, most_bytes: float = np.inf) -> None:
        self.n = 0
        self.shapes = tuple(shapes)
        self.width = width
        self.C = RunningSum((width, width))
        self.counts = [np.zeros(J, dtype=np.int64) for J, _ in shapes]
        self.levels = [np.zeros((k * (k + 1) // 2 + k * width, J)) for J, k in shapes]
        self.links: dict[tuple[int, int], _DenseBlock | _SparseBlock] = {}
        for s in range(len(shapes)):
            for f in range(s):
                q = shapes[f][0] * shapes[f][1], shapes[s][0] * shapes[s][1]
                self.links[f, s] = _DenseBlock(*q) if q[0] * q[1] <= DENSE_CELLS else _SparseBlock(q, most_bytes)

    def add(self, factors: Sequence[Factor], X: FloatArray, y: FloatArray) -> None:
        """Add the rows of one batch.

        Parameters
        ----------
        factors
            The grouping factors; their columns already carry the square roots of the weights.
        X
            ``(p, n)`` the columns of X as rows, weighted likewise.
        y
            ``(n,)`` the response, weighted likewise.
        """
        if not len(y):
            return
        self.n += len(y)
        C = np.empty((self.width, self.width))
        C[:-1, :-1] = X @ X.T
        C[-1, :-1] = C[:-1, -1] = X @ y
        C[-1, -1] = y @ y
        self.C.add(C)
        Xy = [*X, y]
        ones = [_all_ones(row) for row in Xy]
        for f, counts, sums in zip(factors, self.counts, self.levels, strict=True):
            places, part, met = _level_sums(f, Xy, ones)
            if places is None:
                counts += met
                sums += part
            else:
                counts[places] += met
                sums[:, places] += part
        for (f_, s_), block in self.links.items():
            block.add(factors[f_], factors[s_])

    def result(self) -> CrossProducts:
        """The sums as the engine takes them."""
        A, B = [], []
        for (J, k), value in zip(self.shapes, self.levels, strict=True):
            upper = [(a, b) for a in range(k) for b in range(a, k)]
            block = np.empty((J, k, k))
            for (a, b), row in zip(upper, value, strict=False):
                block[:, a, b] = block[:, b, a] = row
            A.append(block)
            rest = value[len(upper) :].reshape(k, self.width, J)
            B.append(np.ascontiguousarray(rest.transpose(2, 0, 1)))
        cross = {pair: block.value() for pair, block in self.links.items()}
        return CrossProducts(self.n, tuple(A), tuple(B), self.C.value, cross)


def _all_ones(row: FloatArray) -> bool:
    return bool(row[0] == 1.0) and bool(row[-1] == 1.0) and bool((row == 1.0).all())


def _level_sums(
    f: Factor, Xy: Sequence[FloatArray], ones: Sequence[bool]
) -> tuple[IntArray | None, FloatArray, NDArray[np.int64]]:
    """Sums by level: which levels (None for all), ``(k (k + 1) / 2 + k width, levels)`` sums, and counts of rows."""
    grouping = _Grouping.of(f.codes, f.J)
    Z = f.columns.T
    plain = [_all_ones(z) for z in Z]
    counts = grouping.counts.astype(np.float64)
    out = []
    for a in range(f.k):
        for b in range(a, f.k):
            if plain[a] and plain[b]:
                out.append(counts)
            else:
                out.append(grouping.sums(Z[b] if plain[a] else Z[a] if plain[b] else Z[a] * Z[b]))
    for a in range(f.k):
        for x, one in zip(Xy, ones, strict=True):
            if plain[a]:
                out.append(counts if one else grouping.sums(x))
            else:
                out.append(grouping.sums(Z[a] if one else Z[a] * x))
    return grouping.places, np.array(out), grouping.counts


@dataclass(frozen=True)
class _Grouping:
    """How the rows of a batch fall into levels.

    ``codes`` is the level of each row, or of each run of rows that begins at ``starts``; where only some of the levels
    are met, it counts among those in ``places``.
    """

    codes: IntArray
    starts: IntArray | None
    places: IntArray | None
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, codes: IntArray, J: int) -> _Grouping:
        """Look at the codes of a batch."""
        n = len(codes)
        starts = places = lengths = None
        if (len(_changes(codes[:LOOK])) + 1) * LONG_RUN <= min(n, LOOK):  # rows sorted by level look so from the start
            changes = _changes(codes)
            starts = np.zeros(len(changes) + 1, dtype=np.intp)
            starts[1:] = changes + 1
            lengths, codes = np.diff(starts, append=n), codes[starts]
        if 2 * len(codes) < J:
            places, codes = np.unique(codes, return_inverse=True)
            J = len(places)
        return cls(codes, starts, places, np.bincount(codes, lengths, J).astype(np.int64))

    def sums(self, row: FloatArray) -> FloatArray:
        """Sum ``(n,)`` by level."""
        if self.starts is not None:
            row = np.add.reduceat(row, self.starts)
        total: FloatArray = np.bincount(self.codes, row, len(self.counts)).astype(np.float64, copy=False)
        return total


def _changes(codes: IntArray) -> IntArray:
    """The rows whose code is not that of the next."""
    return np.flatnonzero(codes[1:] != codes[:-1])


class _DenseBlock:
    """``Z_f'Z_s`` as an array."""

    def __init__(self, rows: int, columns: int) -> None:
        self.sums = np.zeros((rows, columns))

    def add(self, f: Factor, s: Factor) -> None:
        """Add a batch."""
        cell = f.codes * s.J + s.codes
        block = np.empty((f.J, f.k, s.J, s.k))
        for a in range(f.k):
            for b in range(s.k):
                weights = f.columns[:, a] * s.columns[:, b]
                block[:, a, :, b] = np.bincount(cell, weights, f.J * s.J).reshape(f.J, s.J)
        self.sums += block.reshape(f.q, s.q)

    def value(self) -> FloatArray:
        """The block."""
        return self.sums


class _SparseBlock:
    """``Z_f'Z_s`` in compressed rows: a stack of parts, of which two of like size become one."""

    def __init__(self, shape: tuple[int, int], most_bytes: float) -> None:
        self.shape, self.most_bytes = shape, most_bytes
        self.parts: list[sp.csr_array] = []

    def add(self, f: Factor, s: Factor) -> None:
        """Add a batch."""
        row = (f.codes[:, None, None] * f.k + np.arange(f.k)[:, None]).repeat(s.k, axis=2)
        col = (s.codes[:, None, None] * s.k + np.arange(s.k)).repeat(f.k, axis=1)
        values = f.columns[:, :, None] * s.columns[:, None, :]
        part = sp.csr_array(sp.coo_array((values.ravel(), (row.ravel(), col.ravel())), shape=self.shape))
        while self.parts and self.parts[-1].nnz <= 2 * part.nnz:
            part = sp.csr_array(self.parts.pop() + part)
        self.parts.append(part)
        stored = 16 * sum(p.nnz for p in self.parts)
        if stored > self.most_bytes:
            raise ModelError(
                f"the cross-products of two grouping factors take more than {stored / 1e9:.1f} GB after a part of the "
                "rows: fewer levels are needed, or more memory"
            )

    def value(self) -> sp.csr_array:
        """The block."""
        total = sp.csr_array(self.shape)
        for part in reversed(self.parts):
            total = sp.csr_array(total + part)
        return total


def selected(
    sums: CrossProducts, factors: Sequence[tuple[int, NDArray[np.bool_], IntArray]], T: FloatArray
) -> CrossProducts:
    """Some levels and columns of the factors, in another order, and ``[X y] T``.

    Parameters
    ----------
    sums
        The cross-products.
    factors
        For each factor wanted: its number, which levels stay ``(J,)``, and its columns in their new order.
    T
        ``(p + 1, c)``.
    """
    A = [sums.A[f][keep][:, columns][:, :, columns] for f, keep, columns in factors]
    B = [sums.B[f][keep][:, columns] @ T for f, keep, columns in factors]
    cross: dict[tuple[int, int], FloatArray | sp.csr_array] = {}
    for j, right in enumerate(factors):
        for i, left in enumerate(factors[:j]):
            (f, s) = left[0], right[0]
            block = sums.cross[f, s] if f < s else sums.cross[s, f].T
            part = block[_places(left)][:, _places(right)]
            dense = part.shape[0] * part.shape[1] <= DENSE_CELLS
            if isinstance(part, np.ndarray):
                cross[i, j] = np.ascontiguousarray(part)
            else:
                cross[i, j] = part.toarray() if dense else sp.csr_array(part)
    return CrossProducts(sums.n, tuple(A), tuple(B), T.T @ sums.C @ T, cross)


def _places(factor: tuple[int, NDArray[np.bool_], IntArray]) -> IntArray:
    """Columns of Z that stay, level by level."""
    _, keep, columns = factor
    places: IntArray = (np.flatnonzero(keep)[:, None] * len(columns) + columns).ravel()
    return places


def stacked_triangle(triangle: FloatArray | None, X: FloatArray) -> FloatArray:
    """The triangle R of a QR of rows ``X`` below those that ``triangle`` stands for (tall and skinny QR).

    It has the column norms and inner products of all rows, to full precision: what a rank has to be judged on.
    """
    rows = X if triangle is None else np.concatenate([triangle, X])
    if not len(rows) or not rows.shape[1]:
        return np.zeros((0, X.shape[1]))
    packed, _, _, _ = lapack.dgeqrf(rows)
    return np.triu(packed[: X.shape[1]])


#: Numbers are counted by their first 16 bits: sign, exponent and four bits of the mantissa.
CELLS = 1 << 16


def order_statistics(parts: Callable[[], Iterator[FloatArray]], ranks: IntArray) -> FloatArray:
    """The numbers that have these ranks, counted from 0, among all numbers of some vectors, none NaN.

    Two passes: the first counts the numbers in cells that stand in their order, the second keeps those in
    the cells of the ranks.
    """
    counts = np.zeros(CELLS, dtype=np.int64)
    for part in parts():
        counts += np.bincount(_cells(part), minlength=CELLS)
    ends = np.cumsum(counts)
    cells = np.searchsorted(ends, ranks, side="right")
    wanted = np.zeros(CELLS, dtype=bool)
    wanted[cells] = True
    kept = np.sort(np.concatenate([part[wanted[_cells(part)]] for part in parts()]))
    before = np.cumsum(np.where(wanted, 0, counts))  # those that were not kept and come first
    return np.asarray(kept[ranks - before[cells]])


def _cells(x: FloatArray) -> IntArray:
    """Cells of numbers, in the order of the numbers."""
    bits = (np.ascontiguousarray(x) + 0.0).view(np.int64)  # 0 has one sign
    ordered = bits ^ ((bits >> 63) & np.int64(0x7FFFFFFFFFFFFFFF))  # negative numbers run backwards
    cells: IntArray = (ordered >> 48) + CELLS // 2
    return cells
