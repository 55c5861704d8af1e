"""A sparse positive definite matrix factorized as many small dense ones, those of the same size at once.

The matrix is eliminated group by group (``ordering``).  A group's columns and the columns they are linked to make its
front, a dense square; eliminating the pivots leaves an update of the border, which is added to the parent's front
(the multifrontal method: Duff & Reid 1983, ACM TOMS 9(3)).  With F the front and V the inverse of the whole matrix,

    K = F21 F11^-1,    update = F22 - K F12,
    V21 = -V22 K,      V11 = F11^-1 - K'V21

gives V at every cell of every front, from the parent's to the children's (Takahashi's equations, in blocks).  Fronts of
one height in the tree that are about the same size are padded to one size, and are one batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import lapack

from pylmer.errors import ModelError
from pylmer.linalg.dense_square import inverse_logdet_spd
from pylmer.linalg.ordering import Elimination, front_cost
from pylmer.linalg.small import bmm, inverse_logdet

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["FrontPlan", "Fronts"]

#: Sides up to this are padded to the largest of those about their size; a larger front goes with those of its own size.
PADDED = 96
#: Pivot blocks up to this side are inverted together, larger ones one by one, those up to the second with few calls.
TOGETHER, ONE_BY_ONE = 6, 160
NOT_POSITIVE = "Downdated VtV is not positive definite"


@dataclass(frozen=True)
class Batch:
    """``N`` fronts with ``s`` pivots and ``b`` border columns each, from ``start`` on in the buffer.

    ``columns`` ``(N, s)`` and ``border`` ``(N, b)`` say which columns of the matrix these are; ``Q``, one past the
    last, pads. ``up`` ``(N b b)`` holds the cells of the parents' fronts to which the updates go; ``shared`` says that
    some are met more than once.
    """

    N: int
    s: int
    b: int
    start: int
    columns: IntArray
    border: IntArray
    up: IntArray
    shared: bool
    spread: sp.csr_array | None

    @property
    def cells(self) -> slice:
        """Where the fronts are in the buffer."""
        return slice(self.start, self.start + self.N * (self.s + self.b) ** 2)


def _size_class(size: int) -> int:
    """Sizes of one class are padded to one size: 0, 1, 2, 3, 4, up to 6, 8, 12, 16, 24, ...; large ones are alone."""
    if size <= 4 or size > PADDED:
        return size
    power = 1 << (size - 1).bit_length()
    return power * 3 // 4 if size <= power * 3 // 4 else power


class FrontPlan:
    """Where everything goes: made once, from the pattern.

    Parameters
    ----------
    elimination
        Groups of nodes.
    first
        ``(N + 1,)``: first column of each node.
    """

    def __init__(self, elimination: Elimination, first: IntArray) -> None:
        self.Q = int(first[-1])
        self.parent = elimination.parent
        self.columns, self.s = _columns(elimination.pivots, elimination.pivot_counts, first)
        self.borders, self.b = _columns(elimination.borders, elimination.border_counts, first)
        self._members = self._grouped(self.s.tolist(), self.b.tolist(), self.parent.tolist())
        self.size = sum(len(m) * (s + b) ** 2 for (s, b), m in self._members)
        self.update_size = sum(len(m) * b**2 for (s, b), m in self._members)
        self.widest = max(len(m) * b**2 for (s, b), m in self._members)
        self.kept = sum(len(m) * s * (s + b) for (s, b), m in self._members)

    @staticmethod
    def _grouped(s: list[int], b: list[int], parent: list[int]) -> list[tuple[tuple[int, int], list[int]]]:
        """Groups of one height and about the same size, with their largest numbers of pivots and border columns."""
        height = [0] * len(s)
        for g, p in enumerate(parent):
            if p >= 0:
                height[p] = max(height[p], height[g] + 1)
        members: dict[tuple[int, int, int], list[int]] = {}
        for g in range(len(s)):
            members.setdefault((height[g], _size_class(s[g]), _size_class(b[g])), []).append(g)
        return [((max(s[g] for g in some), max(b[g] for g in some)), some) for _, some in sorted(members.items())]

    @property
    def bytes_kept(self) -> int:
        """Memory of the plan itself, once it is carried out."""
        return 8 * int(self.update_size) + 24 * int(self.Q)

    def bytes_per_replicate(self) -> int:
        """Memory of one factorization with its selected inverse."""
        return 8 * int(self.size + self.kept + 3 * self.widest)

    @cached_property
    def seconds(self) -> float:
        """A guess at the time of one factorization with its selected inverse."""
        return sum(len(m) * front_cost(s, b) + 2e-4 for (s, b), m in self._members)

    @cached_property
    def _places(self) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        """Per group the start of its front in the buffer and its side; sorted keys of (group, column) with places."""
        G = len(self.s)
        start, side, pivots = (np.empty(G, dtype=np.intp) for _ in range(3))
        at = 0
        for (s, b), members in self._members:
            start[members] = at + np.arange(len(members)) * (s + b) ** 2
            side[members] = s + b
            pivots[members] = s
            at += len(members) * (s + b) ** 2
        group = np.concatenate([np.repeat(np.arange(G), n) for n in (self.s, self.b)])
        place = np.concatenate([_counted(self.s), _counted(self.b) + np.repeat(pivots, self.b)])
        key = group * (self.Q + 1) + np.concatenate([self.columns, self.borders])
        order = np.argsort(key)
        return start, side, key[order], place[order]

    @cached_property
    def group_of(self) -> IntArray:
        """``(Q,)``: the group in which a column is eliminated."""
        out = np.empty(self.Q, dtype=np.intp)
        out[self.columns] = np.repeat(np.arange(len(self.s)), self.s)
        return out

    def _place(self, group: IntArray, column: IntArray) -> IntArray:
        """Row of the group's front at which a column stands."""
        _, _, key, place = self._places
        found: IntArray = place[np.searchsorted(key, group * (self.Q + 1) + column)]
        return found

    def cells(self, rows: IntArray, cols: IntArray) -> tuple[IntArray, IntArray]:
        """Cells of the buffer for elements of the matrix, and for the elements across the diagonal."""
        group = np.minimum(self.group_of[rows], self.group_of[cols])
        start, side, _, _ = self._places
        row, col = self._place(group, rows), self._place(group, cols)
        return start[group] + row * side[group] + col, start[group] + col * side[group] + row

    @cached_property
    def padding(self) -> IntArray:
        """Cells on the diagonals of pivot blocks that only pad."""
        out = [np.zeros(0, dtype=np.intp)]
        for batch in self.batches:
            front, row = np.nonzero(batch.columns == self.Q)
            side = batch.s + batch.b
            out.append(batch.start + front * side * side + row * (side + 1))
        return np.concatenate(out)

    @cached_property
    def batches(self) -> list[Batch]:
        """The batches, children before parents."""
        start, side, _, _ = self._places
        out, at = [], 0
        for (s, b), members in self._members:
            N = len(members)
            piv = _rectangle(self.columns, self.s, np.array(members), s, self.Q)
            bor = _rectangle(self.borders, self.b, np.array(members), b, self.Q)
            p = self.parent[members]
            up, spread = np.zeros(0, dtype=np.intp), None
            if b:
                real = bor < self.Q
                place = np.zeros((N, b), dtype=np.intp)
                place[real] = self._place(np.repeat(p, b).reshape(N, b)[real], bor[real])
                cell = start[p][:, None, None] + place[:, :, None] * side[p][:, None, None] + place[:, None]
                up = np.where(real[:, :, None] & real[:, None], cell, self.size).ravel()
                ones = np.ones(N * b)
                spread = sp.csr_array((ones, (bor.ravel(), np.arange(N * b))), shape=(self.Q + 1, N * b))
            out.append(Batch(N, s, b, at, piv, bor, up, bool(b) and len(np.unique(p)) < N, spread))
            at += N * (s + b) ** 2
        return out


