"""The scoreboard: how engines do on the same cases, against what R recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rcompare.differences import Comparison

__all__ = ["COLUMNS", "Score", "as_markdown", "score", "why_not"]

COLUMNS = (
    "engine",
    "cases fitted",
    "optimum as R or better",
    "above R",
    "fixed effects",
    "standard errors",
    "variances",
)


@dataclass(frozen=True)
class Score:
    """One engine's line.

    Parameters
    ----------
    engine
        Its name with version.
    cases
        How many cases there were.
    fitted
        How many it fitted.
    good, above
        Optima not above R's by more than 1e-6, and those above.
    agreeing
        For fixed effects, standard errors and variances: (cases that agree, cases that were answered).
    """

    engine: str
    cases: int
    fitted: int
    good: int
    above: int
    agreeing: tuple[tuple[int, int], ...]

    @property
    def cells(self) -> tuple[str, ...]:
        """The line as text."""
        shown = tuple(f"{a} of {n}" if n else "–" for a, n in self.agreeing)
        return (self.engine, f"{self.fitted} of {self.cases}", str(self.good), str(self.above), *shown)


def score(engine: str, comparisons: Sequence[Comparison]) -> Score:
    """Count for one engine.

    Parameters
    ----------
    engine
        Its name.
    comparisons
        Its comparisons with R on all cases.
    """
    fitted = [c for c in comparisons if _found(c, "criterion")]
    outcomes = {c.case.id: {d.quantity: d for d in c.differences if d.stage == 2} for c in fitted}
    optima = [o["criterion"] for o in outcomes.values()]
    agreeing = []
    for name in ("beta", "se", "varcor.vcov"):
        answered = [o[name] for o in outcomes.values() if name in o and o[name].status != "not offered"]
        agreeing.append((sum(not d.fails for d in answered), len(answered)))
    good = sum(not d.fails for d in optima)
    return Score(engine, len(comparisons), len(fitted), good, len(optima) - good, tuple(agreeing))


def why_not(comparisons: Sequence[Comparison]) -> dict[str, list[str]]:
    """Ids of the cases without a fit, by the reason: the engine has no such model, or its error."""
    found: dict[str, list[str]] = {}
    for c in comparisons:
        for d in c.differences:
            if d.quantity in ("model", "error", "case", "data"):
                reason = d.note if d.quantity != "error" else d.ours
                found.setdefault(" ".join(reason.split())[:160], []).append(c.case.id)
    return found


def _found(c: Comparison, name: str) -> bool:
    return any(
        d.quantity == name and d.stage == 2 and d.status not in ("not offered", "missing") for d in c.differences
    )


def as_markdown(scores: Sequence[Score]) -> str:
    """Write the scoreboard as a table for a README."""
    rows = [COLUMNS, tuple("---" for _ in COLUMNS), *(s.cells for s in scores)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"
