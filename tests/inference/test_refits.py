"""Many responses together: what one by one gives, in every structure, in any order, in any company."""

from __future__ import annotations

import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer import datasets, fixef, lmer, powerSim, refit, refit_each, simulate, summary
from pylmer.criterion import criterion
from pylmer.dotted import LmerMod
from pylmer.errors import DataError, ModelError, RMessage
from pylmer.inference import Refits
from pylmer.linalg.crossed import Crossed
from pylmer.linalg.one_factor import OneFactor
from pylmer.linalg.sparse_crossed import SparseCrossed


def movers(pupils: int = 150, teachers: int = 40, schools: int = 10) -> pd.DataFrame:
    """Pupils with teachers of their school; a few move."""
    rng = np.random.default_rng(3)
    pupil = np.repeat(np.arange(pupils), 3)
    school = np.where(rng.random(3 * pupils) < 0.03, rng.integers(0, schools, 3 * pupils), pupil % schools)
    teacher = school * (teachers // schools) + rng.integers(0, teachers // schools, 3 * pupils)
    x = rng.normal(size=3 * pupils)
    y = x + rng.normal(size=pupils)[pupil] + rng.normal(size=teachers)[teacher] + rng.normal(size=3 * pupils)
    return pd.DataFrame({"y": y, "x": x, "pupil": pupil.astype(str), "teacher": teacher.astype(str)})


def weighted() -> pd.DataFrame:
    return datasets.sleepstudy().assign(w=lambda d: 1.0 + d["Days"] % 3)


@cache
def fit(name: str) -> LmerMod:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "one factor":
            return lmer("Reaction ~ Days + (1 | Subject)", datasets.sleepstudy(), weights=weighted()["w"])
        if name == "slopes":
            return lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy(), REML=False)
        if name == "structured":
            return lmer("Reaction ~ Days + cs(Days | Subject)", datasets.sleepstudy())
        if name == "nested":
            return lmer("strength ~ 1 + (1 | batch/cask)", datasets.Pastes())
        if name == "crossed":
            return lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", datasets.Penicillin())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(criterion, "structure_of", SparseCrossed)  # as it is chosen for larger tables
            return lmer("y ~ x + (1 | pupil) + (1 | teacher)", movers())


STRUCTURES = {
    "one factor": OneFactor,
    "slopes": OneFactor,
    "structured": OneFactor,
    "nested": Crossed,
    "crossed": Crossed,
    "sparse": SparseCrossed,
}


def quietly(m: LmerMod, y: object) -> LmerMod:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return m.refit(y)


@pytest.mark.parametrize("name", STRUCTURES)
def test_together_as_one_by_one(name: str) -> None:
    m = fit(name)
    assert isinstance(m.criterion.structure, STRUCTURES[name])
    sims = simulate(m, 6, seed=4)
    together = refit(m, sims)
    assert isinstance(together, Refits)
    assert together.converged.all()
    table = together.parameters()
    for r, column in enumerate(sims):
        alone, one = quietly(m, sims[column]), together[r]
        assert abs(one.value - alone.value) < 1e-8
        np.testing.assert_allclose(one.theta, alone.theta, atol=2e-5)
        np.testing.assert_allclose(one.fitted(), alone.fitted(), rtol=1e-5)
        np.testing.assert_array_equal(one.model_frame().iloc[:, 0], sims[column])
        assert type(one) is type(m)
        assert bool(together.singular[r]) == one.isSingular()
        np.testing.assert_allclose(table.loc[column, one.fixef().index], one.beta, rtol=1e-10)
        np.testing.assert_allclose(table.loc[column, ".sigma"], one.sigma(), rtol=1e-10)


@pytest.mark.parametrize("name", STRUCTURES)
def test_the_same_bits_in_any_order_and_company(name: str) -> None:
    m = fit(name)
    Y = simulate(m, 7, seed=2).to_numpy().T
    whole = refit_each(m, Y)
    order = np.random.default_rng(1).permutation(7)
    for some in (order, order[:2], order[:1]):
        part = refit_each(m, Y[some])
        np.testing.assert_array_equal(part.found.theta, whole.found.theta[some])
        np.testing.assert_array_equal(part.parameters().to_numpy(), whole.parameters().to_numpy()[some])
    np.testing.assert_array_equal(whole[2:4].found.theta, whole.found.theta[2:4])
    np.testing.assert_array_equal(whole[2:4][1].theta, whole[-4].theta)


