"""Tests of fixed effects with degrees of freedom by Satterthwaite or Kenward and Roger: lmerTest's and pbkrtest's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import null_space
from scipy.special import stdtr, stdtrit

from pylmer.arguments import check_arguments
from pylmer.errors import ModelError
from pylmer.inference.fixed_contrasts import anova_contrasts, anova_type
from pylmer.inference.kenward_roger import FTest, KenwardRoger, kenward_roger
from pylmer.inference.satterthwaite import Satterthwaite, satterthwaite
from pylmer.inference.tables import AnovaFrame
from pylmer.methods.summary import SummaryMerMod, is_reml, meth_title, summary
from pylmer.model import MerMod
from pylmer.rcompat.printable import Printable

FloatArray = NDArray[np.float64]

__all__ = ["KRTest", "KRmodcomp", "anova_fixed", "contest", "drop1_fixed", "known_ddf", "summary_with_df", "vcovAdj"]

METHODS = ("Satterthwaite", "Kenward-Roger", "lme4")
COLUMNS = ["Sum Sq", "Mean Sq", "NumDF", "DenDF", "F value", "Pr(>F)"]


def known_ddf(ddf: str) -> str:
    """The method by its full name; a beginning of it will do, as in R.

    Raises
    ------
    ModelError
        An unknown method.
    """
    found = [name for name in METHODS if ddf and name.startswith(ddf)]
    if len(found) != 1:
        raise ModelError(f"'arg' should be one of {', '.join(map(repr, METHODS))}: ddf={ddf!r}")
    return found[0]


def _method(model: MerMod, ddf: str) -> Satterthwaite | KenwardRoger:
    return satterthwaite(model) if ddf == "Satterthwaite" else kenward_roger(model)


def summary_with_df(model: MerMod, ddf: str) -> SummaryMerMod:
    """Return the summary with lmerTest's columns: degrees of freedom and p-values of the t-tests.

    With ``"Kenward-Roger"`` the standard errors are the adjusted ones; ``"lme4"`` is the summary without either.

    Raises
    ------
    ModelError
        An unknown method; Kenward-Roger for a fit by maximum likelihood.
    """
    ddf = known_ddf(ddf)
    plain = summary(model)
    table = plain.coefficients
    if ddf == "lme4" or not len(table):
        return plain
    method = _method(model, ddf)
    df = method.coefficients()
    se = np.sqrt([method.variance(row) for row in np.eye(model.p)])
    t = model.beta / se
    columns = {
        "Estimate": table["Estimate"],
        "Std. Error": se,
        "df": df,
        "t value": t,
        "Pr(>|t|)": 2.0 * stdtr(df, -np.abs(t)),
    }
    return replace(
        plain,
        methTitle=meth_title(is_reml(model), ddf),
        objClass="lmerModLmerTest",
        coefficients=pd.DataFrame(columns, index=table.index),
    )


def _row(model: MerMod, test: FTest) -> list[float]:
    mean = test.F / test.scaling * model.residual_sd**2  # of the statistic without its scale, as lmerTest has it
    return [mean * test.ndf, mean, float(test.ndf), test.ddf, test.F, test.p]


def anova_fixed(model: MerMod, ddf: str = "Satterthwaite", type: str | int = 3) -> AnovaFrame:
    """F tests of the fixed terms, lmerTest's ``anova``.

    Parameters
    ----------
    model
        A fit.
    ddf
        ``"Satterthwaite"`` or ``"Kenward-Roger"``.
    type
        1, 2 or 3 (or ``"I"``, ``"II"``, ``"III"``, ``"marginal"``): each term after those before it; after all that do
        not contain it; after all others.
    """
    type = anova_type(type)
    method = _method(model, ddf)
    rows = {label: _row(model, method.F_test(L, model.beta)) for label, L in anova_contrasts(model, type).items()}
    table = pd.DataFrame(list(rows.values()), columns=COLUMNS, index=list(rows), dtype=np.float64)
    kind = "Marginal" if type == "marginal" else f"Type {type}"
    return AnovaFrame.of(table, (f"{kind} Analysis of Variance Table with {ddf}'s method",))


def drop1_fixed(model: MerMod, terms: Sequence[str], ddf: str) -> AnovaFrame:
    """F tests of single terms left out, lmerTest's ``drop1``."""
    method = _method(model, ddf)
    contrasts = anova_contrasts(model, "marginal")
    rows = {label: _row(model, method.F_test(contrasts[label], model.beta)) for label in terms}
    table = pd.DataFrame(list(rows.values()), columns=COLUMNS, index=list(rows), dtype=np.float64)
    heading = (f"Single term deletions using {ddf}'s method:", "\nModel:", model.design.call.formula)
    return AnovaFrame.of(table, heading)


