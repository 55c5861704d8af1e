"""Numbers that a fit cannot use are refused with what is wrong, where, and what to do."""

from __future__ import annotations

import numpy as np
import pytest

from pylmer import datasets, lmer
from pylmer.errors import DataError

FORMULA = "Reaction ~ Days + (Days | Subject)"


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("Reaction", np.inf, r"NA/NaN/Inf in 'y': Reaction is inf in row 3"),
        ("Reaction", -np.inf, r"Reaction is -inf in row 3"),
        ("Days", np.inf, r"the fixed-effects model matrix has a missing or infinite value"),
    ],
)
def test_infinite_values(column: str, value: float, says: str) -> None:
    data = datasets.sleepstudy().astype({column: float})
    data.loc[3, column] = value
    with pytest.raises(DataError, match=says):
        lmer(FORMULA, data)


@pytest.mark.parametrize(
    ("weight", "says"),
    [
        (-1.0, r"all\(weights >= 0\) is not TRUE: row 3 has weight -1"),
        (0.0, r"row 3 has weight 0; leave such rows out"),
        (np.inf, r"the weights is inf in row 3"),
    ],
)
def test_weights(weight: float, says: str) -> None:
    data = datasets.sleepstudy()
    weights = np.ones(len(data))
    weights[2] = weight
    with pytest.raises(DataError, match=says):
        lmer(FORMULA, data, weights=weights)


def test_an_infinite_offset() -> None:
    data = datasets.sleepstudy()
    with pytest.raises(DataError, match=r"NA/NaN/Inf in the offset.*row 1;"):
        lmer(FORMULA, data, offset=np.where(np.arange(len(data)) == 0, np.inf, 0.0))


def test_lme4_refuses_a_negative_weight_in_these_words(R) -> None:
    said = R.text(
        "tryCatch(lmer(Reaction ~ Days + (1 | Subject), sleepstudy, weights = c(-1, rep(1, 179))),"
        " error = conditionMessage)"
    )
    assert "all(weights >= 0) is not TRUE" in " ".join(said)
