"""A served forest as data: what each field moves the mean share of its trees' leaves by."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from ml.fields.types import Value
from ml.scorecard.json_reader import Reader, ScorecardError
from ml.scorecard.trees import LEAF, MAX_NODES, Trees, check_sums, check_trees, read_trees

NEARLY_EQUAL = 1e-9  # probabilities closer than this are one point of the log-odds curve


@dataclass(frozen=True)
class Forest(Trees):
    """Trees whose leaves hold shares converted; their mean is a probability.

    Each question moves the share, which at a root is that of its converted leads, on towards that
    of the child's leads by n / (n + `shrinkage`) of the way: what few leads say counts little
    (Agarwal et al., Hierarchical Shrinkage, ICML 2022). Steps are taken to log-odds by one factor
    for all fields of a lead, so that their sum is exact.
    """

    kind: ClassVar[str] = "forest"

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

    def effects(self, values: Mapping[str, Value]) -> dict[str, float]:
        """Give each field's part of the log-odds: the forest's, less those of `start`, in all."""
        moves = self.moves(values)
        start, change = self.start, math.fsum(moves) / len(self.roots)
        if abs(change) < NEARLY_EQUAL:
            slope = 1 / (start * (1 - start))
        else:
            slope = (_log_odds(start + change) - _log_odds(start)) / change
        factor = self.weight * slope / len(self.roots)
        return {each.field: factor * move for each, move in zip(self.inputs, moves, strict=True)}

    def to_json(self) -> dict[str, Any]:
        """Give the forest as the plain JSON that `read_forest` reads."""
        return self.trees_json() | {
            "n_converted": list(self.n_converted),
            "shrinkage": self.shrinkage + 0.0,
        }

    @property
    def values_of_nodes(self) -> tuple[float, ...]:
        """What a tree says of the leads at each node: their share."""
        return self.share

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


def read_forest(reader: Reader) -> Forest:
    """Read a forest so that every walk ends; ScorecardError at the first thing that is wrong."""
    forest = Forest(
        **read_trees(reader),
        n_converted=reader.integers("n_converted", most=MAX_NODES),
        shrinkage=reader.number("shrinkage", low=1),
    )
    reader.finish()
    place = reader.place
    if len(forest.n_converted) != len(forest.n):
        raise ScorecardError(f"{place} must have arrays of one length")
    check_trees(forest, place)
    if not all(0 <= k <= n for k, n in zip(forest.n_converted, forest.n, strict=True)):
        raise ScorecardError(f"{place}.n must count leads, and n_converted some of them")
    if not 0 < forest.base_rate < 1:
        raise ScorecardError(f"{place}.n_converted must be some at the roots, but not all")
    # So no share leaves (0, 1).
    for counts in (forest.n, forest.n_converted):
        check_sums(forest, counts, place)
    return forest


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))
