"""The model family `random forest`, which finds what two fields mean only together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import logit
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier
from sklearn.tree._tree import Tree

from ml.scorecard.forest import LEAF, Forest, Input, LevelInput, NumberInput
from ml.training.encode import (
    Bools,
    Columns,
    Floats,
    Ints,
    Record,
    filled,
    groups_of,
    is_collected,
    one_hot,
)
from ml.training.families.family import Family, Served

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


@dataclass(frozen=True)
class FittedForest:
    """A fitted forest, with the encoder before it."""

    columns: Columns
    encoder: ColumnTransformer
    trees: list[DecisionTreeClassifier]

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        """Score the leads of a frame."""
        matrix = self.encoder.transform(filled(frame, self.columns)).astype(np.float32)
        shares = [_shares(tree)[tree.tree_.apply(matrix)] for tree in self.trees]
        log_odds: Floats = logit(np.mean(shares, axis=0))
        is_told = is_collected(frame)
        is_partly_told = ~is_told.all(axis=1)
        if is_partly_told.any():
            rows = _rows(matrix[is_partly_told], len(self.columns.numbers))
            mean = _mean_shares(self.forest(1.0), rows, ~is_told[is_partly_told])
            log_odds[is_partly_told] = logit(mean)
        return log_odds

    def served(self, weight: float) -> Served:
        """Give the trees as one part."""
        forest = self.forest(weight)
        return Served(forest.intercept, parts=(forest,))

    def forest(self, weight: float) -> Forest:
        """Turn the trees into data."""
        trees, roots = [], [0]
        for tree in self.trees:
            trees.append(_nodes(tree, len(self.columns.numbers), roots[-1]))
            roots.append(roots[-1] + tree.tree_.node_count)
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
    shape = {
        "max_features": SHARE_OF_COLUMNS,
        "max_leaf_nodes": MAX_LEAVES,
        "random_state": seed,
    }
    is_drawn = sample_weight is not None or n_drawn < len(frame)
    drawn = {"bootstrap": is_drawn, "max_samples": n_drawn if is_drawn else None}
    kinds = (
        RandomForestClassifier(
            N_RANDOM_FOREST, **shape, max_samples=n_drawn, min_samples_leaf=MIN_IN_A_LEAF
        ),
        ExtraTreesClassifier(N_EXTRA_TREES, **shape, **drawn),
    )
    encoder = ColumnTransformer(
        [
            ("numbers", "passthrough", list(columns.numbers)),
            ("levels", one_hot(len(frame)) if columns.levels else "drop", list(columns.levels)),
        ]
    )
    matrix = encoder.fit_transform(filled(frame, columns))
    forests = (kind.fit(matrix, converted, sample_weight) for kind in kinds)
    trees = [tree for forest in forests for tree in forest.estimators_]
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
    """Sum a served forest's effects for many leads at once, in a tenth of the time."""
    rows = np.array([forest.row(record) for record in records])
    is_absent = np.array([[name not in record for name in forest.fields] for record in records])
    shares = _mean_shares(forest, rows, is_absent)
    moves: Floats = forest.weight * (logit(shares) - logit(forest.start))
    return moves


FAMILY = Family("random forest", fit, usual_weight, {Forest: batch_effects})


def _mean_shares(forest: Forest, rows: Floats, is_absent: Bools) -> Floats:
    """Walk leads, laid out as served, through all trees; average the shares that they come to.

    `is_absent`, shape (n_leads, n_inputs), tells whose fields were not collected: there they go
    both ways, as the leads learned from did.
    """
    column, second = np.array(forest.column), np.array(forest.second)
    threshold, share, n = (np.array(each) for each in (forest.threshold, forest.share, forest.n))
    owner = np.empty(rows.shape[1], dtype=np.int64)
    for place, each in enumerate(forest.inputs):
        owner[list(each.columns)] = place
    total = np.zeros(len(rows))
    for root in forest.roots:
        lead, node, weight = np.arange(len(rows)), np.full(len(rows), root), np.ones(len(rows))
        while len(lead):
            asked = column[node]
            ends = asked == LEAF
            total += np.bincount(lead[ends], weight[ends] * share[node[ends]], len(rows))
            lead, node, weight, asked = (each[~ends] for each in (lead, node, weight, asked))
            goes_first = (rows[lead, asked] <= threshold[node]).astype(np.float64)
            both_ways = is_absent[lead, owner[asked]]
            first = np.where(both_ways, n[node + 1] / n[node], goes_first)
            ways = ((node + 1, first), (second[node], 1 - first))
            lead = np.concatenate([lead[chance > 0] for _, chance in ways])
            weight = np.concatenate([(weight * chance)[chance > 0] for _, chance in ways])
            node = np.concatenate([child[chance > 0] for child, chance in ways])
    shares: Floats = total / len(forest.roots)
    return shares


def _rows(matrix: Floats, n_numbers: int) -> Floats:
    """Lay encoded leads out as served ones: numbers twice, the unknown below all and above all."""
    numbers = matrix[:, :n_numbers]
    twice = [np.where(np.isnan(numbers), end, numbers) for end in (-np.inf, np.inf)]
    pairs = np.stack(twice, axis=2).reshape(len(matrix), 2 * n_numbers)
    return np.hstack([pairs, matrix[:, n_numbers:]])


def _nodes(fitted: DecisionTreeClassifier, n_numbers: int, root: int) -> tuple[Ints | Floats, ...]:
    """The columns, thresholds, second children and both counts of a tree, as `Forest` has them."""
    tree, order = fitted.tree_, _order(fitted.tree_)
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
        *(counts[order].astype(np.int64) for counts in _counts(fitted)),
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


def _counts(fitted: DecisionTreeClassifier) -> tuple[Floats, Floats]:
    """Count by node the leads drawn, and those of them who converted."""
    n = fitted.tree_.weighted_n_node_samples
    return n, np.rint(fitted.tree_.value[:, 0, 1] * n)


def _shares(fitted: DecisionTreeClassifier) -> Floats:
    """Give the share of each node, as a served forest does."""
    tree, (n, n_converted) = fitted.tree_, _counts(fitted)
    observed = n_converted / n
    shares, nodes = observed.copy(), np.array([0])
    while len(nodes := nodes[tree.children_left[nodes] != LEAF]):
        way, children = n[nodes] / (n[nodes] + SHRINKAGE), []
        for child in (tree.children_left[nodes], tree.children_right[nodes]):
            shares[child] = shares[nodes] + way * (observed[child] - observed[nodes])
            children.append(child)
        nodes = np.concatenate(children)
    return shares


def _inputs(encoder: ColumnTransformer, columns: Columns) -> tuple[Input, ...]:
    """Lay out the served columns: two a number, for either place of the unknown, then levels."""
    numbers = [NumberInput(name, 2 * i, 2 * i + 1) for i, name in enumerate(columns.numbers)]
    if not columns.levels:
        return tuple(numbers)
    groups = groups_of(encoder.named_transformers_["levels"], columns, first=2 * len(numbers))
    return (*numbers, *(LevelInput(name, *each) for name, each in groups.items()))
