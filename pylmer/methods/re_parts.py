"""Parts of the random effects by lme4's names: terms over new data, positions, variances from parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pylmer.arguments import check_arguments
from pylmer.errors import ModelError
from pylmer.formula.newdata import matching_terms, own_groups, random_terms
from pylmer.linalg.assembled import SparseArray, Z_of_term, block_diagonal, side_by_side, transposed
from pylmer.methods.conversions import Sizes, vec2mlist
from pylmer.methods.varcorr import VarCorr
from pylmer.model import MerMod
from pylmer.rcompat.named_list import NamedList

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["NewReTrms", "mkNewReTrms", "mkVarCorr", "rePos", "vec2STlist"]


@dataclass(frozen=True, eq=False)
class NewReTrms:
    """Random-effects terms over new data.

    Parameters
    ----------
    Zt
        ``(q, n)`` sparse: effects of the levels that occur in the new data, by their rows.
    b
        ``(q,)`` conditional modes; 0 for levels that the fit did not see.
    Lambdat
        ``(q, q)`` sparse: transposed relative covariance factor.
    levels
        Per term the levels that occur.
    """

    Zt: SparseArray
    b: pd.Series[float]
    Lambdat: SparseArray
    levels: NamedList[tuple[str, ...]]


def mkNewReTrms(
    model: MerMod,
    newdata: object,
    re_form: str | None = None,
    na_action: str = "na.pass",
    allow_new_levels: bool = False,
) -> NewReTrms:
    """Make Z', b and Lambda' of new data (lme4's ``mkNewReTrms``).

    Parameters
    ----------
    model
        A fit.
    newdata
        A table with the variables of the random-effects terms.
    re_form
        Which terms: None for all, or a formula such as ``"~(1 | g)"``.
    na_action
        ``"na.pass"``; rows with missing values are not left out here.
    allow_new_levels
        Take levels that the fit did not see, with modes of 0.

    Returns
    -------
    NewReTrms
        ``Zt``, ``b``, ``Lambdat``: Z b is the random part of the prediction.

    Raises
    ------
    DataError
        New levels that are not allowed.
    FormulaError
        A ``re_form`` that is no part of the model.

    Examples
    --------
    >>> from pylmer import datasets, lmer, mkNewReTrms
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    >>> new = mkNewReTrms(m, {"Days": [0, 1], "Subject": ["308", "309"]})
    >>> (new.Zt.T @ new.b.to_numpy()).round(3).tolist()
    [2.259, -49.018]
    """
    check_arguments(mkNewReTrms, locals())
    if na_action != "na.pass":
        raise ModelError(f"na_action={na_action!r}: leave out rows with missing values before, and give 'na.pass'")
    schema, terms = model.design.schema, model.design.re.terms
    if re_form is None:
        picks = [(i, np.arange(t.k)) for i, t in enumerate(terms)]
    else:
        picks = [(i, columns) for i, columns in matching_terms(schema, re_form)]
    wanted = sorted({i for i, _ in picks})
    found = {new.index: new for new in random_terms(schema, newdata, allow_new_levels, wanted)}
    Z, b, names, blocks, counts, levels = [], [], [], [], [], []
    for i, columns in picks:
        own, J = own_groups(schema, newdata, i)
        new = found[i]
        if (own < 0).any():
            raise ModelError(f"missing values in the grouping factor {terms[i].group} of newdata: leave these rows out")
        first = np.full(J, -1)
        first[own] = new.codes
        modes = np.vstack([model.state.b[i], np.zeros((1, terms[i].k))])[first][:, columns]
        unseen = iter(new.new_levels)
        levels.append((terms[i].group, tuple(terms[i].levels[c] if c >= 0 else next(unseen) for c in first)))
        Z.append(Z_of_term(own, new.columns[:, columns], J))
        b.append(modes.ravel())
        names += [f"{terms[i].group}{j + 1}" for j in range(modes.size)]
        blocks.append(model.L[i][np.ix_(columns, columns)])
        counts.append(J)
    if not picks:
        raise ModelError("mkNewReTrms needs at least one random-effects term: re_form has none")
    return NewReTrms(
        transposed(side_by_side(Z)),
        pd.Series(np.concatenate(b), index=names),
        transposed(block_diagonal(blocks, counts)),
        NamedList(levels),
    )


def mkVarCorr(
    sc: float,
    cnms: Mapping[str, Sequence[str]],
    nc: Sequence[int],
    theta: ArrayLike,
    nms: Sequence[str] | str,
) -> VarCorr:
    """Make variances and correlations from their parameters (lme4's ``mkVarCorr``).

    Parameters
    ----------
    sc
        Residual standard deviation.
    cnms
        Per term the names of its effects.
    nc
        Per term their number.
    theta
        Relative covariance parameters of all terms.
    nms
        Per term the name of its grouping factor.

    Returns
    -------
    VarCorr
        Prints as R's; ``[name]`` is the covariance matrix of a term.

    Raises
    ------
    ModelError
        Numbers that do not fit together.

    Examples
    --------
    >>> vc = mkVarCorr(2.0, {"g": ["(Intercept)", "x"]}, [2], [1.0, 0.5, 1.0], "g")
    >>> vc["g"].to_numpy().tolist()
    [[4.0, 2.0], [2.0, 5.0]]
    """
    groups = [nms] if isinstance(nms, str) else list(nms)
    sizes = [int(k) for k in np.atleast_1d(np.asarray(nc))]
    names = [tuple(effects) for effects in cnms.values()]
    if [len(effects) for effects in names] != sizes or len(groups) != len(sizes):
        raise ModelError(f"cnms, nc and nms do not fit together: {dict(cnms)}, {sizes}, {groups}")
    return VarCorr.of_parts(float(sc), groups, names, vec2mlist(theta, sizes, symm=False))


def vec2STlist(v: ArrayLike, n: Sizes = None) -> list[FloatArray]:
    """Relative Cholesky factors (theta) to lme4's older ST form: scales on the diagonal, a unit triangle below.

    Parameters
    ----------
    v
        Lower triangles, column by column.
    n
        Sizes of the matrices; None: one.

    Examples
    --------
    >>> vec2STlist([2.0, 0.5, 1.5]).pop().tolist()
    [[2.0, 0.0], [0.25, 1.5]]
    """
    out = []
    for L in vec2mlist(v, n, symm=False):
        scale = np.diag(L).copy()
        with np.errstate(invalid="ignore", divide="ignore"):
            unit = L / scale
        np.fill_diagonal(unit, scale)
        unit[np.triu_indices(len(L), 1)] = 0.0
        out.append(unit)
    return out


class rePos:
    """Where the random effects of each term and factor stand (lme4's reference class of that name).

    Parameters
    ----------
    model
        A fit.

    Attributes
    ----------
    cnms, flist
        As in ``getME``.
    ncols
        Per term its number of effects a level.
    nctot
        Per grouping factor the number of effects a level, over its terms.
    nlevs
        Per grouping factor its number of levels.
    offsets
        ``(terms + 1,)`` where the effects of each term begin among all, from 0.
    terms
        Per grouping factor the terms that use it, counted from 1.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> rp = rePos(lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy()))
    >>> rp.ncols.tolist(), rp.nlevs.tolist(), rp.offsets.tolist()
    ([2], [18], [0, 36])
    """

    def __init__(self, model: MerMod) -> None:
        from pylmer.methods.components import getME

        re = model.design.re
        self.cnms: NamedList[list[str]] = getME(model, "cnms")
        self.flist: dict[str, pd.Categorical] = getME(model, "flist")
        self._groups = [t.group for t in re.terms]
        self.ncols: IntArray = np.array([t.k for t in re.terms])
        self.nlevs: IntArray = np.array([t.J for t in re.flist.values()])
        self.offsets: IntArray = re.Gp

    @cached_property
    def terms(self) -> list[list[int]]:
        """Per grouping factor the terms that use it, counted from 1."""
        return [[i + 1 for i, g in enumerate(self._groups) if g == group] for group in self.flist]

    @cached_property
    def nctot(self) -> IntArray:
        """Per grouping factor the number of effects a level."""
        return np.array([sum(int(self.ncols[i - 1]) for i in of) for of in self.terms])
