"""The model family `random forest`: many trees, each question asked of a few columns by chance.

It is fitted with scikit-learn here and turned into data that serves without it. It finds what a
sum over fields cannot: what two fields mean only together.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier
from sklearn.tree._tree import Tree

from ml.scorecard.forest import LEAF, Forest, Input, LevelInput, NumberInput
from ml.training.encode import Columns
from ml.training.levels import groups_of, one_hot

FAMILY = "random forest"
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

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class FittedForest:
    """A fitted forest, with the encoder before it."""

    columns: Columns
    encoder: ColumnTransformer
    trees: list[DecisionTreeClassifier]

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        """Score leads.

        Parameters
        ----------
        frame : DataFrame of shape (n_leads, n_columns)
            From `frame_of`.

        Returns
        -------
        ndarray of float64, shape (n_leads,)
            Finite.
        """
        matrix = self.encoder.transform(frame).astype(np.float32)
        shares = [_shares(tree)[tree.tree_.apply(matrix)] for tree in self.trees]
        log_odds: Floats = logit(np.mean(shares, axis=0))
        return log_odds

    def served(self, weight: float) -> Forest:
        """Turn it into data.

        Parameters
        ----------
        weight : float
            By what its log-odds are multiplied, above 0.

        Returns
        -------
        Forest
            Gives `weight` times the same log-odds for any lead, up to rounding.
        """
        trees, roots = [], [0]
        for tree in self.trees:
            trees.append(_nodes(tree, len(self.columns.numbers), roots[-1]))
            roots.append(roots[-1] + len(trees[-1].column))
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
    """Fit a forest.

    Most of the trees are those of a random forest, which cut numbers where they divide a draw of
    the leads best; the others are extremely randomised ones, which cut by chance, down to single
    leads, and make the whole smoother. Numbers keep their gaps: each question decides on which
    side unknown values go. Categories enter one column a level, unknown being a level of its own.

    Parameters
    ----------
    frame : DataFrame of shape (n_leads, n_columns)
        From `frame_of`.
    converted : ndarray of bool, shape (n_leads,)
        Outcomes, some of each kind.
    columns : Columns
        Columns of the frame.
    seed : int
        Of the draws: the same input and seed give the same forest.
    sample_weight : ndarray of float64, shape (n_leads,), optional
        How much each lead counts, in (0, 1]: its chance to be drawn. Each tree then draws as
        many leads as the weights sum to.

    Returns
    -------
    FittedForest
        Of 100 trees, each on at most 5,000 leads.

    References
    ----------
    Breiman, L. (2001). Random forests. Machine Learning 45(1), 5-32.
    Geurts, P., Ernst, D. and Wehenkel, L. (2006). Extremely randomized trees. Machine Learning
    63(1), 3-42.
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
    matrix = encoder.fit_transform(frame)
    forests = (kind.fit(matrix, converted, sample_weight) for kind in kinds)
    trees = [tree for forest in forests for tree in forest.estimators_]
    return FittedForest(columns, encoder, trees)


class _Nodes(NamedTuple):
    """The nodes of one tree as arrays, in the order and by the names of `Forest`."""

    column: Ints
    threshold: Floats
    second: Ints
    n: Ints
    n_converted: Ints


def _nodes(fitted: DecisionTreeClassifier, n_numbers: int, root: int) -> _Nodes:
    tree, order = fitted.tree_, _order(fitted.tree_)
    is_leaf = tree.children_left[order] == LEAF
    place = np.empty(len(order), dtype=np.int64)
    place[order] = root + np.arange(len(order))
    feature = tree.feature[order]
    side = 1 - tree.missing_go_to_left[order].astype(np.int64)
    column = np.where(feature < n_numbers, 2 * feature + side, feature + n_numbers)
    n, n_converted = (counts[order].astype(np.int64) for counts in _counts(fitted))
    return _Nodes(
        column=np.where(is_leaf, LEAF, column),
        # Unknown or known is asked as "up to infinity", where an unknown value would say yes too.
        threshold=np.where(is_leaf, 0.0, np.minimum(tree.threshold[order], ABOVE_ALL_KNOWN)),
        second=np.where(is_leaf, 0, place[tree.children_right[order]]),
        n=n,
        n_converted=n_converted,
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
