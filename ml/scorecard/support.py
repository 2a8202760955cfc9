"""How far a score can be believed: what became of leads that scored the same when it was tested."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ml.gate.intervals import wilson
from ml.scorecard.reasons import Reason

FEW_LEADS = 30
BANDS = 10  # of scores, all equally wide


class Alike(NamedTuple):
    """Leads not learned from whose scores lay in a band; the share converted within 95 %."""

    first: float
    last: float
    n: int
    n_converted: int
    low: float
    high: float


def alike(
    histogram: Mapping[str, Sequence[float]], probability: float, groups_per_lead: float = 1.0
) -> Alike:
    """Find the leads that scored in the same tenth of all possible scores, from scores out of fold.

    The interval counts persons and companies, of which there are so many a lead.

    >>> histogram = {"converted": [0, 0, 0, 9] + [0] * 16, "lost": [0, 0, 8, 3] + [0] * 16}
    >>> found = alike(histogram, 0.17)
    >>> found.first, found.last, found.n, found.n_converted
    (0.1, 0.2, 20, 9)
    """
    band = min(int(BANDS * probability), BANDS - 1)
    width = len(histogram["converted"]) // BANDS
    bins = slice(band * width, (band + 1) * width)
    n_converted = int(sum(histogram["converted"][bins]))
    n = n_converted + int(sum(histogram["lost"][bins]))
    low, high = wilson(n_converted / n, n * groups_per_lead) if n else (0.0, 1.0)
    return Alike(band / BANDS, (band + 1) / BANDS, n, n_converted, low, high)


def thinnest(reasons: Sequence[Reason]) -> Reason | None:
    """Find the reason that rests on the fewest leads; None where all are rules of thumb."""
    counted = [reason for reason in reasons if reason.n_leads is not None]
    return min(counted, key=lambda reason: reason.n_leads or 0, default=None)
