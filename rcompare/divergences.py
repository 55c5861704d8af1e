"""The register of known divergences, which pass only while they are as registered."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path

from rcompare.case import Case, CaseError, Waiver

__all__ = ["REGISTER", "in_versions", "registered"]

REGISTER = Path(__file__).parent / "divergences.toml"


@lru_cache(maxsize=8)
def _entries(path: Path) -> tuple[tuple[tuple[str, ...], str, tuple[Waiver, ...]], ...]:
    out = []
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("divergence", []):
        for key in ("id", "versions", "cases", "quantities", "reason", "evidence"):
            if key not in entry:
                raise CaseError(f"{path}: a divergence has no {key!r}: {entry.get('id', entry)}")
        reason = f"{entry['id']}, lme4 {entry['versions']}: {entry['reason']}"
        waivers = tuple(
            Waiver(name, reason, entry.get("stage"), entry.get("least", 0.0), entry.get("most", float("inf")))
            for name in entry["quantities"]
        )
        out.append((tuple(entry["cases"]), entry["versions"], waivers))
    return tuple(out)


def registered(case: Case, version: str, path: Path = REGISTER) -> tuple[Waiver, ...]:
    """What is registered for a case when this version of lme4 answers it.

    Parameters
    ----------
    case
        The case.
    version
        ``"1.1-31"``; empty when the reference is not R.
    path
        The register.
    """
    found: list[Waiver] = []
    for cases, versions, waivers in _entries(path):
        if version and case.id in cases and in_versions(version, versions):
            found += waivers
    return tuple(found)


def in_versions(version: str, wanted: str) -> bool:
    """Whether a version lies in a range.

    Examples
    --------
    >>> in_versions("1.1-31", "<1.1-33"), in_versions("1.1-35", ">=1.1-31, <1.1-33")
    (True, False)
    """
    here = _numbers(version)
    for part in filter(None, (s.strip() for s in wanted.split(","))):
        match = re.fullmatch(r"(<=|>=|==|<|>)\s*([\d.-]+)", part)
        if match is None:
            raise CaseError(f"{part!r} is not a range of versions; write for example '<1.1-33'")
        there = _numbers(match[2])
        holds = {"<": here < there, "<=": here <= there, ">": here > there, ">=": here >= there, "==": here == there}
        if not holds[match[1]]:
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.replace("-", ".").split("."))
