"""Trees that ask about a lead's values, as flat arrays: read, checked and walked.

What a tree says is a number by node; `Forest` and `Boosting` know what it stands for.
"""

import math
from abc import ABC, abstractmethod
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple, Self, TypeAlias

from ml.fields.types import Value, level_key, signed_log1p
from ml.scorecard.json_reader import MAX_LEVELS, Reader, ScorecardError

MAX_INPUTS = 1_000
MAX_TREES = 500
MAX_NODES = 100_000
MAX_WEIGHT = 10

LEAF = -1  # in place of a column


class NumberInput(NamedTuple):
    """Where a count or number goes: two columns hold it, unknown is below all or above all."""

    field: str
    low: int
    high: int

    @property
    def columns(self) -> tuple[int, ...]:
        """All columns it fills."""
        return (self.low, self.high)

    def fill(self, row: list[float], value: Value) -> None:
        """Put a lead's value into its row."""
        u = signed_log1p(value)
        # Forests are grown on numbers of single precision.
        known = None if u is None else array("f", (u,))[0]
        row[self.low] = -math.inf if known is None else known
        row[self.high] = math.inf if known is None else known

    def to_json(self) -> dict[str, Any]:
        """Give it as plain JSON."""
        return {"kind": "number", **self._asdict()}


class LevelInput(NamedTuple):
    """Where a category or boolean goes: the column of its level becomes 1.

    `other` is the column of all levels not named, `missing` that of unknown values; where None, all
    columns stay 0.
    """

    field: str
    levels: Mapping[str, int]
    other: int | None
    missing: int | None

    @property
    def columns(self) -> tuple[int, ...]:
        """All columns it fills."""
        ends = (column for column in (self.other, self.missing) if column is not None)
        return (*self.levels.values(), *ends)

    def fill(self, row: list[float], value: Value) -> None:
        """Put a lead's value into its row."""
        key = level_key(value)
        column = self.missing if key is None else self.levels.get(key, self.other)
        if column is not None:
            row[column] = 1.0

    def to_json(self) -> dict[str, Any]:
        """Give it as plain JSON."""
        return {"kind": "levels", **self._asdict(), "levels": dict(self.levels)}


Input: TypeAlias = NumberInput | LevelInput


# An inner node: the column and threshold, the place of its input, and for each side the step and
# the next question. A plain tuple is unpacked faster than one with names.
Question: TypeAlias = tuple[int, float, int, float, "Question | None", float, "Question | None"]


@dataclass(frozen=True)
class Trees(ABC):
    """Trees that ask about single columns; each question moves what a tree says by a step.

    A step belongs to the field asked about (Saabas, 2014): from what the tree says at the node to
    what it says at the child. A question about a field that was not collected is answered both
    ways, in the shares of the leads there: that moves nothing.

    The trees stand one behind the other from `roots` on, each node before its children and the
    first child right behind it. By node: the `column` asked about (-1 for a leaf), the `threshold`
    up to which the first child holds, the `second` child, and the leads learned from, counted as
    often as they were drawn. All effects are multiplied by `weight`, in [0, 10].
    """

    weight: float
    inputs: tuple[Input, ...]
    roots: tuple[int, ...]
    column: tuple[int, ...]
    threshold: tuple[float, ...]
    second: tuple[int, ...]
    n: tuple[int, ...]

    @property
    @abstractmethod
    def values_of_nodes(self) -> Sequence[float]:
        """What a tree says of the leads at each node."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields it asks about."""
        return tuple(each.field for each in self.inputs)

    def scaled(self, factor: float) -> Self:
        """Multiply all its effects."""
        return replace(self, weight=factor * self.weight)

    def moves(self, values: Mapping[str, Value]) -> list[float]:
        """Walk all trees; sum up by input the steps of the questions about it."""
        row = self.row(values)
        is_absent = [
            is_asked and each.field not in values
            for each, is_asked in zip(self.inputs, self._is_asked, strict=True)
        ]
        return self._both_ways(row, is_absent) if any(is_absent) else self._one_way(row)

    def row(self, values: Mapping[str, Value]) -> list[float]:
        """Lay a lead's values out in the columns that questions are about."""
        row = [0.0] * len(self._owner)
        for each in self.inputs:
            each.fill(row, values.get(each.field))
        return row

    def trees_json(self) -> dict[str, Any]:
        """Give what all trees have as plain JSON."""
        return {
            "weight": self.weight + 0.0,
            "inputs": [each.to_json() for each in self.inputs],
            "roots": list(self.roots),
            "column": list(self.column),
            "threshold": [threshold + 0.0 for threshold in self.threshold],
            "second": list(self.second),
            "n": list(self.n),
        }

    def _one_way(self, row: list[float]) -> list[float]:
        moves = [0.0] * len(self.inputs)
        for root in self._root_questions:
            question = root
            while question is not None:
                # Unpacked at once, which is twice as fast as arrays looked up by node.
                column, threshold, place, first_step, first, second_step, second = question
                if row[column] <= threshold:
                    moves[place] += first_step
                    question = first
                else:
                    moves[place] += second_step
                    question = second
        return moves

    def _both_ways(self, row: list[float], is_absent: list[bool]) -> list[float]:
        """Walk as `_one_way` does, and both ways where the field was not collected."""
        column, threshold, second = self.column, self.threshold, self.second
        value, owner, n = self.values_of_nodes, self._owner, self.n
        moves = [0.0] * len(self.inputs)
        waiting = [(root, 1.0) for root in self.roots]
        while waiting:
            node, weight = waiting.pop()
            while (asked := column[node]) != LEAF:
                place = owner[asked]
                if is_absent[place]:
                    waiting.append((second[node], weight * n[second[node]] / n[node]))
                    node, weight = node + 1, weight * n[node + 1] / n[node]
                    continue
                child = node + 1 if row[asked] <= threshold[node] else second[node]
                moves[place] += weight * (value[child] - value[node])
                node = child
        return moves

    @cached_property
    def _is_asked(self) -> list[bool]:
        """Whether any question is about an input: where none is, it may as well be known."""
        asked = {self._owner[column] for column in set(self.column) - {LEAF}}
        return [place in asked for place in range(len(self.inputs))]

    @cached_property
    def _root_questions(self) -> list[Question | None]:
        """The question at the root of each tree."""
        value = self.values_of_nodes
        questions: list[Question | None] = [None] * len(value)
        # Children stand behind their parent.
        for node in reversed(range(len(self.column))):
            if (column := self.column[node]) != LEAF:
                first, second = node + 1, self.second[node]
                questions[node] = (
                    column,
                    self.threshold[node],
                    self._owner[column],
                    value[first] - value[node],
                    questions[first],
                    value[second] - value[node],
                    questions[second],
                )
        return [questions[root] for root in self.roots]

    @cached_property
    def _owner(self) -> dict[int, int]:
        """Place of the input that fills a column."""
        return {column: place for place, each in enumerate(self.inputs) for column in each.columns}


