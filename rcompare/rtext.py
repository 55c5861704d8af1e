"""The only door to R for anything that a case says: R code rebuilt from syntax trees, with a list of allowed functions.

A formula is parsed by pylmer, every call in it is looked up in :data:`ALLOWED`, and what R gets is the deparsed tree.
``system("...")``, ``pkg::f(x)``, an assignment or a function made on the spot stop here with an error.
"""

from __future__ import annotations

from pylmer.formula.ast import Call, Name, Node, walk
from pylmer.formula.deparse import deparse
from pylmer.formula.parse import parse, parse_formula
from rcompare.case import Case, CaseError

__all__ = ["ALLOWED", "call_arguments", "r_call", "r_expression", "r_formula", "r_name", "r_part"]

OPERATORS = (
    *("~", "+", "-", "*", "/", "^", ":", "%in%", "%%", "%/%", "(", "["),
    *("|", "||", "&", "&&", "!", "==", "!=", "<", ">", "<=", ">="),
)
CODING = (
    *("I", "offset", "Error", "factor", "ordered", "as.factor", "as.ordered", "relevel", "droplevels", "interaction"),
    *("C", "contr.treatment", "contr.sum", "contr.helmert", "contr.poly", "contr.SAS", "poly", "ns", "bs", "scale"),
    *("cut", "as.numeric", "as.integer", "as.character", "as.logical", "as.vector", "cbind", "nlevels", "c", "rep"),
    *("seq", "rev"),
)
MATHEMATICS = (
    *("log", "log2", "log10", "log1p", "exp", "expm1", "sqrt", "abs", "sign", "round", "signif", "floor", "ceiling"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "plogis", "qlogis", "pnorm", "qnorm"),
    *("mean", "sd", "var", "median", "min", "max", "sum", "range", "pmin", "pmax", "cumsum", "length", "rank"),
    *("trunc", "ifelse", "is.na", "unique"),
)
FUNCTIONS = frozenset(CODING + MATHEMATICS)
ALLOWED = FUNCTIONS | frozenset(OPERATORS)
"""Every function that a formula or a subset may call in R."""

NA_ACTIONS = ("na.omit", "na.exclude", "na.fail", "na.pass")
CONTRASTS = ("contr.treatment", "contr.sum", "contr.helmert", "contr.poly", "contr.SAS")


def _checked(node: Node, case_id: str) -> str:
    for piece in walk(node):
        if not isinstance(piece, Call):
            continue
        name = piece.function
        if not isinstance(name, str) or name not in ALLOWED:
            shown = name if isinstance(name, str) else deparse(name)
            raise CaseError(
                f"case {case_id}: {shown!r} is not among the functions that may reach R from a formula; "
                f"allowed are {', '.join(sorted(FUNCTIONS))} and the operators"
            )
    text = deparse(node)
    _plain_names(node, case_id)
    if parse(text) != node:
        raise CaseError(f"case {case_id}: {text!r} does not read back as the same expression, so R never sees it")
    return text


def _plain_names(node: Node, case_id: str) -> None:
    """Refuse names that could end the back-quotes around them."""
    for piece in walk(node):
        names = [piece.name] if isinstance(piece, Name) else []
        if isinstance(piece, Call):
            names += [arg.name for arg in piece.args if arg.name is not None]
        for name in names:
            _plain(name, case_id)


def _plain(name: str, case_id: str) -> str:
    if not name or any(c in "`\\" or not c.isprintable() for c in name):
        raise CaseError(f"case {case_id}: the name {name!r} cannot be handed to R")
    return name


def r_formula(text: str, case_id: str = "") -> str:
    """Rebuild a formula as R code.

    Raises
    ------
    CaseError
        If it calls something that is not in :data:`ALLOWED`.
    pylmer.errors.FormulaError
        If it is not a formula of R's language.
    """
    return _checked(parse_formula(text).node, case_id)


def r_expression(text: str, case_id: str = "") -> str:
    """Rebuild an expression (a subset) as R code; errors as for :func:`r_formula`."""
    return _checked(parse(text), case_id)


def r_part(node: Node, case_id: str = "") -> str:
    """Rebuild a piece of a formula's tree as R code; errors as for :func:`r_formula`."""
    return _checked(node, case_id)


def r_name(name: str) -> str:
    """A name as R code, in back-quotes where it needs them."""
    return deparse(Name(_plain(name, name)))


def r_call(case: Case) -> str:
    """Write the call of a case in R: ``lmer(Reaction ~ Days + (Days | Subject), data = sleepstudy, REML = FALSE)``."""
    if case.call == "data":
        return f"({r_name(case.data)})"
    args = [r_formula(case.formula, case.id), f"data = {r_name(case.data)}"]
    if case.call == "lmer" and not case.REML:
        args.append("REML = FALSE")
    named = [f"{key} = {r_name(name)}" for key in ("weights", "offset") if (name := getattr(case, key)) is not None]
    args += [*call_arguments(case, "subset"), *named, *call_arguments(case, "na.action", "contrasts")]
    return f"{case.call}({', '.join(args)})"


def call_arguments(case: Case, *wanted: str) -> list[str]:
    """The arguments ``subset``, ``na.action`` and ``contrasts`` of a case in R (all, or those wanted)."""
    args = {}
    if case.subset is not None:
        args["subset"] = r_expression(case.subset, case.id)
    if case.na_action is not None:
        args["na.action"] = _one_of(case.na_action, NA_ACTIONS, case.id)
    if case.contrasts:
        pairs = [f'{r_name(f)} = "{_one_of(c, CONTRASTS, case.id)}"' for f, c in case.contrasts.items()]
        args["contrasts"] = f"list({', '.join(pairs)})"
    return [f"{key} = {code}" for key, code in args.items() if key in (wanted or args)]


def _one_of(name: str, known: tuple[str, ...], case_id: str) -> str:
    if name not in known:
        raise CaseError(f"case {case_id}: unknown {name!r}; known are {', '.join(known)}")
    return name
