"""R against R: two folders of golden files, each really recorded, under another BLAS and by a hasty optimizer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from rcompare.cli import main
from rcompare.engines.golden import latest_golden
from rcompare.results import Labelled, read_results, write_results

FIXTURES = Path(__file__).parents[2] / "fixtures"
REFERENCE_BLAS, HASTY = FIXTURES / "golden-reference-blas", FIXTURES / "golden-hasty"


def command(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], env={"COLUMNS": "200"})


def test_another_blas_agrees_and_the_stamps_say_so(tmp_path: Path) -> None:
    page = tmp_path / "diff.html"
    done = command("diff", FIXTURES / "golden", REFERENCE_BLAS, "--html", page)
    assert done.exit_code == 0, done.output
    assert "7 cases" in done.output
    assert "NOT COMPARED" in done.output
    said = page.read_text()
    assert "openblas-pthread/libblas.so.3" in said
    assert "blas/libblas.so.3.11.0" in said
    assert "R (golden golden/lme4-1.1-31) beside R (golden golden-reference-blas/lme4-1.1-31)" in said


def test_a_hasty_optimizer_parts_and_its_optimum_is_the_worse(tmp_path: Path) -> None:
    done = command(
        "diff", HASTY, FIXTURES / "golden", "--json", tmp_path / "diff.json", "--junit", tmp_path / "diff.xml"
    )
    assert done.exit_code == 1
    content = json.loads((tmp_path / "diff.json").read_text())
    verdicts = {case["id"]: case["optimum"] for case in content["cases"]}
    assert {v["verdict"] for v in verdicts.values()} == {"theirs better"}
    for v in verdicts.values():
        assert v["ours"] > v["theirs"]
        assert v["slope_ours"] > 1e-3 > v["slope_theirs"]
    properties = {p.get("name"): p.get("value") for p in ET.parse(tmp_path / "diff.xml").iter("property")}
    assert properties["ours.packages.lme4"] == properties["theirs.packages.lme4"] == "1.1-31"
    assert properties["theirs.BLAS"] == "openblas-pthread/libblas.so.3"


def test_run_with_two_folders_is_the_same_comparison() -> None:
    names = ("dyestuff", "penicillin")
    run = command("run", *names, "--engine", HASTY / "lme4-1.1-31", "--against", latest_golden())
    diff = command("diff", HASTY, latest_golden(), *names)
    assert run.exit_code == diff.exit_code == 1
    assert run.output == diff.output


def test_the_other_way_round_the_tight_optimum_decides() -> None:
    """A reference that stopped short is not held against the engine: its tight optimum was recorded too."""
    done = command("run", "penicillin", "--against", HASTY / "lme4-1.1-31", "-v")
    assert "ours better" in done.output
    assert "as R's tight optimum" in done.output
    failing = [line for line in done.output.splitlines() if "differs" in line and "own optimum" in line]
    assert failing == []


def test_folders_without_a_case_in_common(tmp_path: Path) -> None:
    other = tmp_path / "lme4-1.1-31"
    other.mkdir()
    (other / "mine.json").write_text("{}")
    assert command("diff", other, REFERENCE_BLAS).exit_code == 3
    assert command("diff", other, other, "none").exit_code == 2
    assert command("diff", other, other).exit_code == 1


@pytest.mark.parametrize("text", ["", "{", '{"case": "dyestuff"}'])
def test_a_file_that_is_no_golden_file_fails_its_case_only(tmp_path: Path, text: str) -> None:
    for name in ("dyestuff", "penicillin"):
        source = latest_golden() / f"{name}.json"
        (tmp_path / source.name).write_text(source.read_text())
    (tmp_path / "dyestuff.json").write_text(text)
    done = command("run", "dyestuff", "penicillin", "--golden", tmp_path)
    assert done.exit_code == 1
    assert "cannot be read" in " ".join(done.output.split())
    assert "1 same" in done.output


# -------------------------------------------------------------------------------------------------- another stream


OTHER_STREAM = FIXTURES / "golden-wichmann-hill"


def drawn(done: Result) -> list[str]:
    return [line for line in done.output.splitlines() if "z-score" in line]


@pytest.mark.parametrize("engine", ["golden", "pylmer"])
def test_another_random_stream_is_compared_by_z_scores(engine: str) -> None:
    done = command("run", "sleepstudy-slopes-ml", "--engine", engine, "--against", OTHER_STREAM / "lme4-1.1-31", "-v")
    assert done.exit_code == 0, done.output
    assert drawn(done)
    assert "bootstrap interval" not in done.output


def test_a_wrong_bootstrap_is_found_though_the_streams_differ(tmp_path: Path) -> None:
    right = read_results(OTHER_STREAM / "lme4-1.1-31", "sleepstudy-slopes-ml")
    replicates = right.values["boot.t"]
    assert isinstance(replicates, Labelled)
    wrong = replace(replicates, values=replicates.values * 1.1)
    write_results(replace(right, values={**right.values, "boot.t": wrong}), tmp_path)
    done = command("run", "sleepstudy-slopes-ml", "--against", tmp_path)
    assert done.exit_code == 1
    assert drawn(done)
