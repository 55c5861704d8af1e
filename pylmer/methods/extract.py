"""Small parts of a fit by R's names: weights, family, data, Cholesky factor, components, criterion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.arguments import check_arguments
from pylmer.errors import ModelError
from pylmer.formula.frame_table import frame_table, table_frame
from pylmer.methods.components import getME
from pylmer.model import MerMod
from pylmer.rcompat.printable import Printable

FloatArray = NDArray[np.float64]

__all__ = ["Family", "FloatArray", "as_function", "devcomp", "family", "getData", "getL", "weights"]


@dataclass(frozen=True, repr=False)
class Family(Printable):
    """Distribution and link function, R's class ``family``."""

    family: str = "gaussian"
    link: str = "identity"


def family(model: MerMod) -> Family:
    """Return the family of a fit: gaussian with the identity link."""
    check_arguments(family, locals())
    return Family()


def weights(model: MerMod, type: Literal["prior", "working"] = "prior") -> FloatArray:
    """Return the prior weights ``(n,)``: ones where none were given.

    ``type="working"`` is an error, as in lme4: only generalized models have such weights.

    Examples
    --------
    >>> from pylmer import datasets, lmer, weights
    >>> weights(lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff()))[:2].tolist()
    [1.0, 1.0]
    """
    check_arguments(weights, locals())
    if type == "working":
        raise ModelError("working weights only available for GLMMs: type='prior' gives those of the call")
    return np.ones(model.n) if model.design.weights is None else model.design.weights.copy()


def getData(model: MerMod) -> pd.DataFrame:
    """Return the data of a fit: all columns and rows of the table that it was given.

    A fit that was read from JSON has the variables of its formula on the rows that it uses.

    Raises
    ------
    ModelError
        If the fit does not have its data with it.
    """
    check_arguments(getData, locals())
    frame = model.design.frame
    if frame is None:
        raise ModelError("this fit does not have its data with it")
    return table_frame(frame.env.table) if frame.env.table.names else frame_table(frame)


def getL(model: MerMod) -> Any:
    """Return the sparse Cholesky factor of Lambda'Z'ZLambda + I, ``getME(m, "L")``."""
    check_arguments(getL, locals())
    return getME(model, "L")


def devcomp(model: MerMod) -> dict[str, dict[str, float]]:
    """Return the components of the criterion, ``getME(m, "devcomp")``: ``cmp`` and ``dims``."""
    check_arguments(devcomp, locals())
    found: dict[str, dict[str, float]] = getME(model, "devcomp")
    return found


def as_function(model: MerMod) -> Callable[[FloatArray], float]:
    """Return the criterion of a fit as a function of theta (R's ``as.function``).

    Examples
    --------
    >>> from pylmer import as_function, datasets, lmer
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    >>> abs(as_function(m)(m.theta) - m.REMLcrit()) < 1e-9
    True
    """
    check_arguments(as_function, locals())
    return model.criterion
