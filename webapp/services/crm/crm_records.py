"""The CRM's records of leads and their deals, for people who want to look at them there."""

import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.crm_tables import NOT_READABLE, CrmDeal, CrmLead, CrmLink, CrmUnmatched
from webapp.services.crm import connections, links, mirror
from webapp.services.crm.kinds import table as kinds

# As the sync ends the reason of an outcome: "its deal is won (0065g00000Xy1ZkAAJ)".
CITED = re.compile(r"(.*) \(([\w-]+)\)", re.ASCII | re.DOTALL)


@dataclass(frozen=True)
class Deal:
    """A lead's deal: where it is in the CRM; name and stage are known while it is open."""

    address: str
    name: str | None
    stage: str | None
    is_open: bool


@dataclass(frozen=True)
class CrmRecords:
    """Where the CRM has a lead, and its deal if it has one; `deal_address` finds any by its id."""

    id: str
    address: str
    deal: Deal | None
    deal_address: str

    def cited(self, reason: str | None) -> tuple[str, str, str] | None:
        """The reason of an outcome that names a record at its end: text, id and where that is."""
        found = CITED.fullmatch(reason or "")
        if found is None:
            return None
        text, record_id = found.groups()
        is_lead = record_id == self.id
        return text, record_id, self.address if is_lead else self.deal_address.format(id=record_id)


def of_leads(session: Session, lead_keys: Collection[int]) -> dict[int, CrmRecords]:
    """The records of those of these leads that the connected CRM has, by the lead's key.

    Of several deals it is the one that decides what becomes of the lead.
    """
    connection = connections.find(session)
    if connection is None:
        return {}
    # What a lead's state comes from is the lead itself or one of its deals.
    deciding = sa.func.nullif(CrmLead.source_id, CrmLead.id)
    own = sa.select(sa.func.min(CrmLink.deal_id)).where(
        CrmLink.crm_lead_id == CrmLead.id, CrmLink.origin.in_(links.OWN)
    )
    deal_id = sa.func.coalesce(deciding, own.scalar_subquery())
    query = (
        sa.select(CrmLead.lead_key, CrmLead.id, deal_id, CrmDeal)
        .outerjoin(CrmDeal, CrmDeal.id == deal_id)
        .where(CrmLead.lead_key.in_(lead_keys), CrmLead.is_deleted.is_(False))
    )
    kind, domain = kinds.of(connection.kind), connection.domain
    found = {}
    deal_address = kind.deal_at(domain, "{id}")
    for key, crm_id, deal_id, row in session.execute(query):
        deal = _deal(deal_address.format(id=deal_id), row) if deal_id else None
        found[key] = CrmRecords(crm_id, kind.lead_at(domain, crm_id), deal, deal_address)
    return found


@dataclass(frozen=True)
class LinkedDeal:
    """A deal of a lead, its state in a word, and who says that it is the lead's: one or both.

    A link made by hand names who made it and when, as far as that is known; one that no run has
    looked at yet `waits`.
    """

    id: str
    name: str | None
    state: str
    is_told_by_crm: bool
    is_by_hand: bool
    linked_by: str | None
    linked_at: datetime | None
    waits: bool


class OfLead(NamedTuple):
    """What the page of a lead tells of the CRM.

    `records` where the connected CRM has the lead, `linked_deals` all its deals in order of their
    ids, and `removed_link` the deal, unlinked by hand, whose outcome counts until the next run.
    """

    records: CrmRecords | None
    linked_deals: list[LinkedDeal]
    removed_link: str | None


def of_lead(session: Session, lead_key: int) -> OfLead:
    """What is known of a lead's records in the CRM; one query tells where there are none."""
    crm_lead = session.scalar(sa.select(CrmLead).where(CrmLead.lead_key == lead_key))
    if crm_lead is None:
        return OfLead(None, [], None)
    records = of_leads(session, [lead_key]).get(lead_key)
    return OfLead(records, linked_deals(session, crm_lead), removed_link(session, lead_key))


def linked_deals(session: Session, crm_lead: CrmLead) -> list[LinkedDeal]:
    """All deals of a lead, in order of their ids."""
    origins: dict[str, set[str]] = defaultdict(set)
    for link in links.of_leads(session, [crm_lead.id])[crm_lead.id]:
        origins[link.deal_id].add(link.origin)
    if not origins:
        return []
    deals = mirror.deals(session, origins)
    made = sa.select(CrmUnmatched).where(
        CrmUnmatched.deal_id.in_(origins), CrmUnmatched.state == "linked"
    )
    by_hand = {row.deal_id: row for row in session.scalars(made)}
    return [
        _linked(deal_id, deals.get(deal_id), by, by_hand.get(deal_id), of=crm_lead)
        for deal_id, by in origins.items()
    ]


def removed_link(session: Session, lead_key: int) -> str | None:
    """The deal, unlinked by hand, whose outcome counts for a lead until the next run."""
    is_linked = sa.exists().where(
        CrmLink.crm_lead_id == CrmLead.id,
        CrmLink.deal_id == CrmLead.source_id,
        CrmLink.origin == "person",
    )
    is_by_hand = CrmLead.rule.startswith(mirror.BY_HAND)
    query = sa.select(CrmLead.source_id).where(CrmLead.lead_key == lead_key, is_by_hand, ~is_linked)
    return session.scalar(query.where(CrmLead.is_to_be_read))


def _linked(
    deal_id: str,
    deal: CrmDeal | None,
    origins: Collection[str],
    made: CrmUnmatched | None,
    *,
    of: CrmLead,
) -> LinkedDeal:
    is_told = links.is_told(origins)
    names = (row.name for row in (deal, made) if row is not None)
    return LinkedDeal(
        deal_id,
        next(filter(None, names), None),
        deal.state if deal else NOT_READABLE,
        is_told,
        "person" in origins,
        made.resolved_by if made else None,
        made.resolved_at if made else None,
        not is_told and of.is_to_be_read and of.source_id != deal_id,
    )


def _deal(address: str, row: CrmDeal | None) -> Deal:
    if row is None:
        return Deal(address, None, None, is_open=False)
    is_open = row.is_readable and row.is_under_way
    return Deal(address, row.name or None, row.stage, is_open)
