"""Variances and correlations of the random effects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.arguments import check_arguments
from pylmer.errors import ModelError
from pylmer.rcompat.names import make_names
from pylmer.rcompat.printable import Printable

if TYPE_CHECKING:
    from pylmer.model import MerMod

FloatArray = NDArray[np.float64]

__all__ = ["VarCorr", "VarCorrTerm", "varcorr_labels"]


@dataclass(frozen=True, eq=False)
class VarCorrTerm:
    """Covariance of the random effects of one term.

    Parameters
    ----------
    group
        Label of the grouping factor as printed: made a syntactic, unique name where a factor has several terms.
    names
        The k columns of the left-hand side.
    covariance
        ``(k, k)``, in squared units of the response.
    """

    group: str
    names: tuple[str, ...]
    covariance: FloatArray

    @property
    def stddev(self) -> FloatArray:
        """``(k,)`` standard deviations."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def correlation(self) -> FloatArray:
        """``(k, k)`` correlations; NaN where a standard deviation is 0, and 1 on the diagonal."""
        sd = self.stddev
        with np.errstate(invalid="ignore", divide="ignore"):
            correlation: FloatArray = (self.covariance / sd).T / sd
        np.fill_diagonal(correlation, 1.0)
        return correlation


class VarCorr(Printable):
    """Variances, standard deviations and correlations of the random effects, lme4's ``VarCorr()``.

    ``str(vc)`` is R's text; ``vc["Subject"]`` the covariance matrix of a term; iteration gives the labels of the terms.

    Parameters
    ----------
    model
        A fitted model.
    sigma
        Residual standard deviation by which the relative covariance factors are multiplied; default the model's own.

    Examples
    --------
    >>> from pylmer import VarCorr, datasets, lmer
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    >>> print(VarCorr(m))  # doctest: +NORMALIZE_WHITESPACE
     Groups   Name        Std.Dev. Corr
     Subject  (Intercept) 24.7405
              Days         5.9221  0.066
     Residual             25.5918
    """

    def __init__(self, model: MerMod, sigma: float | None = None) -> None:
        check_arguments(VarCorr.__init__, locals())
        terms = model.design.re.terms
        self.sigma: float = model.residual_sd if sigma is None else float(sigma)
        self.useSc = True
        labels = varcorr_labels([t.group for t in terms])
        made = []
        start = 0
        for label, t in zip(labels, terms, strict=True):
            L = np.zeros((t.k, t.k))
            columns, rows = np.triu_indices(t.k)
            L[rows, columns] = self.sigma * model.theta[start : start + t.n_theta]
            start += t.n_theta
            made.append(VarCorrTerm(label, t.names, L @ L.T))
        self.terms: tuple[VarCorrTerm, ...] = tuple(made)

    @classmethod
    def of_parts(
        cls, sigma: float, groups: Sequence[str], names: Sequence[tuple[str, ...]], L: Sequence[FloatArray]
    ) -> VarCorr:
        """Make it from sigma and, by term, group, names of the effects and relative covariance factor ``(k, k)``."""
        made = cls.__new__(cls)
        made.sigma, made.useSc = sigma, True
        made.terms = tuple(
            VarCorrTerm(label, effects, (sigma * factor) @ (sigma * factor).T)
            for label, effects, factor in zip(varcorr_labels(list(groups)), names, L, strict=True)
        )
        return made

    def keys(self) -> tuple[str, ...]:
        """Labels of the terms."""
        return tuple(t.group for t in self.terms)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.terms)

    def term(self, group: str | int) -> VarCorrTerm:
        """Return one term by its label, or by its position from 0.

        Raises
        ------
        ModelError
            For an unknown label; the known ones are named.
        """
        if isinstance(group, int):
            return self.terms[group]
        for t in self.terms:
            if t.group == group:
                return t
        raise ModelError(f"no random-effects term is called {group!r}; there are {', '.join(map(repr, self.keys()))}")

    def __getitem__(self, group: str | int) -> pd.DataFrame:
        t = self.term(group)
        return pd.DataFrame(t.covariance, index=list(t.names), columns=list(t.names))

    def as_data_frame(self, order: Literal["cov.last", "lower.tri"] = "cov.last") -> pd.DataFrame:
        """Tabulate as lme4's ``as.data.frame(VarCorr(m))``.

        Parameters
        ----------
        order
            ``"cov.last"``: in each term the variances and then the covariances; ``"lower.tri"``: as in theta.

        Returns
        -------
        pandas.DataFrame
            Columns grp, var1, var2, vcov (variance or covariance), sdcor (standard deviation or correlation); var1 and
            var2 are None where they do not apply.

        Raises
        ------
        ModelError
            For an unknown order.
        """
        if order not in ("cov.last", "lower.tri"):
            raise ModelError(f"'order' must be 'cov.last' or 'lower.tri' (met {order!r})")
        rows: list[tuple[str, str | None, str | None, float, float]] = []
        for t in self.terms:
            rows += _term_rows(t, order)
        if self.useSc:
            rows.append(("Residual", None, None, self.sigma**2, self.sigma))
        grp, var1, var2, vcov, sdcor = zip(*rows, strict=True)
        columns: dict[str, pd.Series[Any]] = {
            "grp": pd.Series(grp, dtype=object),
            "var1": pd.Series(var1, dtype=object),
            "var2": pd.Series(var2, dtype=object),
            "vcov": pd.Series(vcov, dtype=float),
            "sdcor": pd.Series(sdcor, dtype=float),
        }
        return pd.DataFrame(columns)


def _term_rows(t: VarCorrTerm, order: str) -> list[tuple[str, str | None, str | None, float, float]]:
    k = len(t.names)
    sd, correlation = t.stddev, t.correlation
    pairs = [(i, j) for j in range(k) for i in range(j, k)]
    if order == "cov.last":
        pairs.sort(key=lambda pair: pair[0] != pair[1])
    return [
        (t.group, t.names[i], None, float(t.covariance[i, i]), float(sd[i]))
        if i == j
        else (t.group, t.names[j], t.names[i], float(t.covariance[i, j]), float(correlation[i, j]))
        for i, j in pairs
    ]


def varcorr_labels(groups: list[str]) -> list[str]:
    """Labels of the terms: those of their grouping factors, made syntactic and unique where one of them comes twice.

    Examples
    --------
    >>> varcorr_labels(["clinic:trt", "clinic", "clinic"])
    ['clinic.trt', 'clinic', 'clinic.1']
    >>> varcorr_labels(["clinic:trt", "clinic"])
    ['clinic:trt', 'clinic']
    """
    return groups if len(set(groups)) == len(groups) else make_names(groups, unique=True)
