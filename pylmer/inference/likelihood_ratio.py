"""Likelihood-ratio tests between fits: the table that ``anova`` of several models is."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from pylmer.classical import Lm
from pylmer.errors import ModelError, RWarning
from pylmer.formula.deparse import deparse
from pylmer.inference.tables import AnovaFrame
from pylmer.methods.fit_statistics import logLik
from pylmer.model import MerMod
from pylmer.rcompat.caller import name_of
from pylmer.rcompat.loglik import LogLik

__all__ = ["AnyFit", "compare", "model_names", "refuse_different_rows"]

AnyFit = MerMod | Lm


def model_names(models: Sequence[AnyFit], given: Sequence[str] | None) -> list[str]:
    """Names of the models: those given, or those that the caller has for them.

    Raises
    ------
    ModelError
        Not as many names as models.
    """
    if given is not None:
        if len(given) != len(models):
            raise ModelError(f"model names vector and model list have different lengths: {len(given)}, {len(models)}")
        return list(given)
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("pylmer."):
        frame = frame.f_back
    names = [name_of(m, frame) or f"MODEL{i + 1}" for i, m in enumerate(models)]
    if len(set(names)) < len(names):
        warnings.warn("failed to find model names, assigning generic names", RWarning, stacklevel=3)
        return [f"MODEL{i + 1}" for i in range(len(models))]
    return names


def refuse_different_rows(models: Sequence[AnyFit]) -> None:
    """Fits to different data cannot be compared.

    Raises
    ------
    ModelError
        Tables, subsets or numbers of rows that differ.
    """
    fits = [m for m in models if isinstance(m, MerMod)]
    tables = {id(m.said.data): m.design.call.data for m in fits if m.said is not None and m.design.call.data}
    if len(set(tables.values())) > 1:
        listed = ", ".join(str(name) for name in tables.values())
        raise ModelError(f"all models must be fit to the same data object, not to {listed}")
    subsets = {m.design.call.subset for m in fits}
    if len(subsets) > 1:
        raise ModelError(f"all models must use the same subset, not {', '.join(map(str, subsets))}")
    counts = [m.nobs() if isinstance(m, Lm) else m.n for m in models]
    if len(set(counts)) > 1:
        listed = ", ".join(f"{n} rows" for n in counts)
        raise ModelError(f"models were not all fitted to the same size of dataset: {listed}")


def _likelihood(m: AnyFit) -> LogLik:
    return m.logLik() if isinstance(m, Lm) else logLik(m)


def _formula(m: AnyFit) -> str:
    return deparse(m.source.formula) if isinstance(m, Lm) else m.design.call.formula


def compare(models: Sequence[AnyFit], names: Sequence[str]) -> AnovaFrame:
    """The table, its rows sorted by their number of parameters."""
    likelihoods = [_likelihood(m) for m in models]
    order = sorted(range(len(models)), key=lambda i: likelihoods[i].df)
    found = [likelihoods[i] for i in order]
    df, ll = np.array([x.df for x in found], dtype=float), np.array([float(x) for x in found])
    steps = np.concatenate([[np.nan], np.diff(df)])
    chisq = np.concatenate([[np.nan], 2.0 * np.maximum(0.0, np.diff(ll))])
    with np.errstate(invalid="ignore"):
        p = np.where(steps > 0, chdtrc(np.where(steps > 0, steps, 1.0), chisq), np.nan)
    table = pd.DataFrame(
        {
            "npar": df,
            "AIC": -2.0 * ll + 2.0 * df,
            "BIC": -2.0 * ll + np.log([x.nobs for x in found]) * df,
            "logLik": ll,
            "deviance": -2.0 * ll,
            "Chisq": chisq,
            "Df": steps,
            "Pr(>Chisq)": p,
        },
        index=[names[i] for i in order],
    )
    return AnovaFrame.of(table, tuple(_heading(models, [(names[i], models[i]) for i in order])))


def _heading(models: Sequence[AnyFit], ordered: Sequence[tuple[str, AnyFit]]) -> list[str]:
    calls = [m.design.call for m in models if isinstance(m, MerMod)]
    data = next((c.data for c in calls if c.data), None)
    subset = next((c.subset for c in calls if c.subset), None)
    lines = [f"Data: {data}"] if data else []
    lines += [f"Subset: {subset}"] if subset else []
    return [*lines, "Models:", *(f"{name}: {_formula(m)}" for name, m in ordered)]
