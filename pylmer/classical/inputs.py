"""From a formula and a table to the arrays of a classical fit, and to what it must remember."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import FrameType

import numpy as np

from pylmer.classical.least_squares import FloatArray
from pylmer.classical.source import Source
from pylmer.errors import DataError, FormulaError, ModelError
from pylmer.formula.ast import Arg, Call, Name, Node, String
from pylmer.formula.deparse import deparse
from pylmer.formula.design import ReTerms
from pylmer.formula.evaluate import Environment
from pylmer.formula.fixed_effects import chosen_contrasts, fixed_effects
from pylmer.formula.frame import ModelFrame, RowChoice, build_frame, value_over_table
from pylmer.formula.model_matrix import Columns
from pylmer.formula.parse import Formula, parse
from pylmer.formula.plan import Plan, layout_of
from pylmer.formula.schema import remember
from pylmer.formula.table import Table, as_table
from pylmer.formula.terms import Terms
from pylmer.formula.values import Matrix, Vector
from pylmer.rcompat.caller import name_of

__all__ = ["Inputs", "call_of", "inputs_of"]


@dataclass(frozen=True, eq=False)
class Inputs:
    """The arrays of a fit.

    Parameters
    ----------
    X
        The model matrix.
    y
        ``(n,)`` response.
    weights, offset
        ``(n,)`` or None.
    frame
        The model frame.
    source
        Call, rows and schema.
    """

    X: Columns
    y: FloatArray
    weights: FloatArray | None
    offset: FloatArray | None
    frame: ModelFrame
    source: Source


def inputs_of(
    found: Terms,
    table: Table,
    choice: RowChoice,
    contrasts: Mapping[str, object] | None,
    call: Node,
    extra: Terms | None = None,
) -> Inputs:
    """Evaluate a formula.

    Parameters
    ----------
    found
        The terms of the formula.
    table
        The data.
    choice
        Rows, weights and offset.
    contrasts
        Contrasts of factors, by variable.
    call
        Syntax of the call.
    extra
        Terms whose variables must be in the frame too: those of an error model.

    Raises
    ------
    FormulaError
        If the formula has no response.
    DataError
        If the response is not one numeric vector, or no row is left.
    """
    plan = _plan(found, extra)
    frame = build_frame(plan.variables, plan.response, Environment(table, plan.text), choice)
    if frame.n == 0:
        raise DataError("0 (non-NA) cases: no row is left after 'subset' and the removal of missing values")
    X = fixed_effects(plan.layout, frame, chosen_contrasts(contrasts, frame))
    y = _response(frame)
    schema = remember(plan, frame, X, np.arange(len(X.names)), (), ReTerms(()))
    source = Source(
        call=call,
        formula=found.formula.node,
        response=plan.response or "",
        schema=schema,
        row_names=tuple(np.asarray(frame.row_names).tolist()),
        na_rows=frame.na_rows,
        na_names=_dropped_names(plan, frame, choice),
        na_exclude=frame.na_exclude,
        offset=None if choice.offset is None else partial(_offset_over, choice.offset),
    )
    return Inputs(X, y, frame.weights, _offset(plan, frame), frame, source)


def _plan(found: Terms, extra: Terms | None) -> Plan:
    """A plan without random effects."""
    if not found.response:
        raise FormulaError(f"the formula has no response: write 'y {deparse(found.formula.node)}'")
    variables = dict(zip(found.variable_names, found.variables, strict=True))
    if extra is not None:
        variables = {label: node for label, node in variables.items() if not _is_error(node)}
        variables |= dict(zip(extra.variable_names, extra.variables, strict=True))
    return Plan(
        formula=found.formula,
        text=deparse(found.formula.node),
        frame=found,
        variables=tuple(variables.items()),
        fixed=found,
        layout=layout_of(found),
        bars=(),
        response=found.variable_names[0],
        offsets=tuple(found.variable_names[i] for i in found.offset),
    )


def _is_error(node: Node) -> bool:
    return isinstance(node, Call) and node.function == "Error"


def _response(frame: ModelFrame) -> FloatArray:
    value = frame[frame.response or ""]
    if isinstance(value, Vector):
        return value.values
    if isinstance(value, Matrix) and value.values.shape[1] == 1:
        return value.values[:, 0]
    what = f"a matrix of {value.values.shape[1]} columns" if isinstance(value, Matrix) else "not numeric"
    raise DataError(f"response must be numeric: {frame.response} is {what}; lm and aov need one numeric vector")


def _offset(plan: Plan, frame: ModelFrame) -> FloatArray | None:
    total = frame.offset
    for label in plan.offsets:
        value = frame[label]
        if not isinstance(value, Vector):
            raise DataError(f"{label} must be a numeric vector")
        total = value.values if total is None else total + value.values
    return total


def _offset_over(given: object, newdata: object) -> FloatArray:
    """The argument ``offset`` over new data, as R's ``predict.lm`` evaluates it."""
    table = as_table(newdata)
    if isinstance(given, str):
        value = value_over_table(parse(given), given, Environment(table, given))
        if not isinstance(value, Vector):
            raise DataError(f"the offset {given} must be a numeric vector")
        return value.values
    values = np.asarray(given, dtype=np.float64)
    if len(values) != table.n:
        raise ModelError(
            f"the offset of the fit is an array of {len(values)} numbers, newdata has {table.n} rows: "
            "name a column as the offset instead"
        )
    return values


def _dropped_names(plan: Plan, frame: ModelFrame, choice: RowChoice) -> tuple[object, ...]:
    """Labels of the rows dropped for missing values, where results are to be padded there."""
    if not (frame.na_exclude and len(frame.na_rows)):
        return ()
    every = build_frame(plan.variables, plan.response, frame.env, replace(choice, na_action="na.pass"))
    return tuple(np.asarray(every.row_names)[frame.na_rows].tolist())


def call_of(
    function: str, formula: Formula, given: Mapping[str, object], frame: FrameType, data: object = None
) -> Node:
    """Syntax of a call, as far as it can be known: what was given as text, and names of the caller.

    Parameters
    ----------
    function
        ``"lm"`` or ``"aov"``.
    formula
        The formula.
    given
        Other arguments that are not at their default, in R's order, by R's name.
    frame
        The caller.
    data
        The data.
    """
    args = [Arg(formula.node, "formula")]
    name = name_of(data, frame)
    if name is not None:
        args.append(Arg(Name(name), "data"))
    for argument, value in given.items():
        node = _spelled(argument, value, frame)
        if node is not None:
            args.append(Arg(node, argument))
    return Call(function, tuple(args))


def _spelled(argument: str, value: object, frame: FrameType) -> Node | None:
    if value is None:
        return None
    if argument == "na.action":
        return Name(str(value))
    if isinstance(value, str):
        return parse(value)
    if isinstance(value, Mapping):
        texts = [(k, v) for k, v in value.items() if isinstance(v, str)]
        return Call("list", tuple(Arg(String(v), str(k)) for k, v in texts)) if len(texts) == len(value) else None
    name = name_of(value, frame)
    return None if name is None else Name(name)
