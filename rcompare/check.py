"""Whether golden files are complete, and belong to today's data, calls and scripts."""

from __future__ import annotations

from collections.abc import Iterable

from rcompare.case import Case
from rcompare.datatable import case_hash
from rcompare.engines.golden import GoldenAltered, GoldenEngine
from rcompare.engines.scripts import script_hash
from rcompare.rtext import r_call

__all__ = ["STAMPED", "stale_files"]

STAMPED = (
    "R",
    "packages",
    "BLAS",
    "LAPACK",
    "locale",
    "RNGkind",
    "platform",
    "recorded",
    "call",
    "data_hash",
    "content_hash",
)
"""What every golden file must say about its origin."""


def stale_files(cases: Iterable[Case], golden: GoldenEngine) -> list[tuple[str, str]]:
    """List (case, problem) for every golden file that is missing or no longer fits."""
    return [(case.id, problem) for case in cases for problem in _problems(case, golden)]


def _problems(case: Case, golden: GoldenEngine) -> list[str]:
    if not golden.has(case):
        return [f"not recorded; write it with: rcompare record {case.id}"]
    try:
        stamp = golden.run(case).stamp
    except GoldenAltered as err:
        return [str(err)]
    found = [f"its stamp has no {key!r}" for key in STAMPED if key not in stamp]
    if stamp.get("call") != r_call(case):
        found.append(f"recorded for another call: {stamp.get('call')}")
    if stamp.get("data_hash") != case_hash(case):
        found.append("recorded from other data (the SHA-256 differs)")
    if stamp.get("script_hash") != script_hash():
        found.append(f"recorded by other scripts; record again: rcompare record {case.id}")
    return found
