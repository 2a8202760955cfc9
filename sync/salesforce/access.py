"""Which fields must be seen, which can be done without, and what comes of it where they are hidden.

By object, and of fields as the describe call lists them. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sync.crm.protocol import DEALS, LEADS, Opening
from sync.salesforce.rows import LEAD_FACTS, PEOPLE

Described = Sequence[Mapping[str, Any]]
OBJECTS = {LEADS: "Lead", DEALS: "Opportunity"}
NEEDED = {
    LEADS: {
        "Id": "it tells which lead it is",
        "SystemModstamp": "it tells when a lead changed",
        "CreatedDate": "it tells when a lead was made",
        "IsConverted": "it tells whether a lead was converted",
        "ConvertedOpportunityId": "it tells which opportunity a lead was converted to",
        "IsDeleted": "it tells whether a lead was deleted",
        "MasterRecordId": "it tells which lead a lead was merged into",
    },
    DEALS: {
        "Id": "it tells which opportunity it is",
        "SystemModstamp": "it tells when an opportunity changed",
        "CreatedDate": "it tells when an opportunity was made",
        "IsClosed": "it tells whether an opportunity is closed",
        "IsWon": "it tells whether an opportunity is won",
        "IsDeleted": "it tells whether an opportunity was deleted",
    },
}
WITHOUT = {
    LEADS: {
        "LastActivityDate": "inactive leads cannot be closed",
        "Status": "no status can be chosen as disqualified",
        "ConvertedDate": "conversions are dated by the change that shows them",
        "ConvertedContactId": "leads converted without an opportunity find none by their contact",
        "OwnerId": "leads come without an owner",
    },
    DEALS: {
        "LastStageChangeDate": "outcomes are dated by the last change of any kind",
        "LeadSource": "no opportunity is listed as unmatched",
        "Name": "opportunities are shown by their ids",
        "StageName": "opportunities are shown without their stage",
    },
}
PEOPLE_FIELDS = tuple(path for path in PEOPLE.values() if "." not in path)
PARENT_FIELDS = ("Owner.Email", "Owner.Name")
LEAD_FIELDS = (*NEEDED[LEADS], *WITHOUT[LEADS], *PEOPLE_FIELDS, *PARENT_FIELDS)
OPPORTUNITY_FIELDS = (*NEEDED[DEALS], *WITHOUT[DEALS])
RULES_NEED_IT = "the filter or the outcome rules go by it"


def needed(opening: Opening) -> dict[str, dict[str, str]]:
    """The fields without which nothing is read, by object, each with why."""
    by_rules = {n: RULES_NEED_IT for n, fact in LEAD_FACTS.items() if fact in opening.decisive}
    external = {n: "leads are known by it" for n in [opening.external_id_field] if n}
    return NEEDED | {LEADS: NEEDED[LEADS] | by_rules | external}


def missing(obj: str, needs: Mapping[str, str], described: Described) -> list[str]:
    """A sentence without its full stop for each field that is needed and not described."""
    hidden = unseen(needs, described)
    return [f"{OBJECTS[obj]}.{name} cannot be seen: {needs[name]}" for name in hidden]


def unseen(names: Iterable[str], described: Described) -> list[str]:
    """Those of these fields that are not described; one of a parent goes by its reference."""
    seen = {field["name"] for field in described}
    return [n for n in names if (f"{n.partition('.')[0]}Id" if "." in n else n) not in seen]
