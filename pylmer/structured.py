"""Structured covariances of random effects: diagonal, compound symmetric, first-order autoregressive.

A structured term has standard deviations s (one for each of its k effects, or one for all: ``hom``) and, but for
``diag``, one correlation rho; relative to sigma its covariance is ``G_ab = s_a s_b R_ab(rho)``,

    cs:   R_ab = rho              (-1 / (k - 1) < rho < 1)
    ar1:  R_ab = rho^|a - b|      (-1 < rho < 1)

(lme4 2.0's structures).  The optimizer sees rho through ``rho = centre + half tanh(phi)``, so that it needs no bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["StructuredFactorMap", "StructuredTerm", "UnstructuredTerm"]


@dataclass(frozen=True)
class StructuredTerm:
    """Covariance of one term: its structure and size."""

    structure: str
    hom: bool
    k: int

    @property
    def n_sd(self) -> int:
        """Number of standard deviations."""
        return 1 if self.hom else self.k

    @property
    def has_rho(self) -> bool:
        """Whether there is a correlation."""
        return self.structure != "diag" and self.k > 1

    @property
    def m(self) -> int:
        """Number of parameters."""
        return self.n_sd + self.has_rho

    @property
    def _lowest(self) -> float:
        return -1.0 / (self.k - 1) if self.structure == "cs" else -1.0

    @property
    def start(self) -> FloatArray:
        """Standard deviations of 1, a correlation of 0."""
        centre, half = 0.5 * (1.0 + self._lowest), 0.5 * (1.0 - self._lowest)
        return np.array([1.0] * self.n_sd + [-np.arctanh(centre / half)] * self.has_rho)

    @property
    def lower(self) -> FloatArray:
        """Lower bounds: 0 for standard deviations."""
        return np.array([0.0] * self.n_sd + [-np.inf] * self.has_rho)

    def rho(self, phi: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Correlation, and its first and second derivative by phi."""
        t: FloatArray = np.tanh(phi)
        half = 0.5 * (1.0 - self._lowest)
        slope: FloatArray = half * (1.0 - t * t)
        rho: FloatArray = self._lowest + half * (1.0 + t)
        return rho, slope, -2.0 * t * slope

    @cached_property
    def _distance(self) -> FloatArray:
        a = np.arange(self.k, dtype=np.float64)
        distance: FloatArray = np.abs(a[:, None] - a)
        return distance

    def correlation(self, phi: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """R ``(n, k, k)`` and its first and second derivatives by phi."""
        rho, slope, bend = (x[:, None, None] for x in self.rho(phi))
        d = self._distance
        if self.structure == "cs":
            off = (d > 0).astype(np.float64)
            return np.where(d == 0, 1.0, rho * off), off * slope, off * bend
        power = np.where(d == 0, 1.0, rho**d)
        first = np.where(d > 0, d * rho ** np.maximum(d - 1, 0), 0.0)
        second = np.where(d > 1, d * (d - 1) * rho ** np.maximum(d - 2, 0), 0.0)
        return power, first * slope, second * slope**2 + first * bend

    def parts(self, par: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Standard deviations ``(n, k)``; R and its two derivatives ``(n, k, k)``."""
        s = np.abs(np.repeat(par[:, :1], self.k, axis=1) if self.hom else par[:, : self.k])
        if not self.has_rho:
            eye = np.broadcast_to(np.eye(self.k), (len(par), self.k, self.k))
            return s, eye, np.zeros_like(eye), np.zeros_like(eye)
        return (s, *self.correlation(par[:, -1]))

    def _signs(self, par: FloatArray) -> FloatArray:
        """``(n_sd, n, 1, 1)``: G depends on the absolute values of the parameters that are standard deviations."""
        return np.where(par[:, : self.n_sd] < 0, -1.0, 1.0).T[:, :, None, None]

    @cached_property
    def _picks(self) -> FloatArray:
        """``(n_sd, k)``: which effects each standard deviation belongs to."""
        return np.ones((1, self.k)) if self.hom else np.eye(self.k)

    def canonical(self, par: FloatArray) -> FloatArray:
        """Take the absolute values of the standard deviations."""
        par = par.copy()
        par[:, : self.n_sd] = np.abs(par[:, : self.n_sd])
        return par

    def reported(self, par: FloatArray) -> FloatArray:
        """Standard deviations and rho itself, ``(n, m)``: lme4's ``par``."""
        return np.column_stack([par[:, : self.n_sd], self.rho(par[:, -1])[0]]) if self.has_rho else par

    def L(self, par: FloatArray) -> FloatArray:
        """Lower triangular factor ``(n, k, k)``: standard deviations times the Cholesky factor of R."""
        s, R, _, _ = self.parts(par)
        return s[:, :, None] * np.linalg.cholesky(R)

    def dG(self, par: FloatArray) -> FloatArray:
        """Derivatives of G by the parameters ``(n, k, k, m)``."""
        s, R, R1, _ = self.parts(par)
        out = np.empty((len(par), self.k, self.k, self.m))
        sign = self._signs(par)
        for c, pick in enumerate(self._picks):
            half = pick[:, None] * s[:, None, :] * R * sign[c]
            out[..., c] = half + half.swapaxes(-1, -2)
        if self.has_rho:
            out[..., -1] = s[:, :, None] * s[:, None, :] * R1
        return out

    def d2G(self, par: FloatArray) -> FloatArray:
        """Second derivatives of G ``(n, k, k, m, m)``."""
        s, R, R1, R2 = self.parts(par)
        out = np.zeros((len(par), self.k, self.k, self.m, self.m))
        sign = self._signs(par)
        for c, pick in enumerate(self._picks):
            for d, other in enumerate(self._picks):
                out[..., c, d] = (np.outer(pick, other) + np.outer(other, pick)) * R * (sign[c] * sign[d])
            if self.has_rho:
                half = pick[:, None] * s[:, None, :] * R1 * sign[c]
                out[..., c, -1] = out[..., -1, c] = half + half.swapaxes(-1, -2)
        if self.has_rho:
            out[..., -1, -1] = s[:, :, None] * s[:, None, :] * R2
        return out


@dataclass(frozen=True)
class UnstructuredTerm:
    """A term without structure, on a factor that has a structured one too: its parameters are the triangle of L."""

    k: int

    @property
    def m(self) -> int:
        """Number of parameters."""
        return self.k * (self.k + 1) // 2

    @cached_property
    def _place(self) -> tuple[IntArray, IntArray]:
        cols, rows = np.triu_indices(self.k)
        return rows, cols

    def canonical(self, par: FloatArray) -> FloatArray:
        """Reflect the columns of L whose diagonal element is negative."""
        rows, cols = self._place
        sign = np.where(par[:, rows == cols] < 0, -1.0, 1.0)
        return par * sign[:, cols]

    def L(self, par: FloatArray) -> FloatArray:
        """Lower triangular factor ``(n, k, k)``."""
        out = np.zeros((len(par), self.k, self.k))
        out[:, self._place[0], self._place[1]] = par
        return out

    def dG(self, par: FloatArray) -> FloatArray:
        """Derivatives of G = L L' ``(n, k, k, m)``."""
        L = self.L(par)
        half = np.zeros((len(par), self.k, self.k, self.m))
        for i, (r, c) in enumerate(zip(*self._place, strict=True)):
            half[:, r, :, i] = L[:, :, c]
        return half + half.swapaxes(1, 2)

    def d2G(self, par: FloatArray) -> FloatArray:
        """Second derivatives of G ``(n, k, k, m, m)``: between elements of the same column of L."""
        out = np.zeros((len(par), self.k, self.k, self.m, self.m))
        places = list(zip(*self._place, strict=True))
        for i, (r, c) in enumerate(places):
            for j, (s, d) in enumerate(places):
                if c == d:
                    out[:, r, s, i, j] += 1.0
                    out[:, s, r, i, j] += 1.0
        return out


@dataclass(frozen=True)
class StructuredFactorMap:
    """What :class:`pylmer.covariance.FactorMap` is for unstructured terms, for a factor that has a structured one.

    ``terms`` holds each term's structure, ``places`` where its parameters stand among all, ``blocks`` its columns.
    """

    k: int
    scale: FloatArray
    terms: tuple[StructuredTerm | UnstructuredTerm, ...]
    places: tuple[slice, ...]
    blocks: tuple[tuple[int, int], ...]

    @cached_property
    def index(self) -> IntArray:
        """Where the factor's parameters stand among all."""
        return np.concatenate([np.arange(place.start, place.stop) for place in self.places])

    def _each(self) -> list[tuple[StructuredTerm | UnstructuredTerm, slice, slice, slice]]:
        """Term, its place among all parameters, its place among the factor's, its columns."""
        out, first = [], 0
        for term, place, (lo, hi) in zip(self.terms, self.places, self.blocks, strict=True):
            out.append((term, place, slice(first, first + term.m), slice(lo, hi)))
            first += term.m
        return out

    def L(self, par: FloatArray) -> FloatArray:
        """Lower triangular factors of the scaled columns, ``(n, k, k)``."""
        out = np.zeros((len(par), self.k, self.k))
        for term, place, _, block in self._each():
            out[:, block, block] = term.L(par[:, place]) * self.scale[block, None]
        return out

    def dG(self, par: FloatArray, L: FloatArray) -> FloatArray:
        """Derivatives of G by the factor's parameters, ``(n, k, k, m_f)``."""
        out = np.zeros((len(par), self.k, self.k, len(self.index)))
        for term, place, own, block in self._each():
            sizes = np.outer(self.scale[block], self.scale[block])
            out[:, block, block, own] = term.dG(par[:, place]) * sizes[..., None]
        return out

    def curvature(self, par: FloatArray, dd_dG: FloatArray) -> FloatArray:
        """Second derivative of the criterion through the bend of G, ``(n, m_f, m_f)``."""
        m = len(self.index)
        out = np.zeros((len(par), m, m))
        for term, place, own, block in self._each():
            weights = dd_dG[:, block, block] * np.outer(self.scale[block], self.scale[block])
            out[:, own, own] = np.einsum("nab,nabcd->ncd", weights, term.d2G(par[:, place]))
        return out

    def canonical(self, par: FloatArray) -> FloatArray:
        """The same covariance with standard deviations that are not negative."""
        par = par.copy()
        for term, place, _, _ in self._each():
            par[:, place] = term.canonical(par[:, place])
        return par
