"""Comparison: what agrees passes, what was planted is caught, and waivers are strict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rcompare.case import Case, CaseError, Waiver, builtin_cases, select
from rcompare.compare import TOLERANCES, compare_case, compare_values
from rcompare.divergences import builtin_register, in_versions, registered
from rcompare.engines.golden import GoldenEngine
from rcompare.engines.pylmer import PylmerEngine
from rcompare.quantities import CATALOGUE, quantity
from rcompare.results import Labelled, Results, Strings, Text
from rcompare.run import compare_engines
from rcompare.selftest import PLANTS, plant_all
from rcompare.verdict import judge_optimum

CASE = Case("c", "d", formula="y ~ x + (1 | g)")
GOLDEN = GoldenEngine()


def array(values: object, *labels: str) -> Labelled:
    return Labelled(np.asarray(values, dtype=float), (labels,) if labels else ())


def results(**values: object) -> Results:
    return Results("c", {name.replace("__", "."): value for name, value in values.items()})  # type: ignore[misc]


def test_every_kind_of_the_catalogue_has_a_tolerance() -> None:
    text_kinds = {"text", "effects text", "inference text"}
    assert {q.kind for q in CATALOGUE.values()} - text_kinds <= set(TOLERANCES)


@pytest.mark.parametrize("case", select(builtin_cases(), ["chapter", "small"]), ids=lambda case: case.id)
def test_planted_errors_are_caught_and_named(case: Case) -> None:
    for caught in plant_all([case], GOLDEN, GOLDEN):
        assert caught.ok, (caught.plant.name, caught.reported)


def test_every_plant_finds_its_ground() -> None:
    cases = select(builtin_cases(), ["dyestuff2-singular", "penicillin", "hsb-m2-reml"])
    assert {c.plant.name for c in plant_all(cases, GOLDEN, GOLDEN)} == {plant.name for plant in PLANTS}


def test_a_result_agrees_with_itself() -> None:
    golden = GoldenEngine()
    for case in select(builtin_cases(), ["sleepstudy-slopes-*", "machines-*", "hsb-lm", "hsb-data"]):
        plain = replace(case, waivers=())
        comparison = compare_case(plain, golden.run(case), golden.run(case), golden.run(case))
        assert comparison.passed, comparison.failures


def status(ours: object, theirs: object, name: str = "beta", stage: int = 1) -> tuple[str, str]:
    d = compare_values("c", quantity(name), stage, ours, theirs, {})  # type: ignore[arg-type]
    return d.status, d.note


def test_labels_match_labels() -> None:
    theirs = array([1.0, 2.0], "a", "b")
    assert status(array([1.0, 2.0], "a", "b"), theirs)[0] == "same"
    assert status(array([2.0, 1.0], "b", "a"), theirs) == ("differs", "same labels in another order")
    assert status(array([1.0, 2.0], "a", "z"), theirs) == ("differs", "labels missing: b")
    assert status(array([1.0, 2.0, 3.0], "a", "b", "z"), theirs) == ("differs", "labels too many: z")
    assert status(array([1.0, 2.0]), theirs)[1] == "no labels on axis 1"
    assert status(None, theirs)[0] == "missing"
    assert status(Strings(("a",)), theirs)[0] == "differs"


def test_a_sampled_reference_is_found_by_label() -> None:
    theirs = Labelled(np.array([10.0, 30.0]), (("1", "3"),), sampled=True)
    assert status(array([10.0, 20.0, 30.0], "1", "2", "3"), theirs, "fitted")[0] == "same"
    assert status(array([10.0, 30.0, 20.0], "1", "2", "3"), theirs, "fitted")[0] == "differs"


def test_missing_values_must_stand_in_the_same_places() -> None:
    assert status(array([np.nan, 1.0]), array([np.nan, 1.0]))[0] == "same"
    assert status(array([1.0, 1.0]), array([np.nan, 1.0]))[0] == "differs"


def test_scale_is_the_standard_error_for_coefficients_near_zero() -> None:
    theirs, se = array([1e-14, 5.0], "a", "b"), array([1.0, 1.0], "a", "b")
    d = compare_values("c", quantity("beta"), 1, array([2e-14, 5.0], "a", "b"), theirs, {"se": se})
    assert d.status == "same"
    assert compare_values("c", quantity("beta"), 1, array([2e-9, 5.0], "a", "b"), theirs, {"se": se}).fails


def fit(criterion: float, theta: list[float], **more: object) -> Results:
    return results(criterion=array(criterion), theta=array(theta), **more)


def test_verdicts_on_the_optimum() -> None:
    here = fit(10.0, [1.0])
    assert judge_optimum(here, fit(10.0 + 5e-7, [1.0])).verdict == "same"
    assert judge_optimum(here, fit(10.1, [0.5])).verdict == "ours better"
    worse = judge_optimum(here, fit(9.9, [0.5]))
    assert (worse.verdict, worse.acceptable) == ("theirs better", False)


def test_a_barrier_makes_two_basins() -> None:
    def bumpy(thetas: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return 10.0 + np.sin(np.pi * thetas[:, 0]) ** 2

    found = judge_optimum(fit(10.0, [0.0]), fit(10.0, [1.0]), bumpy)
    assert found.verdict == "different basin"
    assert found.barrier == pytest.approx(1.0, abs=0.05)


def test_where_r_stopped_short_its_tight_optimum_is_the_reference() -> None:
    def model(theta: float, criterion: float) -> dict[str, object]:
        return {"criterion": array(criterion), "theta": array([theta]), "varcor__vcov": array([theta**2], "g")}

    theirs = results(**model(1.1, 10.2))
    theirs = replace(theirs, tight=results(**model(1.0, 10.0)).values)
    comparison = compare_case(CASE, results(**model(1.0, 10.0)), theirs)
    assert comparison.passed, comparison.failures
    assert comparison.optimum is not None
    assert comparison.optimum.verdict == "ours better"
    assert not compare_case(CASE, results(**model(1.05, 10.1)), theirs).passed


def test_singular_fits_are_not_compared_by_theta() -> None:
    ours = fit(1.0, [0.0, 0.5], singular=array(1.0))
    theirs = fit(1.0, [0.0, -0.5], singular=array(1.0))
    assert all(d.quantity != "theta" for d in compare_case(CASE, ours, theirs).differences)


def test_waivers_are_strict() -> None:
    waived = replace(CASE, waivers=(Waiver("AIC", "because"),))
    different = compare_case(waived, results(AIC=array(1.0)), results(AIC=array(2.0)))
    assert [d.status for d in different.differences if d.quantity == "AIC"] == ["waived"]
    assert different.passed
    same = compare_case(waived, results(AIC=array(2.0)), results(AIC=array(2.0)))
    assert [d.status for d in same.failures] == ["stale waiver"]


def test_a_registered_divergence_passes_only_as_registered() -> None:
    golden = GoldenEngine()
    (case,) = select(builtin_cases(), ["sleepstudy-refit-reml"])
    theirs, other = golden.run(case), {"engine": "pylmer", "packages": {"pylmer": "0.1.0"}}
    older = {**theirs.stamp, "packages": {"lme4": "1.1-31"}}
    newer = {**theirs.stamp, "packages": {"lme4": "1.1-35"}}
    assert registered(case, (other, older), builtin_register())
    same = compare_case(case, theirs, theirs, known=registered(case, (other, older), builtin_register()))
    assert {d.status for d in same.failures} == {"stale waiver"}
    assert not registered(case, (other, newer), builtin_register())


def test_a_divergence_between_two_versions_of_r_is_the_older_ones() -> None:
    golden = GoldenEngine()
    (case,) = select(builtin_cases(), ["sleepstudy-refit-reml"])
    older = {**golden.run(case).stamp, "packages": {"lme4": "1.1-31"}}
    newer = {**older, "packages": {"lme4": "1.1-35"}}
    register = builtin_register()
    assert registered(case, (newer, older), register) == registered(case, (older, newer), register) != ()
    assert registered(case, (older, older), register) == registered(case, (newer, newer), register) == ()
    assert compare_engines(case, golden, golden).passed


def test_a_waiver_with_bounds_holds_within_them() -> None:
    waived = replace(CASE, waivers=(Waiver("AIC", "because", None, 0.1, 0.6),))
    found = {}
    for gap in (0.01, 0.5, 0.9):
        outcomes = compare_case(waived, results(AIC=array(1.0 + gap)), results(AIC=array(1.0))).differences
        found[gap] = next(d.status for d in outcomes if d.quantity == "AIC")
    assert found == {0.01: "differs", 0.5: "waived", 0.9: "differs"}


def test_ranges_of_versions() -> None:
    assert in_versions("1.1-31", "<1.1-33")
    assert not in_versions("1.1-33", "<1.1-33")
    assert in_versions("1.1-35.1", ">=1.1-33, <2.0")
    with pytest.raises(CaseError, match="not a range"):
        in_versions("1.1-31", "about 1.1")


def test_a_partial_engine_may_leave_questions_open() -> None:
    theirs = results(AIC=array(1.0), BIC=array(2.0))
    assert not compare_case(CASE, results(AIC=array(1.0)), theirs).passed
    partial = compare_case(CASE, results(AIC=array(1.0)), theirs, partial=True)
    assert partial.passed
    assert "not offered" in {d.status for d in partial.differences}


def test_the_optimizers_name_may_differ_and_nothing_else() -> None:
    ours, theirs = Text(("optimizer (newton) code: 0",)), Text(("optimizer (nloptwrap) code: 0",))
    assert status(ours, theirs, "text.print", 4)[0] == "same"
    assert status(Text(("optimizer (newton) code: 1",)), theirs, "text.print", 4)[0] == "differs"


def test_errors_on_one_side_only_are_failures() -> None:
    broken = Results("c", {}, error="no")
    assert not compare_case(CASE, broken, results(AIC=array(1.0))).passed
    assert compare_case(CASE, broken, Results("c", {}, error="nein")).passed


def bootstrap(criteria: list[float], draws: list[float], high: float) -> Results:
    labels = tuple(str(i) for i in range(len(draws)))
    return results(
        boot__criterion=array(criteria, *labels),
        boot__t=Labelled(np.array([draws]).T, (labels, ("s",))),
        boot__ci=Labelled(np.array([[1.0, high]]), (("s",), ("lo", "hi"))),
    )


def test_bootstrap_replicates_where_r_stopped_short_are_left_out() -> None:
    ours = bootstrap([1.0] * 20, [3.0] * 20, 3.0)
    theirs = bootstrap([1.5] + [1.0] * 19, [9.0] + [3.0] * 19, 9.0)
    found = {d.quantity: d.status for d in compare_case(CASE, ours, theirs).differences}
    assert (found["boot.t"], found["boot.criterion"], found["boot.ci"]) == ("same", "same", "not comparable")
    found = {d.quantity: d.status for d in compare_case(CASE, theirs, ours).differences}
    assert found["boot.criterion"] == "differs"


def test_a_bootstrap_that_stopped_short_throughout_is_no_reference() -> None:
    ours, theirs = bootstrap([1.0] * 20, [3.0] * 20, 3.0), bootstrap([1.5] * 20, [9.0] * 20, 9.0)
    found = {d.quantity: d.status for d in compare_case(CASE, ours, theirs).differences}
    assert (found["boot.t"], found["boot.criterion"], found["boot.ci"]) == ("differs", "differs", "differs")


def test_errors_planted_in_pylmer_itself_are_caught() -> None:
    cases = select(builtin_cases(), ["cake-slopes", "dyestuff2-singular", "sleepstudy-slopes-ml"])
    caught = list(plant_all(cases, PylmerEngine(lme4=GOLDEN.lme4_version), GOLDEN))
    assert [(c.case, c.plant.name) for c in caught if not c.ok] == []
    assert {c.plant.name for c in caught} >= {"another seed", "silence", "stopped short", "a millionth"}


def test_what_needs_a_package_that_is_not_there_is_not_offered() -> None:
    theirs = results(AIC=array(1.0), BIC=array(2.0))
    ours = replace(results(AIC=array(1.0)), failed={"BIC": "ModelError: the package nlopt, which is not installed"})
    compared = compare_case(CASE, ours, theirs)
    assert compared.passed
    assert [d.note for d in compared.differences if d.status == "not offered"] == [ours.failed["BIC"]]
