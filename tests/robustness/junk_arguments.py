"""Every argument of every public function given junk: the answer is a result, or an error of pylmer."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

import pylmer as py
from pylmer import NA, datasets, lmer
from pylmer.errors import PylmerError

JUNK: dict[str, Any] = {
    "None": None,
    "True": True,
    "-1": -1,
    "2.5": 2.5,
    "NaN": float("nan"),
    "Inf": float("inf"),
    "10**400": 10**400,
    "empty text": "",
    "text": "junk",
    "bytes": b"ab",
    "empty list": [],
    "list of text": ["junk"],
    "dict": {"a": 1},
    "object": object(),
    "lambda": lambda *given: 1,
    "array": np.arange(3.0),
    "matrix": np.ones((2, 2)),
    "array of text": np.array(["a"] * 180),
    "array of objects": np.array([object()] * 180),
    "table": pd.DataFrame({"z": [1, 2]}),
    "complex": 1j,
    "date": pd.Timestamp("2020-01-01"),
    "NA": NA,
    "set": {1, 2},
    "type": int,
    "ragged": [[1], [1, 2]],
    "negative weights": -np.ones(180),
}
SLOW = {"profile", "allFit", "refit_each", "bootMer", "confint", "influence"}
QUESTIONS = tuple(
    """AIC BIC REMLcrit VarCorr anova as_function checkConv coef cooks_distance devcomp devfun2 deviance df_residual
    drop1 extractAIC family fitted fixef formula getData getL hatvalues icc isLMM isREML isSingular logLik model_frame
    model_matrix ngrps nobs predict ranef ranova rePCA refit refitML residuals rstudent sigma simulate summary terms
    to_json update vcov weights""".split()  # noqa: SIM905
)


def calls(slow: bool) -> Iterator[tuple[str, Callable[..., Any], tuple[Any, ...]]]:
    """Name, function and arguments that do."""
    data = datasets.sleepstudy()
    m = lmer("Reaction ~ Days + (1 | Subject)", data)
    yield "lmer", lmer, ("Reaction ~ Days + (1 | Subject)", data)
    yield "lm", py.lm, ("Reaction ~ Days", data)
    yield "aov", py.aov, ("Reaction ~ Days + Error(Subject)", data)
    yield "lmList", py.lmList, ("Reaction ~ Days | Subject", data)
    yield "lFormula", py.lFormula, ("Reaction ~ Days + (1 | Subject)", data)
    yield "lmerControl", py.lmerControl, ()
    yield "getME", py.getME, (m, "X")
    for name in (*QUESTIONS, *(sorted(SLOW - {"bootMer", "refit_each"}) if slow else ())):
        yield name, getattr(py, name), (m,)
    if slow:
        yield "bootMer", py.bootMer, (m, py.fixef)
        yield "refit_each", py.refit_each, (m, np.ones((1, 180)))


def tries(slow: bool = False) -> Iterator[tuple[str, Callable[[], Any]]]:
    """A label, and the call with one argument replaced."""
    for name, function, good in calls(slow):
        parameters = list(inspect.signature(function).parameters.values())
        for place, parameter in enumerate(parameters):
            if parameter.kind is parameter.VAR_KEYWORD:
                continue
            for label, junk in JUNK.items():
                if callable(junk) and label == "type" and parameter.name in ("FUN", "cluster_rand"):
                    continue  # the error of a function of the user's is the user's
                arguments, named = list(good), {}
                if place < len(good):
                    arguments[place] = junk
                elif parameter.kind is parameter.VAR_POSITIONAL:
                    arguments.append(junk)
                else:
                    named[parameter.name] = junk
                yield f"{name}({parameter.name}={label})", _call(function, arguments, named)


def _call(function: Callable[..., Any], arguments: list[Any], named: dict[str, Any]) -> Callable[[], Any]:
    return lambda: function(*arguments, **named)


def outcome(call: Callable[[], Any]) -> str:
    """``refused``, ``answered``, or the class of a foreign error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            call()
        except PylmerError:
            return "refused"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return "answered"
