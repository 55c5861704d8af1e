"""Influence: sums less the sums of the rows that go, against really fitting what is left, and against live lme4."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pylmer import cooks_distance, datasets, dfbeta, dfbetas, influence, lmer
from pylmer.dotted import LmerMod
from pylmer.errors import ModelError
from rcompare.engines.r import RSession


def weighted() -> tuple[LmerMod, pd.DataFrame]:
    data = datasets.sleepstudy()
    data["w"] = np.linspace(1.0, 2.0, len(data))
    data["off"] = np.sin(np.arange(len(data)))
    data["week"] = np.where(data["Days"] > 6, "second", "first")
    data.index = pd.Index([f"r{i}" for i in range(len(data))])
    formula = "Reaction ~ Days + week + offset(off) + (Days | Subject)"
    return lmer(formula, data, weights="w"), data


def crossed() -> tuple[LmerMod, pd.DataFrame]:
    data = datasets.Penicillin()
    return lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", data, REML=False), data


def again(m: LmerMod, data: pd.DataFrame, weights: str | None = None) -> LmerMod:
    return lmer(m.design.call.formula, data, REML=m.REML, weights=weights)


@pytest.mark.parametrize("groups", ["Subject", "Days", None])
def test_the_same_as_fitting_what_is_left(groups: str | None) -> None:
    m, data = weighted()
    found = influence(m, groups)
    units = data.index if groups is None else data[groups].map("{:g}".format if groups == "Days" else str)
    assert found.deleted == tuple(dict.fromkeys(units))
    for label in found.deleted[:6]:
        left = again(m, data[np.asarray(units != label)], "w")
        np.testing.assert_allclose(found.fixed_effects_deleted.loc[label], left.beta, rtol=2e-5)
        np.testing.assert_allclose(found.vcov_deleted[found.deleted.index(label)], left.vcov_beta, rtol=2e-4)
        expected = left.VarCorr().as_data_frame("lower.tri")["vcov"].to_numpy()
        np.testing.assert_allclose(found.var_cov_comps_deleted.loc[label], np.roll(expected, 1), rtol=2e-3)


def test_crossed_factors_and_maximum_likelihood() -> None:
    m, data = crossed()
    found = influence(m, "sample")
    for label in found.deleted:
        left = again(m, data[np.asarray(data["sample"] != label)])
        np.testing.assert_allclose(found.fixed_effects_deleted.loc[label], left.beta, rtol=1e-8)
        expected = left.VarCorr().as_data_frame("lower.tri")["vcov"].to_numpy()
        np.testing.assert_allclose(found.var_cov_comps_deleted.loc[label], np.roll(expected, 1), rtol=1e-3)
    assert found.converged.all()


def test_an_effect_that_cannot_be_estimated_any_more_is_missing() -> None:
    data = datasets.sleepstudy()
    data["one"] = np.where(data["Subject"] == "309", 1.0, 0.0)
    m = lmer("Reaction ~ Days + one + (1 | Subject)", data)
    found = influence(m, "Subject")
    assert found.fixed_effects_deleted["one"].isna().sum() == 1
    left = lmer("Reaction ~ Days + (1 | Subject)", data[data["Subject"] != "309"])
    np.testing.assert_allclose(found.fixed_effects_deleted.loc["309", ["(Intercept)", "Days"]], left.beta, rtol=1e-7)
    np.testing.assert_allclose(found.var_cov_comps_deleted.loc["309", "sigma^2"], left.sigma() ** 2, rtol=1e-6)


def test_combinations_of_groups_and_parts_by_name() -> None:
    data = datasets.Pastes()
    m = lmer("strength ~ 1 + (1 | batch/cask)", data)
    found = influence(m, ["batch", "cask"])
    assert found.groups == "batch.cask"
    assert found.deleted[:4] == ("A.a", "A.b", "A.c", "B.a")
    by_label = influence(m, "cask:batch")
    np.testing.assert_allclose(
        found["fixed.effects[-batch.cask]"].to_numpy(), by_label["fixed.effects[-cask:batch]"].to_numpy()
    )
    with pytest.raises(ModelError, match="no part 'hat'"):
        found["hat"]


def test_unknown_groups_are_refused() -> None:
    m, _ = crossed()
    with pytest.raises(ModelError, match="groups='machine'"):
        influence(m, "machine")
    with pytest.raises(ModelError, match="groups=\\[\\]"):
        influence(m, [])
    with pytest.raises(ModelError, match="which="):
        dfbeta(influence(m, "sample"), "random")  # type: ignore[arg-type]


R_FITS = [
    ("sleepstudy", "Reaction ~ Days + (Days | Subject)", "Subject"),
    ("Penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)", "sample"),
    ("Dyestuff", "Yield ~ 1 + (1 | Batch)", None),
]


@pytest.mark.r
@pytest.mark.parametrize(("name", "formula", "groups"), R_FITS)
def test_as_lme4(R: RSession, name: str, formula: str, groups: str | None) -> None:
    ours = influence(lmer(formula, getattr(datasets, name)()), groups)
    R(f"infl_m <- lmer({formula}, {name})")
    R("infl <- influence(infl_m" + (f", '{groups}')" if groups else ")"))
    assert list(ours.keys()) == R.strings("names(infl)")
    assert [str(x) for x in ours.deleted] == R.strings("as.character(infl$deleted)")
    part = f"[-{ours.groups}]"
    components = f"var.cov.comps{part}"
    assert list(ours.var_cov_comps.index) == R.strings("names(infl$var.cov.comps)")
    assert list(ours.var_cov_comps_deleted.index.astype(str)) == R.strings(f"rownames(infl[['{components}']])")
    np.testing.assert_allclose(
        ours.fixed_effects_deleted, R.num(f"infl[['fixed.effects{part}']]").reshape(len(ours.deleted), -1), rtol=2e-5
    )
    np.testing.assert_allclose(ours.var_cov_comps_deleted, R.num(f"infl[['{components}']]"), rtol=2e-3, atol=2e-2)
    scale = np.sqrt(np.diag(ours.vcov))
    assert np.abs((dfbeta(ours) - R.num("dfbeta(infl)").reshape(len(ours.deleted), -1)) / scale).max().max() < 2e-5
    np.testing.assert_allclose(cooks_distance(ours), R.num("cooks.distance(infl)"), rtol=2e-4, atol=1e-6)
    if len(ours.fixed_effects) > 1:  # lme4 cannot with one
        np.testing.assert_allclose(dfbetas(ours), R.num("dfbetas(infl)"), rtol=1e-3, atol=2e-5)
