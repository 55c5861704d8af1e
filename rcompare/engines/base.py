"""The protocol that every engine keeps: a case goes in, labelled results come out."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rcompare.case import Case
from rcompare.results import Results

__all__ = ["CriterionEngine", "Engine", "EngineUnavailable", "NotOffered", "OtherData"]


class EngineUnavailable(RuntimeError):
    """An engine that cannot work here; the message says why, and how to mend it."""


class NotOffered(Exception):
    """An engine has no such model; the text says what is missing."""


class OtherData(ValueError):
    """Two engines answered a case, or were about to, from different rows."""


class Engine(Protocol):
    """Anything that can answer cases: pylmer, R, golden files, another package.

    An engine may also have ``partial``, true where it is not expected to answer everything, and ``wants``, groups of
    quantities that both engines are asked for beside those of the case.

    Attributes
    ----------
    name
        For headings: ``"pylmer"``, ``"R"``, ``"golden lme4-1.1-31"``.
    """

    name: str

    def run(self, case: Case) -> Results:
        """Answer a case at the engine's own optimum; an error of the fit becomes ``Results.error``.

        A model that the engine does not have leaves ``values`` empty and says why in ``failed["all"]``.
        """
        ...


@runtime_checkable
class CriterionEngine(Engine, Protocol):
    """An engine that can also be asked at a given theta, without optimizing."""

    def run_at(self, case: Case, theta: NDArray[np.float64]) -> Results:
        """Answer a case with the variance parameters fixed at ``theta``."""
        ...

    def criterion(self, case: Case, thetas: NDArray[np.float64]) -> NDArray[np.float64]:
        """Criterion (REML or deviance) at each row of ``thetas``, shape (m, number of parameters) -> (m,)."""
        ...
