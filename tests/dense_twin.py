"""Small random mixed models, and everything that the engine computes of them written out with dense matrices.

The plain twin of the engine: Z, Lambda and V0 = I + Z Lambda Lambda'Z' are whole matrices here, and each formula of
Bates et al. (2015) or of ``pylmer/criterion/pls.py`` is one statement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from pylmer.formula.design import CallText, Design, ReTerm, ReTerms
from pylmer.formula.schema import Schema

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


@dataclass(frozen=True)
class Shape:
    """What kind of model to draw.

    ``factors`` has for each grouping factor its number of levels and the numbers of columns of its terms.
    """

    seed: int
    factors: tuple[tuple[int, tuple[int, ...]], ...]
    n: int = 40
    p: int = 2
    weights: bool = False
    offset: bool = False
    by_level: bool = False
    nested: bool = False


def shapes(max_factors: int = 3) -> st.SearchStrategy[Shape]:
    """One to three factors, crossed or nested, one or two terms each of one to three columns."""
    terms = st.sampled_from([(1,), (2,), (3,), (1, 1), (2, 1), (1, 2)])
    factors = st.lists(st.tuples(st.integers(2, 6), terms), min_size=1, max_size=max_factors).map(tuple)
    flag = st.booleans()
    return st.builds(
        Shape, st.integers(0, 2**31), factors, st.integers(25, 60), st.integers(0, 3), flag, flag, flag, flag
    )


def draw_codes(shape: Shape, rng: np.random.Generator) -> list[IntArray]:
    """Levels of each row, every level present; the later factors within the earlier ones where they are nested."""
    out: list[IntArray] = []
    for J, _ in shape.factors:
        codes = rng.permutation(np.concatenate([np.arange(J), rng.integers(0, J, shape.n - J)]))
        if shape.nested and out:
            codes = np.unique(out[-1] * 2 + codes % 2, return_inverse=True)[1]
        out.append(codes.astype(np.intp))
    if shape.by_level:
        order = np.lexsort(out[::-1])
        out = [codes[order] for codes in out]
    return out


def draw_design(shape: Shape) -> Design:
    """A design of this shape, with columns of all sizes and a response with random effects in it."""
    rng = np.random.default_rng(shape.seed)
    n = shape.n
    terms, y = [], rng.normal(size=n)
    for f, (codes, (_, widths)) in enumerate(zip(draw_codes(shape, rng), shape.factors, strict=True)):
        levels = tuple(map(str, range(codes.max() + 1)))
        for i, k in enumerate(widths):
            columns = rng.normal(size=(n, k)) * 10.0 ** rng.integers(-2, 3, k)
            if i == 0:
                columns[:, 0] = 1.0
            names = tuple(f"z{f}{i}{a}" for a in range(k))
            terms.append(ReTerm(f"g{f}", codes, levels, names, columns))
            b = rng.normal(size=(len(levels), k)) / np.abs(columns).mean(axis=0)
            y += (columns * b[codes]).sum(axis=1)
    X = rng.normal(size=(n, shape.p)) * 10.0 ** rng.integers(-2, 3, shape.p)
    if shape.p:
        X[:, 0] = 1.0
    return Design(
        y=y + X @ rng.normal(size=shape.p),
        X=X,
        X_names=tuple(f"x{j}" for j in range(shape.p)),
        re=ReTerms(tuple(terms)),
        weights=rng.uniform(0.2, 5.0, n) if shape.weights else None,
        offset=rng.normal(size=n) * 10 if shape.offset else None,
        row_names=tuple(map(str, range(n))),
        response="y",
        call=CallText("y ~ x"),
        schema=cast(Schema, None),
    )


def draw_theta(design: Design, rng: np.random.Generator, R: int = 1) -> FloatArray:
    """``(R, m)`` values of theta of the size that the columns ask for."""
    size = np.concatenate(
        [np.repeat(1.0, t.n_theta) / np.abs(t.columns).mean(axis=0)[rows_of(t.k)] for t in design.re.terms]
    )
    theta: FloatArray = rng.normal(size=(R, len(size))) * size
    return np.where(design.re.lower == 0, np.abs(theta), theta)


def rows_of(k: int) -> IntArray:
    """Row of L of each element of theta."""
    return np.triu_indices(k)[1]


def stretched(design: Design, factor: FloatArray) -> Design:
    """The same design with the raw columns of Z, all terms side by side, multiplied by ``factor``."""
    edges = np.cumsum([0] + [t.k for t in design.re.terms])
    terms = tuple(
        replace(t, columns=t.columns * factor[lo:hi])
        for t, lo, hi in zip(design.re.terms, edges, edges[1:], strict=False)
    )
    return replace(design, re=ReTerms(terms))


@dataclass(frozen=True)
class Dense:
    """A mixed model at one theta, with whole matrices."""

    design: Design
    theta: FloatArray
    REML: bool = True

    @cached_property
    def w(self) -> FloatArray:
        return np.ones(self.design.n) if self.design.weights is None else np.sqrt(self.design.weights)

    @cached_property
    def X(self) -> FloatArray:
        return self.design.X * self.w[:, None]

    @cached_property
    def y(self) -> FloatArray:
        offset = 0.0 if self.design.offset is None else self.design.offset
        return (self.design.y - offset) * self.w

    @cached_property
    def Z_raw(self) -> FloatArray:
        parts = []
        for t in self.design.re.terms:
            Z = np.zeros((self.design.n, t.J, t.k))
            Z[np.arange(self.design.n), t.codes] = t.columns
            parts.append(Z.reshape(self.design.n, -1))
        return np.concatenate(parts, axis=1)

    @cached_property
    def Z(self) -> FloatArray:
        return self.Z_raw * self.w[:, None]

    def Lambda_of(self, theta: FloatArray) -> FloatArray:
        """Block-diagonal Lambda, linear in theta."""
        Lambda = np.zeros((self.design.re.q,) * 2)
        at = start = 0
        for t in self.design.re.terms:
            L = np.zeros((t.k, t.k))
            cols, rows = np.triu_indices(t.k)
            L[rows, cols] = theta[start : start + t.n_theta]
            start += t.n_theta
            for _ in range(t.J):
                Lambda[at : at + t.k, at : at + t.k] = L
                at += t.k
        return Lambda

    @cached_property
    def Lambda(self) -> FloatArray:
        return self.Lambda_of(self.theta)

    @cached_property
    def V0(self) -> FloatArray:
        ZL = self.Z @ self.Lambda
        return np.eye(self.design.n) + ZL @ ZL.T

    @cached_property
    def V0_inverse(self) -> FloatArray:
        return np.linalg.inv(self.V0)

    @cached_property
    def nu(self) -> int:
        return self.design.n - self.design.p * self.REML

    @cached_property
    def XVX(self) -> FloatArray:
        return self.X.T @ self.V0_inverse @ self.X

    @cached_property
    def P(self) -> FloatArray:
        VX = self.V0_inverse @ self.X
        return self.V0_inverse - VX @ np.linalg.solve(self.XVX, VX.T)

    @cached_property
    def r2(self) -> float:
        return float(self.y @ self.P @ self.y)

    @cached_property
    def ldL2(self) -> float:
        return float(np.linalg.slogdet(self.V0)[1])

    @cached_property
    def ldRX2(self) -> float:
        return float(np.linalg.slogdet(self.XVX)[1])

    @cached_property
    def value(self) -> float:
        """The criterion: Bates et al. 2015, eqs. 34 and 41, less the logarithms of the weights."""
        profiled = self.nu * (1 + np.log(2 * np.pi * self.r2 / self.nu))
        return float(self.ldL2 + self.REML * self.ldRX2 + profiled - 2 * np.log(self.w).sum())

    @cached_property
    def beta(self) -> FloatArray:
        return np.linalg.solve(self.XVX, self.X.T @ self.V0_inverse @ self.y)

    @cached_property
    def u(self) -> FloatArray:
        return self.Lambda.T @ self.Z.T @ self.P @ self.y

    @cached_property
    def b(self) -> FloatArray:
        return self.Lambda @ self.u

    @cached_property
    def condVar(self) -> FloatArray:
        """``(q, q)``: Lambda (Lambda'Z'ZLambda + I)^-1 Lambda'."""
        ZL = self.Z @ self.Lambda
        return self.Lambda @ np.linalg.solve(ZL.T @ ZL + np.eye(ZL.shape[1]), self.Lambda.T)

    @cached_property
    def dd_dG(self) -> FloatArray:
        """``(q, q)``: W - [REML] N N' - (nu / r2) e e', the derivative by Lambda Lambda'."""
        middle = self.P if self.REML else self.V0_inverse
        e = self.Z.T @ self.P @ self.y
        return self.Z.T @ middle @ self.Z - self.nu / self.r2 * np.outer(e, e)

    @cached_property
    def slopes(self) -> list[FloatArray]:
        """d Lambda / d theta_i, ``(q, q)`` each."""
        return [self.Lambda_of(one) for one in np.eye(len(self.theta))]

    @cached_property
    def gradient(self) -> FloatArray:
        return np.array([2 * np.vdot(self.dd_dG, D @ self.Lambda.T) for D in self.slopes])

    @cached_property
    def average_information(self) -> FloatArray:
        """nu [ y'P V_i P V_j P y / r2 - (y'P V_i P y)(y'P V_j P y) / r2^2 ], V_i = d V0 / d theta_i."""
        V = [self.Z @ (D @ self.Lambda.T + self.Lambda @ D.T) @ self.Z.T for D in self.slopes]
        Py = self.P @ self.y
        VPy = np.array([v @ Py for v in V])
        first = VPy @ Py
        return self.nu * (VPy @ self.P @ VPy.T / self.r2 - np.outer(first, first) / self.r2**2)

    @cached_property
    def hessian(self) -> FloatArray:
        """Second derivative: tr(M V_ij) - tr(M V_i M V_j), M = P or V0^-1, and that of nu log r2."""
        Z, L, S, nu = self.Z, self.Lambda, self.slopes, self.nu
        V = [Z @ (D @ L.T + L @ D.T) @ Z.T for D in S]
        M, Py = self.P if self.REML else self.V0_inverse, self.P @ self.y
        out = np.empty((len(S), len(S)))
        for i, Di in enumerate(S):
            for j, Dj in enumerate(S):
                bend = Z @ (Di @ Dj.T + Dj @ Di.T) @ Z.T
                logs = np.vdot(M, bend) - np.vdot(M @ V[i], (M @ V[j]).T)
                second = 2 * Py @ V[i] @ self.P @ V[j] @ Py - Py @ bend @ Py
                out[i, j] = logs + nu * (second / self.r2 - (Py @ V[i] @ Py) * (Py @ V[j] @ Py) / self.r2**2)
        return out

    @cached_property
    def curvature(self) -> FloatArray:
        """tr( dd/dG d2G ), d2G = 2 D_i D_j' where D = d Lambda / d theta."""
        D = np.array(self.slopes)
        flat = D.reshape(len(D), -1)
        return 2 * (self.dd_dG @ D).reshape(len(D), -1) @ flat.T

    def blocks(self, square: FloatArray) -> list[FloatArray]:
        """Per term ``(J, k, k)``: the diagonal blocks of a ``(q, q)`` matrix."""
        Gp = self.design.re.Gp
        out = []
        for t, lo, hi in zip(self.design.re.terms, Gp, Gp[1:], strict=False):
            part = square[lo:hi, lo:hi].reshape(t.J, t.k, t.J, t.k)
            out.append(np.array([part[j, :, j] for j in range(t.J)]))
        return out


def close(actual: Any, expected: Any, rtol: float = 1e-9, atol: float = 1e-9) -> None:
    """Equal up to ``rtol`` of the largest expected number, for an array as a whole."""
    expected = np.asarray(expected, dtype=np.float64)
    size = float(np.abs(expected).max()) if expected.size else 0.0
    np.testing.assert_allclose(actual, expected, rtol=0, atol=rtol * size + atol)
