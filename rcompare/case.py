"""The one list of cases: what is fitted, on which data, and which quantities are compared."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["CALLS", "GROUPS", "Case", "CaseError", "Draws", "Waiver", "builtin_cases", "load_cases", "select"]

GROUPS: dict[str, tuple[str, ...]] = {
    "lmer": ("structure", "fit", "effects", "rows", "text"),
    "lm": ("fit", "text"),
    "aov": ("fit", "text"),
    "data": ("fit", "text"),
    "lmList": ("fit", "text"),
}
"""For each call the groups of quantities that a case wants when it does not say."""

EXTRA_GROUPS = (
    *("boot", "simulate", "icc", "heads", "wald", "profile", "satterthwaite", "influence", "anova", "drop1", "against"),
    *("predictions", "simulations", "refits", "comparisons", "several", "allFit", "replay", "intervals", "bootstrap"),
    *("diagnostics", "deletions", "getME", "extractors", "conversions", "modular", "tools"),
)
"""Groups that a case must ask for."""

CALLS = tuple(GROUPS)

T = TypeVar("T")

LARGEST_FILE = 5_000_000

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


class CaseError(ValueError):
    """A case that cannot be read or run: says what is wrong, the value met, and what to do."""


@dataclass(frozen=True)
class Draws:
    """Simulated responses: how many, from which seed."""

    nsim: int
    seed: int


@dataclass(frozen=True)
class Waiver:
    """A comparison that is known to fail, and why; it is strict: it fails when the comparison starts to pass.

    Parameters
    ----------
    quantity
        Name of the quantity, ``"text.summary"``.
    reason
        Why the difference is right to stay.
    stage
        The stage in which it differs; None for every stage.
    least, most
        The difference, on the quantity's scale, must lie between these; texts and labels have none.
    """

    quantity: str
    reason: str
    stage: int | None = None
    least: float = 0.0
    most: float = float("inf")


@dataclass(frozen=True)
class Case:
    """One model on one data set.

    Parameters
    ----------
    id
        Letters, digits, ``.``, ``_`` and ``-``; also the name of its golden file.
    data
        Name of a data set of :mod:`pylmer.datasets`, and the name under which the data stand in printed calls.
    call
        ``lmer``, ``lmList``, ``lm``, ``aov`` or ``data``.
    formula
        In R's language; empty for ``data``.
    file
        CSV file with a schema beside it, instead of a data set.
    REML, weights, offset, subset, contrasts, na_action
        As in ``lmer``; weights and offset name a column, contrasts map a factor to ``contr.sum`` and so on.
    against
        Formula of a smaller model, for the groups ``against`` and ``several``: ``anova`` of the two.
    groups
        Groups of quantities wanted, see :data:`GROUPS` and :data:`EXTRA_GROUPS`.
    boot, simulate
        The draws of the groups ``boot`` and ``simulate``.
    tags
        For selection on the command line.
    waivers
        Known differences.
    """

    id: str
    data: str
    call: str = "lmer"
    formula: str = ""
    title: str = ""
    file: Path | None = None
    REML: bool = True
    weights: str | None = None
    offset: str | None = None
    subset: str | None = None
    contrasts: Mapping[str, str] = field(default_factory=dict)
    na_action: str | None = None
    against: str | None = None
    groups: tuple[str, ...] = ()
    boot: Draws | None = None
    simulate: Draws | None = None
    tags: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()

    def __post_init__(self) -> None:
        if not _ID.match(self.id):
            raise CaseError(f"a case's id may have letters, digits, '.', '_' and '-' only (met {self.id!r})")
        if self.call not in CALLS:
            raise CaseError(f"case {self.id}: unknown call {self.call!r}; known are {', '.join(CALLS)}")
        if bool(self.formula) == (self.call == "data"):
            raise CaseError(
                f"case {self.id}: a call of {self.call!r} {'has no' if self.formula else 'needs a'} formula"
            )
        known = (*GROUPS[self.call], *EXTRA_GROUPS)
        for group in self.groups:
            if group not in known:
                raise CaseError(f"case {self.id}: unknown group of quantities {group!r}; known are {', '.join(known)}")
        object.__setattr__(self, "groups", self.groups or GROUPS[self.call])


def _case(table: Mapping[str, Any], folder: Path) -> Case:
    entry = dict(table)
    _check_types(entry)
    known = {f.name for f in fields(Case)} - {"waivers", "groups"} | {"waive", "quantities", "also"}
    for key in entry:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(sorted(known))}"
            raise CaseError(f"case {entry.get('id', '?')}: unknown key {key!r}{hint}")
    for key in ("id",):
        if key not in entry:
            raise CaseError(f"a case has no {key!r}: {entry}")
    call = entry.get("call", "lmer")
    groups = tuple(entry.pop("quantities", GROUPS.get(call, ()))) + tuple(entry.pop("also", ()))
    waivers = tuple(_made(Waiver, w, entry["id"], "waive") for w in entry.pop("waive", ()))
    for key in ("boot", "simulate"):
        if key in entry:
            entry[key] = _made(Draws, entry[key], entry["id"], key)
            groups += (key,)
    if "against" in entry:
        groups += ("against",)
    if "file" in entry:
        entry["file"] = _inside(folder, entry["file"], entry["id"])
        entry.setdefault("data", Path(entry["file"]).stem)
    if "data" not in entry:
        raise CaseError(f"case {entry['id']}: names neither a data set ('data') nor a file ('file')")
    entry["tags"] = tuple(entry.get("tags", ()))
    return Case(**entry, groups=groups, waivers=waivers)


TYPES: dict[type, tuple[str, ...]] = {
    str: (*("id", "data", "call", "formula", "title", "file", "weights", "offset", "subset", "na_action", "against"),),
    bool: ("REML",),
    list: ("tags", "quantities", "also", "waive"),
    dict: ("contrasts", "boot", "simulate"),
}
"""What TOML must give for each key."""


def _check_types(entry: Mapping[str, Any]) -> None:
    for kind, keys in TYPES.items():
        for key in keys:
            if key in entry and not isinstance(entry[key], kind):
                name = {str: "text", bool: "true or false", list: "a list", dict: "a table"}[kind]
                raise CaseError(f"case {entry.get('id', '?')}: {key!r} must be {name} (met {entry[key]!r})")


def _made(kind: type[T], table: Any, case_id: str, key: str) -> T:
    """Make a waiver, or draws, of a table of the case file."""
    try:
        made = kind(**table)
    except TypeError as err:
        raise CaseError(f"case {case_id}: {key!r} cannot be read: {err}") from None
    if isinstance(made, Draws) and not (isinstance(made.nsim, int) and isinstance(made.seed, int)):
        raise CaseError(f"case {case_id}: nsim and seed of {key!r} must be whole numbers (met {table})")
    return made


def _inside(folder: Path, name: str, id: str) -> Path:
    """The file of a case; it must lie in the folder of the case file, also where a link leads elsewhere."""
    try:
        file = (folder / name).resolve()
        inside = file.is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError) as err:
        raise CaseError(f"case {id}: {name!r:.80} cannot be a file: {err}") from None
    if not inside:
        raise CaseError(f"case {id}: the file {name!r:.80} lies outside of {folder}; put it beside the case file")
    return file


def _content(file: Path) -> dict[str, Any]:
    """A case file as nested tables."""
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise CaseError(f"{file} has more than {LARGEST_FILE} bytes: it is no case file")
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as err:
        raise CaseError(f"{file} is not TOML: {err}") from None
    except (UnicodeDecodeError, RecursionError, ValueError) as err:
        if isinstance(err, CaseError):
            raise
        raise CaseError(f"{file} is not TOML: {err}") from None
    except OSError as err:
        raise CaseError(f"{file} cannot be read: {err}") from None


def _refuse_other_shapes(content: Mapping[str, Any], file: Path) -> None:
    tables = content.get("case", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise CaseError(f"{file}: 'case' is {tables!r:.40}; write [[case]] tables")
    if not isinstance(content.get("defaults", {}), dict):
        raise CaseError(f"{file}: 'defaults' is {content['defaults']!r:.40}; write a table [defaults]")


def load_cases(paths: Iterable[Path]) -> list[Case]:
    """Read cases from TOML files, or from all ``*.toml`` of folders.

    A file may have a table ``[defaults]`` whose keys go into each of its ``[[case]]`` tables, and ``[[divergence]]``
    tables, which :func:`rcompare.divergences.load_register` reads.

    Raises
    ------
    CaseError
        For unreadable files, unknown keys and ids that occur twice.
    """
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        if not found or not found[0].exists():
            raise CaseError(f"no case files at {path}")
        files += found
    cases: dict[str, Case] = {}
    for file in files:
        content = _content(file)
        for key in content:
            if key not in ("defaults", "case", "divergence"):
                raise CaseError(f"{file}: unknown table {key!r}; known are [[case]], [defaults] and [[divergence]]")
        _refuse_other_shapes(content, file)
        defaults = content.get("defaults", {})
        for table in content.get("case", []):
            case = _case({**defaults, **table}, file.parent)
            if case.id in cases:
                raise CaseError(f"{file}: the id {case.id!r} occurs twice")
            cases[case.id] = case
    if not cases:
        raise CaseError(f"no [[case]] in {', '.join(map(str, files))}")
    return list(cases.values())


def builtin_cases() -> list[Case]:
    """Read the cases that come with rcompare."""
    return load_cases([Path(__file__).parent / "cases"])


def select(cases: Iterable[Case], names: Iterable[str] = (), tags: Iterable[str] = ()) -> list[Case]:
    """Choose cases by id, else by tag or file-name-like pattern (``hsb-*``); no names and no tags means all.

    Raises
    ------
    CaseError
        For a name that fits no case.
    """
    pool, chosen = list(cases), []
    wanted_tags = set(tags)
    for name in names:
        pattern = re.compile(re.escape(name).replace(r"\*", ".*") + r"\Z")
        found = [c for c in pool if c.id == name] or [c for c in pool if pattern.match(c.id) or name in c.tags]
        if not found:
            near = difflib.get_close_matches(name, [c.id for c in pool] + [t for c in pool for t in c.tags], 3)
            raise CaseError(f"no case or tag is called {name!r}" + (f"; near are {', '.join(near)}" if near else ""))
        chosen += [c for c in found if c not in chosen]
    chosen = [c for c in chosen or pool if not wanted_tags or wanted_tags & set(c.tags)]
    if pool and not chosen:
        known = sorted({tag for c in pool for tag in c.tags})
        raise CaseError(f"no case has the tag {' or '.join(sorted(wanted_tags))}; known are {', '.join(known)}")
    return chosen
