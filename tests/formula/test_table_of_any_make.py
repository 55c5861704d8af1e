"""Tables of every make give the same columns, typed as R would have them, without touching what is not named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from pylmer.errors import DataError, FormulaError
from pylmer.formula.lformula import lFormula
from pylmer.formula.table import as_table, nearest, value_of
from pylmer.formula.values import Character, Matrix, Vector
from pylmer.rcompat.factors import Factor

FORMULA = "y ~ x + f + s + l + (x | g)"
RNG = np.random.default_rng(5)
N = 60
PANDAS = pd.DataFrame(
    {
        "y": RNG.normal(size=N),
        "x": RNG.integers(0, 9, N),
        "f": pd.Categorical.from_codes(RNG.integers(0, 3, N), ["low", "mid", "high"]),
        "s": RNG.choice(["u", "v", "W"], N),
        "l": RNG.random(N) > 0.5,
        "g": np.repeat([10, 9, 33, 4, 5], 12),
        "unused": [object()] * N,
    }
)
PLAIN = PANDAS.drop(columns="unused")


def numpy_columns():
    out = {name: PLAIN[name].to_numpy() for name in ("y", "x", "l", "g")}
    return {**out, "f": PLAIN["f"].array, "s": PLAIN["s"].to_numpy(dtype=str)}


MAKES = {
    "pandas": lambda: PANDAS,
    "pandas, nullable": lambda: PLAIN.convert_dtypes(),
    "pandas, arrow": lambda: PLAIN.convert_dtypes(dtype_backend="pyarrow").assign(f=PLAIN["f"]),
    "pandas, objects": lambda: PLAIN.assign(s=PLAIN["s"].astype(object), l=PLAIN["l"].astype(object)),
    "polars": lambda: pl.from_pandas(PLAIN).with_columns(pl.col("f").cast(pl.Enum(["low", "mid", "high"]))),
    "pyarrow": lambda: pa.Table.from_pandas(PLAIN),
    "dict of arrays": numpy_columns,
    "dict of lists": lambda: {**numpy_columns(), "x": PLAIN["x"].tolist(), "s": PLAIN["s"].tolist()},
    "dict of series": lambda: {name: PLAIN[name] for name in PLAIN},
    "dict of polars": lambda: {**numpy_columns(), "x": pl.Series(PLAIN["x"].to_numpy())},
}


@pytest.mark.parametrize("make", MAKES)
def test_gives_the_same_design(make):
    expected, design = lFormula(FORMULA, PANDAS), lFormula(FORMULA, MAKES[make]())
    assert design.X_names == ("(Intercept)", "x", "fmid", "fhigh", "su", "sv", "lTRUE")
    assert np.array_equal(design.X, expected.X)
    assert np.array_equal(design.y, expected.y)
    (term,), (other,) = design.re.terms, expected.re.terms
    assert term.levels == ("4", "5", "9", "10", "33")
    assert np.array_equal(term.codes, other.codes)
    assert np.array_equal(term.columns, other.columns)


def test_missing_values_of_every_make():
    spelled = {"x": [1.5, None, 3.0], "s": ["a", None, "b"], "l": [True, None, False], "i": [1, None, 3]}
    for table in (pl.DataFrame(spelled), pa.table(spelled), spelled, pd.DataFrame(spelled).convert_dtypes()):
        seen = as_table(table)
        assert np.isnan(seen.column("x").values).tolist() == [False, True, False]
        assert seen.column("s").labels().tolist() == ["a", None, "b"]
        assert seen.column("l").kind == "logical"
        assert np.isnan(seen.column("l").values[1])
        assert seen.column("i").kind in ("integer", "double")


def test_types():
    assert isinstance(value_of(np.array(["a"])), Character)
    assert value_of(np.array([1, 2])).kind == "integer"
    assert value_of(np.array([1.0])).kind == "double"
    assert isinstance(value_of(np.ones((2, 3))), Matrix)
    assert isinstance(value_of(pd.Categorical(["a"])), Factor)
    assert value_of(pd.Categorical([3, 1], ordered=True)).levels == ("1", "3")
    assert isinstance(value_of(np.array([1, None], dtype=object)), Vector)


def test_a_copied_response_is_safe_from_later_changes():
    data = PLAIN.copy()
    design = lFormula(FORMULA, data)
    before = design.y.copy()
    data.loc[:, "y"] = 0.0
    assert np.array_equal(design.y, before)


def test_row_labels():
    assert lFormula("y ~ x + (1 | g)", PLAIN.set_index(np.arange(100, 100 + N))).row_names[0] == 100
    assert lFormula("y ~ x + (1 | g)", pl.from_pandas(PLAIN)).row_names[:2].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("no table", "cannot open file 'no table'"),
        (3.5, "'data' is a float"),
        ({"y": [1.0], "x": [1.0, 2.0]}, "arguments imply differing number of rows"),
        (pd.DataFrame([[1.0, 2.0, 3]], columns=["y", "x", "x"]), "more than one column named 'x'"),
        ({"y": [1.0], "x": np.array(["2020-01-01"], dtype="datetime64[D]"), "g": ["a"]}, "invalid type"),
        ({"y": [1.0], "x": np.ones((1, 2, 2)), "g": ["a"]}, "3 dimensions"),
    ],
)
def test_refuses(data, sentence):
    with pytest.raises(DataError, match=sentence):
        lFormula("y ~ x + (1 | g)", data)


@pytest.mark.parametrize("make", ["pandas", "polars", "pyarrow", "dict of arrays"])
def test_an_unknown_column_of_every_make(make):
    with pytest.raises(FormulaError, match="object 'X' not found: it is no column of the data; did you mean 'x'"):
        lFormula("y ~ X + (1 | g)", MAKES[make]())


def test_the_shortcut_to_a_column_gives_what_pandas_gives():
    for name in PLAIN:
        quick, plain = as_table(PLAIN).column(name), value_of(PLAIN[name].array)
        assert type(quick) is type(plain)
        for field in ("values", "codes", "levels", "kind"):
            assert np.array_equal(getattr(quick, field, ()), getattr(plain, field, ()))


def test_sparse_columns():
    data = PLAIN.assign(x=pd.arrays.SparseArray(PLAIN["x"].to_numpy(dtype=float)))
    assert np.array_equal(lFormula(FORMULA, data).X, lFormula(FORMULA, PLAIN).X)


def test_no_data_at_all():
    with pytest.raises(FormulaError, match="object 'y' not found: it is no column of the data; no data were given"):
        lFormula("y ~ x + (1 | g)")


def test_nearest_names():
    assert nearest("Days", ("days", "Day", "Subject")) == ["days", "Day"]
    assert nearest("qqq", ("days", "Day")) == []
