"""How pylmer is asked what surface_tools.R asks of lme4: templates, parts of predictions, modules, quadrature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rcompare.case import Case
from rcompare.engines.pylmer_surface import rows_of, unlabelled
from rcompare.engines.pylmer_surface_parts import digested, joined_columns, words
from rcompare.engines.pylmer_values import Question, api, number, vector
from rcompare.results import Labelled, Value

__all__ = ["TOOLS"]


def _made_varcorr(m: Any, case: Case) -> Value:
    cnms, sizes = api.getME(m, "cnms"), [t.k for t in m.design.re.terms]
    made = api.mkVarCorr(api.sigma(m), cnms, sizes, m.theta, list(cnms.keys()))
    return joined_columns(np.asarray(made[name], dtype=np.float64) for name in dict.fromkeys(cnms.keys()))


def _template(m: Any, case: Case) -> Value:
    found = api.mkParsTemplate("~" + str(api.formula(m)).split("~", 1)[1], api.getData(m))
    names = [*found["beta"].index, *found["theta"].index, "sigma"]
    return vector([*found["beta"], *found["theta"], found["sigma"]], names)


def _data_template(m: Any, case: Case) -> Value:
    d = api.mkDataTemplate("~ x + (x | g) + (1 | h)", nGrps=3, nPerGrp=2)
    return words([*d.columns, *(f"{g} {h} {x:g}" for g, h, x in zip(d["g"], d["h"], d["x"], strict=True))])


def _position(m: Any, case: Case) -> Value:
    p = api.rePos(m)
    terms = [i for group in (p.terms.values() if isinstance(p.terms, dict) else p.terms) for i in group]
    return unlabelled(np.concatenate([p.ncols, p.nctot, p.nlevs, p.offsets, terms]))


def _response(m: Any) -> Any:
    return api.mkRespMod(api.model_frame(m), REML=api.getME(m, "REML"))


def _unscaled(m: Any) -> Any:
    made = m.pp.unsc
    return made() if callable(made) else made


def _sparse_rule(m: Any, case: Case) -> Value:
    rows = api.GQdk(2, 3)
    w, x, y = rows.T
    return unlabelled([len(rows), w.sum(), np.abs(w).sum(), (w * x**2 * y**2).sum(), (w * x**4).sum()])


def _strung(m: Any, case: Case) -> Value:
    names = (".fitted", ".resid", ".scresid")
    return vector([(api.fortify(m)[name] ** 2).sum() for name in names], names)


def _factors(m: Any, case: Case) -> Value:
    made = api.factorize("~ a + b", pd.DataFrame({"a": [2, 1, 2], "b": ["x", "y", "x"]}))
    return words([*made["a"].cat.categories, *made["b"].cat.categories])


TOOLS: dict[str, Question] = {
    "mkNewReTrms.Zt": lambda m, c: digested(api.mkNewReTrms(m, rows_of(m)).Zt),
    "mkNewReTrms.b": lambda m, c: unlabelled(api.mkNewReTrms(m, rows_of(m)).b),
    "mkNewReTrms.Lambdat": lambda m, c: digested(api.mkNewReTrms(m, rows_of(m)).Lambdat),
    "mkVarCorr": _made_varcorr,
    "mkParsTemplate": _template,
    "mkDataTemplate": _data_template,
    "rePos.fields": _position,
    "mkRespMod.y": lambda m, c: number(float(np.sum(_response(m).y))),
    "mkRespMod.weights": lambda m, c: number(float(np.sum(_response(m).weights))),
    "mkRespMod.offset": lambda m, c: number(float(np.sum(_response(m).offset))),
    "mkRespMod.objective": lambda m, c: number(m.resp.objective(m.pp.ldL2(), m.pp.ldRX2(), m.pp.sqrL(1.0))),
    "merPredD.beta": lambda m, c: unlabelled(m.pp.beta(1.0)),
    "merPredD.b": lambda m, c: unlabelled(m.pp.b(1.0)),
    "merPredD.linPred": lambda m, c: number(float(np.sum(m.pp.linPred(1.0)))),
    "merPredD.logs": lambda m, c: unlabelled([m.pp.ldL2(), m.pp.ldRX2(), m.pp.sqrL(1.0)]),
    "merPredD.unsc": lambda m, c: Labelled(np.asarray(_unscaled(m), dtype=np.float64)),
    "GHrule": lambda m, c: Labelled(api.GHrule(7).to_numpy(dtype=np.float64)),
    "GQdk": _sparse_rule,
    "GQN": lambda m, c: unlabelled([len(level) for level in api.GQN]),
    "fortify": _strung,
    "fortify.columns": lambda m, c: words(api.fortify(m).columns),
    "factorize": _factors,
}
