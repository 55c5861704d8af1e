"""Tests of random-effects terms (lmerTest's ``ranova``), and the AIC that model selection uses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from pylmer.arguments import check_arguments
from pylmer.criterion.criterion import mkLmerDevfun
from pylmer.errors import FormulaError, ModelError
from pylmer.formula.algebra import update_formula
from pylmer.formula.design import Design, ReTerm, ReTerms
from pylmer.formula.model_matrix import Layout
from pylmer.formula.plan import layout_of
from pylmer.formula.random_effects import Bar, lhs_columns
from pylmer.formula.terms import Terms, terms
from pylmer.inference.comparison import refitML
from pylmer.inference.fitting import optimum_of
from pylmer.inference.tables import AnovaFrame
from pylmer.methods import logLik
from pylmer.model import MerMod

__all__ = ["extractAIC", "ranova"]


def extractAIC(model: MerMod, scale: float = 0.0, k: float = 2.0) -> tuple[float, float]:
    """Return the number of parameters and the AIC of the fit by maximum likelihood.

    Parameters
    ----------
    model
        A fit; one by REML is refitted.
    scale
        Not used, as in R.
    k
        Weight of a parameter.

    Examples
    --------
    >>> from pylmer import datasets, extractAIC, lmer
    >>> df, aic = extractAIC(lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy()))
    >>> df, round(aic, 3)
    (6.0, 1763.939)
    """
    check_arguments(extractAIC, locals())
    ll = logLik(refitML(model))
    return float(ll.df), float(-2.0 * ll + k * ll.df)


def ranova(model: MerMod, reduce_terms: bool = True) -> AnovaFrame:
    """Test each random-effects term by leaving it out (lmerTest's ``ranova``).

    Parameters
    ----------
    model
        A fit, by REML or maximum likelihood: the reduced models are fitted likewise.
    reduce_terms
        Whether slopes are taken out of a term one by one, rather than the term as a whole.

    Returns
    -------
    AnovaFrame
        Rows ``<none>`` and one a reduction; columns ``npar, logLik, AIC, LRT, Df, Pr(>Chisq)``.

    Raises
    ------
    ModelError
        If the fit does not have its data with it.

    Examples
    --------
    >>> from pylmer import datasets, lmer, ranova
    >>> table = ranova(lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy()))
    >>> round(float(table.iloc[1]["LRT"]), 4)
    42.8368
    """
    check_arguments(ranova, locals())
    full = logLik(model)
    rows = [(float(full.df), float(full), np.nan, np.nan)]
    labels = ["<none>"]
    bars, re = model.design.schema.bars, model.design.re.terms
    for position in _as_written(model):
        bar, term = bars[position], re[position]
        for dropped, smaller in _reductions(model, bar, term) if reduce_terms else [("", None)]:
            kept = [smaller if i == position else t for i, t in enumerate(re)]
            ll, npar = _without(model, [t for t in kept if t is not None])
            rows.append((npar, ll, 2.0 * (float(full) - ll), full.df - npar))
            labels.append(f"{dropped} in ({term.label})" if dropped else f"({term.label})")
    npar_, ll_, lrt, df = np.array(rows).T
    table = pd.DataFrame({"npar": npar_, "logLik": ll_, "AIC": 2.0 * (npar_ - ll_), "LRT": lrt, "Df": df}, index=labels)
    with np.errstate(invalid="ignore"):
        table["Pr(>Chisq)"] = np.where(df > 0, chdtrc(np.where(df > 0, df, 1.0), np.maximum(lrt, 0.0)), np.nan)
    heading = ("ANOVA-like table for random-effects: Single term deletions", "\nModel:", _spelled(model))
    return AnovaFrame.of(table, heading)


def _as_written(model: MerMod) -> list[int]:
    """Positions of the terms in the order of the formula."""
    written = model.design.schema.plan.bars
    places = [next(i for i, w in enumerate(written) if w is bar) for bar in model.design.schema.bars]
    return sorted(range(len(places)), key=places.__getitem__)


def _spelled(model: MerMod) -> str:
    """The formula with its terms in R's order, as ``update`` gives it."""
    text = model.design.call.formula
    try:
        return str(update_formula(text, ". ~ ."))
    except FormulaError:
        return text


def _reductions(model: MerMod, bar: Bar, term: ReTerm) -> list[tuple[str, ReTerm | None]]:
    """What each reduction is called, and what it leaves of the term."""
    found = _lhs_terms(bar)
    labels = list(found.term_labels)
    sets = [set(label.split(":")) for label in labels]
    droppable = [label for label, own in zip(labels, sets, strict=True) if not any(own < other for other in sets)]
    if not droppable or term.structure != "us":
        return [("", None)]
    out: list[tuple[str, ReTerm | None]] = []
    for label in droppable:
        rest = [other for other in labels if other != label]
        if not rest and not found.intercept:
            out.append((label, None))
            continue
        lhs = layout_of(terms("~ " + " + ".join([str(int(bool(found.intercept))), *rest])))
        out.append((label, _narrowed(model, bar, term, lhs)))
    return out


def _lhs_terms(bar: Bar) -> Terms:
    return terms("~ " + bar.text.rpartition(" | ")[0])


def _narrowed(model: MerMod, bar: Bar, term: ReTerm, lhs: Layout) -> ReTerm:
    if model.design.frame is None:
        raise ModelError("this fit does not have its model frame with it: fit it again to test its terms")
    columns = lhs_columns(replace(bar, lhs=lhs), model.design.frame)
    return replace(term, names=columns.names, columns=columns.matrix)


def _without(model: MerMod, left: list[ReTerm]) -> tuple[float, float]:
    """Log-likelihood and number of parameters of the model with these random-effects terms."""
    if not left:  # a linear model: theta is 0
        return -0.5 * model.criterion(np.zeros(len(model.par))), float(model.p + 1)
    design: Design = replace(model.design, re=ReTerms(tuple(left)))
    criterion = mkLmerDevfun(design, model.REML)
    return -0.5 * optimum_of(design, criterion, model.control).value, float(model.p + len(criterion.lower) + 1)
