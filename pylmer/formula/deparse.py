"""From tree to text, in R's own spelling."""

from __future__ import annotations

from pylmer.formula.ast import Arg, Call, Constant, Name, Node, Number, String
from pylmer.formula.tokens import is_syntactic_name

__all__ = ["deparse"]


def deparse(node: Node) -> str:
    """Spell a tree as R does."""
    if isinstance(node, Name):
        return node.name if is_syntactic_name(node.name) else f"`{node.name}`"
    if isinstance(node, Number):
        return f"{node.value:.15g}" + "L" * node.integer
    if isinstance(node, String):
        return '"' + node.value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(node, Constant):
        return node.name
    assert isinstance(node, Call)
    f, args = node.function, [_arg(a) for a in node.args]
    if f == "(":
        return f"({args[0]})"
    if f in ("[", "[["):
        return f"{args[0]}{f}{', '.join(args[1:])}{']' * len(f)}"
    if f in ("/", "^", ":", "%%", "$", "@", "::", ":::") and len(args) == 2:
        return f.join(args) if isinstance(f, str) else ""
    if (node.is_infix) and len(args) == 2:
        return f" {f} ".join(args)
    if f in ("-", "+", "!", "~"):
        return f"{f}{args[0]}"
    head = deparse(f) if isinstance(f, Node) else deparse(Name(f))
    return f"{head}({', '.join(args)})"


def _arg(arg: Arg) -> str:
    value = "" if arg.value is None else deparse(arg.value)
    return value if arg.name is None else f"{deparse(Name(arg.name))} = {value}"
