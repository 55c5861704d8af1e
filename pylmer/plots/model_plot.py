"""R's ``plot`` of a fit: what a formula of residuals, fitted values and variables says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from pylmer.errors import FormulaError, ModelError
from pylmer.formula.ast import Arg, Call, Constant, Name, Node, String, is_call
from pylmer.formula.deparse import deparse
from pylmer.formula.evaluate import Environment
from pylmer.formula.frame import value_over_table
from pylmer.formula.parse import as_formula
from pylmer.formula.table import as_table
from pylmer.formula.values import Character, Vector
from pylmer.methods import fitted, getData, residuals
from pylmer.methods.random import Coef, RanEf
from pylmer.model import MerMod
from pylmer.plots.canvas import INK, LINE, MUTED, new_axes, tidy
from pylmer.plots.drawn import Drawn
from pylmer.plots.effects_plots import plot_effects
from pylmer.rcompat.factors import Factor

__all__ = ["FORM", "plot"]

FORM = 'resid(., type = "pearson") ~ fitted(.)'
RESIDUALS, FITTED = ("resid", "residuals"), ("fitted", "fitted.values")


def plot(
    x: MerMod | RanEf | Coef,
    form: str = FORM,
    abline: float | tuple[float, float] | None = None,
    id: float | None = None,
    idLabels: str | None = None,
    grid: bool = True,
) -> Any:
    """Draw a fit: by default Pearson residuals against fitted values; or random effects, or coefficients.

    Parameters
    ----------
    x
        A fit; or ``ranef(m)`` or ``coef(m)``, for which the rest is not used.
    form
        What is drawn, ``"y ~ x"`` or ``"y ~ x | g"`` (a panel for each level of g), in variables of the data,
        ``resid(., type=, scaled=)`` and ``fitted(.)``; a factor for y is drawn level by level.
    abline
        A horizontal line there, or a line of this intercept and slope; default one at 0 for the default form.
    id
        Label the points whose standardized residuals lie outside of the normal quantiles of this level.
    idLabels
        What they are labelled by: a formula such as ``"~ Subject"``; default the levels of the first grouping factor.
    grid
        Whether there is a grid.

    Returns
    -------
    Drawn, or dict of Drawn
        ``.axes`` and ``.data`` by panel, with columns ``x`` and ``y``.

    Raises
    ------
    FormulaError
        A formula with one side only, or of something that is not there.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> from pylmer import datasets, lmer, plot
    >>> m = lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy())
    >>> panels = plot(m, "resid(., scaled = TRUE) ~ fitted(.) | Subject")  # doctest: +SKIP
    """
    if isinstance(x, RanEf | Coef):
        return plot_effects(x)
    if not isinstance(x, MerMod):
        raise ModelError(f"plot of a {type(x).__name__}: give a fit made by lmer(), ranef(m) or coef(m)")
    written = as_formula(form)
    if written.lhs is None:
        raise FormulaError(f'"Form" must be a two sided formula: {form!r} has no left-hand side')
    across, by = written.rhs, None
    if is_call(across, "|", arity=2):
        across, by = across.operands  # type: ignore[attr-defined]
    data = _table(x)
    table = pd.DataFrame({"x": _values(across, x, data), "y": _values(written.lhs, x, data)})
    groups = None if by is None else pd.Series(_values(by, x, data)).astype(str)
    if id is not None:
        table["label"] = _labels(x, id, idLabels, data)
    panels = _panels(table, groups)
    columns = min(len(panels), 6)
    rows = -(-len(panels) // columns)
    axes = new_axes(max(6.4, 1.9 * columns), max(4.2, 1.7 * rows), columns, rows=rows)
    if abline is None and form == FORM:
        abline = 0.0
    for ax, (name, d) in zip(axes, panels.items(), strict=False):
        _draw(ax, d, abline, grid)
        if by is not None:
            ax.set_title(name, fontsize=9)
    for ax in axes[1 : len(panels)]:
        ax.sharex(axes[0])
        ax.sharey(axes[0])
    axes[0].autoscale()
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    axes[(rows - 1) * columns].set_xlabel(deparse(across))
    axes[0].set_ylabel(deparse(written.lhs))
    return Drawn(dict(zip(panels, axes, strict=False)), panels)


def _table(m: MerMod) -> pd.DataFrame:
    """The data on the rows that residuals have."""
    data = getData(m)
    n = len(fitted(m))
    if n == len(data):
        return data
    frame = m.design.frame
    return data.iloc[frame.rows] if frame is not None and frame.rows is not None else data


def _panels(table: pd.DataFrame, groups: pd.Series[str] | None) -> dict[str, pd.DataFrame]:
    if groups is None:
        return {"": table}
    return {str(name): part.reset_index(drop=True) for name, part in table.groupby(groups, sort=True)}


def _values(node: Node, m: MerMod, data: pd.DataFrame) -> Any:
    """An expression of variables, ``resid(.)`` and ``fitted(.)``."""
    asked: dict[str, np.ndarray[Any, Any]] = {}
    plain = _replaced(node, m, asked)
    label = deparse(node)
    value = value_over_table(plain, label, Environment(as_table(data.assign(**asked)), label))
    if isinstance(value, Vector):
        return value.values
    if isinstance(value, Factor):
        return pd.Categorical.from_codes(value.codes, categories=pd.Index(list(value.levels), dtype=object))
    if isinstance(value, Character):
        return value.labels()
    raise FormulaError(f"{label} is a matrix: a plot needs one column")


def _replaced(node: Node, m: MerMod, asked: dict[str, np.ndarray[Any, Any]]) -> Node:
    """The expression with a column's name for each question to the fit; the columns go into ``asked``."""
    if not isinstance(node, Call):
        return node
    if node.function in (*RESIDUALS, *FITTED) and node.args and node.args[0].value == Name("."):
        name = f".asked{len(asked) + 1}"
        if node.function in FITTED:
            asked[name] = fitted(m).to_numpy()
        else:
            asked[name] = residuals(m, **_settings(node)).to_numpy()
        return Name(name)
    args = tuple(Arg(None if a.value is None else _replaced(a.value, m, asked), a.name) for a in node.args)
    return Call(node.function, args, pos=node.pos)


