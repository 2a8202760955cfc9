"""Leads entered by hand: scored like any other, but never over one that is there already."""

from datetime import datetime

from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from webapp.services.leads import leads, scoring
from webapp.services.leads.records import LeadRecord
from webapp.services.outcomes.outcomes import Attribution


class LeadExists(ValueError):
    """Another lead has this id."""

    def __init__(self, lead_id: str) -> None:
        super().__init__(f"There is a lead with the ID {lead_id} already")


def score(
    session: Session, fields: Fields, record: LeadRecord, attribution: Attribution, *, now: datetime
) -> scoring.Scored:
    """Score a lead that must not be known yet; else `LeadExists`."""
    try:
        leads.find(session, record.lead_id)
    except leads.LeadNotFound:
        scored = scoring.score_lead(session, fields, record, attribution, now=now)
        # Somebody else may have made it just now: then it has another beginning.
        if scored.lead.created_at == now:
            return scored
    raise LeadExists(record.lead_id)
