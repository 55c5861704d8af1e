"""Influence of cases and of groups: the model fitted again without each of them.

What a fit needs of its data are sums over rows.  Those of the rows that stay are the sums of all rows less the sums of
the rows that go, so that each deletion costs a few Newton steps and no pass over the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer import methods
from pylmer.arguments import check_arguments
from pylmer.criterion.deletion import Deletions
from pylmer.errors import ModelError
from pylmer.formula.values import Matrix, Value, Vector, take
from pylmer.methods.varcorr import varcorr_labels
from pylmer.model import MerMod
from pylmer.optimize.optimum import optimizeLmer
from pylmer.rcompat.factors import number_labels
from pylmer.rcompat.printable import Printable

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["Influence", "cooks_distance", "dfbeta", "dfbetas", "influence"]


@dataclass(frozen=True, eq=False, repr=False)
class Influence(Printable):
    """Estimates without each case or group, lme4's class ``influence.merMod``.

    ``x["fixed.effects[-Subject]"]`` and R's other names work too.

    Parameters
    ----------
    fixed_effects
        ``(p,)`` of all rows.
    fixed_effects_deleted
        One row a deleted unit, ``(D, p)``; NaN for an effect that cannot be estimated without it.
    var_cov_comps, var_cov_comps_deleted
        ``sigma^2``, then variances ``v[..]`` and covariances ``C[..,..]`` of the random effects, likewise.
    vcov, vcov_deleted
        ``(p, p)`` and ``(D, p, p)``: covariances of the fixed effects.
    groups
        ``"case"``, or the name of the groups.
    deleted
        Labels of the D units.
    converged, function_evals
        Of each fit without a unit.
    """

    fixed_effects: pd.Series[float]
    fixed_effects_deleted: pd.DataFrame
    var_cov_comps: pd.Series[float]
    var_cov_comps_deleted: pd.DataFrame
    vcov: pd.DataFrame
    vcov_deleted: FloatArray
    groups: str
    deleted: tuple[object, ...]
    converged: pd.Series[bool]
    function_evals: pd.Series[int]

    def keys(self) -> tuple[str, ...]:
        """R's names of the parts."""
        return tuple(self._parts())

    def __getitem__(self, name: str) -> Any:
        parts = self._parts()
        if name not in parts:
            raise ModelError(f"there is no part {name!r}; there are {', '.join(map(repr, parts))}")
        return getattr(self, parts[name])

    def _parts(self) -> dict[str, str]:
        parts = {}
        for name, own in (("fixed.effects", "fixed_effects"), ("var.cov.comps", "var_cov_comps"), ("vcov", "vcov")):
            parts[name], parts[f"{name}[-{self.groups}]"] = own, f"{own}_deleted"
        return {
            **parts,
            "groups": "groups",
            "deleted": "deleted",
            "converged": "converged",
            "function.evals": "function_evals",
        }

    def dfbeta(self, which: Literal["fixed", "var.cov"] = "fixed") -> pd.DataFrame:
        """See :func:`pylmer.dfbeta`."""
        return dfbeta(self, which)

    def dfbetas(self) -> pd.DataFrame:
        """See :func:`pylmer.dfbetas`."""
        return dfbetas(self)

    def cooks_distance(self) -> pd.Series[float]:
        """See :func:`pylmer.cooks_distance`."""
        return cooks_distance(self)


def influence(model: MerMod, groups: str | Sequence[str] | None = None) -> Influence:
    """Fit a model again without each case, or without each group of cases.

    Parameters
    ----------
    model
        A fit.
    groups
        None for single cases; a grouping factor of the model, a variable of its formula or a column of its data; or a
        list of them, for their combinations.

    Returns
    -------
    Influence
        All estimates without each unit, in the order in which the units first occur: see :func:`dfbeta`,
        :func:`dfbetas` and :func:`cooks_distance`.

    Raises
    ------
    ModelError
        An unknown group, or one without which no data are left.

    Examples
    --------
    >>> from pylmer import datasets, influence, lmer
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    >>> influence(m, "Subject").cooks_distance().round(3).head(2).to_dict()
    {'308': 0.082, '309': 0.132}
    """
    check_arguments(influence, locals())
    name, units = _units(model, groups)
    deletions = Deletions(model.criterion, model.design)
    D, p = len(units), model.p
    beta, V = np.full((D, p), np.nan), np.full((D, p, p), np.nan)
    components, converged, evaluations = [], np.empty(D, dtype=bool), np.empty(D, dtype=np.intp)
    for d, (label, rows) in enumerate(units):
        criterion, kept = deletions.without(rows)
        if criterion.n <= criterion.p:
            raise ModelError(f"without {label!r} there are {criterion.n} rows left for {criterion.p} fixed effects")
        found = optimizeLmer(criterion, deletions.start(criterion, model.par))
        state = criterion.state(found.theta)
        variance = state.pwrss / criterion.nu
        beta[d, kept] = state.beta
        if len(kept):
            root = np.linalg.inv(state.RX)
            V[d, kept[:, None], kept] = variance * (root @ root.T)
        components.append(_components(model, criterion.theta_of(found.theta[None])[0], variance))
        converged[d], evaluations[d] = found.convergence == 0, found.evaluations
    names, labels = _component_names(model), pd.Index([label for label, _ in units])
    columns = list(model.design.X_names)
    return Influence(
        methods.fixef(model),
        pd.DataFrame(beta, index=labels, columns=columns),
        pd.Series(_components(model, model.theta, model.residual_sd**2), index=names),
        pd.DataFrame(np.array(components), index=labels, columns=names),
        methods.vcov(model),
        V,
        name,
        tuple(labels),
        pd.Series(converged.tolist(), index=labels, dtype=bool),
        pd.Series(evaluations, index=labels),
    )


