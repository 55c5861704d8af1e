"""The table of names: nothing that R lists is left out, what is there can be had, and what is measured is told."""

from __future__ import annotations

import json
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from click.testing import CliRunner

from rcompare.case import Case, CaseError, builtin_cases
from rcompare.cli import main
from rcompare.differences import Comparison, Difference
from rcompare.engines.golden import GoldenEngine
from rcompare.engines.r import RSession
from rcompare.surface import (
    ABSENT,
    Entry,
    Names,
    as_json,
    as_markdown,
    find,
    live_names,
    load_entries,
    measure,
    recorded_names,
    unaccounted,
)

ENTRIES = load_entries()
NAMES = recorded_names()
ROOT = Path(__file__).resolve().parents[2]
CASE = Case("one", "sleepstudy", formula="Reaction ~ Days + (1 | Subject)")


def test_every_name_of_r_is_accounted_for() -> None:
    assert unaccounted(NAMES, ENTRIES) == ()
    assert len(NAMES.methods) == 46


@pytest.mark.r
def test_r_still_lists_what_was_recorded(R: RSession) -> None:
    here = live_names(R)
    if here.lme4 != NAMES.lme4:
        pytest.skip(f"recorded of lme4 {NAMES.lme4}, here is {here.lme4}")
    assert set(here.all) == set(NAMES.all)
    assert here.methods == NAMES.methods


@pytest.mark.parametrize("entry", [e for e in ENTRIES if not e.absent], ids=lambda e: e.pylmer)
def test_what_is_there_can_be_had(entry: Entry) -> None:
    assert find(entry.pylmer) is not None
    assert bool(entry.quantities) != bool(entry.test)


@pytest.mark.parametrize("name", [n for e in ENTRIES if e.absent for n in e.r])
def test_what_is_absent_is_not_there(name: str) -> None:
    assert find(name.replace(".", "_")) is None


def test_a_name_that_only_says_that_it_is_not_there_counts_as_absent() -> None:
    import pylmer

    assert pylmer.glmer.__module__ == ABSENT
    assert find("glmer") is None
    assert find("LmerMod.plot") is not None
    assert find("LmerMod.no_such_method") is None


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.test], ids=lambda e: e.r[0])
def test_property_tests_are_where_the_table_says(entry: Entry) -> None:
    file, _, function = entry.test.partition("::")
    assert (ROOT / file).is_file()
    assert f"def {function}(" in (ROOT / file).read_text(encoding="utf-8") if function else True


def test_every_quantity_of_the_table_was_recorded() -> None:
    golden = GoldenEngine()
    recorded = {"messages"}
    for case in builtin_cases():
        recorded |= set(golden.run(case).values)
    unknown = [p for e in ENTRIES for p in e.quantities if not any(fnmatchcase(q, p) for q in recorded)]
    assert unknown == []


def difference(quantity: str, status: str = "same", size: float = 0.0, tolerance: float = 1e-4) -> Difference:
    return Difference("one", quantity, 1, status, size=size, tolerance=tolerance, note="")


def of(*differences: Difference) -> list[Comparison]:
    return [Comparison(CASE, differences, None)]


FEW = Names("1.1-31", ("fixef", "glmer", "logProf"), ("fixef.merMod", "plot.merMod"))
SOME = (
    Entry(("fixef", "fixef.merMod"), "fixef", ("beta", "text.fixef")),
    Entry(("glmer",), absent="not yet"),
    Entry(("logProf",), "logProf", ("profile.log",)),
    Entry(("plot.merMod",), "LmerMod.plot", test="tests/plots/test_plots.py"),
)


