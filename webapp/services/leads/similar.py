"""Past leads like one: those whose score is made up alike, among few with about the same score."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.scorecard.scorecard import Scorecard
from webapp.services.leads import leads
from webapp.tables import Lead, Score

MAX_SHOWN = 5
# Looked at on each side of the score, of each outcome: the work is the same among a million.
MAX_CANDIDATES = 50
OUTCOMES = ("converted", "lost")


@dataclass(frozen=True)
class Similar:
    """A past lead, and how far its score is made up otherwise: log-odds, summed over the fields."""

    lead: Lead
    distance: float


def past(
    session: Session, card: Scorecard, version_key: int, lead: Lead
) -> dict[str, list[Similar]]:
    """The past leads most like one, by outcome, most alike first.

    Two leads are alike where the model's effects of each field are: the distance is the sum of
    their differences. Candidates are ranges of the index by which the queue is read.
    """
    own = card.score(leads.collected_inputs(lead))
    effects = dict(own.effects)
    found: dict[str, list[Similar]] = {status: [] for status in OUTCOMES}
    for candidate in _candidates(session, version_key, own.probability):
        if candidate.key != lead.key and candidate.status in found:
            other = dict(card.score(leads.collected_inputs(candidate)).effects)
            distance = sum(
                abs(effects.get(name, 0.0) - other.get(name, 0.0)) for name in effects | other
            )
            found[candidate.status].append(Similar(candidate, distance))
    return {
        status: sorted(some, key=lambda each: (each.distance, -each.lead.key))[:MAX_SHOWN]
        for status, some in found.items()
    }


def _candidates(session: Session, version_key: int, probability: float) -> list[Lead]:
    parts = []
    for status in OUTCOMES:
        of_status = sa.select(Score.lead_key).where(
            Score.version_key == version_key, Score.status == status
        )
        above = of_status.where(Score.probability >= probability)
        below = of_status.where(Score.probability < probability)
        up = above.order_by(Score.probability, Score.lead_key)
        down = below.order_by(Score.probability.desc(), Score.lead_key.desc())
        parts += [up.limit(MAX_CANDIDATES).subquery(), down.limit(MAX_CANDIDATES).subquery()]
    keys = sa.union_all(*(sa.select(part.c.lead_key) for part in parts)).subquery()
    query = sa.select(Lead).join(keys, keys.c.lead_key == Lead.key)
    return list(session.scalars(query))
