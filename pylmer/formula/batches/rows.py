"""Rows that were summed and let go: read again, in batches, when somebody asks for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from pylmer.errors import DataError, ModelError
from pylmer.formula.batches.columns import CHANGED
from pylmer.formula.batches.recipe import BatchOfRows, Recipe
from pylmer.formula.batches.source import Source, blocks
from pylmer.formula.design import Design, ReTerm, ReTerms
from pylmer.formula.lformula import offset_of, response_of
from pylmer.formula.values import FloatArray, IntArray
from pylmer.linalg.accumulate import order_statistics
from pylmer.rcompat.rounding import quantile, quantile_of_ranks

if TYPE_CHECKING:
    from pylmer.linalg.cross_products import CrossProducts

__all__ = ["MOST_BYTES", "LazyRows", "RowsInBatches", "with_lazy_rows"]

#: Arrays of rows that take more than this are not made.
MOST_BYTES = 1 << 30


class LazyRows(NDArrayOperatorsMixin):
    """An array with one entry a row, read when it is first looked at; its shape is known before.

    Parameters
    ----------
    shape
        ``(n,)`` or ``(n, c)``.
    read
        Gives the array.
    what
        Its name, for errors.
    dtype
        Type of its entries.
    parts
        Gives a vector batch by batch, for those who need no more.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        read: Callable[[], np.ndarray[Any, Any]],
        what: str,
        dtype: Any = np.float64,
        parts: Callable[[], Iterator[FloatArray]] | None = None,
    ) -> None:
        self.shape, self.dtype, self.what = shape, np.dtype(dtype), what
        self._read, self._parts = read, parts
        self._array: np.ndarray[Any, Any] | None = None

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Memory of the array, once it is read."""
        return math.prod(self.shape) * int(self.dtype.itemsize)

    def array(self) -> np.ndarray[Any, Any]:
        """The array itself.

        Raises
        ------
        ModelError
            If it takes too much memory.
        """
        if self._array is None:
            if self.nbytes > MOST_BYTES:
                raise ModelError(
                    f"{self.what} of {self.shape[0]:,} rows takes {self.nbytes / 1e9:.1f} GB: this fit was made in "
                    "batches, and what needs all its rows at once is not made of so many"
                )
            self._array = self._read()
        return self._array

    def quantiles(self, probabilities: Sequence[float]) -> FloatArray:
        """R's quantiles of a vector without NaN; of a long one exactly too, in two passes and little memory."""
        if self._array is not None or self._parts is None or self.nbytes <= MOST_BYTES // 4:
            return quantile(self.array(), probabilities)
        parts = self._parts
        return quantile_of_ranks(len(self), lambda ranks: order_statistics(parts, ranks), probabilities)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.array())

    def __getitem__(self, key: Any) -> Any:
        return self.array()[key]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.array(self.array(), dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        plain = [x.array() if isinstance(x, LazyRows) else x for x in inputs]
        return getattr(ufunc, method)(*plain, **settings)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.array(), name)


