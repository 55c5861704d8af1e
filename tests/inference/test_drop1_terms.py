"""drop1 against live lme4 where a term that is left out changes what the other terms make."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from pylmer import drop1, lmer, options
from pylmer.errors import RMessage
from rcompare.engines.r import RSession

DATA = """
set.seed(10)
drop_d <- data.frame(x = rnorm(60), f = gl(3, 20), h = gl(2, 1, 60), g = gl(10, 6))
drop_d$x2 <- 2 * drop_d$x + 1
drop_d$y <- rnorm(60) + rep(rnorm(10), each = 6) * 2
drop_d$a_rather_long_name_of_a_variable <- rnorm(60)
drop_d$another_rather_long_name <- rnorm(60)
"""

CASES = [
    ("y ~ x + x2 + f + (1 | g)", None),
    ("y ~ 0 + f + h + (1 | g)", None),
    ("y ~ f * h + (1 | g)", ["f", "h", "f:h"]),
    ("y ~ f / x + (1 | g)", ["f", "f:x"]),
    ("y ~ x + f:x + (1 | g)", None),
    ("y ~ a_rather_long_name_of_a_variable + another_rather_long_name + f + (1 | g)", None),
]


@pytest.fixture(scope="module")
def data(R: RSession) -> pd.DataFrame:
    R(DATA)
    names = R.strings("names(drop_d)")
    found = {name: R.num(f"as.numeric(drop_d${name})") for name in names}
    for name in "fhg":
        found[name] = pd.Categorical(
            found[name].astype(int).astype(str), [*map(str, range(1, int(found[name].max()) + 1))]
        )
    return pd.DataFrame(found)


@pytest.mark.parametrize(("formula", "scope"), CASES)
def test_the_terms_that_are_left_make_their_columns_anew(
    R: RSession, data: pd.DataFrame, formula: str, scope: list[str] | None
) -> None:
    asked = "" if scope is None else f", scope = c({', '.join(map(repr, scope))})"
    expected = R.output(
        f'suppressMessages(print(drop1(lmer({formula}, drop_d, REML = FALSE, control = lmerControl("bobyqa", optCtrl = '
        f'list(rhoend = 1e-10))), test = "Chisq"{asked})))'
    )
    with warnings.catch_warnings(), options(lme4="1.1-31", useFancyQuotes=False):
        warnings.simplefilter("ignore", RMessage)
        found = drop1(lmer(formula, data, REML=False), test="Chisq", scope=scope)
        assert str(found).splitlines() == expected


def test_dropping_no_degree_of_freedom_is_no_test(data: pd.DataFrame) -> None:
    with pytest.warns(RMessage, match="rank deficient"):
        found = drop1(lmer("y ~ x + x2 + (1 | g)", data), test="Chisq")
    assert found["npar"].tolist()[1:] == [0.0, 0.0]
    assert np.isnan(found["Pr(Chi)"]).all()
