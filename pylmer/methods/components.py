"""getME: every component of a fit by lme4's name for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.arguments import check_arguments
from pylmer.errors import ModelError
from pylmer.formula.design import ReTerm
from pylmer.linalg.assembled import (
    RZX_of,
    SparseArray,
    Z_of_term,
    block_diagonal,
    cholesky_of,
    side_by_side,
    transposed,
)
from pylmer.methods.fit_statistics import isREML
from pylmer.model import MerMod
from pylmer.rcompat.named_list import NamedList

FloatArray = NDArray[np.float64]

__all__ = ["getME"]

V = TypeVar("V")


def getME(model: MerMod, name: str | Sequence[str]) -> Any:
    """Extract a component of a fit.

    Parameters
    ----------
    model
        A fit.
    name
        One of lme4's names, or a list of them (a dict comes back), or ``"ALL"``:

        - ``X`` (n, p); ``Z`` (n, q), ``Zt`` (q, n), ``Lambda``, ``Lambdat`` (q, q), ``A`` = Lambdat Zt: sparse;
        - ``Ztlist``, ``mmList`` per term; ``y``, ``mu``, ``offset`` (n,); ``u``, ``b`` (q,);
        - ``Gp``, ``Tp``, ``Lind`` (counted from 1, as R counts);
        - ``L`` (q, q) sparse lower Cholesky factor of Lambda'Z'ZLambda + I, not permuted;
        - ``RX`` (p, p), ``RZX`` (q, p);
        - ``theta``, ``beta``/``fixef``, ``lower``, ``sigma``; ``Tlist``, ``ST``; ``flist``, ``cnms``; ``devcomp``;
        - ``par`` (lme4 2.0; not in ``"ALL"``): theta, or of structured terms standard deviations and correlation;
        - ``REML`` (p or 0), ``is_REML``; ``n_rtrms``, ``n_rfacs``, ``N``, ``n``, ``p``, ``q``;
        - ``p_i``, ``l_i``, ``q_i``, ``k``, ``m_i``, ``m``;
        - ``devfun``, a function of theta.

    Raises
    ------
    ModelError
        An unknown name.

    Examples
    --------
    >>> from pylmer import datasets, getME, lmer
    >>> getME(lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff()), "theta").round(4).to_dict()
    {'Batch.(Intercept)': 0.8483}
    """
    check_arguments(getME, locals())
    if not isinstance(name, str):
        return {one: getME(model, one) for one in name}
    if name == "ALL":
        return {one: getME(model, one) for one in _COMPONENTS}
    if name == "par":
        return model.criterion.reported(model.par[None])[0]
    if name not in _COMPONENTS:
        raise ModelError(f"'arg' should be one of {', '.join(_COMPONENTS)} (met '{name}')")
    return _COMPONENTS[name](model)


def _Z_of(model: MerMod, i: int) -> SparseArray:
    t = model.design.re.terms[i]
    return Z_of_term(t.codes, t.columns, t.J)


def _Z(model: MerMod) -> SparseArray:
    return side_by_side([_Z_of(model, i) for i in range(len(model.design.re.terms))])


def _Lambda(model: MerMod) -> SparseArray:
    return block_diagonal(model.L, [t.J for t in model.design.re.terms])


def _Lind(model: MerMod) -> NDArray[np.intp]:
    """For each element of Lambda' in its columns, the element of theta that stands there (from 1)."""
    out, start = [], 1
    for t in model.design.re.terms:
        place = np.zeros((t.k, t.k), dtype=np.intp)
        cols, rows = np.triu_indices(t.k)
        place[rows, cols] = np.arange(start, start + t.n_theta)
        # Lambda' is upper triangular: its column i holds row i of L
        out.append(np.tile(np.concatenate([place[i, : i + 1] for i in range(t.k)]), t.J))
        start += t.n_theta
    return np.concatenate(out)


def _L(model: MerMod) -> SparseArray:
    return cholesky_of(_Z(model), _Lambda(model), model.design.weights)


def _RZX(model: MerMod) -> FloatArray:
    return RZX_of(_Z(model), _Lambda(model), model.design.X, model.design.weights)


def _flat(parts: tuple[FloatArray, ...]) -> FloatArray:
    return np.concatenate([part.ravel() for part in parts])


def _per_term(model: MerMod, value: Callable[[ReTerm], int]) -> pd.Series[int]:
    terms = model.design.re.terms
    return pd.Series([value(t) for t in terms], index=[t.label for t in terms])


def _by_group(model: MerMod, values: Iterable[V]) -> NamedList[V]:
    """One value per term, under the name of its grouping factor."""
    return NamedList(zip((t.group for t in model.design.re.terms), values, strict=True))


