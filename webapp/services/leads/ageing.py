"""Days go by between two messages: open leads are scored again once that moves their score."""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.scorecard.scorecard import Scorecard
from webapp.services.demo import demo_leads
from webapp.services.leads import leads, scoring
from webapp.services.leads.leads import AGEING, AGEING_SOURCE, DAY
from webapp.services.leads.records import LeadRecord
from webapp.services.leads.scoring import ScoringInput
from webapp.services.models import registry
from webapp.tables import Lead

STEP_ROWS = 500
MIN_MOVE = 0.01


class Due(NamedTuple):
    """Some open leads that were looked at: the last one's key, and the keys of those to score."""

    last: int
    keys: list[int]


def next_due(session: Session, after_key: int, now: datetime) -> Due | None:
    """Find the next open leads behind `after_key` whose score days since contact have moved.

    None at the end. A lead whose score hardly moves stays as it is, and its days go on from when
    they were told, so that this can be repeated. Nothing is written or locked. Leads of the demo
    wait until all of it is here: else what it still tells of days gone by came after today.
    """
    query = sa.select(Lead).where(
        Lead.key > after_key,
        Lead.outcome.is_(None),
        ~Lead.is_never_worked,
        ~Lead.is_in_pipeline,
        Lead.removed_at.is_(None),
        Lead.days_since_contact.is_not(None),
        Lead.scored_at <= now - DAY,
    )
    if demo_leads.is_unfinished(session):
        query = query.where(~demo_leads.is_invented())
    found = session.scalars(query.order_by(Lead.key).limit(STEP_ROWS)).all()
    if not found:
        return None
    _, card = registry.serving(session)
    return Due(found[-1].key, [each.key for each in found if _has_moved(card, each, now)])


def score(session: Session, keys: list[int], now: datetime) -> None:
    """Score leads by the days since contact of now, but for those told of or closed meanwhile."""
    versions = registry.in_use(session)
    records = [
        _record(lead, now)
        for lead in leads.lock_by_key(session, keys).values()
        if lead.status == "open" and _has_moved(versions.card, lead, now)
    ]
    inputs = [ScoringInput(record, now, came_with_outcome=False) for record in records]
    scoring.score_many(session, versions, inputs, source=AGEING_SOURCE, now=now)


def _has_moved(card: Scorecard, lead: Lead, now: datetime) -> bool:
    return lead.days_since_contact is not None and moves_score(card, lead, _record(lead, now))


def _record(lead: Lead, now: datetime) -> LeadRecord:
    return LeadRecord(lead.lead_id, {}, {AGEING: int(leads.aged(lead, now) or 0)}, None)


def moves_score(card: Scorecard, lead: Lead, record: LeadRecord) -> bool:
    """Whether what a record tells moves the lead's score by a point of 100 or more."""
    known = leads.collected_inputs(lead)
    before, after = (card.score(values).probability for values in (known, known | record.inputs))
    return abs(after - before) >= MIN_MOVE
