"""New formulas out of old ones: ``update.formula``, ``drop.terms``, ``reformulate``, ``delete.response``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from pylmer.errors import FormulaError
from pylmer.formula.ast import Constant, Name, Node, call, map_leaves
from pylmer.formula.parse import Formula, as_formula, parse
from pylmer.formula.terms import DOT, Terms, terms

__all__ = ["delete_response", "drop_terms", "reformulate", "simplified", "substituted", "update_formula"]


def update_formula(old: str | Formula, new: str | Formula) -> Formula:
    """Change a formula as R's ``update.formula`` does.

    In ``new``, a ``.`` left of the tilde stands for the old response, one right of it for the old right-hand side. The
    result is simplified: its terms are written out in R's order.

    Parameters
    ----------
    old
        The formula to change.
    new
        The change, such as ``". ~ . - x + z"``; without a left-hand side the old response stays.

    Raises
    ------
    FormulaError
        If the old right-hand side itself has a ``.``, which only the data could write out.

    Examples
    --------
    >>> print(update_formula("y ~ a * b + (1 | g)", ". ~ . - a:b"))
    y ~ a + b + (1 | g)
    >>> print(update_formula("y ~ x", "log(.) ~ . - 1"))
    log(y) ~ x - 1
    """
    return _updated(as_formula(old), as_formula(new))


def drop_terms(formula: str | Formula | Terms, dropped: Iterable[int | str], keep_response: bool = False) -> Terms:
    """Leave terms out (R's ``drop.terms``); offsets go as well, as in R.

    Parameters
    ----------
    formula
        The formula or its terms.
    dropped
        What to leave out: positions counted from 0, or labels.
    keep_response
        Keep the left-hand side; R's default is to drop it.

    Raises
    ------
    FormulaError
        If no term is left, or one to be dropped does not exist.

    Examples
    --------
    >>> print(drop_terms("y ~ a * b", ["a:b"], keep_response=True))
    y ~ a + b
    """
    found = formula if isinstance(formula, Terms) else terms(formula)
    labels = found.term_labels
    gone = {_position(labels, which) for which in dropped}
    if not gone:
        return found
    left = [label for index, label in enumerate(_joinable(labels)) if index not in gone]
    if not left:
        raise FormulaError(f"drop_terms: no term is left of '{found.formula}'")
    response = found.variables[0] if keep_response and found.response else None
    return terms(reformulate(left, response, intercept=bool(found.intercept)))


def delete_response(formula: str | Formula | Terms) -> Terms:
    """Take the left-hand side away (R's ``delete.response``).

    Examples
    --------
    >>> print(delete_response("log(y) ~ a + offset(w)"))
    ~a + offset(w)
    """
    found = formula if isinstance(formula, Terms) else terms(formula)
    return terms(Formula.of(call("~", found.formula.rhs))) if found.response else found


def reformulate(termlabels: str | Sequence[str], response: str | Node | None = None, intercept: bool = True) -> Formula:
    """Make a formula of the labels of its terms (R's ``reformulate``).

    Parameters
    ----------
    termlabels
        The terms, as R code.
    response
        The left-hand side: R code, or the name of a variable even if it is no R code.
    intercept
        False adds ``- 1``.

    Examples
    --------
    >>> print(reformulate(["a", "b:c"], "y", intercept=False))
    y ~ a + b:c - 1
    """
    labels = [termlabels] if isinstance(termlabels, str) else list(termlabels)
    if not labels:
        raise FormulaError("'termlabels' must be a character vector of length at least one")
    rhs = parse(" + ".join(labels) + ("" if intercept else " - 1"))
    if response is None:
        return Formula.of(call("~", rhs))
    return Formula.of(call("~", response if isinstance(response, Node) else _response(response), rhs))


def simplified(found: Terms) -> Formula:
    """Write the terms out as a sum, offsets behind them, then ``- 1`` where there is no intercept."""
    names = found.variable_names
    parts = [*_joinable(found.term_labels), *(names[i] for i in found.offset)]
    rhs = parse((" + ".join(parts) or "1") + ("" if found.intercept else " - 1"))
    if not found.response or found.variables[0] == Constant("NULL"):
        return Formula.of(call("~", rhs))
    return Formula.of(call("~", found.variables[0], rhs))


def substituted(node: Node, value: Node) -> Node:
    """Put ``value`` in the place of every ``.`` of an expression."""
    return map_leaves(node, lambda leaf: value if leaf == DOT else leaf)


@lru_cache(maxsize=1024)
def _updated(old: Formula, new: Formula) -> Formula:
    lhs = new.lhs
    if old.lhs is not None:
        lhs = old.lhs if lhs is None else substituted(lhs, old.lhs)
    rhs = substituted(new.rhs, old.rhs)
    return simplified(terms(Formula.of(call("~", rhs) if lhs is None else call("~", lhs, rhs))))


def _response(text: str) -> Node:
    try:
        return parse(text)
    except FormulaError:
        return Name(text)


def _joinable(labels: Sequence[str]) -> list[str]:
    """Labels as they can stand in a sum: those with bars in parentheses."""
    return [f"({label})" if "|" in label else label for label in labels]


def _position(labels: Sequence[str], which: int | str) -> int:
    if isinstance(which, str):
        if which in labels:
            return labels.index(which)
    elif -len(labels) <= which < len(labels):
        return which % len(labels)
    raise FormulaError(
        f"drop_terms: there is no term {which!r}; the terms are {', '.join(map(repr, labels)) or 'none'}"
    )
