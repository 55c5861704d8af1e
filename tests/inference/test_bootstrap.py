"""What the bootstrap promises whatever R does: chunks, progress, failures, confidence intervals by hand."""

from __future__ import annotations

import warnings
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from dense_twin import close

from pylmer import bootMer, confint, datasets, fixef, lmer, set_seed, sigma
from pylmer.criterion.criterion import Criterion
from pylmer.dotted import LmerMod
from pylmer.errors import ModelError, RMessage, RWarning
from pylmer.inference.boot_intervals import boot_interval
from pylmer.inference.bootstrap import boot_parameters, refit_many
from pylmer.inference.parameters import parameters_of


@pytest.fixture(scope="module")
def slopes() -> LmerMod:
    return lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())


@pytest.fixture(scope="module")
def crossed() -> LmerMod:
    return lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", datasets.Penicillin(), REML=False)


def in_chunks(m: LmerMod, chunk: int) -> LmerMod:
    """The same fit whose criterion takes so many replicates at a time."""

    class Chunked(Criterion):
        pass

    Chunked.chunk = chunk  # type: ignore[assignment, method-assign]
    return replace(m, criterion=Chunked(**{f.name: getattr(m.criterion, f.name) for f in fields(m.criterion)}))


@pytest.mark.parametrize("chunk", [1, 3, 7])
@pytest.mark.parametrize("which", ["slopes", "crossed"])
def test_the_size_of_chunks_does_not_matter(which: str, chunk: int, request: pytest.FixtureRequest) -> None:
    m: LmerMod = request.getfixturevalue(which)
    whole = boot_parameters(m, 10, seed=1)
    parts = boot_parameters(in_chunks(m, chunk), 10, seed=1)
    np.testing.assert_allclose(parts.t, whole.t, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("which", ["slopes", "crossed"])
def test_refits_are_fits(which: str, request: pytest.FixtureRequest) -> None:
    """Each refit is the fit that ``lmer`` would find."""
    m: LmerMod = request.getfixturevalue(which)
    data = datasets.sleepstudy() if which == "slopes" else datasets.Penicillin()
    response = "Reaction" if which == "slopes" else "diameter"
    Y = m.simulate(4, seed=5)
    _, found = refit_many(m, Y.to_numpy().T)
    assert found.converged.all()
    for r in range(4):
        data[response] = Y[f"sim_{r + 1}"].to_numpy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RMessage)
            fresh = lmer(m.design.call.formula, data, REML=m.REML)
        assert found.value[r] == pytest.approx(fresh.value, abs=1e-6)
        close(found.theta[r], fresh.theta, 1e-4)


def test_a_statistic_sees_a_whole_fit(slopes: LmerMod) -> None:
    Y = slopes.simulate(3, seed=2)
    seen: list[LmerMod] = []

    def watch(m: LmerMod) -> pd.Series[float]:
        seen.append(m)
        return fixef(m)

    result = bootMer(slopes, watch, 3, seed=2)  # type: ignore[arg-type]
    assert seen[0] is slopes
    for r, m in enumerate(seen[1:]):
        assert isinstance(m, LmerMod)
        close(m.design.y, Y.iloc[:, r], 1e-14)
        close(m.fitted() + m.residuals(), Y.iloc[:, r], 1e-12)
        assert m.value == pytest.approx(m.criterion(m.theta), rel=1e-12)
        close(m.state.pwrss, (m.residuals() ** 2).sum() + m.state.ussq, 1e-9)
        close(result.t[r], m.fixef(), 0, 0)
        assert str(m).startswith("Linear mixed model fit by REML")


def test_plain_numbers_and_arrays_are_statistics_too(slopes: LmerMod) -> None:
    one = bootMer(slopes, sigma, 2, seed=1)
    assert one.t.shape == (2, 1)
    two = bootMer(slopes, lambda m: [1.0, sigma(m)], 2, seed=1)
    assert two.t0.index.tolist() == ["t1", "t2"]
    close(two.t[:, 1], one.t[:, 0], 0, 0)


