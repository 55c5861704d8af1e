"""Planted errors: an engine is perturbed on purpose, and every perturbation must be caught and named."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from rcompare.case import Case
from rcompare.compare import compare_case
from rcompare.differences import Difference
from rcompare.engines.base import CriterionEngine, Engine
from rcompare.results import Labelled, Results, Strings, Text, Value

__all__ = ["PLANTS", "Caught", "Plant", "plant_all"]


@dataclass(frozen=True)
class Plant:
    """An error to plant.

    Parameters
    ----------
    name
        In a word or two.
    story
        How an engine comes to make it.
    named_by
        The quantity that must be reported for it.
    perturb
        Makes the wrong answers out of right ones; None when the case gives no opportunity.
    """

    name: str
    story: str
    named_by: str
    perturb: Callable[[Results], Results | None]


@dataclass(frozen=True)
class Caught:
    """What became of a planted error."""

    plant: Plant
    case: str
    reported: tuple[Difference, ...]

    @property
    def ok(self) -> bool:
        """Whether it was caught under its own name."""
        return any(d.quantity.removesuffix(" (end to end)") == self.plant.named_by for d in self.reported)


def plant_all(cases: Iterable[Case], engine: Engine, reference: Engine) -> Iterator[Caught]:
    """Plant every error in an engine's answers to every case that gives an opportunity, and compare with the reference.

    Parameters
    ----------
    cases
        The cases.
    engine
        Whose answers are perturbed; the recorded ones themselves where it is the reference.
    reference
        The right answers.
    """
    for case in cases:
        plain = replace(case, waivers=())
        theirs = reference.run(case)
        ours = theirs if engine is reference else _level(engine.run(case), theirs)
        at = ours
        theta = theirs.values.get("theta")
        if engine is not reference and isinstance(engine, CriterionEngine) and isinstance(theta, Labelled):
            at = engine.run_at(case, theta.values)
        for plant in PLANTS:
            wrong, wrong_at = plant.perturb(ours), plant.perturb(at)
            if wrong is not None:
                names = (plant.name, reference.name)
                comparison = compare_case(plain, wrong, theirs, ours_at=wrong_at or at, names=names)
                yield Caught(plant, case.id, comparison.failures)


def _level(ours: Results, theirs: Results) -> Results:
    """Our answers with the reference's criterion and messages, so that every error is one against the reference.

    Where our optimum is better than the reference's, stopping short of it, or being silent about it, is no difference.
    """
    values = dict(ours.values)
    if "criterion" in values and "criterion" in theirs.values:
        values["criterion"] = theirs.values["criterion"]
    return replace(ours, values=values, messages=theirs.messages, warnings=theirs.warnings)


# ---------------------------------------------------------------------------------------------------------- perturbing


def _with(results: Results, **changed: Value) -> Results:
    names = {name.replace("__", "."): value for name, value in changed.items()}
    return replace(results, values={**results.values, **names})


def _array(results: Results, name: str) -> Labelled | None:
    value = results.values.get(name)
    return value if isinstance(value, Labelled) else None


def _scaled(value: Labelled, factor: float) -> Labelled:
    return replace(value, values=value.values * factor)


def _reml_df(r: Results) -> Results | None:
    """Sigma with n in the denominator instead of n - p."""
    sigma, dims = _array(r, "sigma"), _array(r, "dims")
    if sigma is None or dims is None:
        return None
    n, p = dims.values[:2]
    return _with(r, sigma=_scaled(sigma, float(np.sqrt((n - p) / n))))


def _swapped(name: str) -> Callable[[Results], Results | None]:
    """Two labels exchanged, the numbers left where they were."""

    def perturb(r: Results) -> Results | None:
        value = _array(r, name)
        if value is None or value.values.ndim != 1 or len(value.values) < 2 or value.labels[0] is None:
            return None
        labels = list(value.labels[0])
        labels[:2] = labels[1::-1]
        return replace(r, values={**r.values, name: replace(value, labels=(tuple(labels),))})

    return perturb


def _swapped_terms(r: Results) -> Results | None:
    terms = r.values.get("cnms")
    if not isinstance(terms, Strings) or len(terms.items) < 2:
        return None
    return _with(r, cnms=Strings(terms.items[::-1]))


def _rank(r: Results) -> Results | None:
    names = r.values.get("X.names")
    if not isinstance(names, Strings) or len(names.items) < 2:
        return None
    return _with(r, X__names=Strings(names.items[:-1]))


def _levels(r: Results) -> Results | None:
    levels = r.values.get("levels")
    if not isinstance(levels, Strings) or len(levels.items) < 2:
        return None
    return _with(r, levels=Strings((levels.items[1], levels.items[0], *levels.items[2:])))


def _digit(r: Results) -> Results | None:
    """One digit of one number in a summary."""
    text = r.values.get("text.summary")
    if not isinstance(text, Text):
        return None
    table = [(i, s) for i, s in enumerate(text.lines) if s.startswith("(Intercept)")]
    for i, line in reversed(table or list(enumerate(text.lines))):
        found = re.search(r"\d\.\d*(\d)", line)
        if found:
            at = found.start(1)
            other = line[:at] + str((int(line[at]) + 5) % 10) + line[at + 1 :]
            return _with(r, text__summary=Text((*text.lines[:i], other, *text.lines[i + 1 :])))
    return None


def _blank(r: Results) -> Results | None:
    text = r.values.get("text.summary")
    if not isinstance(text, Text) or len(text.lines) < 2:
        return None
    return _with(r, text__summary=Text((text.lines[0], " " + text.lines[1], *text.lines[2:])))


def _lost(name: str) -> Callable[[Results], Results | None]:
    def perturb(r: Results) -> Results | None:
        if name not in r.values:
            return None
        return replace(r, values={key: value for key, value in r.values.items() if key != name})

    return perturb


def _moved(name: str, relative: float) -> Callable[[Results], Results | None]:
    def perturb(r: Results) -> Results | None:
        value = _array(r, name)
        if value is None or not np.any(value.values):
            return None
        return replace(r, values={**r.values, name: _scaled(value, 1 + relative)})

    return perturb


def _above(r: Results) -> Results | None:
    """An optimizer that stops 2e-6 above the optimum."""
    value = _array(r, "criterion")
    return None if value is None or "theta" not in r.values else _with(r, criterion=Labelled(value.values + 2e-6))


def _silent(r: Results) -> Results | None:
    return replace(r, messages=(), warnings=()) if any("singular" in m or "rank" in m for m in r.messages) else None


def _shifted(r: Results) -> Results | None:
    """Random effects of one level given to the next."""
    value = _array(r, "ranef")
    if value is None or not np.any(value.values) or len(value.values) < 2:
        return None
    return _with(r, ranef=replace(value, values=np.roll(value.values, 1)))


def _seed(r: Results) -> Results | None:
    """Simulated responses as another seed would have given them: every column given to the next, its rows turned."""
    value = _array(r, "simulate")
    return None if value is None else _with(r, simulate=replace(value, values=np.roll(value.values, 1, axis=0)))


PLANTS: tuple[Plant, ...] = (
    Plant("REML df", "sigma divided by n instead of n - p", "sigma", _reml_df),
    Plant("swapped labels", "two coefficients exchanged", "beta", _swapped("beta")),
    Plant("swapped variances", "two variance components exchanged", "varcor.vcov", _swapped("varcor.vcov")),
    Plant("swapped terms", "random-effects terms in another order", "cnms", _swapped_terms),
    Plant("rank off by one", "a column of X dropped too many", "X.names", _rank),
    Plant("level order", "levels sorted another way", "levels", _levels),
    Plant("a digit", "one digit in the printed summary", "text.summary", _digit),
    Plant("a blank", "one blank too many in the printed summary", "text.summary", _blank),
    Plant("lost quantity", "no standard errors", "se", _lost("se")),
    Plant("a millionth", "fitted values off by 1e-6 at R's theta", "fitted", _moved("fitted", 1e-6)),
    Plant("stopped short", "the criterion 2e-6 above the optimum", "criterion", _above),
    Plant("silence", "no message on a singular fit or a dropped column", "messages", _silent),
    Plant("shifted effects", "each level's random effect given to the next", "ranef", _shifted),
    Plant("another seed", "responses simulated from another random stream", "simulate", _seed),
)
"""All planted errors."""
