"""The register of known divergences, which pass only while they are as registered."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

from rcompare.case import Case, CaseError, Waiver

__all__ = ["REGISTER", "Divergence", "builtin_register", "in_versions", "load_register", "registered"]

REGISTER = Path(__file__).parent / "divergences.toml"

KEYS = ("id", "versions", "cases", "quantities", "reason", "evidence")


@dataclass(frozen=True)
class Divergence:
    """Something in which a package is known to be wrong, or different on purpose.

    Parameters
    ----------
    id
        Its name.
    versions
        The versions that are affected, ``"<1.1-33"`` or ``">=1.1-31, <1.1-33"``.
    cases
        Ids of cases, or patterns (``"cbpp-*"``).
    quantities
        What differs.
    reason, evidence
        Why the difference is right to stay, and how anybody can see it.
    package
        The package that is affected, of either engine.
    stage
        The stage in which it shows; None for every stage.
    least, most
        Bounds of the difference on the quantity's scale; outside them it is another difference, and fails.
    """

    id: str
    versions: str
    cases: tuple[str, ...]
    quantities: tuple[str, ...]
    reason: str
    evidence: str
    package: str = "lme4"
    stage: int | None = None
    least: float = 0.0
    most: float = float("inf")

    @property
    def waivers(self) -> tuple[Waiver, ...]:
        """The comparisons that may fail."""
        reason = f"{self.id}, {self.package} {self.versions}: {self.reason}"
        return tuple(Waiver(name, reason, self.stage, self.least, self.most) for name in self.quantities)

    def concerns(self, case: Case) -> bool:
        """Whether the case is among those registered."""
        return any(fnmatchcase(case.id, pattern) for pattern in self.cases)

    def affects(self, stamp: Mapping[str, Any]) -> bool:
        """Whether the engine with this stamp answers by an affected version of the package."""
        package = stamp.get("package", "lme4" if stamp.get("engine") == "R" else None)
        version = stamp.get("packages", {}).get(package)
        return package == self.package and version is not None and in_versions(str(version), self.versions)


def builtin_register() -> tuple[Divergence, ...]:
    """The register that comes with rcompare."""
    return load_register([REGISTER])


def load_register(paths: Iterable[Path]) -> tuple[Divergence, ...]:
    """Read the ``[[divergence]]`` tables of TOML files (of all ``*.toml`` of folders).

    Raises
    ------
    CaseError
        For unreadable files, unknown or missing keys, ranges that cannot be read and ids that occur twice.
    """
    files = [file for path in paths for file in (sorted(path.glob("*.toml")) if path.is_dir() else [path])]
    found: dict[str, Divergence] = {}
    for file in files:
        for entry in _entries(file):
            if entry.id in found:
                raise CaseError(f"{file}: the divergence {entry.id!r} is registered twice")
            found[entry.id] = entry
    return tuple(found.values())


@lru_cache(maxsize=32)
def _entries(path: Path) -> tuple[Divergence, ...]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("divergence", [])
    except (OSError, tomllib.TOMLDecodeError) as err:
        raise CaseError(f"{path} cannot be read as a register of divergences: {err}") from None
    return tuple(_entry(table, path) for table in tables)


def _entry(table: Mapping[str, Any], path: Path) -> Divergence:
    said = table.get("id", dict(table))
    for key in KEYS:
        if not table.get(key):
            raise CaseError(f"{path}: a divergence has no {key!r}: {said}")
    for key in table:
        if key not in Divergence.__dataclass_fields__:
            known = ", ".join(Divergence.__dataclass_fields__)
            raise CaseError(f"{path}: the divergence {said} has an unknown key {key!r}; known are {known}")
    lists = {key: tuple(table[key]) for key in ("cases", "quantities")}
    in_versions("0", table["versions"])
    return Divergence(**{**table, **lists})


def registered(
    case: Case, stamps: tuple[Mapping[str, Any], Mapping[str, Any]], register: Iterable[Divergence]
) -> tuple[Waiver, ...]:
    """What is registered for a case, where one engine is affected and the other is not.

    Two engines that are both affected must agree with each other, so nothing is waived between them.

    Parameters
    ----------
    case
        The case.
    stamps
        Who answers: ``engine``, ``package`` (lme4 where the engine is R) and ``packages`` with their versions.
    register
        The entries.
    """
    found: list[Waiver] = []
    for entry in register:
        if entry.concerns(case) and entry.affects(stamps[0]) != entry.affects(stamps[1]):
            found += entry.waivers
    return tuple(found)


def in_versions(version: str, wanted: str) -> bool:
    """Whether a version lies in a range.

    Raises
    ------
    CaseError
        If the range cannot be read.

    Examples
    --------
    >>> in_versions("1.1-31", "<1.1-33"), in_versions("1.1-35", ">=1.1-31, <1.1-33")
    (True, False)
    """
    here, inside = _numbers(version), True
    for part in filter(None, (s.strip() for s in wanted.split(","))):
        match = re.fullmatch(r"(<=|>=|==|<|>)\s*(\d[\d.-]*)", part)
        if match is None:
            raise CaseError(f"{part!r} is not a range of versions; write for example '<1.1-33' or '>=1.1-31, <1.1-33'")
        there = _numbers(match[2])
        holds = {"<": here < there, "<=": here <= there, ">": here > there, ">=": here >= there, "==": here == there}
        inside = inside and holds[match[1]]
    return inside


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.split(r"[.-]", version) if part.isdigit())
