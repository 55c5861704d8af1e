"""The block ``fit warnings:`` of print and summary against live lme4."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest

from pylmer import from_json, lmer, lmerControl, options, summary, to_json
from pylmer.errors import RWarning
from rcompare.engines.r import RSession

DATA = """
set.seed(1)
scales_d <- data.frame(y = rnorm(40) + rep(rnorm(8), each = 5), x = rnorm(40), big = rnorm(40) * 1e6, g = gl(8, 5))
scales_d$x2 <- 2 * scales_d$x
scales_text <- function(...) {
  m <- suppressWarnings(suppressMessages(lmer(..., data = scales_d)))
  list(capture.output(print(m)), capture.output(print(summary(m))))
}
"""


def block(lines: list[str]) -> list[str]:
    """The lines from the heading on; none where there is no heading."""
    return lines[lines.index("fit warnings:") :] if "fit warnings:" in lines else []


@pytest.mark.parametrize(
    ("formula", "check"),
    [
        ("y ~ x + big + (1 | g)", "warning"),
        ("y ~ x + big + x2 + (1 | g)", "warning"),
        ("y ~ x + (1 | g)", "warning"),
        ("y ~ x + big + (1 | g)", "ignore"),
    ],
)
def test_what_was_said_of_the_predictors_is_printed(R: RSession, formula: str, check: str) -> None:
    R(DATA)
    data = pd.DataFrame({name: R.num(f"as.numeric(scales_d${name})") for name in ("y", "x", "big", "x2", "g")})
    R(f'scales_out <- scales_text({formula}, control = lmerControl(check.scaleX = "{check}"))')
    with warnings.catch_warnings(), options(lme4="1.1-31"):
        warnings.simplefilter("ignore")
        m = lmer(formula, data, control=lmerControl(check_scaleX=check))
        assert block(str(m).splitlines()) == block(R.strings("scales_out[[1]]"))
        assert block(str(summary(m)).splitlines()) == block(R.strings("scales_out[[2]]"))
        again = from_json(to_json(m))
        assert str(again) == str(m)


def test_the_warning_comes_with_the_fit(R: RSession) -> None:
    R(DATA)
    data = pd.DataFrame({name: R.num(f"as.numeric(scales_d${name})") for name in ("y", "big", "g")})
    with pytest.warns(RWarning, match="very different scales: consider rescaling"):
        lmer("y ~ big + (1 | g)", data)
