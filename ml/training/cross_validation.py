"""Scores out of fold, and the choice between families that is made on them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.model_selection import RepeatedStratifiedKFold

from ml.training import blending
from ml.training.blending import Weights
from ml.training.calibration_slope import choose_slope, stretched
from ml.training.encode import Bools, Columns, Floats
from ml.training.evaluate import delong, log_loss

N_FOLDS = 5
N_REPEATS = 2
MAX_REPEATED = 1_000  # leads; with more, one split into folds is as good as two


@dataclass(frozen=True)
class OutOfFold:
    """Scores of leads by models that were fitted without them, in log-odds.

    `by_member`, shape (n_leads, n_families), holds means over the repeats; each lead's weights in
    `blended` are chosen on the other folds. `weights` and `slope` are those to be served.
    """

    by_member: Floats
    blended: Floats
    weights: Weights
    slope: float


def out_of_fold(
    frame: pd.DataFrame,
    converted: Bools,
    columns: Columns,
    *,
    seed: int,
    sample_weight: Floats | None = None,
    on_fold: Callable[[int, int], None] = lambda done, n_fits: None,
) -> OutOfFold:
    """Score every lead by models that were fitted without it, and choose between families.

    Stratified five-fold cross-validation, repeated where leads are few; at least five outcomes of
    each kind. `on_fold` is called after each fit with the number of fits done and of all.
    """
    n_repeats = N_REPEATS if len(frame) <= MAX_REPEATED else 1
    splitter = RepeatedStratifiedKFold(n_splits=N_FOLDS, n_repeats=n_repeats, random_state=seed)
    splits = list(splitter.split(frame, converted))
    usual = blending.usual_weights(len(columns.names), len(frame))
    by_member = np.zeros((n_repeats, len(frame), len(usual)))
    for place, (train, test) in enumerate(splits):
        members = blending.fit(
            frame.iloc[train],
            converted[train],
            columns,
            seed + place,
            sample_weight=_at(sample_weight, train),
        )
        by_member[place // N_FOLDS, test] = members.log_odds(frame.iloc[test])
        on_fold(place + 1, len(splits))
    blend = np.zeros(len(frame))
    for place, (train, test) in enumerate(splits):
        scores, counts = by_member[place // N_FOLDS], _at(sample_weight, train)
        weights = blending.choose_weights(scores[train], converted[train], usual, counts)
        blend[test] += blending.blended(scores[test], weights) / n_repeats
    mean = by_member.mean(axis=0)
    weights = blending.choose_weights(mean, converted, usual, sample_weight)
    # One slope for all: one a fold would shuffle leads of different folds.
    slope = choose_slope(blending.blended(mean, weights), converted, sample_weight)
    return OutOfFold(mean, stretched(blend, slope, float(converted.mean())), weights, slope)


def compared(converted: Bools, scores: OutOfFold) -> list[dict[str, Any]]:
    """Compare the families as they were fitted, and what is served, which is stretched too."""
    alone = [tuple(row) for row in np.eye(len(scores.weights)).tolist()]
    members = dict(zip(alone, scores.by_member.T, strict=True))
    return [
        {
            "family": blending.name_of(weights),
            "weight": sum(weights[1:]),
            "auc": float(delong(converted, log_odds)[0][0]),
            "log_loss": log_loss(converted, expit(log_odds)),
            "is_chosen": weights == scores.weights,
        }
        for weights, log_odds in (members | {scores.weights: scores.blended}).items()
    ]


def _at(sample_weight: Floats | None, places: NDArray[np.intp]) -> Floats | None:
    return None if sample_weight is None else sample_weight[places]
