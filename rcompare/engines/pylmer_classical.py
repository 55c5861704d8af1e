"""How pylmer's lm and aov, and a data set itself, are taken apart into quantities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pylmer.printing.structure import r_str
from rcompare.case import Case
from rcompare.engines.pylmer_values import (
    Question,
    api,
    coefficient_column,
    joined,
    number,
    printed,
    quantiles,
    series,
    vector,
)
from rcompare.results import Labelled, Strings, Text, Value

__all__ = ["CLASSICAL", "LOOK"]


def _lm_f(m: Any, case: Case) -> Value:
    f = api.summary(m).fstatistic
    return vector([f.value, f.numdf, f.dendf], ("F", "numerator df", "denominator df"))


def _lm_r2(m: Any, case: Case) -> Value:
    s = api.summary(m)
    return vector([s.r_squared, s.adj_r_squared], ("multiple", "adjusted"))


LM: dict[str, Question] = {
    "beta": lambda m, c: series(m.coef()),
    "se": coefficient_column("Std. Error"),
    "t.value": coefficient_column("t value"),
    "p.value": coefficient_column("Pr(>|t|)"),
    "sigma": lambda m, c: number(m.sigma()),
    "df.residual": lambda m, c: number(m.df_residual()),
    "r.squared": _lm_r2,
    "f.statistic": _lm_f,
    "residual.quantiles": lambda m, c: quantiles(m.residuals().to_numpy()),
}


def _strata(m: Any) -> list[tuple[str, pd.DataFrame]]:
    """The tables of an analysis of variance with their strata; one called Within where there is no Error()."""
    s = api.summary(m)
    strata = getattr(s, "strata", None)
    parts = strata.items() if isinstance(strata, Mapping) else [("Within", s)]
    return [(str(name).removeprefix("Error: "), part.table) for name, part in parts]


def _aov(column: str) -> Question:
    def ask(m: Any, case: Case) -> Value:
        rows = [
            (joined(name, str(row).strip()), x)
            for name, d in _strata(m)
            for row, x in zip(d.index, d[column], strict=True)
        ]
        return vector([x for _, x in rows], [label for label, _ in rows])

    return ask


PRINTED: dict[str, Question] = {
    "text.print": lambda m, c: printed(m),
    "text.summary": lambda m, c: printed(api.summary(m)),
}

CLASSICAL: dict[str, dict[str, dict[str, Question]]] = {
    "lm": {"fit": LM, "text": PRINTED},
    "aov": {
        "fit": {"aov.df": _aov("Df"), "aov.ss": _aov("Sum Sq"), "aov.ms": _aov("Mean Sq")},
        "text": PRINTED,
    },
}
"""The same for ``lm`` and ``aov``."""


def _factors(d: pd.DataFrame) -> list[str]:
    return [str(n) for n in d.columns if isinstance(d[n].dtype, pd.CategoricalDtype)]


def _kind(column: pd.Series[Any]) -> str:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "ordered" if dtype.ordered else "factor"
    return {"f": "numeric", "i": "integer", "b": "logical"}.get(dtype.kind, "character")


def _head(d: pd.DataFrame, case: Case) -> Value:
    top = d.iloc[:10]
    columns = [top[n].cat.codes.to_numpy() + 1 if n in _factors(d) else top[n].to_numpy() for n in d.columns]
    rows: Sequence[str] = tuple(str(i + 1) for i in range(len(top)))
    return Labelled(np.column_stack(columns).astype(np.float64), (tuple(rows), tuple(map(str, d.columns))))


def _means(d: pd.DataFrame, case: Case) -> Value:
    names = [str(n) for n in d.columns if _kind(d[n]) in ("numeric", "integer")]
    return vector([float(d[n].mean()) for n in names], names)


def _group_sizes(d: pd.DataFrame, case: Case) -> Value:
    sizes = d[_factors(d)[0]].value_counts()
    return vector([sizes.min(), sizes.max()], ("smallest", "largest"))


LOOK: dict[str, dict[str, Question]] = {
    "fit": {
        "data.names": lambda d, c: Strings(tuple(map(str, d.columns))),
        "data.types": lambda d, c: Strings(tuple(joined(n, _kind(d[n])) for n in d.columns)),
        "data.levels": lambda d, c: Strings(tuple(joined(f, v) for f in _factors(d) for v in d[f].cat.categories)),
        "data.head": _head,
        "data.means": _means,
        "data.group.sizes": _group_sizes,
    },
    "text": {"text.str": lambda d, c: Text(tuple(r_str(d).split("\n")))},
}
"""The same for a data set itself."""
