"""The bridge: a pylmer fit becomes a real ``lmerMod`` in R without refitting, and an ``lmerMod`` a pylmer model.

R's own methods then work on what was fitted here: ``summary``, ``predict``, ``emmeans``, ``lmerTest``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pylmer import LmerMod, lFormula
from pylmer.errors import DataError, ModelError
from pylmer.model import MerMod, at_theta
from rcompare.case import Case
from rcompare.engines.lme4 import send_frame
from rcompare.engines.r import RSession, quote, r_session
from rcompare.rtext import r_call

__all__ = ["converter", "from_r", "to_r"]

SCRIPT = Path(__file__).parent / "engines" / "bridge.R"


@lru_cache(maxsize=1)
def _session() -> RSession:
    R = r_session()
    R.eval(f"source({quote(str(SCRIPT))})")
    return R


def to_r(model: MerMod, data: pd.DataFrame, name: str = "fit", contrasts: dict[str, str] | None = None) -> Any:
    """Make an ``lmerMod`` of a pylmer fit: at its theta, without optimizing.

    The data frame goes over too, under the name that the model's call has for it, unless R's global environment has a
    variable of that name; R's ``update`` looks for it there.

    Parameters
    ----------
    model
        The fit.
    data
        The data frame that it was fitted to; a model does not keep it.
    name
        The variable of R's global environment that holds the result.
    contrasts
        As given to ``lmer``.

    Returns
    -------
    rpy2 object
        The ``lmerMod``, also called ``name`` in R.

    Raises
    ------
    ModelError
        If R, with these data, does not come to the same model (rows, columns, criterion).

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> d = datasets.sleepstudy()
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", d)
    >>> fit = to_r(m, d)                      # doctest: +SKIP
    """
    call = model.design.call
    case = Case(
        id="bridge",
        data=call.data or "data",
        formula=call.formula,
        REML=model.REML,
        weights=call.weights,
        offset=call.offset,
        subset=call.subset,
        contrasts=contrasts or {},
        na_action="na.exclude" if model.design.na_exclude else None,
    )
    R = _session()
    send_frame(R, "rcompare_data", data)
    R.assign("rcompare_theta", np.asarray(model.theta, dtype=np.float64))
    R.eval(
        f"rcompare_fit <- suppressMessages(rc_assemble({quote(r_call(case))}, {quote(case.data)}, "
        "rcompare_data, rcompare_theta))"
    )
    _same(R, model)
    return R(f"`{_plain(name)}` <- rcompare_fit")


def _plain(name: str) -> str:
    if not name.replace("_", "").replace(".", "").isalnum():
        raise DataError(f"{name!r} cannot be the name of an R variable; use letters, digits, '.' and '_'")
    return name


def _same(R: RSession, model: MerMod) -> None:
    """Whether R's assembled fit has our rows, our criterion and our coefficients."""
    n = int(R.num("nobs(rcompare_fit)")[0])
    value = float(R.num("if (isREML(rcompare_fit)) REMLcrit(rcompare_fit) else deviance(rcompare_fit)")[0])
    beta = R.num("fixef(rcompare_fit)")
    close = beta.shape == model.beta.shape and np.allclose(beta, model.beta, rtol=1e-7, atol=1e-9)
    if n != model.n or not close or abs(value - model.value) > 1e-8 * max(1.0, abs(value)):
        raise ModelError(
            f"R comes to another model: {n} rows, criterion {value:.10g}, fixed effects {beta}, against {model.n}, "
            f"{model.value:.10g}, {model.beta} here; give the data frame (and contrasts) that the model was fitted with"
        )


def from_r(fit: Any) -> LmerMod:
    """Make a pylmer model of an ``lmerMod``: at its theta, without optimizing.

    Parameters
    ----------
    fit
        Name of a variable in R's global environment, or an rpy2 object.

    Raises
    ------
    RError
        If it is no ``lmerMod``, or was fitted without a data frame.

    Examples
    --------
    >>> m = from_r("fit")                     # doctest: +SKIP
    """
    R = _session()
    if isinstance(fit, str):
        R.eval(f"rcompare_fit <- get({quote(fit)}, envir = globalenv())")
    else:
        R.bind("rcompare_fit", fit)
    made = R.eval("rc_disassemble(rcompare_fit)")
    control = made["contrasts"]
    design = lFormula(
        made["formula"][0],
        _frame(made["data"]),
        REML=bool(made["REML"][0]),
        weights=_first(made["weights"]),
        offset=_first(made["offset"]),
        subset=_first(made["subset"]),
        na_action=_first(made["na.action"]) or "na.omit",
        contrasts=None if control is None else {name: value[0] for name, value in control.items()},
    )
    design = replace(design, call=replace(design.call, data=made["name"][0]))
    return at_theta(LmerMod, design, made["theta"], bool(made["REML"][0]))


def _first(value: list[str] | None) -> str | None:
    return None if value is None else value[0]


def _frame(raw: dict[str, Any]) -> pd.DataFrame:
    columns = {name: _column(column) for name, column in zip(raw["names"], raw["columns"], strict=True)}
    return pd.DataFrame(columns, index=pd.Index(raw["rows"], dtype=object))


def _column(raw: dict[str, Any]) -> Any:
    kind, values = raw["kind"][0], raw["values"]
    if kind in ("factor", "ordered"):
        codes = np.where(np.isnan(values), 0, values).astype(int) - 1
        levels = pd.Index(raw["levels"], dtype=object)
        return pd.Categorical.from_codes(codes, categories=levels, ordered=kind == "ordered")
    if kind == "logical":
        return values == 1 if not np.isnan(values).any() else [None if np.isnan(v) else bool(v) for v in values]
    return values


def converter(data: pd.DataFrame | None = None) -> Any:
    """Rules for rpy2: a pylmer model goes over as an ``lmerMod`` (with ``data``), an ``lmerMod`` comes back as a model.

    Examples
    --------
    >>> from rpy2.robjects import default_converter        # doctest: +SKIP
    >>> with (default_converter + converter(d)).context(): # doctest: +SKIP
    ...     robjects.r["summary"](m)
    """
    return _session().converter(MerMod, lambda model: to_r(model, _needed(data)), "lmerMod", from_r)


def _needed(data: pd.DataFrame | None) -> pd.DataFrame:
    if data is None:
        raise DataError("a model does not keep its data frame, and R needs it: converter(data)")
    return data
