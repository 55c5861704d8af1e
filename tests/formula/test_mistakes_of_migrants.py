"""What newcomers from R, nlme and other packages paste is refused with what to write instead."""

from __future__ import annotations

import datetime

import pandas as pd
import pytest

from pylmer import datasets, lmer
from pylmer.errors import DataError, ModelError, PylmerError

FORMULAS = [
    ("Reaction ~ sleepstudy$Days + (1 | Subject)", r"could not find function \"\$\": a formula names columns"),
    ("Reaction ~ Days[1:3] + (1 | Subject)", r"choose rows by subset="),
    ("Reaction ~ Days %>% scale + (1 | Subject)", r"write the call itself"),
    ("Reaction ~ s(Days) + (1 | Subject)", r"ns\(x, df\) and bs\(x, df\)"),
    ("Reaction ~ Days \N{MINUS SIGN} 1 + (1 | Subject)", "unexpected input '\N{MINUS SIGN}': write -"),
    ("Reaction ~ Days + (1 \N{DIVIDES} Subject)", r"unexpected input '\N{DIVIDES}': write \|"),
    ("Reaction ~ Days == 3 + (1 | week)", r"belong into I\(\.\.\.\)"),
    ("Reaction ~ log(Days) + (1 | Subject)", r"missing or infinite value in log\(Days\)"),
    ("Reaction ~ Days + (1 | 'Subject')", r"a string is no term\n  Reaction ~ Days \+ \(1 \| 'Subject'\)"),
    ("Reaction ~~ Days + (1 | Subject)", r"a tilde inside a formula\n  Reaction ~~ Days"),
]

ARGUMENTS = [
    ({"family": "binomial"}, "generalized linear models are not there"),
    ({"method": "ML"}, "write REML=False"),
    ({"random": "~ 1 | Subject"}, r"write the random effects into the formula"),
    ({"reml": False}, "did you mean 'REML'"),
    ({"na.action": "na.omit"}, "did you mean 'na_action'"),
]


@pytest.mark.parametrize(("formula", "message"), FORMULAS)
def test_formulas(formula: str, message: str) -> None:
    with pytest.raises(PylmerError, match=message):
        lmer(formula, datasets.sleepstudy().assign(week=[1, 2, 3] * 60))


@pytest.mark.parametrize(("arguments", "message"), ARGUMENTS)
def test_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        lmer("Reaction ~ Days + (1 | Subject)", datasets.sleepstudy(), **arguments)  # type: ignore[arg-type]


def test_the_name_of_a_data_frame_in_quotes() -> None:
    with pytest.raises(DataError, match="give a data frame itself, without quotes"):
        lmer("Reaction ~ Days + (1 | Subject)", "sleepstudy")


@pytest.mark.parametrize("day", [pd.Timestamp("2020-01-01"), datetime.date(2020, 1, 1)])
def test_dates_have_no_unit(day: object) -> None:
    d = datasets.sleepstudy().assign(when=day)
    with pytest.raises(DataError, match=r"the days that R's Date counts"):
        lmer("Reaction ~ when + (1 | Subject)", d)
