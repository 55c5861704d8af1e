"""The pytest plugin, run in a copy of the worked example: a laboratory's own repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import rcompare
from rcompare.engines.r import RSession

EXAMPLE = Path(rcompare.__file__).parent / "examples" / "growth"
INSTALLED = any(e.value == "rcompare.pytest_plugin" for e in entry_points(group="pytest11"))


@pytest.fixture
def laboratory(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "growth", ignore=shutil.ignore_patterns("__pycache__")))


def pytest_in(folder: Path, *options: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    plugin = [] if INSTALLED else ["-p", "rcompare.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", ".", "-p", "no:cacheprovider"]
    env = {**os.environ, **({} if path is None else {"PATH": path})}
    return subprocess.run(
        [*command, *plugin, *options], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120
    )


def test_models_agree_with_their_golden_files(laboratory: Path) -> None:
    done = pytest_in(laboratory, "--rcompare-engine", "golden")
    assert done.returncode == 0, done.stdout
    assert "models compared with R: 4, skipped: 0" in done.stdout


def test_without_r_the_golden_files_are_used(laboratory: Path) -> None:
    done = pytest_in(laboratory, "-k", "light", path="")
    assert done.returncode == 0, done.stdout
    assert "models compared with R: 3, skipped: 0" in done.stdout


def test_a_difference_fails_with_the_table(laboratory: Path) -> None:
    (path,) = laboratory.glob("golden/*/test_growth.test_light.json")
    content = json.loads(path.read_text())
    content["values"]["sigma"]["values"][0] *= 1.01
    content["tight"]["sigma"]["values"][0] *= 1.01
    path.write_text(json.dumps(content))
    done = pytest_in(laboratory, "--rcompare-engine", "golden", "-k", "test_light")
    assert done.returncode == 1
    assert "residual SD" in done.stdout


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
