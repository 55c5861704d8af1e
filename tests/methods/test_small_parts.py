"""Principal components, conversions, and parts of a fit by R's names, against live R."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lme4_fits import FITS, Fit, pair

from pylmer import (
    Cv_to_Sv,
    Cv_to_Vv,
    Sv_to_Cv,
    Vv_to_Cv,
    as_function,
    cov2sdcor,
    datasets,
    devcomp,
    family,
    getData,
    getL,
    lmer,
    mlist2vec,
    rePCA,
    safe_chol,
    sdcor2cov,
    vec2mlist,
    weights,
)
from pylmer.dotted import LmerMod
from pylmer.errors import ModelError, RWarning
from rcompare.engines.r import RSession

SOME = [fit for fit in FITS[:18:2] if fit.id != "no-fixed-effects"]  # lme4 tells a log-determinant of nothing
each_model = pytest.mark.parametrize("fit", SOME, ids=lambda fit: fit.id)


@each_model
def test_principal_components(R: RSession, fit: Fit) -> None:
    both = pair(fit, R)
    ours = rePCA(both.there)
    assert list(ours) == both.strings("names(rePCA({m}))")
    for i, part in enumerate(ours.values()):
        theirs = both.num(f"rePCA({{m}})[[{i + 1}]]$sdev")
        np.testing.assert_allclose(part.sdev, theirs, rtol=1e-10, atol=1e-12)
        rotation = both.num(f"rePCA({{m}})[[{i + 1}]]$rotation").reshape(part.rotation.shape)
        if (np.diff(-theirs) > 1e-6 * theirs[0]).all():  # directions are unique
            np.testing.assert_allclose(np.abs(part.rotation), np.abs(rotation), atol=1e-8)


def test_the_text_of_principal_components(R: RSession) -> None:
    both = pair(next(f for f in FITS if f.id == "slopes"), R)
    pca = rePCA(both.there)
    assert str(pca).splitlines() == R.output(both.code("print(rePCA({m}))"))
    assert [*str(pca.summary()).splitlines(), ""] == R.output(both.code("print(summary(rePCA({m})))"))


@each_model
def test_parts_of_a_fit(R: RSession, fit: Fit) -> None:
    both = pair(fit, R)
    m = both.there
    np.testing.assert_array_equal(weights(m), both.num("weights({m})"))
    theirs = both.num('getME({m}, "devcomp")$cmp')
    ours = np.array(list(devcomp(m)["cmp"].values()))
    known = ~np.isnan(theirs)
    np.testing.assert_allclose(ours[known], theirs[known], rtol=1e-8)
    assert getL(m).shape == (m.q, m.q)
    assert as_function(m)(m.theta) == pytest.approx(both.num("-2 * logLik({m})").item(), rel=1e-11)


def test_family_and_its_text(R: RSession) -> None:
    m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    assert (family(m).family, family(m).link) == ("gaussian", "identity")
    assert [*str(family(m)).splitlines(), ""] == R.output("print(gaussian())")


def test_the_data_come_back() -> None:
    data = datasets.sleepstudy()
    m = lmer("Reaction ~ 1 + (1 | Subject)", data)
    back = getData(m)
    assert back.columns.tolist() == data.columns.tolist()
    np.testing.assert_array_equal(back["Days"], data["Days"])
    assert getData(LmerMod.from_json(m.to_json())).columns.tolist() == ["Reaction", "Subject"]


CASES = [([2.0, 0.5, 1.5, 3.0], [2, 1]), ([2.0, 0.5, 1.5], None), ([1.0, 0.2, 0.3, 0.8, -0.4, 0.6], [3])]


@pytest.mark.r
@pytest.mark.parametrize(("v", "n"), CASES)
@pytest.mark.parametrize("s", [None, 2.5])
def test_conversions(R: RSession, v: list[float], n: list[int] | None, s: float | None) -> None:
    R.assign("conv_v", np.array(v))
    more = ("" if n is None else f", n = c({', '.join(map(str, n))})") + ("" if s is None else f", s = {s}")
    for function, back in ((Cv_to_Sv, Sv_to_Cv), (Cv_to_Vv, Vv_to_Cv)):
        ours = function(v, n, s)
        np.testing.assert_allclose(ours, R.num(f"as.vector({function.__name__}(conv_v{more}))"), rtol=1e-13)
        np.testing.assert_allclose(back(ours, n, s), v, rtol=1e-12)
        if n is not None:
            R.assign("conv_w", ours)
            np.testing.assert_allclose(back(ours, n, s), R.num(f"as.vector({back.__name__}(conv_w{more}))"), rtol=1e-12)


@pytest.mark.r
@pytest.mark.parametrize("m", [[[4, 1], [1, 2.5]], [[4, 0], [0, 0]], [[0, 0], [0, 0]], [[1, 1], [1, 1]]])
def test_square_roots_of_semidefinite_matrices(R: RSession, m: list[list[float]]) -> None:
    R.assign("conv_m", np.array(m, dtype=float))
    np.testing.assert_allclose(safe_chol(m), R.num("lme4:::safe_chol(conv_m)"), atol=1e-14)


@given(st.integers(1, 5), st.integers(0, 2**31))
def test_there_and_back(k: int, seed: int) -> None:
    L = np.tril(np.random.default_rng(seed).normal(size=(k, k))) + 3 * np.eye(k)
    V = L @ L.T
    np.testing.assert_allclose(sdcor2cov(cov2sdcor(V)), V, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(safe_chol(V), np.linalg.cholesky(V).T, rtol=1e-7, atol=1e-8)
    np.testing.assert_array_equal(vec2mlist(mlist2vec([V, L[:1, :1]]), [k, 1])[0], V)
    np.testing.assert_array_equal(vec2mlist(mlist2vec(L), symm=False)[0], L)
    np.testing.assert_array_equal(mlist2vec({"a": V}), mlist2vec([V]))


def test_what_cannot_be_converted_is_refused() -> None:
    with pytest.raises(ModelError, match="4 numbers"):
        vec2mlist([1.0, 2.0, 3.0, 4.0], [2])
    with pytest.raises(ModelError, match="no covariance matrix"):
        safe_chol([[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(ModelError, match="square"):
        cov2sdcor([[1.0, 2.0]])
    with pytest.warns(RWarning, match="NA values in sdcor matrix converted to 0"):
        assert cov2sdcor([[0.0, 0.0], [0.0, 4.0]]).tolist() == [[0.0, 0.0], [0.0, 2.0]]
