"""What ``verbose=1`` shows while a model is fitted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["print_evaluation"]


def print_evaluation(theta: NDArray[np.float64], value: float) -> None:
    """Print one evaluation of the criterion."""
    print(f"theta {np.array2string(theta, precision=8)}  criterion {value:.8f}")