def _settings(node: Call) -> dict[str, Any]:
    """Arguments of ``resid(., type=, scaled=)``; what is not one of these is refused."""
    known = ("type", "scaled")
    out: dict[str, Any] = {}
    for place, arg in enumerate(node.args[1:]):
        name = arg.name or known[min(place, 1)]
        if name not in known:
            raise FormulaError(f"unused argument {name} of {deparse(node)}: resid takes type and scaled")
        if isinstance(arg.value, String):
            out[name] = arg.value.value
        elif isinstance(arg.value, Constant) and arg.value.name in ("TRUE", "FALSE"):
            out[name] = arg.value.name == "TRUE"
        else:
            raise FormulaError(f"{deparse(node)}: give {name} as a text in quotes, or TRUE or FALSE")
    return out


def _labels(m: MerMod, id: float, idLabels: str | None, data: pd.DataFrame) -> list[str]:
    """A label for each point outside of the normal quantiles, else nothing."""
    if not 0.0 < id < 1.0:
        raise ModelError("'id' not between 0 and 1: " + f"met {id}")
    z = residuals(m, "pearson", scaled=True).to_numpy()
    wanted = as_formula(idLabels).rhs if idLabels else None
    if wanted is None:
        t = m.design.re.terms[0]
        names = [t.levels[c] for c in t.codes]
        texts = names if len(names) == len(z) else [str(v) for v in data.index]
    elif wanted == Name(".obs"):
        texts = [str(i + 1) for i in range(len(z))]
    else:
        texts = [str(v) for v in _values(wanted, m, data)]
    limit = -ndtri(id / 2.0)
    return [text if abs(value) > limit else "" for text, value in zip(texts, z, strict=True)]


def _draw(ax: Any, d: pd.DataFrame, abline: float | tuple[float, float] | None, grid: bool) -> None:
    y = d["y"]
    if isinstance(y.dtype, pd.CategoricalDtype):
        ax.set_yticks(range(len(y.cat.categories)), list(y.cat.categories), fontsize=7)
        y = y.cat.codes
    if grid:
        ax.grid(color=MUTED, lw=0.4, alpha=0.5)
    if abline is not None:
        if isinstance(abline, tuple):
            ax.axline((0.0, abline[0]), slope=abline[1], color=INK, lw=0.8)
        else:
            ax.axhline(abline, color=INK, lw=0.8)
    x = d["x"].cat.codes if isinstance(d["x"].dtype, pd.CategoricalDtype) else d["x"]
    ax.plot(x, y, "o", color=LINE, ms=3, mew=0, alpha=0.6)
    for place, height, label in zip(x, y, d.get("label", [""] * len(d)), strict=True):
        if label:
            ax.annotate(label, (place, height), fontsize=7, xytext=(3, 3), textcoords="offset points")
    tidy(ax)
