"""The list of what is timed: the same call in both languages."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pylmer import datasets


@dataclass(frozen=True)
class Workload:
    """A fit, or a bootstrap of it when ``nsim`` is given."""

    name: str
    formula: str
    data: str
    rounds: int = 15
    r_rounds: int = 7
    nsim: int = 0

    def table(self) -> pd.DataFrame:
        return getattr(datasets, self.data)()


FITS = [
    Workload("HSB M1", "mathach ~ 1 + (1 | school)", "HSB", 40, 15),
    Workload("HSB M2", "mathach ~ cses + (1 | school)", "HSB", 40, 15),
    Workload("HSB A5", "mathach ~ mean.ses*cses + sector*cses + (cses | school)", "HSB", 30, 7),
    Workload("sleepstudy slopes", "Reaction ~ Days + (Days | Subject)", "sleepstudy", 60, 15),
    Workload("Dyestuff2, singular", "Yield ~ 1 + (1 | Batch)", "Dyestuff2", 60, 15),
    Workload("Penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)", "Penicillin", 60, 15),
    Workload("Pastes", "strength ~ 1 + (1 | batch/cask)", "Pastes", 60, 15),
    Workload("cake", "angle ~ recipe * temperature + (1 | recipe:replicate)", "cake", 60, 15),
    Workload("InstEval", "y ~ service + (1 | s) + (1 | d) + (1 | dept)", "InstEval", 5, 1),
]
BOOTSTRAPS = [
    Workload("bootstrap of HSB M1, 500", "mathach ~ 1 + (1 | school)", "HSB", 7, 1, nsim=500),
]
