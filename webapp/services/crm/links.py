"""Which deals are which leads': many of either, by what the CRM says and what people chose."""

from collections import defaultdict
from collections.abc import Collection, Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.crm_tables import CrmDeal, CrmLead, CrmLink, CrmUnmatched
from webapp.database import PLAIN_ROWS, change
from webapp.services.crm.mirror import LACKS_NAME

# By the lead's record or the deal's: the CRM says without doubt that the deal is the lead's.
OWN = ("lead", "deal")


def is_told(origins: Collection[str]) -> bool:
    """Whether the CRM says that a deal is a lead's, and no person has to: by who says so."""
    return any(origin in OWN for origin in origins) or set(origins) == {"contact"}


def of_leads(session: Session, crm_lead_ids: Collection[str]) -> dict[str, list[CrmLink]]:
    """The links of these leads."""
    found: dict[str, list[CrmLink]] = defaultdict(list)
    query = sa.select(CrmLink).where(CrmLink.crm_lead_id.in_(crm_lead_ids))
    for link in session.scalars(query.order_by(CrmLink.deal_id)):
        found[link.crm_lead_id].append(link)
    return found


def leads_of(session: Session, deal_ids: Collection[str]) -> dict[str, CrmLead]:
    """The leads whose outcome may depend on these deals, by id."""
    linked = sa.select(CrmLink.crm_lead_id).where(CrmLink.deal_id.in_(deal_ids))
    query = sa.select(CrmLead).where(CrmLead.id.in_(linked))
    return {row.id: row for row in session.scalars(query)}


def deals_of_leads(session: Session, deal_ids: Collection[str]) -> set[str]:
    """Those of these deals that are a lead's."""
    return set(session.scalars(_deals_of_leads().where(CrmLink.deal_id.in_(deal_ids))))


def is_of_a_lead(deal_id: sa.orm.InstrumentedAttribute[str]) -> sa.ColumnElement[bool]:
    """The condition that a deal is a lead's."""
    return _deals_of_leads().where(CrmLink.deal_id == deal_id).exists()


def keep_of_leads(
    session: Session, crm_lead_ids: Collection[str], origin: str, pairs: Iterable[tuple[str, str]]
) -> None:
    """Replace the links of these leads by pairs of lead and deal."""
    _replace(session, origin, CrmLink.crm_lead_id.in_(crm_lead_ids), set(pairs))


def keep_of_deals(
    session: Session, deal_ids: Collection[str], pairs: Iterable[tuple[str, str]]
) -> set[str]:
    """Replace the links that deals name by pairs of lead and deal; return whose have changed."""
    return _replace(session, "deal", CrmLink.deal_id.in_(deal_ids), set(pairs))


def hand_over(session: Session, crm_lead_id: str, survivor_id: str) -> bool:
    """Give what people linked to a merged lead to its survivor; return whether there is any."""
    by_hand = sa.select(CrmLink).where(
        CrmLink.crm_lead_id == crm_lead_id, CrmLink.origin == "person"
    )
    found = session.scalars(by_hand).all()
    for link in found:
        session.merge(CrmLink(crm_lead_id=survivor_id, deal_id=link.deal_id, origin="person"))
        session.delete(link)
    return bool(found)


def unread_deals(session: Session, limit: int) -> list[str]:
    """Deals of leads that were never asked for, or whose name was not."""
    asked = sa.select(CrmDeal.id).where(CrmDeal.id == CrmLink.deal_id, ~LACKS_NAME)
    query = _deals_of_leads().distinct().where(CrmLead.is_deleted.is_(False), ~asked.exists())
    return list(session.scalars(query.limit(limit)))


def deals_with_leads(session: Session, after_id: str, limit: int) -> list[str]:
    """All deals that are a lead's, in order of their ids."""
    query = sa.select(CrmDeal.id).where(CrmDeal.id > after_id, is_of_a_lead(CrmDeal.id))
    return list(session.scalars(query.order_by(CrmDeal.id).limit(limit)))


def some_deals(session: Session, limit: int) -> list[str]:
    """Deals of leads that were read once and not deleted, drawn at random."""
    was_read = (CrmDeal.stamp != "", CrmDeal.is_deleted.is_(False))
    query = sa.select(CrmDeal.id).where(*was_read, is_of_a_lead(CrmDeal.id))
    return list(session.scalars(query.order_by(sa.func.random()).limit(limit)))


def without_deals(
    session: Session,
    *,
    after_id: str = "",
    ids: Collection[str] | None = None,
    limit: int | None = None,
) -> list[CrmLead]:
    """Leads with a contact and no deal of their own, in order of id; of all or these `ids`."""
    query = sa.select(CrmLead).where(
        CrmLead.id > after_id,
        CrmLead.contact_id.is_not(None),
        CrmLead.is_deleted.is_(False),
        ~_has_deal().exists(),
    )
    if ids is not None:
        query = query.where(CrmLead.id.in_(ids))
    return list(session.scalars(query.order_by(CrmLead.id).limit(limit)))


def unlinked(session: Session, deal_ids: Collection[str]) -> list[str]:
    """Closed deals that came from a lead by their source, not linked to a lead."""
    known = sa.select(CrmUnmatched.deal_id).where(CrmUnmatched.deal_id == CrmDeal.id)
    query = sa.select(CrmDeal.id).where(
        CrmDeal.id.in_(deal_ids),
        CrmDeal.is_closed,
        CrmDeal.has_source,
        CrmDeal.is_deleted.is_(False),
        ~is_of_a_lead(CrmDeal.id),
        ~known.exists(),
    )
    return list(session.scalars(query))


def counts(session: Session) -> dict[str, int]:
    """How much is here: leads, those with a deal of their own, and those with an unreadable one."""
    is_here = CrmLead.is_deleted.is_(False)
    unreadable = sa.select(CrmDeal.id).where(CrmDeal.is_readable.is_(False))
    conditions = {
        "leads": is_here,
        "with_deal": _has_deal().exists(),
        "unreadable": _has_deal().where(CrmLink.deal_id.in_(unreadable)).exists(),
    }
    count = sa.select(sa.func.count()).select_from(CrmLead)
    return {name: session.scalar(count.where(is_so)) or 0 for name, is_so in conditions.items()}


def _replace(
    session: Session, origin: str, which: sa.ColumnElement[bool], after: set[tuple[str, str]]
) -> set[str]:
    """Replace links of an origin where they differ; return the leads whose have changed."""
    of_these = (which, CrmLink.origin == origin)
    query = sa.select(CrmLink.crm_lead_id, CrmLink.deal_id).where(*of_these)
    before = {(lead_id, deal_id) for lead_id, deal_id in session.execute(query)}
    if before != after:
        change(session, sa.delete(CrmLink).where(*of_these))
        _add(session, origin, after)
    return {crm_lead_id for crm_lead_id, _ in before ^ after}


def _deals_of_leads() -> sa.Select[str]:
    return sa.select(CrmLink.deal_id).join(CrmLead, CrmLead.id == CrmLink.crm_lead_id)


def _has_deal() -> sa.Select[str]:
    return sa.select(CrmLink.deal_id).where(
        CrmLink.crm_lead_id == CrmLead.id, CrmLink.origin.in_(OWN)
    )


def _add(session: Session, origin: str, pairs: Collection[tuple[str, str]]) -> None:
    rows = [{"crm_lead_id": i, "deal_id": d, "origin": origin} for i, d in sorted(pairs)]
    if rows:
        session.execute(sa.insert(CrmLink), rows, execution_options=PLAIN_ROWS)
