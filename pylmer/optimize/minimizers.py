"""What every minimizer other than Newton's gives back, and the function that they are all given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pylmer.errors import ModelError

FloatArray = NDArray[np.float64]

__all__ = ["Counted", "Found", "Minimizer", "numbers_from", "settings_from"]


@dataclass(frozen=True)
class Found:
    """Where a minimizer stopped: theta ``(m,)``, its value, evaluations, R's code (0: converged) and its sentence.

    ``warnings`` is what the minimizer itself warns of.
    """

    theta: FloatArray
    value: float
    evaluations: int
    code: int
    message: str
    warnings: tuple[str, ...] = ()


class Minimizer(Protocol):
    """What minimizes a function of theta within bounds."""

    def __call__(
        self,
        function: Callable[[FloatArray], float],
        start: FloatArray,
        lower: FloatArray,
        optCtrl: Mapping[str, object],
        upper: FloatArray | None = None,
        /,
    ) -> Found:
        """Minimize from ``start`` ``(m,)``."""


@dataclass
class Counted:
    """A function that counts its evaluations and remembers the best; it is given copies, never the caller's memory."""

    function: Callable[[FloatArray], float]
    best: float = float("inf")
    at: FloatArray = field(default_factory=lambda: np.empty(0))
    evaluations: int = 0

    def __call__(self, theta: FloatArray) -> float:
        """Evaluate the function at a copy of theta ``(m,)``."""
        theta = np.array(theta, dtype=np.float64)
        value = self.function(theta)
        self.evaluations += 1
        if value < self.best or not self.at.size:
            self.best, self.at = value, theta
        return value


def settings_from(given: Mapping[str, object], known: Mapping[str, float], optimizer: str) -> dict[str, float]:
    """The settings of one optimizer: its own defaults where ``optCtrl`` has nothing.

    Raises
    ------
    ModelError
        A setting that the optimizer does not have, or a value that is no number.
    """
    out = dict(known)
    for name, value in given.items():
        if name not in known:
            raise ModelError(f"optCtrl has {name!r}, which {optimizer} does not know: it knows {', '.join(known)}")
        try:
            out[name] = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise ModelError(f"optCtrl has {name}={value!r}: give a number") from None
    return out


def numbers_from(value: object, name: str, n: int) -> FloatArray:
    """A setting of n numbers.

    Raises
    ------
    ModelError
        Other than n finite numbers.
    """
    try:
        numbers = np.array(value, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.shape != (n,) or not np.isfinite(numbers).all():
        raise ModelError(f"optCtrl has {name}={value!r}: give {n} numbers")
    return numbers
