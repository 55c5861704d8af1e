"""The command: what it prints, what it writes, and its exit codes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from rcompare.case import builtin_cases, select
from rcompare.cli import main
from rcompare.engines.golden import latest_golden
from rcompare.results import Labelled, Results, Value, read_results, write_results

NAMES = ["dyestuff", "hsb-lm"]


def command(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], env={"COLUMNS": "200"})


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A folder of golden files in which one digit of one number is wrong."""
    folder = tmp_path / "lme4-9.9-9"
    folder.mkdir()
    for name in NAMES:
        shutil.copy(latest_golden() / f"{name}.json", folder)
    change(folder, "dyestuff", lambda r: replace(r, values={**r.values, "beta": plus(r.values["beta"], 1.0)}))
    return folder


def change(folder: Path, case: str, how: Callable[[Results], Results]) -> None:
    """Write a golden file again, as if R had answered so."""
    write_results(how(read_results(folder, case)), folder)


def plus(value: Value, x: float) -> Value:
    assert isinstance(value, Labelled)
    return replace(value, values=value.values + x)


def test_agreement_ends_with_0() -> None:
    done = command("run", *NAMES)
    assert done.exit_code == 0, done.output
    assert "0 failures" in done.output
    assert "pylmer beside R (golden lme4-" in done.output


def test_disagreement_ends_with_1_and_is_named(planted: Path) -> None:
    done = command("diff", planted, latest_golden(), *NAMES)
    assert done.exit_code == 1
    assert "fixed effects" in done.output
    assert "PARTS" in done.output


def test_the_same_folder_agrees_with_itself() -> None:
    assert command("diff", latest_golden(), latest_golden(), *NAMES).exit_code == 0


def test_wrong_usage_ends_with_2(tmp_path: Path) -> None:
    assert command("run", "no-such-case").exit_code == 2
    assert command("run", "--moon").exit_code == 2
    broken = tmp_path / "broken.toml"
    broken.write_text("[[case")
    done = command("run", "--cases", broken)
    assert done.exit_code == 2
    assert "is not TOML" in done.output


def test_missing_engines_end_with_3(tmp_path: Path) -> None:
    assert command("run", *NAMES, "--golden", tmp_path).exit_code == 3
    assert command("run", *NAMES, "--engine", "moon").exit_code == 3


def test_reports_are_written_and_read_back(planted: Path, tmp_path: Path) -> None:
    files = {kind: tmp_path / f"report.{kind}" for kind in ("json", "junit", "html")}
    options = [x for kind, path in files.items() for x in (f"--{kind}", path)]
    first = command("diff", planted, latest_golden(), *NAMES, *options)
    assert first.exit_code == 1

    content = json.loads(files["json"].read_text())
    assert (content["passed"], len(content["cases"])) == (False, 2)
    assert [d["quantity"] for d in content["cases"][0]["differences"] if d["status"] == "differs"] == ["beta"]

    suites = ET.parse(files["junit"]).getroot()
    failures = {suite.get("name"): suite.get("failures") for suite in suites}
    assert failures == {"dyestuff": "1", "hsb-lm": "0"}
    assert suites.find(".//failure[@type='differs']") is not None

    page = files["html"].read_text()
    assert page.count("<details") > 2
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")

    again = command("report", files["json"], "--html", tmp_path / "again.html")
    assert again.exit_code == 1
    rest = first.output.splitlines()[: len(again.output.splitlines()) - 1]
    assert again.output.splitlines()[: len(rest)] == rest


def test_a_file_that_is_no_report_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("{}")
    done = command("report", other)
    assert done.exit_code == 2
    assert "not a report" in done.output


def test_check_finds_files_that_do_not_belong(planted: Path) -> None:
    assert command("check", *NAMES, "--no-live").exit_code == 0
    change(planted, "hsb-lm", lambda r: r)
    change(planted, "dyestuff", lambda r: replace(r, stamp={**r.stamp, "script_hash": "x", "data_hash": "x"}))
    done = command("check", *NAMES, "--no-live", "--golden", planted)
    assert done.exit_code == 1
    assert "other scripts" in done.output
    assert "other data" in done.output
    assert "1 of 2 golden files are good" in done.output


def test_a_skip_of_live_comparisons_is_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rcompare.cli._why_no_r", lambda: "R is not on the PATH")
    done = command("check", *NAMES)
    assert done.exit_code == 0
    assert "SKIPPED 2 live comparisons with R: R is not on the PATH" in done.output
    assert command("check", *NAMES, "--require-r").exit_code == 3
    assert command("record", *NAMES).exit_code == 3


def test_selftest_catches_every_planted_error() -> None:
    done = command("selftest", "dyestuff2-singular", "penicillin", "hsb-m2-reml")
    assert done.exit_code == 0, done.output


def test_every_command_documents_its_exit_codes() -> None:
    for name in main.commands:
        assert "Exit codes" in command(name, "--help").output


def test_the_chapter_has_a_case_for_each_block() -> None:
    from rcompare.chapter.blocks import BLOCKS

    known = {case.id for case in select(builtin_cases(), ["chapter"])}
    used = {piece.case for block in BLOCKS for piece in block.pieces} | {a.case for b in BLOCKS for a in b.asks}
    assert used == known
