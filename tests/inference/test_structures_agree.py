"""What can be asked of a fit does not depend on how its cross-products are stored."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pylmer import (
    bootMer,
    confint,
    getME,
    hatvalues,
    influence,
    lmer,
    predict,
    ranef,
    refit_each,
    simulate,
)
from pylmer.criterion import criterion as room
from pylmer.linalg.crossed import Crossed
from pylmer.linalg.sparse_crossed import SparseCrossed


def data() -> pd.DataFrame:
    """Pupils and teachers within schools; some pupils move."""
    rng = np.random.default_rng(4)
    pupil = np.repeat(np.arange(40), 4)
    school = np.where(rng.random(160) < 0.05, rng.integers(0, 5, 160), pupil % 5)
    teacher = school * 3 + rng.integers(0, 3, 160)
    x = rng.normal(size=160)
    y = x + rng.normal(size=40)[pupil] + 0.7 * rng.normal(size=15)[teacher] + rng.normal(size=160)
    return pd.DataFrame({"y": y, "x": x, "pupil": pupil, "teacher": teacher, "school": school})


FORMULAS = ["y ~ x + (1 | pupil) + (1 | teacher)", "y ~ x + (x | pupil) + (1 | school/teacher)"]


def answers(formula: str, table: pd.DataFrame, structure: Any) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setattr(room, "DENSE_Q", 0)
        patch.setattr(room, "structure_of", structure)
        m = lmer(formula, table, REML=False)
        assert isinstance(m.criterion.structure, structure)
        out: dict[str, Any] = {"value": m.value, "theta": m.theta, "beta": m.beta, "hat": hatvalues(m).to_numpy()}
        out["modes"] = np.concatenate([part.to_numpy().ravel() for part in ranef(m).values()])
        out["condVar"] = np.concatenate([V.ravel() for V in m.condVar])
        out["L"] = getME(m, "L").toarray()
        out["RZX"] = getME(m, "RZX")
        out["predicted"] = np.asarray(predict(m, table.head(7)))
        new = simulate(m, 2, seed=1).to_numpy()
        out["simulated"] = new
        out["refitted"] = np.array([one.value for one in refit_each(m, new.T)])
        out["boot"] = bootMer(m, lambda fit: fit.beta, nsim=4, seed=2).t
        if formula == FORMULAS[0]:
            out["profile"] = confint(m, "beta_", quiet=True).to_numpy()
            out["influence"] = influence(m, groups="school").fixed_effects_deleted.to_numpy()
        return out


@pytest.mark.parametrize("formula", FORMULAS)
def test_structures_agree(formula: str) -> None:
    table = data()
    expected, got = answers(formula, table, Crossed), answers(formula, table, SparseCrossed)
    for name, values in expected.items():
        size = np.abs(np.asarray(values, dtype=float)).max()
        np.testing.assert_allclose(got[name], values, rtol=0, atol=2e-6 * size, err_msg=name)
