"""The fixed-effects model matrix of a frame, and the contrasts that a caller asks for."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

from pylmer.errors import FormulaError, RWarning
from pylmer.formula.contrasts import ContrastSpec, as_contrast
from pylmer.formula.frame import ModelFrame
from pylmer.formula.model_matrix import Columns, Layout, model_columns
from pylmer.formula.values import Character, Value, Vector
from pylmer.rcompat.factors import Factor

__all__ = ["chosen_contrasts", "fixed_effects", "warn_of_response"]


def fixed_effects(layout: Layout, frame: ModelFrame, contrasts: Mapping[str, ContrastSpec] | None = None) -> Columns:
    """The model matrix of the fixed part, before any column is dropped."""
    warn_of_response(layout)
    return model_columns(layout, frame.variables, frame.n, contrasts) if contrasts else frame.columns(layout)


def warn_of_response(layout: Layout) -> None:
    """Say that the response is no predictor, where it was written as one."""
    if layout.response_among_terms:
        warnings.warn("the response appeared on the right-hand side and was dropped", RWarning, stacklevel=4)
        for t in layout.response_among_terms:
            message = f"problem with term {t} in model.matrix: no columns are assigned"
            warnings.warn(message, RWarning, stacklevel=4)


def chosen_contrasts(contrasts: object, frame: ModelFrame) -> dict[str, ContrastSpec]:
    """The argument ``contrasts``, checked: for each variable the name of a contrast function or a matrix.

    What R ignores with a warning is ignored with the same warning: an argument that is no mapping, and a variable that
    is not there.
    """
    if contrasts is None:
        return {}
    if not isinstance(contrasts, Mapping):
        warnings.warn("non-list contrasts argument ignored", RWarning, stacklevel=3)
        return {}
    out: dict[str, ContrastSpec] = {}
    for name, wanted in contrasts.items():
        if name not in frame.variables:
            warnings.warn(f"variable '{name}' is absent, its contrast will be ignored", RWarning, stacklevel=3)
            continue
        out[name] = as_contrast(wanted, _levels(frame.variables[name], name), name)
    return out


def _levels(value: Value, name: str) -> tuple[str, ...]:
    if isinstance(value, Factor):
        return value.levels
    if isinstance(value, Character):
        return value.factor().levels
    if isinstance(value, Vector) and value.kind == "logical":
        return ("FALSE", "TRUE")
    raise FormulaError(f"contrasts apply only to factors: '{name}' is numeric")
