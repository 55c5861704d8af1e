"""What is drawn is what the fit says: positions of lines and points against the numbers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import matplotlib
import numpy as np
import pytest
from scipy.stats import norm

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from pylmer import MerMod, VarCorr, datasets, fitted, fixef, lmer, ranef, residuals
from pylmer.errors import ModelError, RMessage
from pylmer.plots import caterpillar, plot_distribution, plot_residuals, qq_ranef


@pytest.fixture(scope="module")
def schools() -> MerMod:
    return lmer("mathach ~ 1 + (1 | school)", datasets.HSB())


@pytest.fixture(scope="module")
def sleepers() -> MerMod:
    return lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())


@pytest.fixture(scope="module")
def crossed() -> MerMod:
    return lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", datasets.Penicillin())


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def points(ax: Axes) -> np.ndarray:
    (line,) = [line for line in ax.lines if line.get_marker() == "o"]
    return line.get_xydata()


def segments(ax: Axes) -> np.ndarray:
    (collection,) = [c for c in ax.collections if isinstance(c, LineCollection)]
    return np.array(collection.get_segments())


def drawn(ax: Axes) -> None:
    ax.figure.canvas.draw()


def test_distribution_is_that_of_the_model(schools: MerMod) -> None:
    ax = plot_distribution(schools)
    drawn(ax)
    centre, sd = fixef(schools).item(), float(VarCorr(schools).terms[0].stddev[0])
    (curve,) = ax.lines
    x, y = curve.get_xydata().T
    np.testing.assert_allclose(y, norm.pdf(x, centre, sd), rtol=1e-12)
    band = ax.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose([band[:, 0].min(), band[:, 0].max()], [centre - sd, centre + sd], rtol=1e-12)
    texts = " ".join(text.get_text() for text in ax.texts)
    for label in (f"{centre:.2f}", f"{centre - sd:.2f}", f"{centre + sd:.2f}", "about 68 %"):
        assert label in texts


def test_distribution_of_a_slope(sleepers: MerMod) -> None:
    ax = plot_distribution(sleepers, "Subject", "Days")
    x, y = ax.lines[0].get_xydata().T
    np.testing.assert_allclose(x[y.argmax()], fixef(sleepers)["Days"])
    assert ax.get_xlabel().startswith("Coefficient of Days by Subject")


def test_distribution_of_a_variance_of_zero_is_a_line() -> None:
    with pytest.warns(RMessage, match="singular"):
        singular = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff2())
    ax = plot_distribution(singular)
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), fixef(singular).item())


def test_caterpillar_draws_the_modes(sleepers: MerMod) -> None:
    axes = caterpillar(sleepers, level=0.9)
    drawn(axes[0])
    modes = ranef(sleepers)
    order = modes["Subject"].sort_values("(Intercept)").index
    table = modes.as_data_frame()
    labels = [label.get_text() for label in axes[0].get_yticklabels()]
    assert labels == list(order[::-1])
    for ax, term in zip(axes, ["(Intercept)", "Days"], strict=True):
        rows = table[table["term"] == term].set_index("grp").loc[order]
        np.testing.assert_array_equal(points(ax), np.column_stack([rows["condval"], np.arange(18)]))
        half = norm.ppf(0.95) * rows["condsd"]
        np.testing.assert_allclose(segments(ax)[:, 0, 0], rows["condval"] - half)
        np.testing.assert_allclose(segments(ax)[:, 1, 0], rows["condval"] + half)


def test_labels_of_many_levels_do_not_overlap(schools: MerMod) -> None:
    (ax,) = caterpillar(schools)
    drawn(ax)
    boxes = sorted((label.get_window_extent() for label in ax.get_yticklabels()), key=lambda box: box.y0)
    assert len(boxes) > 20
    assert all(below.y1 <= above.y0 + 1 for below, above in pairwise(boxes))
    assert len(points(ax)) == 160


def test_qq_has_ordered_modes_at_normal_quantiles(schools: MerMod) -> None:
    (ax,) = qq_ranef(schools)
    drawn(ax)
    x, y = points(ax).T
    np.testing.assert_array_equal(y, np.sort(ranef(schools)["school"]["(Intercept)"]))
    np.testing.assert_allclose(x, norm.ppf((np.arange(1, 161) - 0.5) / 160), atol=1e-14)


def test_plotting_positions_of_few_levels_are_those_of_R(R: Any) -> None:
    few = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    (ax,) = qq_ranef(few)
    np.testing.assert_allclose(points(ax)[:, 0], R.num("qnorm(ppoints(6))"), rtol=1e-14)


@pytest.mark.parametrize("scaled", [False, True])
def test_residuals_against_fitted(sleepers: MerMod, scaled: bool) -> None:
    ax = plot_residuals(sleepers, scaled=scaled)
    drawn(ax)
    expected = np.column_stack([fitted(sleepers), residuals(sleepers, type="pearson", scaled=scaled)])
    np.testing.assert_array_equal(points(ax), expected)
    assert ax.get_ylabel() == ("Scaled pearson residual" if scaled else "Pearson residual")


def test_draws_on_the_axes_given(crossed: MerMod) -> None:
    _, (left, middle, right, last) = plt.subplots(1, 4)
    assert plot_distribution(crossed, "plate", ax=left) is left
    assert caterpillar(crossed, "sample", ax=middle) == (middle,)
    assert qq_ranef(crossed, "sample", ax=right) == (right,)
    assert plot_residuals(crossed, ax=last) is last
    assert plt.get_fignums() == [1]


def test_what_cannot_be_drawn(crossed: MerMod, sleepers: MerMod) -> None:
    with pytest.raises(ModelError, match="several grouping factors, 'plate', 'sample'"):
        plot_distribution(crossed)
    with pytest.raises(ModelError, match="no grouping factor is called 'batch'"):
        caterpillar(crossed, "batch")
    with pytest.raises(ModelError, match="Subject has no random effect 'Hours'"):
        caterpillar(sleepers, term="Hours")
    with pytest.raises(ModelError, match="2 random effects do not fit one ax"):
        qq_ranef(sleepers, ax=plt.figure().subplots())
    with pytest.raises(ModelError, match="not a probability"):
        caterpillar(sleepers, level=95)


def test_pylmer_does_not_import_matplotlib() -> None:
    code = "import sys, pylmer, pylmer.plots; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_matplotlib_the_error_says_what_to_install(sleepers: MerMod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'pylmer\[plots\]'"):
        plot_residuals(sleepers)
