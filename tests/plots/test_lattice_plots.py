"""The data that lattice's plots of fits, random effects and profiles draw, against R's."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from pylmer import (
    MerMod,
    Profile,
    coef,
    datasets,
    densityplot,
    dotplot,
    lmer,
    plot,
    profile,
    qqmath,
    ranef,
    splom,
    xyplot,
)
from pylmer.errors import FormulaError, ModelError
from rcompare.engines.r import RSession

SLEEP = "Reaction ~ Days + (Days | Subject)"


@pytest.fixture(scope="module")
def sleepers() -> MerMod:
    return lmer(SLEEP, datasets.sleepstudy(), REML=False)


@pytest.fixture(scope="module")
def sleep_profile(sleepers: MerMod) -> Profile:
    return profile(sleepers)


@pytest.fixture(scope="module")
def there(R: RSession) -> RSession:
    R(f"library(lattice); drawn_fit <- lmer({SLEEP}, sleepstudy, REML = FALSE, "
      "control = lmerControl(optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-12)))")  # fmt: skip
    return R


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.mark.parametrize("what", ["ranef", "coef"])
def test_dotplot(there: RSession, sleepers: MerMod, what: str) -> None:
    there(f"drawn <- dotplot({what}(drawn_fit))$Subject")
    ours = dotplot({"ranef": ranef, "coef": coef}[what](sleepers))["Subject"]
    for i, panel in enumerate(["(Intercept)", "Days"]):
        np.testing.assert_allclose(
            ours.data[panel]["x"], there.num(f"drawn$panel.args[[{i + 1}]]$x"), rtol=1e-4, atol=1e-3
        )
        assert ours.data[panel]["y"].cat.categories.tolist() == there.strings(f"levels(drawn$panel.args[[{i + 1}]]$y)")
        assert ours.axes[panel].get_title() == panel
    if what == "ranef":
        se = (ours.data["Days"]["upper"] - ours.data["Days"]["x"]) / 1.959964
        np.testing.assert_allclose(se, there.num("drawn$panel.args.common$se[19:36]"), rtol=1e-4)


def test_a_transformed_dotplot(sleepers: MerMod) -> None:
    plain, ours = (dotplot(ranef(sleepers), transf=f)["Subject"].data["Days"] for f in (None, np.exp))
    for column in ("x", "lower", "upper"):
        np.testing.assert_allclose(ours[column], np.exp(plain[column]))
    assert "lower" not in dotplot(ranef(sleepers, condVar=False), main=False)["Subject"].data["Days"]


def test_qqmath(there: RSession, sleepers: MerMod) -> None:
    there("drawn <- qqmath(ranef(drawn_fit))$Subject")
    ours = qqmath(ranef(sleepers))["Subject"].data
    for i, panel in enumerate(["(Intercept)", "Days"]):
        for axis in "xy":
            theirs = there.num(f"as.vector(drawn$panel.args[[{i + 1}]]${axis})")
            np.testing.assert_allclose(ours[panel][axis], theirs, rtol=1e-4, atol=1e-3)
    ours = qqmath(sleepers).data["residuals"]
    np.testing.assert_allclose(ours["x"], there.num("sort(qqmath(drawn_fit)$panel.args[[1]]$x)"), atol=1e-4)


@pytest.mark.parametrize(
    "form",
    [
        'resid(., type = "pearson") ~ fitted(.)',
        "resid(., scaled = TRUE) ~ fitted(.) | Subject",
        "Reaction ~ fitted(.)",
        "sqrt(abs(resid(.))) ~ log(Days + 1)",
        "Subject ~ resid(.)",
    ],
)
def test_plot_of_a_fit(there: RSession, sleepers: MerMod, form: str) -> None:
    there(f"drawn <- plot(drawn_fit, {form})$panel.args")
    ours = list(plot(sleepers, form).data.values())
    assert len(ours) == there.num("length(drawn)").item()
    for i, panel in enumerate(ours[:3]):
        np.testing.assert_allclose(panel["x"], there.num(f"drawn[[{i + 1}]]$x"), rtol=1e-3, atol=1e-3)
        if form.startswith("Subject"):
            assert panel["y"].astype(str).tolist() == there.strings(f"as.character(drawn[[{i + 1}]]$y)")
        else:
            np.testing.assert_allclose(panel["y"], there.num(f"drawn[[{i + 1}]]$y"), rtol=1e-3, atol=1e-3)


def test_plot_of_effects(there: RSession, sleepers: MerMod) -> None:
    for what, ours in (("ranef", plot(ranef(sleepers))), ("coef", plot(coef(sleepers)))):
        (panel,) = ours["Subject"].data.values()
        for axis in "xy":
            theirs = there.num(f"plot({what}(drawn_fit))$Subject$panel.args[[1]]${axis}")
            np.testing.assert_allclose(panel[axis], theirs, rtol=1e-4, atol=1e-3)
    alone = lmer("Reaction ~ Days + (1 | Subject)", datasets.sleepstudy())
    (panel,) = plot(ranef(alone))["Subject"].data.values()
    assert (np.diff(panel["x"]) >= 0).all()


def test_points_are_labelled(sleepers: MerMod) -> None:
    assert isinstance(sleepers.plot(id=0.01), type(plot(sleepers)))  # type: ignore[attr-defined]
    z = np.abs(sleepers.scaled_residuals())
    for labels, name in (("~ .obs", str(int(z.argmax()) + 1)), ("~ Days", "1"), (None, "332")):
        shown = plot(sleepers, id=0.01, idLabels=labels)
        texts = [t.get_text() for t in next(iter(shown.axes.values())).texts]
        assert len(texts) == (z > 2.5758).sum()
        assert labels == "~ Days" or name in texts


def test_residuals_of_rows_that_are_there() -> None:
    data = datasets.sleepstudy()
    data.loc[data.index[[3, 50]], "Reaction"] = np.nan
    for na_action, n in (("na.omit", 178), ("na.exclude", 180)):
        m = lmer(SLEEP, data, na_action=na_action)
        assert len(plot(m, "resid(.) ~ Days").data[""]) == n


def test_xyplot_and_density(there: RSession, sleep_profile: Profile) -> None:
    there("drawn_profile <- profile(drawn_fit); drawn <- xyplot(drawn_profile)$panel.args; "
          "drawn_d <- densityplot(drawn_profile)$panel.args")  # fmt: skip
    lines, densities = xyplot(sleep_profile), densityplot(sleep_profile)
    assert list(lines.axes) == list(densities.axes) == list(sleep_profile.curves)
    for i, name in enumerate(lines.axes):
        for axis in "xy":
            theirs = there.num(f"drawn[[{i + 1}]]${axis}")
            # the parameter at these zeta is interpolated, between other points than R's
            np.testing.assert_allclose(lines.data[name][axis], theirs, rtol=0, atol=2e-4 * np.ptp(theirs))
        # the grids end elsewhere where a profile comes near its bound
        x, y = (there.num(f"drawn_d[[{i + 1}]]${axis}") for axis in "xy")
        density = densities.data[name]
        np.testing.assert_allclose(np.interp(x, density["x"], density["y"]), y, rtol=0, atol=1e-2 * y.max())
    positive = xyplot(sleep_profile, absVal=True, which=[".sigma"]).data[".sigma"]
    assert (positive["y"] >= 0).all()
    assert len(positive) == 11


def test_contours_meet_the_traces(sleep_profile: Profile) -> None:
    drawn = splom(sleep_profile, levels=[1.0, 2.0], which=[".sigma", "(Intercept)", "Days"])
    assert list(drawn.axes) == [".sigma,(Intercept)", ".sigma,Days", "(Intercept),Days"]
    for pair, table in drawn.data.items():
        for name, axis in zip(pair.split(","), "xy", strict=True):
            curve = sleep_profile.curves[name]
            assert curve.forward is not None
            for level, contour in table.groupby("level"):
                zeta = curve.forward(contour[axis].to_numpy())
                assert np.abs(zeta).max() == pytest.approx(level, rel=1e-3)


def test_what_cannot_be_drawn_is_refused(sleepers: MerMod, sleep_profile: Profile) -> None:
    with pytest.raises(FormulaError, match='"Form" must be a two sided formula'):
        plot(sleepers, "~ fitted(.)")
    with pytest.raises(FormulaError, match="foo"):
        plot(sleepers, "resid(.) ~ foo")
    with pytest.raises(FormulaError, match="resid takes type and scaled"):
        plot(sleepers, "resid(., kind = 'x') ~ Days")
    with pytest.raises(ModelError, match="'id' not between 0 and 1"):
        plot(sleepers, id=2.0)
    with pytest.raises(ModelError, match=r"give ranef\(m\)"):
        dotplot(sleepers)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"give profile\(m\)"):
        xyplot(sleepers)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="no profile of x"):
        xyplot(sleep_profile, which=["x"])
    with pytest.raises(ModelError, match="at least two"):
        splom(sleep_profile, which=["Days"])
    with pytest.raises(ModelError, match="upper"):
        densityplot(sleep_profile, upper=2.0)


def test_nothing_is_warned_of() -> None:
    m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = plot(m, "resid(.) ~ fitted(.) | Batch", abline=(0.0, 1.0))
        next(iter(shown.axes.values())).figure.canvas.draw()
    assert str(shown).startswith("<plot with 6 panels: A")
