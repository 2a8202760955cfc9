"""The model family `random forest`, which finds what two fields mean only together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.tree._tree import Tree

from ml.scorecard.forest import (
    LEAF,
    NEARLY_EQUAL,
    Forest,
    Input,
    LevelInput,
    NumberInput,
)
from ml.training.encode import (
    Bools,
    Columns,
    Floats,
    Ints,
    OneHot,
    Record,
    filled,
    is_collected,
    one_hot,
)
from ml.training.families.family import Family, Served
from ml.training.families.growth import Growth, grow

N_RANDOM_FOREST, N_EXTRA_TREES = 65, 35  # trees of each kind
MIN_IN_A_LEAF = 3  # where cuts are chosen; those by chance go down to single leads
SHARE_OF_COLUMNS = 0.45  # tried at each question
# Leads, see `ml.scorecard.forest.Forest`. Few leads allow no fine distinctions: 10 is better
# where fields are rich, 30 where they are poor, both are better than larger leaves.
SHRINKAGE = 20.0
# What a forest costs in memory and time, to grow and to serve, stops growing here.
MAX_LEAVES = 128
MAX_DRAWN = 5_000
ABOVE_ALL_KNOWN = 1e9  # as `signed_log1p`, which stays below 35
MAX_USUAL_WEIGHT = 0.7  # where there are many fields and many leads
FEW_LEADS = 25  # on so few the forest alone would count
MAX_WALKS = 200_000  # of a lead through a tree, at once


@dataclass(frozen=True)
class FittedForest:
    """A fitted forest, with the encoder of categories before it."""

    columns: Columns
    encoder: OneHot
    trees: list[Tree]

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        """Score the leads of a frame."""
        matrix = _encoded(filled(frame, self.columns), self.columns, self.encoder)
        shares = [_shares(tree)[tree.apply(matrix)] for tree in self.trees]
        log_odds: Floats = logit(np.mean(shares, axis=0))
        is_absent = ~is_collected(frame)
        is_partly_told = (is_absent & self._is_asked).any(axis=1)
        if is_partly_told.any():
            forest = self.forest(1.0)
            rows = _rows(matrix[is_partly_told], len(self.columns.numbers))
            moves = _moves(forest, rows, is_absent[is_partly_told])
            log_odds[is_partly_told] = logit(forest.start + moves.sum(axis=1))
        return log_odds

    @property
    def _is_asked(self) -> Bools:
        """Which of the fields questions are about, shape (n_columns,)."""
        n_numbers = len(self.columns.numbers)
        owner = np.concatenate([np.arange(n_numbers), n_numbers + self.encoder.owner])
        asked = np.unique(np.concatenate([tree.feature for tree in self.trees]))
        is_asked = np.zeros(len(self.columns.names), dtype=bool)
        is_asked[owner[asked[asked >= 0]]] = True
        return is_asked

    def served(self, weight: float) -> Served:
        """Give the trees as one part."""
        forest = self.forest(weight)
        return Served(forest.intercept, parts=(forest,))

    def forest(self, weight: float) -> Forest:
        """Turn the trees into data."""
        trees, roots = [], [0]
        for tree in self.trees:
            trees.append(_nodes(tree, len(self.columns.numbers), roots[-1]))
            roots.append(roots[-1] + tree.node_count)
        arrays = (np.concatenate(each).tolist() for each in zip(*trees, strict=True))
        column, threshold, second, n, n_converted = map(tuple, arrays)
        return Forest(
            weight=weight,
            inputs=_inputs(self.encoder, self.columns),
            roots=tuple(roots[:-1]),
            column=column,
            threshold=threshold,
            second=second,
            n=n,
            n_converted=n_converted,
            shrinkage=SHRINKAGE,
        )


def fit(
    frame: pd.DataFrame,
    converted: Bools,
    columns: Columns,
    seed: int,
    *,
    sample_weight: Floats | None = None,
) -> FittedForest:
    """Fit a forest of 100 trees, each on at most 5,000 leads.

    Most are those of a random forest (Breiman, 2001); the others are extremely randomised ones
    (Geurts et al., 2006), which cut by chance, down to single leads, and make the whole smoother.
    Each question decides on which side unknown numbers go. Where a field was not collected a lead
    gets a value of another one, so that it tells nothing. A lead's weight is its chance to be
    drawn.
    """
    n_counted = len(frame) if sample_weight is None else round(sample_weight.sum())
    n_drawn = min(n_counted, MAX_DRAWN)
    is_drawn = sample_weight is not None or n_drawn < len(frame)
    kinds = (
        (Growth(SHARE_OF_COLUMNS, MAX_LEAVES, MIN_IN_A_LEAF, n_drawn), N_RANDOM_FOREST),
        (
            Growth(
                SHARE_OF_COLUMNS, MAX_LEAVES, n_drawn=n_drawn if is_drawn else None, at_random=True
            ),
            N_EXTRA_TREES,
        ),
    )
    told = filled(frame, columns)
    encoder = one_hot(told, columns)
    matrix = _encoded(told, columns, encoder)
    trees = [
        tree
        for growth, n_trees in kinds
        for tree in grow(growth, n_trees, matrix, converted, seed=seed, sample_weight=sample_weight)
    ]
    return FittedForest(columns, encoder, trees)


def usual_weight(n_fields: int, n_leads: int) -> float:
    """Give the weight of the forest in a blend before any score is known, in [0, 1].

    The more fields, the more: 0.7 (1 - 1 / n_fields). Where leads are few, by 25 / n_leads of what
    is missing to 1 more: as a mean of many trees it varies less than a logistic.

    >>> [round(usual_weight(n, 10_000), 2) for n in (1, 2, 3, 5, 11, 30)]
    [0.0, 0.35, 0.47, 0.56, 0.64, 0.68]
    >>> [round(usual_weight(11, n), 2) for n in (25, 50, 100, 200, 500)]
    [1.0, 0.82, 0.73, 0.68, 0.65]
    """
    of_many = MAX_USUAL_WEIGHT * (1 - 1 / n_fields)
    return of_many + (1 - of_many) * min(1.0, FEW_LEADS / n_leads)


def batch_effects(forest: Forest, records: Sequence[Record]) -> Floats:
    """Give a served forest's effects for many leads at once, in a tenth of the time."""
    rows = np.array([forest.row(record) for record in records])
    is_absent = np.array([[name not in record for name in forest.fields] for record in records])
    moves, start = _moves(forest, rows, is_absent), forest.start
    change = moves.sum(axis=1)
    is_point = np.abs(change) < NEARLY_EQUAL
    rise = logit(start + change) - logit(start)
    slope = np.where(is_point, 1 / (start * (1 - start)), rise / np.where(is_point, 1.0, change))
    effects: Floats = forest.weight * slope[:, np.newaxis] * moves
    return effects


