"""The two modules of a fit by lme4's names: the response, and the predictor with its decomposition.

lme4's are reference classes whose fields change while a model is fitted. Here nothing changes: ``m.resp`` and ``m.pp``
show a fit's numbers under the names that code written for lme4 uses, and ``as_function(m)`` evaluates other theta.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pylmer.arguments import check_arguments
from pylmer.errors import ModelError
from pylmer.linalg.assembled import SparseArray, transposed
from pylmer.methods.components import getME
from pylmer.model import MerMod

FloatArray = NDArray[np.float64]

__all__ = ["lmResp", "lmerResp", "merPredD", "mkRespMod"]


class lmResp:
    """A response with its weights, offset and mean (lme4's class of that name).

    Parameters
    ----------
    y
        ``(n,)`` response.
    weights, offset
        ``(n,)`` prior weights (ones) and known part (zeros).
    mu
        ``(n,)`` mean; the offset where none is given.

    Attributes
    ----------
    y, weights, offset, mu
        As given.
    sqrtrwt
        ``(n,)`` square roots of the weights.
    sqrtXwt
        ``(n,)`` weights of the rows of X: the same.
    wtres
        ``(n,)`` weighted residuals.
    """

    def __init__(
        self,
        y: ArrayLike,
        weights: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        mu: ArrayLike | None = None,
    ) -> None:
        self.y: FloatArray = np.array(y, dtype=np.float64).ravel()
        n = len(self.y)
        given = {"weights": (weights, np.ones(n)), "offset": (offset, np.zeros(n))}
        parts = {k: none if v is None else np.array(v, dtype=np.float64).ravel() for k, (v, none) in given.items()}
        self.weights, self.offset = parts["weights"], parts["offset"]
        self.mu: FloatArray = self.offset.copy() if mu is None else np.array(mu, dtype=np.float64).ravel()
        for name in ("weights", "offset", "mu"):
            if len(getattr(self, name)) != n:
                raise ModelError(f"{name} has {len(getattr(self, name))} values for a response of {n}")

    @property
    def sqrtrwt(self) -> FloatArray:
        """Square roots of the weights."""
        return np.sqrt(self.weights)

    @property
    def sqrtXwt(self) -> FloatArray:
        """Weights of the rows of X."""
        return self.sqrtrwt

    @property
    def wtres(self) -> FloatArray:
        """Weighted residuals."""
        return self.sqrtrwt * (self.y - self.mu)

    def wrss(self) -> float:
        """Weighted residual sum of squares."""
        return float(self.wtres @ self.wtres)


class lmerResp(lmResp):
    """The response of a linear mixed model: ``REML`` is the number of fixed effects, or 0 by ML.

    Parameters
    ----------
    y, weights, offset, mu
        As of ``lmResp``.
    REML
        The number of fixed effects for the REML criterion; 0 for the deviance.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    >>> round(m.resp.objective(m.pp.ldL2(), m.pp.ldRX2(), m.pp.sqrL(1.0)), 4)
    319.6543
    """

    def __init__(
        self,
        y: ArrayLike,
        REML: int = 0,
        weights: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        mu: ArrayLike | None = None,
    ) -> None:
        super().__init__(y, weights, offset, mu)
        self.REML = int(REML)

    @classmethod
    def of_model(cls, model: MerMod) -> lmerResp:
        """The response of a fit."""
        design = model.design
        return cls(design.y, model.p if model.REML else 0, design.weights, design.offset, model.mu)

    def objective(self, ldL2: float, ldRX2: float, sqrL: float, sigma_sq: float | None = None) -> float:
        """Deviance or REML criterion (Bates et al. 2015, eqs. 34 and 41) from the parts of the predictor module."""
        nu = len(self.y) - self.REML
        pwrss = self.wrss() + sqrL
        value = ldL2 + (ldRX2 if self.REML else 0.0) - float(np.log(self.weights).sum())
        if sigma_sq is None:
            return value + nu * (1.0 + float(np.log(2.0 * np.pi * pwrss / nu)))
        return value + pwrss / sigma_sq + nu * float(np.log(2.0 * np.pi * sigma_sq))


class merPredD:
    """The linear predictor of a fit, its matrices and their decomposition (lme4's class of that name).

    Parameters
    ----------
    model
        A fit.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> pp = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy()).pp
    >>> pp.X.shape, pp.Zt.shape, pp.beta(1.0).round(2).tolist()
    ((180, 2), (36, 180), [251.41, 10.47])
    """

    def __init__(self, model: MerMod) -> None:
        check_arguments(merPredD.__init__, {"model": model})
        self._model = model

    def __getattr__(self, name: str) -> Any:
        if name in ("X", "Zt", "Lambdat", "Lind", "theta", "RZX"):
            found = getME(self._model, name)
            return found.to_numpy() if isinstance(found, pd.DataFrame | pd.Series) else found
        raise AttributeError(f"the predictor module of a fit has no field or method {name!r}")

    @cached_property
    def Xwts(self) -> FloatArray:
        """``(n,)`` square roots of the prior weights."""
        w = self._model.design.weights
        return np.ones(self._model.n) if w is None else np.sqrt(w)

    @cached_property
    def V(self) -> FloatArray:
        """``(n, p)``: X with weighted rows."""
        V: FloatArray = self._model.design.X * self.Xwts[:, None]
        return V

    @property
    def VtV(self) -> FloatArray:
        """``(p, p)``: V'V."""
        VtV: FloatArray = self.V.T @ self.V
        return VtV

    @cached_property
    def LamtUt(self) -> SparseArray:
        """``(q, n)``: Lambda'Z' with weighted columns."""
        Z = transposed(getME(self._model, "A"))
        return transposed(Z.multiply(self.Xwts[:, None]).tocsc())

    def beta(self, fac: float) -> FloatArray:
        """Fixed effects times a factor."""
        return fac * self._model.beta

    def u(self, fac: float) -> FloatArray:
        """Spherical random effects times a factor."""
        u: FloatArray = fac * getME(self._model, "u")
        return u

    def b(self, fac: float) -> FloatArray:
        """Conditional modes times a factor."""
        b: FloatArray = fac * getME(self._model, "b")
        return b

    def L(self) -> SparseArray:
        """Lower Cholesky factor of Lambda'Z'WZLambda + I, not permuted."""
        L: SparseArray = getME(self._model, "L")
        return L

    def RX(self) -> FloatArray:
        """``(p, p)`` upper triangle."""
        return self._model.state.RX

    def RXi(self) -> FloatArray:
        """Inverse of RX."""
        return np.asarray(np.linalg.solve(self.RX(), np.eye(self._model.p)), dtype=np.float64)

    def RXdiag(self) -> FloatArray:
        """Diagonal of RX."""
        return np.diag(self.RX()).copy()

    def unsc(self) -> FloatArray:
        """Covariance of the fixed effects over sigma squared."""
        inverse = self.RXi()
        return inverse @ inverse.T

    def ldL2(self) -> float:
        """Log-determinant of L squared."""
        return self._model.state.ldL2

    def ldRX2(self) -> float:
        """Log-determinant of RX squared."""
        return self._model.state.ldRX2

    def sqrL(self, fac: float) -> float:
        """Squared length of u times a factor."""
        u = self.u(fac)
        return float(u @ u)

    def linPred(self, fac: float) -> FloatArray:
        """``(n,)``: X beta + Z b, times a factor and without the offset."""
        m = self._model
        return fac * (m.design.X @ m.beta + m.linear_random)


def mkRespMod(fr: pd.DataFrame | MerMod, REML: int | None = None) -> lmerResp:
    """Make the response module of a model frame (lme4's ``mkRespMod`` without a family).

    Parameters
    ----------
    fr
        A model frame, as ``model_frame(m)`` gives it: the response first, ``(weights)`` and ``(offset)`` where there
        are any; or a fit.
    REML
        The number of fixed effects, or 0 for ML (the default).

    Examples
    --------
    >>> from pylmer import datasets, lmer, mkRespMod, model_frame
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    >>> len(mkRespMod(model_frame(m), REML=1).y)
    30
    """
    if isinstance(fr, MerMod):
        return lmerResp.of_model(fr)
    if not isinstance(fr, pd.DataFrame) or not fr.shape[1]:
        raise ModelError(f"fr is a {type(fr).__name__}: give a model frame, as model_frame(m) gives it")
    parts = {name: fr[f"({name})"].to_numpy() if f"({name})" in fr else None for name in ("weights", "offset")}
    return lmerResp(fr.iloc[:, 0].to_numpy(), REML or 0, parts["weights"], parts["offset"])
