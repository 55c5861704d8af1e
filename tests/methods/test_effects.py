"""Conditional modes and variances, and coefficients by group, against live R at R's own theta."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from dense_twin import close
from lme4_fits import FITS, Fit, Pair, by_id, pair

from pylmer import coef, ranef
from rcompare.engines.r import RSession

SMALL = [fit for fit in FITS if fit.id not in ("raters", "answers")]


@pytest.fixture(params=SMALL, ids=lambda fit: fit.id)
def both(request: pytest.FixtureRequest, R: RSession) -> Pair:
    fit: Fit = request.param
    return pair(fit, R)


def test_conditional_modes(both: Pair) -> None:
    modes = ranef(both.there)
    assert list(modes) == both.strings("names(ranef({m}))")
    for group, frame in modes.items():
        there = f"ranef({{m}})[['{group}']]"
        assert frame.index.tolist() == both.strings(f"rownames({there})")
        assert frame.columns.tolist() == both.strings(f"colnames({there})")
        close(frame.to_numpy(), both.num(f"as.matrix({there})"), 1e-9)


def test_conditional_variances(both: Pair) -> None:
    modes = ranef(both.there)
    for group in modes:
        post = f"attr(ranef({{m}}, condVar = TRUE)[['{group}']], 'postVar')"
        ours = modes.postVar[group]
        if isinstance(ours, list):
            assert both.num(f"length({post})")[0] == len(ours)
            for i, block in enumerate(ours):
                same_blocks(block, both.num(f"{post}[[{i + 1}]]"))
        else:
            same_blocks(ours, both.num(post))


def same_blocks(ours: np.ndarray, theirs: np.ndarray) -> None:
    """``(J, k, k)`` here, k x k x J in R."""
    close(ours, np.moveaxis(theirs, -1, 0), 1e-9)


@pytest.mark.parametrize("condVar", [True, False])
def test_the_table_of_modes(both: Pair, condVar: bool) -> None:
    ours = ranef(both.there, condVar=condVar).as_data_frame()
    flag = "TRUE" if condVar else "FALSE"
    both.R(both.code(f"effects <- as.data.frame(ranef({{m}}, condVar = {flag}))"))
    names = both.strings("names(effects)")
    assert ours.columns.tolist() == names
    for name in ("grpvar", "term", "grp"):
        assert ours[name].astype(str).tolist() == both.strings(f"effects${name}")
    assert list(ours["term"].cat.categories) == both.strings("levels(effects$term)")
    same_order(ours, both.strings("levels(effects$grp)"))
    close(ours["condval"], both.num("effects$condval"), 1e-9)
    if condVar:
        close(ours["condsd"], both.num("effects$condsd"), 1e-9)


def same_order(ours: pd.DataFrame, theirs: list[str]) -> None:
    """Levels in the same order, but for modes that are equal except for rounding."""
    order = [str(c) for c in ours["grp"].cat.categories]
    assert sorted(order) == sorted(theirs)
    first = ours.drop_duplicates(["grpvar", "grp"])
    mode = dict(zip(first["grp"].astype(str), first["condval"], strict=True))
    close([mode[level] for level in order], [mode[level] for level in theirs], 1e-9)


def test_coefficients_by_group(both: Pair) -> None:
    ours = coef(both.there)
    assert list(ours) == both.strings("names(coef({m}))")
    for group, frame in ours.items():
        there = f"coef({{m}})[['{group}']]"
        assert frame.columns.tolist() == both.strings(f"colnames({there})")
        assert frame.index.tolist() == both.strings(f"rownames({there})")
        close(frame.to_numpy(), both.num(f"as.matrix({there})"), 1e-9)


@pytest.mark.parametrize("name", ["raters", "answers"])
def test_larger_crossed_models(R: RSession, name: str) -> None:
    both = pair(by_id(name), R)
    ours = ranef(both.there).as_data_frame()
    R(both.code("effects <- as.data.frame(ranef({m}))"))
    close(ours["condval"], R.num("effects$condval"), 1e-8)
    close(ours["condsd"], R.num("effects$condsd"), 1e-8)
    assert ours["grp"].astype(str).tolist() == R.strings("effects$grp")


def test_without_conditional_variances_there_are_none(R: RSession) -> None:
    modes = ranef(pair(by_id("slopes"), R).there, condVar=False)
    assert modes.postVar == {}
    assert "condsd" not in modes.as_data_frame()


def test_methods_and_functions_are_the_same(R: RSession) -> None:
    m = pair(by_id("slopes"), R).there
    close(m.ranef()["Subject"].to_numpy(), ranef(m)["Subject"].to_numpy(), 0, 0)
    close(m.coef()["Subject"].to_numpy(), coef(m)["Subject"].to_numpy(), 0, 0)
    assert len(m.ranef()) == 1
    assert "Subject" in m.ranef()


def test_standard_deviations_are_roots_of_the_variances(R: RSession) -> None:
    modes = ranef(pair(by_id("slopes"), R).there)
    V = modes.postVar["Subject"]
    assert not isinstance(V, list)
    close(modes.condsd("Subject") ** 2, np.stack([V[:, 0, 0], V[:, 1, 1]], axis=1), 1e-14)
