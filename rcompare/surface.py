"""The table of names: every name that lme4 exports, every method of a fit, and how far pylmer agrees with R in it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any

from rcompare.case import CaseError
from rcompare.differences import Comparison, Difference
from rcompare.engines.golden import golden_root

__all__ = [
    "STATUSES",
    "TABLE",
    "Entry",
    "Names",
    "Row",
    "as_json",
    "as_markdown",
    "find",
    "live_names",
    "load_entries",
    "measure",
    "recorded_names",
    "unaccounted",
]

TABLE = Path(__file__).parent / "surface.toml"
STATUSES = ("agrees", "differs", "not compared", "property test", "absent", "missing")
COMPARED = ("same", "digits", "waived", "differs", "missing", "stale waiver", "error")
ABSENT = "pylmer.methods.absent"
"""Where names stand that only say that they are not there."""


@dataclass(frozen=True)
class Names:
    """What R lists: ``exports`` of lme4's namespace, ``methods`` of the class merMod, of a version of lme4."""

    lme4: str
    exports: tuple[str, ...]
    methods: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Both, in this order."""
        return (*self.exports, *(name for name in self.methods if name not in self.exports))


@dataclass(frozen=True)
class Entry:
    """What surface.toml says of some names of R.

    Parameters
    ----------
    r
        R's names.
    pylmer
        pylmer's, below the package: ``"fixef"``, ``"LmerMod.plot"``; empty for what is absent.
    quantities
        Patterns of quantities in which it is compared.
    test
        The property test, where R has nothing to compare with.
    absent
        Why it is not there.
    note
        What else is to be said.
    """

    r: tuple[str, ...]
    pylmer: str = ""
    quantities: tuple[str, ...] = ()
    test: str = ""
    absent: str = ""
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One name of R with what was measured.

    Parameters
    ----------
    name, kind
        R's name; ``export``, ``method`` or both.
    pylmer
        pylmer's name.
    status
        One of :data:`STATUSES`.
    worst, tolerance
        Of all comparisons of numbers the one nearest to its tolerance: the difference, and what is allowed.
    quantity, case
        Where that is.
    numbers, texts, cases
        How many comparisons of numbers and labels, and of printed texts, in how many cases.
    last_digits
        Texts that differ in a last printed digit only.
    registered
        Comparisons in which R is registered as wrong, or different on purpose.
    note
        The property test, why it is absent, or what differs.
    """

    name: str
    kind: str
    pylmer: str
    status: str
    worst: float | None = None
    tolerance: float | None = None
    quantity: str = ""
    case: str = ""
    numbers: int = 0
    texts: int = 0
    cases: int = 0
    last_digits: int = 0
    registered: int = 0
    note: str = ""


def load_entries(path: Path = TABLE) -> tuple[Entry, ...]:
    """Read the table of names.

    Raises
    ------
    CaseError
        A key that is not known, or a name that occurs twice.
    """
    found: list[Entry] = []
    seen: set[str] = set()
    for table in tomllib.loads(path.read_text(encoding="utf-8")).get("name", []):
        unknown = set(table) - set(Entry.__dataclass_fields__)
        if unknown or "r" not in table:
            raise CaseError(f"{path}: an entry has {sorted(unknown) or 'no r'}: {table}")
        twice = seen & set(table["r"])
        if twice:
            raise CaseError(f"{path}: {', '.join(sorted(twice))} occurs twice")
        seen |= set(table["r"])
        given: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in table.items()}
        found.append(Entry(**given))
    return tuple(found)


def recorded_names(version: str = "1.1-31", folder: Path | None = None) -> Names:
    """Read R's lists, recorded by ``fixtures/surface/record_names.R``."""
    path = (folder or golden_root().parent / "surface") / f"lme4-{version}.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    return Names(data["lme4"], tuple(data["exports"]), tuple(data["methods"]))


def live_names(session: Any) -> Names:
    """Ask R for its lists."""
    exports = "sort(unique(parseNamespaceFile('lme4', dirname(system.file(package = 'lme4')))$exports))"
    return Names(
        session.strings("packageDescription('lme4')$Version")[0],
        tuple(session.strings(exports)),
        tuple(session.strings("sort(as.character(methods(class = 'merMod')))")),
    )


def unaccounted(names: Names, entries: Iterable[Entry]) -> tuple[str, ...]:
    """Names of R that have no entry, and entries for names that R has not."""
    known = {name for entry in entries for name in entry.r}
    return (*(n for n in names.all if n not in known), *sorted(known - set(names.all)))


def find(path: str) -> object | None:
    """What pylmer has under a name such as ``"LmerMod.plot"``; None also for what only says that it is not there."""
    thing: Any = import_module("pylmer")
    for part in path.split("."):
        thing = getattr(thing, part, None)
    return None if getattr(thing, "__module__", "") == ABSENT else thing


