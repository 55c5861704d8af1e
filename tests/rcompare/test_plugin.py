"""The pytest plugin, run in a copy of the worked example: a laboratory's own repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import rcompare
from rcompare.engines.r import RSession
from rcompare.pytest_plugin import AgreesWithR
from rcompare.results import Labelled, Value, read_results, write_results

EXAMPLE = Path(rcompare.__file__).parent / "examples" / "growth"


@pytest.fixture
def laboratory(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "growth", ignore=shutil.ignore_patterns("__pycache__")))


def pytest_in(folder: Path, *options: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    plugin = ["-p", "rcompare.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", ".", "-p", "no:cacheprovider"]
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **({} if path is None else {"PATH": path})}
    return subprocess.run(
        [*command, *plugin, *options], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120
    )


def rewrite(path: Path, name: str, factor: float) -> None:
    """Write a golden file again with one answer changed, as if R had given it."""
    right = read_results(path.parent, path.name.removesuffix(".json"))

    def changed(values: Mapping[str, Value]) -> dict[str, Value]:
        value = values[name]
        assert isinstance(value, Labelled)
        return {**values, name: replace(value, values=value.values * factor)}

    write_results(replace(right, values=changed(right.values), tight=changed(right.tight)), path.parent)


def test_the_plugin_is_an_entry_point() -> None:
    project = tomllib.loads((Path(rcompare.__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"rcompare": "rcompare.pytest_plugin"}


def test_without_r_the_golden_files_are_used(laboratory: Path) -> None:
    done = pytest_in(laboratory, path="")
    assert done.returncode == 0, done.stdout
    assert "models compared with R: 4, skipped: 0" in done.stdout


def test_a_golden_file_changed_by_hand_is_refused(laboratory: Path) -> None:
    (path,) = laboratory.glob("golden/*/test_growth.test_light.json")
    content = json.loads(path.read_text())
    content["values"]["sigma"]["values"][0] *= 1 + 1e-12
    path.write_text(json.dumps(content))
    with pytest.raises(pytest.fail.Exception, match="is not as it was written"):
        light(asked(laboratory), laboratory)


def asked(laboratory: Path, engine: str = "golden", registers: tuple[str, ...] = ()) -> AgreesWithR:
    """The fixture as the example's ``test_light`` gets it, in this process."""
    given = {"--rcompare-engine": engine, "--rcompare-divergences": registers, "--rcompare-record": False}
    node = SimpleNamespace(nodeid="test_growth.py::test_light", user_properties=[])
    config = SimpleNamespace(getoption=given.__getitem__)
    request: Any = SimpleNamespace(path=laboratory / "test_growth.py", node=node, config=config)
    return AgreesWithR(request)


def light(agrees_with_r: AgreesWithR, laboratory: Path, **given: Any) -> None:
    plants = pd.read_csv(laboratory / "plants.csv", dtype={"plant": "category", "light": "category"})
    agrees_with_r("height ~ week * light + (1 | plant)", plants, REML=False, weights="readings", **given)


def test_a_known_difference_is_waived_and_the_waiver_is_strict(laboratory: Path) -> None:
    (path,) = laboratory.glob("golden/*/test_growth.test_light.json")
    with pytest.raises(pytest.fail.Exception, match="stale waiver"):
        light(asked(laboratory), laboratory, waive={"sigma": "planted"})
    rewrite(path, "sigma", 1.01)
    light(asked(laboratory), laboratory, waive={"sigma": "planted"})


def test_a_register_of_ones_own(laboratory: Path) -> None:
    (path,) = laboratory.glob("golden/*/test_growth.test_light.json")
    known = laboratory / "known.toml"
    known.write_text(
        '[[divergence]]\nid = "planted"\nversions = "==1.1-31"\ncases = ["test_growth.*"]\nquantities = ["sigma"]\n'
        'least = 1e-3\nmost = 0.1\nreason = "planted"\nevidence = "this test"\n'
    )
    rewrite(path, "sigma", 1.01)
    with pytest.raises(pytest.fail.Exception, match=r"residual SD.*differs"):
        light(asked(laboratory), laboratory)
    light(asked(laboratory, registers=(str(known),)), laboratory)
    rewrite(path, "sigma", 1.5)
    with pytest.raises(pytest.fail.Exception, match="another difference than the one waived"):
        light(asked(laboratory, registers=(str(known),)), laboratory)


def test_a_formula_that_may_not_reach_r_fails_in_one_line(laboratory: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="'system'"):
        asked(laboratory, "nlme")("height ~ system(week) + (1 | plant)", pd.DataFrame({"height": [1.0]}))


@pytest.mark.r
@pytest.mark.parametrize("engine", ["nlme", "lmerTest"])
def test_other_packages_of_r_can_be_asked(laboratory: Path, R: RSession, engine: str) -> None:
    light(asked(laboratory, engine), laboratory)


def test_tests_of_the_same_name_have_golden_files_of_their_own() -> None:
    names = {
        AgreesWithR(SimpleNamespace(path=Path("test_a.py"), node=SimpleNamespace(nodeid=f"test_a.py::{rest}")))._name()
        for rest in ("test_x", "TestA::test_x", "TestB::test_x", "test_x[a/b]", "test_x[a:b]")
    }
    assert len(names) == 5


def test_changed_data_and_changed_formulas_are_noticed(laboratory: Path) -> None:
    table = laboratory / "plants.csv"
    table.write_text(table.read_text().replace("P01,red,0", "P01,red,9", 1))
    test = laboratory / "test_growth.py"
    test.write_text(test.read_text().replace("week * light", "week + light"))
    done = pytest_in(laboratory, "--rcompare-engine", "golden")
    assert done.returncode == 1
    assert "recorded from other data" in done.stdout
    assert "recorded for another call" in done.stdout


def test_with_nothing_to_compare_tests_are_skipped_and_counted(laboratory: Path) -> None:
    shutil.rmtree(laboratory / "golden")
    done = pytest_in(laboratory, "--rcompare-engine", "golden", "-k", "test_light")
    assert done.returncode == 0
    assert "models compared with R: 0, skipped: 1" in done.stdout
    assert pytest_in(laboratory, "--rcompare-engine", "golden", "--require-r", "-k", "test_light").returncode == 1


@pytest.mark.r
def test_golden_files_are_recorded_on_request(laboratory: Path, R: RSession) -> None:
    shutil.rmtree(laboratory / "golden")
    done = pytest_in(laboratory, "--rcompare-record")
    assert done.returncode == 0, done.stdout
    assert len(list(laboratory.glob("golden/*/*.json*"))) == 4
