"""Closed opportunities that should belong to a lead and do not: listed, linked or ignored."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.crm_tables import CrmLead, CrmOpportunity, CrmRole, CrmUnmatched
from webapp.database import change, insert
from webapp.services.accounts import audit
from webapp.services.crm import connections, mirror
from webapp.services.leads import leads

TRIED_FOR = timedelta(days=90)
NAMELESS = {"name": None, "stage": None}
# Of an entry that nobody has dealt with for good.
IS_UNRESOLVED = CrmUnmatched.state.in_(("open", "ignored"))


class UnmatchedNotFound(LookupError):
    """No opportunity with this id is listed."""

    def __init__(self, opportunity_id: str) -> None:
        super().__init__(f"Opportunity {opportunity_id} is not on the list")


class NotFromSalesforce(ValueError):
    """The lead chosen is not one of Salesforce's."""

    def __init__(self) -> None:
        super().__init__("This lead is not from Salesforce: record its outcome on its own page")


def note(session: Session, opportunity_ids: Collection[str], reason: str, now: datetime) -> int:
    """List opportunities, unless they are or were listed."""
    if not opportunity_ids:
        return 0
    new = {"reason": reason, "state": "open", "first_seen_at": now, "n_tries": 1}
    rows = [new | {"opportunity_id": row_id} for row_id in sorted(opportunity_ids)]
    session.execute(insert(session, CrmUnmatched).on_conflict_do_nothing(), rows)
    return len(rows)


def keep_names(session: Session, names: Mapping[str, Mapping[str, str | None]]) -> None:
    """Note name and stage of what is listed or ignored, unless somebody deals with it now."""
    query = sa.select(CrmUnmatched).where(CrmUnmatched.opportunity_id.in_(names), IS_UNRESOLVED)
    for row in session.scalars(query.with_for_update(skip_locked=True)):
        row.name, row.stage = names[row.opportunity_id]["name"], names[row.opportunity_id]["stage"]


def forget(session: Session, lead_keys: Collection[int], now: datetime) -> None:
    """Remove the names of leads about to be erased; entries stay, not to be listed again."""
    crm_leads = sa.select(CrmLead.id).where(CrmLead.lead_key.in_(lead_keys))
    deals: sa.CompoundSelect[str | None] = sa.union(
        sa.select(CrmLead.opportunity_id).where(CrmLead.lead_key.in_(lead_keys)),
        sa.select(CrmLead.linked_opportunity_id).where(CrmLead.lead_key.in_(lead_keys)),
        sa.select(CrmRole.opportunity_id).where(CrmRole.crm_lead_id.in_(crm_leads)),
    )
    ids = [row_id for row_id in session.scalars(deals) if row_id is not None]
    note(session, ids, "lead_erased", now)
    is_its = sa.or_(CrmUnmatched.opportunity_id.in_(ids), CrmUnmatched.lead_key.in_(lead_keys))
    statement = sa.update(CrmUnmatched).where(is_its)
    change(session, statement.values(state="settled", settled_at=now, lead_key=None, **NAMELESS))
    named = sa.update(CrmOpportunity).where(CrmOpportunity.id.in_(ids))
    change(session, named.values(**NAMELESS))


def close_matched(session: Session, now: datetime) -> int:
    """Take from the list what by now belongs to a lead, is gone, or was tried for long enough."""
    alive = sa.select(CrmOpportunity.id).where(
        CrmOpportunity.id == CrmUnmatched.opportunity_id,
        CrmOpportunity.is_closed,
        CrmOpportunity.is_deleted.is_(False),
        CrmOpportunity.is_readable,
    )
    is_over = sa.or_(
        mirror.is_of_a_lead(CrmUnmatched.opportunity_id),
        ~alive.exists(),
        CrmUnmatched.first_seen_at < now - TRIED_FOR,
    )
    statement = sa.update(CrmUnmatched).where(IS_UNRESOLVED, is_over)
    settled = {"state": "settled", "settled_at": now, "settled_by": "salesforce"}
    return change(session, statement.values(**settled, **NAMELESS))


def link(session: Session, opportunity_id: str, lead_id: str, actor: str, *, now: datetime) -> None:
    """Say that an opportunity is a lead's; the next run derives the outcome from it."""
    row = entry(session, opportunity_id, lock=True)
    lead = leads.find(session, lead_id)
    crm_lead = session.scalar(sa.select(CrmLead).where(CrmLead.lead_key == lead.key))
    if crm_lead is None:
        raise NotFromSalesforce
    crm_lead.linked_opportunity_id = opportunity_id
    mirror.read_again(session, [crm_lead.id])
    row.state, row.lead_key = "linked", lead.key
    row.name = row.stage = None
    row.settled_at, row.settled_by = now, actor
    connections.hint(session, now)
    detail = {"lead": lead.lead_id}
    audit.record(session, actor, "linked opportunity", opportunity_id, now=now, detail=detail)


def ignore(session: Session, opportunity_id: str, actor: str, *, now: datetime) -> None:
    """Take an opportunity from the list."""
    row = entry(session, opportunity_id, lock=True)
    row.state, row.settled_at, row.settled_by = "ignored", now, actor
    audit.record(session, actor, "ignored opportunity", opportunity_id, now=now)


def list_again(session: Session, opportunity_id: str, actor: str, *, now: datetime) -> None:
    """Take back that an opportunity is ignored."""
    row = entry(session, opportunity_id, "ignored", lock=True)
    row.state, row.settled_at, row.settled_by = "open", None, None
    audit.record(session, actor, "listed opportunity", opportunity_id, now=now)


def listed(
    session: Session, *, after: tuple[datetime, str] | None = None, limit: int = 50
) -> list[CrmUnmatched]:
    """Open entries, oldest first, behind one given as its time and id."""
    order = (CrmUnmatched.first_seen_at, CrmUnmatched.opportunity_id)
    query = sa.select(CrmUnmatched).where(CrmUnmatched.state == "open")
    if after is not None:
        at, opportunity_id = sa.literal(after[0], order[0].type), sa.literal(after[1])
        query = query.where(sa.tuple_(*order) > sa.tuple_(at, opportunity_id))
    return list(session.scalars(query.order_by(*order).limit(limit)))


def n_open(session: Session) -> int:
    """How many are listed."""
    return session.scalar(sa.select(sa.func.count()).where(CrmUnmatched.state == "open")) or 0


def entry(
    session: Session, opportunity_id: str, state: str = "open", *, lock: bool = False
) -> CrmUnmatched:
    """The entry of an opportunity in this state, locked for a change where asked."""
    row = session.get(CrmUnmatched, opportunity_id, with_for_update=lock or None)
    if row is None or row.state != state:
        raise UnmatchedNotFound(opportunity_id)
    return row
