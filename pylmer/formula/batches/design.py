"""A design of rows that are read in batches and never are in memory together.

Two passes: the first learns which levels there are, the second sums. What the engine needs of the rows is a sum, and
the design keeps a way to read them again for those who ask (residuals, fitted values, the model matrix).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pylmer.errors import DataError, FormulaError, ModelError
from pylmer.formula.ast import Name, Node
from pylmer.formula.batches.recipe import Choice, Recipe
from pylmer.formula.batches.rows import RowsInBatches, with_lazy_rows
from pylmer.formula.batches.source import Source, open_source
from pylmer.formula.batches.survey import survey
from pylmer.formula.batches.totals import Totals, moments_of, most_levels, sum_up, triangle_of
from pylmer.formula.checks import (
    SCALE_TOLERANCE,
    Checks,
    check_group_sizes,
    check_rank_of_Z,
    check_term_sizes,
    different_scales,
    drop_dependent_columns,
    warn_of_scales,
)
from pylmer.formula.contrasts import ContrastSpec
from pylmer.formula.design import Design, ReTerm, ReTerms
from pylmer.formula.evaluate import Environment
from pylmer.formula.fixed_effects import chosen_contrasts, warn_of_response
from pylmer.formula.frame import ModelFrame
from pylmer.formula.lformula import call_text
from pylmer.formula.newdata import no_rows
from pylmer.formula.parse import Formula, as_formula, parse
from pylmer.formula.plan import Plan, plan_of
from pylmer.formula.random_effects import reorder
from pylmer.formula.schema import Schema
from pylmer.formula.table import Table
from pylmer.formula.values import FloatArray, IntArray
from pylmer.linalg.accumulate import selected
from pylmer.linalg.cross_products import CrossProducts
from pylmer.linalg.rank import is_safely_full_rank

__all__ = ["batched_design"]

#: Where the response is so much larger than its residuals, sums of squares are formed anew about better coefficients.
LOST_DIGITS = 1e3


def batched_design(
    formula: str | Formula,
    data: object,
    subset: object = None,
    weights: object = None,
    na_action: str = "na.omit",
    offset: object = None,
    contrasts: Mapping[str, object] | None = None,
    control: object = None,
) -> Design:
    """Apply a mixed-model formula to rows in batches; the arguments are those of ``lFormula``.

    Parameters
    ----------
    data
        Path of a Parquet, Arrow or CSV file or of a folder of them, a list of paths; a pyarrow dataset; an iterable of
        Arrow batches or data frames, best as a list or as a callable that gives a fresh one each time.  What can be
        read only once (a ``RecordBatchReader``, a generator) is copied to a temporary file, the columns needed alone.

    Returns
    -------
    Design
        With all the sums; its arrays of rows are read anew when they are looked at.
    """
    formula = as_formula(formula)
    checks = Checks.of(control)
    source = open_source(data)
    before = source.fingerprint()
    plan = plan_of(formula, source.names)
    if plan.response is None and checks.check_formula_LHS == "stop":
        raise FormulaError(f"the formula has no response: write 'y {plan.text}'")
    choice = _choice(source, subset, na_action, weights, offset)
    recipe, rows = survey(plan, choice, source, most_levels())
    warn_of_response(plan.layout)
    recipe = _contrasted(recipe, contrasts)
    totals = _summed(recipe, source, rows, contrasts)
    if source.fingerprint() != before:
        raise DataError("the file changed while it was read: fit again when it is complete")
    made = _Assembly(totals, source, checks)
    design = made.design(before)
    return replace_call(design, plan, subset, weights, offset)


def replace_call(design: Design, plan: Plan, subset: object, weights: object, offset: object) -> Design:
    """The design, its call as it was written."""
    assert design.batches is not None
    made = replace(design, call=call_text(plan, subset, weights, offset))
    design.batches.design = made
    return made


def _choice(source: Source, subset: object, na_action: str, weights: object, offset: object) -> Choice:
    action = na_action.replace("_", ".")
    if action == "na.exclude":
        raise DataError("na_action='na.exclude' pads results row by row: data in batches take 'na.omit' or 'na.fail'")
    return Choice(
        _expression(subset, "subset", source),
        action,
        _expression(weights, "weights", source),
        _expression(offset, "offset", source),
    )


def _expression(given: object, what: str, source: Source) -> Node | None:
    """An argument as an expression of the columns."""
    if given is None:
        return None
    if not isinstance(given, str):
        raise DataError(f"'{what}' of data in batches is the name of a column, or an expression as text")
    return Name(given) if given in source.names else parse(given)


def _contrasted(recipe: Recipe, contrasts: Mapping[str, object] | None) -> Recipe:
    """The recipe with the contrasts asked for, checked against the levels."""
    if contrasts is None:
        return recipe
    values = {label: no_rows(kind) for label, kind in recipe.variables.items()}
    env = Environment(Table((), 0, lambda name: (_ for _ in ()).throw(KeyError(name)), None))
    frame = ModelFrame(values, recipe.plan.response, None, None, (), None, env, 0)
    chosen: dict[str, ContrastSpec] = chosen_contrasts(contrasts, frame)
    return replace(recipe, contrasts=chosen)


def _summed(recipe: Recipe, source: Source, rows: int, contrasts: Mapping[str, object] | None) -> Totals:
    """Sum over the rows; once more where levels of factors turn out to have no row, or digits were lost."""
    totals = sum_up(recipe, source, rows)
    unused = any((counts == 0).any() for counts in (*totals.used.values(), *totals.used_leaves.values()))
    if unused:
        recipe = _contrasted(recipe.without_unused(totals.used, totals.used_leaves), contrasts)
        totals = sum_up(recipe, source, rows)
    assert totals.sums is not None
    assert totals.beta0 is not None
    C = totals.sums.C.value
    if np.isfinite(C).all():
        shift = _shift(C)
        before, after = C[-1, -1], _rest(C, shift)
        if before > LOST_DIGITS * max(after, 0.0) and before > 0.0:
            return sum_up(recipe, source, rows, totals.beta0 + shift)
    return totals


def _shift(C: FloatArray) -> FloatArray:
    """Coefficients of the last column on the others."""
    if len(C) == 1:
        return np.zeros(0)
    return np.asarray(np.linalg.lstsq(C[:-1, :-1], C[:-1, -1], rcond=None)[0])


def _rest(C: FloatArray, shift: FloatArray) -> float:
    return float(C[-1, -1] - 2.0 * shift @ C[:-1, -1] + shift @ C[:-1, :-1] @ shift)


@dataclass
class _Assembly:
    """The design made of the sums."""

    totals: Totals
    source: Source
    checks: Checks

    def design(self, fingerprint: object) -> Design:
        """Check the model as lme4 does, and put everything together."""
        totals, recipe, checks = self.totals, self.totals.recipe, self.checks
        assert totals.columns is not None
        assert totals.sums is not None
        terms, order, keep = self._terms()
        check_group_sizes(terms, totals.n, checks)
        check_term_sizes([(recipe.plan.bars[i].text, t) for i, t in zip(order, terms, strict=True)], totals.n, checks)
        gram = self._gram()
        kept = self._kept_columns(gram)
        scale_note = self._check_scales(kept, gram)
        re = ReTerms(tuple(terms))
        names = totals.columns.names
        chosen = tuple(names[j] for j in kept.tolist())
        with np.errstate(invalid="ignore"):  # what is not finite is found, and named, when the criterion is made
            sums, beta0 = self._sums(re, order, keep, kept)
        rows = RowsInBatches(
            self.source,
            self._final_recipe(keep),
            tuple(order),
            kept,
            totals.n,
            totals.rows,
            fingerprint,
            sums,
            beta0,
            totals.log_weights,
        )
        nothing: Any = np.empty(0)
        bare = Design(
            y=nothing,
            X=nothing,
            X_names=chosen,
            re=re,
            weights=None,
            offset=None,
            row_names=(),
            response=recipe.plan.response or "",
            call=call_text(recipe.plan, None, None, None),
            schema=self._schema(kept, order, re),
            dropped=tuple(names[j] for j in range(len(names)) if j not in set(kept.tolist())),
            scale_note=scale_note,
        )
        design = with_lazy_rows(bare, rows)
        check_rank_of_Z(design.re.terms, totals.n, checks)
        return design

    def _terms(self) -> tuple[list[ReTerm], list[int], dict[str, np.ndarray[Any, np.dtype[np.bool_]]]]:
        """The terms in lme4's order, their places among the bars, and which levels of each factor occur."""
        totals, recipe = self.totals, self.totals.recipe
        assert totals.sums is not None
        keep = {label: counts > 0 for label, counts in zip(totals.labels, totals.sums.counts, strict=True)}
        levels = {
            label: tuple(np.array([*recipe.groups[label].levels, None], dtype=object)[:-1][mask].tolist())
            for label, mask in keep.items()
        }
        nothing: Any = np.empty(0)
        written = []
        for bar, names in zip(recipe.plan.bars, totals.effects, strict=True):
            if not names:
                raise FormulaError(f"the term ({bar.text}) has no random effects: its left-hand side gives no column")
            term = ReTerm(bar.label, nothing, levels[bar.label], names, nothing, bar.text, bar.structure, bar.hom)
            written.append(term)
        order = reorder([t.J for t in written])
        return [written[i] for i in order], order, keep

    def _gram(self) -> FloatArray:
        """X'X without weights."""
        totals = self.totals
        assert totals.sums is not None
        gram = totals.sums.C.value[:-1, :-1] if totals.recipe.choice.weights is None else totals.gram
        if not np.isfinite(gram).all():
            raise DataError("NA/NaN/Inf in 'x': the fixed-effects model matrix has a missing or infinite value")
        return gram

    def _kept_columns(self, gram: FloatArray) -> IntArray:
        totals, columns = self.totals, self.totals.columns
        assert columns is not None
        if self.checks.check_rankX == "ignore" or (totals.n >= len(gram) and is_safely_full_rank(gram)):
            return np.arange(len(columns.names))
        return drop_dependent_columns(replace(columns, matrix=triangle_of(totals.recipe, self.source)), self.checks)

    def _check_scales(self, kept: IntArray, gram: FloatArray) -> str:
        totals, level = self.totals, self.checks.check_scaleX
        assert totals.columns is not None
        numeric = kept[totals.columns.numeric[kept]]
        if level == "ignore" or not len(numeric) or self._surely_of_one_scale(numeric, gram):
            return ""
        moments = moments_of(totals.recipe, self.source)
        if not different_scales(moments.sd[np.isin(moments.wanted, numeric) & moments.continuous]):
            return ""
        if "rescale" in level:
            raise ModelError(f"check_scaleX={level!r} is not done in batches: rescale in the formula, I(x/1000)")
        return warn_of_scales(level)

    def _surely_of_one_scale(self, numeric: IntArray, gram: FloatArray) -> bool:
        """Whether the sums alone show it; False means "look closer"."""
        n, squares = self.totals.n, gram.diagonal()[numeric]
        about = squares - self.totals.column_sums[numeric] ** 2 / n
        if not (about > 1e-6 * squares).all():  # digits were lost
            return False
        return not different_scales(np.append(np.sqrt(about / max(n - 1, 1)), 1.0), 0.99 * SCALE_TOLERANCE)

    def _sums(
        self, re: ReTerms, order: list[int], keep: Mapping[str, np.ndarray[Any, np.dtype[np.bool_]]], kept: IntArray
    ) -> tuple[CrossProducts, FloatArray]:
        """The sums in lme4's order, about the least-squares coefficients."""
        totals = self.totals
        assert totals.sums is not None
        assert totals.beta0 is not None
        sums = totals.sums.result()
        P, p = sums.C.shape[0] - 1, len(kept)
        T = np.zeros((P + 1, p + 1))
        T[kept, np.arange(p)] = 1.0
        T[-1, -1] = 1.0
        beta0 = totals.beta0
        if p < P:  # columns that go give back what they took off the response
            T[:-1, -1] = beta0
            T[kept, -1] = 0.0
        factors = [(totals.labels.index(g), keep[g], self._columns(g, order)) for g in re.groups]
        sums = selected(sums, factors, T)
        shift = _shift(sums.C) if np.isfinite(sums.C).all() else np.zeros(p)
        T = np.eye(p + 1)
        T[:-1, -1] = -shift
        B = tuple(b @ T for b in sums.B)
        return replace(sums, B=B, C=T.T @ sums.C @ T), beta0[kept] + shift

    def _columns(self, label: str, order: list[int]) -> IntArray:
        """The columns of a factor, its terms in lme4's order."""
        totals = self.totals
        start, first = 0, {}
        for i in totals.bars_of(label):
            first[i] = start
            start += len(totals.effects[i])
        mine = [i for i in order if i in first]
        return np.concatenate([np.arange(first[i], first[i] + len(totals.effects[i])) for i in mine])

    def _final_recipe(self, keep: Mapping[str, np.ndarray[Any, np.dtype[np.bool_]]]) -> Recipe:
        recipe = self.totals.recipe
        groups = {
            label: group if keep[label].all() else group.only(keep[label]) for label, group in recipe.groups.items()
        }
        return replace(recipe, groups=groups)

    def _schema(self, kept: IntArray, order: list[int], re: ReTerms) -> Schema:
        totals, recipe = self.totals, self.totals.recipe
        assert totals.columns is not None
        return Schema(
            recipe.plan,
            recipe.variables,
            recipe.memory,
            totals.columns.contrasts,
            totals.columns.names,
            totals.columns.assign,
            kept,
            tuple(recipe.plan.bars[i] for i in order),
            {t.group: t.levels for t in re.terms},
            tuple(t.names for t in re.terms),
        )
