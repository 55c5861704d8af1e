"""Other Python packages, each asked for the same fit in its own words, as fast as it offers it.

From the data frame that a user has to a fitted model; where a package wants another container (polars), making it is
part of the time. A model that a package does not have is ``None``.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
from workloads import FITS, Workload

BAR = re.compile(r"\(([^()|]+)\|([^()]+)\)")


@dataclass(frozen=True)
class Peer:
    """A package: how a workload is fitted with it, and the REML criterion of what it returns."""

    module: str
    prepare: Callable[[Workload, pd.DataFrame], Callable[[], Any] | None]
    criterion: Callable[[Any], float]

    @property
    def installed(self) -> bool:
        return importlib.util.find_spec(self.module) is not None


def _glmm(work: Workload, table: pd.DataFrame) -> Callable[[], Any]:
    fit = import_module("glmm").fit
    return lambda: fit(table, work.formula, satterthwaite=False, anova_test="Wald")


def _mixedlm(work: Workload, table: pd.DataFrame) -> Callable[[], Any]:
    lmer = import_module("mixedlm").lmer
    return lambda: lmer(work.formula, table)


def _lme_python(work: Workload, table: pd.DataFrame) -> Callable[[], Any]:
    lmer, polars = import_module("lme_python").lmer, import_module("polars")
    plain = table.copy()
    for name in plain.select_dtypes("category"):
        plain[name] = plain[name].astype(str)
    return lambda: lmer(work.formula, polars.from_pandas(plain), True)


def _interlace(work: Workload, table: pd.DataFrame) -> Callable[[], Any]:
    fit = import_module("interlace").fit
    fixed, bars = _parts(work.formula)
    return lambda: fit(fixed, table, random=bars, method="REML")


def _one_group(module: str) -> Callable[[Workload, pd.DataFrame], Callable[[], Any] | None]:
    """The interface of statsmodels: a single term of a single grouping factor."""

    def prepare(work: Workload, table: pd.DataFrame) -> Callable[[], Any] | None:
        fixed, bars = _parts(work.formula)
        if len(bars) != 1 or ":" in bars[0] or "/" in bars[0]:
            return None
        (inner, group), *_ = BAR.findall(bars[0])
        model = import_module(module).MixedLM
        fixed = fixed.replace("mean.ses", "Q('mean.ses')")
        return lambda: model.from_formula(fixed, table, groups=group.strip(), re_formula=f"~{inner}").fit(reml=True)

    return prepare


def _parts(formula: str) -> tuple[str, list[str]]:
    """The fixed part and the terms in parentheses."""
    bars = [match[0] for match in BAR.finditer(formula)]
    fixed = BAR.sub("", formula)
    return re.sub(r"(\+\s*)+$", "", re.sub(r"~\s*\+", "~", fixed)).strip().rstrip("+ "), bars


PEERS: Mapping[str, Peer] = {
    "glmm": Peer("glmm", _glmm, lambda fit: -2.0 * float(fit.loglik)),
    "lme-python": Peer("lme_python", _lme_python, lambda fit: -2.0 * float(fit.log_likelihood)),
    "mixedlm": Peer("mixedlm", _mixedlm, lambda fit: -2.0 * float(fit.logLik())),
    "mixedlm-rs": Peer("mixedlm_rs", _one_group("mixedlm_rs"), lambda fit: -2.0 * float(fit.llf)),
    "interlace-lme": Peer(
        "interlace", _interlace, lambda fit: -2.0 * float(getattr(fit, "llf_restricted", None) or fit.llf)
    ),
    "statsmodels": Peer(
        "statsmodels", _one_group("statsmodels.regression.mixed_linear_model"), lambda fit: -2.0 * float(fit.llf)
    ),
}
"""By the name in the tables."""


PATIENCE = 60.0
"""Seconds that a package may take for its first fit of a large workload."""


def in_time(name: str, work: Workload) -> bool:
    """Whether a package fits a large workload within ``PATIENCE``, tried in a process that can be ended."""
    try:
        subprocess.run([sys.executable, str(Path(__file__)), name, work.id], timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return False
    return True


def main(name: str, workload: str) -> None:
    warnings.simplefilter("ignore")
    (work,) = (w for w in FITS if w.id == workload)
    run = PEERS[name].prepare(work, work.table())
    if run is not None:
        run()


if __name__ == "__main__":
    main(*sys.argv[1:])