FAMILY = Family("random forest", fit, usual_weight, {Forest: batch_effects})


def _moves(forest: Forest, rows: Floats, is_absent: Bools) -> Floats:
    """Walk leads, laid out as served, through all trees; average how far each input moves them.

    `is_absent`, shape (n_leads, n_inputs), tells whose fields were not collected: there they go
    both ways, as the leads learned from did, which moves nothing. Gives shape (n_leads, n_inputs).
    """
    nodes = _Nodes.of(forest)
    at_once = max(1, MAX_WALKS // len(forest.roots))
    parts = [slice(first, first + at_once) for first in range(0, len(rows), at_once)]
    moves = [_moves_at_once(nodes, rows[part], is_absent[part]) for part in parts]
    return np.concatenate([np.empty((0, len(forest.inputs))), *moves]) / len(forest.roots)


class _Nodes(NamedTuple):
    """What a walk asks of a forest's nodes, as arrays; `owner` is the input asked about."""

    roots: Ints
    column: Ints
    threshold: Floats
    second: Ints
    share: Floats
    n: Ints
    owner: Ints

    @classmethod
    def of(cls, forest: Forest) -> Self:
        owners = [place for place, each in enumerate(forest.inputs) for _ in each.columns]
        columns = [column for each in forest.inputs for column in each.columns]
        owner = np.empty(len(owners), dtype=np.int64)
        owner[columns] = owners
        return cls(
            roots=np.array(forest.roots),
            column=np.array(forest.column),
            threshold=np.array(forest.threshold),
            second=np.array(forest.second),
            share=np.array(forest.share),
            n=np.array(forest.n),
            owner=owner,
        )


def _moves_at_once(nodes: _Nodes, rows: Floats, is_absent: Bools) -> Floats:
    total = np.zeros(is_absent.size)
    lead = np.tile(np.arange(len(rows)), len(nodes.roots))
    node, weight = np.repeat(nodes.roots, len(rows)), np.ones(len(lead))
    while len(lead):
        goes_on = nodes.column[node] != LEAF
        lead, node, weight = (each[goes_on] for each in (lead, node, weight))
        asked, second = nodes.column[node], nodes.second[node]
        place = lead * is_absent.shape[1] + nodes.owner[asked]
        is_first, both_ways = rows[lead, asked] <= nodes.threshold[node], is_absent.ravel()[place]
        step = nodes.share[np.where(is_first, node + 1, second)] - nodes.share[node]
        total += np.bincount(place, np.where(both_ways, 0.0, weight * step), len(total))
        first = np.where(both_ways, nodes.n[node + 1] / nodes.n[node], is_first)
        ways = ((node + 1, first), (second, 1 - first))
        lead = np.concatenate([lead[chance > 0] for _, chance in ways])
        weight = np.concatenate([(weight * chance)[chance > 0] for _, chance in ways])
        node = np.concatenate([child[chance > 0] for child, chance in ways])
    return total.reshape(is_absent.shape)


def _encoded(frame: pd.DataFrame, columns: Columns, encoder: OneHot) -> NDArray[np.float32]:
    """Encode leads as trees are grown on them: numbers, then a column for each level."""
    numbers = frame.to_numpy()[:, : len(columns.numbers)]
    return np.hstack([numbers, encoder.encoded(frame)]).astype(np.float32)


def _rows(matrix: NDArray[np.float32], n_numbers: int) -> Floats:
    """Lay encoded leads out as served ones: numbers twice, the unknown below all and above all."""
    numbers = matrix[:, :n_numbers]
    twice = [np.where(np.isnan(numbers), end, numbers) for end in (-np.inf, np.inf)]
    pairs = np.stack(twice, axis=2).reshape(len(matrix), 2 * n_numbers)
    rows: Floats = np.hstack([pairs, matrix[:, n_numbers:]]).astype(np.float64)
    return rows


def _nodes(tree: Tree, n_numbers: int, root: int) -> tuple[Ints | Floats, ...]:
    """The columns, thresholds, second children and both counts of a tree, as `Forest` has them."""
    order = _order(tree)
    is_leaf = tree.children_left[order] == LEAF
    place = np.empty(len(order), dtype=np.int64)
    place[order] = root + np.arange(len(order))
    feature = tree.feature[order]
    side = 1 - tree.missing_go_to_left[order].astype(np.int64)
    column = np.where(feature < n_numbers, 2 * feature + side, feature + n_numbers)
    # Unknown or known is asked as "up to infinity", where an unknown value would say yes too.
    threshold = np.minimum(tree.threshold[order], ABOVE_ALL_KNOWN)
    return (
        np.where(is_leaf, LEAF, column),
        np.where(is_leaf, 0.0, threshold),
        np.where(is_leaf, 0, place[tree.children_right[order]]),
        *(counts[order].astype(np.int64) for counts in _counts(tree)),
    )


def _order(tree: Tree) -> Ints:
    """List the nodes so that each stands before its children, the first right behind it."""
    order, waiting = [], [0]
    while waiting:
        node = waiting.pop()
        order.append(node)
        if tree.children_left[node] != LEAF:
            waiting += [tree.children_right[node], tree.children_left[node]]
    return np.array(order)


def _counts(tree: Tree) -> tuple[Floats, Floats]:
    """Count by node the leads drawn, and those of them who converted."""
    n = tree.weighted_n_node_samples
    return n, np.rint(tree.value[:, 0, 1] * n)


def _shares(tree: Tree) -> Floats:
    """Give the share of each node, as a served forest does."""
    n, n_converted = _counts(tree)
    observed = n_converted / n
    shares, nodes = observed.copy(), np.array([0])
    while len(nodes := nodes[tree.children_left[nodes] != LEAF]):
        way, children = n[nodes] / (n[nodes] + SHRINKAGE), []
        for child in (tree.children_left[nodes], tree.children_right[nodes]):
            shares[child] = shares[nodes] + way * (observed[child] - observed[nodes])
            children.append(child)
        nodes = np.concatenate(children)
    return shares


def _inputs(encoder: OneHot, columns: Columns) -> tuple[Input, ...]:
    """Lay out the served columns: two a number, for either place of the unknown, then levels."""
    numbers = [NumberInput(name, 2 * i, 2 * i + 1) for i, name in enumerate(columns.numbers)]
    groups = encoder.groups(columns, first=2 * len(numbers))
    return (*numbers, *(LevelInput(name, *each) for name, each in groups.items()))