def measure(names: Names, entries: Sequence[Entry], comparisons: Iterable[Comparison]) -> list[Row]:
    """Put the comparisons of a run to the names, one row for each name of R."""
    differences = [d for c in comparisons for d in c.differences if d.status in COMPARED]
    by_name = {name: entry for entry in entries for name in entry.r}
    rows = []
    for name in names.all:
        kind = " and ".join(w for w, group in (("export", names.exports), ("method", names.methods)) if name in group)
        entry = by_name.get(name)
        rows.append(
            Row(name, kind, "", "missing", note="no entry") if entry is None else _row(name, kind, entry, differences)
        )
    return rows


def _row(name: str, kind: str, entry: Entry, differences: Sequence[Difference]) -> Row:
    if entry.absent:
        return Row(name, kind, "", "absent", note=entry.absent)
    if find(entry.pylmer) is None:
        return Row(name, kind, entry.pylmer, "missing", note=f"pylmer.{entry.pylmer} is not there")
    if entry.test:
        note = "; ".join(filter(None, (entry.test, entry.note)))
        return Row(name, kind, entry.pylmer, "property test", note=note)
    mine = [d for d in differences if any(_matches(d.quantity, p) for p in entry.quantities)]
    bad = [d for d in mine if d.fails]
    status = "differs" if bad else "agrees" if mine else "not compared"
    what = "; ".join(sorted({f"{d.quantity} in {d.case}: {d.status}" for d in bad}))
    return Row(name, kind, entry.pylmer, status, note=what or entry.note, **_figures(mine))


def _matches(quantity: str, pattern: str) -> bool:
    return fnmatchcase(quantity.removesuffix(" (end to end)"), pattern)


def _excess(d: Difference) -> float:
    """What counts of a difference: its size, but nothing of a criterion at the own optimum that is below R's."""
    return max(d.size, 0.0) if (d.quantity, d.stage) == ("criterion", 2) else abs(d.size)


def _figures(mine: Sequence[Difference]) -> dict[str, Any]:
    sized = [d for d in mine if d.size == d.size and d.tolerance == d.tolerance and d.status != "waived"]
    out: dict[str, Any] = {
        "numbers": sum(not d.quantity.startswith("text.") for d in mine),
        "texts": sum(d.quantity.startswith("text.") for d in mine),
        "cases": len({d.case for d in mine}),
        "last_digits": sum(d.status == "digits" for d in mine),
        "registered": sum(d.status == "waived" for d in mine),
    }
    if sized:
        worst = max(sized, key=lambda d: (_excess(d) / (d.tolerance or 1.0), _excess(d)))
        out.update(worst=_excess(worst), tolerance=worst.tolerance, quantity=worst.quantity, case=worst.case)
    return out


# -------------------------------------------------------------------------------------------------------------- reports

COLUMNS = ("R", "pylmer", "status", "worst", "allowed", "where", "compared", "note")


def cells(row: Row) -> tuple[str, ...]:
    """The cells of a row, for a table."""
    worst = "" if row.worst is None else f"{row.worst:.1e}" if row.worst else "0"
    allowed = "" if row.tolerance is None else f"{row.tolerance:.0e}" if row.tolerance else "0"
    where = f"{row.quantity}, {row.case}" if row.quantity else ""
    counts = [f"{row.numbers} numbers"] * bool(row.numbers) + [f"{row.texts} texts"] * bool(row.texts)
    compared = f"{', '.join(counts)} in {row.cases} cases" if counts else ""
    extra = [f"{row.last_digits} texts off in a last digit"] * bool(row.last_digits)
    extra += [f"{row.registered} registered: R differs"] * bool(row.registered)
    note = "; ".join(filter(None, (row.note, *extra)))
    return row.name, row.pylmer, row.status, worst, allowed, where, compared, note


def summary(rows: Sequence[Row], names: Names) -> str:
    """One line: how many of which status."""
    counts: Mapping[str, int] = {s: sum(row.status == s for row in rows) for s in STATUSES}
    told = ", ".join(f"{n} {s}" for s, n in counts.items() if n)
    return f"lme4 {names.lme4}: {len(names.exports)} exported names and {len(names.methods)} methods of a fit: {told}"


def as_json(rows: Sequence[Row], names: Names) -> str:
    """Write the table as JSON."""
    head = {"lme4": names.lme4, "exports": len(names.exports), "methods": len(names.methods)}
    return json.dumps({**head, "rows": [asdict(row) for row in rows]}, indent=1) + "\n"


def as_markdown(rows: Sequence[Row], names: Names) -> str:
    """Write the table as markdown."""
    lines = [summary(rows, names), "", f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells(row))} |" for row in rows]
    return "\n".join(lines) + "\n"
