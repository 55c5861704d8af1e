"""Every name of getME, on models of several kinds, against live R at R's own theta."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from dense_twin import close
from lme4_fits import Pair, by_id, pair

from pylmer import datasets, getME, lmer
from pylmer.errors import ModelError
from rcompare.engines.r import RSession

MODELS = ["slopes", "slopes-ML", "uncorrelated", "weights", "offset", "three-terms", "pastes-slash", "machines"]
MODELS += ["crossed-slopes", "holes", "rank-deficient", "no-fixed-effects", "dyestuff2"]


@pytest.fixture(params=MODELS)
def both(request: pytest.FixtureRequest, R: RSession) -> Pair:
    return pair(by_id(request.param), R)


def theirs(both: Pair, name: str) -> str:
    return both.code(f'getME({{m}}, "{name}")')


def named(both: Pair, name: str) -> dict[str, list[float]]:
    """A named vector of R, a name that comes twice with both its values."""
    out: dict[str, list[float]] = {}
    for key, value in zip(both.strings(f"names({theirs(both, name)})"), both.num(theirs(both, name)), strict=True):
        out.setdefault(key, []).append(value)
    return out


def same_series(both: Pair, name: str) -> None:
    ours: pd.Series[Any] = getME(both.there, name)
    assert ours.index.tolist() == both.strings(f"names({theirs(both, name)})")
    close(ours.to_numpy(), both.num(theirs(both, name)), 1e-10)


def test_every_name_of_lme4_is_known(R: RSession) -> None:
    names = R.strings("eval(formals(lme4:::getME.merMod)$name)")
    m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    assert list(getME(m, names)) == names
    assert set(getME(m, "ALL")) == set(names)
    assert np.isnan(getME(m, "glmer.nb.theta"))


@pytest.mark.parametrize(
    "name", ["REML", "is_REML", "n_rtrms", "n_rfacs", "N", "n", "p", "q", "k", "m", "sigma", "Gp", "Lind"]
)
def test_counts(both: Pair, name: str) -> None:
    close(np.atleast_1d(getME(both.there, name)).astype(float), both.num(theirs(both, name)), 1e-10)


@pytest.mark.parametrize("name", ["theta", "lower", "p_i", "q_i", "m_i", "l_i", "Tp", "fixef"])
def test_named_vectors(both: Pair, name: str) -> None:
    if name == "fixef" and not both.there.p:
        assert getME(both.there, name).empty
        return
    ours = getME(both.there, name)
    assert ours.index.tolist() == both.strings(f"names({theirs(both, name)})")
    finite = np.isfinite(both.num(theirs(both, name)))
    np.testing.assert_array_equal(np.isfinite(ours.to_numpy()), finite)
    close(ours.to_numpy()[finite], both.num(theirs(both, name))[finite], 1e-9)


@pytest.mark.parametrize("name", ["y", "mu", "offset", "u", "b"])
def test_vectors(both: Pair, name: str) -> None:
    close(getME(both.there, name), both.num(f"as.vector({theirs(both, name)})"), 1e-9)


@pytest.mark.parametrize("name", ["Z", "Zt", "Lambda", "Lambdat", "A"])
def test_sparse_matrices(both: Pair, name: str) -> None:
    close(getME(both.there, name).toarray(), both.num(f"as.matrix({theirs(both, name)})"), 1e-10)


def test_X_and_beta(both: Pair) -> None:
    X = getME(both.there, "X")
    assert X.shape == tuple(both.num(f"dim({theirs(both, 'X')})").astype(int))
    if both.there.p:
        close(X.to_numpy(), both.num(theirs(both, "X")), 1e-12)
        assert X.columns.tolist() == both.strings(f"colnames({theirs(both, 'X')})")
        assert [str(name) for name in X.index] == both.strings(f"rownames({theirs(both, 'X')})")
        close(getME(both.there, "beta"), both.num(theirs(both, "beta")), 1e-9)


def test_factors_of_cholesky(both: Pair) -> None:
    """R permutes L, and RZX with it; the products do not mind."""
    m = both.there
    L, RX, RZX = getME(m, "L").toarray(), getME(m, "RX"), getME(m, "RZX")
    np.testing.assert_array_equal(L, np.tril(L))
    both.R(f"getme_L <- {theirs(both, 'L')}")
    both.R("getme_order <- order(getme_L@perm)")
    whole = both.num("as.matrix(tcrossprod(as(getme_L, 'sparseMatrix')))[getme_order, getme_order]")
    close(L @ L.T, whole, 1e-10)
    if m.p:
        close(RX, both.num(theirs(both, "RX")), 1e-10)
        close(RZX.T @ RZX, both.num(f"crossprod({theirs(both, 'RZX')})"), 1e-9)
        both.R(f"getme_half <- as(getme_L, 'sparseMatrix') %*% {theirs(both, 'RZX')}")
        close(L @ RZX, both.num("as.matrix(getme_half)[getme_order, , drop = FALSE]"), 1e-10)
        Xw = m.design.X if m.design.weights is None else m.design.X * np.sqrt(m.design.weights)[:, None]
        close(RX.T @ RX + RZX.T @ RZX, Xw.T @ Xw, 1e-10)
    else:
        assert RX.shape == (0, 0)
        assert RZX.shape == (m.q, 0)


@pytest.mark.parametrize("name", ["Tlist", "ST"])
def test_templates(both: Pair, name: str) -> None:
    ours = getME(both.there, name)
    assert list(ours) == both.strings(f"names({theirs(both, name)})")
    for i, block in enumerate(ours.values()):
        close(block, both.num(f"{theirs(both, name)}[[{i + 1}]]"), 1e-9)


def test_names_of_effects(both: Pair) -> None:
    ours = getME(both.there, "cnms")
    assert list(ours) == both.strings(f"names({theirs(both, 'cnms')})")
    for i, names in enumerate(ours.values()):
        assert list(names) == both.strings(f"{theirs(both, 'cnms')}[[{i + 1}]]")


def test_grouping_factors(both: Pair) -> None:
    ours = getME(both.there, "flist")
    assert list(ours) == both.strings(f"names({theirs(both, 'flist')})")
    for group, codes in ours.items():
        assert list(codes.categories) == both.strings(f"levels({theirs(both, 'flist')}[['{group}']])")
        np.testing.assert_array_equal(codes.codes + 1, both.num(f"as.integer({theirs(both, 'flist')}[['{group}']])"))


def test_lists_of_matrices_by_term(both: Pair) -> None:
    Ztlist, mmList = getME(both.there, "Ztlist"), getME(both.there, "mmList")
    assert list(Ztlist) == both.strings(f"names({theirs(both, 'Ztlist')})")
    for i, Zt in enumerate(Ztlist.values()):
        close(Zt.toarray(), both.num(f"as.matrix({theirs(both, 'Ztlist')}[[{i + 1}]])"), 1e-12)
    assert list(mmList) == both.strings(f"names({theirs(both, 'mmList')})")
    for i, frame in enumerate(mmList.values()):
        close(frame.to_numpy(), both.num(f"{theirs(both, 'mmList')}[[{i + 1}]]"), 1e-12)
        assert list(frame.columns) == both.strings(f"colnames({theirs(both, 'mmList')}[[{i + 1}]])")


def test_devcomp(both: Pair) -> None:
    ours = getME(both.there, "devcomp")
    for part in ("cmp", "dims"):
        code = f"{theirs(both, 'devcomp')}${part}"
        assert list(ours[part]) == both.strings(f"names({code})")
        values, expected = np.array(list(ours[part].values()), dtype=float), both.num(code)
        if part == "cmp" and not both.there.p:
            expected[1] = 0.0  # ldRX2 of no columns is memory that lme4 never sets
        np.testing.assert_array_equal(np.isnan(values), np.isnan(expected))
        np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-9)


def test_devfun(both: Pair) -> None:
    m = both.there
    devfun = getME(m, "devfun")
    for theta in (m.theta, 1.1 * m.theta + 0.1, m.design.re.theta_start):
        both.R.assign("getme_theta", theta)
        close(devfun(theta), both.num(f"{both.devfun}(getme_theta)")[0], 1e-11)


def test_several_names_and_unknown_ones(R: RSession) -> None:
    m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    assert getME(m, ["n", "p"]) == {"n": 30, "p": 1}
    assert m.getME("n") == 30
    code = "tryCatch(getME(lmer(Yield ~ 1 + (1 | Batch), Dyestuff), 'nonsense'), error = conditionMessage)"
    (sentence,) = R.strings(code)
    with pytest.raises(ModelError) as caught:
        getME(m, "nonsense")
    assert str(caught.value).startswith(sentence.split(" ", 1)[0])
    assert "'nonsense'" in str(caught.value)
    assert "devcomp" in str(caught.value)
