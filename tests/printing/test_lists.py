"""R's text of bootstraps, summaries of lmList and allFit, and influence, live."""

from __future__ import annotations

import pytest

from pylmer import allFit, bootMer, datasets, fixef, influence, lmer, lmList, refitML, sigma
from rcompare.engines.r import RSession


@pytest.mark.r
def test_bootstrap(R: RSession) -> None:
    R(
        "btm <- lmer(Yield ~ 1 + (1 | Batch), Dyestuff, REML = FALSE, control = lmerControl(optCtrl = list("
        "xtol_abs = 1e-10, ftol_abs = 1e-12)))"
    )
    btm = refitML(lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff()))
    # R's refits stop where nloptwrap stops: the sixth digit
    for ours, theirs in [
        (bootMer(btm, fixef, nsim=20, seed=1), "bootMer(btm, fixef, nsim = 20, seed = 1)"),
        (
            bootMer(btm, sigma, nsim=10, seed=2, use_u=True, type="semiparametric"),
            "bootMer(btm, sigma, nsim = 10, seed = 2, use.u = TRUE, type = 'semiparametric')",
        ),
    ]:
        assert ours.text(digits=3).splitlines() == R.output(f"print({theirs}, digits = 3)")


@pytest.mark.r
@pytest.mark.parametrize("pool", [True, False])
def test_linear_models_by_group(R: RSession, pool: bool) -> None:
    sleepstudy = datasets.sleepstudy()
    found = lmList("Reaction ~ Days | Subject", sleepstudy, pool=pool)
    R(f"lml <- lmList(Reaction ~ Days | Subject, sleepstudy{'' if pool else ', pool = FALSE'})")
    assert str(found).splitlines() == R.output("print(lml)")
    assert f"{found.summary()}\n".splitlines() == R.output("print(summary(lml))")


@pytest.mark.r
def test_influence(R: RSession) -> None:
    R("inf_x <- influence(lmer(Yield ~ 1 + (1 | Batch), Dyestuff), 'Batch')")
    x = influence(lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff()), "Batch")

    def heads(lines: list[str]) -> list[str]:
        return [line for line in lines if line.startswith(("$", "attr", "("))]

    assert heads(x.text(digits=3).splitlines()) == heads(R.output("print(inf_x, digits = 3)"))


def test_summary_of_all_fits_shows_every_part() -> None:
    m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    lines = str(allFit(m, [("Nelder_Mead", ""), ("newton", "")]).summary()).splitlines()
    parts = ["$which.OK", "$msgs", "$fixef", "$llik", "$sdcor", "$theta", "$times", "$feval"]
    assert [line for line in lines if line in parts] == parts
    assert "$msgs$newton" in lines
