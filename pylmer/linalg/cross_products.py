"""Sums over rows: everything that the criterion needs to know of the data, whatever theta is.

A linear mixed model needs its rows once.  After that it works on ``Z'Z``, ``Z'[X y]`` and ``[X y]'[X y]``, which are
sums over rows and therefore add up over batches of rows: ``CrossProducts`` has a ``+``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["CrossProducts", "Factor", "cross_products", "group_sums"]

#: A cross block ``Z_f'Z_s`` with at most this many cells is kept as a dense array, a larger one as sparse.
DENSE_CELLS = 400_000
#: One of more cells than this is kept as sparse too if the rows can fill less than a quarter of it.
FEW_CELLS = 20_000
#: Several rows of up to so many numbers together are summed by level at once.
MOST_AT_ONCE = 50_000


@dataclass(frozen=True)
class Factor:
    """One grouping factor with the raw columns of all its terms side by side.

    ``codes`` is ``(n,)`` counted from 0, ``columns`` is ``(n, k)``, ``J`` the number of levels.
    """

    codes: IntArray
    columns: FloatArray
    J: int

    @property
    def k(self) -> int:
        """Number of columns."""
        return int(self.columns.shape[1])

    @property
    def q(self) -> int:
        """Number of random effects, J k."""
        return self.J * self.k


@dataclass(frozen=True)
class CrossProducts:
    """Sums over rows for F grouping factors and the p + 1 columns of ``[X y]``.

    Parameters
    ----------
    n
        Number of rows summed.
    A
        Per factor ``(J, k, k)``: the diagonal blocks of ``Z_f'Z_f``.
    B
        Per factor ``(J, k, p + 1)``: ``Z_f'[X y]``.
    C
        ``(p + 1, p + 1)``: ``[X y]'[X y]``.
    cross
        For each pair f < s, ``Z_f'Z_s`` of shape ``(J_f k_f, J_s k_s)``: dense where it is small, else CSR.
    """

    n: int
    A: tuple[FloatArray, ...]
    B: tuple[FloatArray, ...]
    C: FloatArray
    cross: dict[tuple[int, int], FloatArray | sp.csr_array]

    def __add__(self, other: CrossProducts) -> CrossProducts:
        """Sums over the rows of both: the same factors, levels and columns are required."""
        if [a.shape for a in self.B] != [b.shape for b in other.B]:
            raise ValueError("cross-products of different factors, levels or columns cannot be added")
        return CrossProducts(
            self.n + other.n,
            tuple(a + b for a, b in zip(self.A, other.A, strict=True)),
            tuple(a + b for a, b in zip(self.B, other.B, strict=True)),
            self.C + other.C,
            {pair: _add(block, other.cross[pair]) for pair, block in self.cross.items()},
        )

    def column_scales(self) -> tuple[FloatArray, ...]:
        """Root mean square of each raw column of Z, per factor ``(k,)``; 1 for a column of zeros."""
        scales = []
        for A in self.A:
            squares = np.add.reduce(A).diagonal().tolist()
            scales.append(np.array([math.sqrt(square / self.n) or 1.0 for square in squares]))
        return tuple(scales)

    def scaled(self, scales: Sequence[FloatArray]) -> CrossProducts:
        """Return the cross-products of Z's columns divided by their scales, per factor ``(k,)``."""
        if all(one == 1.0 for s in scales for one in s.tolist()):
            return self
        wide = [np.tile(s, A.shape[0]) for s, A in zip(scales, self.A, strict=True)] if self.cross else []
        cross: dict[tuple[int, int], FloatArray | sp.csr_array] = {}
        for (f, s), block in self.cross.items():
            if isinstance(block, np.ndarray):
                cross[f, s] = block / np.outer(wide[f], wide[s])
            else:
                entries = block.tocoo()
                entries.data = entries.data / (wide[f][entries.row] * wide[s][entries.col])
                cross[f, s] = sp.csr_array(entries)
        return CrossProducts(
            self.n,
            tuple(A / (s[:, None] * s) for A, s in zip(self.A, scales, strict=True)),
            tuple(B / s[:, None] for B, s in zip(self.B, scales, strict=True)),
            self.C,
            cross,
        )

    def with_response(self, Zy: Sequence[FloatArray], Xy: FloatArray, yy: FloatArray) -> CrossProducts:
        """Return the sums with another response: ``Z'y`` per factor ``(1, J, k)``, ``X'y`` ``(1, p)``, y'y ``(1,)``."""
        B = tuple(np.concatenate([b[..., :-1], zy[0, :, :, None]], axis=-1) for b, zy in zip(self.B, Zy, strict=True))
        C = self.C.copy()
        C[-1, :-1] = C[:-1, -1] = Xy[0]
        C[-1, -1] = yy[0]
        return CrossProducts(self.n, self.A, B, C, self.cross)

    def times_Z(self, b: Sequence[FloatArray]) -> tuple[list[FloatArray], FloatArray]:
        """Cross-products of a response Z b, for many b at once, without a pass over the rows.

        Parameters
        ----------
        b
            Per factor ``(R, J, k)``.

        Returns
        -------
        tuple
            ``Z'Z b`` per factor ``(R, J, k)``, and ``X'Z b`` ``(R, p)``.
        """
        ZZb = [np.einsum("jab,rjb->rja", A, part) for A, part in zip(self.A, b, strict=True)]
        for (f, s), block in self.cross.items():
            left, right = (part.reshape(len(part), -1).T for part in (b[f], b[s]))
            ZZb[f] += (block @ right).T.reshape(b[f].shape)
            ZZb[s] += (block.T @ left).T.reshape(b[s].shape)
        XZb = np.zeros((len(b[0]), self.C.shape[0] - 1))
        for B, part in zip(self.B, b, strict=True):
            XZb += np.einsum("jkp,rjk->rp", B[..., :-1], part)
        return ZZb, XZb


