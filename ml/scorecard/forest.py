"""A served forest as data: trees over a lead's values, and what each field moves them by."""

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple, TypeAlias

from ml.fields.types import Value, level_key, signed_log1p
from ml.scorecard.json_reader import MAX_LEVELS, Reader, ScorecardError

MAX_INPUTS = 1_000
MAX_TREES = 500
MAX_NODES = 100_000
MAX_WEIGHT = 10

LEAF = -1  # in place of a column
NEARLY_EQUAL = 1e-9  # probabilities closer than this are one point of the log-odds curve


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


@dataclass(frozen=True)
class Forest:
    """Trees that ask about single columns; the mean share of their leaves is a probability.

    Each question moves the share, which at a root is that of its converted leads, on towards that
    of the child's leads by n / (n + `shrinkage`) of the way: what few leads say counts little
    (Agarwal et al., Hierarchical Shrinkage, ICML 2022). A step belongs to the field asked about
    (Saabas, 2014). Steps are taken to log-odds, multiplied by `weight` in [0, 10], by one factor
    for all fields of a lead, so that their sum is exact. A question about a field that was not
    collected is answered both ways, in the shares of the leads there: that moves nothing.

    The trees stand one behind the other from `roots` on, each node before its children and the
    first child right behind it. By node: the `column` asked about (-1 for a leaf), the `threshold`
    up to which the first child holds, the `second` child, and the leads learned from, counted as
    often as they were drawn.
    """

    kind: ClassVar[str] = "forest"

    weight: float
    inputs: tuple[Input, ...]
    roots: tuple[int, ...]
    column: tuple[int, ...]
    threshold: tuple[float, ...]
    second: tuple[int, ...]
    n: tuple[int, ...]
    n_converted: tuple[int, ...]
    shrinkage: float

    @cached_property
    def base_rate(self) -> float:
        """Share converted of all leads drawn; that of any root may differ a little."""
        n = sum(self.n[root] for root in self.roots)
        return sum(self.n_converted[root] for root in self.roots) / n

    @cached_property
    def start(self) -> float:
        """Mean share at the roots: the probability before any question."""
        return sum(self.share[root] for root in self.roots) / len(self.roots)

    @property
    def intercept(self) -> float:
        """Log-odds before any question, weighted: effects come on top of them."""
        return self.weight * _log_odds(self.start)

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields it asks about."""
        return tuple(each.field for each in self.inputs)

    def effects(self, values: Mapping[str, Value]) -> dict[str, float]:
        """Give each field's part of the log-odds: the forest's, less those of `start`, in all."""
        moves = self._moves(self.row(values), [each.field not in values for each in self.inputs])
        start, change = self.start, math.fsum(moves) / len(self.roots)
        if abs(change) < NEARLY_EQUAL:
            slope = 1 / (start * (1 - start))
        else:
            slope = (_log_odds(start + change) - _log_odds(start)) / change
        factor = self.weight * slope / len(self.roots)
        return {each.field: factor * move for each, move in zip(self.inputs, moves, strict=True)}

    def scaled(self, factor: float) -> "Forest":
        """Multiply all its effects."""
        return replace(self, weight=factor * self.weight)

    def to_json(self) -> dict[str, Any]:
        """Give the forest as the plain JSON that `read_forest` reads."""
        return {
            "weight": self.weight + 0.0,
            "inputs": [each.to_json() for each in self.inputs],
            "roots": list(self.roots),
            "column": list(self.column),
            "threshold": [threshold + 0.0 for threshold in self.threshold],
            "second": list(self.second),
            "n": list(self.n),
            "n_converted": list(self.n_converted),
            "shrinkage": self.shrinkage + 0.0,
        }

    def row(self, values: Mapping[str, Value]) -> list[float]:
        """Lay a lead's values out in the columns that questions are about."""
        row = [0.0] * len(self._owner)
        for each in self.inputs:
            each.fill(row, values.get(each.field))
        return row

    def _moves(self, row: list[float], is_absent: list[bool]) -> list[float]:
        """Walk all trees; sum up by input how far its questions move the share."""
        column, threshold, second = self.column, self.threshold, self.second
        share, owner, n = self.share, self._owner, self.n
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
                moves[place] += weight * (share[child] - share[node])
                node = child
        return moves

    @cached_property
    def share(self) -> tuple[float, ...]:
        """Share converted, by node, each held back by those above it."""
        observed = [k / n for k, n in zip(self.n_converted, self.n, strict=True)]
        share = observed.copy()
        for node, n in enumerate(self.n):
            if self.column[node] != LEAF:
                way = n / (n + self.shrinkage)
                for child in (node + 1, self.second[node]):
                    share[child] = share[node] + way * (observed[child] - observed[node])
        return tuple(share)

    @cached_property
    def _owner(self) -> dict[int, int]:
        """Place of the input that fills a column."""
        return {column: place for place, each in enumerate(self.inputs) for column in each.columns}


