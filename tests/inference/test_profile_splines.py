"""Interpolating splines and their inverses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from profile_records import numbers, recorded
from scipy.interpolate import CubicSpline

from pylmer.errors import ModelError
from pylmer.inference.splines import back_spline, interpolating_spline


@pytest.mark.parametrize("i", range(3))
def test_as_r(i: int) -> None:
    case = {k: numbers(v) for k, v in recorded()["splines"][i].items()}
    forward = interpolating_spline(case["x"], case["y"])
    np.testing.assert_allclose(forward(case["at"]), case["forward"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(back_spline(forward)(case["back_at"]), case["backward"], rtol=1e-10)


increasing = st.lists(st.floats(0.1, 10), min_size=4, max_size=12).map(np.cumsum)


@given(increasing, st.data())
def test_natural_and_exact_at_its_knots(x: np.ndarray, data: st.DataObject) -> None:  # type: ignore[type-arg]
    steps = data.draw(st.lists(st.floats(0.1, 10), min_size=len(x), max_size=len(x)))
    y = np.cumsum(steps)
    forward = interpolating_spline(x, y)
    np.testing.assert_allclose(forward(x), y, rtol=1e-10)
    at = np.linspace(x[0], x[-1], 50)
    np.testing.assert_allclose(forward(at), CubicSpline(x, y, bc_type="natural")(at), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(back_spline(forward)(y), x, rtol=1e-10)


def test_a_falling_spline_is_the_mirror_image() -> None:
    case = {k: numbers(v) for k, v in recorded()["splines"][0].items()}
    rising, falling = (back_spline(interpolating_spline(case["x"], s * case["y"])) for s in (1, -1))
    np.testing.assert_allclose(falling(-case["back_at"]), rising(case["back_at"]), rtol=1e-13)


def test_what_is_refused() -> None:
    with pytest.raises(ModelError, match="too few"):
        interpolating_spline([1, 2, 3], [1, 2, 3])
    with pytest.raises(ModelError, match="different x"):
        interpolating_spline([1, 2, 2, 3], [1, 2, 3, 4])
    with pytest.raises(ModelError, match="spline must be monotone"):
        back_spline(interpolating_spline([1, 2, 3, 4], [1, 3, 2, 4]))
