"""The CRM's records of leads and their deals, for people who want to look at them there."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.crm_tables import CrmDeal, CrmLead, CrmLink
from webapp.services.crm import connections, links
from webapp.services.crm.kinds import table as kinds


@dataclass(frozen=True)
class Deal:
    """A lead's deal: where it is in the CRM; name and stage are known while it is open."""

    address: str
    name: str | None
    stage: str | None
    is_open: bool


@dataclass(frozen=True)
class CrmRecords:
    """Where the CRM has a lead, and its deal if it has one."""

    address: str
    deal: Deal | None


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
    for key, crm_id, deal_id, row in session.execute(query):
        deal = _deal(kind.deal_address.format(domain=domain, id=deal_id), row) if deal_id else None
        found[key] = CrmRecords(kind.lead_address.format(domain=domain, id=crm_id), deal)
    return found


def _deal(address: str, row: CrmDeal | None) -> Deal:
    if row is None:
        return Deal(address, None, None, is_open=False)
    return Deal(address, row.name or None, row.stage, row.is_open)
