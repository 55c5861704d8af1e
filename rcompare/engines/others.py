"""Adapters for other packages that fit mixed models in Python; each answers what it offers, and nothing is asked twice.

They are partial engines: what a package does not offer counts neither for nor against it. Labels are R's, taken from
the model that pylmer's formula room makes of the case, so that numbers meet under the same names.
"""

from __future__ import annotations

import importlib.util
import re
import warnings
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from pylmer import lFormula
from pylmer.errors import PylmerError
from pylmer.formula.design import Design
from rcompare.case import Case
from rcompare.datatable import case_data, case_hash
from rcompare.engines.base import EngineUnavailable, NotOffered
from rcompare.engines.pylmer_values import FloatArray, joined, number, vector
from rcompare.results import Results, Value

__all__ = ["OTHERS", "Interlace", "LmePython", "MixedLm", "Other", "Statsmodels", "design_of", "variance_table"]


class Other(ABC):
    """Another package, behind the engines' protocol.

    Raises
    ------
    EngineUnavailable
        If the package is not installed.
    """

    package: ClassVar[str]
    module: ClassVar[str]
    partial = True

    def __init__(self) -> None:
        if importlib.util.find_spec(self.module) is None:
            raise EngineUnavailable(f"{self.package} is not installed (pip install {self.package})")
        self.name = f"{self.package} {version(self.package)}"

    def run(self, case: Case) -> Results:
        """Fit a case with the package."""
        stamp = {
            "engine": self.name,
            "data_hash": case_hash(case),
            "call": case.formula,
            "package": self.package,
            "packages": {self.package: version(self.package)},
        }
        try:
            if case.call != "lmer":
                raise NotOffered(f"{case.call} is not asked of {self.package}")
            frame = case_data(case)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return Results(case.id, self.answers(case, frame, design_of(case, frame)), stamp)
        except NotOffered as err:
            return Results(case.id, {}, stamp, failed={"all": str(err)})
        except Exception as err:  # whatever a package raises is its answer
            return Results(case.id, {}, stamp, error=f"{type(err).__name__}: {err}")

    @abstractmethod
    def answers(self, case: Case, frame: pd.DataFrame, design: Design) -> Mapping[str, Value]:
        """Quantities by name."""


def design_of(case: Case, frame: pd.DataFrame) -> Design:
    """Apply a case's formula to its table, for labels and for what the terms are.

    Raises
    ------
    NotOffered
        If pylmer cannot read the formula.
    """
    try:
        return lFormula(
            case.formula,
            frame,
            REML=case.REML,
            subset=case.subset,
            weights=case.weights,
            offset=case.offset,
            contrasts=dict(case.contrasts) or None,
            **({} if case.na_action is None else {"na_action": case.na_action}),
        )
    except PylmerError as err:
        raise NotOffered(str(err)) from None


def _common(
    design: Design,
    loglik: float,
    names_there: Iterable[object],
    estimates: Iterable[float],
    errors: Iterable[float],
    sigma: float,
) -> dict[str, Value]:
    """What every package has; coefficients are found by name where the names can be read, else by position."""
    beta, se = (np.asarray(list(x), dtype=np.float64) for x in (estimates, errors))
    if len(beta) != design.p:
        raise NotOffered(f"{len(beta)} fixed effects instead of {design.p}")
    there, here = [_letters(str(name)) for name in names_there], [_letters(name) for name in design.X_names]
    if sorted(there) == sorted(here) and len(set(here)) == len(here):
        order = [there.index(name) for name in here]
        beta, se = beta[order], se[order]
    names = design.X_names
    return {
        "criterion": number(-2.0 * loglik),
        "logLik": number(loglik),
        "beta": vector(beta, names),
        "se": vector(se, names),
        "t.value": vector(beta / se, names),
        "sigma": number(sigma),
    }


def _letters(name: str) -> str:
    """The letters of a coefficient's name: the same for ``age:sexMale``, ``sex[T.Male]:age`` and ``age:sex:Male``."""
    plain = "(Intercept)" if name in ("Intercept", "1") else re.sub(r"\[(?:T\.)?([^\]]*)\]", r"\1", name)
    return "".join(sorted(plain.replace(":", "")))


def variance_table(design: Design, blocks: Iterable[FloatArray], sigma2: float) -> dict[str, Value]:
    """Covariance matrices of the terms as R tabulates them: variances, then covariances, Residual last."""
    labels: list[str] = []
    values: list[float] = []
    seen: Counter[str] = Counter()
    for term, block in zip(design.re.terms, blocks, strict=True):
        group = f"{term.group}.{seen[term.group]}" if seen[term.group] else term.group  # R's make.unique
        seen[term.group] += 1
        labels += [joined(group, name) for name in term.names]
        values += np.diag(block).tolist()
        for j in range(term.k):
            for i in range(j + 1, term.k):
                labels.append(joined(group, term.names[j], term.names[i]))
                values.append(float(block[i, j]))
    return {"varcor.vcov": vector([*values, sigma2], [*labels, "Residual"])}


def _level_name(part: str, frame: pd.DataFrame) -> str:
    """R's name of the k-th treatment contrast of a factor, where a package says ``sector.1``."""
    name, _, k = part.rpartition(".")
    if not k.isdigit() or name not in frame or not isinstance(frame[name].dtype, pd.CategoricalDtype):
        return part
    return f"{name}{frame[name].cat.categories[int(k)]}"


def _plain_rows(case: Case) -> None:
    for what in ("subset", "weights", "offset"):
        if getattr(case, what) is not None:
            raise NotOffered(f"no {what} by name")
    if case.contrasts:
        raise NotOffered("no contrasts by name")