def contest(
    model: MerMod,
    L: ArrayLike,
    joint: bool = True,
    ddf: str = "Satterthwaite",
    rhs: ArrayLike = 0.0,
    confint: bool = True,
    level: float = 0.95,
) -> pd.DataFrame:
    """Test contrasts of the fixed effects, lmerTest's ``contest``.

    Parameters
    ----------
    model
        A fit.
    L
        One contrast ``(p,)``, or several ``(q, p)``.
    joint
        One F test of all contrasts, or a t-test of each.
    ddf
        ``"Satterthwaite"`` or ``"Kenward-Roger"``.
    rhs
        What the contrasts are under the hypothesis, ``(q,)`` or one number.
    confint, level
        Whether t-tests come with intervals, and of which coverage.

    Returns
    -------
    DataFrame
        ``Sum Sq, Mean Sq, NumDF, DenDF, F value, Pr(>F)``; or a row a contrast with ``Estimate, Std. Error, df, t
        value, lower, upper, Pr(>|t|)``.

    Raises
    ------
    ModelError
        Contrasts of the wrong length; an unknown method.

    Examples
    --------
    >>> from pylmer import contest, datasets, lmer
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    >>> round(float(contest(m, [0, 1], ddf="Kenward-Roger").loc["1", "F value"]), 3)
    45.853
    """
    check_arguments(contest, locals())
    rows = np.atleast_2d(np.asarray(L, dtype=np.float64))
    if rows.ndim != 2 or rows.shape[1] != model.p:
        raise ModelError(f"ncol(L) = {rows.shape[-1]} has to match the {model.p} fixed effects of the model")
    ddf = known_ddf(ddf)
    if ddf == "lme4":
        raise ModelError("contest needs ddf='Satterthwaite' or 'Kenward-Roger'")
    method = _method(model, ddf)
    target = np.broadcast_to(np.asarray(rhs, dtype=np.float64), (len(rows),))
    if joint:
        shift = np.linalg.lstsq(rows, target, rcond=None)[0]
        test = method.F_test(_independent_rows(rows), model.beta - shift)
        return pd.DataFrame([_row(model, test)], columns=COLUMNS, index=["1"])
    estimate = rows @ model.beta
    se = np.sqrt([method.variance(row) for row in rows])
    df = np.array([method.df(row) for row in rows])
    t = (estimate - target) / se
    table = pd.DataFrame({"Estimate": estimate, "Std. Error": se, "df": df, "t value": t})
    if confint:
        half = stdtrit(df, 0.5 + 0.5 * level) * se
        table["lower"], table["upper"] = estimate - half, estimate + half
    table["Pr(>|t|)"] = 2.0 * stdtr(df, -np.abs(t))
    return table.set_axis([str(i + 1) for i in range(len(rows))])


def _independent_rows(L: FloatArray) -> FloatArray:
    """As many rows with the same span as there are independent ones."""
    _, values, Vt = np.linalg.svd(L, full_matrices=False)
    rank = int((values > 1e-8 * max(float(values[0]), 1e-300)).sum())
    return L if rank == len(L) else Vt[:rank]


def vcovAdj(model: MerMod) -> pd.DataFrame:
    """Covariance of the fixed effects, adjusted after Kenward and Roger (pbkrtest's ``vcovAdj``).

    Raises
    ------
    ModelError
        For a fit by maximum likelihood.

    Examples
    --------
    >>> from pylmer import datasets, lmer, vcovAdj
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    >>> round(float(vcovAdj(m).loc["Days", "Days"]), 3)
    2.389
    """
    check_arguments(vcovAdj, locals())
    names = list(model.design.X_names)
    return pd.DataFrame(kenward_roger(model).adjusted, index=names, columns=names)


@dataclass(frozen=True, eq=False, repr=False)
class KRTest(Printable):
    """An F test between two models after Kenward and Roger, pbkrtest's class ``KRmodcomp``.

    Parameters
    ----------
    test
        DataFrame with a row ``Ftest`` and, without the scale, ``FtestU``: ``stat, ndf, ddf, F.scaling, p.value``.
    large, small
        The models as text; ``small`` is None where a matrix was given.
    L
        ``(q, p)`` the hypothesis.
    """

    test: pd.DataFrame
    large: str
    small: str | None
    L: FloatArray


def KRmodcomp(large: MerMod, small: MerMod | ArrayLike) -> KRTest:
    """Compare the fixed effects of two fits by Kenward and Roger's F test (pbkrtest's ``KRmodcomp``).

    Parameters
    ----------
    large
        A fit by REML.
    small
        A fit to the same data with fewer fixed effects, or the rows ``(q, p)`` of a hypothesis about those of
        ``large``.

    Raises
    ------
    ModelError
        Models that are not nested; a fit by maximum likelihood.

    Examples
    --------
    >>> from pylmer import KRmodcomp, datasets, lmer
    >>> sleep = datasets.sleepstudy()
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", sleep)
    >>> KRmodcomp(m, lmer("Reaction ~ 1 + (Days | Subject)", sleep)).test["ddf"].round(3).tolist()
    [17.0, 17.0]
    """
    check_arguments(KRmodcomp, locals())
    if isinstance(small, MerMod):
        L, text = _restriction(large, small), small.design.call.formula
    else:
        L, text = _independent_rows(np.atleast_2d(np.asarray(small, dtype=np.float64))), None
        if L.shape[1] != large.p:
            raise ModelError(f"the hypothesis has {L.shape[1]} columns, the model {large.p} fixed effects")
    found = kenward_roger(large).F_test(L, large.beta)
    plain = FTest(found.F / found.scaling, found.ndf, found.ddf)
    rows = [[t.F, t.ndf, t.ddf, s, t.p] for t, s in ((found, found.scaling), (plain, np.nan))]
    table = pd.DataFrame(rows, columns=["stat", "ndf", "ddf", "F.scaling", "p.value"], index=["Ftest", "FtestU"])
    return KRTest(table, large.design.call.formula, text, L)


def _restriction(large: MerMod, small: MerMod) -> FloatArray:
    """Rows L such that X_large beta with L beta = 0 spans what X_small spans."""
    X, X0 = large.design.X, small.design.X
    if large.n != small.n or large.p <= small.p:
        raise ModelError(
            f"the small model must have fewer fixed effects on the same rows: {small.p} of {large.p}, "
            f"{small.n} rows of {large.n}"
        )
    inside = np.linalg.lstsq(X, X0, rcond=None)[0]
    if not np.allclose(X @ inside, X0, rtol=0, atol=1e-8 * max(1.0, float(np.abs(X0).max()))):
        raise ModelError("the models are not nested: the fixed effects of the small one are not among the large one's")
    L: FloatArray = null_space(inside.T).T
    return L
