"""How long leads have waited for their outcomes: whose outcomes are a fair sample of all."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.monitoring.outcome_delays import OutcomeDelays, Wait, outcome_delays
from webapp.crm_tables import CrmLead
from webapp.database import DAY
from webapp.services.outcomes import outcomes
from webapp.tables import Lead, Snapshot

MAX_LEADS = 4_000


class Labelled(NamedTuple):
    """Since when a lead with an outcome has been here and in the CRM, and how it ended."""

    since: datetime
    in_crm_since: str | None
    converted: bool
    came_with_outcome: bool


def delays(session: Session, now: datetime) -> OutcomeDelays:
    """Estimate how long outcomes take, from up to 4,000 leads spread evenly over all.

    Only of leads that were followed from their beginning (`is_followed`); those first known with
    their outcome, and those closed without being worked, take no part.
    """
    load_ended = first_load_ended(session)
    n_leads = session.scalar(sa.select(sa.func.max(Lead.key))) or 0
    had_ended = sa.exists().where(
        Snapshot.lead_key == Lead.key,
        Snapshot.taken_at == Lead.created_at,
        Snapshot.came_with_outcome,
    )
    ended_at = sa.func.coalesce(outcomes.first_recorded_at(), Lead.removed_at, now)
    query = (
        sa.select(Lead.created_at, CrmLead.created_at, Lead.outcome, ended_at)
        .outerjoin(CrmLead, CrmLead.lead_key == Lead.key)
        .where(Lead.key % (1 + n_leads // MAX_LEADS) == 0, ~Lead.is_never_worked)
        .where(~had_ended)
    )
    return outcome_delays(
        [
            Wait((until - since) / DAY, converted)
            for since, in_crm_since, converted, until in session.execute(query)
            if is_followed(since, in_crm_since, load_ended)
        ]
    )


def weights(session: Session, leads: Iterable[Labelled], now: datetime) -> list[float] | None:
    """Say how many leads each labelled one stands for, 0 where that cannot be told.

    None while it is too early to tell how many leads end either way.
    """
    found, load_ended = delays(session, now), first_load_ended(session)
    if not found.is_known:
        return None
    return [
        found.weight((now - lead.since) / DAY, converted=lead.converted)
        if not lead.came_with_outcome and is_followed(lead.since, lead.in_crm_since, load_ended)
        else 0.0
        for lead in leads
    ]


def first_load_ended(session: Session) -> datetime | None:
    """A day after the first lead came, where leads came on it that had already ended; else None."""
    first = session.scalar(sa.select(Lead.created_at).order_by(Lead.key).limit(1))
    if first is None:
        return None
    early = sa.select(Snapshot).order_by(Snapshot.key).limit(MAX_LEADS).subquery()
    had_ended = sa.exists().where(early.c.came_with_outcome, early.c.taken_at < first + DAY)
    return first + DAY if session.scalar(sa.select(had_ended)) else None


def is_followed(since: datetime, in_crm_since: str | None, load_ended: datetime | None) -> bool:
    """Whether a lead has been known here from about its beginning.

    One that was open for long before it came is no fair sample: leads like it with a sooner outcome
    had ended by then. Where the CRM does not say how old a lead is, those of a first load of
    ended and open leads are left out (`load_ended`: the end of that day).
    """
    if in_crm_since:
        began = datetime.fromisoformat(in_crm_since)
        return since - (began if began.tzinfo else began.replace(tzinfo=UTC)) <= DAY
    return load_ended is None or since >= load_ended
