"""Days go by between two messages: open leads are scored again once that moves their score."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.services.leads import leads, scoring
from webapp.services.leads.leads import AGEING, DAY
from webapp.services.leads.records import LeadRecord
from webapp.services.leads.scoring import ScoringInput
from webapp.services.models import registry
from webapp.services.models.registry import InUse
from webapp.tables import Lead

SOURCE = "days"  # of snapshots
STEP_ROWS = 500
MIN_MOVE = 0.01


def score_next(session: Session, after_key: int, now: datetime) -> int | None:
    """Score the next open leads behind `after_key` whose days since contact have gone on.

    Returns the last one's key, None at the end. A lead whose score hardly moves stays as it is, and
    its days go on from when they were told, so that this can be repeated.
    """
    query = sa.select(Lead.key).where(
        Lead.key > after_key,
        Lead.outcome.is_(None),
        ~Lead.is_never_worked,
        ~Lead.is_in_pipeline,
        Lead.removed_at.is_(None),
        Lead.days_since_contact.is_not(None),
        Lead.scored_at <= now - DAY,
    )
    keys = session.scalars(query.order_by(Lead.key).limit(STEP_ROWS)).all()
    if not keys:
        return None
    versions = registry.in_use(session)
    found = leads.lock_by_key(session, keys).values()
    # Until it was locked, another may have written to it or closed it.
    records = [
        LeadRecord(lead.lead_id, {}, {AGEING: int(days)}, None)
        for lead in found
        if lead.status == "open" and (days := leads.aged(lead, now)) is not None
    ]
    by_id = {lead.lead_id: lead for lead in found}
    inputs = [
        ScoringInput(record, now, came_with_outcome=False)
        for record in records
        if moves_score(versions, by_id[record.lead_id], record)
    ]
    scoring.score_many(session, versions, inputs, source=SOURCE, now=now)
    return keys[-1]


def moves_score(versions: InUse, lead: Lead, record: LeadRecord) -> bool:
    """Whether what a record tells moves the lead's score by a point of 100 or more."""
    known = leads.collected_inputs(lead)
    before, after = (
        versions.card.score(values).probability for values in (known, known | record.inputs)
    )
    return abs(after - before) >= MIN_MOVE