def dfbeta(x: Influence, which: Literal["fixed", "var.cov"] = "fixed") -> pd.DataFrame:
    """Change of the estimates when each unit is deleted: without it, less with it.

    Parameters
    ----------
    x
        The result of :func:`influence`.
    which
        ``"fixed"`` effects, or ``"var.cov"``: variances and covariances.
    """
    check_arguments(dfbeta, locals())
    if which not in ("fixed", "var.cov"):
        raise ModelError(f"which={which!r}: choose 'fixed' or 'var.cov'")
    if which == "fixed":
        return x.fixed_effects_deleted - x.fixed_effects
    return x.var_cov_comps_deleted - x.var_cov_comps


def dfbetas(x: Influence) -> pd.DataFrame:
    """Change of each fixed effect when each unit is deleted, over its standard error without that unit."""
    check_arguments(dfbetas, locals())
    change = dfbeta(x)
    change[:] = change.to_numpy() / np.sqrt(np.diagonal(x.vcov_deleted, axis1=1, axis2=2))
    return change


def cooks_distance(x: MerMod | Influence) -> pd.Series[float]:
    """Cook's distances of a fit's rows, or of the units that :func:`influence` deleted.

    For rows they are ``(e_i / (1 - h_i))^2 h_i / (sigma^2 p)`` with Pearson residuals e and leverages h, theta held
    fixed; for D deleted units ``d'V^-1 d / p  (D - p) / D``, d the change of the fixed effects, V their covariance.

    Examples
    --------
    >>> from pylmer import cooks_distance, datasets, lmer
    >>> m = lmer("mathach ~ cses + (1 | school)", data=datasets.HSB())
    >>> round(float(cooks_distance(m).iloc[1]), 6)
    0.027912
    """
    check_arguments(cooks_distance, locals())
    if isinstance(x, MerMod):
        return methods.cooks_distance(x)
    change = dfbeta(x)
    d = change.to_numpy()
    D, p = d.shape
    squares = (d * np.linalg.solve(x.vcov.to_numpy(), d.T).T).sum(axis=1)
    return pd.Series(squares / p * (D - p) / D, index=change.index)


def _units(model: MerMod, groups: str | Sequence[str] | None) -> tuple[str, list[tuple[object, IntArray]]]:
    """Name of what is deleted; label and rows of each unit, in order of first occurrence."""
    if groups is None:
        return "case", [(label, np.array([i])) for i, label in enumerate(np.asarray(model.design.row_names).tolist())]
    chosen = [groups] if isinstance(groups, str) else list(groups)
    if not chosen:
        raise ModelError("groups=[]: name at least one grouping factor, or None for single cases")
    parts = [_labels(model, name) for name in chosen]
    labels = parts[0] if len(parts) == 1 else [".".join(row) for row in zip(*parts, strict=True)]
    codes, distinct = pd.factorize(np.array(labels, dtype=object))
    order = np.argsort(codes, kind="stable")
    return ".".join(chosen), list(
        zip(distinct.tolist(), np.split(order, np.cumsum(np.bincount(codes))[:-1]), strict=True)
    )


def _labels(model: MerMod, name: str) -> list[str]:
    """The value of a grouping variable in each row, as text."""
    factors = model.design.re.flist
    if name in factors:
        levels = np.array(factors[name].levels, dtype=object)
        return [str(label) for label in levels[factors[name].codes]]
    frame = model.design.frame
    value: Value | None = None
    if frame is not None and name in frame.variables:
        value = frame.variables[name]
    elif frame is not None and name in frame.env.table:
        value = frame.env.table.column(name)
        value = value if frame.rows is None else take(value, frame.rows)
    if value is None or isinstance(value, Matrix):
        raise ModelError(
            f"groups={name!r}: it is no grouping factor ({', '.join(factors)}) and no column of the data of this fit"
        )
    if isinstance(value, Vector):
        return number_labels(value.values, value.kind == "integer")
    return ["NA" if label is None else str(label) for label in value.labels().tolist()]


def _components(model: MerMod, theta: FloatArray, variance: float) -> FloatArray:
    """sigma^2, then the lower triangles of the covariances."""
    out, start = [np.array([variance])], 0
    for t in model.design.re.terms:
        L = np.zeros((t.k, t.k))
        columns, rows = np.triu_indices(t.k)
        L[rows, columns] = theta[start : start + t.n_theta]
        start += t.n_theta
        out.append(variance * (L @ L.T)[rows, columns])
    return np.concatenate(out)


def _component_names(model: MerMod) -> list[str]:
    terms = model.design.re.terms
    prefixes = [f"{label}:" for label in varcorr_labels([t.group for t in terms])] if len(terms) > 1 else [""]
    names = ["sigma^2"]
    for prefix, t in zip(prefixes, terms, strict=True):
        for j in range(t.k):
            names += [
                f"{prefix}v[{t.names[j]}]" if i == j else f"{prefix}C[{t.names[i]},{t.names[j]}]" for i in range(j, t.k)
            ]
    return names
