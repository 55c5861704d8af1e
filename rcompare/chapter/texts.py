"""The text of each piece of the chapter, as pylmer prints it, and the pictures."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from pylmer.printing.effects import confint_text
from pylmer.printing.structure import r_str
from rcompare.results import Labelled, Results, Text

__all__ = ["MAKERS", "PICTURES", "draw", "recorded_text"]

api: Any = import_module("pylmer")
Maker = Callable[[Any, Results, dict[str, Any]], str]


def _text(ours: Results, name: str) -> str:
    value = ours.values.get(name)
    if not isinstance(value, Text):
        return f"(no answer: {ours.failed.get(name, ours.failed.get(name.split('.')[1], ''))})"
    return "\n".join(value.lines)


def _bootstrap(m: Any, ours: Results, models: dict[str, Any]) -> str:
    """The interval as R prints it; the draws were made when the case was answered."""
    ci = ours.values["boot.ci"]
    assert isinstance(ci, Labelled)
    rows, columns = ci.labels
    assert rows is not None
    assert columns is not None
    return confint_text(ci.values, rows, columns)


def _contrast(m: Any, ours: Results, models: dict[str, Any]) -> str:
    mixed, plain = api.summary(m).coefficients, api.summary(models["hsb-lm"]).coefficients
    lines = [f"{'':12}{'estimate':>22}{'standard error':>22}", f"{'':12}{'lm':>11}{'lmer':>11}{'lm':>11}{'lmer':>11}"]
    for name in mixed.index:
        pairs = [t.loc[name, column] for column in ("Estimate", "Std. Error") for t in (plain, mixed)]
        lines.append(f"{name:12}" + "".join(f"{x:11.4f}" for x in pairs))
    return "\n".join(lines)


def _shrinkage(m: Any, ours: Results, models: dict[str, Any]) -> str:
    term = m.design.re.flist["school"]
    rows = term.codes == term.levels.index("1308")
    estimate = float(api.coef(m)["school"].loc["1308", "(Intercept)"])
    raw = float(m.design.y[rows].mean())
    return f"estimate {estimate:.5f}   plain mean {raw:.5f}   pupils {int(rows.sum())}"


def _simulated(m: Any, ours: Results, models: dict[str, Any]) -> str:
    draws = ours.values["simulate"]
    assert isinstance(draws, Labelled)
    rows = "\n".join(f"{i + 1}  " + "  ".join(f"{x:.6f}" for x in draws.values[i]) for i in range(3))
    return f"   {'  '.join(f'{name:>9}' for name in draws.labels[1] or ())}\n{rows}"


MAKERS: dict[str, Maker] = {
    "structure": lambda d, ours, models: r_str(d),
    "summary": lambda m, ours, models: str(api.summary(m)),
    "mean": lambda m, ours, models: f"{float(np.mean(m.design.y)):.5f}",
    "icc": lambda m, ours, models: f"{float(api.icc(m)):.7g}",
    "bootstrap": _bootstrap,
    "contrast": _contrast,
    "ranef": lambda m, ours, models: _text(ours, "text.ranef.head"),
    "coef": lambda m, ours, models: _text(ours, "text.coef.head"),
    "shrinkage": _shrinkage,
    "satterthwaite": lambda m, ours, models: api.summary(m, ddf="Satterthwaite").coefficients.to_string(),
    "anova": lambda m, ours, models: _text(ours, "text.anova"),
    "drop1": lambda m, ours, models: _text(ours, "text.drop1"),
    "against": lambda m, ours, models: _text(ours, "text.against"),
    "simulate": _simulated,
}
"""Name of a piece's maker -> function of the model, our answers and all models of the chapter."""

RECORDED = {
    "structure": "text.str",
    "summary": "text.summary",
    "bootstrap": "text.boot.ci",
    "ranef": "text.ranef.head",
    "coef": "text.coef.head",
    "anova": "text.anova",
    "drop1": "text.drop1",
    "against": "text.against",
}
"""Name of a piece's maker -> the recorded text that belongs beside it."""


def recorded_text(maker: str, ours: Results, theirs: Results) -> tuple[str, str]:
    """What R printed for a piece, and a word on where: at R's default stop, or with tight tolerances if ours is that.

    Both are empty where nothing was recorded.
    """
    name = RECORDED.get(maker, "")
    value, tight = theirs.values.get(name), theirs.tight.get(name)
    if not isinstance(value, Text):
        return "", ""
    mine = ours.values.get(name)
    if isinstance(tight, Text) and mine != value and mine == tight:
        return "\n".join(tight.lines), "tight tolerances"
    return "\n".join(value.lines), ""


PICTURES = {
    "distribution": "The estimated distribution of the school means: a normal curve, and one standard deviation to "
    "either side of the mean, which holds about two thirds of the schools.",
    "caterpillar": "The random effect of each school with its 95 % interval, sorted. Dark: zero is outside.",
}
"""Name of a picture -> its caption."""


def draw(name: str, model: Any) -> bytes | None:
    """Draw a picture as PNG, or None where matplotlib is not installed."""
    try:
        import matplotlib.pyplot as plt

        from pylmer import plots
    except ImportError:
        return None
    axes: Any = plots.plot_distribution(model) if name == "distribution" else plots.caterpillar(model)[0]
    stream = io.BytesIO()
    axes.figure.savefig(stream, format="png", dpi=144, metadata={"Software": None})
    plt.close(axes.figure)
    return stream.getvalue()
