"""lme4's simplex and golden section: every point at which R evaluates a function, and where it ends."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest

from pylmer import Nelder_Mead, NelderMead, datasets, golden, lmer, lmerControl, nlminbwrap, options
from pylmer.errors import ConvergenceWarning, ModelError
from rcompare.engines.r import RSession

INF = math.inf

R_TRACE = """
nm_run <- function(fn, par, lower, upper, control = list()) {
  at <- list()
  f <- function(x) { v <- fn(x); at[[length(at) + 1]] <<- c(x, v); v }
  found <- suppressWarnings(Nelder_Mead(f, par, lower, upper, control = control))
  found$trace <- do.call(rbind, at)
  found
}
"""

Case = tuple[str, Callable[[np.ndarray], float], list[float], list[float], list[float]]

CASES: list[Case] = [
    ("sum((x - c(1, 2))^2) + x[1] * x[2] / 10", lambda x: ((x - [1, 2]) ** 2).sum() + x[0] * x[1] / 10,
     [0, 0], [0, -INF], [INF, INF]),
    ("100 * (x[2] - x[1]^2)^2 + (1 - x[1])^2", lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2,
     [-1.2, 1], [-INF, -INF], [INF, INF]),
    ("100 * (x[2] - x[1]^2)^2 + (1 - x[1])^2", lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2,
     [0, 0], [-1, -1], [0.5, 0.5]),
    ("(x - 2)^2 + sin(x)", lambda x: (x[0] - 2) ** 2 + math.sin(x[0]), [1], [0], [INF]),
    ("sum((x + c(1, 2))^2) + x[1] * x[2]", lambda x: (x[0] + 1) ** 2 + (x[1] + 2) ** 2 + x[0] * x[1],
     [1, 1], [0, 0], [INF, INF]),
    ("sum((x - c(0.93, 2))^2)", lambda x: ((x - [0.93, 2]) ** 2).sum(), [1, 1], [-5, -5], [1.01, 1.005]),
    ("sum((x - c(0.93, 2))^2)", lambda x: ((x - [0.93, 2]) ** 2).sum(), [1, 1], [0.999, 0.99], [1.0001, 1.0001]),
    ("sum((x - c(0.93, 2))^2)", lambda x: ((x - [0.93, 2]) ** 2).sum(), [1, 1], [-5, -5], [1, 1]),
]  # fmt: skip


def spelled(x: list[float]) -> str:
    return "c(" + ", ".join("Inf" if v == INF else "-Inf" if v == -INF else repr(v) for v in x) + ")"


CONTROLS: list[tuple[str, Callable[[int], dict[str, object]]]] = [
    ("list()", lambda n: {}),
    ("list(xst = rep(0.5, n), xt = rep(1e-3, n))", lambda n: {"xst": [0.5] * n, "xt": [1e-3] * n}),
    ("list(maxfun = 12)", lambda n: {"maxfun": 12}),
    ("list(MinfMax = 0.5)", lambda n: {"MinfMax": 0.5}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0] + str(case[4]))
@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control[0])
def test_the_points_of_r(R: RSession, case: Case, control: tuple[str, Callable[[int], dict[str, object]]]) -> None:
    text, function, par, lower, upper = case
    n = len(par)
    R(R_TRACE)
    R(
        f"n <- {n}; nm_fit <- nm_run(function(x) {text}, {spelled(par)}, {spelled(lower)}, {spelled(upper)}, "
        f"{control[0]})"
    )
    trace: list[list[float]] = []

    def watched(x: np.ndarray) -> float:
        value = float(function(x))
        trace.append([*x, value])
        return value

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = Nelder_Mead(watched, par, lower, upper, control[1](n))
    np.testing.assert_allclose(trace, R.num("nm_fit$trace").reshape(len(trace), n + 1), rtol=1e-9, atol=1e-12)
    assert found["message"] == R.strings("nm_fit$message")[0]
    for name in ("fval", "par", "convergence", "NM_result", "feval"):
        np.testing.assert_allclose(found[name], R.num(f"nm_fit${name.replace('_', '.')}"), rtol=1e-9, atol=1e-12)


MODELS = [
    ("sleepstudy", "Reaction ~ Days + (Days | Subject)"),
    ("sleepstudy", "Reaction ~ Days + (Days || Subject)"),
    ("Dyestuff", "Yield ~ 1 + (1 | Batch)"),
    ("Dyestuff2", "Yield ~ 1 + (1 | Batch)"),
    ("Penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)"),
    ("Pastes", "strength ~ 1 + (1 | batch) + (1 | sample)"),
]


@pytest.mark.parametrize(("data", "formula"), MODELS, ids=lambda x: x)
@pytest.mark.parametrize("REML", [True, False])
def test_a_model_as_r_fits_it(R: RSession, data: str, formula: str, REML: bool) -> None:
    flag = "TRUE" if REML else "FALSE"
    R(f'nm_lmer <- suppressMessages(lmer({formula}, {data}, REML = {flag}, '
      'control = lmerControl("Nelder_Mead")))')  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        m = lmer(formula, getattr(datasets, data)(), REML, control=lmerControl(optimizer=Nelder_Mead))
    assert m.opt.optimizer == "Nelder_Mead"
    assert m.opt.evaluations == R.num("nm_lmer@optinfo$feval")[0]
    assert m.opt.message == R.strings("nm_lmer@optinfo$message")[0]
    np.testing.assert_allclose(m.theta, R.num('getME(nm_lmer, "theta")'), rtol=0, atol=1e-8)


def test_too_few_evaluations_are_told_as_in_r(R: RSession) -> None:
    R("""nm_said <- character()
    nm_few <- withCallingHandlers(
      lmer(Reaction ~ Days + (Days | Subject), sleepstudy,
           control = lmerControl("Nelder_Mead", optCtrl = list(maxfun = 10))),
      warning = function(w) { nm_said <<- c(nm_said, conditionMessage(w)); invokeRestart("muffleWarning") })""")
    sleepstudy = datasets.sleepstudy()
    with pytest.warns(ConvergenceWarning) as caught:
        m = lmer(
            "Reaction ~ Days + (Days | Subject)",
            sleepstudy,
            control=lmerControl("Nelder_Mead", optCtrl={"maxfun": 10}),
        )
    assert [str(w.message) for w in caught] == R.strings("nm_said")
    with options(lme4="1.1-31", useFancyQuotes=False):
        assert str(m).splitlines() == R.output("print(nm_few)")
        assert str(m.summary()).splitlines()[-4:] == [x for x in R.output("print(summary(nm_few))") if x][-4:]


def test_the_golden_section_of_r(R: RSession) -> None:
    R("""gold <- golden$new(lower = 0, upper = 3)
    gold_at <- NULL
    invisible(capture.output(for (i in 1:25) {
      x <- gold$xeval()
      gold$newf((x - 1)^2 + 0.3 * x^4)
      gold_at <- rbind(gold_at, c(x, gold$xpos(), gold$value()))
    }))""")
    search, at = golden(0.0, 3.0), []
    for _ in range(25):
        x = search.xeval
        search.newf((x - 1) ** 2 + 0.3 * x**4)
        at.append([x, search.xpos, search.value])
    np.testing.assert_allclose(at, R.num("gold_at").reshape(25, 3), rtol=1e-11)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ModelError, match=r"x0 >= lower.*element 0"):
        Nelder_Mead(sum, [0.0, 0.0], lower=[1.0, 0.0])
    with pytest.raises(ModelError, match=r"foo.*Nelder_Mead does not know"):
        Nelder_Mead(sum, [0.0], control={"foo": 1})
    with pytest.raises(ModelError, match="3 values: give 2"):
        nlminbwrap([0.0, 0.0], sum, lower=[1.0, 1.0, 1.0])
    with pytest.raises(ModelError, match=r"xst.*give 2 numbers"):
        Nelder_Mead(sum, [0.0, 0.0], control={"xst": 1})
    with pytest.raises(ModelError, match="lower < upper"):
        golden(1.0, 1.0)
    search = NelderMead([0.0], [1.0], [0.1], [0.5], [0.01], maxeval=1)
    assert [search.newf(1.0), search.newf(2.0)] == [0, 4]
    with pytest.raises(ModelError, match="has ended with status 4"):
        search.newf(3.0)


@pytest.mark.parametrize("wrapper", ["nloptwrap", "nlminbwrap"])
def test_wrappers_find_what_r_finds(R: RSession, wrapper: str) -> None:
    pytest.importorskip("nlopt")
    import pylmer

    R(f"wrapped <- {wrapper}(c(0, 0), function(x) sum((x - c(1, 2))^2) + x[1] * x[2] / 10, c(0, -Inf), c(0.5, Inf))")
    found = getattr(pylmer, wrapper)([0.0, 0.0], lambda x: ((x - [1, 2]) ** 2).sum() + x[0] * x[1] / 10,
                                     [0.0, -INF], [0.5, INF])  # fmt: skip
    np.testing.assert_allclose(found["par"], R.num("wrapped$par"), atol=1e-4)
    assert found["fval"] == pytest.approx(R.num("wrapped$fval").item(), abs=1e-7)
    assert found["conv"] == R.num("wrapped$conv").item() == 0
    if wrapper == "nloptwrap":
        assert found["feval"] == R.num("wrapped$feval").item()
        assert found["message"] == R.strings("wrapped$message")[0]
