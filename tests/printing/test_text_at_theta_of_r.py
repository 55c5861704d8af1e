"""The whole way from data to text, at R's own theta: every character that live R prints."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pylmer import VarCorr, coef, datasets, ranef, summary
from pylmer.dotted import LmerMod
from pylmer.errors import RMessage
from pylmer.formula.lformula import lFormula
from pylmer.model import at_theta
from pylmer.printing import as_text
from pylmer.rcompat.options import options

if TYPE_CHECKING:
    from rcompare.engines.r import RSession

pytestmark = pytest.mark.r

CASES = [
    ("sleepstudy", "Reaction ~ Days + (Days | Subject)", True),
    ("sleepstudy", "Reaction ~ Days + (Days | Subject)", False),
    ("sleepstudy", "Reaction ~ Days + (Days || Subject)", True),
    ("sleepstudy", "log(Reaction) ~ poly(Days, 2) + (1 | Subject)", True),
    ("Dyestuff", "Yield ~ 1 | Batch", True),
    ("Dyestuff2", "Yield ~ 1 + (1 | Batch)", False),
    ("Penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)", True),
    ("Pastes", "strength ~ 1 + (1 | batch/cask)", True),
    ("cake", "angle ~ recipe * temperature + (1 | recipe:replicate)", False),
    ("cake", "angle ~ recipe + temp + (1 | recipe:replicate)", True),
]


@pytest.mark.parametrize(("data", "formula", "REML"), CASES)
def test_text(R: RSession, data: str, formula: str, REML: bool) -> None:
    R(f"txt_m <- suppressMessages(lmer({formula}, {data}, REML = {str(REML).upper()}))")
    R("txt_s <- summary(txt_m)")
    design = lFormula(formula, getattr(datasets, data)(), REML)
    design = replace(design, call=replace(design.call, data=data))
    m = at_theta(LmerMod, design, R.num("getME(txt_m, 'theta')"), REML)
    m = replace(m, opt=replace(m.opt, optimizer="nloptwrap"))
    with options(lme4=R.strings("packageVersion('lme4')")[0], useFancyQuotes=False), warnings.catch_warnings():
        warnings.simplefilter("ignore", RMessage)
        assert str(m).split("\n") == R.text("txt_m")
        assert str(summary(m)).split("\n") == R.output("suppressMessages(print(txt_s))")
        assert as_text(VarCorr(m)).split("\n") == R.text("VarCorr(txt_m)")
        assert str(ranef(m)).split("\n") == R.text("ranef(txt_m)")
        assert str(coef(m)).split("\n") == R.text("coef(txt_m)")