def _counted(lengths: IntArray) -> IntArray:
    """0, 1, ... for each of the lengths, one behind the other."""
    counted: IntArray = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return counted


def _columns(nodes: IntArray, counts: IntArray, first: IntArray) -> tuple[IntArray, IntArray]:
    """Columns of the nodes of groups, and how many each group has."""
    begin = first[nodes]
    widths = first[nodes + 1] - begin
    before = np.concatenate([[0], np.cumsum(widths)])
    ends = before[np.cumsum(counts)]
    return np.repeat(begin, widths) + _counted(widths), np.diff(ends, prepend=0)


def _rectangle(flat: IntArray, lengths: IntArray, which: IntArray, width: int, fill: int) -> IntArray:
    """Some of the lists that lie behind one another, as rows of one array."""
    begin = (np.cumsum(lengths) - lengths)[which]
    here = np.arange(width) < lengths[which][:, None]
    out = np.full(here.shape, fill, dtype=np.intp)
    out[here] = flat[np.repeat(begin, lengths[which]) + _counted(lengths[which])]
    return out


class Fronts:
    """The factorization of R matrices of one pattern.

    Parameters
    ----------
    plan
        Where everything goes.
    buffer
        ``(R, plan.size + 1)``: the elements at ``plan.cells``, on both sides of the diagonal; it is used up.

    Raises
    ------
    ModelError
        If a matrix is not positive definite.
    """

    def __init__(self, plan: FrontPlan, buffer: FloatArray) -> None:
        self.plan, self.buffer = plan, buffer
        buffer[:, plan.padding] = 1.0
        self.logdet = np.zeros(len(buffer))
        self._pivots: list[tuple[FloatArray, FloatArray]] = [self._eliminate(batch) for batch in plan.batches]

    def _front(self, batch: Batch) -> FloatArray:
        side = batch.s + batch.b
        return self.buffer[:, batch.cells].reshape(-1, batch.N, side, side)

    def _eliminate(self, batch: Batch) -> tuple[FloatArray, FloatArray]:
        """F11^-1 and K; the update goes up."""
        F, s = self._front(batch), batch.s
        inverse, logdet = _inverses(F[..., :s, :s])
        self.logdet += logdet
        F21 = F[..., s:, :s]
        K = bmm(F21, inverse)
        if batch.b:
            update = F[..., s:, s:] - bmm(K, F21.swapaxes(-1, -2))
            for buffer, one in zip(self.buffer, update.reshape(len(F), -1), strict=True):
                if batch.shared:
                    np.add.at(buffer, batch.up, one)
                else:
                    buffer[batch.up] += one
        return inverse, K

    def solve(self, right: FloatArray) -> FloatArray:
        """Solve for right-hand sides ``(R, Q, c)``."""
        R, Q, c = right.shape
        x = np.zeros((R, Q + 1, c))
        x[:, :Q] = right
        for batch, (inverse, K) in zip(self.plan.batches, self._pivots, strict=True):
            y = x[:, batch.columns]
            if batch.spread is not None:
                passed_on = bmm(K, y).reshape(R, -1, c)
                for one, v in zip(x, passed_on, strict=True):
                    one -= batch.spread @ v
            x[:, batch.columns] = bmm(inverse, y)
        for batch, (_, K) in zip(self.plan.batches[::-1], self._pivots[::-1], strict=True):
            if batch.b:
                x[:, batch.columns] -= bmm(K.swapaxes(-1, -2), x[:, batch.border])
            x[:, Q] = 0.0
        return x[:, :Q]

    def invert(self) -> FloatArray:
        """Put the inverse in the place of the fronts, ``(R, plan.size + 1)``; solving goes on as before."""
        self.buffer[:, -1] = 0.0
        for batch, (inverse, K) in zip(self.plan.batches[::-1], self._pivots[::-1], strict=True):
            F, s = self._front(batch), batch.s
            if not batch.b:
                F[...] = inverse
                continue
            V22 = self.buffer[:, batch.up].reshape(*F.shape[:2], batch.b, batch.b)
            V21 = -bmm(V22, K)
            F[..., s:, s:] = V22
            F[..., s:, :s] = V21
            F[..., :s, s:] = V21.swapaxes(-1, -2)
            F[..., :s, :s] = inverse - bmm(K.swapaxes(-1, -2), V21)
        return self.buffer


