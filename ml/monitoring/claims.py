"""What a version claims of leads to come, and whether their outcomes bear it out.

Standard library only: pages read claims, too.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from ml.gate.intervals import ONE_SIDED_95
from ml.monitoring.performance import LiveAuc, ScoredOutcome, live_auc

CLIP = 1e-4  # no probability counts as surer than this
CONFIDENCE = 0.9  # of the intervals, two-sided
PERHAPS, SURELY = 2.0, 2.5  # standard errors: outcomes are looked at again and again
NEWEST = (1 / 2, 1 / 4)  # shares of the outcomes that may be all that comes after a change
LUCK = 0.5  # the AUC of scores that say nothing
HARDLY_BETTER = 0.6  # an AUC that is surely below this is hardly better than luck

Verdict: TypeAlias = Literal["early", "luck", "holds", "doubtful", "failed"]
Outcomes: TypeAlias = Sequence[ScoredOutcome]


class Interval(NamedTuple):
    """A figure with its 90 % interval."""

    value: float
    low: float
    high: float


NO_ORDER = Interval(LUCK, LUCK, LUCK)


@dataclass(frozen=True)
class Claim:
    """What a version says of leads to come, measured on `n` leads that it had not seen.

    `rate` is the share that converts, `grades` that of the leads of each grade.
    """

    n: int
    auc: Interval
    log_loss: Interval
    rate: Interval
    grades: Mapping[str, Interval]


@dataclass(frozen=True)
class Met:
    """What became of a claimed AUC: `live` is that of leads which had the time to end.

    `newest` is measured on the newest outcomes alone, where these show surest that it has failed.
    """

    verdict: Verdict
    live: LiveAuc
    newest: LiveAuc | None = None


def meet(claimed: Interval | None, matured: Outcomes, told: Outcomes) -> Met:
    """Judge a claimed AUC by outcomes that the version did not learn from.

    `matured` are those of leads that had the time to end either way, `told` all, the oldest first.
    It has failed where the AUC of either, or of the newest half or quarter of all told, is lower by
    more than 2.5 standard errors of the difference, and is doubtful beyond 2: the newest show a
    change of the world long before those before it are outweighed. Where nothing was claimed, any
    version claims to rank leads better than luck does. "early" below ten of each outcome, or while
    the live AUC may still be luck as well as something; "luck" where it is hardly better.

    >>> claimed = Interval(0.75, 0.70, 0.80)
    >>> right = [ScoredOutcome(n % 4 / 4, n % 4 in (1, 3), n) for n in range(100)]
    >>> wrong = [lead._replace(score=1 - lead.score, group=-lead.group) for lead in right]
    >>> meet(claimed, right, right).verdict, meet(claimed, wrong, wrong).verdict
    ('holds', 'failed')
    >>> changed = meet(claimed, right, right + wrong[:30])
    >>> changed.verdict, changed.live.auc, changed.newest.auc < 0.6
    ('failed', 0.75, True)
    """
    live = live_auc(matured)
    told_last = (told[len(told) - round(share * len(told)) :] for share in (1.0, *NEWEST))
    looks = [live, *map(live_auc, told_last)]
    worst = max(looks, key=lambda look: _errors_below(look, claimed or NO_ORDER))
    errors, newest = _errors_below(worst, claimed or NO_ORDER), None if worst is live else worst
    if errors > SURELY:
        return Met("failed", live, newest)
    verdict = _beside_luck(live)
    if claimed and errors > PERHAPS and verdict != "luck":
        return Met("doubtful", live, newest)
    return Met(verdict, live)


def _beside_luck(live: LiveAuc) -> Verdict:
    if not live.is_enough or live.low is None or live.high is None:
        return "early"
    if live.low > LUCK:
        return "holds"
    return "luck" if live.high < HARDLY_BETTER else "early"


def of_a_winner(auc: Interval, gain: float | None, error: float | None) -> Interval:
    """Lower the AUC that a challenger claims by what choosing it for its gain has added.

    It was chosen because it came out ahead, by luck, too. Of a gain with a standard `error` the
    share 1 - (error / gain)² is expected to last (James and Stein 1961; Efron and Morris 1973,
    Journal of the American Statistical Association 68:117-130). Whether this one was lucky nobody
    knows: the upper end stays.

    >>> [round(end, 3) for end in of_a_winner(Interval(0.74, 0.68, 0.79), 0.10, 0.05)]
    [0.715, 0.655, 0.79]
    """
    if gain is None or error is None or gain <= 0:
        return auc
    luck = gain * min(1.0, (error / gain) ** 2)
    return Interval(auc.value - luck, auc.low - luck, auc.high)


def outcome_of(matured: Outcomes, grade: Callable[[float], str]) -> dict[str, Any]:
    """Measure what came of the other claims, leads counting as much as their weight.

    "log_loss" in nats, None without leads; "grades": how many leads, and the share that converted.

    >>> leads = [ScoredOutcome(0.5, True, 0), ScoredOutcome(0.5, False, 1, weight=3.0)]
    >>> outcome_of(leads, lambda score: "B")
    {'log_loss': 0.6931471805599453, 'grades': {'B': (2, 0.25)}}
    """
    by_grade: defaultdict[str, list[ScoredOutcome]] = defaultdict(list)
    for lead in matured:
        by_grade[grade(lead.score)].append(lead)
    return {
        "log_loss": _mean(_loss, matured) if matured else None,
        "grades": {
            name: (len(leads), _mean(lambda lead: lead.converted, leads))
            for name, leads in sorted(by_grade.items())
        },
    }


def _loss(lead: ScoredOutcome) -> float:
    probability = min(max(lead.score, CLIP), 1 - CLIP)
    return -math.log(probability if lead.converted else 1 - probability)


def _mean(of: Callable[[ScoredOutcome], float], leads: Outcomes) -> float:
    total = math.fsum(lead.weight for lead in leads)
    return math.fsum(lead.weight * of(lead) for lead in leads) / total


def _errors_below(found: LiveAuc, claimed: Interval) -> float:
    """By how many standard errors of the difference an AUC is lower than claimed; 0 of too few."""
    if not found.is_enough or found.auc is None:
        return 0.0
    error = math.hypot((claimed.value - claimed.low) / ONE_SIDED_95, found.error)
    fall = claimed.value - found.auc
    # Where every lead is ranked right, or every one wrong, nothing varies.
    return fall / error if error else math.copysign(math.inf, fall) if fall else 0.0
