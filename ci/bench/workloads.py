"""The list of what is timed: the same call in every engine."""

from __future__ import annotations

from dataclasses import dataclass

import generated
import pandas as pd

from pylmer import datasets


@dataclass(frozen=True)
class Workload:
    """A fit, 500 bootstrap refits with their intervals (``nsim``), or profile intervals (``profile``) of a fit."""

    name: str
    formula: str
    data: str
    rounds: int = 15
    r_rounds: int = 7
    nsim: int = 0
    profile: bool = False
    REML: bool = True

    def table(self) -> pd.DataFrame:
        """A data set of ``pylmer.datasets``, or a table that ``generated`` makes."""
        return getattr(generated if self.generated else datasets, self.data)()

    @property
    def id(self) -> str:
        """The name without spaces, for ``-k``."""
        return self.name.replace(", ", "-").replace(" ", "-")

    @property
    def generated(self) -> bool:
        return self.data in generated.__all__

    @property
    def is_large(self) -> bool:
        """Fits that a package may take minutes for."""
        return self.is_fit and self.rounds <= 20

    @property
    def is_fit(self) -> bool:
        return not self.nsim and not self.profile


SLEEP, M1, CROSSED = (
    "Reaction ~ Days + (Days | Subject)",
    "mathach ~ 1 + (1 | school)",
    "diameter ~ 1 + (1 | plate) + (1 | sample)",
)
MAXIMAL = "rt ~ S + P + L + (S + P + L | subj) + (S + P + L | item)"

FITS = [
    Workload("sleepstudy slopes", SLEEP, "sleepstudy", 60, 15),
    Workload("HSB M1", M1, "HSB", 40, 15),
    Workload("HSB M2", "mathach ~ cses + (1 | school)", "HSB", 40, 15),
    Workload("HSB slopes", "mathach ~ cses*sector + (cses | school)", "HSB", 40, 15),
    Workload("HSB A5", "mathach ~ mean.ses*cses + sector*cses + (cses | school)", "HSB", 30, 7),
    Workload("Dyestuff2, singular", "Yield ~ 1 + (1 | Batch)", "Dyestuff2", 60, 15),
    Workload("Penicillin", CROSSED, "Penicillin", 60, 15),
    Workload("Pastes", "strength ~ 1 + (1 | batch/cask)", "Pastes", 60, 15),
    Workload("cake", "angle ~ recipe * temperature + (1 | recipe:replicate)", "cake", 60, 15),
    Workload("Chem97", "score ~ 1 + (1 | lea/school)", "Chem97", 20, 5),
    Workload("maximal, crossed", MAXIMAL, "maximal", 10, 1),
    Workload("InstEval", "y ~ service + (1 | s) + (1 | d) + (1 | dept)", "InstEval", 5, 1),
]
BOOTSTRAPS = [
    Workload("bootstrap of HSB M1, 500", M1, "HSB", 7, 1, nsim=500),
    # by ML: refit of lme4 1.1-31 is in error by REML with more than one fixed effect
    Workload("bootstrap of sleepstudy, 500", SLEEP, "sleepstudy", 7, 1, nsim=500, REML=False),
    Workload("bootstrap of Penicillin, 500", CROSSED, "Penicillin", 7, 1, nsim=500),
]
PROFILES = [
    Workload("profile of sleepstudy", SLEEP, "sleepstudy", 7, 3, profile=True),
    Workload("profile of HSB M1", M1, "HSB", 7, 3, profile=True),
]