def read_forest(reader: Reader) -> Forest:
    """Read a forest so that every walk ends; ScorecardError at the first thing that is wrong."""
    forest = Forest(
        weight=reader.number("weight", low=0, high=MAX_WEIGHT),
        inputs=tuple(_read_input(each) for each in reader.readers("inputs", most=MAX_INPUTS)),
        roots=reader.integers("roots", most=MAX_TREES),
        column=reader.integers("column", most=MAX_NODES, low=LEAF),
        threshold=reader.numbers("threshold", most=MAX_NODES),
        second=reader.integers("second", most=MAX_NODES),
        n=reader.integers("n", most=MAX_NODES),
        n_converted=reader.integers("n_converted", most=MAX_NODES),
        shrinkage=reader.number("shrinkage", low=1),
    )
    reader.finish()
    _check_columns(forest, reader.place)
    _check_nodes(forest, reader.place)
    return forest


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


def _check_columns(forest: Forest, place: str) -> None:
    """Every column is filled by one input, and every question is about one of them."""
    owned = [column for each in forest.inputs for column in sorted(set(each.columns))]
    if sorted(owned) != list(range(len(owned))):
        raise ScorecardError(f"{place}.inputs must fill columns from 0 on, each by one field")
    if len(set(forest.fields)) < len(forest.fields):
        raise ScorecardError(f"{place}.inputs hold a field twice")
    if max(forest.column, default=LEAF) >= len(owned):
        raise ScorecardError(f"{place}.column names a column that no input fills")


def _check_nodes(forest: Forest, place: str) -> None:
    """Children stand behind their parent and within its tree, so that every walk ends."""
    n_nodes = len(forest.column)
    arrays = (forest.threshold, forest.second, forest.n, forest.n_converted)
    if any(len(each) != n_nodes for each in arrays):
        raise ScorecardError(f"{place} must have arrays of one length")
    if not forest.roots or forest.roots[0] != 0 or any(a >= b for a, b in pairwise(forest.roots)):
        raise ScorecardError(f"{place}.roots must rise from 0")
    if forest.roots[-1] >= n_nodes:
        raise ScorecardError(f"{place}.roots must be nodes")
    if not all(0 <= k <= n > 0 for k, n in zip(forest.n_converted, forest.n, strict=True)):
        raise ScorecardError(f"{place}.n must count leads, and n_converted some of them")
    if not 0 < forest.base_rate < 1:
        raise ScorecardError(f"{place}.n_converted must be some at the roots, but not all")
    for first, end in pairwise((*forest.roots, n_nodes)):
        for node in range(first, end):
            if forest.column[node] != LEAF:
                _check_children(forest, node, end, place)


def _check_children(forest: Forest, node: int, end: int, place: str) -> None:
    """They stand behind their parent and share its leads out, so that no share leaves (0, 1)."""
    first, second = node + 1, forest.second[node]
    if not first < second < end:
        raise ScorecardError(f"{place}.second[{node}] must be behind its parent")
    for counts in (forest.n, forest.n_converted):
        if counts[first] + counts[second] != counts[node]:
            raise ScorecardError(f"{place}.n[{node}] must be the leads of both children")


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))
