"""devfun2 against live lme4, and against the likelihood."""

from __future__ import annotations

import numpy as np
import pytest

from pylmer import datasets, devfun2, lmer
from pylmer.errors import ModelError
from rcompare.engines.r import RSession

MODELS = [
    ("sleepstudy", "Reaction ~ Days + (Days | Subject)"),
    ("sleepstudy", "Reaction ~ Days + (Days || Subject)"),
    ("Penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)"),
]


@pytest.mark.r
@pytest.mark.parametrize(("name", "formula"), MODELS)
def test_as_lme4(R: RSession, name: str, formula: str) -> None:
    f = devfun2(lmer(formula, getattr(datasets, name)()))
    R(f"dv_m <- lmer({formula}, {name})")
    R("dv <- devfun2(dv_m)")
    assert f.optimum.index.tolist() == R.strings("names(attr(dv, 'optimum'))")
    np.testing.assert_allclose(f.optimum, R.num("attr(dv, 'optimum')"), rtol=2e-3)
    np.testing.assert_allclose(f.stderr, R.num("attr(dv, 'stderr')"), rtol=1e-3)
    assert f.basedev == pytest.approx(R.num("attr(dv, 'basedev')").item(), rel=1e-8)
    point = f.optimum.to_numpy()[: len(f.thopt) + 1]
    for factor in (1.0, 1.1, 0.9):
        R.assign("dv_p", point * factor)
        assert f(point * factor) == pytest.approx(R.num("as.numeric(dv(dv_p))").item(), rel=1e-10)


def test_at_the_optimum_it_is_the_deviance() -> None:
    data = datasets.sleepstudy()
    data["w"] = np.linspace(1.0, 2.0, len(data))
    f = devfun2(lmer("Reaction ~ Days + (Days | Subject)", data, weights="w"), signames=False)
    assert f(f.optimum.iloc[:4]) == pytest.approx(f.basedev, rel=1e-12)
    assert f.optimum.index[0] == "sd_(Intercept)|Subject"
    with pytest.raises(ModelError, match="give 4 finite numbers"):
        f(f.optimum)
