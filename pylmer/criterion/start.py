"""Where to begin: variance components by equating quadratic forms to their expectations.

With r = M y the residuals of ordinary least squares, e_j = Z_j'r those of a level summed, and

    P_j = Z_j'X (X'X)^-1/2,      Z_j'M Z_l = [j = l] A_j - P_j P_l',      Q_j = A_j - P_j P_j',

    E[ sum_j e_j e_j' ] = sigma^2 sum_j Q_j + sum_jl (Z_j'M Z_l) G (Z_l'M Z_j) + (other factors),
    E[ r'r ]            = sigma^2 (n - p) + tr(G sum_j Q_j)

is linear in sigma^2 and G: MINQUE with V0 = I (Rao 1971), from the cross-products alone.  With balanced data it is
the REML estimate itself; else only a start: what it gives is clipped to be well inside the positive definite matrices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from pylmer.covariance import AnyMap, FactorMap
from pylmer.linalg.cross_products import CrossProducts

FloatArray = NDArray[np.float64]

__all__ = ["moment_start", "unit_start"]

#: Equations for the covariances of more columns than this cost more than they save.
WIDEST = 30
#: A residual variance below this share of that of least squares is none.
LEAST = 1e-8
#: Relative variances outside of this range are brought back to it.
SMALLEST, LARGEST = 1e-3, 1e3


def moment_start(sums: CrossProducts, maps: Sequence[AnyMap], default: FloatArray) -> FloatArray:
    """Values of theta ``(m,)`` to begin with; ``default`` where the equations say nothing.

    Covers one factor of any width, and several factors with one column each.
    """
    p = sums.C.shape[0] - 1
    plain = [f for f in maps if isinstance(f, FactorMap)]
    if len(plain) < len(maps):
        return default
    if any(f.k > 1 for f in plain):
        G = _one_factor(sums, p) if len(plain) == 1 else None
        return default if G is None else _theta_of(G, plain[0], default)
    if len(plain) == 1:
        ratio = _scalar(sums, p)
        if ratio is None:
            return default
        # below 0, the optimum is 0 in all likelihood; if it is not, Newton leaves it
        return np.array([min(max(ratio, SMALLEST), LARGEST) ** 0.5 if ratio > 0.0 else 0.0]) / plain[0].scale
    ratios = _scalars(sums, p)
    if ratios is None:
        return default
    theta = default.copy()
    for f, ratio in zip(plain, ratios, strict=True):
        theta[f.index] = min(max(ratio, SMALLEST), LARGEST) ** 0.5 / f.scale
    return theta


def unit_start(maps: Sequence[AnyMap], identity: FloatArray) -> FloatArray:
    """The identity ``(m,)`` in units of the columns: a slope of something large begins small."""
    unit = identity.copy()
    for f in maps:
        if isinstance(f, FactorMap):
            unit[f.index] /= f.scale[f.rows]
    return unit


def _one_factor(sums: CrossProducts, p: int) -> FloatArray | None:
    """G over sigma^2, ``(k, k)``.

    Row (a, b) of the equations is the element e_a e_b, column (c, d) the element G_cd; what X takes away from each
    level alone is in Q, and what it takes from pairs of levels is ``W W'``, W the sum of the P_j's products.
    """
    A, e = sums.A[0], sums.B[0][..., -1]
    J, k, _ = A.shape
    P = _projections(sums, 0, p) if k <= WIDEST else None
    if P is None:
        return None
    PP = P @ P.swapaxes(1, 2)
    Q, PP, flat = (A - PP).reshape(J, -1), PP.reshape(J, -1), P.reshape(J, -1)
    pairs = Q.T.dot(Q) - PP.T.dot(PP)
    W = flat.T.dot(flat).reshape(k, p, k, p).swapaxes(1, 2).reshape(k * k, -1)
    M, right = np.empty((k * k + 1, k * k + 1)), np.empty(k * k + 1)
    M[:-1, :-1] = pairs.reshape(k, k, k, k).swapaxes(1, 2).reshape(k * k, -1) + W.dot(W.T)
    M[:-1, -1] = M[-1, :-1] = np.add.reduce(Q)
    M[-1, -1] = sums.n - p
    right[:-1] = e.T.dot(e).ravel()
    right[-1] = sums.C[-1, -1]
    solved = _solve(M, right)
    if solved is None:
        return None
    G: FloatArray = solved[:-1].reshape(k, k) / solved[-1]
    return np.asarray(0.5 * (G + G.T))


def _scalar(sums: CrossProducts, p: int) -> float | None:
    """Variance ratio of one factor with one column: what ``_scalars`` gives, its two equations solved by hand."""
    P = _projections(sums, 0, p)
    if P is None or sums.n <= p:
        return None
    a, e, flat = sums.A[0].ravel(), sums.B[0][:, 0, -1], P[:, 0]
    squares = flat[:, 0] ** 2 if p == 1 else np.add.reduce(flat * flat, axis=1)
    gram = flat.T.dot(flat).ravel()
    first = float(a.dot(a - 2.0 * squares)) + float(gram.dot(gram))
    both = float(np.add.reduce(a) - np.add.reduce(squares))
    last, residual, right = sums.n - p, float(sums.C[-1, -1]), float(e.dot(e))
    determinant = first * last - both * both
    if not (math.isfinite(determinant) and abs(determinant) > 1e-12 * first * last):
        return None
    sigma2 = (first * residual - both * right) / determinant
    return (last * right - both * residual) / determinant / sigma2 if sigma2 > LEAST * residual / last else None


def _scalars(sums: CrossProducts, p: int) -> list[float] | None:
    """Variance ratios of F factors with one column each."""
    F = len(sums.A)
    P = [one[:, 0] for f in range(F) if (one := _projections(sums, f, p)) is not None]
    if len(P) < F:
        return None
    gram = [one.T.dot(one).ravel() for one in P]
    M, right = np.empty((F + 1, F + 1)), np.empty(F + 1)
    for f in range(F):
        a, e = sums.A[f].ravel(), sums.B[f][:, 0, -1]
        squares = np.add.reduce(P[f] * P[f], axis=1)
        M[f, f] = a.dot(a - 2.0 * squares) + gram[f].dot(gram[f])
        M[f, F] = M[F, f] = np.add.reduce(a) - np.add.reduce(squares)
        for s in range(f):
            block = sums.cross[s, f]
            data = block.ravel() if isinstance(block, np.ndarray) else block.data
            shared = np.vdot(P[s], block @ P[f])
            M[f, s] = M[s, f] = data.dot(data) - 2.0 * shared + gram[f].dot(gram[s])
        right[f] = e.dot(e)
    M[F, F] = sums.n - p
    right[F] = sums.C[-1, -1]
    solved = _solve(M, right)
    return None if solved is None else (solved[:-1] / solved[-1]).tolist()


def _projections(sums: CrossProducts, f: int, p: int) -> FloatArray | None:
    """P of a factor, ``(J, k, p)``."""
    B = sums.B[f][..., :p]
    if p == 0:
        return B
    if p == 1:
        return B * (float(sums.C[0, 0]) ** -0.5) if sums.C[0, 0] > 0.0 else None
    chol, info = lapack.dpotrf(sums.C[:p, :p], lower=1, clean=1)
    return np.asarray(B.dot(lapack.dtrtri(chol, lower=1)[0].T)) if info == 0 else None


def _solve(M: FloatArray, right: FloatArray) -> FloatArray | None:
    """Solve, if that gives a positive residual variance."""
    _, _, solved, info = lapack.dgesv(M, right)
    if info != 0 or not math.isfinite(sum(solved.tolist())) or solved[-1] <= LEAST * right[-1] / M[-1, -1]:
        return None
    return np.asarray(solved, dtype=np.float64)


def _theta_of(G: FloatArray, f: FactorMap, default: FloatArray) -> FloatArray:
    """Cholesky factor of each term's block of G, its eigenvalues clipped; theta's elements of it."""
    theta = default.copy()
    L = np.zeros_like(G)
    for first, last in f.blocks:
        clipped = _clipped_pair if last - first == 2 else _clipped
        L[first:last, first:last] = clipped(G[first:last, first:last])
    theta[f.index] = L[f.rows, f.cols] / f.scale[f.rows]
    return theta


def _range(largest: float) -> tuple[float, float]:
    """Smallest and largest eigenvalue that are left as they are, where the largest is this."""
    largest = min(max(largest, 10 * SMALLEST), LARGEST)
    return 0.02 * largest, largest


def _clipped(G: FloatArray) -> FloatArray:
    """Cholesky factor of G ``(k, k)`` with its eigenvalues clipped."""
    values, vectors, _ = lapack.dsyev(G)
    low, high = _range(float(values[-1]))
    clipped = [min(max(v, low), high) for v in values.tolist()]
    L: FloatArray = lapack.dpotrf((vectors * clipped).dot(vectors.T), lower=1, clean=1)[0]
    return L


def _clipped_pair(G: FloatArray) -> FloatArray:
    """The same for 2 x 2: a function of the eigenvalues is the line through its two values, taken of G itself."""
    (a, b), (_, d) = G.tolist()
    middle, half = 0.5 * (a + d), math.hypot(0.5 * (a - d), b)
    low, high = _range(middle + half)
    first, second = (min(max(v, low), high) for v in (middle - half, middle + half))
    slope = (second - first) / (2.0 * half) if half > 0.0 else 0.0
    shift = 0.5 * (first + second) - slope * middle
    a, b, d = slope * a + shift, slope * b, slope * d + shift
    root = math.sqrt(a)
    return np.array([[root, 0.0], [b / root, math.sqrt(max(d - b * b / a, 0.0))]])
