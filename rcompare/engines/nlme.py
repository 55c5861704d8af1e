"""nlme in R: cases that ``lme`` can express, translated from the syntax tree of lme4's formula into its calls.

lme takes one grouping factor or several that are nested, any left-hand sides, weights (as a variance function), subsets
and contrasts. It has no crossed factors and no offset; such cases are *not offered*, with the reason.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pylmer.formula.ast import Call, Name, Node, all_names, walk
from pylmer.formula.bars import Bar, isNested, nobars, structured_bars
from pylmer.formula.deparse import deparse
from pylmer.formula.design import Design, ReTerm
from pylmer.formula.parse import parse_formula
from rcompare.case import Case
from rcompare.engines.base import EngineUnavailable, NotOffered
from rcompare.engines.lme4 import loaded, r_stamp, send_case_data
from rcompare.engines.others import design_of, variance_table
from rcompare.engines.pylmer_values import FloatArray, joined, number, vector
from rcompare.engines.r import RSession, quote, r_session, why_no_r
from rcompare.results import Labelled, Results, Strings, Value
from rcompare.rtext import call_arguments, r_formula, r_name, r_part

__all__ = ["LmeCall", "NlmeEngine", "lme_call"]

SCRIPT = Path(__file__).parent / "nlme.R"


@dataclass(frozen=True)
class LmeCall:
    """A case as ``lme`` is called.

    Parameters
    ----------
    code
        The call in R.
    groups
        R's code of each grouping factor that must be made first, by the column that it goes to.
    order
        lme4's labels of the grouping factors, outermost first.
    """

    code: str
    groups: Mapping[str, str]
    order: tuple[str, ...]


def lme_call(case: Case, design: Design, rows: int | None = None) -> LmeCall:
    """Translate a case, formula by its syntax tree, into a call of ``lme``.

    Parameters
    ----------
    case
        A case of ``lmer``.
    design
        The case applied to its data, by which nesting is known.
    rows
        How many rows the table has, with those that are left out.

    Raises
    ------
    NotOffered
        If lme has no such model.
    CaseError
        If the formula calls what may not reach R.

    Examples
    --------
    >>> from pylmer import datasets, lFormula
    >>> case = Case("rail", "Rail", formula="travel ~ 1 + (1 | Rail)")
    >>> lme_call(case, lFormula(case.formula, datasets.Rail())).code
    'lme(travel ~ 1, data = Rail, random = list(Rail = pdLogChol(~1)), method = "REML", na.action = na.omit)'
    """
    if case.offset is not None or "offset(" in case.formula.replace(" ", ""):
        raise NotOffered("lme has no offset")
    if design.dropped:
        raise NotOffered(f"lme needs columns of full rank ({', '.join(design.dropped)} can be dropped)")
    if rows is not None and design.n < rows:
        _row_by_row(case)
    bars = structured_bars(case.formula)
    order = _outermost_first(design)
    columns: dict[str, str] = {}
    random = []
    for place, label in enumerate(order, 1):
        mine = [bar for bar in bars if _label(bar.group) == label]
        column = _column(mine[0].group, f"rc.group{place}", columns, case)
        random.append(f"{column} = {_covariance(mine, case)}")
    fixed = r_formula(str(nobars(case.formula)), case.id)
    args = [fixed, f"data = {r_name(case.data)}", f"random = list({', '.join(random)})"]
    args.append(f'method = "{"REML" if case.REML else "ML"}"')
    if case.weights is not None:
        args.append(f"weights = varFixed(~I(1/{r_name(case.weights)}))")
    args += call_arguments(case)
    if case.na_action is None:
        args.append("na.action = na.omit")  # lmer's default; lme's is to fail
    return LmeCall(f"lme({', '.join(args)})", columns, order)


ACROSS_ROWS = frozenset(
    [
        "poly",
        "ns",
        "bs",
        "scale",
        "cut",
        "rank",
        "mean",
        "sd",
        "var",
        "median",
        "min",
        "max",
        "sum",
        "range",
        "cumsum",
        "length",
        "unique",
    ]
)
"""Functions whose value in one row depends on the others."""


def _row_by_row(case: Case) -> None:
    """Refuse what depends on rows that are left out: lmer works it out before they go, lme afterwards."""
    called = {piece.function for piece in walk(parse_formula(case.formula).node) if isinstance(piece, Call)}
    across = sorted(name for name in called if isinstance(name, str) and name in ACROSS_ROWS)
    if across:
        raise NotOffered(
            f"lme works {', '.join(f'{name}()' for name in across)} out of the rows kept, lmer of all rows"
        )


def _outermost_first(design: Design) -> tuple[str, ...]:
    """Labels of the grouping factors; each is nested in the one before it."""
    factors = sorted(design.re.flist.items(), key=lambda item: item[1].J)
    for (outer, a), (inner, b) in pairwise(factors):
        if not isNested(b.codes, a.codes):
            raise NotOffered(f"lme has no crossed grouping factors ({outer} and {inner})")
    return tuple(label for label, _ in factors)


def _label(group: Node) -> str:
    return group.name if isinstance(group, Name) else deparse(group)


def _column(group: Node, name: str, columns: dict[str, str], case: Case) -> str:
    if isinstance(group, Name):
        return r_name(group.name)
    columns[name] = r_part(group, case.id)
    return name


def _covariance(bars: list[Bar], case: Case) -> str:
    for bar in bars:
        if bar.structure != "us":
            raise NotOffered(f"covariance structure {bar.structure} is not translated")
        clash = set(all_names(bar.lhs)) & set(case.contrasts)
        if clash:
            raise NotOffered(f"lme uses the contrasts of {', '.join(sorted(clash))} for the random effects too")
    blocks = [f"pdLogChol(~{r_part(bar.lhs, case.id)})" for bar in bars]
    return blocks[0] if len(blocks) == 1 else f"pdBlocked(list({', '.join(blocks)}))"


class NlmeEngine:
    """``nlme::lme`` in the R that rpy2 embeds, with its own defaults.

    Parameters
    ----------
    data
        A table to be used instead of each case's own.

    Raises
    ------
    EngineUnavailable
        If R, rpy2 or nlme is missing.
    """

    partial = True

    def __init__(self, data: pd.DataFrame | None = None) -> None:
        reason = why_no_r(("nlme",))
        if reason is not None:
            raise EngineUnavailable(reason)
        self.data = data
        self._session = _session()
        self.version = self._session.strings("packageDescription('nlme')$Version")[0]
        self.name = f"nlme {self.version}"

    def run(self, case: Case) -> Results:
        """Answer a case; ``failed["all"]`` says why when lme has no such model."""
        R = self._session
        if case.call != "lmer":
            return Results(
                case.id, {}, {"engine": "nlme", "package": "nlme"}, failed={"all": f"{case.call} is not asked of nlme"}
            )
        r_formula(case.formula, case.id)
        seen, frame = send_case_data(R, case, self.data)
        stamp = {**r_stamp(R), "engine": "nlme", "package": "nlme", "data_hash": seen}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                design = design_of(case, frame)
            asked = lme_call(case, design, len(frame))
        except NotOffered as err:
            return Results(case.id, {}, stamp, failed={"all": str(err)})
        groups = ", ".join(f"{name} = {quote(code)}" for name, code in asked.groups.items())
        answer = R.eval(f"rn_answer({quote(asked.code)}, {quote(case.data)}, rcompare_data, list({groups}))")
        stamp["call"] = asked.code
        if "error" in answer:
            return Results(case.id, {}, stamp, error=answer["error"][0])
        heard = tuple(answer["messages"] or ()), tuple(answer["warnings"] or ())
        return Results(case.id, _values(answer, asked, design, case), stamp, messages=heard[0], warnings=heard[1])


@lru_cache(maxsize=1)
def _session() -> RSession:
    R = loaded(r_session())
    R.eval(f"source({quote(str(SCRIPT))})")
    return R


# ------------------------------------------------------------------------------------------------------ common labels


def _values(answer: dict[str, Any], asked: LmeCall, design: Design, case: Case) -> dict[str, Value]:
    names = tuple(answer["names"])
    V = np.asarray(answer["vcov"], dtype=np.float64).reshape(len(names), len(names))
    se = np.sqrt(np.diag(V))
    loglik = float(answer["logLik"][0])
    levels = dict(zip(asked.order, answer["levels"], strict=True))
    sigma = float(answer["sigma"][0])
    blocks = [_block(levels[t.group], t) for t in design.re.terms]
    out: dict[str, Value] = {
        "X.names": Strings(names),
        "nobs": number(answer["nobs"][0]),
        "criterion": number(-2.0 * loglik),
        "theta": vector(np.concatenate([_theta(block / sigma**2) for block in blocks]), design.re.theta_names),
        "beta": vector(answer["beta"], names),
        "se": vector(se, names),
        "t.value": vector(answer["beta"] / se, names),
        "vcov": Labelled(V, (names, names)),
        "correlation": Labelled(V / np.outer(se, se), (names, names)),
        "sigma": number(sigma),
        **variance_table(design, blocks, sigma**2),
        "logLik": number(loglik),
        "logLik.df": number(answer["df"][0]),
        "AIC": number(answer["AIC"][0]),
        "ranef": _effects(levels, design),
    }
    if not case.REML:
        out["BIC"] = number(answer["BIC"][0])  # of a REML fit nlme's BIC counts n - p rows
    return out | _rows(answer, design)


def _rows(answer: dict[str, Any], design: Design) -> dict[str, Value]:
    keys = [key for key in ("fitted", "residuals") if len(answer[key]) == design.n]
    return {key: vector(answer[key], design.row_names) for key in keys}


def _block(level: dict[str, Any], term: ReTerm) -> FloatArray:
    names = list(level["names"])
    V = np.asarray(level["V"], dtype=np.float64).reshape(len(names), len(names))
    place = [names.index(name) for name in term.names]
    return V[np.ix_(place, place)]


def _theta(relative: FloatArray) -> FloatArray:
    """The lower triangle, column by column, of the Cholesky factor of a relative covariance matrix."""
    L: FloatArray = np.asarray(np.linalg.cholesky(relative), dtype=np.float64)
    columns, rows = np.triu_indices(len(L))
    return L[rows, columns]


def _effects(levels: Mapping[str, dict[str, Any]], design: Design) -> Value:
    """Conditional modes in lme4's order: by grouping factor, effect, level."""
    labels, values = [], []
    for group, first in design.re.flist.items():
        found = levels[group]
        table = np.asarray(found["effects"], dtype=np.float64).reshape(len(found["levels"]), -1)
        row = {level: i for i, level in enumerate(found["levels"])}
        column = {name: j for j, name in enumerate(found["names"])}
        for term in (t for t in design.re.terms if t.group == group):
            for name in term.names:
                labels += [joined(group, name_level, name) for name_level in first.levels]
                values += [table[row[level], column[name]] for level in first.levels]
    return vector(values, labels)
