"""The columns of new data: those of the fit for its own rows, errors for what the fit did not see."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest

from pylmer.errors import DataError, FormulaError, RMessage
from pylmer.formula.lformula import lFormula
from pylmer.formula.newdata import fixed_matrix, matching_terms, new_offset, new_row_names, random_terms
from pylmer.formula.schema_json import schema_from_json, schema_to_json

RNG = np.random.default_rng(6)
N = 120
DATA = pd.DataFrame(
    {
        "y": RNG.normal(size=N),
        "x": RNG.normal(size=N),
        "z": RNG.uniform(1, 2, N),
        "f": RNG.choice(["a", "b", "c"], N),
        "o": pd.Categorical.from_codes(RNG.integers(0, 3, N), ["l", "m", "h"], ordered=True),
        "l": RNG.random(N) > 0.5,
        "g": np.repeat(np.arange(12), 10),
        "h": np.tile(np.arange(6), 20),
    }
)
FORMULAS = [
    "y ~ x + (x | g)",
    "y ~ poly(x, 3) * f + (poly(x, 2) | g) + (1 | h)",
    "y ~ scale(x) + ns(z, 3) + bs(x, 4) + (scale(z) | g)",
    "y ~ factor(h) + o + l + cut(x, 4) + (0 + f | g) + (1 | f:h)",
    "y ~ C(o, contr.sum) + interaction(f, l) + offset(z) + (1 | g) + offset(log(z))",
    "log(z) ~ 0 + f:x + I(2 * x) + (l || g) + (1 | h/f)",
    "y ~ x + I(3 * x) + z + (h | h)",
    "y ~ dummy(f, 'b') + relevel(factor(f), ref = 'c') + (dummy(f) | g)",
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_fit_s_own_rows_give_the_fit_s_own_columns(formula):
    design = fitted(formula)
    rows = DATA.drop(columns="y").iloc[::-1].iloc[3:70]
    places = rows.index.to_numpy()
    assert np.allclose(fixed_matrix(design.schema, rows), design.X[places], rtol=1e-12, atol=1e-13)
    for term, new in zip(design.re.terms, random_terms(design.schema, rows), strict=True):
        assert np.array_equal(new.codes, term.codes[places])
        assert np.allclose(new.columns, term.columns[places], rtol=1e-12, atol=1e-13)
        assert new.new_levels == ()
    offset = new_offset(design.schema, rows)
    assert (offset is None) == (design.offset is None)
    if offset is not None:
        assert np.array_equal(offset, design.offset[places])


def fitted(formula):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RMessage)  # some of them have dependent columns, on purpose
        return lFormula(formula, DATA)


@pytest.mark.parametrize("formula", [*FORMULAS, "y ~ . - h + (1 | h)"])
def test_a_schema_goes_through_json(formula):
    schema = fitted(formula).schema
    text = json.dumps(schema_to_json(schema))
    back = schema_from_json(json.loads(text))
    assert json.dumps(schema_to_json(back)) == text
    assert np.array_equal(fixed_matrix(back, DATA), fixed_matrix(schema, DATA))
    for new, old in zip(random_terms(back, DATA), random_terms(schema, DATA), strict=True):
        assert np.array_equal(new.codes, old.codes)
        assert np.array_equal(new.columns, old.columns)


def test_what_is_no_schema_is_refused():
    with pytest.raises(DataError, match="no schema of a fit"):
        schema_from_json({"formula": "y ~ x + (1 | g)"})


def test_an_offset_argument_is_no_part_of_new_data():
    design = lFormula("y ~ x + (1 | g)", DATA, offset="z")
    assert np.array_equal(design.offset, DATA["z"])
    assert new_offset(design.schema, DATA) is None


def test_missing_values_stay_missing():
    design = lFormula("y ~ x + f + (x | g)", DATA)
    new = DATA.iloc[:4].astype({"g": float})
    new.loc[0, "x"] = np.nan
    new.loc[1, "f"] = None
    new.loc[2, "g"] = np.nan
    X = fixed_matrix(design.schema, new)
    assert np.isnan(X).any(axis=1).tolist() == [True, True, False, False]
    (term,) = random_terms(design.schema, new, allow_new_levels=True)
    assert term.codes.tolist() == [0, 0, -1, 0]
    with pytest.raises(DataError, match="NAs are not allowed in prediction data for grouping variables"):
        random_terms(design.schema, new)


def test_unseen_levels_of_a_group():
    design = lFormula("y ~ x + (x | g) + (1 | h:f)", DATA)
    new = DATA.iloc[:3].assign(g=[99, 0, 98])
    with pytest.raises(DataError, match=r"^new levels detected in newdata: 98, 99 "):
        random_terms(design.schema, new)
    terms = random_terms(design.schema, new, allow_new_levels=True)
    assert {design.re.terms[t.index].group: t.new_levels for t in terms} == {"g": ("98", "99"), "h:f": ()}
    only = [i for i, t in enumerate(design.re.terms) if t.group != "g"]
    assert [t.index for t in random_terms(design.schema, new.drop(columns="g"), which=only)] == only


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"f": ["a", "zz", "b"]}, "factor f has new level zz"),
        ({"f": ["yy", "zz", "b"]}, "factor f has new levels yy, zz"),
        ({"f": [1.0, 2.0, 3.0]}, 'variable \'f\' was fitted with type "character" but type "numeric"'),
        ({"x": ["1", "2", "3"]}, 'variable \'x\' was fitted with type "numeric" but type "character"'),
        ({"x": [True, False, True]}, 'variable \'x\' was fitted with type "numeric" but type "logical"'),
    ],
)
def test_changed_variables_are_refused(change, sentence):
    design = lFormula("y ~ x + f + (1 | g)", DATA)
    with pytest.raises(DataError, match=sentence):
        fixed_matrix(design.schema, DATA.iloc[:3].assign(**change))


def test_a_column_that_is_gone_is_named_with_a_caret():
    design = lFormula("y ~ x + f + (1 | g)", DATA)
    with pytest.raises(FormulaError, match=r"object 'f' not found(.|\n)*\^"):
        fixed_matrix(design.schema, DATA[["x", "g"]])


def test_integers_may_stand_for_strings_and_factors():
    design = lFormula("y ~ x + (1 | h)", DATA.assign(h=DATA["h"].astype(str)))
    (term,) = random_terms(design.schema, DATA.iloc[:6])
    assert term.codes.tolist() == [0, 1, 2, 3, 4, 5]


def test_terms_picked_by_a_formula():
    schema = lFormula("y ~ x + (1 | g) + (0 + x | g) + (f | h)", DATA).schema
    groups = [bar.label for bar in schema.bars]
    assert groups == ["g", "g", "h"]

    def picked(text):
        return [(i, places.tolist()) for i, places in matching_terms(schema, text)]

    assert picked("~ (1 | g)") == [(0, [0])]
    assert picked("~ (x | g)") == [(0, [0]), (1, [0])]
    assert picked("~ (0 + x | g) + (1 | h)") == [(1, [0]), (2, [0])]
    with pytest.raises(FormulaError, match=r"grouping factors specified in re.form .* not present in original model"):
        picked("~ (1 | f)")
    with pytest.raises(FormulaError, match=r"random effects specified in re.form .* not present in original model"):
        picked("~ (z | g)")
    with pytest.raises(FormulaError, match=r"random effects specified in re.form .* not present in original model"):
        picked("~ (x | h)")


def test_row_labels_of_new_data():
    assert list(new_row_names(DATA.iloc[[5, 3]])) == [5, 3]
    assert list(new_row_names({"x": [1.0, 2.0]})) == [1, 2]
