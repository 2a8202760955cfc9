"""What the product has to know of a CRM beside its adapter: words, addresses, field names."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class CrmKind:
    """One CRM: how people there call things, and where they find a record.

    `key` is the kind of the connection and the source of its outcomes; the addresses are made of
    the connection's `domain` and the record's `id`.
    """

    key: str
    name: str
    lead: str
    leads: str
    owners: str
    deal: str
    deals: str
    a_deal: str
    # What to do where deals cannot be read.
    see_deals: str
    # Leads become something else there: an event, without which a deal is all that tells.
    converts_leads: bool
    lead_address: str
    deal_address: str
    # How the ids of owners and record types begin; empty where that cannot be told.
    id_prefixes: Mapping[str, tuple[str, ...]]
    # The fields that our scores are written to.
    written: tuple[str, ...]
    # Those that stay as they were when a lead becomes something else, and those that must not be
    # inputs: what we write, and what says or follows from what became of a lead.
    stable: frozenset[str]
    no_inputs: frozenset[str]