@dataclass(eq=False)
class RowsInBatches:
    """The rows of a fit, and what was summed over them.

    Parameters
    ----------
    source, recipe
        Where the rows come from and what makes arrays of them.
    order
        The bars in lme4's order, as positions among the bars as written.
    kept
        ``(p,)`` columns of X that the fit uses.
    n, rows
        Number of rows used, and of all rows.
    fingerprint
        What the source said of itself when it was read.
    sums
        The cross-products of the weighted rows; the last column is ``y - offset - X beta0``.
    beta0, log_weights
        What was taken off the response, ``(p,)``; the sum of the logarithms of the prior weights.
    """

    source: Source
    recipe: Recipe
    order: tuple[int, ...]
    kept: IntArray
    n: int
    rows: int
    fingerprint: object
    sums: CrossProducts
    beta0: FloatArray
    log_weights: float
    design: Design | None = None
    _whole: Design | None = field(default=None, repr=False)

    def belong_to(self, design: Design) -> bool:
        """Whether a design has the very rows that were summed: none of its arrays was exchanged."""
        mine = self.design
        return (
            mine is not None
            and design.y is mine.y
            and design.X is mine.X
            and design.re is mine.re
            and design.weights is mine.weights
            and design.offset is mine.offset
        )

    def batches(self) -> Iterator[BatchOfRows]:
        """All rows again, in batches; an error if they are not those of the fit."""
        first = used = 0
        self._refuse_change()
        for block in blocks(self.source, self.recipe.columns):
            batch = self.recipe.batch(block, first)
            first += block.num_rows
            used += batch.n
            yield batch
        if first != self.rows or used != self.n:
            met, had = f"{first:,} rows, {used:,} of them used", f"{self.rows:,} and {self.n:,}"
            raise DataError(f"{CHANGED}: {met}; the fit had {had}")
        self._refuse_change()

    def _refuse_change(self) -> None:
        if self.source.fingerprint() != self.fingerprint:
            raise DataError(f"{CHANGED}: the file is not what it was; fit again")

    def designs(self) -> Iterator[Design]:
        """The rows as designs of their own, with the levels and columns of the whole."""
        for batch in self.batches():
            yield self.part(batch)

    def part(self, batch: BatchOfRows) -> Design:
        """The design of one batch."""
        assert self.design is not None
        whole, plan = self.design, self.recipe.plan
        terms = [
            replace(term, codes=batch.codes[term.group], columns=batch.lhs[i].matrix)
            for i, term in zip(self.order, whole.re.terms, strict=True)
        ]
        X = batch.X.matrix
        return replace(
            whole,
            y=response_of(plan.response, batch.frame),
            X=X if len(self.kept) == X.shape[1] else X[:, self.kept],
            re=ReTerms(tuple(terms)),
            weights=batch.frame.weights,
            offset=offset_of(plan, batch.frame),
            row_names=batch.frame.row_names,
            batches=None,
        )

    def by_row(self, compute: Callable[[Design], FloatArray]) -> FloatArray:
        """One number for each row, ``(n,)``, computed batch by batch when it is looked at."""

        def parts() -> Iterator[FloatArray]:
            return map(compute, self.designs())

        def read() -> FloatArray:
            out, first = np.empty(self.n), 0
            for part in parts():
                out[first : first + len(part)] = part
                first += len(part)
            return out

        return cast(FloatArray, LazyRows((self.n,), read, "one number a row", parts=parts))

    @property
    def nbytes(self) -> int:
        """Memory of all rows."""
        mine = self.design
        assert mine is not None
        arrays: list[Any] = [mine.y, mine.X, mine.weights, mine.offset]
        arrays += [a for t in mine.re.terms for a in (t.codes, t.columns)]
        return sum(int(a.nbytes) for a in arrays if a is not None) + 8 * self.n

    @property
    def fit_in_memory(self) -> bool:
        """Whether all rows may be in memory together."""
        return self.nbytes <= MOST_BYTES

    def whole(self) -> Design:
        """All rows at once, where they do not take too much memory."""
        assert self.design is not None
        if self._whole is None:
            if (total := self.nbytes) > MOST_BYTES:
                raise ModelError(
                    f"the {self.n:,} rows of this fit take {total / 1e9:.1f} GB: it was made in batches, and what "
                    "needs all rows at once is not made of so many"
                )
            self._whole = _stacked(self.design, list(self.designs()))
        return self._whole


def _stacked(like: Design, parts: Sequence[Design]) -> Design:
    def stack(pick: Callable[[Design], Any]) -> Any:
        return np.concatenate([pick(part) for part in parts])

    def stacked_term(i: int, t: ReTerm) -> ReTerm:
        return replace(t, codes=stack(lambda d: d.re.terms[i].codes), columns=stack(lambda d: d.re.terms[i].columns))

    terms = [stacked_term(i, t) for i, t in enumerate(like.re.terms)]
    return replace(
        like,
        y=stack(lambda d: d.y),
        X=np.asfortranarray(stack(lambda d: d.X)),
        re=ReTerms(tuple(terms)),
        weights=None if like.weights is None else stack(lambda d: d.weights),
        offset=None if like.offset is None else stack(lambda d: d.offset),
        row_names=stack(lambda d: d.row_names),
        batches=None,
    )


def with_lazy_rows(design: Design, rows: RowsInBatches) -> Design:
    """The design whose arrays are read when they are looked at."""
    n = rows.n

    def lazy(shape: tuple[int, ...], pick: Callable[[Design], Any], what: str, dtype: Any = np.float64) -> Any:
        return LazyRows(shape, lambda: pick(rows.whole()), what, dtype)

    terms = tuple(_lazy_term(term, i, lazy, n) for i, term in enumerate(design.re.terms))
    made = replace(
        design,
        y=lazy((n,), lambda d: d.y, "the response"),
        X=lazy((n, len(rows.kept)), lambda d: d.X, "X"),
        re=ReTerms(terms),
        weights=None if rows.recipe.choice.weights is None else lazy((n,), lambda d: d.weights, "the weights"),
        offset=lazy((n,), lambda d: d.offset, "the offset") if _has_offset(rows.recipe) else None,
        row_names=_row_names(rows, lazy),
        batches=rows,
    )
    rows.design = made
    return made


def _lazy_term(term: ReTerm, i: int, lazy: Callable[..., Any], n: int) -> ReTerm:
    return replace(
        term,
        codes=lazy((n,), lambda d: d.re.terms[i].codes, f"the levels of {term.group}", np.intp),
        columns=lazy((n, term.k), lambda d: d.re.terms[i].columns, f"the columns of ({term.label})"),
    )


def _has_offset(recipe: Recipe) -> bool:
    return recipe.choice.offset is not None or bool(recipe.plan.offsets)


def _row_names(rows: RowsInBatches, lazy: Callable[..., Any]) -> Any:
    if rows.n == rows.rows:
        return LazyRows((rows.n,), lambda: np.arange(1, rows.n + 1), "the row names", np.int64)
    return lazy((rows.n,), lambda d: d.row_names, "the row names", np.int64)
