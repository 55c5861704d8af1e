"""A recorded engine: answers that R gave once, read from files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

from rcompare.case import Case
from rcompare.engines.base import EngineUnavailable
from rcompare.results import Results, content_hash, read_results

__all__ = [
    "BUILTIN",
    "GoldenAltered",
    "GoldenEngine",
    "golden_folder",
    "golden_root",
    "latest_golden",
    "own_cases",
    "recording_root",
    "version_key",
]

BUILTIN = Path(__file__).resolve().parents[1] / "cases"
"""The cases that come with rcompare."""

CHECKOUT = Path(__file__).resolve().parents[2] / "fixtures" / "golden"
LME4 = "1.1-31"
SHARED = ("share", "rcompare", "golden")


class GoldenAltered(ValueError):
    """A golden file is not as R wrote it."""


def own_cases(case_files: Iterable[Path]) -> Path | None:
    """The folder of the first of a user's own case files; None when there are only those of rcompare."""
    for path in case_files:
        folder = path if path.is_dir() else path.parent
        if folder.resolve() != BUILTIN:
            return folder
    return None


def recording_root(case_files: Iterable[Path] = ()) -> Path:
    """Where golden files are written when nothing else is said.

    ``golden`` beside a user's own case files; for the cases of rcompare ``fixtures/golden`` of a checkout, else
    ``golden`` where the command was given.
    """
    own = own_cases(case_files)
    if own is not None:
        return own / "golden"
    return CHECKOUT if CHECKOUT.is_dir() else Path("golden")


def golden_root(case_files: Iterable[Path] = ()) -> Path:
    """The folder that holds one folder of golden files for each version of lme4.

    Where they are written (:func:`recording_root`); if there are none for the cases of rcompare, those that were
    installed with it.
    """
    files_ = list(case_files)
    root = recording_root(files_)
    installed = _installed()
    return installed if own_cases(files_) is None and not root.is_dir() and installed is not None else root


def _installed() -> Path | None:
    """The golden files that the installed package brought."""
    try:
        listed = files("pylmer") or []
    except PackageNotFoundError:
        return None
    for file in listed:
        if file.parts[-5:-2] == SHARED:
            return Path(str(file.locate())).resolve().parents[1]
    return None


def latest_golden(root: Path | None = None) -> Path:
    """The folder of the newest version of lme4 recorded.

    Raises
    ------
    EngineUnavailable
        If nothing has been recorded.
    """
    root = root or golden_root()
    folders = [p for p in root.glob("lme4-*") if p.is_dir()] if root.is_dir() else []
    if not folders:
        raise EngineUnavailable(f"no golden files under {root}; write them with: rcompare record")
    return max(folders, key=version_key)


def golden_folder(root: Path | None, case_files: Iterable[Path] = ()) -> Path:
    """Give the folder of golden files that a root folder, or where the case files are, stands for.

    Raises
    ------
    EngineUnavailable
        If nothing has been recorded there.
    """
    if root is not None and any(root.glob("*.json*")):
        return root
    return latest_golden(golden_root(case_files) if root is None else root)


def version_key(folder: Path) -> list[int]:
    """What folders such as ``lme4-1.1-31`` are sorted by."""
    return [int(s) for s in folder.name[5:].replace("-", ".").split(".") if s.isdigit()]


class GoldenEngine:
    """Golden files as an engine.

    Parameters
    ----------
    folder
        A folder such as ``fixtures/golden/lme4-1.1-31``; the newest one when None.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = latest_golden() if folder is None else folder
        if not self.folder.is_dir():
            raise EngineUnavailable(f"there is no folder {self.folder}; write golden files with: rcompare record")
        self.name = f"R (golden {self.folder.resolve().name})"

    @property
    def lme4_version(self) -> str:
        """The version of lme4 that answered: from the folder's name, else from the first file's stamp."""
        name = self.folder.resolve().name
        if re.match(r"lme4-\d", name):
            return name.removeprefix("lme4-")
        stamps = filter(None, map(self.stamp, self.recorded()))
        return next((str(s.get("packages", {}).get("lme4", LME4)) for s in stamps), LME4)

    def stamp(self, case: str) -> Mapping[str, Any]:
        """The stamp of a golden file by the case's id; empty where the file cannot be read."""
        try:
            return read_results(self.folder, case).stamp
        except (ValueError, KeyError, TypeError, OSError):
            return {}

    def run(self, case: Case) -> Results:
        """Read the recorded answer.

        Raises
        ------
        FileNotFoundError
            If the case was not recorded.
        GoldenAltered
            If the file was changed since R's answer was written, or cannot be read.
        """
        try:
            results = read_results(self.folder, case.id)
        except (ValueError, KeyError, TypeError, OSError) as err:
            if isinstance(err, FileNotFoundError):
                raise
            raise GoldenAltered(f"the golden file of {case.id} in {self.folder} cannot be read: {err}") from None
        if results.stamp.get("content_hash", "") not in ("", content_hash(results)):
            raise GoldenAltered(
                f"the golden file of {case.id} in {self.folder} is not as it was written (its SHA-256 differs): "
                f"take it back from version control, or record again: rcompare record {case.id}"
            )
        return results

    def has(self, case: Case) -> bool:
        """Whether the case was recorded."""
        return any((self.folder / f"{case.id}{end}").exists() for end in (".json", ".json.gz"))

    def recorded(self) -> list[str]:
        """Ids of all cases recorded."""
        names = {p.name.removesuffix(".gz").removesuffix(".json") for p in self.folder.glob("*.json*")}
        return sorted(names)
