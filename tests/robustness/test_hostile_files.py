"""Case files, golden files and saved fits are hostile input: what is wrong is said, and nothing outside is read."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer import datasets, from_json, lmer
from pylmer.errors import DataError
from pylmer.files import FileError, write_whole
from rcompare import results
from rcompare.case import CaseError, load_cases
from rcompare.datatable import case_data
from rcompare.results import DamagedResults, Labelled, Results, Text, read_results, write_results

SAVED = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff()).to_json()
GOLDEN = results.to_json(
    Results("a", {"beta": Labelled(np.arange(3.0), (("a", "b", "c"),)), "text": Text(("one", "two"))}, {"seed": 1})
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
)


def spoiled(text: str, choose: Callable[[int], int], value: Any) -> str:
    """The JSON with one of its places holding another value."""
    content = json.loads(text)
    node = content
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = keys[choose(len(keys))]
        inner = node[key]
        if not isinstance(inner, dict | list) or not inner or choose(3) == 0:
            node[key] = value
            return json.dumps(content)
        node = inner


@settings(max_examples=150, deadline=None)
@given(data=st.data(), value=JSON)
def test_a_saved_fit_with_any_change_is_read_or_refused(data: st.DataObject, value: Any) -> None:
    text = spoiled(SAVED, lambda n: data.draw(st.integers(0, n - 1)), value)
    with suppress(DataError):
        from_json(text)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), value=JSON)
def test_a_golden_file_with_any_change_is_read_or_refused(data: st.DataObject, value: Any) -> None:
    text = spoiled(GOLDEN, lambda n: data.draw(st.integers(0, n - 1)), value)
    with suppress(DamagedResults):
        results.from_json(text)


@settings(max_examples=100, deadline=None)
@given(text=st.text() | st.builds(lambda n: SAVED[:n], st.integers(0, len(SAVED))))
def test_text_of_any_kind_is_read_or_refused(text: str) -> None:
    for read, refusal in ((from_json, DataError), (results.from_json, DamagedResults)):
        with pytest.raises(refusal):
            read(text if text != SAVED else "")


BOMBS = {
    "deep": "[" * 200_000,
    "deep objects": '{"a":' * 100_000,
    "huge integer": '{"case": ' + "9" * 100_000 + "}",
    "not a number": '{"case": NaN, "stamp": {}, "values": Infinity}',
    "duplicated keys": GOLDEN.replace('"stamp": {', '"stamp": {"seed": 2,'),
    "labels by the billion": GOLDEN.replace('["a", "b", "c"]', '{"1..": 1000000000000}'),
    "a shape of billions": GOLDEN.replace('"dim": [3]', '"dim": [1000000, 1000000, 1000000]'),
    "a negative shape": GOLDEN.replace('"dim": [3]', '"dim": [-1]').replace('["a", "b", "c"]', "null"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused(name: str) -> None:
    if name not in ("duplicated keys", "labels by the billion", "a shape of billions", "a negative shape"):
        with pytest.raises(DataError):
            from_json(BOMBS[name])
    if name != "a negative shape":
        with pytest.raises(DamagedResults):
            results.from_json(BOMBS[name])


def test_a_saved_fit_with_duplicated_keys_is_refused() -> None:
    with pytest.raises(DataError, match="twice"):
        from_json(SAVED.replace('"REML":true', '"REML":true,"REML":false'))


def test_a_truncated_golden_file_says_how_to_write_it_anew(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(GOLDEN[: len(GOLDEN) // 2])
    with pytest.raises(DamagedResults, match=r"a\.json: .* write it anew with: rcompare record a"):
        read_results(tmp_path, "a")


DAMAGED = {
    "empty": b"",
    "two bytes": b"\x1f\x8b",
    "cut off": gzip.compress(b"abc" * 1000)[:-9],
    "no gzip": b"no gzip at all",
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_packed_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json.gz").write_bytes(content)
    with pytest.raises(DamagedResults):
        read_results(tmp_path, "a")


def test_a_file_that_unpacks_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "LARGEST", 1_000_000)
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(b" " * 50_000_000))
    with pytest.raises(DamagedResults, match="unpacks to more than"):
        read_results(tmp_path, "a")


CASE = '[[case]]\nid = "a"\nformula = "y ~ x + (1 | g)"\nfile = "{file}"\n'


@pytest.mark.parametrize(
    "file", ["../secret.csv", "/etc/passwd", "a/../../secret.csv", "link.csv", "folder/secret.csv"]
)
def test_no_file_outside_of_the_folder(tmp_path: Path, file: str) -> None:
    inside = tmp_path / "cases"
    inside.mkdir()
    (tmp_path / "secret.csv").write_text("y,x,g\n1,2,a\n")
    (inside / "link.csv").symlink_to(tmp_path / "secret.csv")
    (inside / "folder").symlink_to(tmp_path)
    (inside / "cases.toml").write_text(CASE.format(file=file))
    with pytest.raises(CaseError, match="lies outside of"):
        load_cases([inside])


@pytest.mark.parametrize("name", ["__file__", "files", "tables", "os.path", "../Dyestuff", "__loader__"])
def test_only_data_sets_are_data_sets(tmp_path: Path, name: str) -> None:
    (tmp_path / "cases.toml").write_text(f'[[case]]\nid = "a"\nformula = "y ~ x + (1 | g)"\ndata = "{name}"\n')
    with pytest.raises(CaseError, match="no data set called"):
        case_data(load_cases([tmp_path])[0])


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00",
        b"x = " + b"[" * 50_000,
        b"[[case]]\nid = 3\n",
        b"case = 3\n",
        b"[[case]]\n",
        b'[[case]]\nid = "../../x"\nformula = "y ~ x"\n',
        b'[[case]]\nid = "a"\nformula = 3\n',
        b'[[case]]\nid = "a"\nformula = "y ~ x"\nboot = {nsim = "a"}\n',
        b'[[case]]\nid = "a"\nformula = "y ~ x"\nfile = 7\n',
        b'[[case]]\nid = "a"\nformula = "y ~ x"\nfile = "a\\u0000b"\n',
        b'[[case]]\nid = "a"\nformula = "y ~ x"\nquantities = 3\n',
        b'[[case]]\nid = "a"\nformula = "y ~ x"\nwaive = [{quantity = 1}]\n',
        b"[defaults]\nid = {a = 1}\n[[case]]\n",
    ],
)
def test_a_case_file_that_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cases.toml").write_bytes(content)
    with pytest.raises(CaseError):
        load_cases([tmp_path])


@settings(max_examples=200, deadline=None)
@given(table=st.dictionaries(st.sampled_from(["id", "data", "formula", "file", "call", "boot", "also", "waive"]), JSON))
def test_a_case_of_any_kind_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, table: dict[str, Any]) -> None:
    folder = tmp_path_factory.mktemp("cases")
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items() if value is not None]
    (folder / "cases.toml").write_text("\n".join(["[[case]]", *lines]), encoding="utf-8", errors="replace")
    with suppress(CaseError):
        load_cases([folder])


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    good = results.from_json(GOLDEN)
    path = write_results(good, tmp_path)
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match=r"could not be written \(No space left on device\): what was there before"):
        write_results(good, tmp_path)
    assert path.read_bytes() == before
    with pytest.raises(FileError, match="nothing was left behind"):
        write_whole(tmp_path / "new.html", "<html>")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_file_written_whole_is_as_readable_as_any(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("a")
    write_whole(tmp_path / "whole", "a")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode
    (tmp_path / "plain").chmod(0o600)
    write_whole(tmp_path / "plain", b"b")
    assert (tmp_path / "plain").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileError, match="could not be written"):
        write_whole(tmp_path / "no" / "folder", "a")
