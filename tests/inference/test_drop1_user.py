"""drop1 with a test of one's own."""

from __future__ import annotations

import math

import pytest

from pylmer import BIC, REMLcrit, datasets, drop1, isREML, lmer
from pylmer.errors import ModelError
from pylmer.model import MerMod


def own(full: MerMod, smaller: MerMod | None = None) -> dict[str, float]:
    return {"BIC": math.nan if smaller is None else BIC(smaller)}


def test_each_term_is_asked_for_with_the_fit_as_it_is() -> None:
    m = lmer("angle ~ recipe + temp + (1 | recipe:replicate)", datasets.cake())
    table = drop1(m, test="user", sumFun=own)
    alone = lmer("angle ~ temp + (1 | recipe:replicate)", datasets.cake())
    assert list(table.index) == ["<none>", "recipe", "temp"]
    assert list(table.columns) == ["BIC"]
    values = table["BIC"].tolist()
    assert math.isnan(values[0])
    assert values[1] == pytest.approx(BIC(alone), rel=1e-9)
    assert m.drop1(test="user", sumFun=own)["BIC"].tolist()[1:] == values[1:]


def test_the_criterion_stays_what_it_was() -> None:
    seen: list[tuple[bool, float]] = []

    def watch(full: MerMod, smaller: MerMod | None = None) -> dict[str, float]:
        if smaller is not None:
            seen.append((isREML(smaller), REMLcrit(smaller)))
        return {"x": 0.0}

    m = lmer("Reaction ~ Days + (1 | Subject)", datasets.sleepstudy())
    drop1(m, test="user", sumFun=watch)
    without = lmer("Reaction ~ 1 + (1 | Subject)", datasets.sleepstudy())
    assert [reml for reml, _ in seen] == [True]
    assert seen[0][1] == pytest.approx(REMLcrit(without), abs=1e-6)


@pytest.mark.parametrize("arguments", [{"test": "user"}, {"test": "Chisq", "sumFun": own}])
def test_the_function_and_the_test_come_together(arguments: dict[str, object]) -> None:
    m = lmer("Reaction ~ Days + (1 | Subject)", datasets.sleepstudy())
    with pytest.raises(ModelError, match="'sumFun' must be specified"):
        drop1(m, **arguments)  # type: ignore[arg-type]
