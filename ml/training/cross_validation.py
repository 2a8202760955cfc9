"""Scores out of fold, and the choice between families that is made on them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from ml.training import blending, groups
from ml.training.blending import Weights
from ml.training.calibration_slope import choose_slope, stretched
from ml.training.encode import Bools, Columns, Floats
from ml.training.evaluate import delong, log_loss
from ml.training.groups import Groups

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
    group_of: Groups | None = None,
    on_fold: Callable[[int, int], None] = lambda done, n_fits: None,
) -> OutOfFold:
    """Score every lead by models that were fitted without it, and choose between families.

    Five-fold cross-validation, stratified, repeated where leads are few; at least five groups with
    an outcome of each kind. Those of one group (`groups.numbered`) are in one fold, and what is
    chosen rests on so many groups, not leads. `on_fold` is called after each fit with the number of
    fits done and of all.
    """
    n_repeats = N_REPEATS if len(frame) <= MAX_REPEATED else 1
    together, draw = groups.numbered(group_of, len(frame)), np.random.default_rng(seed)
    splits = [
        (np.setdiff1d(np.arange(len(frame)), test), test)
        for _ in range(n_repeats)
        for test in groups.folds(converted, together, N_FOLDS, draw)
    ]
    n_groups = np.unique(together).size
    usual = blending.usual_weights(len(columns.names), n_groups)
    counts = np.ones(len(frame)) if sample_weight is None else sample_weight
    counts = counts * n_groups / len(frame)
    by_member = np.zeros((n_repeats, len(frame), len(usual)))
    for place, (train, test) in enumerate(splits):
        members = blending.fit(
            frame.iloc[train],
            converted[train],
            columns,
            seed + place,
            sample_weight=None if sample_weight is None else sample_weight[train],
        )
        by_member[place // N_FOLDS, test] = members.log_odds(frame.iloc[test])
        on_fold(place + 1, len(splits))
    blend = np.zeros(len(frame))
    for place, (train, test) in enumerate(splits):
        scores = by_member[place // N_FOLDS]
        weights = blending.choose_weights(scores[train], converted[train], usual, counts[train])
        blend[test] += blending.blended(scores[test], weights) / n_repeats
    mean = by_member.mean(axis=0)
    weights = blending.choose_weights(mean, converted, usual, counts)
    # One slope for all: one a fold would shuffle leads of different folds.
    slope = choose_slope(blending.blended(mean, weights), converted, counts)
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
