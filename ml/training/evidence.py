"""What a challenger is judged on: all leads since the champion, or the newest after a change."""

import math
from dataclasses import replace
from typing import Any, NamedTuple

from ml.gate.gate import Decision, Evidence
from ml.gate.intervals import ONE_SIDED_95
from ml.monitoring.claims import Interval, of_a_winner
from ml.training.encode import Bools, Floats
from ml.training.evaluate import delong, paired_evidence
from ml.training.groups import Groups, count, numbered

# Shares of the evidence that may be all that comes after a change.
NEWEST = tuple(2 ** (-step / 2) for step in range(7))
CHANGED = 3.3  # standard errors of the fall of an AUC: by chance once in 2,000 looks
FAILED = 2.5  # of one below what was claimed
INVERTED = 2.5  # standard errors below luck
MIN_EACH_CLASS = 20
MIN_EACH_BEFORE = 10  # with fewer before a change only what was claimed tells how it ranked


def gathered(
    converted: Bools,
    champion: Floats,
    challenger: Floats,
    groups: Groups | None = None,
    *,
    is_dated: bool = True,
    n_learned: int | None = None,
    claimed: Interval | None = None,
) -> Evidence:
    """Compare probabilities of both on leads since the champion was trained, the oldest first.

    Where these are in order of time (`is_dated`) and the champion ranks the newest surely worse
    than those before and than it `claimed`, the world has changed: then the newest alone count, as
    many as show it best. `n_learned` as for `added_value`.
    """
    group_of = numbered(groups, len(converted))
    found_at = change(converted, champion, group_of, claimed) if is_dated else None
    n_older = found_at or 0
    newest = slice(n_older, None)
    found = paired_evidence(
        converted[newest],
        champion[newest],
        challenger[newest],
        group_of[newest],
        n_learned=n_learned,
    )
    return replace(found, n_older=n_older, is_changed=found_at is not None)


def of_later(before: Evidence, found: Evidence) -> Evidence:
    """Add what evidence has left out already to what was found on its newest leads alone."""
    return replace(
        found,
        n_older=before.n_older + found.n_older,
        is_changed=before.is_changed or found.is_changed,
    )


def is_inverted(converted: Bools, champion: Floats, groups: Groups) -> bool:
    """Tell whether a champion ranks surely worse than luck on twenty groups of each outcome."""
    found = _auc(converted, champion, groups, MIN_EACH_CLASS)
    return found is not None and 0.5 - found.auc > INVERTED * found.variance**0.5


def change(
    converted: Bools, champion: Floats, groups: Groups, claimed: Interval | None = None
) -> int | None:
    """Find where the champion began to rank surely worse: how many leads are older; None: nowhere.

    The newer leads, twenty groups of each outcome, are compared with those before, ten of each, and
    with what it claimed of both. 0 where it ranks all of them worse than it claimed.
    """
    found, surest = None, 0.0
    for share in NEWEST:
        cut = round((1 - share) * len(converted))
        old, new = slice(cut), slice(cut, None)
        now = _auc(converted[new], champion[new], groups[new], MIN_EACH_CLASS)
        before = _pooled(_auc(converted[old], champion[old], groups[old], MIN_EACH_BEFORE), claimed)
        if now is None or before is None:
            continue
        errors = _errors(before.auc - now.auc, before.variance + now.variance)
        if errors > max(surest, CHANGED if cut else FAILED):
            found, surest = cut, errors
    return found


def _errors(fall: float, variance: float) -> float:
    if not variance:
        # Where both are ranked without a mistake, or all wrong, nothing varies.
        return float("inf") if fall > 0 else 0.0
    return fall / math.sqrt(variance)


class _Auc(NamedTuple):
    auc: float
    variance: float


def _auc(converted: Bools, scores: Floats, groups: Groups, least: int) -> _Auc | None:
    """Measure an AUC; None below so many groups of either outcome."""
    counts = count(converted, groups)
    if min(counts.n_groups_converted, counts.n_groups_lost) < least:
        return None
    aucs, covariance = delong(converted, scores, groups)
    return _Auc(float(aucs[0]), float(covariance[0, 0]))


def _pooled(measured: _Auc | None, claimed: Interval | None) -> _Auc | None:
    """Join what was measured before a change and what was claimed, each by its precision."""
    if claimed is None or claimed.value <= claimed.low:
        return measured
    claim = _Auc(claimed.value, ((claimed.value - claimed.low) / ONE_SIDED_95) ** 2)
    if measured is None or not measured.variance:
        return measured or claim
    total = 1 / claim.variance + 1 / measured.variance
    return _Auc((claim.auc / claim.variance + measured.auc / measured.variance) / total, 1 / total)


def claiming(metrics: dict[str, Any], decision: Decision) -> dict[str, Any]:
    """Lower the AUC that a winner claims by the luck of winning."""
    if not decision.promote:
        return metrics
    auc = of_a_winner(Interval(*metrics["claim"]["auc"]), decision.gain, decision.standard_error)
    return metrics | {"claim": metrics["claim"] | {"auc": auc}}
