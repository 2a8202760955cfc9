"""Whether the live model still holds: its calibration in the large, and its ranking.

Standard library only. How far the leads themselves have moved is measured in `drift`.
"""

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import mul
from typing import NamedTuple

from ml.gate.intervals import Z_95
from ml.monitoring.drift import Verdict

FLAG_SIGMAS, ACT_SIGMAS = 2.0, 3.0  # of calibration, as in control charts
SETTLE_SIGMAS = 2.0  # of a level, with the leads that it was learned from among the witnesses
# Of log loss saved: by chance fewer than 3 of 1,000 models ever come so far.
NATS_TO_ACT = -math.log(0.003)
MIN_EACH_CLASS = 10  # companies and people; with fewer, a live AUC says nothing
MIN_OUTCOMES = 20  # companies and people; with fewer, calibration is not judged
MIN_EACH_TO_RECALIBRATE = 5  # companies and people; with fewer it hangs on single leads


class ScoredOutcome(NamedTuple):
    """A lead with an outcome, and the score it had before.

    It counts as `weight` leads do (`OutcomeDelays.weight`). Leads of one `group`, a person or
    company, may be alike: in every variance they count as one.
    """

    score: float
    converted: bool
    group: int
    weight: float = 1.0


def n_groups(leads: Iterable[ScoredOutcome]) -> int:
    """Count the companies and people among leads."""
    return len({lead.group for lead in leads})


_DENSITY = {place / 8: math.exp(-((place / 8) ** 2) / 2) for place in range(-32, 33)}
# Steps of the log-odds from -4 to 4, with the weight that each has at first.
STEPS = {step: weight / math.fsum(_DENSITY.values()) for step, weight in _DENSITY.items()}


@dataclass(frozen=True)
class Calibration:
    """Conversions against those expected; `z` is in standard deviations, above 0 for too many.

    Of `n` leads of `n_groups` companies and people `n_converted` have converted. `converted` and
    `expected` count each lead with its weight, the mean weight being 1. `nats_saved` is what a step
    of all scores would save of log loss (`nats_saved_by_a_step`).
    """

    n: int
    n_groups: int
    n_converted: int
    converted: float
    expected: float
    z: float
    nats_saved: float

    @property
    def verdict(self) -> Verdict:
        """What the difference means; unknown where outcomes are too few.

        To act it has to be far off and surely no chance, however often it was looked at.
        """
        if self.n_groups < MIN_OUTCOMES:
            return "unknown"
        far = abs(self.z)
        if far > ACT_SIGMAS and self.nats_saved > NATS_TO_ACT:
            return "act"
        return "look" if far > FLAG_SIGMAS else "good"

    @property
    def text(self) -> str:
        """What came and what was expected, for people."""
        came = f"{self.n_converted:,} of {self.n:,} leads converted"
        if abs(self.converted - self.n_converted) < 0.5:
            return f"{came}, about {self.expected:,.0f} expected"
        return (
            f"{came}, about {self.converted:,.0f} with slow outcomes counted in; about"
            f" {self.expected:,.0f} were expected"
        )


@dataclass(frozen=True)
class LiveAuc:
    """How well scores ranked the leads whose outcomes have come since.

    `auc` has its 95 % interval and standard error; None and 0 below two companies or people with
    either outcome.
    """

    n_converted: int
    n_lost: int
    n_groups_converted: int
    n_groups_lost: int
    n_groups: int
    auc: float | None
    low: float | None
    high: float | None
    error: float

    @property
    def is_enough(self) -> bool:
        """Whether it says anything."""
        return min(self.n_groups_converted, self.n_groups_lost) >= MIN_EACH_CLASS


def calibration_in_the_large(leads: Sequence[ScoredOutcome]) -> Calibration:
    """Compare conversions with what scores given before the outcomes promised.

    z = (O - E) / sqrt(sum of p (1 - p)) where all leads count one; 0 where nothing varies.

    >>> calibration_in_the_large([ScoredOutcome(0.5, True, group) for group in range(4)]).z
    2.0
    >>> round(calibration_in_the_large([ScoredOutcome(0.5, True, n // 2) for n in range(4)]).z, 3)
    1.414
    """
    weights = math.fsum(lead.weight for lead in leads)
    scale = len(leads) / weights if weights else 0.0
    converted = scale * math.fsum(lead.weight for lead in leads if lead.converted)
    expected = scale * math.fsum(lead.weight * lead.score for lead in leads)
    deviation = scale * math.sqrt(spread_of_groups(leads))
    z = (converted - expected) / deviation if deviation else 0.0
    n_converted = sum(lead.converted for lead in leads)
    saved = nats_saved_by_a_step(leads)
    return Calibration(len(leads), n_groups(leads), n_converted, converted, expected, z, saved)


def spread_of_groups(leads: Sequence[ScoredOutcome]) -> float:
    """Give the variance of the weighted conversions, those of a group taken for one."""
    of_group: defaultdict[int, float] = defaultdict(float)
    for lead in leads:
        of_group[lead.group] += lead.weight * math.sqrt(lead.score * (1 - lead.score))
    return math.fsum(each * each for each in of_group.values())


def trust(leads: Sequence[ScoredOutcome]) -> float:
    """Give the factor by which a likelihood of weighted leads, some alike, has to be lowered.

    1 where each counts one and is alone.
    """
    spread = spread_of_groups(leads)
    information = math.fsum(lead.weight * lead.score * (1 - lead.score) for lead in leads)
    return information / spread if spread else 0.0


