"""pylmer as the judge of two optima that other engines found: its criterion between them, its gradient at both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rcompare.case import Case
from rcompare.datatable import case_hash
from rcompare.engines.pylmer import PylmerEngine
from rcompare.results import Labelled, Results

__all__ = ["Judge", "judge_of"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Judge:
    """What pylmer knows about two points.

    Parameters
    ----------
    criterion
        The criterion at each row of an (m, k) array of thetas.
    ours, theirs
        Its answers at either engine's theta, gradients among them.
    """

    criterion: Callable[[FloatArray], FloatArray]
    ours: Results
    theirs: Results


def judge_of(case: Case, ours: Results, theirs: Results) -> Judge | None:
    """Call the judge; None where the case's data are not at hand or are others, or pylmer cannot fit the model."""
    a, b = ours.values.get("theta"), theirs.values.get("theta")
    if not (isinstance(a, Labelled) and isinstance(b, Labelled)) or a.values.shape != b.values.shape:
        return None
    engine, asked = PylmerEngine(), replace(case, groups=("structure", "fit"))
    try:
        if theirs.stamp.get("data_hash") != case_hash(case):
            return None
        at = [engine.run_at(asked, theta.values) for theta in (a, b)]
    except Exception:  # where there is no judge the verdict is by the criteria alone
        return None
    return Judge(lambda rows: engine.criterion(asked, rows), *at)