@pytest.mark.parametrize("name", ["one factor", "slopes", "nested", "crossed", "sparse"])
def test_tables_of_coefficients_are_those_of_the_summaries(name: str) -> None:
    m = fit(name)
    together = refit(m, simulate(m, 5, seed=9))
    assert len(together) == 5
    tables = {ddf: together.coefficients(ddf) for ddf in ("lme4", "Satterthwaite", "Wald")}
    for response, one in zip(together.names, together, strict=True):
        plain = summary(one).coefficients
        pd.testing.assert_frame_equal(tables["lme4"].loc[response], plain, rtol=1e-9, check_names=False)
        found = tables["Satterthwaite"].loc[response]
        pd.testing.assert_frame_equal(
            found, summary(one, ddf="Satterthwaite").coefficients, rtol=2e-4, atol=1e-12, check_names=False
        )
        np.testing.assert_array_equal(found["t value"], tables["Wald"].loc[response]["t value"])
        assert (tables["Wald"].loc[response]["Pr(>|t|)"] <= found["Pr(>|t|)"]).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.3, 3.0]), st.booleans(), st.booleans())
def test_any_design_together_as_one_by_one(seed: int, spread: float, slopes: bool, REML: bool) -> None:
    """Batch and single go by different ways, and may end in different optima; never in none, rarely in a worse one."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(6), rng.integers(2, 6, 6))
    x, b = rng.normal(size=len(g)), spread * rng.normal(size=(6, 6))
    Y = rng.normal(size=(6, len(g))) + b[:, g]
    data = pd.DataFrame({"y": Y[0], "x": x, "g": g.astype(str)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        m = lmer(f"y ~ x + ({'x' if slopes else '1'} | g)", data, REML=REML)
        together = refit_each(m, Y)
        for r, one in enumerate(together):
            alone = m.refit(Y[r])
            better = min(one.value, alone.value)
            if abs(one.value - alone.value) > 1e-7:
                slope = one.criterion.evaluate(one.par[None]).gradient
                assert np.abs(slope).max() < 1e-3 * (1.0 + abs(better))


def test_lists_arrays_and_tables() -> None:
    m = fit("crossed")
    sims = simulate(m, 3, seed=1)
    whole = refit(m, sims)
    for same in (sims.to_numpy().T, [sims[c].to_numpy() for c in sims], [sims[c].tolist() for c in sims]):
        np.testing.assert_array_equal(refit(m, same).found.theta, whole.found.theta)
    polars = pytest.importorskip("polars")
    np.testing.assert_array_equal(refit(m, polars.DataFrame(sims.to_dict("list"))).found.theta, whole.found.theta)
    assert list(whole.parameters().index) == ["sim_1", "sim_2", "sim_3"]
    with pytest.raises(DataError, match=r"give .T of it"):
        refit(m, sims.to_numpy())
    with pytest.raises(IndexError):
        whole[3]
    assert repr(whole) == "<3 refits of diameter ~ 1 + (1 | plate) + (1 | sample)>"
    assert isinstance(refit(m, sims[["sim_1"]]), LmerMod)
    assert len(refit_each(m, sims[["sim_1"]])) == 1


def test_rows_that_were_left_out() -> None:
    data = datasets.sleepstudy()
    data.loc[[3, 70], "Reaction"] = np.nan
    m = lmer("Reaction ~ Days + (1 | Subject)", data)
    full = np.random.default_rng(1).normal(size=(2, 180))
    both = refit(m, full)
    np.testing.assert_array_equal(both.found.theta, refit(m, np.delete(full, [3, 70], axis=1)).found.theta)


def test_what_the_batch_does_not_reach_is_fitted_alone() -> None:
    m = fit("slopes")
    Y = simulate(m, 3, seed=1).to_numpy().T
    whole = refit_each(m, Y)
    whole.found.converged[1] = False
    assert whole.parameters().isna().any(axis=1).tolist() == [False, True, False]
    assert whole.coefficients("Satterthwaite").loc["sim_2"].isna().all(axis=None)
    with pytest.raises(ModelError, match="did not converge"):
        whole[1]


def test_power_is_how_often_the_tests_of_the_fits_are_significant() -> None:
    m = fit("one factor")
    newparams = {"beta": {"(Intercept)": 250.0, "Days": 2.0}, "theta": {"Subject.(Intercept)": 0.5}, "sigma": 50.0}
    power = powerSim(m, nsim=40, seed=3, newparams=newparams, alpha=0.1)
    one_by_one = [quietly(m, y) for _, y in simulate(m, 40, seed=3, newparams=newparams).items()]
    for ddf, found in (("Satterthwaite", power), ("Wald", powerSim(m, "Days", 40, 3, 0.1, "Wald", newparams))):
        tables = [summary(one, ddf="Satterthwaite").coefficients for one in one_by_one]
        if ddf == "Satterthwaite":
            p = np.array([table.loc["Days", "Pr(>|t|)"] for table in tables])
        else:
            from scipy.stats import norm

            p = np.array([2 * norm.sf(abs(table.loc["Days", "t value"])) for table in tables])
        assert found.loc["Days", "successes"] == (p < 0.1).sum()
        assert found.loc["Days", "mean"] == (p < 0.1).mean()
    beta = np.array([one.beta for one in one_by_one])
    np.testing.assert_allclose(power["estimate"], beta.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(power["sd"], beta.std(axis=0, ddof=1), rtol=1e-5)
    assert list(m.powerSim("Days", 5, seed=1).index) == ["Days"]


def test_the_power_of_a_study_that_is_planned() -> None:
    design = pd.DataFrame({"x": np.tile([0.0, 1.0], 30), "g": np.repeat(np.arange(12).astype(str), 5)})
    truth = {"beta": {"(Intercept)": 1.0, "x": 0.8}, "theta": {"g.(Intercept)": 1.0}, "sigma": 1.0}
    power = powerSim("y ~ x + (1 | g)", nsim=60, seed=5, newdata=design, newparams=truth)
    sims = simulate("y ~ x + (1 | g)", 60, seed=5, newdata=design, newparams=truth)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RMessage)
        m = lmer("y ~ x + (1 | g)", design.assign(y=sims["sim_1"]))
    p = refit(m, sims).coefficients("Satterthwaite")["Pr(>|t|)"].unstack(sort=False)
    assert power["successes"].tolist() == (p < 0.05).sum().tolist()
    assert ((power["lower"] < power["mean"]) & (power["mean"] < power["upper"])).any()


@pytest.mark.parametrize("successes", [0, 1, 13, 20])
def test_the_interval_for_the_power_is_that_of_scipy(successes: int) -> None:
    from scipy.stats import binomtest

    from pylmer.inference.power import _exact_interval

    lower, upper = _exact_interval(np.array([successes]), 20, 0.9)
    expected = binomtest(successes, 20).proportion_ci(0.9)
    np.testing.assert_allclose([lower[0], upper[0]], [expected.low, expected.high], rtol=1e-10, atol=1e-15)


def test_power_that_cannot_be_had() -> None:
    m = fit("crossed")
    with pytest.raises(ModelError, match=r"test='Days': choose among the fixed effects \(Intercept\)"):
        powerSim(m, "Days")
    with pytest.raises(ModelError, match="alpha=2"):
        powerSim(m, alpha=2)
    with pytest.raises(ModelError, match="nsim=0"):
        powerSim(m, nsim=0)
    with pytest.raises(ModelError, match="unused argument"):
        powerSim(m, newdata=datasets.Penicillin())
    with pytest.raises(ModelError, match="needs newdata= and newparams="):
        powerSim("y ~ 1 + (1 | g)")


@pytest.mark.parametrize("name", ["slopes", "nested", "crossed", "sparse"])
def test_any_number_of_workers_gives_the_same_bits(name: str) -> None:
    m = fit(name)
    Y = simulate(m, 23, seed=6).to_numpy().T
    alone = refit_each(m, Y)
    for workers in (1, 2, 5):
        with ThreadPoolExecutor(workers) as threads:
            shared = refit_each(m, Y, executor=threads)
            np.testing.assert_array_equal(shared.found.theta, alone.found.theta)
            np.testing.assert_array_equal(shared.parameters(), alone.parameters())
    with ThreadPoolExecutor(2) as threads:
        settings = {"method": "boot", "nsim": 50, "seed": 1, "quiet": True}
        pd.testing.assert_frame_equal(m.confint(executor=threads, **settings), m.confint(**settings))
        pd.testing.assert_frame_equal(m.powerSim(nsim=20, seed=1, executor=threads), m.powerSim(nsim=20, seed=1))


def test_workers_that_are_processes_give_the_same_bits() -> None:
    m = fit("slopes")
    Y = simulate(m, 12, seed=6).to_numpy().T
    with ProcessPoolExecutor(1) as processes:
        shared = refit_each(m, Y, executor=processes)
        boot = m.bootMer(fixef, 12, 2, executor=processes)
    np.testing.assert_array_equal(shared.found.theta, refit_each(m, Y).found.theta)
    np.testing.assert_array_equal(boot.t, m.bootMer(fixef, 12, 2).t)


def test_an_executor_of_dask() -> None:
    distributed = pytest.importorskip("dask.distributed")
    m = fit("slopes")
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        shared = m.bootMer(fixef, 12, 2, executor=client.get_executor())
    np.testing.assert_array_equal(shared.t, m.bootMer(fixef, 12, 2).t)