def test_the_worst_comparison_is_the_one_nearest_to_its_tolerance() -> None:
    found = measure(
        FEW,
        SOME,
        of(
            difference("beta", size=1e-9, tolerance=1e-8),
            difference("beta (end to end)", size=1e-6),
            difference("text.fixef", "digits", float("nan"), float("nan")),
            difference("theta", "differs", 1.0),
        ),
    )
    row = next(r for r in found if r.name == "fixef")
    assert (row.status, row.worst, row.tolerance, row.quantity) == ("agrees", 1e-9, 1e-8, "beta")
    assert (row.numbers, row.texts, row.cases, row.last_digits) == (2, 1, 1, 1)
    assert [r.status for r in found] == ["agrees", "absent", "not compared", "agrees", "property test"]
    assert [r.kind for r in found] == ["export", "export", "export", "method", "method"]


def test_a_criterion_below_that_of_r_is_no_difference() -> None:
    below = replace(difference("criterion", size=-0.1), stage=2)
    entries = (Entry(("fixef", "fixef.merMod"), "fixef", ("criterion",)), *SOME[1:])
    assert measure(FEW, entries, of(below))[0].worst == 0
    assert measure(FEW, entries, of(below, replace(below, size=1e-7)))[0].worst == 1e-7


def test_a_difference_is_told_with_its_case() -> None:
    rows = measure(FEW, SOME, of(difference("beta", "differs", 0.5)))
    assert (rows[0].status, rows[0].note) == ("differs", "beta in one: differs")


def test_what_is_registered_is_counted_and_not_measured() -> None:
    rows = measure(FEW, SOME, of(difference("profile.log", "waived", 3.0), difference("profile.log", size=1e-7)))
    row = next(r for r in rows if r.name == "logProf")
    assert (row.status, row.registered, row.worst) == ("agrees", 1, 1e-7)


def test_a_promised_name_that_is_not_there_is_missing() -> None:
    wrong = (replace(SOME[0], pylmer="no_such_name"), *SOME[1:])
    rows = measure(FEW, wrong, of())
    assert (rows[0].status, rows[0].note) == ("missing", "pylmer.no_such_name is not there")
    assert measure(FEW, SOME[1:], of())[0].status == "missing"
    assert unaccounted(FEW, SOME[1:]) == ("fixef", "fixef.merMod")
    assert unaccounted(Names("1", ("glmer",), ()), SOME[1:2]) == ()


def test_reports() -> None:
    rows = measure(FEW, SOME, of(difference("beta", size=1e-9)))
    data = json.loads(as_json(rows, FEW))
    assert (data["exports"], data["methods"], len(data["rows"])) == (3, 2, 5)
    assert data["rows"][0]["worst"] == 1e-9
    lines = as_markdown(rows, FEW).splitlines()
    assert lines[0] == (
        "lme4 1.1-31: 3 exported names and 2 methods of a fit: 2 agrees, 1 not compared, 1 property test, 1 absent"
    )
    assert lines[4].startswith("| fixef | fixef | agrees | 1.0e-09 | 1e-04 | beta, one | 1 numbers in 1 cases |")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[name]]\nr = ['a']\npylmer = 'a'\n[[name]]\nr = ['a']", "a occurs twice"),
        ("[[name]]\nr = ['a']\npython = 'a'", "python"),
        ("[[name]]\npylmer = 'a'", "no r"),
    ],
)
def test_a_table_that_cannot_be_read(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "table.toml"
    path.write_text(text)
    with pytest.raises(CaseError, match=message):
        load_entries(path)


def test_the_command(tmp_path: Path) -> None:
    files = {end: tmp_path / f"names.{end}" for end in ("json", "html", "md")}
    options = ["--json", files["json"], "--html", files["html"], "--markdown", files["md"], "--no-live"]
    done = CliRunner().invoke(main, ["surface", "surface-lists-sleepstudy", *map(str, options)])
    assert done.exit_code == 0, done.output
    assert "98 exported names and 46 methods" in done.output
    rows = {row["name"]: row for row in json.loads(files["json"].read_text())["rows"]}
    assert rows["lmList"]["status"] == "agrees"
    assert rows["glmer"]["status"] == "absent"
    assert rows["ranef"]["status"] == "not compared"
    assert "<td>lmList</td>" in files["html"].read_text()
    assert "| lmList | lmList | agrees |" in files["md"].read_text()