def _inverses(F11: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Inverses of ``(R, N, s, s)``, and the sums of their log-determinants over N."""
    s = F11.shape[-1]
    if s <= 2:
        inverse, logdet = inverse_logdet(F11)
    elif s <= TOGETHER:
        try:
            roots = np.linalg.cholesky(F11)
        except np.linalg.LinAlgError:
            raise ModelError(NOT_POSITIVE) from None
        logdet = 2.0 * np.log(np.diagonal(roots, axis1=-2, axis2=-1)).sum(axis=-1)
        inverse = np.asarray(np.linalg.inv(F11), dtype=np.float64)
    elif s <= ONE_BY_ONE:
        inverse, logdet = _small_inverses(F11)
    else:
        inverse = F11.copy()
        logdet = np.empty(F11.shape[:2])
        for place in np.ndindex(*F11.shape[:2]):
            inverse[place], logdet[place] = inverse_logdet_spd(inverse[place])
    total = logdet.sum(axis=-1)
    if not np.isfinite(total).all():
        raise ModelError(NOT_POSITIVE)
    return inverse, total


def _small_inverses(F11: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Inverses and log-determinants, one call of LAPACK each and the rest for all."""
    inverse = np.empty(F11.shape)
    diagonals = np.empty(F11.shape[:-1])
    for place in np.ndindex(*F11.shape[:2]):
        root, info = lapack.dpotrf(F11[place].T, lower=0, clean=0)
        if info != 0:
            raise ModelError(NOT_POSITIVE)
        diagonals[place] = root.diagonal()
        whole, _ = lapack.dpotri(root, lower=0, overwrite_c=1)
        inverse[place] = whole.T
    inverse = np.tril(inverse) + np.tril(inverse, -1).swapaxes(-1, -2)
    return inverse, 2.0 * np.log(diagonals).sum(axis=-1)
