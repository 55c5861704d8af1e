"""Standard errors of predictions against the dense covariance of prediction errors, and what intervals cover."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from pylmer import NA, datasets, getME, lmer, model_matrix, predict, rnorm, set_seed
from pylmer.dotted import LmerMod
from pylmer.errors import ModelError
from pylmer.methods import Prediction


def dense_errors(m: LmerMod, X0: np.ndarray, Z0: np.ndarray) -> np.ndarray:
    """Standard deviation of ``x'(beta^ - beta) + z'(b^ - b)`` under the model, by matrices of all rows.

    beta^ = (X'V^-1 X)^-1 X'V^-1 y and b^ = G Z'V^-1 (y - X beta^): linear in y, so their errors have the variance that
    follows from that of (y, b).
    """
    Z, L = getME(m, "Z").toarray(), getME(m, "Lambda").toarray()
    X, w = m.design.X, np.ones(m.n) if m.design.weights is None else m.design.weights
    s2 = m.residual_sd**2
    G, R = s2 * L @ L.T, s2 * np.diag(1.0 / w)
    Vi = np.linalg.inv(Z @ G @ Z.T + R)
    B = np.linalg.solve(X.T @ Vi @ X, X.T @ Vi)
    U = G @ Z.T @ Vi @ (np.eye(m.n) - X @ B)
    of_y = X0 @ B + Z0 @ U
    # error = of_y (Z b + e) - z'b: the part of X beta cancels
    of_b = of_y @ Z - Z0
    return np.sqrt(np.diag(of_b @ G @ of_b.T + of_y @ R @ of_y.T))


def sleep(**settings: object) -> LmerMod:
    data = datasets.sleepstudy().assign(w=1.0 + np.arange(180) % 3)
    return lmer("Reaction ~ Days + (Days | Subject)", data, **settings)  # type: ignore[arg-type]


def crossed() -> LmerMod:
    return lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", datasets.Penicillin())


MODELS = {"slopes": sleep, "weights": lambda: sleep(weights="w", REML=False), "crossed": crossed}


@pytest.mark.parametrize("name", MODELS)
def test_joint_standard_errors(name: str) -> None:
    m = MODELS[name]()
    X, Z = m.design.X, getME(m, "Z").toarray()
    found = predict(m, se_fit=True)
    assert isinstance(found, Prediction)
    np.testing.assert_allclose(found.se_fit, dense_errors(m, X, Z), rtol=1e-7)
    np.testing.assert_array_equal(found.fit, predict(m))
    alone = predict(m, random_only=True, se_fit=True).se_fit
    np.testing.assert_allclose(alone, dense_errors(m, np.zeros_like(X), Z), rtol=1e-6)
    none = predict(m, re_form=NA, se_fit=True).se_fit
    np.testing.assert_allclose(none, np.sqrt(np.einsum("ij,jk,ik->i", X, m.vcov_beta, X)), rtol=1e-9)


def test_standard_errors_of_some_terms() -> None:
    m = crossed()
    Z = getME(m, "Z").toarray()
    Z[:, m.design.re.Gp[1] :] = 0.0
    ours = predict(m, re_form="~(1 | plate)", se_fit=True).se_fit
    np.testing.assert_allclose(ours, dense_errors(m, m.design.X, Z), rtol=1e-7)


def test_new_rows_and_levels() -> None:
    m = sleep()
    new = pd.DataFrame({"Days": [0.0, 4.0, 12.0, np.nan], "Subject": ["308", "372", "new", "308"]})
    found = predict(m, new, allow_new_levels=True, se_fit=True)
    Z = np.zeros((2, m.q))
    Z[0, :2] = [1.0, 0.0]
    Z[1, -2:] = [1.0, 4.0]
    X = np.array([[1.0, 0.0], [1.0, 4.0]])
    np.testing.assert_allclose(found.se_fit.iloc[:2], dense_errors(m, X, Z), rtol=1e-7)
    x = np.array([1.0, 12.0])
    np.testing.assert_allclose(found.se_fit.iloc[2], np.sqrt(x @ m.vcov_beta @ x + x @ m.covariance[0] @ x), rtol=1e-9)
    assert np.isnan(found.se_fit.iloc[3])
    assert len(predict(m, new, allow_new_levels=True, se_fit=True, na_action="na.omit").se_fit) == 3


def test_intervals_are_fit_and_error() -> None:
    m = sleep()
    new = {"Days": [0.0, 5.0], "Subject": ["308", "309"]}
    se = predict(m, new, se_fit=True).se_fit
    mean = predict(m, new, interval="confidence", level=0.9)
    np.testing.assert_allclose(mean["upr"] - mean["fit"], norm.ppf(0.95) * se)
    one = predict(m, new, interval="prediction", level=0.9)
    np.testing.assert_allclose(one["fit"] - one["lwr"], norm.ppf(0.95) * np.hypot(se, m.residual_sd))
    other = predict(m, {"Days": [0.0, 5.0]}, re_form=NA, interval="prediction", se_fit=True)
    x = np.array([1.0, 5.0])
    sd = np.sqrt(other.se_fit.iloc[1] ** 2 + x @ m.covariance[0] @ x + m.residual_sd**2)
    np.testing.assert_allclose(other.fit["upr"].iloc[1] - other.fit["fit"].iloc[1], norm.ppf(0.975) * sd)
    assert "the mean of the response of these groups (Subject)" in mean.attrs["covers"]
    assert "a group that is not among the data" in other.fit.attrs["covers"]
    assert "the residual" in one.attrs["covers"]
    with pytest.raises(ModelError, match="level"):
        predict(m, level=2.0)


def test_rows_of_the_fit_use_their_weights() -> None:
    m = sleep(weights="w", na_action="na.exclude")
    table = predict(m, interval="prediction")
    se = predict(m, se_fit=True).se_fit
    w = 1.0 + np.arange(180) % 3
    np.testing.assert_allclose(table["upr"] - table["fit"], norm.ppf(0.975) * np.sqrt(se**2 + m.residual_sd**2 / w))


def test_intervals_for_a_new_group_cover_new_groups() -> None:
    set_seed(1)
    truth = sleep(REML=False)
    rng = np.random.default_rng(5)
    table = predict(truth, {"Days": [3.0]}, re_form=NA, interval="prediction").iloc[0]
    b = rng.multivariate_normal(np.zeros(2), truth.covariance[0], 20_000)
    y = truth.beta @ [1.0, 3.0] + b @ [1.0, 3.0] + truth.residual_sd * rnorm(20_000)
    assert 0.95 < np.mean((y > table["lwr"]) & (y < table["upr"])) < 0.97


def test_text() -> None:
    found = predict(sleep(), {"Days": [0.0], "Subject": ["308"]}, se_fit=True)
    lines = str(found).splitlines()
    assert lines[0] == "$fit"
    assert "$se.fit" in lines
    assert "lwr" in str(predict(sleep(), {"Days": [0.0], "Subject": ["308"]}, se_fit=True, interval="confidence"))


def test_columns_of_the_left_hand_side_need_no_group() -> None:
    m = lmer("score ~ Machine + (Machine | Worker)", datasets.Machines())
    rows = {"Machine": ["A", "C"]}
    table = predict(m, rows, re_form=NA, interval="prediction")
    X = model_matrix(m).drop_duplicates().to_numpy()[[0, 2]]
    V = X @ (m.vcov_beta + m.covariance[0]) @ X.T + m.residual_sd**2 * np.eye(2)
    np.testing.assert_allclose(table["upr"] - table["fit"], norm.ppf(0.975) * np.sqrt(np.diag(V)), rtol=1e-9)
