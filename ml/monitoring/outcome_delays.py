"""How long leads take from their first score to each outcome, told from the open leads, too.

Standard library only. Whichever outcome comes sooner is over-represented in early outcomes; these
delays say from which age on leads with an outcome are a fair sample, or how to weigh them.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

MATURE_SHARE = 0.9  # of the outcomes of the slower kind
MIN_SHARE = 0.8  # of them, were all leads of that kind that are still open
MAX_STEP = 0.05  # of all leads that one outcome may stand for: beyond, too few are followed
FLAT_PART = 0.3  # at the end of the time followed, in which hardly an outcome comes any more


class Wait(NamedTuple):
    """The days from a lead's first score to its outcome, or until now where it has none (None)."""

    days: float
    converted: bool | None


@dataclass(frozen=True)
class OutcomeDelays:
    """The share of all leads that have converted, and that are lost, by an age in days.

    Cumulative incidences (Aalen and Johansen 1978, Scandinavian Journal of Statistics 5:141-150) at
    the ascending `ages` of outcomes. `followed_days` is the age to which enough leads were
    followed.
    """

    ages: tuple[float, ...]
    converted: tuple[float, ...]
    lost: tuple[float, ...]
    followed_days: float

    def share_told(self, age_days: float, *, converted: bool) -> float:
        """Give the share of the outcomes of a kind that have come by an age, in [0, 1].

        It is of those that come in the time followed; 0 where there are none. Its inverse is the
        weight that makes leads of this age with this outcome stand for those that are still open.
        """
        shares = self.converted if converted else self.lost
        place = bisect_right(self.ages, age_days)
        return shares[place - 1] / shares[-1] if place and shares[-1] else 0.0

    def mature_days(self, share: float = MATURE_SHARE) -> float | None:
        """Find the age from which on leads had the time to end either way, in days.

        By it `share` of the outcomes of the slower kind have come. None while that cannot be told:
        one outcome was never seen, or outcomes still come at the end of the time followed, so
        that the open leads may be of the slower kind.
        """
        if not self.ages or not min(self.converted[-1], self.lost[-1]):
            return None
        n_open = max(0.0, 1 - self.converted[-1] - self.lost[-1])
        ends = []
        for shares in (self.converted, self.lost):
            needed = share * shares[-1]
            place = next(n for n, reached in enumerate(shares) if reached >= needed)
            is_flat = self.ages[place] <= (1 - FLAT_PART) * self.followed_days
            if not is_flat and shares[place] < MIN_SHARE * (shares[-1] + n_open):
                return None
            ends.append(self.ages[place])
        return max(ends)


def outcome_delays(waits: Sequence[Wait]) -> OutcomeDelays:
    """Estimate how long outcomes take, from leads that were scored from their beginning.

    The open ones have to be among them: without them slow outcomes look rare. Leads without an
    outcome to come (closed unworked, merged) belong in with the days until they ended, as open.

    >>> waits = [Wait(day, day > 4) for day in range(1, 11)] + [Wait(20, None)] * 10
    >>> found = outcome_delays(waits)
    >>> found.mature_days(), found.share_told(5, converted=False)
    (10, 1.0)
    >>> found.share_told(7, converted=True)
    0.5
    >>> outcome_delays([wait for wait in waits if not wait.converted]).mature_days() is None
    True
    """
    n_at_risk, remaining = len(waits), 1.0
    ages, converted, lost = [], [0.0], [0.0]
    followed = 0.0
    for age, of_age in groupby(sorted(waits, key=lambda wait: wait.days), lambda w: w.days):
        ended = [wait.converted for wait in of_age]
        step = remaining / n_at_risk
        if step > MAX_STEP:
            break
        followed = age
        n_won, n_lost = ended.count(True), ended.count(False)
        if n_won or n_lost:
            ages.append(age)
            converted.append(converted[-1] + step * n_won)
            lost.append(lost[-1] + step * n_lost)
            remaining -= step * (n_won + n_lost)
        n_at_risk -= len(ended)
    return OutcomeDelays(tuple(ages), tuple(converted[1:]), tuple(lost[1:]), followed)
