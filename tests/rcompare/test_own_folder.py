"""A laboratory's own folder: its table, its cases, its golden files, its register, none of it in this repository."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import rcompare
from rcompare.case import CaseError
from rcompare.cli import main
from rcompare.datatable import read_file
from rcompare.engines.r import RSession

PLANTS = Path(rcompare.__file__).parent / "examples" / "growth" / "plants.csv"
CASES = """
[defaults]
file = "plants.csv"
tags = ["growth"]

[[case]]
id = "growth"
formula = "height ~ week + (week | plant)"

[[case]]
id = "light"
formula = "height ~ week * light + (1 | plant)"
REML = false
weights = "readings"
"""


def command(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], env={"COLUMNS": "200"})


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    shutil.copy(PLANTS, tmp_path)
    (tmp_path / "growth.toml").write_text(CASES)
    done = command("schema", tmp_path / "plants.csv")
    assert done.exit_code == 0, done.output
    return tmp_path


def test_nothing_recorded_is_said_with_the_command(lab: Path) -> None:
    done = command("run", "--cases", lab)
    assert done.exit_code == 3
    assert f"no golden files under {lab / 'golden'}" in done.output
    assert "rcompare record" in done.output


@pytest.mark.r
def test_recorded_checked_run_and_reported(lab: Path, R: RSession) -> None:
    done = command("record", "light", "--cases", lab)
    assert done.exit_code == 0, done.output
    (folder,) = (lab / "golden").iterdir()
    assert [p.name for p in folder.iterdir()] == ["light.json"]
    stamp = json.loads((folder / "light.json").read_text())["stamp"]
    assert stamp["call"] == "lmer(height ~ week * light + (1 | plant), data = plants, REML = FALSE, weights = readings)"

    files = {kind: lab / f"report.{kind}" for kind in ("json", "junit", "html")}
    done = command("run", "light", "--cases", lab, *(x for kind, path in files.items() for x in (f"--{kind}", path)))
    assert done.exit_code == 0, done.output
    assert command("check", "light", "--cases", lab, "--require-r").exit_code == 0
    done = command("run", "--cases", lab)
    assert done.exit_code == 1
    assert "rcompare record growth" in " ".join(done.output.split())
    assert command("run", "light", "--cases", lab, "--against", "nlme").exit_code == 0
    assert command("run", "growth", "--cases", lab, "--against", "lmerTest").exit_code == 0

    table = lab / "plants.csv"
    table.write_text(table.read_text().replace("P01,red,0", "P01,red,9", 1))
    done = command("run", "light", "--cases", lab)
    assert done.exit_code == 1
    assert "the two engines saw different data" in " ".join(done.output.split())

    assert "recorded from other data" in command("check", "light", "--cases", lab, "--no-live").output

    path = folder / "light.json"
    path.write_text(path.read_text().replace('"sigma": {"dim": [], "values": [', '"sigma": {"dim": [], "values": [1'))
    done = command("check", "light", "--cases", lab, "--no-live")
    assert done.exit_code == 1
    assert "is not as it was written" in " ".join(done.output.split())


HOSTILE = (
    "formula = \"height ~ week + (1 | plant) + system('touch pwned')\"",
    "subset = \"system('touch pwned')\"",
)


@pytest.mark.parametrize("where", HOSTILE)
def test_a_hostile_case_never_reaches_r(lab: Path, where: str) -> None:
    formula = "" if where.startswith("formula") else 'formula = "height ~ week + (1 | plant)"'
    (lab / "growth.toml").write_text(f'[[case]]\nid = "bad"\nfile = "plants.csv"\n{formula}\n{where}\n')
    done = command("record", "--cases", lab)
    assert done.exit_code in (2, 3)  # 3 where there is no R at all
    assert not (lab / "golden").exists()
    assert not list(lab.glob("pwned"))


@pytest.mark.r
def test_a_case_that_is_refused_does_not_stop_the_others(lab: Path, R: RSession) -> None:
    text = (lab / "growth.toml").read_text()
    (lab / "growth.toml").write_text(text + '[[case]]\nid = "bad"\nformula = "height ~ system(week) + (1 | plant)"\n')
    done = command("run", "light", "bad", "--cases", lab, "--against", "nlme")
    assert done.exit_code == 1
    assert "1 same" in done.output
    done = command("run", "bad", "--cases", lab, "--against", "R")
    assert done.exit_code == 1
    assert "not among the functions that may reach R" in " ".join(done.output.split())


@pytest.mark.r
def test_an_error_of_r_is_its_answer(lab: Path, R: RSession) -> None:
    text = '[[case]]\nid = "nothere"\nfile = "plants.csv"\nformula = "height ~ weeks + (1 | plant)"\n'
    (lab / "growth.toml").write_text(text)
    done = command("run", "--cases", lab, "--against", "R", "-v")
    assert "object 'weeks' not found" in " ".join(done.output.split())


@pytest.mark.r
def test_missing_values_are_left_out_by_every_engine(lab: Path, R: RSession) -> None:
    table = lab / "plants.csv"
    lines = table.read_text().splitlines()
    lines[3] = ",".join(
        "NA" if i == lines[0].split(",").index("height") else v for i, v in enumerate(lines[3].split(","))
    )
    table.write_text("\n".join(lines) + "\n")
    for against in ("nlme", "lmerTest"):
        assert command("run", "light", "--cases", lab, "--against", against).exit_code == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[[cases]]\nid = 'a'\n", "unknown table 'cases'"),
        ("", "no [[case]] in"),
        ("[[case]]\nid = 'a'\nfile = 'plants.csv'\nformula = 3\n", "'formula' must be text"),
        ("[[case]]\nid = 'a'\nfile = 'plants.csv'\nformula = 'y ~ x'\nREML = 'no'\n", "'REML' must be true or false"),
        ("[[case]]\nid = 'a'\nfile = 'plants.csv'\nformula = 'y ~ x'\nboot = {nsim = 5}\n", "'boot' cannot be read"),
        ("[[case]]\nid = 'a'\nfile = 'plants.csv'\nfomula = 'y ~ x'\n", "did you mean 'formula'"),
        ("[[divergence]]\nid = 'a'\n", "no [[case]] in"),
    ],
)
def test_case_files_that_cannot_be_read_end_with_2(lab: Path, content: str, said: str) -> None:
    (lab / "growth.toml").write_text(content)
    done = command("run", "--cases", lab)
    assert done.exit_code == 2, done.output
    assert said in " ".join(done.output.split())


def test_no_case_with_a_tag_is_an_error_and_no_success(lab: Path) -> None:
    done = command("run", "--cases", lab, "--tag", "moon")
    assert done.exit_code == 2
    assert "no case has the tag moon; known are growth" in done.output


# -------------------------------------------------------------------------------------------------------- tables


def test_the_draft_of_a_schema_says_every_type(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a,b,c,d\n1,x,TRUE,NA\n2.5e3,NA,FALSE,\n,y,TRUE,7\n")
    done = command("schema", file)
    assert "a: number (1 missing of 3)" in done.output
    assert "b: factor: x, y (1 missing of 3)" in done.output
    frame = read_file(file)
    assert list(frame["b"].cat.codes) == [0, -1, 1]
    assert frame["c"].tolist() == [True, False, True]
    assert frame["a"].isna().tolist() == [False, False, True]
    assert frame["d"].isna().tolist() == [True, True, False]
    assert command("schema", file).exit_code == 2
    assert command("schema", file, "--force").exit_code == 0


@pytest.mark.parametrize(
    ("column", "field", "said"),
    [
        ('{"name": "a", "type": "number"}', "x", "column 'a', row 1: 'x' is not a number"),
        ('{"name": "a", "type": "factor", "levels": ["u"]}', "v", "row 1: 'v' is not among the levels"),
        ('{"name": "a", "type": "logical"}', "", "is not TRUE or FALSE"),
        ('{"name": "b", "type": "number"}', "1", "has no column 'b'; it has a"),
        ('{"name": "a", "type": "colour"}', "1", "unknown type 'colour'"),
        ('{"type": "number"}', "1", "is not a schema of a table"),
    ],
)
def test_a_table_that_breaks_its_schema_is_refused(tmp_path: Path, column: str, field: str, said: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(f'a\n"{field}"\n')
    (tmp_path / "t.schema.json").write_text(f'{{"columns": [{column}]}}')
    with pytest.raises(CaseError, match=re.escape(said)):
        read_file(file)
