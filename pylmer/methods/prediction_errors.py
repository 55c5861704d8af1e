"""Standard errors of predictions, and intervals that say what they cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import ndtri

from pylmer.methods.components import getME
from pylmer.model import MerMod
from pylmer.rcompat.printable import Printable

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Picks = Sequence[tuple[int, IntArray]]
Rows = Mapping[int, tuple[IntArray, FloatArray]]

__all__ = ["Prediction", "interval_table", "left_out_variance", "standard_errors", "what_is_covered"]

#: Rows whose random effects are looked at together.
BLOCK = 512


@dataclass(frozen=True, eq=False, repr=False)
class Prediction(Printable):
    """Predictions with their standard errors (R's list of ``fit`` and ``se.fit``).

    Parameters
    ----------
    fit
        One value a row; with an interval a table with ``fit``, ``lwr``, ``upr``.
    se_fit
        ``(n,)`` standard errors of what is predicted, sigma and theta held fixed.
    """

    fit: pd.Series[float] | pd.DataFrame
    se_fit: pd.Series[float]


def standard_errors(model: MerMod, X: FloatArray | None, picks: Picks, rows: Rows, n: int) -> FloatArray:
    """Standard errors of ``x'beta + z'b``: estimates of both, theta and sigma held fixed.

    With ``a = L^-1 Lambda'z`` and ``c = RX'^-1 (x - RZX'a)`` the variance is ``sigma^2 (a'a + c'c)``, from the inverse
    of the mixed-model equations (Bates et al. 2015, eqs. 16 to 18, 54; Henderson 1975).

    Parameters
    ----------
    model
        A fit.
    X
        ``(n, p)`` rows of the fixed part; None for none of it.
    picks
        Terms that are predicted, with the positions of their columns.
    rows
        By term, levels ``(n,)`` (-1: one that the fit did not see, whose effects have the variance of the model) and
        columns ``(n, k)``.
    n
        Number of rows.
    """
    unseen = np.zeros(n)
    c = np.zeros((model.p, n)) if X is None else X.T.copy()
    if not picks:
        return _length(model, np.zeros((0, n)), c, unseen)
    L, RZX = getME(model, "L").toarray(), getME(model, "RZX")
    a = np.zeros((model.q, n))
    Gp = model.design.re.Gp
    for i, columns in picks:
        codes, Z = rows[i]
        z = np.zeros_like(Z)
        z[:, columns] = Z[:, columns]
        spherical = z @ model.L[i]
        known = codes >= 0
        for j in range(spherical.shape[1]):
            a[Gp[i] + codes[known] * spherical.shape[1] + j, np.flatnonzero(known)] += spherical[known, j]
        unseen += np.where(known, 0.0, (spherical**2).sum(axis=1))
    out = np.empty(n)
    for first in range(0, n, BLOCK):
        part = slice(first, first + BLOCK)
        ok = np.isfinite(a[:, part]).all(axis=0) & np.isfinite(c[:, part]).all(axis=0)
        La = solve_triangular(L, np.where(ok, a[:, part], 0.0), lower=True)
        rest = np.where(ok, c[:, part], 0.0) - RZX.T @ La
        out[part] = np.where(ok, _length(model, La, rest, unseen[part]), np.nan)
    return out


def _length(model: MerMod, La: FloatArray, rest: FloatArray, unseen: FloatArray) -> FloatArray:
    ok = np.isfinite(rest).all(axis=0)
    c = solve_triangular(model.state.RX, np.where(ok, rest, 0.0), trans="T") if model.p else rest
    squares = (La**2).sum(axis=0) + (c**2).sum(axis=0) + unseen
    return np.where(ok, model.residual_sd * np.sqrt(squares), np.nan)


def left_out_variance(model: MerMod, picks: Picks, rows: Rows, n: int) -> FloatArray:
    """Variance, ``(n,)``, of the random effects that are not among the picks: of groups apart from the data."""
    kept = {i: set(columns.tolist()) for i, columns in picks}
    total = np.zeros(n)
    for i, (_, Z) in rows.items():
        left = [j for j in range(Z.shape[1]) if j not in kept.get(i, ())]
        V = model.covariance[i][np.ix_(left, left)]
        total += np.einsum("nj,jk,nk->n", Z[:, left], V, Z[:, left])
    return total


def interval_table(fit: pd.Series[float], sd: FloatArray, level: float, covers: str) -> pd.DataFrame:
    """Predictions with normal limits; ``attrs["covers"]`` says what lies between them with probability ``level``."""
    half = float(ndtri(0.5 + level / 2.0)) * sd
    table = pd.DataFrame({"fit": fit, "lwr": fit - half, "upr": fit + half})
    table.attrs["covers"] = covers
    return table


def what_is_covered(model: MerMod, interval: str, picks: Picks | None, level: float, newdata: bool) -> str:
    """In words: what the limits hold with probability ``level``."""
    terms = model.design.re.terms
    kept = {i for i, _ in picks} if picks is not None else set(range(len(terms)))
    whole = picks is None or {i: len(c) for i, c in picks} == {i: t.k for i, t in enumerate(terms)}
    these = ", ".join(dict.fromkeys(terms[i].group for i in sorted(kept)))
    groups = f"of these groups ({these})" if these else "over all groups"
    known = "uncertainty of the fixed effects" + (" and of these groups' random effects" if these else "")
    fixed = "standard deviations are taken as estimated"
    if interval == "confidence":
        return f"the mean of the response {groups} with probability {level:g}: {known}; {fixed}"
    other = "" if whole else " in other groups" if these else " in a group that is not among the data"
    more = "" if whole else ", spread of the random effects that are left out"
    weight = " (with prior weight 1)" if newdata and model.design.weights is not None else ""
    where = f" {groups}" if these else ""
    what = f"one new observation{where}{other} with probability {level:g}"
    return f"{what}: {known}{more}, and the residual{weight}; {fixed}"
