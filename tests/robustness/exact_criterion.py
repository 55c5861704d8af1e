"""The criterion from the rows in 80-bit arithmetic: a referee that shares no code and no shortcut with either engine.

V = I + sum of Z G Z', dense; X and y whitened by its Cholesky factor and orthogonalized twice.  For models of a few
hundred rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pylmer.formula.design import Design

Long = np.longdouble
Array = np.ndarray[Any, np.dtype[np.longdouble]]

#: Whether numbers have more digits here than doubles; elsewhere the referee cannot judge.
BETTER = bool(np.finfo(Long).eps < 1e-18)


def exact_criterion(design: Design, theta: Any, REML: bool) -> float:
    """The REML criterion or deviance at theta."""
    whole = np.column_stack([design.X, design.y if design.offset is None else design.y - design.offset]).astype(Long)
    log_weights = Long(0)
    V = _covariance(design, np.asarray(theta, dtype=Long))
    if design.weights is not None:
        w = design.weights.astype(Long)
        root = np.sqrt(w)
        whole, V = whole * root[:, None], root[:, None] * (V - np.eye(len(w))) * root + np.eye(len(w))
        log_weights = np.log(w).sum()
    C = _cholesky(V)
    ldRX2, r2 = _orthogonalized(_solved(C, whole))
    nu = design.n - design.p if REML else design.n
    value = 2 * np.log(np.diag(C)).sum() + (ldRX2 if REML else 0) + nu * (1 + np.log(2 * Long(np.pi) * r2 / nu))
    return float(value - log_weights)


def _covariance(design: Design, theta: Array) -> Array:
    V = np.eye(design.n, dtype=Long)
    start = 0
    for t in design.re.terms:
        L = np.zeros((t.k, t.k), Long)
        cols, rows = np.triu_indices(t.k)
        L[rows, cols] = theta[start : start + t.n_theta]
        start += t.n_theta
        ZL = t.columns.astype(Long) @ L
        V += np.where(t.codes[:, None] == t.codes[None, :], ZL @ ZL.T, Long(0))
    return V


def _cholesky(A: Array) -> Array:
    A = A.copy()
    for j in range(len(A)):
        A[j, j] = np.sqrt(A[j, j])
        A[j + 1 :, j] /= A[j, j]
        A[j + 1 :, j + 1 :] -= A[j + 1 :, j][:, None] * A[j + 1 :, j]
    return np.tril(A)


def _solved(L: Array, B: Array) -> Array:
    B = B.copy()
    for i in range(len(L)):
        B[i] = (B[i] - L[i, :i] @ B[:i]) / L[i, i]
    return B


def _orthogonalized(M: Array) -> tuple[Array, Array]:
    """``log|X'X|`` of all columns but the last, and what they leave of its square."""
    Q, logdet, p = M.copy(), Long(0), M.shape[1] - 1
    for _ in range(2):
        for j in range(p + 1):
            for i in range(j):
                Q[:, j] -= Q[:, i] * (Q[:, i] @ Q[:, j])
            if j < p:
                size = np.sqrt(Q[:, j] @ Q[:, j])
                Q[:, j] /= size
                logdet += 2 * np.log(size)
    return logdet, Q[:, p] @ Q[:, p]
