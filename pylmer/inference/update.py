"""The same call with changes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Literal, TypeVar, overload

from pylmer.arguments import check_arguments
from pylmer.control import LmerControl, lmerControl
from pylmer.errors import ModelError
from pylmer.formula.algebra import update_formula
from pylmer.formula.deparse import deparse_lines
from pylmer.formula.parse import parse
from pylmer.inference.fitting import control_text, fit_call
from pylmer.model import FitCall, MerMod
from pylmer.rcompat.caller import name_of

M = TypeVar("M", bound=MerMod)

__all__ = ["update"]

CHANGEABLE = tuple(f.name for f in fields(FitCall) if f.name not in ("formula", "data_name", "names"))
NAMED = ("weights", "offset", "subset", "control")


@overload
def update(model: M, formula: str | None = None, *, evaluate: Literal[False], **changes: Any) -> str: ...
@overload
def update(model: M, formula: str | None = None, *, evaluate: Literal[True] = True, **changes: Any) -> M: ...
def update(model: M, formula: str | None = None, *, evaluate: bool = True, **changes: Any) -> M | str:
    """Fit again with a changed call.

    Parameters
    ----------
    model
        A fit.
    formula
        A change of the formula, in which ``.`` stands for what was there: ``". ~ . + x"``, ``"~ . - (1 | g)"``.
    evaluate
        False gives the changed call, as R would show it, and fits nothing.
    **changes
        Any other argument of ``lmer``, with its new value.

    Returns
    -------
    MerMod or str
        A fit of the same class; or the text of the call.

    Raises
    ------
    ModelError
        An argument that ``lmer`` does not have; a fit that does not know its data (read from a file, say) and no
        ``data=``.

    Examples
    --------
    >>> from pylmer import datasets, lmer, update
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    >>> round(update(m, ". ~ . - (Days | Subject) + (1 | Subject)", REML=False).value, 3)
    1794.079
    >>> print(update(m, ". ~ . - Days", evaluate=False))
    lmer(formula = Reaction ~ (Days | Subject))
    """
    check_arguments(update, locals())
    for name, value in changes.items():
        if name not in CHANGEABLE:
            raise ModelError(f"unused argument ({name} = {value!r}): update knows formula, {', '.join(CHANGEABLE)}")
    said = _said(model, changes)
    named = {label: value for label, value in changes.items() if not isinstance(value, str)}
    if formula is not None:
        said = replace(said, formula=str(update_formula(said.formula, formula)))
    if isinstance(changes.get("control"), Mapping):
        changes["control"] = lmerControl(**changes["control"])
    elif "control" in changes and changes["control"] is None:
        changes["control"] = LmerControl()
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("pylmer."):
        frame = frame.f_back
    if "data" in changes:
        changes["data_name"] = name_of(changes["data"], frame)
    changes["names"] = {
        **{label: name for label, name in said.names.items() if label not in changes},
        **{label: found for label in NAMED if (found := name_of(named.get(label), frame)) is not None},
    }
    said = replace(said, **changes)
    return fit_call(type(model), said, stacklevel=5) if evaluate else _call_lines(said)


def _call_lines(said: FitCall) -> str:
    """The call in R's words: what differs from the defaults, objects by the names that the caller has for them."""
    given: dict[str, str | None] = {"formula": said.formula, "data": said.data_name}
    if not said.REML:
        given["REML"] = "FALSE"
    given["control"] = said.names.get("control") or control_text(said.control)
    for name in ("subset", "weights", "offset"):
        value = getattr(said, name)
        given[name] = value if isinstance(value, str) else said.names.get(name)
    if said.na_action != "na.omit":
        given["na.action"] = said.na_action
    if said.contrasts is not None:
        given["contrasts"] = f"list({', '.join(f'{name} = {_named(value)}' for name, value in said.contrasts.items())})"
    text = f"lmer({', '.join(f'{name} = {value}' for name, value in given.items() if value is not None)})"
    return "\n".join(deparse_lines(parse(text)))


def _named(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else "matrix"


def _said(model: MerMod, changes: Mapping[str, Any]) -> FitCall:
    """The call of the fit; of one that has none, what its text tells."""
    if model.said is not None:
        return model.said
    call = model.design.call
    if "data" not in changes:
        raise ModelError(
            "need an object with call component: this fit does not know the table that it was made from; give data="
        )
    return FitCall(
        call.formula,
        REML=model.REML,
        control=model.control,
        subset=call.subset,
        weights=call.weights,
        offset=call.offset,
    )
