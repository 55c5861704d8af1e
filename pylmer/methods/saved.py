"""A fit as JSON and back: a loaded fit answers every question, and nothing in the text is ever executed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

from pylmer.arguments import check_arguments
from pylmer.control import LmerControl
from pylmer.criterion.careful import with_care
from pylmer.criterion.criterion import mkLmerDevfun
from pylmer.errors import DataError, ModelError, PylmerError
from pylmer.formula.array_json import floats, floats_from
from pylmer.formula.design_json import design_from_json, design_to_json
from pylmer.model import MerMod, make_model
from pylmer.optimize.optimum import OptResult

__all__ = ["from_json", "to_json"]

M = TypeVar("M", bound=MerMod)
Json = Any

FORMAT = "pylmer fit"
VERSION = 1


def to_json(model: MerMod) -> str:
    """Write a fit as JSON: design, settings and optimum, each number bit for bit.

    What can be derived is not written.  The data of the model frame are: who gets the text gets them.

    Examples
    --------
    >>> from pylmer import LmerMod, datasets, lmer
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    >>> LmerMod.from_json(m.to_json()).REMLcrit() == m.REMLcrit()
    True
    """
    check_arguments(to_json, locals())
    content = {
        "format": FORMAT,
        "version": VERSION,
        "REML": model.REML,
        "control": {f.name: _setting(getattr(model.control, f.name)) for f in fields(model.control)},
        "opt": {f.name: _setting(getattr(model.opt, f.name)) for f in fields(OptResult)},
        "design": design_to_json(model.design),
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def from_json(kind: type[M], text: str | bytes) -> M:
    """Read a fit of class ``kind`` that :func:`to_json` wrote.

    Parameters
    ----------
    kind
        The class of the fit.
    text
        The JSON.

    Raises
    ------
    DataError
        If the text is no JSON, truncated, of another version, or its parts do not fit together: it says which.

    Notes
    -----
    The cross-products are summed anew, and the model is evaluated at the optimum found before: nothing is optimized.
    """
    with np.errstate(all="ignore"):
        return _read(kind, _parsed(text))


def _read(kind: type[M], content: Mapping[str, Json]) -> M:
    try:
        REML = content["REML"]
        if not isinstance(REML, bool):
            raise DataError(f"REML is {REML!r:.40}, not true or false")
        design = design_from_json(content["design"])
        if design.n <= design.p:
            raise DataError(f"{design.n} rows for {design.p} fixed effects")
        control = _control(content["control"])
        criterion = mkLmerDevfun(design, REML)
        opt = _optimum(content["opt"], len(criterion.lower))
        criterion = with_care(criterion, design, opt.theta)
        model = make_model(kind, design, criterion, opt, control)
        value = model.value  # the state at the optimum
    except PylmerError as error:
        raise DataError(f"this text holds no fit that can be read: {error}") from None
    except KeyError as error:
        raise DataError(f"this text holds no fit that can be read: it has no {error}") from None
    except (TypeError, ValueError, IndexError, AttributeError, ArithmeticError, RecursionError) as error:
        raise DataError(f"this text holds no fit that can be read: {type(error).__name__}: {error}") from None
    if not math.isfinite(value) or abs(value - opt.value) > 1e-6 * (1 + abs(value)):
        raise DataError(f"the criterion of these data is {value!r}, the text says {opt.value!r}: it has been changed")
    return model


def _parsed(text: str | bytes) -> Mapping[str, Json]:
    try:
        content = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError, TypeError) as error:
        raise DataError(f"this is no JSON, or it is truncated: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataError(f"this JSON is not a fit: its 'format' must be {FORMAT!r}; to_json() writes it")
    if content.get("version") != VERSION:
        raise DataError(
            f"version {content.get('version')!r:.40} of the format is not known; this pylmer reads {VERSION}"
        )
    return content


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a key occurs twice")
    return table


def _setting(value: object) -> Json:
    if isinstance(value, np.ndarray):
        return floats(value)
    if isinstance(value, tuple):
        return [_setting(part) for part in value]
    if isinstance(value, Mapping):
        return {str(k): _setting(v) for k, v in value.items()}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise ModelError(f"a fit with a {type(value).__name__} among its settings cannot be written")


def _control(spelled: Mapping[str, Json]) -> LmerControl:
    known = {f.name for f in fields(LmerControl)}
    unknown = [name for name in spelled if name not in known]
    if unknown:
        raise DataError(f"control has unknown settings: {', '.join(unknown)}")
    standard = LmerControl()
    for name, value in spelled.items():
        wanted = getattr(standard, name)
        kinds = {float: (int, float), tuple: (list,)}.get(type(wanted), (type(wanted),))
        if wanted is not None and type(value) not in kinds:
            raise DataError(f"control: {name}={value!r:.40} is not of the kind of {wanted!r}")
    return LmerControl(**{name: _plain(value, name) for name, value in spelled.items()})


def _plain(spelled: Json, what: str) -> Json:
    if isinstance(spelled, list):
        return tuple(_plain(part, what) for part in spelled)
    if isinstance(spelled, Mapping):
        if "f8" in spelled:
            return floats_from(spelled, what, finite=False)
        return {name: _plain(value, what) for name, value in spelled.items()}
    return spelled


def _optimum(spelled: Mapping[str, Json], m: int) -> OptResult:
    theta = floats_from(spelled["theta"], "theta", (m,))
    gradient = floats_from(spelled["gradient"], "gradient", (m,), finite=False)
    hessian = floats_from(spelled["hessian"], "hessian", (m, m), finite=False)
    spelled = {"own_warnings": [], **spelled}  # texts of before have none
    rest = {f.name: spelled[f.name] for f in fields(OptResult) if f.name not in ("theta", "gradient", "hessian")}
    for name, kinds in _KINDS.items():
        if type(rest[name]) not in kinds:
            raise DataError(f"opt: {name}={rest[name]!r:.40} is not of the kind {kinds[-1].__name__}")
    if not all(isinstance(w, str) for w in (*rest["warnings"], *rest["own_warnings"])):
        raise DataError("opt: warnings must be texts")
    plain = {name: _plain(value, name) for name, value in rest.items()}
    return OptResult(theta, gradient=gradient, hessian=hessian, **plain)


_KINDS: dict[str, tuple[type, ...]] = {
    "value": (int, float),
    "evaluations": (int,),
    "convergence": (int,),
    "optimizer": (str,),
    "expected_decrease": (int, float),
    "message": (str,),
    "warnings": (list,),
    "own_warnings": (list,),
}