def nats_saved_by_a_step(leads: Sequence[ScoredOutcome]) -> float:
    """Give the log loss that a step of all log-odds, learned on the way, would have saved, in nats.

    Each lead is judged with what those before it say of the step, which begins as normal around
    zero. Where the probabilities are right, it ever exceeds `NATS_TO_ACT` in fewer than 3 of 1,000
    models, however often one looks: mixtures with Ville's inequality, Robbins (1970), Annals of
    Mathematical Statistics 41(5), 1397-1409. With weights and groups the likelihood is lowered by
    `trust`, so that this holds about.

    >>> round(nats_saved_by_a_step([ScoredOutcome(0.2, n < 25, n) for n in range(50)]), 1)
    9.0
    >>> nats_saved_by_a_step([ScoredOutcome(0.5, n < 25, n) for n in range(50)]) < 0
    True
    """
    lowered = trust(leads)
    converted = math.fsum(lead.weight for lead in leads if lead.converted)
    gains = []
    for step, weight in STEPS.items():
        odds = math.expm1(step)
        loss = math.fsum(lead.weight * math.log1p(lead.score * odds) for lead in leads)
        gains.append(lowered * (step * converted - loss) + math.log(weight))
    best = max(gains)
    return best + math.log(math.fsum(math.exp(gain - best) for gain in gains))


def live_auc(leads: Sequence[ScoredOutcome]) -> LiveAuc:
    """Measure how well scores ranked leads, with DeLong's interval (Biometrics 44(3), 837-845).

    Each counts with its weight; groups as in Obuchowski (1997), Biometrics 53(2), 567-578.

    >>> outcomes = [(4, True), (2, True), (3, False), (1, False)]
    >>> measured = live_auc([ScoredOutcome(*each, n) for n, each in enumerate(outcomes)])
    >>> measured.auc, round(measured.low, 3), measured.high
    (0.75, 0.057, 1.0)
    """
    hits, misses = ([lead for lead in leads if lead.converted == kind] for kind in (True, False))
    counts = len(hits), len(misses), n_groups(hits), n_groups(misses), n_groups(leads)
    if min(counts) < 2:
        return LiveAuc(*counts, None, None, None, 0.0)
    auc, moves = _ranked([lead.score for lead in leads], leads)
    error = _error(moves, leads)
    half = Z_95 * error
    return LiveAuc(*counts, auc, max(0.0, auc - half), min(1.0, auc + half), error)


def errors_below(leads: Sequence[ScoredOutcome], others: Sequence[float]) -> float:
    """Give by how many standard errors the AUC of scores is lower than that of others (DeLong).

    `others` are scores of the same leads, two groups or more of each outcome; equal ones stand for
    luck.

    >>> wrong, luck = [0.3, 0.4, 0.6, 0.7] * 10, [0.5] * 40
    >>> def of(scores):
    ...     return [ScoredOutcome(score, n % 2 == 0, n) for n, score in enumerate(scores)]
    >>> errors_below(of(wrong), luck) > 1 > 0 > errors_below(of(luck), wrong)
    True
    """
    (own, moved), (other, moved_too) = (
        _ranked(scores, leads) for scores in ([lead.score for lead in leads], others)
    )
    difference = other - own
    error = _error([b - a for a, b in zip(moved, moved_too, strict=True)], leads)
    if not error:
        return math.copysign(math.inf, difference) if difference else 0.0
    return difference / error


def _ranked(scores: Sequence[float], leads: Sequence[ScoredOutcome]) -> tuple[float, list[float]]:
    """Give the AUC of scores, and what each lead moves it by."""
    auc, moves = 0.0, [0.0] * len(leads)
    for kind in (True, False):
        own = [place for place, lead in enumerate(leads) if lead.converted == kind]
        others = [
            (score, lead.weight)
            for score, lead in zip(scores, leads, strict=True)
            if lead.converted != kind
        ]
        below = _shares_below([scores[place] for place in own], others)
        shares = below if kind else [1 - share for share in below]
        weights = [leads[place].weight for place in own]
        total = math.fsum(weights)
        auc = math.fsum(map(mul, weights, shares)) / total
        n = n_groups(leads[place] for place in own)
        for place, weight, share in zip(own, weights, shares, strict=True):
            moves[place] = math.sqrt(n / (n - 1)) * weight * (share - auc) / total
    return auc, moves


def _error(moves: Sequence[float], leads: Sequence[ScoredOutcome]) -> float:
    of_group: defaultdict[int, float] = defaultdict(float)
    for move, lead in zip(moves, leads, strict=True):
        of_group[lead.group] += move
    return math.sqrt(math.fsum(each * each for each in of_group.values()))


def _shares_below(scores: Sequence[float], others: Sequence[tuple[float, float]]) -> list[float]:
    """The share of the others, by weight, that each score lies above; equal ones count half."""
    ordered = sorted(others)
    places = [score for score, _ in ordered]
    sums = [0.0, *accumulate(weight for _, weight in ordered)]
    middles = ((sums[bisect_left(places, s)] + sums[bisect_right(places, s)]) / 2 for s in scores)
    return [middle / sums[-1] for middle in middles]
