from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def layers() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_layers", ROOT / "ci" / "check_layers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_layers"] = module
    spec.loader.exec_module(module)
    return module


def _breaches(layers: ModuleType, root: Path, where: str, source: str) -> list[str]:
    path = root / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    return list(layers.check(root))


def test_the_project_keeps_its_rows_and_walls(layers: ModuleType) -> None:
    assert list(layers.check(ROOT)) == []


@pytest.mark.parametrize(
    ("where", "source", "reason"),
    [
        ("pylmer/linalg/a.py", "from pylmer.methods import fixef", "methods is not below linalg"),
        ("pylmer/linalg/a.py", "def f():\n    import pylmer.rcompat.format", "rcompat is not below linalg"),
        ("pylmer/linalg/a.py", "from ..model import MerMod", "model is not below linalg"),
        ("pylmer/formula/a.py", "import pylmer", "__init__ is not below formula"),
        ("pylmer/methods/a.py", "from pylmer.datasets import HSB", "does not depend on its data sets"),
        ("pylmer/novelty.py", "from pylmer.errors import DataError", "is in no row"),
        ("pylmer/errors.py", "import rcompare.case", "pylmer never imports rcompare"),
        ("rcompare/cli.py", "import rpy2.robjects", "only the R engine"),
        ("rcompare/cli.py", "import pickle", "nothing from outside"),
        ("pylmer/criterion/a.py", "import pandas as pd", "arrays and labels"),
        ("pylmer/methods/a.py", "import narwhals", "read data frames"),
        ("pylmer/model.py", "from scipy import sparse", "only linalg/ knows storage"),
        ("pylmer/methods/a.py", "from pylmer.rcompat.format import print_matrix", "only printing/ makes text"),
        ("pylmer/methods/a.py", "print(1)", "only printing/ makes text"),
        ("pylmer/methods/a.py", "eval('1')", "text is data"),
        ("pylmer/model.py", "x = 1\n" * 401, "401 lines"),
        ("pylmer/model.py", "def f():\n" + "    x = 1\n" * 61, "61 lines of code"),
    ],
)
def test_each_breach_is_named(layers: ModuleType, tmp_path: Path, where: str, source: str, reason: str) -> None:
    found = _breaches(layers, tmp_path, where, source)
    assert len(found) == 1
    assert found[0].startswith(f"{where}:")
    assert reason in found[0]


@pytest.mark.parametrize(
    ("where", "source"),
    [
        ("pylmer/inference/a.py", "from pylmer.methods.summary import summary\nimport pandas"),
        ("pylmer/linalg/a.py", "from pylmer.linalg.rank import pivoted_rank\nfrom pylmer.errors import DataError"),
        ("pylmer/__init__.py", "from pylmer import datasets\nfrom pylmer.lmer import lmer"),
        ("pylmer/printing/a.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas\nprint(1)"),
        ("rcompare/engines/r.py", "import rpy2.rinterface"),
        ("pylmer/model.py", "def f():\n    '''" + "a\n" * 80 + "'''\n    return 1"),
    ],
)
def test_what_is_allowed_passes(layers: ModuleType, tmp_path: Path, where: str, source: str) -> None:
    assert _breaches(layers, tmp_path, where, source) == []


def test_the_script_tells_by_its_status(layers: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert layers.main(tmp_path) == 0
    _breaches(layers, tmp_path, "pylmer/model.py", "import pandas")
    assert layers.main(tmp_path) == 1
    assert "breaches: 1" in capsys.readouterr().out
