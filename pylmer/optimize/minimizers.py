"""What every minimizer other than Newton's gives back, and the function that they are all given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pylmer.errors import ModelError

FloatArray = NDArray[np.float64]

__all__ = ["Counted", "Found", "Minimizer", "settings_from"]


@dataclass(frozen=True)
class Found:
    """Where a minimizer stopped: theta ``(m,)``, its value, evaluations, R's code (0: converged) and its sentence."""

    theta: FloatArray
    value: float
    evaluations: int
    code: int
    message: str


Minimizer = Callable[[Callable[[FloatArray], float], FloatArray, FloatArray, Mapping[str, object]], Found]


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
