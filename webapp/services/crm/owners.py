"""Owners of the CRM's leads who have an account here, by their e-mail addresses."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.crm_tables import CrmLead
from webapp.services.crm import connections
from webapp.services.leads import scoring
from webapp.services.leads.records import LeadRecord
from webapp.services.leads.scoring import ScoringInput
from webapp.services.models import registry
from webapp.tables import Lead, User


def with_account(session: Session, addresses: Collection[str]) -> set[str]:
    """Those of these e-mail addresses that belong to an account."""
    return set(session.scalars(sa.select(User.email).where(User.email.in_(addresses))))


def give_to_new_accounts(session: Session, since: datetime, limit: int, now: datetime) -> int:
    """Make accounts created since a time the owners of their leads; give the number of leads."""
    query = (
        sa.select(Lead.lead_id, User.email)
        .join(CrmLead, CrmLead.lead_key == Lead.key)
        .join(User, User.email == CrmLead.owner_email)
        .where(User.created_at >= since, sa.func.coalesce(Lead.owner, "") != User.email)
        .where(Lead.removed_at.is_(None))
        .limit(limit)
    )
    given = [
        ScoringInput(LeadRecord(lead_id, {"owner": email}, {}, None), now, False, is_repeat=True)
        for lead_id, email in session.execute(query)
    ]
    # Scores repeat the owner, by whom the lead table is filtered.
    if given:
        source = connections.kind(session).key
        scoring.score_many(session, registry.in_use(session), given, source=source, now=now)
    return len(given)
