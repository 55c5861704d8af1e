"""Factors and rows for tests of cross-products and eliminations, and their dense matrices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from dense_twin import FloatArray, IntArray, Shape, close, draw_design

from pylmer.linalg.cross_products import CrossProducts, Factor, cross_products
from pylmer.linalg.one_factor import Responses


@dataclass(frozen=True)
class Problem:
    """Grouping factors, rows of ``[X y]`` and random L of ``R`` replicates."""

    shape: Shape
    R: int = 1

    @cached_property
    def factors(self) -> list[Factor]:
        design = draw_design(self.shape)
        out = []
        for group, first in design.re.flist.items():
            columns = np.concatenate([t.columns for t in design.re.terms if t.group == group], axis=1)
            columns = columns / np.sqrt((columns**2).mean(axis=0))
            out.append(Factor(first.codes, columns, first.J))
        return out

    @cached_property
    def Xy(self) -> FloatArray:
        """``(p + 1, n)``."""
        rng = np.random.default_rng(self.shape.seed + 1)
        return rng.normal(size=(self.shape.p + 1, self.shape.n))

    @cached_property
    def sums(self) -> CrossProducts:
        return cross_products(self.factors, self.Xy)

    @cached_property
    def Y(self) -> FloatArray:
        """``(R, n)`` responses; the first is that of ``Xy``."""
        Y = np.random.default_rng(self.shape.seed + 3).normal(size=(self.R, self.shape.n))
        Y[0] = self.Xy[-1]
        return Y

    @cached_property
    def responses(self) -> Responses:
        """What the engine keeps of ``Y``."""
        Zy = tuple((self.Y @ Z).reshape(self.R, f.J, f.k) for f, Z in zip(self.factors, self.Z, strict=True))
        return Responses(Zy, self.Y @ self.Xy[:-1].T, (self.Y**2).sum(axis=1))

    @cached_property
    def L(self) -> list[FloatArray]:
        """Per factor ``(R, k, k)``."""
        rng = np.random.default_rng(self.shape.seed + 2)
        return [np.tril(rng.normal(size=(self.R, f.k, f.k))) for f in self.factors]

    @cached_property
    def Z(self) -> list[FloatArray]:
        return [dense_Z(f) for f in self.factors]

    def G(self, r: int) -> FloatArray:
        """``(q, q)``: Lambda Lambda' of replicate r."""
        return block_diagonal([np.kron(np.eye(f.J), L[r] @ L[r].T) for f, L in zip(self.factors, self.L, strict=True)])

    def V0_inverse(self, r: int) -> FloatArray:
        Z = np.concatenate(self.Z, axis=1)
        return np.linalg.inv(np.eye(self.shape.n) + Z @ self.G(r) @ Z.T)

    def part(self, rows: IntArray | slice) -> CrossProducts:
        """The sums over some of the rows."""
        return cross_products([Factor(f.codes[rows], f.columns[rows], f.J) for f in self.factors], self.Xy[:, rows])


def dense_Z(f: Factor) -> FloatArray:
    Z = np.zeros((len(f.codes), f.J, f.k))
    Z[np.arange(len(f.codes)), f.codes] = f.columns
    return Z.reshape(len(f.codes), f.q)


def block_diagonal(blocks: list[FloatArray]) -> FloatArray:
    size = sum(len(b) for b in blocks)
    out = np.zeros((size, size))
    at = 0
    for b in blocks:
        out[at : at + len(b), at : at + len(b)] = b
        at += len(b)
    return out


def dense(block: object) -> FloatArray:
    """A cross block as an array, however it is stored."""
    return block if isinstance(block, np.ndarray) else block.toarray()  # type: ignore[attr-defined]


def check_against_dense(problem: Problem, make: Callable[..., Any]) -> None:
    """Compare what a structure says of the problem with whole matrices."""
    R = problem.R
    at = make(problem.sums).at(problem.L, problem.responses)
    rng = np.random.default_rng(problem.shape.seed)
    F = [rng.normal(size=(R, f.J, f.k, 2)) for f in problem.factors]
    W_sums, quadratic, H = at.W_sums(), at.W_quadratic(F), at.H_blocks()
    Z = np.concatenate(problem.Z, axis=1)
    for r in range(R):
        V = problem.V0_inverse(r)
        Xy = np.column_stack([problem.Xy[:-1].T, problem.Y[r]])
        close(at.logdet[r], -np.linalg.slogdet(V)[1])
        lower = np.tril_indices(Xy.shape[1])
        close(at.XytVinvXy[r][lower], (Xy.T @ V @ Xy)[lower])
        W = Z.T @ V @ Z
        ZVXy = Z.T @ V @ Xy
        G = problem.G(r)
        covariance = G - G @ W @ G
        Fr = np.concatenate([part[r].reshape(-1, 2) for part in F])
        close(quadratic[r], Fr.T @ W @ Fr)
        edge = 0
        for i, f in enumerate(problem.factors):
            here = slice(edge, edge + f.q)
            edge += f.q
            close(at.ZtVinvXy[i][r].reshape(f.q, -1), ZVXy[here])
            close(W_sums[i][r], levels(W[here, here], f.J, f.k).sum(axis=0), 1e-8)
            close(H[i][r], levels(covariance[here, here], f.J, f.k), 1e-8)


def levels(square: FloatArray, J: int, k: int) -> FloatArray:
    whole = square.reshape(J, k, J, k)
    return np.array([whole[j, :, j] for j in range(J)])
