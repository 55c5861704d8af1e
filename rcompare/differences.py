"""What comparing gives: one record a quantity and stage, one a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rcompare.case import Case
from rcompare.quantities import STAGES
from rcompare.textdiff import TextDifference
from rcompare.verdict import Optimum

__all__ = ["Comparison", "Difference", "Effects"]

FAILING = ("differs", "missing", "stale waiver", "error")
"""Statuses that make a comparison fail."""


@dataclass(frozen=True)
class Difference:
    """The outcome for one quantity in one stage.

    Parameters
    ----------
    case, quantity, stage
        What was compared.
    status
        ``same``, ``differs``, ``missing`` (wanted, but not answered), ``not offered`` (by an engine that is partial on
        purpose), ``waived``, ``stale waiver`` (waived, yet the same), ``digits`` (end-to-end text that differs in last
        printed places only, while the numbers agree), ``not comparable`` (bootstrap intervals where R's own refits
        stopped short).
    size
        Largest difference on the quantity's scale; NaN where there is none.
    tolerance
        The largest allowed.
    ours, theirs
        The numbers at the worst place (or first labels that differ), as text.
    where
        Label of the worst place.
    note
        What else is to be said.
    text
        For texts, the lines that differ.
    """

    case: str
    quantity: str
    stage: int
    status: str
    size: float = float("nan")
    tolerance: float = float("nan")
    ours: str = ""
    theirs: str = ""
    where: str = ""
    note: str = ""
    text: TextDifference | None = None

    @property
    def fails(self) -> bool:
        """Whether it makes the comparison fail."""
        return self.status in FAILING

    @property
    def stage_name(self) -> str:
        """The stage in words."""
        return STAGES[self.stage]


@dataclass(frozen=True)
class Effects:
    """Random effects of one term for a picture: both engines' conditional modes and their standard deviations.

    Parameters
    ----------
    what
        Group and effect, ``"Subject | Days"``.
    labels
        Levels, by increasing effect of the reference; at most 40 of them.
    ours, theirs, ours_sd, theirs_sd
        The numbers; 0 where an engine gives no standard deviation.
    """

    what: str
    labels: tuple[str, ...]
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    ours_sd: tuple[float, ...]
    theirs_sd: tuple[float, ...]


@dataclass(frozen=True)
class Comparison:
    """All outcomes for one case.

    Parameters
    ----------
    case
        The case.
    differences
        One a quantity and stage, sorted by stage.
    optimum
        The verdict on the two optima, for a mixed model.
    names
        Headings of the two engines.
    stamps
        Who answered: engine, versions, platform, data hash.
    effects
        Random effects of the first term, for a picture.
    """

    case: Case
    differences: tuple[Difference, ...]
    optimum: Optimum | None
    names: tuple[str, str] = ("pylmer", "R")
    stamps: tuple[Mapping[str, Any], Mapping[str, Any]] = field(default_factory=lambda: ({}, {}))
    effects: Effects | None = None

    @property
    def offered(self) -> bool:
        """Whether anything was compared: false where an engine has no such model."""
        return any(d.status != "not offered" for d in self.differences)

    @property
    def verdict(self) -> str:
        """``agrees``, ``parts``, or ``not offered``."""
        return "not offered" if not self.offered else "agrees" if self.passed else "parts"

    @property
    def failures(self) -> tuple[Difference, ...]:
        """Outcomes that fail."""
        return tuple(d for d in self.differences if d.fails)

    @property
    def passed(self) -> bool:
        """Whether nothing fails."""
        return not self.failures
