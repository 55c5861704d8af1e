"""Comparing fits: refitting by maximum likelihood, analysis of variance, terms dropped one by one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc

from pylmer.arguments import check_arguments
from pylmer.classical import Lm
from pylmer.errors import ModelError, RMessage, RWarning
from pylmer.inference.deletions import broken_formula, without_term
from pylmer.inference.fitting import optimum_of
from pylmer.inference.fixed_tests import anova_fixed, drop1_fixed, known_ddf
from pylmer.inference.likelihood_ratio import AnyFit, compare, refuse_different_rows
from pylmer.inference.likelihood_ratio import model_names as names_of
from pylmer.inference.tables import AnovaFrame
from pylmer.methods.fit_statistics import AIC
from pylmer.model import MerMod, make_model
from pylmer.rcompat.format import format_numbers

FloatArray = NDArray[np.float64]
M = TypeVar("M", bound=MerMod)

__all__ = ["anova", "drop1", "refitML"]


def refitML(model: M, optimizer: str | None = None) -> M:
    """Refit by maximum likelihood; a fit that is by ML already comes back as it is.

    Parameters
    ----------
    model
        A fit.
    optimizer
        One of those of ``lmerControl``; default Newton's method for a fit that was made by it, else ``"bobyqa"``,
        which is what lme4 takes whatever the fit was made by.

    Examples
    --------
    >>> from pylmer import datasets, lmer, refitML
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    >>> round(refitML(m).value, 4)
    327.3271
    """
    check_arguments(refitML, locals())
    if not model.REML:
        return model
    criterion = model.criterion.as_ML()
    control, start = model.control, None
    if control.optimizer != "newton" or optimizer not in (None, "newton"):
        control = replace(control, optimizer=optimizer or "bobyqa", optCtrl={})
        start = model.par
    opt = optimum_of(model.design, criterion, control, start)
    said = None if model.said is None else replace(model.said, REML=False)
    unchecked = replace(model.control, check_conv_singular="ignore")  # lme4 looks at nothing after this fit
    return make_model(type(model), model.design, criterion, opt, unchecked, said)


def anova(
    model: MerMod,
    *others: MerMod | Lm,
    refit: bool = True,
    model_names: Sequence[str] | None = None,
    ddf: str | None = None,
    type: str | int | None = None,
) -> AnovaFrame:
    """Analysis of variance: of one fit, or likelihood-ratio tests between several.

    Parameters
    ----------
    model, others
        Fits to the same data; the others may be linear models by ``lm``.
    refit
        Refit those by REML by maximum likelihood before several are compared (with R's message).
    model_names
        Names of the models in the table; default the names that the caller has for them.
    ddf
        Of one fit: ``"Satterthwaite"`` or ``"Kenward-Roger"`` gives F tests, as lmerTest does; None (the default) or
        ``"lme4"`` none.
    type
        Of F tests: 1, 2 or 3 (or ``"I"``, ``"II"``, ``"III"``, ``"marginal"``), default 3; without ``ddf`` it stands
        for ``ddf="Satterthwaite"``.

    Returns
    -------
    AnovaFrame
        One fit: ``npar, Sum Sq, Mean Sq, F value``, sequential, without p-values; or, with ``ddf``, ``Sum Sq, Mean Sq,
        NumDF, DenDF, F value, Pr(>F)``.  Several, sorted by their number of parameters: ``npar, AIC, BIC, logLik,
        deviance, Chisq, Df, Pr(>Chisq)``.

    Raises
    ------
    ModelError
        Fits to different data, subsets or numbers of rows, or not enough names.

    Examples
    --------
    >>> from pylmer import anova, datasets, lmer
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    >>> round(float(anova(m).loc["Days", "F value"]), 2)
    45.85
    """
    check_arguments(anova, locals())
    if not others:
        method = known_ddf("lme4" if ddf is None and type is None else ddf or "Satterthwaite")
        return _sequential(model) if method == "lme4" else anova_fixed(model, method, 3 if type is None else type)
    models: list[AnyFit] = [model, *others]
    refuse_different_rows(models)
    names = names_of(models, model_names)
    by_reml = [isinstance(m, MerMod) and m.REML for m in models]
    if refit and any(by_reml):
        warnings.warn("refitting model(s) with ML (instead of REML)", RMessage, stacklevel=2)
        models = [refitML(m) if isinstance(m, MerMod) else m for m in models]
    elif any(by_reml) and not all(by_reml):
        warnings.warn("some models fit with REML = TRUE, some not", RWarning, stacklevel=2)
    return compare(models, names)


def _sequential(model: MerMod) -> AnovaFrame:
    """Sums of squares of the fixed effects' terms in order: squares of RX beta."""
    schema = model.design.schema
    assign = np.asarray(schema.assign)[np.asarray(schema.kept)]
    squares = (model.state.RX @ model.beta) ** 2
    terms = [t for t in dict.fromkeys(assign.tolist()) if t > 0]
    npar = np.array([(assign == t).sum() for t in terms], dtype=float)
    ss = np.array([squares[assign == t].sum() for t in terms])
    ms = ss / npar
    table = pd.DataFrame(
        {"npar": npar, "Sum Sq": ss, "Mean Sq": ms, "F value": ms / model.residual_sd**2},
        index=[schema.term_labels[t - 1] for t in terms],
    )
    return AnovaFrame.of(table, ("Analysis of Variance Table",))


def drop1(
    model: MerMod,
    test: Literal["none", "Chisq", "user"] = "none",
    scope: Sequence[str] | None = None,
    ddf: str | None = None,
    sumFun: Callable[..., Mapping[str, float]] | None = None,
    k: float = 2.0,
    scale: float = 0.0,
    trace: int = 0,
) -> AnovaFrame:
    """Drop each fixed term in turn that no other contains, refitting by maximum likelihood.

    Parameters
    ----------
    model
        A fit.
    test
        ``"Chisq"`` adds likelihood-ratio tests; ``"user"`` asks ``sumFun``.
    scope
        Labels of the terms to try; default all that no other term contains.
    ddf
        ``"Satterthwaite"`` or ``"Kenward-Roger"``: F tests in the fit as it is, as lmerTest's ``drop1``.
    sumFun
        For ``test="user"``: called with the fit alone for the row ``<none>``, and with the fit and the smaller fit for
        each term, neither refitted by ML; it gives values by name, which become the columns.
    k
        Weight of a parameter in the criterion: ``math.log(n)`` makes it BIC.
    scale
        Not used, as in R, but printed.
    trace
        2 or more tells, in a message, each term before the model without it is fitted.

    Returns
    -------
    AnovaFrame
        Rows ``<none>`` and one a term; columns ``npar, AIC`` and, with the test, ``LRT, Pr(Chi)``.  With ``ddf`` one
        row a term: ``Sum Sq, Mean Sq, NumDF, DenDF, F value, Pr(>F)``.

    Examples
    --------
    >>> from pylmer import datasets, drop1, lmer
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    >>> drop1(m)["AIC"].round(2).tolist()
    [1763.94, 1785.48]
    """
    check_arguments(drop1, locals())
    if test not in ("none", "Chisq", "user"):
        raise ModelError(f"test={test!r}: choose 'none', 'Chisq' or 'user'")
    if (test == "user") != (sumFun is not None):
        raise ModelError(f"'sumFun' must be specified if (and only if) test==\"user\": test={test!r}")
    labels = list(model.design.schema.term_labels)
    wanted = _droppable(model) if scope is None else list(scope)
    unknown = [label for label in wanted if label not in labels]
    if unknown:
        raise ModelError(
            f"scope is not a subset of term labels: {', '.join(unknown)}; the terms are {', '.join(labels)}"
        )
    if ddf is not None and known_ddf(ddf) != "lme4":
        return drop1_fixed(model, wanted, known_ddf(ddf))
    if sumFun is not None:
        return _by_user(model, wanted, sumFun)
    table = _by_likelihood(model, wanted, k, trace)
    return _deletions(model, table[["npar", "AIC"]] if test == "none" else table, scale)


def _deletions(model: MerMod, table: pd.DataFrame, scale: float = 0.0) -> AnovaFrame:
    scaled = [f"\nscale:  {format_numbers([scale])[0]} \n"] if scale > 0 else []
    return AnovaFrame.of(table, ("Single term deletions", "\nModel:", broken_formula(model), *scaled))


def _by_user(model: MerMod, wanted: Sequence[str], ask: Callable[..., Mapping[str, float]]) -> AnovaFrame:
    labels = model.design.schema.term_labels
    found = [ask(model), *(ask(model, without_term(model, labels.index(label))) for label in wanted)]
    values = [[float(v) for v in one.values()] for one in found]
    return _deletions(model, pd.DataFrame(values, columns=list(found[0]), index=["<none>", *wanted]))


def _by_likelihood(model: MerMod, wanted: Sequence[str], k: float, trace: int) -> pd.DataFrame:
    labels = model.design.schema.term_labels
    full = refitML(model)
    rows = [(np.nan, AIC(full, k=k), np.nan, np.nan)]
    for label in wanted:
        if trace > 1:
            warnings.warn(f"trying -{label}", RMessage, stacklevel=3)
        smaller = without_term(full, labels.index(label))
        df = full.p - smaller.p
        lrt = smaller.value - full.value
        p = float(chdtrc(df, max(lrt, 0.0))) if df else np.nan
        rows.append((float(df), AIC(smaller, k=k), lrt, p))
    index = ["<none>", *wanted] if wanted else ["1"]  # R's name of the only row
    return pd.DataFrame(rows, columns=["npar", "AIC", "LRT", "Pr(Chi)"], index=index)


def _droppable(model: MerMod) -> list[str]:
    """Terms that are not contained in a term of higher order."""
    labels = model.design.schema.term_labels
    sets = [set(label.split(":")) for label in labels]
    return [label for label, own in zip(labels, sets, strict=True) if not any(own < other for other in sets)]
