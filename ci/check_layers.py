"""Check the floor plan: import rows, walls and sizes, read from the syntax trees without importing anything.

Run from the project root: ``python ci/check_layers.py``. It prints one line for each breach and exits with status 1 if
there is any.

Rows: a file imports only rows below its own; rooms in one row are strangers.
Walls: data frames belong to ``formula/`` and ``datasets/`` (rooms that answer the user may return pandas objects); text
is made in ``printing/``; sparse storage belongs to ``linalg/``; R is reached from rcompare's engine and bridge only.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROWS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("arguments", "files", "threads"),
    ("linalg", "rcompat", "structured"),
    ("covariance", "control", "datasets"),
    ("formula",),
    ("criterion", "optimize"),
    ("model",),
    ("methods", "classical"),
    ("inference",),
    ("printing",),
    ("plots",),
    ("dotted",),
    ("lmer",),
    ("__init__", "__main__"),
)
ROW = {room: number for number, row in enumerate(ROWS) for room in row}

FRAME_READERS = {"pylmer.formula", "pylmer.datasets"}
# rcompat/factors.py needs only pandas' hash table, on plain arrays.
HASHING = {"pylmer.rcompat.factors"}
# printing/structure.py shows what a data frame holds: R's str().
DESCRIBING = {"pylmer.printing.structure"}
FRAME_GIVERS = (
    FRAME_READERS
    | HASHING
    | DESCRIBING
    | {f"pylmer.{room}" for room in ("methods", "classical", "inference", "plots", "dotted")}
)
R_FILES = {"rcompare.engines.r", "rcompare.bridge"}
WALLS: tuple[tuple[tuple[str, ...], set[str], str], ...] = (
    (("narwhals", "polars", "pyarrow"), FRAME_READERS, "only formula/ and datasets/ read data frames"),
    (("pandas",), FRAME_GIVERS, "beyond formula/ and datasets/ there are arrays and labels"),
    (("scipy.sparse", "sksparse"), {"pylmer.linalg"}, "only linalg/ knows storage"),
    (("matplotlib",), {"pylmer.plots"}, "only plots/ draws"),
)
FORBIDDEN_MODULES = ("pickle", "marshal", "shelve", "dill", "cloudpickle")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60


@dataclass(frozen=True)
class Import:
    """One imported module or name: ``target`` is dotted and absolute."""

    target: str
    line: int
    typing_only: bool


def main(root: Path) -> int:
    """Print every breach below ``root`` and return the exit status."""
    breaches = list(check(root))
    for breach in breaches:
        print(breach)
    print(f"breaches: {len(breaches)}" if breaches else "layers: every row and wall stands")
    return 1 if breaches else 0


def check(root: Path) -> Iterator[str]:
    """Yield ``path:line: what is wrong`` for every Python file of pylmer and rcompare."""
    for package in ("pylmer", "rcompare"):
        for path in sorted((root / package).rglob("*.py")):
            where = path.relative_to(root)
            module = ".".join(where.with_suffix("").parts)
            source = path.read_text(encoding="utf-8")
            tree = ast.parse(source)
            found = [
                *imports_faults(module, list(imports(tree, module))),
                *call_faults(module, tree),
                *size_faults(source, tree),
            ]
            for line, text in sorted(found):
                yield f"{where}:{line}: {text}"


def imports(tree: ast.Module, module: str) -> Iterator[Import]:
    """Every import of a file, wherever it stands, as absolute dotted names."""
    typing_only = {id(node) for block in ast.walk(tree) if _is_type_checking(block) for node in ast.walk(block)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, id(node) in typing_only)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")[: -node.level]
                base = ".".join([*parents, *([base] if base else [])])
            for alias in node.names:
                yield Import(f"{base}.{alias.name}", node.lineno, id(node) in typing_only)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def room_of(module: str) -> str:
    """Room of a dotted pylmer name: ``linalg`` for ``pylmer.linalg.rank``; a name that is no room is the front door."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ROW else "__init__"


def imports_faults(module: str, found: list[Import]) -> Iterator[tuple[int, str]]:
    """Breaches of the rows and of the walls that stand on imports."""
    for item in found:
        if within(item.target, "pylmer") and within(module, "pylmer"):
            yield from _row_faults(module, item)
        if within(item.target, "rcompare") and within(module, "pylmer"):
            yield item.line, f"imports {item.target}: pylmer never imports rcompare"
        if within(item.target, "rpy2") and module not in R_FILES:
            yield item.line, f"imports {item.target}: only the R engine and the bridge reach R"
        if any(within(item.target, name) for name in FORBIDDEN_MODULES):
            yield item.line, f"imports {item.target}: nothing from outside may reach it"
        if within(module, "pylmer") and not item.typing_only:
            yield from _wall_faults(module, item)


def _row_faults(module: str, item: Import) -> Iterator[tuple[int, str]]:
    own, other = room_of(module), room_of(item.target)
    if module.split(".")[1] not in ROW:
        yield item.line, f"{module} is in no row: give it one in ci/check_layers.py"
    elif own != other and ROW[other] >= ROW[own]:
        yield item.line, f"imports {item.target}: {other} is not below {own}"
    elif other == "datasets" and own not in {"datasets", "__init__", "__main__"}:
        yield item.line, f"imports {item.target}: the library does not depend on its data sets"


def _wall_faults(module: str, item: Import) -> Iterator[tuple[int, str]]:
    for targets, rooms, reason in WALLS:
        if any(within(item.target, t) for t in targets) and not any(within(module, r) for r in rooms):
            yield item.line, f"imports {item.target}: {reason}"
    name = item.target.rpartition(".")[2]
    if (
        within(item.target, "pylmer.rcompat")
        and name.startswith("print_")
        and room_of(module) not in {"printing", "rcompat"}
    ):
        yield item.line, f"imports {item.target}: only printing/ makes text"


def within(module: str, package: str) -> bool:
    """Whether ``module`` is ``package`` or lies inside it."""
    return module == package or module.startswith(package + ".")


def call_faults(module: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Calls of ``print`` outside printing/, and of ``eval``, ``exec``, ``compile`` anywhere."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        if node.func.id in {"eval", "exec", "compile"}:
            yield node.lineno, f"calls {node.func.id}: text is data"
        if node.func.id == "print" and within(module, "pylmer") and room_of(module) != "printing":
            yield node.lineno, "calls print: only printing/ makes text"


def size_faults(source: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Files over 400 lines and functions over 60 lines of code (docstring, comments and blank lines not counted)."""
    lines = source.splitlines()
    if len(lines) > MAX_FILE_LINES:
        yield len(lines), f"file has {len(lines)} lines, the limit is {MAX_FILE_LINES}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            first = body[0].lineno if body else node.lineno
            code = [text for text in lines[first - 1 : node.end_lineno] if text.strip() and text.strip()[0] != "#"]
            if len(code) > MAX_FUNCTION_LINES:
                yield node.lineno, f"{node.name} has {len(code)} lines of code, the limit is {MAX_FUNCTION_LINES}"


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent))
