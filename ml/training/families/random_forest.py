"""The model family `random forest`, which finds what two fields mean only together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import logit
from sklearn.tree._tree import Tree

from ml.scorecard.forest import NEARLY_EQUAL, Forest
from ml.scorecard.trees import LEAF
from ml.training.encode import Bools, Columns, Floats, Ints, Record, is_collected
from ml.training.families import tree_walks
from ml.training.families.family import Family, Served
from ml.training.families.growth import Growth, grow
from ml.training.families.tree_layout import TreeLayout

N_RANDOM_FOREST, N_EXTRA_TREES = 65, 35  # trees of each kind
MIN_IN_A_LEAF = 3  # where cuts are chosen; those by chance go down to single leads
SHARE_OF_COLUMNS = 0.45  # tried at each question
# Leads, see `ml.scorecard.forest.Forest`. Few leads allow no fine distinctions: 10 is better
# where fields are rich, 30 where they are poor, both are better than larger leaves.
SHRINKAGE = 20.0
# What a forest costs in memory and time, to grow and to serve, stops growing here.
MAX_LEAVES = 128
MAX_DRAWN = 5_000
MAX_USUAL_WEIGHT = 0.7  # where there are many fields and many leads
FEW_LEADS = 25  # on so few the forest alone would count


@dataclass(frozen=True)
class FittedForest:
    """A fitted forest, and how leads are laid out for it."""

    layout: TreeLayout
    trees: list[Tree]

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        """Score the leads of a frame."""
        matrix, is_absent = self.layout.encoded(frame), ~is_collected(frame)
        shares = [_shares(tree)[tree.apply(matrix)] for tree in self.trees]
        log_odds: Floats = logit(np.mean(shares, axis=0))
        is_asked = self.layout.is_asked(tree.feature[tree.feature >= 0] for tree in self.trees)
        is_partly_told = (is_absent & is_asked).any(axis=1)
        if is_partly_told.any():
            forest = self.forest(1.0)
            rows = self.layout.rows(matrix[is_partly_told])
            moves = tree_walks.moves(forest, rows, is_absent[is_partly_told])
            share = forest.start + moves.sum(axis=1) / len(self.trees)
            log_odds[is_partly_told] = logit(share)
        return log_odds

    def served(self, weight: float) -> Served:
        """Give the trees as one part."""
        forest = self.forest(weight)
        return Served(forest.intercept, parts=(forest,))

    def forest(self, weight: float) -> Forest:
        """Turn the trees into data."""
        trees, roots = [], [0]
        for tree in self.trees:
            trees.append(_nodes(tree, self.layout, roots[-1]))
            roots.append(roots[-1] + tree.node_count)
        arrays = (np.concatenate(each).tolist() for each in zip(*trees, strict=True))
        column, threshold, second, n, n_converted = map(tuple, arrays)
        return Forest(
            weight=weight,
            inputs=self.layout.inputs(),
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
    layout = TreeLayout.of(frame, columns)
    matrix = layout.encoded(frame)
    trees = [
        tree
        for growth, n_trees in kinds
        for tree in grow(growth, n_trees, matrix, converted, seed=seed, sample_weight=sample_weight)
    ]
    return FittedForest(layout, trees)


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
    """Give a served forest's effects for many leads at once."""
    moves, start = tree_walks.moves_of(forest, records) / len(forest.roots), forest.start
    change = moves.sum(axis=1)
    is_point = np.abs(change) < NEARLY_EQUAL
    rise = logit(start + change) - logit(start)
    slope = np.where(is_point, 1 / (start * (1 - start)), rise / np.where(is_point, 1.0, change))
    effects: Floats = forest.weight * slope[:, np.newaxis] * moves
    return effects


FAMILY = Family("random forest", fit, usual_weight, {Forest: batch_effects})


def _nodes(tree: Tree, layout: TreeLayout, root: int) -> tuple[Ints | Floats, ...]:
    """The columns, thresholds, second children and both counts of a tree, as `Forest` has them."""
    order = _order(tree)
    is_leaf = tree.children_left[order] == LEAF
    place = np.empty(len(order), dtype=np.int64)
    place[order] = root + np.arange(len(order))
    column, threshold = layout.served_questions(
        tree.feature[order], tree.threshold[order], tree.missing_go_to_left[order]
    )
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
