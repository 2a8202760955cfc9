"""The model family `boosted trees`: each corrects those before, all ask about few columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from ml.scorecard.boosting import Boosting
from ml.scorecard.trees import LEAF
from ml.training.encode import Bools, Columns, Floats, Ints, Record, is_collected
from ml.training.families import tree_walks
from ml.training.families.family import Family, Served
from ml.training.families.tree_layout import TreeLayout

N_TREES = 100
LEARNING_RATE = 0.08
L2_REGULARIZATION = 10.0


class Size(NamedTuple):
    """The settings from so many leads on: the more leads, the finer the distinctions.

    That each question is about a few columns, drawn at random, makes trees better by far: they then
    differ as in a forest.
    """

    n_leads: int
    max_leaf_nodes: int
    min_samples_leaf: int
    max_features: float


SIZES = (Size(2_000, 8, 10, 0.25), Size(500, 6, 5, 0.2), Size(0, 4, 3, 0.15))
MAX_USUAL_WEIGHT, FEW_LEADS = 0.4, 100  # of so many leads, half of it

# The nodes of a tree as scikit-learn has them: each before its children, the left right behind it.
Nodes = NDArray[np.void]


@dataclass(frozen=True)
class BoostedTrees:
    """Fitted trees, and how leads are laid out for them."""

    layout: TreeLayout
    model: HistGradientBoostingClassifier

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        """Score the leads of a frame."""
        matrix, is_absent = self.layout.encoded(frame), ~is_collected(frame)
        log_odds: Floats = self.model.decision_function(matrix.astype(np.float64))
        asked = (nodes["feature_idx"][~nodes["is_leaf"].astype(bool)] for nodes in self._trees)
        is_partly_told = (is_absent & self.layout.is_asked(asked)).any(axis=1)
        if is_partly_told.any():
            trees = self._boosting(1.0)
            rows = self.layout.rows(matrix[is_partly_told])
            moves = tree_walks.moves(trees, rows, is_absent[is_partly_told])
            log_odds[is_partly_told] = trees.intercept + moves.sum(axis=1)
        return log_odds

    def served(self, weight: float) -> Served:
        """Give the trees as one part."""
        trees = self._boosting(weight)
        return Served(trees.intercept, parts=(trees,))

    @property
    def _trees(self) -> list[Nodes]:
        return [tree.nodes for (tree,) in self.model._predictors]

    def _boosting(self, weight: float) -> Boosting:
        """Turn the trees into data."""
        sizes = [len(nodes) for nodes in self._trees]
        roots = np.cumsum([0, *sizes[:-1]])
        nodes = np.concatenate(self._trees)
        is_leaf = nodes["is_leaf"].astype(bool)
        column, threshold = self.layout.served_questions(
            nodes["feature_idx"].astype(np.int64),
            nodes["num_threshold"],
            nodes["missing_go_to_left"].astype(bool),
        )
        second = nodes["right"].astype(np.int64) + np.repeat(roots, sizes)
        return Boosting(
            weight=weight,
            inputs=self.layout.inputs(),
            roots=tuple(roots.tolist()),
            column=tuple(np.where(is_leaf, LEAF, column).tolist()),
            threshold=tuple(np.where(is_leaf, 0.0, threshold).tolist()),
            second=tuple(np.where(is_leaf, 0, second).tolist()),
            n=tuple(nodes["count"].astype(np.int64).tolist()),
            value=tuple(np.concatenate([_values(each) for each in self._trees]).tolist()),
            start=float(self.model._baseline_prediction[0, 0]),
        )


def fit(
    frame: pd.DataFrame,
    converted: Bools,
    columns: Columns,
    seed: int,
    *,
    sample_weight: Floats | None = None,
) -> BoostedTrees:
    """Fit gradient boosting on histograms (Friedman, 2001; Ke et al., 2017), 100 small trees."""
    layout = TreeLayout.of(frame, columns)
    _, max_leaf_nodes, min_samples_leaf, max_features = next(
        size for size in SIZES if len(frame) >= size.n_leads
    )
    model = HistGradientBoostingClassifier(
        max_iter=N_TREES,
        learning_rate=LEARNING_RATE,
        l2_regularization=L2_REGULARIZATION,
        max_leaf_nodes=max_leaf_nodes,
        min_samples_leaf=min_samples_leaf,
        max_features=max_features,
        early_stopping=False,
        random_state=seed,
    )
    matrix = layout.encoded(frame).astype(np.float64)
    # A column without a single value stops it; of a constant there is nothing to ask.
    matrix[:, np.isnan(matrix).all(axis=0)] = 0.0
    return BoostedTrees(layout, model.fit(matrix, converted, sample_weight=sample_weight))


def usual_weight(n_fields: int, n_leads: int) -> float:
    """Give the weight in a blend before any score is known, in [0, 0.4]: the more leads, the more.

    >>> [round(usual_weight(11, n), 2) for n in (50, 100, 200, 1_000, 10_000)]
    [0.13, 0.2, 0.27, 0.36, 0.4]
    """
    return MAX_USUAL_WEIGHT * n_leads / (n_leads + FEW_LEADS)


def batch_effects(trees: Boosting, records: Sequence[Record]) -> Floats:
    """Give served trees' effects for many leads at once."""
    return trees.weight * tree_walks.moves_of(trees, records)


FAMILY = Family("boosted trees", fit, usual_weight, {Boosting: batch_effects})


def _values(nodes: Nodes) -> Floats:
    """Give by node the mean of the leaves below it, over their leads: only leaves hold theirs."""
    values, n = nodes["value"].copy(), nodes["count"].astype(np.float64)
    is_leaf = nodes["is_leaf"].astype(bool)
    children: Ints = np.stack([nodes["left"], nodes["right"]]).astype(np.int64)
    for node in np.flatnonzero(~is_leaf)[::-1]:
        values[node] = np.average(values[children[:, node]], weights=n[children[:, node]])
    return values
