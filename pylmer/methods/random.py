"""Conditional modes of the random effects, and the coefficients of each group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.arguments import check_arguments
from pylmer.methods.fixed import fixef
from pylmer.model import MerMod
from pylmer.rcompat.printable import Printable

FloatArray = NDArray[np.float64]

__all__ = ["Coef", "RanEf", "coef", "ranef"]


@dataclass(frozen=True, eq=False, repr=False)
class RanEf(Printable, Mapping[str, pd.DataFrame]):
    """Conditional modes: grouping factor -> data frame of levels by effects; ``str()`` is R's text.

    ``postVar[group]`` is ``(J, k, k)``, each level's conditional covariance; a list of such arrays, one per term, where
    the group has several terms (as in lme4).  Empty without ``condVar``.  With ``dropped`` a group of one effect is a
    Series, and its conditional variances are ``(J,)``.
    """

    frames: dict[str, pd.DataFrame]
    postVar: dict[str, FloatArray | list[FloatArray]]
    dropped: bool = False

    def __getitem__(self, group: str) -> pd.DataFrame:
        frame = self.frames[group]
        return frame.iloc[:, 0].rename(None) if self.dropped and frame.shape[1] == 1 else frame  # type: ignore[return-value]

    def __iter__(self) -> Iterator[str]:
        return iter(self.frames)

    def __len__(self) -> int:
        return len(self.frames)

    def condsd(self, group: str) -> FloatArray:
        """Conditional standard deviations, ``(J, k)``."""
        V = self.postVar[group]
        blocks = V if isinstance(V, list) else [V.reshape(len(V), 1, 1) if V.ndim == 1 else V]
        return np.concatenate([np.sqrt(np.diagonal(block, axis1=1, axis2=2)) for block in blocks], axis=1)

    def as_data_frame(self) -> pd.DataFrame:
        """One row per group, effect and level: ``grpvar, term, grp, condval, condsd``.

        ``grp`` is categorical, its categories sorted by the first effect's modes, as R orders them for plots.
        ``condsd`` is there only with ``condVar``.
        """
        parts = []
        for group, frame in self.frames.items():
            levels = frame.index.astype(str)
            order = levels[np.argsort(frame.iloc[:, 0].to_numpy(), kind="stable")]
            J, k = frame.shape
            part = pd.DataFrame(
                {
                    "grpvar": group,
                    "term": pd.Categorical(np.repeat(frame.columns.to_numpy(), J), categories=list(frame.columns)),
                    "grp": pd.Categorical(np.tile(levels.to_numpy(), k), categories=list(order)),
                    "condval": frame.to_numpy().T.ravel(),
                }
            )
            if self.postVar:
                part["condsd"] = self.condsd(group).T.ravel()
            parts.append(part)
        if len(parts) == 1:
            return parts[0]
        out = pd.concat(
            [part.astype({"term": object, "grp": object}) for part in parts],
            ignore_index=True,
        )
        for column in ("term", "grp"):
            categories = dict.fromkeys(c for part in parts for c in part[column].cat.categories)
            out[column] = pd.Categorical(out[column], categories=list(categories))
        return out


def ranef(
    model: MerMod,
    condVar: bool = True,
    drop: bool = False,
    whichel: str | Sequence[str] | None = None,
    postVar: bool = False,
) -> RanEf:
    """Conditional modes of the random effects given the data.

    Parameters
    ----------
    model
        A fit.
    condVar
        Also give the conditional variances (``postVar``).
    drop
        Give a group of one effect as a Series, not a data frame.
    whichel
        Names of the grouping factors wanted; None for all. Others than the model's are passed over, as in lme4.
    postVar
        Taken for the sake of old calls; without effect, as in lme4.

    Returns
    -------
    RanEf
        Mapping of grouping factor to data frame (levels x effects), in the units of the response.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    >>> ranef(m)["Batch"].round(3).loc["A"].item()
    -17.607
    """
    check_arguments(ranef, locals())
    frames: dict[str, pd.DataFrame] = {}
    variances: dict[str, FloatArray | list[FloatArray]] = {}
    terms = model.design.re.terms
    wanted = (whichel,) if isinstance(whichel, str) else whichel
    for group, first in model.design.re.flist.items():
        if wanted is not None and group not in wanted:
            continue
        mine = [i for i, t in enumerate(terms) if t.group == group]
        frames[group] = pd.DataFrame(
            np.concatenate([model.state.b[i] for i in mine], axis=1),
            index=list(first.levels),
            columns=[name for i in mine for name in terms[i].names],
        )
        if condVar:
            blocks = [model.condVar[i] for i in mine]
            variances[group] = blocks[0] if len(blocks) == 1 else blocks
            if drop and frames[group].shape[1] == 1:
                variances[group] = blocks[0][:, 0, 0]
    return RanEf(frames, variances, drop)


class Coef(Printable, dict[str, pd.DataFrame]):
    """Coefficients of each group: grouping factor -> data frame of levels by coefficients; ``str()`` is R's text."""


def coef(model: MerMod) -> Coef:
    """Fixed effect plus conditional modes, for each level of each grouping factor.

    A random effect without a fixed effect of its name starts from 0 and comes first, as in lme4, in every group.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    >>> coef(m)["Batch"].round(3).loc["A"].item()
    1509.893
    """
    check_arguments(coef, locals())
    fixed = fixef(model)
    groups = ranef(model, condVar=False)
    missing = dict.fromkeys(name for modes in groups.values() for name in modes.columns if name not in fixed.index)
    start = [(name, 0.0) for name in missing] + list(zip(fixed.index, fixed.to_numpy(), strict=True))
    out = Coef()
    for group, modes in groups.items():
        frame = pd.DataFrame({name: np.full(len(modes), value) for name, value in start}, index=modes.index)
        for j, name in enumerate(modes.columns):
            frame[name] += modes.iloc[:, j]
        out[group] = frame
    return out
