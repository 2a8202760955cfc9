"""Whether the live model still holds: its calibration in the large, and its ranking.

Standard library only. How far the leads themselves have moved is measured in `drift`.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import variance

from ml.gate.intervals import Z_95
from ml.monitoring.drift import Verdict

FLAG_SIGMAS, ACT_SIGMAS = 2.0, 3.0  # of calibration, as in control charts
AUC_SLACK = 0.05  # that a live AUC may lie below the one at promotion: a judgement
# Of log loss saved: by chance fewer than 3 of 1,000 models ever come so far.
NATS_TO_ACT = -math.log(0.003)
MIN_EACH_CLASS = 10  # outcomes; with fewer, a live AUC says nothing
MIN_OUTCOMES = 20  # with fewer, calibration is not judged
MIN_EACH_TO_RECALIBRATE = 5  # outcomes; with fewer the shift hangs on single leads


_DENSITY = {place / 8: math.exp(-((place / 8) ** 2) / 2) for place in range(-32, 33)}
# Steps of the log-odds from -4 to 4, with the weight that each has at first.
STEPS = {step: weight / math.fsum(_DENSITY.values()) for step, weight in _DENSITY.items()}


@dataclass(frozen=True)
class Calibration:
    """Conversions against those expected; `z` is in standard deviations, above 0 for too many."""

    n: int
    n_converted: int
    expected: float
    z: float

    @property
    def verdict(self) -> Verdict:
        """What the difference means; unknown where outcomes are too few."""
        if self.n < MIN_OUTCOMES:
            return "unknown"
        far = abs(self.z)
        return "act" if far > ACT_SIGMAS else "look" if far > FLAG_SIGMAS else "good"


@dataclass(frozen=True)
class LiveAuc:
    """How well scores ranked the leads whose outcomes have come since.

    `auc` has its 95 % interval, None below two leads of a kind; `at_promotion` is what was measured
    then.
    """

    n_converted: int
    n_lost: int
    auc: float | None
    low: float | None
    high: float | None
    at_promotion: float | None

    @property
    def verdict(self) -> Verdict:
        """Critical where even the upper end is well below what was measured at promotion."""
        if min(self.n_converted, self.n_lost) < MIN_EACH_CLASS:
            return "unknown"
        if self.high is None or self.at_promotion is None:
            return "unknown"
        return "act" if self.high < self.at_promotion - AUC_SLACK else "good"


def calibration_in_the_large(
    probabilities: Sequence[float], converted: Sequence[bool]
) -> Calibration:
    """Compare conversions with what scores given before the outcomes promised.

    z = (O - E) / sqrt(sum of p (1 - p)); 0 where nothing varies.

    >>> calibration_in_the_large([0.5] * 4, [True] * 4).z
    2.0
    """
    expected = math.fsum(probabilities)
    deviation = math.sqrt(math.fsum(p * (1 - p) for p in probabilities))
    n_converted = sum(converted)
    z = (n_converted - expected) / deviation if deviation else 0.0
    return Calibration(len(converted), n_converted, expected, z)


def nats_saved_by_a_step(probabilities: Sequence[float], converted: Sequence[bool]) -> float:
    """Give the log loss that a step of all log-odds, learned on the way, would have saved, in nats.

    Each lead is judged with what those before it say of the step, which begins as normal around
    zero. Where the probabilities are right, it ever exceeds `NATS_TO_ACT` in fewer than 3 of 1,000
    models, however often one looks: mixtures with Ville's inequality, Robbins (1970), Annals of
    Mathematical Statistics 41(5), 1397-1409.

    >>> round(nats_saved_by_a_step([0.2] * 50, [n < 25 for n in range(50)]), 1)
    9.0
    >>> nats_saved_by_a_step([0.5] * 50, [n < 25 for n in range(50)]) < 0
    True
    """
    n_converted = sum(converted)
    gains = []
    for step, weight in STEPS.items():
        odds = math.expm1(step)
        loss = math.fsum(math.log1p(p * odds) for p in probabilities)
        gains.append(step * n_converted - loss + math.log(weight))
    best = max(gains)
    return best + math.log(math.fsum(math.exp(gain - best) for gain in gains))


def live_auc(
    scores: Sequence[float], converted: Sequence[bool], at_promotion: float | None
) -> LiveAuc:
    """Measure how well scores ranked leads, with DeLong's interval (Biometrics 44(3), 837-845).

    >>> measured = live_auc([4, 2, 3, 1], [True, True, False, False], None)
    >>> measured.auc, round(measured.low, 3), measured.high
    (0.75, 0.057, 1.0)
    """
    hits = [s for s, is_converted in zip(scores, converted, strict=True) if is_converted]
    misses = [s for s, is_converted in zip(scores, converted, strict=True) if not is_converted]
    if min(len(hits), len(misses)) < 2:
        return LiveAuc(len(hits), len(misses), None, None, None, at_promotion)
    above = _shares_below(hits, misses)
    below = [1 - share for share in _shares_below(misses, hits)]
    auc = math.fsum(above) / len(above)
    error = math.sqrt(variance(above) / len(above) + variance(below) / len(below))
    half = Z_95 * error
    low, high = max(0.0, auc - half), min(1.0, auc + half)
    return LiveAuc(len(hits), len(misses), auc, low, high, at_promotion)


def errors_below(
    scores: Sequence[float], others: Sequence[float], converted: Sequence[bool]
) -> float:
    """Give by how many standard errors the AUC of scores is lower than that of others (DeLong).

    Both are of the same leads, two or more of each outcome; equal scores stand for luck.

    >>> outcomes = [True, False] * 20
    >>> wrong, luck = [0.3, 0.4, 0.6, 0.7] * 10, [0.5] * 40
    >>> errors_below(wrong, luck, outcomes) > 1 > 0 > errors_below(luck, wrong, outcomes)
    True
    """

    def moves(of: Sequence[float], kind: bool) -> list[float]:
        pairs = [*zip(of, converted, strict=True)]
        own = [score for score, outcome in pairs if outcome == kind]
        below = _shares_below(own, [score for score, outcome in pairs if outcome != kind])
        return below if kind else [1 - share for share in below]

    lower = {
        kind: [b - a for a, b in zip(moves(scores, kind), moves(others, kind), strict=True)]
        for kind in (True, False)
    }
    difference = math.fsum(lower[True]) / len(lower[True])
    error = math.sqrt(math.fsum(variance(each) / len(each) for each in lower.values()))
    if not error:
        return math.copysign(math.inf, difference) if difference else 0.0
    return difference / error


def _shares_below(scores: Sequence[float], others: Sequence[float]) -> list[float]:
    """The share of the others that each score lies above, those equal to it counted half."""
    ordered = sorted(others)
    middles = ((bisect_left(ordered, s) + bisect_right(ordered, s)) / 2 for s in scores)
    return [middle / len(ordered) for middle in middles]
