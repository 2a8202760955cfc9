"""How long leads take from their first score to each outcome, told from the open leads, too.

Standard library only. Whichever outcome comes sooner is over-represented in early outcomes; these
delays say from which age on leads with an outcome are a fair sample, or how to weigh them.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

MATURE_SHARE = 0.8  # of the outcomes of either kind
MIN_EACH = 10  # outcomes of either kind; with fewer, that none comes late may be chance
MIN_TOLD = 0.25  # of the outcomes of either kind: no lead stands for more than four
MAX_STEP = 0.05  # of all leads that one outcome may stand for: beyond, too few are followed
LATE = 0.3  # part of the time followed that tells how outcomes go on


class Wait(NamedTuple):
    """The days from a lead's first score to its outcome, or until now where it has none (None)."""

    days: float
    converted: bool | None


@dataclass(frozen=True)
class OutcomeDelays:
    """The share of all leads that have converted, and that are lost, by an age in days.

    Cumulative incidences (Aalen and Johansen 1978, Scandinavian Journal of Statistics 5:141-150) at
    the ascending `ages` of outcomes. `followed_days` is the age to which enough leads were
    followed. `all_converted` and `all_lost` are what the shares come to in as much time again,
    where outcomes go on as they came late in the time followed. `level_error` is what chance in the
    late ones makes of the log-odds to convert: a standard error, larger the more they stand for.
    """

    ages: tuple[float, ...]
    converted: tuple[float, ...]
    lost: tuple[float, ...]
    followed_days: float
    all_converted: float
    all_lost: float
    n_fewest: int  # outcomes of the rarer kind
    level_error: float = 0.0

    @property
    def is_known(self) -> bool:
        """Whether it says how many leads end either way, better than outcomes told so far do."""
        return self.n_fewest >= MIN_EACH or self.mature_days() is not None

    def share_told(self, age_days: float, *, converted: bool) -> float:
        """Give the share of the outcomes of a kind that have come by an age, in [0, 1].

        0 where none have come at all.
        """
        return self._share(bisect_right(self.ages, age_days), converted=converted)

    def mature_days(self, share: float = MATURE_SHARE) -> float | None:
        """Find the age from which on leads had the time to end either way, in days.

        By it `share` of the outcomes of either kind have come. None where that takes longer than
        leads were followed, or an outcome was hardly ever seen while many leads are open: how many
        end either way is not known yet.
        """
        if self.ages and self.n_fewest < MIN_EACH:
            share_open = 1 - self.converted[-1] - self.lost[-1]
            if share_open > 1 - MATURE_SHARE:
                return None
        for age in self.ages:
            if min(self.share_told(age, converted=kind) for kind in (True, False)) >= share:
                return age
        return None

    def weight(self, age_days: float, *, converted: bool, since_days: float = 0.0) -> float:
        """Give the number of leads that one with an outcome stands for: 0, or from 1 to 4.

        It stands for those as old whose outcome of the same kind is still to come, and those whose
        outcome came before they were `since_days` old, if such leads are not looked at (inverse
        probability weighting; Robins and Finkelstein 2000, Biometrics 56:779-788). 0 where leads so
        old have hardly had the time to end one way, so that too few would stand for too many.
        """
        first = bisect_left(self.ages, since_days) if since_days else 0
        told = {
            kind: self.share_told(age_days, converted=kind) - self._share(first, converted=kind)
            for kind in (True, False)
            if self._of(converted=kind)[1]
        }
        if min(told.values(), default=0.0) < MIN_TOLD:
            return 0.0
        return 1 / told[converted] if converted in told else 0.0

    def _share(self, n_ages: int, *, converted: bool) -> float:
        shares, total = self._of(converted=converted)
        return shares[n_ages - 1] / total if n_ages and total else 0.0

    def _of(self, *, converted: bool) -> tuple[tuple[float, ...], float]:
        if converted:
            return self.converted, self.all_converted
        return self.lost, self.all_lost


def outcome_delays(waits: Sequence[Wait]) -> OutcomeDelays:
    """Estimate how long outcomes take, from leads that were scored from their beginning.

    The open ones have to be among them: without them slow outcomes look rare. Leads that ended
    without an outcome (merged, removed) belong in with the days until then, as open.

    >>> waits = [Wait(day, day > 4) for day in range(1, 11)] * 3 + [Wait(20, None)] * 30
    >>> found = outcome_delays(waits)
    >>> found.mature_days(), found.share_told(5, converted=False)
    (9, 1.0)
    >>> found.share_told(7, converted=True), found.weight(7, converted=True)
    (0.5, 2.0)
    >>> outcome_delays([wait for wait in waits if not wait.converted]).mature_days() is None
    True
    """
    n_at_risk, remaining = len(waits), 1.0
    ages, converted, lost, n_ended = [], [0.0], [0.0], [0]
    followed, n_each = 0.0, (0, 0)
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
            n_each = n_each[0] + n_won, n_each[1] + n_lost
            n_ended.append(sum(n_each))
        n_at_risk -= len(ended)
    n_early = bisect_right(ages, (1 - LATE) * followed)
    late = converted[-1] - converted[n_early], lost[-1] - lost[n_early]
    to_come = _to_come(max(0.0, remaining), sum(late))
    all_converted, all_lost = converted[-1] + to_come * late[0], lost[-1] + to_come * late[1]
    # Of n outcomes the number varies by its root; each stands for `step` leads and those to come.
    n_late = n_ended[-1] - n_ended[n_early]
    varies = to_come * math.sqrt(sum(late) / n_late) if n_late else 0.0
    kinds = [(late[0], all_converted), (late[1], all_lost)]
    errors = [varies * math.sqrt(part) / whole for part, whole in kinds if whole]
    return OutcomeDelays(
        tuple(ages),
        tuple(converted[1:]),
        tuple(lost[1:]),
        followed,
        all_converted,
        all_lost,
        min(n_each),
        math.hypot(*errors),
    )


def _to_come(remaining: float, late: float) -> float:
    """Give how many times the late outcomes come again, in as much time as leads were followed.

    At the pace at which open leads ended late, until all that remain have ended.
    """
    if not remaining or not late:
        return 0.0
    pace = math.log((remaining + late) / remaining) / LATE
    return remaining * (1 - math.exp(-pace)) / late
