"""Served boosted trees as data: their leaves add up to log-odds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ml.fields.types import Value
from ml.scorecard.json_reader import Reader, ScorecardError
from ml.scorecard.trees import MAX_NODES, Trees, check_sums, check_trees, read_trees


@dataclass(frozen=True)
class Boosting(Trees):
    """Trees that each correct those before (Friedman, 2001): log-odds are the sum of the leaves.

    `value` is by node the mean of the leaves below it, over the leads learned from; `start` are the
    log-odds before any tree.
    """

    kind: ClassVar[str] = "boosting"

    value: tuple[float, ...]
    start: float

    @property
    def values_of_nodes(self) -> tuple[float, ...]:
        """What a tree says of the leads at each node."""
        return self.value

    @property
    def intercept(self) -> float:
        """Log-odds before any question, weighted: effects come on top of them."""
        return self.weight * math.fsum((self.start, *(self.value[root] for root in self.roots)))

    def effects(self, values: Mapping[str, Value]) -> dict[str, float]:
        """Give each field's part of the log-odds, on top of the intercept."""
        moves = zip(self.inputs, self.moves(values), strict=True)
        return {each.field: self.weight * move for each, move in moves}

    def to_json(self) -> dict[str, Any]:
        """Give the trees as the plain JSON that `read_boosting` reads."""
        return self.trees_json() | {
            "value": [value + 0.0 for value in self.value],
            "start": self.start + 0.0,
        }


def read_boosting(reader: Reader) -> Boosting:
    """Read trees so that every walk ends; ScorecardError at the first thing that is wrong."""
    trees = Boosting(
        **read_trees(reader),
        value=reader.numbers("value", most=MAX_NODES),
        start=reader.number("start"),
    )
    reader.finish()
    if len(trees.value) != len(trees.n):
        raise ScorecardError(f"{reader.place} must have arrays of one length")
    check_trees(trees, reader.place)
    check_sums(trees, trees.n, reader.place)
    return trees
