"""Random-effects terms: their order, their grouping factors, their structures."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylmer.errors import FormulaError
from pylmer.formula.lformula import lFormula
from pylmer.formula.random_effects import reorder

RNG = np.random.default_rng(8)
DATA = pd.DataFrame(
    {
        "y": RNG.normal(size=90),
        "x": RNG.normal(size=90),
        "f": np.tile(["a", "b", "c"], 30),
        "g": np.repeat(np.arange(10), 9),
        "h": np.tile(np.arange(6), 15),
    }
)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_order_of_terms(sizes):
    order = reorder(sizes)
    assert sorted(order) == list(range(len(sizes)))
    ordered = [sizes[i] for i in order]
    assert ordered == sorted(sizes, reverse=True)
    written_so = ordered == sizes
    for i, j in pairwise(order):
        if sizes[i] == sizes[j]:
            assert (i < j) == written_so  # ties turn round where anything moves


def test_structures_travel_with_their_terms():
    design = lFormula("y ~ x + cs(0 + f | g, hom = TRUE) + diag(x | h) + (1 | f:g)", DATA)
    found = [(t.label, t.structure, t.hom) for t in design.re.terms]
    assert found == [("1 | f:g", "us", False), ("0 + f | g", "cs", True), ("x | h", "diag", False)]
    assert design.X_names == ("(Intercept)", "x")
    assert design.call.formula == "y ~ x + cs(0 + f | g, hom = TRUE) + diag(x | h) + (1 | f:g)"


def test_an_expression_may_be_a_grouping_factor():
    design = lFormula("y ~ x + (1 | factor(h)) + (1 | cut(x, 3):f)", DATA)
    assert design.re.groups == ("cut(x, 3):f", "factor(h)")


def test_the_group_is_a_factor_on_the_left_too():
    design = lFormula("y ~ h + (h | h)", DATA)
    assert design.X_names == ("(Intercept)", "h")
    assert design.re.terms[0].names == ("(Intercept)", "h1", "h2", "h3", "h4", "h5")


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        ("y ~ x + (1 | g + h)", r"Invalid grouping factor specification, g \+ h"),
        ("y ~ x + (0 | g)", "has no random effects"),
        ("y ~ x + (1 | G)", "did you mean 'g'"),
        ("~ x + (1 | g)", "no response"),
        ("y ~ x", "No random effects terms specified in formula"),
        ("y ~ x + (nosuch(x) | g)", 'could not find function "nosuch"'),
    ],
)
def test_refuses(formula, sentence):
    with pytest.raises(FormulaError, match=sentence):
        lFormula(formula, DATA)


def test_the_caret_points_into_the_formula_as_written():
    with pytest.raises(FormulaError) as caught:
        lFormula("y~x+( poly(xx,2)||g )", DATA)
    *_, line, caret = str(caught.value).splitlines()
    assert line[caret.index("^") :].startswith("xx,2")
