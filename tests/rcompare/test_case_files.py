"""Cases are read from TOML, and what is wrong with a file is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from rcompare.case import Case, CaseError, Draws, Waiver, builtin_cases, load_cases, select

GOOD = """
[defaults]
data = "sleepstudy"
tags = ["t"]

[[case]]
id = "one"
formula = "Reaction ~ Days + (Days | Subject)"
also = ["icc"]
boot = { nsim = 10, seed = 1 }

[[case.waive]]
quantity = "theta"
reason = "known"

[[case]]
id = "two"
formula = "Reaction ~ 1 + (1 | Subject)"
REML = false
quantities = ["fit"]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "cases.toml"
    path.write_text(text)
    return path


def test_defaults_extra_groups_and_waivers(tmp_path: Path) -> None:
    one, two = load_cases([written(tmp_path, GOOD)])
    assert one.data == "sleepstudy"
    assert one.groups[-2:] == ("icc", "boot")
    assert one.boot == Draws(10, 1)
    assert one.waivers == (Waiver("theta", "known"),)
    assert (two.REML, two.groups) == (False, ("fit",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[case]]\nid = 'a'\ndata = 'd'\nfomula = 'y ~ x'", "did you mean 'formula'"),
        ("[[case]]\nid = 'a'\ndata = 'd'", "needs a formula"),
        ("[[case]]\nid = 'a b'\ndata = 'd'\nformula = 'y ~ x'", "letters, digits"),
        ("[[case]]\nid = 'a'\nformula = 'y ~ x'", "neither a data set"),
        ("[[case]]\nid = 'a'\ndata = 'd'\nformula = 'y ~ x'\ncall = 'gam'", "unknown call"),
        ("[[case]]\nid = 'a'\ndata = 'd'\nformula = 'y ~ x'\nalso = ['moon']", "unknown group"),
        ("[[case]]\ndata = 'd'", "has no 'id'"),
        ("[[case]", "is not TOML"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        load_cases([written(tmp_path, text)])


def test_an_id_occurs_once(tmp_path: Path) -> None:
    text = "[[case]]\nid = 'a'\ndata = 'd'\nformula = 'y ~ x'\n" * 2
    with pytest.raises(CaseError, match="occurs twice"):
        load_cases([written(tmp_path, text)])


def test_no_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no case files"):
        load_cases([tmp_path])


def test_a_file_beside_the_cases_gives_the_data_its_name(tmp_path: Path) -> None:
    (case,) = load_cases([written(tmp_path, "[[case]]\nid = 'a'\nfile = 'lab.csv'\nformula = 'y ~ x + (1 | g)'")])
    assert case.data == "lab"
    assert case.file == (tmp_path / "lab.csv").resolve()


def test_selection_by_id_tag_and_pattern() -> None:
    cases = [
        Case("a-1", "d", formula="y ~ x", tags=("s",)),
        Case("a-2", "d", formula="y ~ x"),
        Case("b", "d", formula="y ~ x"),
    ]
    assert [c.id for c in select(cases)] == ["a-1", "a-2", "b"]
    assert [c.id for c in select(cases, ["a-*"])] == ["a-1", "a-2"]
    assert [c.id for c in select(cases, ["s", "b"])] == ["a-1", "b"]
    assert [c.id for c in select(cases, [], ["s"])] == ["a-1"]
    with pytest.raises(CaseError, match="near are a-1"):
        select(cases, ["a1"])


def test_the_builtin_list_is_large_and_varied() -> None:
    mixed = [case for case in builtin_cases() if case.call == "lmer"]
    assert len(mixed) >= 60
    assert {"HSB", "sleepstudy", "Machines", "Orthodont", "Chem97", "InstEval"} <= {case.data for case in mixed}