def test_statistics_that_fail_give_missing_values_and_a_count(slopes: LmerMod) -> None:
    def sometimes(m: LmerMod) -> float:
        if m is not slopes and m.beta[1] > slopes.beta[1]:
            raise ValueError("no")
        return float(m.beta[1])

    with pytest.warns(RWarning, match=r"some bootstrap runs failed \((\d)/8\)"):
        result = bootMer(slopes, sometimes, 8, seed=1)  # type: ignore[arg-type]
    assert 0 < np.isnan(result.t).sum() < 8
    assert (result.t[~np.isnan(result.t)] <= slopes.beta[1]).all()


def test_the_same_seed_gives_the_same_intervals(slopes: LmerMod) -> None:
    a, b, other = (confint(slopes, method="boot", nsim=40, seed=s, quiet=True) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(a, b)
    assert not np.allclose(a, other)
    set_seed(1)
    pd.testing.assert_frame_equal(confint(slopes, method="boot", nsim=40, quiet=True), a)
    pd.testing.assert_frame_equal(slopes.confint(method="boot", nsim=40, seed=1, quiet=True), a)


def test_intervals_are_those_of_each_column(slopes: LmerMod) -> None:
    result = boot_parameters(slopes, 60, seed=3)
    table = result.confint(0.9, "basic")
    for name, t, t0 in zip(result.t0.index, result.t.T, result.t0, strict=True):
        close(table.loc[name], boot_interval(t, t0, 0.9, "basic"), 0, 0)
    close(result.t0, parameters_of(slopes), 0, 0)
    assert result.as_data_frame().columns.tolist() == result.t0.index.tolist()


def test_an_interval_for_a_statistic_of_ones_own(slopes: LmerMod) -> None:
    table = bootMer(slopes, fixef, 60, seed=3).confint(0.8)
    assert table.index.tolist() == ["(Intercept)", "Days"]
    assert (table.iloc[:, 0] < slopes.beta).all()
    assert (slopes.beta < table.iloc[:, 1]).all()


def test_offsets_and_weights_are_kept() -> None:
    data = datasets.sleepstudy().assign(w=1.0 + np.arange(180) % 3, known=np.arange(180.0))
    m = lmer("Reaction ~ Days + (1 | Subject)", data, weights="w", offset="known")
    fast, plain = boot_parameters(m, 6, seed=1), bootMer(m, lambda x: parameters_of(x), 6, seed=1)
    np.testing.assert_allclose(fast.t, plain.t, rtol=2e-6)


def test_rows_with_missing_values_are_left_out() -> None:
    data = datasets.sleepstudy()
    data.loc[data.index[[3, 50]], "Reaction"] = np.nan
    omit = lmer("Reaction ~ Days + (1 | Subject)", data)
    exclude = lmer("Reaction ~ Days + (1 | Subject)", data, na_action="na.exclude")
    a, b = bootMer(omit, fixef, 3, seed=1), bootMer(exclude, fixef, 3, seed=1)
    np.testing.assert_array_equal(a.t, b.t)


def test_a_singular_fit_can_be_bootstrapped() -> None:
    with pytest.warns(RMessage, match="singular"):
        m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff2())
    result = boot_parameters(m, 50, seed=1)
    assert not np.isnan(result.t).any()
    assert 0 < (result.t[:, 0] == 0).sum() < 50


def test_the_progress_bar_runs(slopes: LmerMod, capsys: pytest.CaptureFixture[str]) -> None:
    quiet = confint(slopes, method="boot", nsim=40, seed=1, quiet=True)
    assert capsys.readouterr().out == ""
    shown = confint(slopes, method="boot", nsim=40, seed=1, quiet=True, progress=True)
    assert "bootstrap refits" in capsys.readouterr().out
    pd.testing.assert_frame_equal(quiet, shown)


@pytest.mark.parametrize("parm", ["nonsense", 6, -7, ["Days", "x"], [0, 17]])
def test_unknown_parameters_are_refused(slopes: LmerMod, parm: str | int | list[str] | list[int]) -> None:
    with pytest.raises(ModelError, match=r"is not a parameter: choose among \.sig01"):
        confint(slopes, parm, method="Wald")


def test_unknown_methods_and_kinds_are_refused(slopes: LmerMod) -> None:
    with pytest.raises(ModelError, match="method='magic'"):
        confint(slopes, method="magic")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="boot_type='bca'"):
        confint(slopes, method="boot", nsim=40, quiet=True, boot_type="bca")  # type: ignore[arg-type]