def _Tp(model: MerMod) -> pd.Series[int]:
    """Boundaries of the terms in theta."""
    terms = model.design.re.terms
    return pd.Series(np.cumsum([0] + [t.n_theta for t in terms]), index=["beg__", *(t.group for t in terms)])


def _Ztlist(model: MerMod) -> NamedList[SparseArray]:
    rows = []
    for i, t in enumerate(model.design.re.terms):
        Zt = transposed(_Z_of(model, i))
        rows += [(f"{t.group}.{name}", Zt[a :: t.k]) for a, name in enumerate(t.names)]
    return NamedList(rows)


def _mmList(model: MerMod) -> NamedList[pd.DataFrame]:
    rows = list(model.design.row_names)
    return NamedList(
        (t.label, pd.DataFrame(t.columns, index=rows, columns=list(t.names))) for t in model.design.re.terms
    )


def _ST(model: MerMod) -> NamedList[FloatArray]:
    """Per term, scales on the diagonal and the unit lower triangle below."""
    out = []
    for L in model.L:
        scale = np.diagonal(L).copy()
        unit = L / np.where(scale == 0, 1.0, scale)
        np.fill_diagonal(unit, scale)
        out.append(unit)
    return _by_group(model, out)


def _devcomp(model: MerMod) -> dict[str, dict[str, float]]:
    re = model.design.re
    dims: dict[str, float] = {
        "N": model.n,
        "n": model.n,
        "p": model.p,
        "nmp": model.n - model.p,
        "q": model.q,
        "nth": len(model.theta),
        "useSc": 1,
        "reTrms": len(re.terms),
        "spFe": 0,
        "REML": _REML(model),
        "GLMM": 0,
        "NLMM": 0,
    }
    cmp = {name: value for name, value in model.devcomp.items() if name != "tolPwrss"}
    if not isREML(model):
        cmp["REML"], cmp["dev"] = float("nan"), model.value
    return {"cmp": cmp, "dims": dims}


def _REML(model: MerMod) -> int:
    return model.p if model.REML else 0


def _devfun(model: MerMod) -> Callable[[FloatArray], float]:
    return model.criterion


def _offset(model: MerMod) -> FloatArray:
    return np.zeros(model.n) if model.design.offset is None else model.design.offset


_COMPONENTS: dict[str, Callable[[MerMod], Any]] = {
    "X": lambda m: pd.DataFrame(m.design.X, index=list(m.design.row_names), columns=list(m.design.X_names)),
    "Z": _Z,
    "Zt": lambda m: transposed(_Z(m)),
    "Ztlist": _Ztlist,
    "mmList": _mmList,
    "y": lambda m: m.design.y,
    "mu": lambda m: m.mu,
    "u": lambda m: _flat(m.state.u),
    "b": lambda m: _flat(m.state.b),
    "Gp": lambda m: m.design.re.Gp,
    "Tp": _Tp,
    "L": _L,
    "Lambda": _Lambda,
    "Lambdat": lambda m: transposed(_Lambda(m)),
    "Lind": _Lind,
    "Tlist": lambda m: _by_group(m, m.L),
    "A": lambda m: transposed(_Z(m) @ _Lambda(m)),
    "RX": lambda m: m.state.RX,
    "RZX": _RZX,
    "sigma": lambda m: m.residual_sd,
    "flist": lambda m: {
        g: pd.Categorical.from_codes(t.codes, categories=pd.Index(t.levels, dtype=object))
        for g, t in m.design.re.flist.items()
    },
    "fixef": lambda m: pd.Series(m.beta, index=list(m.design.X_names)),
    "beta": lambda m: pd.Series(m.beta, index=list(m.design.X_names)),
    "theta": lambda m: pd.Series(m.theta, index=list(m.design.re.theta_names)),
    "ST": _ST,
    "REML": _REML,
    "is_REML": isREML,
    "n_rtrms": lambda m: len(m.design.re.terms),
    "n_rfacs": lambda m: len(m.design.re.groups),
    "N": lambda m: m.n,
    "n": lambda m: m.n,
    "p": lambda m: m.p,
    "q": lambda m: m.q,
    "p_i": lambda m: _per_term(m, lambda t: t.k),
    "l_i": lambda m: pd.Series({g: t.J for g, t in m.design.re.flist.items()}),
    "q_i": lambda m: _per_term(m, lambda t: t.J * t.k),
    "k": lambda m: len(m.design.re.terms),
    "m_i": lambda m: _per_term(m, lambda t: t.n_theta),
    "m": lambda m: len(m.theta),
    "cnms": lambda m: _by_group(m, [list(t.names) for t in m.design.re.terms]),
    "devcomp": _devcomp,
    "offset": _offset,
    "lower": lambda m: pd.Series(m.design.re.lower, index=list(m.design.re.theta_names)),
    "devfun": _devfun,
    "glmer.nb.theta": lambda m: float("nan"),
}
