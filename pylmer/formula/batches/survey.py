"""The first pass: which levels occur, and what the functions of the formula have to know of all rows.

Only the columns that can tell are read: grouping factors, strings and factors, arguments of ``scale``. Numbers that go
into the matrices as they are wait for the second pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pylmer.errors import DataError
from pylmer.formula.ast import Call, Name, Node, walk
from pylmer.formula.batches.columns import ColumnTypes
from pylmer.formula.batches.lessons import (
    LEVEL_FUNCTIONS,
    Lesson,
    check_arguments_are_factors,
    columns_of,
    is_learner,
    lessons_of,
    refuse_if_bound_to_all_rows,
)
from pylmer.formula.batches.levels import Crossing, Grouping, LevelSet, leaf_nodes
from pylmer.formula.batches.recipe import Choice, Recipe, schema_of
from pylmer.formula.batches.source import Source, Spooled, blocks
from pylmer.formula.evaluate import Environment, function_name
from pylmer.formula.frame import value_over_table
from pylmer.formula.plan import Plan
from pylmer.formula.random_effects import group_label
from pylmer.formula.table import Table
from pylmer.formula.values import Character, IntArray, Matrix, Value, Vector
from pylmer.rcompat.factors import Factor

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["survey"]

#: Calls that may give strings.
MAY_BE_STRINGS = frozenset(["as.character", "ifelse", "(", "I"])
#: Calls that give factors, whose levels are known once their arguments' are.
GIVE_FACTORS = LEVEL_FUNCTIONS | {"interaction", "relevel", "C", "cut"}
HEAD = 64


def survey(plan: Plan, choice: Choice, source: Source, most: float) -> tuple[Recipe, int]:
    """Go through the rows once (twice, where levels depend on what a function must learn first).

    Parameters
    ----------
    plan, choice
        The formula and the other arguments.
    source
        The rows.
    most
        How many levels a grouping factor may have.

    Returns
    -------
    tuple
        The recipe of the second pass, and the number of rows.
    """
    found = _Survey(plan, choice, source, most)
    rows = found.run()
    if not rows:
        raise DataError("0 (non-NA) cases: the data have no row")
    return found.recipe(), rows


def _gives_factor(node: Node) -> bool:
    return isinstance(node, Call) and function_name(node) in GIVE_FACTORS


@dataclass
class _Survey:
    plan: Plan
    choice: Choice
    source: Source
    most: float
    memory: dict[Node, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        plan, names = self.plan, self.source.names
        self.leaf_nodes = {group_label(n): n for bar in plan.bars for n in leaf_nodes(bar.group)}
        self.clashes = tuple(dict.fromkeys(v for b in plan.bars for v in b.group_variables if v in b.lhs.variables))
        for v in self.clashes:
            self.leaf_nodes.setdefault(v, Name(v))
        nodes = [*(node for _, node in plan.variables), *self.leaf_nodes.values()]
        for node in [*nodes, *self.choice.nodes]:
            refuse_if_bound_to_all_rows(node, names, plan.written)
        for node in self.choice.nodes:
            if any(is_learner(part, names) for part in walk(node)):
                raise DataError(f"{node}: weights, offset and subset of data in batches are computed row by row")
        every = [*nodes, *self.choice.nodes]
        self.columns = tuple(dict.fromkeys(c for node in every for c in columns_of(node, names)))
        if isinstance(self.source, Spooled):
            self.source.keep(self.columns)
        self.types = ColumnTypes.of({c: self.source.types[c] for c in self.columns})
        self.lessons: list[Lesson] = lessons_of(nodes, names, self.most)
        self.in_matrices = frozenset(plan.layout.predictors).union(*(bar.lhs.variables for bar in plan.bars))
        self.groups = self._groups()
        self.met = self._wanted()

    def _groups(self) -> dict[str, Grouping]:
        """The grouping factors; variables that several have in common are counted once."""
        sets = {label: LevelSet(label, self.most) for label in self.leaf_nodes}
        self.leaves = sets
        out: dict[str, Grouping] = {}
        for bar in self.plan.bars:
            parts = tuple(sets[group_label(node)] for node in leaf_nodes(bar.group))
            out[bar.label] = parts[0] if len(parts) == 1 else Crossing(parts, bar.label, self.most)
        return out

    def _wanted(self) -> dict[str, tuple[Node, LevelSet]]:
        """Variables whose values have to be met, row by row, to know their levels."""
        crossed = self.crossed = {
            leaf.label for g in self.groups.values() if isinstance(g, Crossing) for leaf in g.leaves
        }
        out: dict[str, tuple[Node, LevelSet]] = {}
        for label, node in self.leaf_nodes.items():
            if isinstance(node, Name) or label in crossed or not _gives_factor(node):
                out[label] = (node, self.leaves[label])
        for label, node in self.plan.variables:
            if label in out or label not in self.in_matrices:
                continue
            kind = self.types.kinds.get(node.name, "unknown") if isinstance(node, Name) else ""
            strings = isinstance(node, Call) and function_name(node) in MAY_BE_STRINGS
            if kind in ("character", "factor", "unknown") or strings:
                out[label] = (node, LevelSet(label, self.most))
        return out

    def run(self) -> int:
        """Read the rows."""
        names = self.source.names
        factors = tuple(c for c in self.columns if self.types.kinds.get(c, "unknown") in ("factor", "unknown"))
        dependent = any(
            isinstance(node, Call)
            and (any(is_learner(p, names) for p in walk(node)) or set(columns_of(node, names)) & set(factors))
            for node, _ in self.met.values()
        )
        lesson_columns = [c for lesson in self.lessons for c in columns_of(lesson.node, names)]
        met_columns = [c for node, _ in self.met.values() for c in columns_of(node, names)]
        if not dependent:
            rows = self._pass([*lesson_columns, *met_columns, *factors], self.lessons, self.met)
            self._learn()
            return rows
        self._pass([*lesson_columns, *factors], self.lessons, {})
        self._learn()
        return self._pass([*met_columns, *factors], [], self.met)

    def _pass(self, columns: Sequence[str], lessons: Sequence[Lesson], met: Mapping[str, tuple[Node, LevelSet]]) -> int:
        wanted = tuple(c for c in self.columns if c in set(columns)) or self.columns[:1]
        rows = 0
        for block in blocks(self.source, wanted):
            rows += block.num_rows
            self._attend(block, lessons, met)
        return rows

    def _attend(self, block: pa.Table, lessons: Sequence[Lesson], met: Mapping[str, tuple[Node, LevelSet]]) -> None:
        table = self.types.table(block)
        for lesson in lessons:
            lesson.attend(Environment(table, self.plan.written, {}, replay=True))
        env = Environment(table, self.plan.written, self.memory, replay=True)
        ids: dict[str, IntArray] = {}
        for label, (node, levels) in met.items():
            value = value_over_table(node, label, env)
            if len(value) != block.num_rows:
                raise DataError(f"variable lengths differ (found for '{label}'): {len(value)}, not {block.num_rows}")
            if label in self.leaves or not isinstance(value, (Vector, Matrix)):
                if label in self.crossed:
                    ids[label] = levels.meet(value)
                else:
                    levels.note(value)
        for group in self.groups.values():
            if isinstance(group, Crossing) and met:
                group.meet([ids[leaf.label] for leaf in group.leaves])

    def _learn(self) -> None:
        """Put what the calls learned into the memory."""
        if not self.lessons:
            return
        table = self._head()
        for lesson in self.lessons:
            env = Environment(table, self.plan.written, dict(self.memory), replay=True)
            self.memory[lesson.node] = lesson.learned(env)

    def _head(self) -> Table:
        """A few rows, with all levels of the factor columns."""
        import pyarrow as pa

        for batch in self.source.batches(self.columns, HEAD):
            if batch.num_rows:
                return self.types.table(batch.slice(0, HEAD))
        return self.types.table(pa.table({c: pa.nulls(0) for c in self.columns}))

    def recipe(self) -> Recipe:
        """What the second pass does."""
        self.types.freeze()
        table = self._head()
        env = Environment(table, self.plan.written, self.memory, replay=True)
        for _, node in self.plan.variables:
            check_arguments_are_factors(node, env)
        values = {label: value_over_table(node, label, env) for label, node in self.plan.variables}
        leaves = {label: self._leaf(label, node, values, env) for label, node in self.leaf_nodes.items()}
        groups = {label: self._group(label, leaves) for label in self.groups}
        sets = {label: self._set(label, value) for label, value in values.items() if label in self.in_matrices}
        kept = {label: known for label, known in sets.items() if known is not None}
        known = {**{k: v.levels for k, v in leaves.items()}, **{k: v.levels for k, v in kept.items()}}
        variables = {
            label: schema_of(value, None if isinstance(value, (Vector, Matrix)) else known.get(label))
            for label, value in values.items()
        }
        clashes = {v: leaves[v] for v in self.clashes}
        return Recipe(
            self.plan,
            self.choice,
            self.columns,
            self.types,
            self.memory,
            variables,
            kept,
            leaves,
            clashes,
            groups,
            {},
        )

    def _leaf(self, label: str, node: Node, values: Mapping[str, Value], env: Environment) -> LevelSet:
        value = values.get(label)
        value = value_over_table(node, label, env) if value is None else value
        return self._finished(label, value, self.leaves[label])

    def _group(self, label: str, leaves: Mapping[str, LevelSet]) -> Grouping:
        group = self.groups[label]
        if isinstance(group, Crossing):
            group.leaves = tuple(leaves[leaf.label] for leaf in group.leaves)
            group.finish()
            return group
        return leaves[group.label]

    def _set(self, label: str, value: Value) -> LevelSet | None:
        if isinstance(value, (Vector, Matrix)):
            return None
        if label in self.leaves:
            return self._finished(label, value, self.leaves[label])
        return self._finished(label, value, self.met[label][1] if label in self.met else None)

    def _finished(self, label: str, value: Value, levels: LevelSet | None) -> LevelSet:
        if isinstance(value, Factor):
            if levels is None or label not in self.met:
                return LevelSet.of(label, value.levels)
            levels.finish(value.levels)
            return levels
        assert levels is not None or isinstance(value, Character)
        levels = LevelSet(label) if levels is None else levels
        levels.finish()
        return levels
