"""A recorded engine: answers that R gave once, read from files."""

from __future__ import annotations

from pathlib import Path

from rcompare.case import Case
from rcompare.engines.base import EngineUnavailable
from rcompare.results import Results, read_results

__all__ = ["GoldenEngine", "golden_root", "latest_golden", "version_key"]


def golden_root() -> Path:
    """The folder that holds one folder of golden files for each version of lme4.

    ``fixtures/golden`` of the project when rcompare runs from a checkout, else ``golden`` where the command was given.
    """
    checkout = Path(__file__).resolve().parents[2] / "fixtures" / "golden"
    return checkout if checkout.is_dir() else Path("golden")


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
        self.name = f"R (golden {self.folder.name})"

    @property
    def lme4_version(self) -> str:
        """The version of lme4 that answered, from the folder's name."""
        return self.folder.name.removeprefix("lme4-")

    def run(self, case: Case) -> Results:
        """Read the recorded answer.

        Raises
        ------
        FileNotFoundError
            If the case was not recorded.
        """
        return read_results(self.folder, case.id)

    def has(self, case: Case) -> bool:
        """Whether the case was recorded."""
        return any((self.folder / f"{case.id}{end}").exists() for end in (".json", ".json.gz"))