def _add(a: FloatArray | sp.csr_array, b: FloatArray | sp.csr_array) -> FloatArray | sp.csr_array:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a + b
    return sp.csr_array(sp.csr_array(a) + sp.csr_array(b))


def group_sums(codes: IntArray, rows: FloatArray, J: int) -> FloatArray:
    """Sum ``rows`` of shape ``(c, n)`` over equal ``codes``: ``(c, J)``."""
    return _Levels(codes, J).sums(rows)


class _Levels:
    """Sums over the rows of each level: run by run where rows come sorted by level, else through ``bincount``."""

    def __init__(self, codes: IntArray, J: int) -> None:
        self.codes, self.J = codes, J
        self.starts = _run_starts(codes, J)

    def sums(self, rows: FloatArray) -> FloatArray:
        """``(c, n)`` to ``(c, J)``."""
        c, J = len(rows), self.J
        if self.starts is not None:
            return np.add.reduceat(rows, self.starts, axis=1)
        if c > 4 and rows.size <= MOST_AT_ONCE:
            cells = self.codes + np.arange(0, c * J, J)[:, None]
            together = np.asarray(np.bincount(cells.ravel(), rows.ravel(), c * J), dtype=np.float64)
            return together.reshape(c, J)
        return np.array([np.bincount(self.codes, row, J) for row in rows]).reshape(c, J)


def _run_starts(codes: IntArray, J: int) -> IntArray | None:
    """First row of each level when the rows are sorted by level and each level occurs, else None."""
    steps = (codes[1:] != codes[:-1]).nonzero()[0]
    if len(steps) != J - 1:
        return None
    starts = np.zeros(J, dtype=np.intp)
    np.add(steps, 1, out=starts[1:])
    return starts if np.count_nonzero(codes[starts] == np.arange(J)) == J else None


def cross_products(factors: Sequence[Factor], Xy: FloatArray) -> CrossProducts:
    """Sum over the rows once.

    Parameters
    ----------
    factors
        The grouping factors; their columns already carry the square roots of the weights.
    Xy
        ``(p + 1, n)``: the columns of X and the response as rows, weighted likewise.
    """
    blocks = [_one_factor(f, Xy) for f in factors]
    pairs = [(f, s) for f in range(len(factors)) for s in range(f + 1, len(factors))]
    return CrossProducts(
        Xy.shape[1],
        tuple(A for A, _ in blocks),
        tuple(B for _, B in blocks),
        Xy.dot(Xy.T),
        {(f, s): _cross_block(factors[f], factors[s]) for f, s in pairs},
    )


def _one_factor(f: Factor, Xy: FloatArray) -> tuple[FloatArray, FloatArray]:
    """``Z'Z`` ``(J, k, k)`` and ``Z'[X y]`` ``(J, k, p + 1)`` of one factor, one column of Z after the other."""
    k, levels = f.k, _Levels(f.codes, f.J)
    ZXy = np.concatenate([f.columns.T, Xy])
    A, B = np.empty((f.J, k, k)), np.empty((f.J, k, len(Xy)))
    for a in range(k):
        z, right = ZXy[a], ZXy[a:]
        ones = z[0] == 1.0 and np.count_nonzero(z == 1.0) == len(z)
        sums = levels.sums(right if ones else right * z)
        A[:, a, a:] = A[:, a:, a] = sums[: k - a].T
        B[:, a] = sums[k - a :].T
    return A, B


def _cross_block(f: Factor, s: Factor) -> FloatArray | sp.csr_array:
    """Return ``Z_f'Z_s``, level-major on both sides."""
    if f.q * s.q <= DENSE_CELLS and f.q * s.q <= max(FEW_CELLS, 4 * len(f.codes) * f.k * s.k):
        cell = f.codes * s.J + s.codes
        if f.k == s.k == 1:
            sums = np.bincount(cell, f.columns[:, 0] * s.columns[:, 0], f.J * s.J)
            return np.asarray(sums.reshape(f.J, s.J), dtype=np.float64)
        block = np.empty((f.J, f.k, s.J, s.k))
        for a in range(f.k):
            for b in range(s.k):
                weights = f.columns[:, a] * s.columns[:, b]
                block[:, a, :, b] = np.bincount(cell, weights, f.J * s.J).reshape(f.J, s.J)
        return block.reshape(f.q, s.q)
    kind: Any = np.int32 if max(f.q, s.q, len(f.codes) * f.k * s.k) < 2**31 else np.int64
    row = (f.codes[:, None, None] * f.k + np.arange(f.k)[:, None]).astype(kind).repeat(s.k, axis=2)
    col = (s.codes[:, None, None] * s.k + np.arange(s.k)).astype(kind).repeat(f.k, axis=1)
    values = f.columns[:, :, None] * s.columns[:, None, :]
    return sp.csr_array(sp.coo_array((values.ravel(), (row.ravel(), col.ravel())), shape=(f.q, s.q)))
