"""What a challenger is judged on: all leads since the champion, or the newest after a change."""

from dataclasses import replace
from typing import Any

import numpy as np

from ml.gate.gate import Decision, Evidence
from ml.monitoring.claims import Interval, of_a_winner
from ml.training.encode import Bools, Floats
from ml.training.evaluate import delong, paired_evidence
from ml.training.groups import Groups, count, numbered

NEWEST = (1 / 2, 1 / 4, 1 / 8)  # shares of the evidence that may be all that comes after a change
CHANGED = 3.3  # standard errors of the fall of an AUC: by chance once in 2,000 looks
INVERTED = 2.5  # standard errors below luck
MIN_EACH_CLASS = 20


def gathered(
    converted: Bools,
    champion: Floats,
    challenger: Floats,
    groups: Groups | None = None,
    *,
    is_dated: bool = True,
    n_learned: int | None = None,
) -> Evidence:
    """Compare probabilities of both on leads since the champion was trained, the oldest first.

    Where these are in order of time (`is_dated`) and the champion ranks the newest surely worse
    than those before, the world has changed: then the newest alone count, as many as show it best.
    `n_learned` as for `added_value`.
    """
    group_of = numbered(groups, len(converted))
    n_older = change(converted, champion, group_of) if is_dated else 0
    newest = slice(n_older, None)
    found = paired_evidence(
        converted[newest],
        champion[newest],
        challenger[newest],
        group_of[newest],
        n_learned=n_learned,
    )
    return replace(found, n_older=n_older)


def is_inverted(converted: Bools, champion: Floats, groups: Groups) -> bool:
    """Tell whether a champion ranks surely worse than luck on twenty groups of each outcome."""
    counts = count(converted, groups)
    if min(counts.n_groups_converted, counts.n_groups_lost) < MIN_EACH_CLASS:
        return False
    aucs, covariance = delong(converted, champion, groups)
    return bool(0.5 - aucs[0] > INVERTED * covariance[0, 0] ** 0.5)


def change(converted: Bools, champion: Floats, groups: Groups) -> int:
    """Find where the champion began to rank surely worse: how many leads are older; 0 if nowhere.

    Either side has twenty groups of each outcome.
    """
    found, surest = 0, CHANGED
    for share in NEWEST:
        cut = round((1 - share) * len(converted))
        sides = slice(cut), slice(cut, None)
        counts = [count(converted[side], groups[side]) for side in sides]
        if min(min(n.n_groups_converted, n.n_groups_lost) for n in counts) < MIN_EACH_CLASS:
            continue
        (old, old_spread), (new, new_spread) = (
            delong(converted[side], champion[side], groups[side]) for side in sides
        )
        fall, variance = float(old[0] - new[0]), float(old_spread[0, 0] + new_spread[0, 0])
        # Where both are ranked without a mistake, or all wrong, nothing varies.
        errors = fall / np.sqrt(variance) if variance else np.inf if fall > 0 else 0.0
        if errors > surest:
            found, surest = cut, errors
    return found


def claiming(metrics: dict[str, Any], decision: Decision) -> dict[str, Any]:
    """Lower the AUC that a winner claims by the luck of winning."""
    if not decision.promote:
        return metrics
    auc = of_a_winner(Interval(*metrics["claim"]["auc"]), decision.gain, decision.standard_error)
    return metrics | {"claim": metrics["claim"] | {"auc": auc}}
