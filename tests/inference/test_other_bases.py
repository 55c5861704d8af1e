"""Slopes of columns far from 0: the model is that of the centred columns, in another parametrization."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer import VarCorr, fixef, lmer, predict, vcov
from pylmer.errors import ConvergenceWarning
from pylmer.inference.other_bases import _as_written, _root
from rcompare.engines.r import RSession


def years(seed: int, origin: float, crossed: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    d = pd.DataFrame({"id": np.repeat(np.arange(8), 6), "t": np.tile(np.arange(6.0), 8), "h": np.arange(48) % 5})
    slopes, intercepts = rng.normal(size=(2, 8))
    d["y"] = rng.normal(size=48) + intercepts[d.id] + slopes[d.id] * d.t + crossed * rng.normal(size=5)[d.h]
    d["year"] = origin + d.t
    return d


def fitted(formula: str, d: pd.DataFrame) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # nearly unidentifiable, as R says too
        return lmer(formula, d)


@pytest.mark.parametrize("crossed", [False, True])
@pytest.mark.parametrize("seed", [0, 4, 6])
def test_calendar_years(seed: int, crossed: bool) -> None:
    d = years(seed, 2010.0, crossed)
    more = " + (1 | h)" if crossed else ""
    raw, centred = fitted(f"y ~ year + (year | id){more}", d), fitted(f"y ~ t + (t | id){more}", d)
    assert raw.opt.convergence == 0
    assert raw.value == pytest.approx(centred.value, abs=1e-5)
    assert fixef(raw)["year"] == pytest.approx(fixef(centred)["t"], abs=1e-6)
    assert vcov(raw).loc["year", "year"] == pytest.approx(vcov(centred).loc["t", "t"], rel=1e-3)
    assert VarCorr(raw)["id"].loc["year", "year"] == pytest.approx(VarCorr(centred)["id"].loc["t", "t"], rel=1e-3)
    np.testing.assert_allclose(predict(raw), predict(centred), atol=1e-3)


def test_not_above_the_tightest_optimum_of_r(R: RSession) -> None:
    d = years(4, 2010.0)
    for name in ("id", "year", "y"):
        R.assign(f"bases_{name}", d[name].to_numpy(dtype=float))
    R("bases_d <- data.frame(id = factor(bases_id), t = bases_year - 2010, y = bases_y)")
    R('bases_m <- lmer(y ~ t + (t | id), bases_d, control = lmerControl("bobyqa", optCtrl = list(rhoend = 1e-10)))')
    assert fitted("y ~ year + (year | id)", d).value <= R.num("REMLcrit(bases_m)")[0] + 1e-5


@settings(max_examples=30)
@given(st.integers(1, 4), st.floats(-50, 50), st.integers(0, 1000))
def test_covariances_are_those_of_the_other_columns(k: int, origin: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(40, k)) + origin * (np.arange(k) > 0)
    Z[:, 0] = 1.0
    root = _root(Z)
    L = np.tril(rng.normal(size=(k, k)))
    rows, cols = np.tril_indices(k)
    order = np.lexsort((rows, cols))
    rows, cols = rows[order], cols[order]
    theta = _as_written(L[rows, cols], [root], [k])
    written = np.zeros((k, k))
    written[rows, cols] = theta
    other = Z if root is None else Z @ np.linalg.inv(root)
    np.testing.assert_allclose(Z @ written @ written.T @ Z.T, other @ L @ L.T @ other.T, atol=1e-7)
