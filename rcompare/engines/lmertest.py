"""lmerTest in R: the coefficients of lme4 with Satterthwaite's degrees of freedom and p values."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from rcompare.case import Case
from rcompare.engines.base import EngineUnavailable
from rcompare.engines.lme4 import REngine
from rcompare.engines.r import why_no_r
from rcompare.results import Results

__all__ = ["LmerTestEngine"]

KEPT = ("nobs", "criterion", "theta", "lower", "beta", "se", "t.value", "vcov", "sigma", "varcor.vcov")


class LmerTestEngine(REngine):
    """lmerTest in the R that rpy2 embeds; both engines are asked for the group ``satterthwaite``.

    Raises
    ------
    EngineUnavailable
        If R, rpy2, lme4 or lmerTest is missing.
    """

    partial = True
    wants = ("satterthwaite",)

    def __init__(self, data: pd.DataFrame | None = None) -> None:
        reason = why_no_r(("lme4", "lmerTest"))
        if reason is not None:
            raise EngineUnavailable(reason)
        super().__init__(tight=False, data=data)
        self.version = self._session.strings("packageDescription('lmerTest')$Version")[0]
        self.name = f"lmerTest {self.version} (lme4 {self.lme4_version})"

    def run(self, case: Case) -> Results:
        """Answer a case of ``lmer``."""
        if case.call != "lmer":
            return Results(case.id, {}, {"engine": "lmerTest"}, failed={"all": f"lmerTest has no {case.call}"})
        asked = replace(case, groups=("structure", "fit", "satterthwaite"))
        results = super().run(asked)
        kept = {k: v for k, v in results.values.items() if k in KEPT or k.startswith("satterthwaite")}
        return replace(results, values=kept, stamp={**results.stamp, "engine": "lmerTest", "package": "lmerTest"})
