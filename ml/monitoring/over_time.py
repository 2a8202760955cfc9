"""How well a version ranked leads as time went on, told in batches of outcomes.

Standard library only.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from ml.monitoring.performance import MIN_EACH_CLASS, LiveAuc, ScoredOutcome, live_auc

MAX_BATCHES = 12

Ended: TypeAlias = tuple[datetime, ScoredOutcome]


class Batch(NamedTuple):
    """Leads that ended one after another, and how well they were ranked."""

    since: datetime
    until: datetime
    live: LiveAuc


def batches(leads: Sequence[Ended]) -> list[Batch]:
    """Cut leads with an outcome, in order of time, into at most 12 batches that can be judged.

    Each has companies and people enough of either outcome; what is left over at the end belongs to
    the last. None where all together are too few.

    >>> day = datetime(2026, 1, 1)
    >>> leads = [(day, ScoredOutcome(n % 2 / 2, n % 2 == 1, n)) for n in range(50)]
    >>> [batch.live.n_converted for batch in batches(leads)], batches(leads[:19])
    ([10, 15], [])
    """
    ends = _ends(leads, least=len(leads) / MAX_BATCHES)
    parts = [leads[start:end] for start, end in pairwise([0, *ends[:-1], len(leads)]) if ends]
    return [Batch(part[0][0], part[-1][0], live_auc([lead for _, lead in part])) for part in parts]


def _ends(leads: Sequence[Ended], *, least: float) -> list[int]:
    """Find the places at which a batch has leads enough, and companies and people of each kind."""
    ends: list[int] = []
    seen: tuple[set[int], set[int]] = (set(), set())
    for place, (_, lead) in enumerate(leads, start=1):
        seen[lead.converted].add(lead.group)
        start = ends[-1] if ends else 0
        if place - start >= least and min(map(len, seen)) >= MIN_EACH_CLASS:
            ends.append(place)
            seen = (set(), set())
    return ends
