"""A search that comes to rest on a bound begins anew where the function is lower inside."""

from __future__ import annotations

import numpy as np
import pytest

from pylmer import datasets, lFormula, mkLmerDevfun, nlminbwrap, optimizeLmer


def test_a_slope_of_zero_on_a_bound_is_not_taken_for_a_minimum() -> None:
    design = lFormula("distance ~ I(age - 11) * Sex + (I(age - 11) | Subject)", datasets.Orthodont())
    criterion = mkLmerDevfun(design, True)
    found = nlminbwrap([1.0, 0.0, 1.0], criterion, [0.0, -np.inf, 0.0])
    assert found["fval"] == pytest.approx(optimizeLmer(criterion).value, abs=1e-8)


@pytest.mark.parametrize("upper", [[np.inf, np.inf], [0.05, 9.0]])
def test_a_minimum_on_a_bound_stays_there(upper: list[float]) -> None:
    seen: list[float] = []

    def function(x: np.ndarray) -> float:
        seen.append(float(x[0]))
        return float((x[0] + 1) ** 2 + (x[1] - 2) ** 2)

    found = nlminbwrap([0.01, 0.0], function, [0.0, 0.0], upper)
    assert np.asarray(found["par"]) == pytest.approx([0.0, 2.0], abs=1e-6)
    assert max(seen) <= upper[0]
