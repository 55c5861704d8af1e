"""R's functions in formulas beyond what the recorded matrices cover: errors, warnings, types, replay."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylmer.errors import FormulaError, RWarning
from pylmer.formula.evaluate import Environment, evaluate
from pylmer.formula.parse import parse
from pylmer.formula.splines import Knots, bs_basis, ns_basis
from pylmer.formula.table import as_table
from pylmer.formula.transforms import known_functions
from pylmer.formula.transforms_bases import orthogonal_polynomials
from pylmer.formula.values import Character, Matrix
from pylmer.rcompat.factors import Factor

DATA = {
    "x": np.array([3.0, 1.0, np.nan, 1.0]),
    "k": np.array([1, 2, 3, 4]),
    "l": np.array([True, False, True, False]),
    "s": ["b", "a", None, "b"],
    "f": pd.Categorical(["u", "v", "u", None], ["v", "u"]),
    "o": pd.Categorical(["m", "l", "h", "m"], ["l", "m", "h"], ordered=True),
}
FLOATS = st.lists(st.floats(-100, 100), min_size=8, max_size=30, unique=True)


def value(text, data=None, **env):
    return evaluate(parse(text), Environment(as_table(DATA if data is None else data), text, **env))


def test_the_list_of_the_language_is_complete():
    wanted = """log log2 log10 log1p exp expm1 sqrt abs sin cos tan round floor ceiling sign pmin pmax ifelse is.na
    as.numeric as.integer as.character as.factor factor ordered relevel interaction cut scale poly ns bs cbind offset I
    dummy rev cumsum rank ave C contr.treatment contr.sum contr.helmert contr.poly contr.SAS"""
    assert set(wanted.split()) <= set(known_functions())


def test_types_of_results():
    assert value("k + 1L").kind == "integer"
    assert value("k + 1").kind == "double"
    assert value("k / 1L").kind == "double"
    assert value("l + l").kind == "integer"
    assert value("l & k > 2").kind == "logical"
    assert isinstance(value("as.character(k)"), Character)
    assert isinstance(value("cbind(k, x)"), Matrix)
    assert isinstance(value("f:o"), Factor)
    assert value("NULL") is None


def test_missing_truth_values():
    assert value("c(NA, TRUE) & FALSE").values.tolist() == [0.0, 0.0]
    assert value("c(NA, TRUE) | TRUE").values.tolist() == [1.0, 1.0]
    assert np.isnan(value("NA & TRUE").values).all()
    assert np.isnan(value("!NA").values).all()


def test_integers_divided_by_zero_are_missing():
    assert np.isnan(value("5L %/% 0L").values).all()
    assert np.isnan(value("5L %% 0L").values).all()
    assert value("5 %/% 0").values.tolist() == [np.inf]
    assert value("5 %% Inf").values.tolist() == [5.0]
    assert value("-5 %% Inf").values.tolist() == [np.inf]


@given(st.floats(-1e6, 1e6), st.floats(-1e3, 1e3).filter(lambda y: abs(y) > 1e-3))
def test_quotient_and_remainder_make_up_the_dividend(a, b):
    whole, rest = (value(f"a {op} b", {"a": [a], "b": [b]}).values[0] for op in ("%/%", "%%"))
    assert np.isclose(whole * b + rest, a, rtol=1e-9, atol=1e-9)
    assert rest * b >= 0
    assert abs(rest) <= abs(b) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("log(s)", "non-numeric argument to mathematical function"),
        ("s + 1", "non-numeric argument to binary operator"),
        ("f + 1", r"'\+' not meaningful for factors"),
        ("f < 'u'", "'<' not meaningful for factors"),
        ("f == o", "level sets of factors are different"),
        ("cbind(x, k) == 1", "a matrix cannot be compared"),
        ("!s", "only for numeric or logical types"),
        ("poly(x, 2)", "missing values are not allowed in 'poly'"),
        ("poly(k, 4)", "'degree' must be less than number of unique points"),
        ("poly(k, 0)", "'degree' must be at least 1"),
        ("poly(s, 2)", "takes numeric vectors"),
        ("scale(f)", "'x' must be numeric"),
        ("scale(k, 1:2)", "length of 'center' must equal the number of columns"),
        ("cut(k, 1)", "invalid number of intervals"),
        ("cut(k, c(1, 1))", "'breaks' are not unique"),
        ("cut(k, 2, labels = c('a', 'b', 'c'))", "number of intervals and length of 'labels' differ"),
        ("cut(s, 2)", "'x' must be numeric"),
        ("cut(k)", 'argument "breaks" is missing'),
        ("relevel(o, 'm')", "only for \\(unordered\\) factors"),
        ("relevel(f, 'zz')", "'ref' must be an existing level"),
        ("relevel(f, 5)", "must be in 1L:2"),
        ("factor(k, labels = c('a', 'b'))", "invalid 'labels'; length 2 should be 1 or 4"),
        ("factor(k, levels = c(1, 1))", "factor level is duplicated"),
        ("C(x, contr.sum)", "object not interpretable as a factor"),
        ("C(o, nosuch)", "object 'nosuch' not found"),
        ("C(o, contr.sum, base = 2)", "unused argument"),
        ("dummy(o, 'zz')", "at least some of the levels"),
        ("cumsum(f)", "'cumsum' not defined"),
        ("rank(k, ties.method = 'random')", "is not known in formulas"),
        ("ave(s)", "takes a numeric vector"),
        ("ave(k, s, FUN = nosuch)", "FUN of ave\\(\\) must be one of"),
        ("ave(k, c(1, 2))", "4 values, but 2 groups"),
        ("log(k, base = 'e')", "needs a single number"),
        ("scale(k, foo = 1)", "unused argument \\(foo = ...\\): scale\\(\\) takes x, center, scale"),
        ("log(1, 2, 3)", "one too many"),
        ("log()", 'argument "x" is missing'),
        ("ns(s)", "takes a numeric vector"),
        ("bs(k, degree = 0)", "'degree' must be integer >= 1"),
        ("c()", "at least one argument"),
        ("cbind()", "at least one argument"),
        ("cbind(s)", "convert them to numbers"),
        ("interaction()", "No factors specified"),
        ("pmax()", "no arguments"),
        ("pmax(s, 1)", "takes numeric vectors"),
        ("seq(1, 5, by = -1)", "wrong sign in 'by'"),
        ("droplevels(k)", "takes a factor"),
        ("is.na(cbind(k, x))", "of a matrix"),
        ("ifelse(s, 1, 2)", "only for numeric or logical"),
        ("stats::nosuch(x)", 'could not find function "nosuch"'),
        ("f(x)(1)", "only functions called by name"),
        ("round(k, NA)", "needs a number"),
    ],
)
def test_refuses_and_points(text, sentence):
    with pytest.raises(FormulaError, match=sentence) as caught:
        value(text)
    assert "^" in str(caught.value).splitlines()[-1]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("log(-k)", "NaNs produced"),
        ("as.numeric(s)", "NAs introduced by coercion"),
        ("k + c(1, 2, 3)", "longer object length is not a multiple"),
        ("ns(k, df = 0)", "'df' was too small"),
        ("bs(k, Boundary.knots = c(2, 3))", "some 'x' values beyond boundary knots"),
    ],
)
def test_warns_as_R(text, sentence):
    with pytest.warns(RWarning, match=sentence):
        value(text)


def test_nearest_function_comes_first():
    with pytest.raises(FormulaError, match="the functions known in formulas are scale, "):
        value("Scale(x)")


def test_arguments_match_as_in_R():
    assert value("log(base = 2, k)").values.tolist() == value("log2(k)").values.tolist()
    assert np.array_equal(value("scale(k, sc = FALSE)").values, value("scale(k, TRUE, FALSE)").values)
    assert value("factor(lab = 'z', k)").levels == ("z1", "z2", "z3", "z4")


def test_contrast_functions_called_for_their_matrix():
    made = value("contr.treatment(3, base = 2)")
    assert made.names == ("1", "3")
    assert value("contr.treatment(3, 2)").values.tolist() == made.values.tolist()
    assert value("contr.poly(3, c(1, 2, 4))").names == (".L", ".Q")
    assert value("contr.sum(c('a', 'b'))").values.tolist() == [[1.0], [-1.0]]


@given(FLOATS, st.integers(1, 4))
def test_polynomials_are_orthonormal_and_replay_exactly(values, degree):
    x = np.array(values)
    if len(np.unique(np.round(x, 3))) <= degree + 1:
        return
    Z, basis = orthogonal_polynomials(x, degree)
    assert np.allclose(Z.T @ Z, np.eye(degree), atol=1e-9)
    assert np.allclose(Z.sum(axis=0), 0.0, atol=1e-9)
    assert np.allclose(basis.evaluate(x), Z, atol=1e-7)


@given(FLOATS)
def test_B_splines_sum_to_one_and_natural_splines_are_straight_outside(values):
    x = np.sort(np.array(values))
    knots = Knots((float(np.median(x)),), (float(x[0]) - 1.0, float(x[-1]) + 1.0))
    inside = np.linspace(*knots.boundary, 9)
    assert np.allclose(bs_basis(inside, knots, 3, intercept=True).sum(axis=1), 1.0, atol=1e-12)
    beyond = knots.boundary[1] + np.array([0.0, 1.0, 2.0])
    natural = ns_basis(beyond, knots, intercept=False)
    assert np.allclose(natural[2] - natural[1], natural[1] - natural[0], atol=1e-9)


@pytest.mark.parametrize(
    "text", ["scale(x)", "poly(k, 2)", "ns(k, 3)", "bs(k, 4)", "cut(k, 3)", "factor(k)", "dummy(k)"]
)
def test_what_was_learned_is_replayed(text):
    data = {"x": np.arange(10.0) ** 2, "k": np.arange(10)}
    memory = {}
    whole = value(text, data, memory=memory)
    part = value(text, {name: column[3:6] for name, column in data.items()}, memory=dict(memory), replay=True)
    assert memory
    if isinstance(whole, Factor):
        assert part.levels == whole.levels
        assert part.codes.tolist() == whole.codes[3:6].tolist()
    else:
        assert np.allclose(part.values, whole.values[3:6], rtol=1e-13, atol=1e-13)


def test_vectors():
    assert value("1:3").kind == "integer"
    assert value("3:1").values.tolist() == [3.0, 2.0, 1.0]
    assert value("c(f, o)").levels == ("v", "u", "l", "m", "h")
    assert value("c('a', 1)").labels().tolist() == ["a", "1"]
    assert isinstance(value("rev(s)"), Character)


def test_summaries_are_one_number():
    x = np.array([3.0, 1.0, 1.0])
    assert value("max(x, k, na.rm = TRUE)").values.tolist() == [4.0]
    assert value("max(k)").kind == "integer"
    assert value("sum(l)").kind == "integer"
    assert value("length(s)").values.tolist() == [4.0]
    assert value("sd(x, na.rm = TRUE)").values[0] == pytest.approx(x.std(ddof=1))
    assert np.isnan(value("mean(x)").values).all()
    assert value("median(k)").values.tolist() == [2.5]
    assert value("x - mean(x, na.rm = TRUE)").values[0] == pytest.approx(3.0 - x.mean())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mean(f)", r"mean\(\) needs numbers: its argument is a factor"),
        ("sum(x, s)", r"sum\(\) needs numbers: its argument is a character vector"),
        ("max()", r"max\(\) needs at least one argument"),
        ("quantile(x)", "missing values and NaN's not allowed"),
        ("quantile(k, 2)", r"'probs' outside \[0,1\]"),
        ("paste()", r"paste\(\) needs data"),
    ],
)
def test_summaries_of_what_is_no_number(text, message):
    with pytest.raises(FormulaError, match=message):
        value(text)


def test_missing_strings_are_pasted_as_NA():
    assert value("paste(s, k, sep = '-')").labels().tolist() == ["b-1", "a-2", "NA-3", "b-4"]


def test_infinite_cut_points_have_the_labels_of_R(R):
    expected = R.strings("c(levels(cut(1:2, c(-Inf, 1.5, Inf))), levels(cut(1, c(0, Inf), right = FALSE)))")
    found = value("cut(k, c(-Inf, 1.5, Inf))").levels + value("cut(k, c(0, Inf), right = FALSE)").levels
    assert list(found) == expected