def read_trees(reader: Reader) -> dict[str, Any]:
    """Read what all trees have, by the names of `Trees`."""
    return {
        "weight": reader.number("weight", low=0, high=MAX_WEIGHT),
        "inputs": tuple(_read_input(each) for each in reader.readers("inputs", most=MAX_INPUTS)),
        "roots": reader.integers("roots", most=MAX_TREES),
        "column": reader.integers("column", most=MAX_NODES, low=LEAF),
        "threshold": reader.numbers("threshold", most=MAX_NODES),
        "second": reader.integers("second", most=MAX_NODES),
        "n": reader.integers("n", most=MAX_NODES),
    }


def check_trees(trees: Trees, place: str) -> None:
    """Refuse trees on which some walk would fail or never end; ScorecardError."""
    _check_columns(trees, place)
    _check_roots(trees, place)
    for first, end in pairwise((*trees.roots, len(trees.column))):
        for node in range(first, end):
            if trees.column[node] != LEAF:
                _check_children(trees, node, end, place)


def check_sums(trees: Trees, counts: Sequence[int], place: str) -> None:
    """Refuse counts by node that are not those of both children."""
    for node, column in enumerate(trees.column):
        if column != LEAF and counts[node + 1] + counts[trees.second[node]] != counts[node]:
            raise ScorecardError(f"{place}.n[{node}] must be the leads of both children")


def _read_input(reader: Reader) -> Input:
    kind = reader.text("kind")
    if kind == "number":
        low, high = (reader.integer(key) for key in ("low", "high"))
        read: Input = NumberInput(reader.text("field"), low, high)
    elif kind == "levels":
        found = reader.reader("levels")
        levels = {level: found.integer(level) for level in found.names(most=MAX_LEVELS)}
        other, missing = (reader.integer_or_none(key) for key in ("other", "missing"))
        read = LevelInput(reader.text("field"), levels, other, missing)
    else:
        raise ScorecardError(f"{reader.place}.kind must be number or levels")
    reader.finish()
    return read


def _check_columns(trees: Trees, place: str) -> None:
    """Every column is filled by one input, and every question is about one of them."""
    owned = [column for each in trees.inputs for column in sorted(set(each.columns))]
    if sorted(owned) != list(range(len(owned))):
        raise ScorecardError(f"{place}.inputs must fill columns from 0 on, each by one field")
    if len(set(trees.fields)) < len(trees.fields):
        raise ScorecardError(f"{place}.inputs hold a field twice")
    if max(trees.column, default=LEAF) >= len(owned):
        raise ScorecardError(f"{place}.column names a column that no input fills")


def _check_roots(trees: Trees, place: str) -> None:
    n_nodes, roots = len(trees.column), trees.roots
    if any(len(each) != n_nodes for each in (trees.threshold, trees.second, trees.n)):
        raise ScorecardError(f"{place} must have arrays of one length")
    if not roots or roots[0] != 0 or any(a >= b for a, b in pairwise(roots)):
        raise ScorecardError(f"{place}.roots must rise from 0")
    if roots[-1] >= n_nodes:
        raise ScorecardError(f"{place}.roots must be nodes")
    if not all(trees.n):
        raise ScorecardError(f"{place}.n must count leads")


def _check_children(trees: Trees, node: int, end: int, place: str) -> None:
    """They stand behind their parent and within its tree, so that every walk ends."""
    first, second = node + 1, trees.second[node]
    if not first < second < end:
        raise ScorecardError(f"{place}.second[{node}] must be behind its parent")