class Statsmodels(Other):
    """``statsmodels`` MixedLM, given R's own model matrices: one random-effects term, no weights."""

    package, module = "statsmodels", "statsmodels"

    def answers(self, case: Case, frame: pd.DataFrame, design: Design) -> Mapping[str, Value]:
        """Fit by MixedLM's defaults."""
        if len(design.re.terms) != 1:
            raise NotOffered("MixedLM has one grouping factor with one term")
        if design.weights is not None:
            raise NotOffered("MixedLM has no weights")
        (term,) = design.re.terms
        y = design.y if design.offset is None else design.y - design.offset
        MixedLM = import_module("statsmodels.regression.mixed_linear_model").MixedLM
        fit = MixedLM(y, design.X, groups=term.codes, exog_re=term.columns).fit(reml=case.REML)
        sigma2 = float(fit.scale)
        common = _common(design, float(fit.llf), design.X_names, fit.fe_params, fit.bse_fe, float(np.sqrt(sigma2)))
        return common | variance_table(design, [np.asarray(fit.cov_re, dtype=np.float64)], sigma2)


class MixedLm(Other):
    """``mixedlm``."""

    package, module = "mixedlm", "mixedlm"

    def answers(self, case: Case, frame: pd.DataFrame, design: Design) -> Mapping[str, Value]:
        """Fit with its ``lmer``."""
        if case.subset is not None:
            raise NotOffered("no subset by expression")
        named = {k: v.removeprefix("contr.") for k, v in case.contrasts.items()} or None
        fit = import_module("mixedlm").lmer(
            case.formula, frame, REML=case.REML, weights=case.weights, offset=case.offset, contrasts=named
        )
        se = np.sqrt(np.diag(np.asarray(fit.vcov(), dtype=np.float64)))
        names = [":".join(_level_name(part, frame) for part in name.split(":")) for name in fit.fixef()]
        common = _common(design, float(fit.logLik()), names, fit.fixef().values(), se, float(fit.sigma))
        return common | self._variances(fit, design)

    def _variances(self, fit: Any, design: Design) -> dict[str, Value]:
        groups = list(fit.VarCorr().groups.values())
        blocks = [np.asarray(g.cov, dtype=np.float64) for g in groups]
        if [(g.grouping_factor, *g.term_names) for g in groups] != [(t.group, *t.names) for t in design.re.terms]:
            return {}
        return variance_table(design, blocks, float(fit.VarCorr().residual))


class LmePython(Other):
    """``lme-python``, which takes polars data frames."""

    package, module = "lme-python", "lme_python"

    def answers(self, case: Case, frame: pd.DataFrame, design: Design) -> Mapping[str, Value]:
        """Fit with its ``lmer``."""
        _plain_rows(case)
        package = import_module("lme_python")
        polars = import_module("polars")
        columns = {str(name): _values(frame[name]) for name in frame.columns}
        factors = {
            str(name): package.FactorSpec([str(v) for v in frame[name].cat.categories])
            for name in map(str, design.schema.contrasts)
            if name in frame and isinstance(frame[name].dtype, pd.CategoricalDtype)
        }
        fit = package.lmer(case.formula, polars.DataFrame(columns), case.REML, factors=factors)
        sigma2 = float(fit.sigma2)
        common = _common(
            design, float(fit.log_likelihood), fit.fixed_names, fit.coefficients, fit.beta_se, float(np.sqrt(sigma2))
        )
        return common | self._variances(fit, design, sigma2)

    def _variances(self, fit: Any, design: Design, sigma2: float) -> dict[str, Value]:
        found = {(group, *sorted((a, b))): float(value) for group, a, b, value, _ in fit.var_corr}
        blocks = []
        for t in design.re.terms:
            keys = [[(t.group, *sorted((a, b))) for b in t.names] for a in t.names]
            if any(key not in found for row in keys for key in row):
                return {}
            blocks.append(np.array([[found[key] for key in row] for row in keys]))
        return variance_table(design, blocks, sigma2)


class Interlace(Other):
    """``interlace-lme``: the fixed part as a formula, the random part as a list of terms."""

    package, module = "interlace-lme", "interlace"

    def answers(self, case: Case, frame: pd.DataFrame, design: Design) -> Mapping[str, Value]:
        """Fit with its ``fit``."""
        _plain_rows(case)
        bars = re.findall(r"\([^()]*\|[^()]*\)", case.formula)
        fixed = case.formula
        for bar in bars:
            fixed = fixed.replace(bar, "")
        fixed = re.sub(r"\+\s*(?=\+|$)|~\s*\+", lambda m: "~" if "~" in m[0] else "", fixed).strip().rstrip("+ ")
        fit = import_module("interlace").fit(fixed, frame, random=bars, method="REML" if case.REML else "ML")
        sigma2 = float(fit.scale)
        restricted = getattr(fit, "llf_restricted", None)
        loglik = float(restricted if case.REML and restricted is not None else fit.llf)
        common = _common(design, loglik, fit.fe_params.index, fit.fe_params, fit.fe_bse, float(np.sqrt(sigma2)))
        blocks = {group: np.atleast_2d(np.asarray(V, dtype=np.float64)) for group, V in fit.variance_components.items()}
        if [(t.group, t.k) for t in design.re.terms] != [(g, len(V)) for g, V in blocks.items()]:
            return common
        return common | variance_table(design, blocks.values(), sigma2)


def _values(column: pd.Series[Any]) -> Any:
    return column.astype(str).tolist() if isinstance(column.dtype, pd.CategoricalDtype) else column.to_numpy()


OTHERS: dict[str, type[Other]] = {
    "statsmodels": Statsmodels,
    "mixedlm": MixedLm,
    "lme-python": LmePython,
    "interlace-lme": Interlace,
}
"""Adapters by the name that ``--engine`` takes."""
