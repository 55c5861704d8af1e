"""Principal components of the random effects: how many directions their covariance really has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pylmer.arguments import check_arguments
from pylmer.model import MerMod
from pylmer.rcompat.printable import Printable

FloatArray = NDArray[np.float64]

__all__ = ["Components", "RePCA", "SummaryRePCA", "rePCA"]


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of one grouping factor (R's class ``prcomp``).

    ``sdev`` ``(k,)``: standard deviations, over sigma; ``rotation`` ``(k, k)``: one component a column.
    """

    sdev: FloatArray
    rotation: FloatArray

    @property
    def importance(self) -> FloatArray:
        """``(3, k)``: standard deviations, proportions of the variance, and their sums, rounded to 5 decimals."""
        share = self.sdev**2
        total = share.sum()
        share = share / total if total > 0 else np.full_like(share, np.nan)
        rounded: FloatArray = np.array([self.sdev, share.round(5), share.cumsum().round(5)])
        return rounded


@dataclass(frozen=True, eq=False, repr=False)
class RePCA(Printable, Mapping[str, Components]):
    """Components by grouping factor; ``summary()`` tells how much each explains."""

    parts: Mapping[str, Components]

    def __getitem__(self, group: str) -> Components:
        return self.parts[group]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def summary(self) -> SummaryRePCA:
        """Return R's ``summary``: standard deviations and proportions of variance."""
        return SummaryRePCA(self)


@dataclass(frozen=True, eq=False, repr=False)
class SummaryRePCA(Printable):
    """What prints as R's ``summary(rePCA(m))``."""

    pca: RePCA


def rePCA(model: MerMod) -> RePCA:
    """Principal components of the relative covariance of the random effects, by grouping factor.

    Terms of one factor are put together.  A standard deviation of (nearly) 0 says that the model has more random
    effects than the data support.

    Examples
    --------
    >>> from pylmer import datasets, lmer, rePCA
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    >>> rePCA(m)["Subject"].sdev.round(3).tolist()
    [0.967, 0.231]
    """
    check_arguments(rePCA, locals())
    parts: dict[str, Components] = {}
    for group in model.design.re.groups:
        blocks = [L for t, L in zip(model.design.re.terms, model.L, strict=True) if t.group == group]
        k = sum(len(L) for L in blocks)
        L_all = np.zeros((k, k))
        start = 0
        for L in blocks:
            L_all[start : start + len(L), start : start + len(L)] = L
            start += len(L)
        rotation, sdev, _ = np.linalg.svd(L_all)
        parts[group] = Components(sdev, rotation)
    return RePCA(parts)
