"""Rows read in batches: the fit is that of the same rows in a data frame, whatever the batches are."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer import NA, anova, fitted, lFormula, lmer, mkLmerDevfun, predict, ranef, refit, residuals, summary
from pylmer.dotted import LmerMod
from pylmer.errors import DataError, FormulaError, ModelError, RMessage

SOURCE = importlib.import_module("pylmer.formula.batches.source")
ROWS = importlib.import_module("pylmer.formula.batches.rows")


def rows(n: int = 900, seed: int = 1) -> pd.DataFrame:
    """Numbers, strings, a categorical, truth values, missing values; group 'zz' and f 'd' come late."""
    rng = np.random.default_rng(seed)
    g = rng.integers(0, 30, n)
    table = pd.DataFrame(
        {
            "x1": rng.normal(size=n),
            "x2": rng.normal(50.0, 2.0, size=n).astype(np.float32),
            "count": rng.integers(1, 9, n),
            "f": rng.choice(["b", "c", "a"], n).astype(object),
            "k": pd.Categorical(rng.choice(["lo", "hi", "mid"], n), categories=["lo", "mid", "hi", "never"]),
            "b": rng.random(n) < 0.5,
            "g": g * 1000,
            "h": rng.choice(["u", "v", "w", "zz"], n),
            "w": rng.uniform(0.5, 2.0, n),
            "o": rng.normal(size=n),
        }
    )
    table.loc[: n // 2, "h"] = np.where(table.loc[: n // 2, "h"] == "zz", "u", table.loc[: n // 2, "h"])
    table.loc[n - 40 :, "f"] = "d"
    effects = rng.normal(size=(30, 2))
    level = np.select([table.h == "v", table.h == "w"], [1.0, -2.0], 0.5)
    table["y"] = 20.0 + table.x1 * (1.0 + effects[g, 1]) + effects[g, 0] + level + rng.normal(size=n)
    table.loc[rng.integers(0, n, 30), "x1"] = np.nan
    table.loc[rng.integers(0, n, 30), "f"] = None
    return table


TABLE = rows()


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SOURCE, "BLOCK", 250)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("rows") / "rows.parquet"
    TABLE.to_parquet(file, row_group_size=170)
    return file


def fits(formula: str, batches: Any, table: pd.DataFrame = TABLE, **more: Any) -> tuple[LmerMod, LmerMod]:
    """The model of the data frame and of the batches; both say the same."""
    said = []
    models = []
    for data in (table, batches):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            models.append(lmer(formula, data=data, **more))
        said.append([(w.category, str(w.message)) for w in caught])
    assert said[0] == said[1]
    return models[0], models[1]


def assert_same(whole: LmerMod, parts: LmerMod, rtol: float = 1e-10) -> None:
    assert parts.n == whole.n
    assert parts.design.X_names == whole.design.X_names
    assert parts.design.dropped == whole.design.dropped
    assert [t.levels for t in parts.design.re.terms] == [t.levels for t in whole.design.re.terms]
    assert [t.names for t in parts.design.re.terms] == [t.names for t in whole.design.re.terms]
    assert parts.value == pytest.approx(whole.value, rel=rtol)
    for ours, theirs in (
        (parts.theta, whole.theta),
        (parts.beta, whole.beta),
        (parts.vcov_beta, whole.vcov_beta),
        (np.array([parts.residual_sd]), np.array([whole.residual_sd])),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10 * np.abs(theirs).max(initial=0.0))


def text(model: LmerMod) -> list[str]:
    return [line for line in str(summary(model)).splitlines() if not line.startswith("   Data:")]


MODELS: list[tuple[str, dict[str, Any]]] = [
    ("y ~ x1 + x2 + (1 | g)", {}),
    ("y ~ x1 * f + (x1 | g)", {"weights": "w"}),
    ("y ~ x1 + k + b + (1 | g) + (1 | h)", {"REML": False}),
    ("y ~ x1 + factor(count) + scale(x2) + (1 | g:h)", {"subset": "x2 > 49"}),
    ("y ~ x1 + (1 | g/h) + (0 + x1 || k)", {"offset": "o"}),
    ("y ~ x1 + f + (0 + h | g)", {"subset": "f != 'a'"}),
    ("log(y) ~ I(x1^2) + cut(x2, c(0, 49, 51, 99)) + (1 | factor(g)) + offset(o / 1000)", {}),
    ("y ~ 0 + k + x1:b + (1 | g)", {"weights": "1 / count"}),
    ("y ~ 1 + (1 | b:k) + (1 | as.character(count))", {}),
    ("y ~ x1 + C(k, sum) + relevel(k, 'hi') + (1 | g)", {}),
    ("y ~ x1 + I(2 * x1) + x2 + I(x1 + x2) + (1 | g)", {}),
    ("y ~ x1 + I(1e5 * (x2 - 50)) + (1 | g)", {}),
    ("y ~ x1 + diag(x1 | g) + (1 | h)", {}),
    ("y ~ x1 + f + (1 | g)", {"contrasts": {"f": "contr.sum"}}),
    ("x1 ~ 1 + (1 | g) + (0 + x2 | g) + (1 | h)", {}),
]


@pytest.mark.parametrize(("formula", "more"), MODELS, ids=[m[0] for m in MODELS])
def test_the_fit_is_that_of_a_data_frame(formula: str, more: dict[str, Any], path: Path) -> None:
    whole, parts = fits(formula, path, **more)
    assert_same(whole, parts)
    assert text(parts) == text(whole)
    np.testing.assert_allclose(residuals(parts), residuals(whole), rtol=1e-8, atol=1e-9)
    assert residuals(parts).index.tolist() == [i + 1 for i in residuals(whole).index]


def sources(path: Path) -> dict[str, Any]:
    table = pa.Table.from_pandas(TABLE, preserve_index=False)
    frames = [TABLE.iloc[i : i + 233] for i in range(0, len(TABLE), 233)]
    folder = path.parent / "folder"
    folder.mkdir(exist_ok=True)
    for i, frame in enumerate(frames):
        frame.to_parquet(folder / f"part{i}.parquet")
    pa.feather.write_feather(table, path.parent / "rows.feather")
    return {
        "text path": str(path),
        "folder": folder,
        "list of paths": sorted(folder.iterdir()),
        "feather": path.parent / "rows.feather",
        "dataset": ds.dataset(folder),
        "dataset of a table": ds.dataset(table),
        "record batches": table.to_batches(max_chunksize=123),
        "data frames": frames,
        "callable": lambda: (frame for frame in frames),
        "callable of a reader": lambda: pa.RecordBatchReader.from_batches(table.schema, table.to_batches()),
        "reader": pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=700)),
        "generator": (frame for frame in frames),
        "generator of dicts": ({c: f[c].to_numpy() for c in ("y", "x1", "f", "g", "h", "k")} for f in frames),
    }


KINDS = [
    "text path",
    "folder",
    "list of paths",
    "feather",
    "dataset",
    "dataset of a table",
    "record batches",
    "data frames",
    "callable",
    "callable of a reader",
    "reader",
    "generator",
    "generator of dicts",
]


@pytest.mark.parametrize("kind", KINDS)
def test_batches_of_every_kind_give_the_same_bits(kind: str, path: Path) -> None:
    formula = "y ~ x1 + f + (x1 | g) + (1 | h)"
    first, model = lmer(formula, data=path), lmer(formula, data=sources(path)[kind])
    assert_same(first, model)
    assert model.value == first.value
    assert model.beta.tolist() == first.beta.tolist()
    assert fitted(model).tolist() == fitted(first).tolist()


def test_text_files(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    TABLE.drop(columns="k").to_csv(file, index=False)
    assert_same(*fits("y ~ x1 + f + b + (1 | g) + (1 | h)", file, pd.read_csv(file)))


@given(data=st.data())
@settings(max_examples=8, deadline=None)
def test_splitting_does_not_matter(data: st.DataObject) -> None:
    table = rows(300, seed=3)
    cuts = sorted(data.draw(st.lists(st.integers(0, 300), max_size=5)))
    frames = [table.iloc[a:b] for a, b in zip([0, *cuts], [*cuts, 300], strict=True)]
    size = data.draw(st.sampled_from([23, 64, 299, 1000]))
    formula = "y ~ x1 * f + (x1 | g) + (1 | h)"
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setattr(SOURCE, "BLOCK", size)
        assert_same(lmer(formula, data=table), lmer(formula, data=frames))


def test_batches_without_rows_or_without_values() -> None:
    frames = [TABLE.iloc[:0], TABLE.iloc[:300], TABLE.iloc[300:500].assign(f=None, x1=np.nan), TABLE.iloc[500:500]]
    frames += [TABLE.iloc[500:]]
    table = pd.concat([f.astype({"f": object}) for f in frames])
    assert_same(*fits("y ~ x1 + f + (1 | g)", frames, table))


def test_levels_that_only_dropped_rows_have() -> None:
    table = TABLE.copy()
    table.loc[table.f == "b", "x1"] = np.nan
    table.loc[table.g == 3000, "x1"] = np.nan
    frames = [table.iloc[:500], table.iloc[500:]]
    whole, parts = fits("y ~ x1 + f + (1 | g) + (1 | h)", frames, table)
    assert_same(whole, parts)
    assert parts.design.X_names == ("(Intercept)", "x1", "fc", "fd")
    designs = [lFormula("y ~ x1 + (0 + f | h:f) + (1 | g)", data) for data in (table, frames)]
    for ours, theirs in zip(designs[1].re.terms, designs[0].re.terms, strict=True):
        assert (ours.levels, ours.names) == (theirs.levels, theirs.names)
        np.testing.assert_array_equal(ours.codes, theirs.codes)
        np.testing.assert_array_equal(ours.columns, theirs.columns)
    whole_, parts_ = (mkLmerDevfun(design) for design in designs)
    assert parts_(whole_.start) == pytest.approx(whole_(whole_.start), rel=1e-10)
    with pytest.warns(UserWarning, match="contrasts dropped from factor"):
        lmer("y ~ x1 + C(factor(f), contr.sum) + (1 | g)", data=[table])


def test_dictionaries_that_grow() -> None:
    frames = [
        TABLE.iloc[:400].assign(k=pd.Categorical(["mid", "hi"] * 200, categories=["mid", "hi"])),
        TABLE.iloc[400:900].assign(k=pd.Categorical(["lo", "hi"] * 250, categories=["lo", "hi"])),
    ]
    both = pa.concat_tables([pa.Table.from_pandas(f, preserve_index=False) for f in frames])
    assert_same(*fits("y ~ x1 + k + as.numeric(k) + (1 | g)", frames, both))  # type: ignore[arg-type]


def test_a_response_far_from_zero_keeps_its_digits() -> None:
    table = TABLE.sort_values(["f", "g"]).assign(y=lambda t: t.y + 1e7 * (t.f == "a") + 1e8, x2=lambda t: t.x2 + 1e3)
    assert_same(*fits("y ~ 0 + f + x2 + (1 | g)", [table.iloc[:100], table.iloc[100:]], table), rtol=1e-9)


def test_any_number_of_threads_gives_the_same_bits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    formula = "y ~ x1 * f + (x1 | g) + (1 | h)"
    model = lmer(formula, data=path)
    threads = pa.cpu_count()
    try:
        pa.set_cpu_count(1)
        monkeypatch.setattr(SOURCE, "ahead", lambda items: items)
        alone = lmer(formula, data=path)
    finally:
        pa.set_cpu_count(threads)
    assert alone.value == model.value
    assert alone.theta.tolist() == model.theta.tolist()


def test_only_the_columns_needed_are_read(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = lmer("y ~ log(x2) + (1 | g)", data=path, weights="w", subset="count > 2")
    assert model.design.batches is not None
    assert set(model.design.batches.recipe.columns) == {"y", "x2", "g", "w", "count"}


def test_questions_about_rows_read_them_again(path: Path) -> None:
    whole, parts = fits("y ~ x1 + x2 + (x1 | g)", path, weights="w")
    np.testing.assert_allclose(fitted(parts), fitted(whole), rtol=1e-9)
    np.testing.assert_allclose(predict(parts, re_form=NA), predict(whole, re_form=NA), rtol=1e-9)
    np.testing.assert_allclose(predict(parts, TABLE.iloc[:50]), predict(whole, TABLE.iloc[:50]), rtol=1e-9)
    np.testing.assert_allclose(parts.hatvalues(), whole.hatvalues(), rtol=1e-8)
    np.testing.assert_allclose(parts.getME("X"), whole.getME("X"))
    np.testing.assert_allclose(parts.weights(), whole.weights())
    np.testing.assert_allclose(ranef(parts)["g"], ranef(whole)["g"], rtol=1e-8, atol=1e-9)
    assert parts.devcomp["wrss"] == pytest.approx(whole.devcomp["wrss"], rel=1e-9)
    y = whole.simulate(1, seed=9).iloc[:, 0].to_numpy()
    np.testing.assert_allclose(refit(parts, y).beta, refit(whole, y).beta, rtol=1e-8)
    np.testing.assert_allclose(parts.simulate(1, seed=3), whole.simulate(1, seed=3), rtol=1e-8)
    smaller = [m.update(". ~ . - x2") for m in (parts, whole)]
    tables = [
        anova(m, less, refit=False).to_numpy(dtype=float) for m, less in zip((parts, whole), smaller, strict=True)
    ]
    np.testing.assert_allclose(tables[0], tables[1], rtol=1e-8)


def test_rows_that_do_not_fit_are_refused_with_an_estimate(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = lmer("y ~ x1 + (1 | g)", data=path)
    monkeypatch.setattr(ROWS, "MOST_BYTES", 20_000)
    assert text(model) == text(lmer("y ~ x1 + (1 | g)", data=TABLE))  # quantiles need no row to stay
    with pytest.raises(ModelError, match=r"rows of this fit take 0\.0 GB"):
        model.getME("X")
    monkeypatch.setattr(ROWS, "MOST_BYTES", 10)
    with pytest.raises(ModelError, match=r"takes 0\.0 GB"):
        fitted(model)


def test_a_file_that_changes_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    TABLE.to_parquet(file)
    model = lmer("y ~ x1 + (1 | g)", data=file)
    TABLE.iloc[::-1].to_parquet(file)
    with pytest.raises(DataError, match="the file is not what it was"):
        residuals(model)


def test_a_file_that_changes_between_the_passes_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "rows.parquet"
    TABLE.to_parquet(file)
    totals = importlib.import_module("pylmer.formula.batches.design")
    plain = totals.survey

    def meanwhile(*args: Any) -> Any:
        found = plain(*args)
        TABLE.iloc[::-1].to_parquet(file)
        return found

    monkeypatch.setattr(totals, "survey", meanwhile)
    with pytest.raises(DataError, match="changed while it was read"):
        lmer("y ~ x1 + (1 | g)", data=file)


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        (TABLE.iloc[:500], "900 rows before, 500 now"),
        (TABLE.assign(g=7), "new level, 7"),
        (TABLE.assign(h="other"), "new level, 'other'"),
    ],
)
def test_an_iterable_that_changes_is_noticed(second: pd.DataFrame, sentence: str) -> None:
    calls = iter([TABLE, TABLE, TABLE, second, second])
    with pytest.raises(DataError, match=sentence):
        lmer("y ~ x1 + (1 | g) + (1 | h)", data=lambda: [next(calls)])


REFUSED: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    ("y ~ poly(x1, 2) + (1 | g)", {}, FormulaError, r"poly\(x1, 2\) looks at all rows at once"),
    ("y ~ ns(x1, 3) + (1 | g)", {}, FormulaError, "Boundary.knots"),
    ("y ~ cut(x2, 3) + (1 | g)", {}, FormulaError, "the cut points themselves"),
    ("y ~ ave(x1, g) + (1 | g)", {}, FormulaError, "group means as a column"),
    ("y ~ scale(factor(count)) + (1 | g)", {}, FormulaError, "learns from the rows what factor"),
    ("y ~ interaction(f, h) + (1 | g)", {}, FormulaError, r"write factor\(f\) there"),
    ("y ~ x9 + (1 | g)", {}, FormulaError, "object 'x9' not found"),
    ("y ~ x1", {}, FormulaError, "No random effects terms"),
    ("f ~ x1 + (1 | g)", {}, DataError, "response must be numeric"),
    ("y ~ x1 + (1 | g)", {"weights": np.ones(900)}, DataError, "'weights' of data in batches is the name"),
    ("y ~ x1 + (1 | g)", {"subset": "x1"}, DataError, "'subset' must be logical"),
    ("y ~ x1 + (1 | g)", {"subset": "x2 > 1000"}, DataError, r"0 \(non-NA\) cases"),
    ("y ~ x1 + (1 | g)", {"na_action": "na.exclude"}, DataError, "na.omit"),
    ("y ~ x1 + (1 | g)", {"na_action": "na.fail"}, DataError, "missing values in object"),
    ("y ~ log(x1 - x1) + (1 | g)", {}, DataError, "infinite value"),
    ("1 / (x1 - x1) ~ x1 + (1 | g)", {"subset": "!is.na(x1)"}, DataError, "NaN|Inf"),
    ("y ~ x1 + (1 | g)", {"weights": "count - 1"}, DataError, "prior weights must be positive"),
    ("y ~ x1 + (1 | g)", {"subset": "g == 1000"}, ModelError, "must have > 1 sampled level"),
]


@pytest.mark.parametrize(("formula", "more", "error", "sentence"), REFUSED)
@pytest.mark.filterwarnings("ignore:NaNs produced")
def test_refuses(formula: str, more: dict[str, Any], error: type[Exception], sentence: str, path: Path) -> None:
    with pytest.raises(error, match=sentence):
        lmer(formula, data=path, **more)


def test_refuses_what_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot open file 'nowhere\.parquet': No such file"):
        lmer("y ~ 1 + (1 | g)", data="nowhere.parquet")
    odd = tmp_path / "rows.xyz"
    odd.write_text("y g")
    with pytest.raises(DataError, match="known by its ending"):
        lmer("y ~ 1 + (1 | g)", data=odd)
    broken = tmp_path / "rows.parquet"
    broken.write_text("no parquet")
    with pytest.raises(DataError, match="cannot read"):
        lmer("y ~ 1 + (1 | g)", data=broken)
    with pytest.raises(DataError, match="gives no batch"):
        lmer("y ~ 1 + (1 | g)", data=iter([]))
    with pytest.raises(DataError, match="a batch is a int"):
        lmer("y ~ 1 + (1 | g)", data=iter([1, 2]))
    with pytest.raises(DataError, match="columns of different types"):
        lmer("y ~ 1 + (1 | h)", data=[TABLE.iloc[:200].assign(h=1), TABLE.iloc[200:]])


def test_more_levels_than_memory_has_room_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("pylmer.formula.batches.design"), "most_levels", lambda: 20)
    with pytest.raises(DataError, match="g has more than 20 levels"):
        lmer("y ~ x1 + (1 | g)", data=path)
    monkeypatch.undo()
    monkeypatch.setattr(importlib.import_module("pylmer.formula.batches.totals"), "memory_there_is", lambda: 20_000.0)
    with pytest.raises(ModelError, match="g: 30 x 4"):
        lmer("y ~ x1 + (x1 + x2 + o | g)", data=path)


def test_a_rank_deficient_matrix_says_so(path: Path) -> None:
    with pytest.warns(RMessage, match="rank deficient so dropping 1 column"):
        lmer("y ~ x1 + I(3 * x1) + (1 | g)", data=path)


def test_strings_keep_the_order_of_the_file_where_they_are_factors(path: Path) -> None:
    table = pq.read_table(path)
    assert_same(*fits("y ~ k + (1 | g)", path, table))
