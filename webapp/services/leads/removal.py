"""Leads that the CRM no longer has: hidden, shown again, followed into another lead, erased."""

from collections.abc import Collection, Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from webapp.crm_tables import CrmConflict, CrmLead, CrmLink, CrmScoreWrite
from webapp.database import change, insert
from webapp.intake_tables import ImportChange
from webapp.services.accounts import audit
from webapp.services.crm import unmatched
from webapp.services.leads import leads
from webapp.services.models import registry
from webapp.services.outcomes import outcomes, waiting
from webapp.services.outcomes.outcomes import MEANINGS, Attribution, OutcomeEvent
from webapp.services.remarks import notes, overrides
from webapp.tables import SOURCES, Lead, Outcome, Score, Snapshot
from webapp.tables.remarks import REMARKS


def remove(session: Session, lead: Lead, now: datetime, *, into: Lead | None = None) -> None:
    """Hide a lead from the lists and from training; its history stays, and what was reported of it.

    `into` is the lead that goes on for it, and has its notes and its override from then on.
    """
    if into is not None:
        notes.move(session, lead, into)
        overrides.take_along(session, lead, into, now)
    lead.removed_at = lead.removed_at or now
    lead.merged_into_key = into.key if into is not None else None
    outcomes.count_again(session, lead)
    change(session, sa.delete(Score).where(Score.lead_key == lead.key))


def restore(session: Session, fields: Fields, lead: Lead, now: datetime) -> None:
    """Show a lead again, with the outcome reported of it and a score by what is known of it."""
    lead.removed_at, lead.merged_into_key, lead.scored_at = None, None, now
    overrides.give_back(session, lead, now)
    outcomes.count_again(session, lead)
    rows = [
        {
            "version_key": version_key,
            "lead_key": lead.key,
            "probability": card.score(leads.collected_inputs(lead)).probability,
            **leads.facets(lead),
        }
        for version_key, card in registry.in_use(session).cards.items()
    ]
    session.execute(insert(session, Score).on_conflict_do_nothing(), rows)


def hand_over(session: Session, pairs: Iterable[tuple[Lead, Lead]], now: datetime) -> None:
    """Carry the last outcome reported here on a merged lead over to its survivor."""
    events = [
        OutcomeEvent(
            winner,
            MEANINGS[row.result],
            Attribution(
                source=row.source,
                actor=row.actor,
                reason=f"said of {loser.lead_id}, which was merged into this lead",
                rule="merged",
                idempotency_key=f"merged:{row.key}:{winner.key}",
            ),
            row.happened_at,
        )
        for loser, winner in pairs
        if (row := _last_word(session, loser)) is not None
    ]
    if events:
        outcomes.record_many(session, events, now=now)


def erase(session: Session, keys: Collection[int], actor: str, now: datetime) -> int:
    """Delete leads, those merged into them, and all of theirs for good; the audit log says so."""
    names = delete(session, _with_merged(session, keys), now)
    for name in names:
        audit.record(session, actor, "erased a lead", audit.named(name), now=now)
    return len(names)


def named_by(session: Session, keys: Collection[int]) -> set[str]:
    """What files name these leads by, and those merged into them, in small letters."""
    is_asked = Lead.key.in_(_with_merged(session, keys))
    # Salesforce exports ids without their checksum, too.
    short = sa.func.substr(Lead.crm_id, 1, 15)
    query = sa.select(Lead.lead_id, Lead.crm_id, short, Lead.email, Lead.name).where(is_asked)
    return {word.casefold() for row in session.execute(query) for word in row if word}


def delete(session: Session, all_keys: Collection[int], now: datetime) -> list[str]:
    """Delete leads and all that belongs to them; return their ids."""
    names = [lead.lead_id for lead in leads.lock_by_key(session, all_keys).values()]
    crm_ids = sa.select(CrmLead.id).where(CrmLead.lead_key.in_(all_keys))
    unmatched.forget(session, all_keys, now)
    change(session, sa.delete(CrmLink).where(CrmLink.crm_lead_id.in_(crm_ids)))
    of_lead = (
        *REMARKS,
        CrmConflict,
        CrmScoreWrite,
        CrmLead,
        ImportChange,
        Snapshot,
        Outcome,
        Score,
    )
    for table in of_lead:
        change(session, sa.delete(table).where(table.lead_key.in_(all_keys)))
    linked = sa.update(Lead).where(Lead.key.in_(all_keys))
    change(session, linked.values(merged_into_key=None))
    change(session, sa.delete(Lead).where(Lead.key.in_(all_keys)))
    waiting.forget(session, names)
    return names


def _with_merged(session: Session, keys: Collection[int]) -> set[int]:
    """These leads and those merged into them, also by way of another."""
    found: set[int] = set()
    more = set(keys)
    while more:
        found |= more
        merged = sa.select(Lead.key).where(Lead.merged_into_key.in_(more))
        more = set(session.scalars(merged)) - found
    return found


def _last_word(session: Session, lead: Lead) -> Outcome | None:
    query = (
        sa.select(Outcome)
        .where(Outcome.lead_key == lead.key, Outcome.source.in_(SOURCES), outcomes.stands())
        .order_by(Outcome.happened_at.desc(), Outcome.key.desc())
        .limit(1)
    )
    return session.scalar(query)
