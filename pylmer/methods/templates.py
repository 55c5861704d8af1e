"""Empty parameters and empty data of a formula, to be filled in for a simulation: lme4's templates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.arguments import check_arguments
from pylmer.errors import FormulaError, ModelError
from pylmer.formula.ast import all_names, call
from pylmer.formula.bars import findbars, subbars
from pylmer.formula.deparse import deparse
from pylmer.formula.lformula import lFormula
from pylmer.formula.parse import Formula, as_formula

FloatArray = NDArray[np.float64]

__all__ = ["mkDataTemplate", "mkParsTemplate"]


@dataclass(frozen=True)
class _NoResponse:
    """Checks as ever, but a formula needs no response, and the data may be few."""

    check_formula_LHS: str = "ignore"
    check_nobs_vs_nlev: str = "ignore"
    check_nlev_gtr_1: str = "ignore"
    check_nobs_vs_nRE: str = "ignore"
    check_rankX: str = "ignore"
    check_scaleX: str = "ignore"


def mkParsTemplate(formula: str | Formula, data: object) -> dict[str, pd.Series[float] | float]:
    """Parameters of a formula over data as ``simulate(newparams=)`` takes them: fixed effects 0, theta at its start.

    Parameters
    ----------
    formula
        A mixed-model formula; its response is not needed.
    data
        A table with its variables.

    Returns
    -------
    dict
        ``beta`` (zeros) and ``theta`` (1 on diagonals, else 0) with their names, ``sigma`` (1).

    Examples
    --------
    >>> from pylmer import datasets, mkParsTemplate
    >>> mkParsTemplate("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())["theta"].to_dict()
    {'Subject.(Intercept)': 1.0, 'Subject.Days.(Intercept)': 0.0, 'Subject.Days': 1.0}
    """
    check_arguments(mkParsTemplate, locals())
    rhs_only = Formula.of(call("~", as_formula(formula).rhs))
    design = lFormula(rhs_only, data, control=_NoResponse())
    re = design.re
    return {
        "beta": pd.Series(np.zeros(len(design.X_names)), index=list(design.X_names)),
        "theta": pd.Series(re.theta_start, index=list(re.theta_names)),
        "sigma": 1.0,
    }


def mkDataTemplate(
    formula: str | Formula,
    data: object = None,
    nGrps: int = 2,
    nPerGrp: int = 1,
    rfunc: Callable[[int], FloatArray] | None = None,
) -> pd.DataFrame:
    """Data of a formula with all grouping factors crossed, and every other variable 0 or drawn.

    Parameters
    ----------
    formula
        A mixed-model formula.
    data
        Taken for the sake of R's order of arguments; not used, as in lme4.
    nGrps
        Number of levels of each grouping factor.
    nPerGrp
        Rows of each level, by factor.
    rfunc
        Takes a number and draws so many values, such as :func:`pylmer.rnorm`; without it there are zeros.

    Returns
    -------
    DataFrame
        One column for each grouping factor (levels "1", "2", ...; the first varies fastest), and for each variable.

    Raises
    ------
    FormulaError
        A formula without random-effects terms.

    Examples
    --------
    >>> from pylmer import mkDataTemplate
    >>> mkDataTemplate("~ x + (x | g)", nGrps=2, nPerGrp=2).to_dict("list")
    {'g': ['1', '1', '2', '2'], 'x': [0.0, 0.0, 0.0, 0.0]}
    """
    check_arguments(mkDataTemplate, locals())
    if nGrps < 1 or nPerGrp < 1:
        raise ModelError(f"nGrps={nGrps}, nPerGrp={nPerGrp}: give numbers of at least 1")
    written = as_formula(formula)
    groups = list(dict.fromkeys(deparse(bar.operands[1]) for bar in findbars(written)))
    if not groups:
        raise FormulaError(f"No random effects terms specified in formula: '{written}' has no (x | g)")
    labels = [str(i + 1) for i in range(nGrps) for _ in range(nPerGrp)]
    rows = [combination[::-1] for combination in product(labels, repeat=len(groups))]
    levels = [str(i + 1) for i in range(nGrps)]
    columns: dict[str, object] = {
        group: pd.Categorical([row[j] for row in rows], categories=levels) for j, group in enumerate(groups)
    }
    for name in all_names(subbars(written).node):
        if name not in columns:
            columns[name] = np.zeros(len(rows)) if rfunc is None else np.asarray(rfunc(len(rows)), dtype=np.float64)
    return pd.DataFrame(columns)
