"""Backtest: what a model predicts of leads whose outcomes came after those it learned from.

Rolling origin: learn from all labels up to a cut, measure on the block behind it, move on (Tashman,
2000). The mix of the members and the half-life were chosen on these leads too, so that what is
measured may be a little too good.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from ml.gate.intervals import ONE_SIDED_95, Z_95
from ml.training import blending
from ml.training.calibration_slope import stretched
from ml.training.cross_validation import OutOfFold
from ml.training.encode import Bools, Columns, Floats
from ml.training.evaluate import delong, log_loss
from ml.training.groups import Groups, numbered
from ml.training.recency import Block, HalfLife, Score, blocks, chosen, predicted

SMALL_DROP = 0.02  # of AUC
NO_ORDER = 0.5  # the AUC of scores that say nothing


def measured(
    frame: pd.DataFrame,
    converted: Bools,
    columns: Columns,
    scores: OutOfFold,
    *,
    half_lives: Sequence[HalfLife],
    seed: int,
    groups: Groups | None = None,
) -> dict[str, Any] | None:
    """Measure a model on leads newer than it has seen, beside what a random split says of them.

    The weights, the slope and the chosen half-life are taken for each cut. Gives what
    `in_time_order` does, and half_lives, what was compared; None where labels are too few.
    """

    def fit(known: pd.DataFrame, outcomes: Bools, weights: Floats | None) -> Score:
        members = blending.fit(known, outcomes, columns, seed, sample_weight=weights)
        base_rate = float(outcomes.mean())

        def score(unseen: pd.DataFrame) -> Floats:
            blended = blending.blended(members.log_odds(unseen), scores.weights)
            return stretched(blended, scores.slope, base_rate)

        return score

    together = numbered(groups, len(frame))
    ahead = [*predicted(fit, frame, converted, together, half_life=chosen(half_lives))]
    if not ahead:
        return None
    compared = {"half_lives": [asdict(each) for each in half_lives]}
    return in_time_order(converted, ahead, scores.blended, together) | compared


def in_time_order(
    converted: Bools, ahead: Sequence[Floats], random_split: Floats, groups: Groups
) -> dict[str, Any]:
    """Compare predictions of later leads with what a random split says of the same leads.

    `ahead` holds log-odds of the leads of each of `recency.blocks`, `random_split` those of all,
    out of fold, the oldest label first, in `groups`. Plain JSON: blocks, a row each; auc with
    auc_low and auc_high (95 %, DeLong within blocks) and auc_random_split, means over the blocks;
    drop between them, and drop_low, its one-sided 95 % bound; log_loss and log_loss_base (of always
    saying the rate so far) over all leads predicted; and `verdict`.
    """
    found = blocks(converted, groups)
    pairs = [
        delong(converted[at], np.stack([scores, random_split[at]]), groups[at])
        for (_, at), scores in zip(found, ahead, strict=True)
    ]
    auc, auc_random_split = np.mean([aucs for aucs, _ in pairs], axis=0).tolist()
    covariance = np.sum([covariance for _, covariance in pairs], axis=0) / len(pairs) ** 2
    half_width = Z_95 * covariance[0, 0] ** 0.5
    auc_low = max(0.0, auc - half_width)
    difference = np.array([-1, 1])
    drop_error = max(float(difference @ covariance @ difference), 0.0) ** 0.5
    drop_low = auc_random_split - auc - ONE_SIDED_95 * drop_error
    rows = [
        _row(converted, block, scores, aucs)
        for block, scores, (aucs, _) in zip(found, ahead, pairs, strict=True)
    ]
    return {
        "n": sum(row["n"] for row in rows),
        "auc": auc,
        "auc_low": auc_low,
        "auc_high": min(1.0, auc + half_width),
        "auc_random_split": auc_random_split,
        "drop": auc_random_split - auc,
        "drop_low": drop_low,
        "log_loss": _mean(rows, "log_loss"),
        "log_loss_base": _mean(rows, "log_loss_base"),
        "verdict": verdict(auc, auc_low, auc_random_split, drop_low),
        "blocks": rows,
    }


def verdict(auc: float, auc_low: float, auc_random_split: float, drop_low: float) -> str:
    """Judge how far the past predicts, from the AUC of later leads and that of a random split.

    "holds"; "nothing", where later leads may be ranked by luck alone; "fades", where the drop is
    surely above 0.02; "lost", where also at most half of what the random split has above 0.5 is
    left.

    >>> verdict(0.86, 0.82, 0.87, -0.01), verdict(0.52, 0.47, 0.53, -0.03)
    ('holds', 'nothing')
    >>> verdict(0.75, 0.71, 0.80, 0.03), verdict(0.55, 0.49, 0.78, 0.20)
    ('fades', 'lost')
    """
    if drop_low <= SMALL_DROP:
        return "holds" if auc_low > NO_ORDER else "nothing"
    return "lost" if auc - NO_ORDER <= (auc_random_split - NO_ORDER) / 2 else "fades"


def _row(converted: Bools, block: Block, log_odds: Floats, aucs: Floats) -> dict[str, Any]:
    outcomes, probabilities = converted[block.places], expit(log_odds)
    rate_so_far = np.full(len(outcomes), converted[: block.n_before].mean())
    return {
        "n_before": block.n_before,
        "n": len(outcomes),
        "n_converted": int(outcomes.sum()),
        "predicted": float(probabilities.mean()),
        "observed": float(outcomes.mean()),
        "auc": float(aucs[0]),
        "auc_random_split": float(aucs[1]),
        "log_loss": log_loss(outcomes, probabilities),
        "log_loss_base": log_loss(outcomes, rate_so_far),
    }


def _mean(rows: Sequence[dict[str, Any]], name: str) -> float:
    """Average over the leads of all rows."""
    return float(np.average([row[name] for row in rows], weights=[row["n"] for row in rows]))
