"""What a formula and a table become: the arrays and labels that the engine needs, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pylmer.formula.batches.rows import RowsInBatches
    from pylmer.formula.frame import ModelFrame
    from pylmer.formula.schema import Schema

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["CallText", "Design", "FloatArray", "IntArray", "ReTerm", "ReTerms"]


@dataclass(frozen=True)
class ReTerm:
    """One random-effects term ``(lhs | group)``.

    Parameters
    ----------
    group
        Label of the grouping factor as R spells it: ``"school"``, ``"sample:batch"``.
    codes
        ``(n,)`` level of each row, counted from 0.
    levels
        The J level labels, in order.
    names
        The k column names of the left-hand side (one entry of lme4's ``cnms``).
    columns
        ``(n, k)`` raw model matrix of the left-hand side.
    label
        The term as R spells it, ``"Days | Subject"``.
    structure
        Structure of the covariance of the k effects: ``"us"`` (unstructured), ``"diag"``, ``"cs"`` or ``"ar1"``.
    hom
        Whether the structure has one variance for all k effects.
    """

    group: str
    codes: IntArray
    levels: tuple[str, ...]
    names: tuple[str, ...]
    columns: FloatArray
    label: str = ""
    structure: str = "us"
    hom: bool = False

    @property
    def J(self) -> int:
        """Number of levels."""
        return len(self.levels)

    @property
    def k(self) -> int:
        """Number of columns of the left-hand side."""
        return len(self.names)

    @property
    def n_theta(self) -> int:
        """Number of elements of the lower triangle, k (k + 1) / 2."""
        return self.k * (self.k + 1) // 2


@dataclass(frozen=True)
class ReTerms:
    """All random-effects terms in lme4's order (lme4's ``reTrms``)."""

    terms: tuple[ReTerm, ...]

    @cached_property
    def Gp(self) -> IntArray:
        """``(T + 1,)`` boundaries of the terms in the columns of Z."""
        return np.cumsum([0] + [t.J * t.k for t in self.terms])

    @property
    def q(self) -> int:
        """Number of columns of Z."""
        return sum([t.J * t.k for t in self.terms])

    @cached_property
    def theta_start(self) -> FloatArray:
        """The identity start: 1 on every diagonal, 0 elsewhere, column-major lower triangle per term."""
        return np.where(np.isfinite(self.lower), 1.0, 0.0)

    @cached_property
    def lower(self) -> FloatArray:
        """Lower bounds of theta: 0 on diagonals, -inf elsewhere."""
        return np.concatenate(
            [[0.0 if i == j else -np.inf for j in range(t.k) for i in range(j, t.k)] for t in self.terms]
        )

    @cached_property
    def theta_names(self) -> tuple[str, ...]:
        """lme4's names: ``g.(Intercept)``, ``g.x.(Intercept)``, ``g.x``."""
        out = []
        for t in self.terms:
            for j in range(t.k):
                for i in range(j, t.k):
                    out.append(f"{t.group}.{t.names[j]}" if i == j else f"{t.group}.{t.names[i]}.{t.names[j]}")
        return tuple(out)

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """Distinct grouping factors, in order of first use (lme4's ``names(flist)``)."""
        return tuple(dict.fromkeys(t.group for t in self.terms))

    @cached_property
    def flist(self) -> dict[str, ReTerm]:
        """For each distinct grouping factor, the first term that uses it (its codes and levels)."""
        out: dict[str, ReTerm] = {}
        for t in self.terms:
            out.setdefault(t.group, t)
        return out


@dataclass(frozen=True)
class CallText:
    """The call as the caller wrote it, for the heading of printed text."""

    formula: str
    data: str | None = None
    weights: str | None = None
    offset: str | None = None
    subset: str | None = None
    control: str | None = None


@dataclass(frozen=True)
class Design:
    """A formula applied to a table (the output of lme4's ``lFormula``).

    Parameters
    ----------
    y
        ``(n,)`` response.
    X
        ``(n, p)`` fixed-effects model matrix, full column rank.
    X_names
        Its p column names, R's.
    re
        The random-effects terms.
    weights, offset
        ``(n,)`` or None.
    row_names
        Labels of the rows kept.
    response
        The response as deparsed (``"log(y)"``).
    call
        The call as text.
    dropped
        Names of columns of X that were dropped for rank deficiency, in order.
    scale_note
        What was said of the scales of the columns of X; empty where nothing was.
    schema
        What must be remembered to build the same matrices from new data.
    na_rows
        Positions (in the rows after ``subset``) that were omitted for missing values; with ``na_exclude`` results are
        padded there.
    na_row_names
        Labels of those rows.
    frame
        The variables of the formula on the rows kept, where they are still there.
    batches
        What was summed over rows that are read in batches; the arrays are then read when they are looked at.
    """

    y: FloatArray
    X: FloatArray
    X_names: tuple[str, ...]
    re: ReTerms
    weights: FloatArray | None
    offset: FloatArray | None
    row_names: tuple[object, ...] | NDArray[np.generic]
    response: str
    call: CallText
    schema: Schema
    dropped: tuple[str, ...] = ()
    scale_note: str = ""
    na_rows: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    na_exclude: bool = False
    na_row_names: tuple[object, ...] | NDArray[np.generic] = ()

    frame: ModelFrame | None = None
    batches: RowsInBatches | None = None

    @property
    def cells(self) -> int:
        """Cells of the largest dense matrix that a fit may work with."""
        return max(len(self.y) * (len(self.X_names) + 1), self.re.q**2)

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.y)

    @property
    def p(self) -> int:
        """Number of fixed effects."""
        return int(self.X.shape[1])
