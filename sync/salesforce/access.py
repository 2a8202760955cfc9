"""Which fields are asked for: those that must be seen, and those that can be done without.

By object, and of fields as the describe call lists them. Pure.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ml.sentences import gettext
from sync.crm.protocol import DEALS, LEADS, Described, Opening
from sync.salesforce import soql

Fields = Sequence[Mapping[str, Any]]
OBJECTS: dict[str, str] = {LEADS: "Lead", DEALS: "Opportunity"}
NEEDED: dict[str, dict[str, str]] = {
    LEADS: {
        "Id": gettext("it shows which lead it is"),
        "SystemModstamp": gettext("it shows when a lead changed"),
        "CreatedDate": gettext("it shows when a lead was made"),
        "IsConverted": gettext("it shows whether a lead was converted"),
        "ConvertedOpportunityId": gettext("it shows which opportunity a lead was converted to"),
        "IsDeleted": gettext("it shows whether a lead was deleted"),
        "MasterRecordId": gettext("it shows which lead a lead was merged into"),
    },
    DEALS: {
        "Id": gettext("it shows which opportunity it is"),
        "SystemModstamp": gettext("it shows when an opportunity changed"),
        "CreatedDate": gettext("it shows when an opportunity was made"),
        "IsClosed": gettext("it shows whether an opportunity is closed"),
        "IsWon": gettext("it shows whether an opportunity is won"),
        "IsDeleted": gettext("it shows whether an opportunity was deleted"),
    },
}
WITHOUT: dict[str, dict[str, str]] = {
    LEADS: {
        "LastActivityDate": gettext("inactive leads cannot be closed"),
        "Status": gettext("no status can be chosen as disqualified"),
        "ConvertedDate": gettext("conversions are dated by the change that shows them"),
        "ConvertedContactId": gettext(
            "leads converted without an opportunity find none by their contact"
        ),
        "OwnerId": gettext("leads arrive without an owner"),
    },
    DEALS: {
        "LastStageChangeDate": gettext("outcomes are dated by the last change of any kind"),
        "LeadSource": gettext("no opportunity is listed as unmatched"),
        "Name": gettext("opportunities are shown by their ids"),
        "StageName": gettext("opportunities are shown without their stage"),
    },
}
PEOPLE = {
    "name": "Name",
    "company": "Company",
    "email": "Email",
    "phone": "Phone",
    "owner": "Owner.Name",
}
# The fields of optional facts, by the fact's name in `LeadRow`.
LEAD_FACTS = {
    "LastActivityDate": "active_on",
    "Status": "status",
    "ConvertedDate": "converted_on",
    "ConvertedContactId": "contact_id",
    "OwnerId": "owner_id",
    "Owner.Email": "owner_email",
    "RecordTypeId": "record_type_id",
}
# The first characters of a user's id; a queue's are others.
USER_PREFIX = "005"
PEOPLE_FIELDS = tuple(path for path in PEOPLE.values() if "." not in path)
PARENT_FIELDS = ("Owner.Email", "Owner.Name")
LEAD_FIELDS = (*NEEDED[LEADS], *WITHOUT[LEADS], *PEOPLE_FIELDS, *PARENT_FIELDS)
OPPORTUNITY_FIELDS = (*NEEDED[DEALS], *WITHOUT[DEALS])
RULES_NEED_IT = gettext("the filter or the outcome rules use it")
DESCRIBED = ("name", "label", "type", "length", "updateable", "custom", "externalId", "calculated")
MAX_VALUES = 2000  # of a picklist, more than any but that of states has


class Access:
    """The fields that are asked of an org: all at first, then those that may be seen.

    `needs` has, by object, why a field is needed; `values` are the mapped fields of a lead, and
    `hidden` those that leads come without.
    """

    def __init__(self, opening: Opening) -> None:
        by_rules = {n: RULES_NEED_IT for n, fact in LEAD_FACTS.items() if fact in opening.decisive}
        external = {n: gettext("it identifies leads") for n in [opening.external_id_field] if n}
        self.needs = NEEDED | {LEADS: NEEDED[LEADS] | by_rules | external}
        self.values = tuple(opening.lead_fields)
        self.hidden: Sequence[str] = ()
        leads = dict.fromkeys((*LEAD_FIELDS, *self.needs[LEADS], *self.values))
        self._select: dict[str, Sequence[str]] = {LEADS: tuple(leads), DEALS: OPPORTUNITY_FIELDS}
        self._amounts: Collection[str] = ()

    def asked(self) -> dict[str, list[str]]:
        """The fields to select, by object; mapped amounts in one currency."""
        converted = {name: soql.converted(name) for name in self._amounts}
        return {obj: [converted.get(n, n) for n in names] for obj, names in self._select.items()}

    def narrow(self, described: Mapping[str, Fields]) -> Described:
        """Ask only for what may be seen from now on; say what that leaves out."""
        absent, unfit, hidden = [], [], {}
        for obj, fields in described.items():
            needs = self.needs[obj]
            absent += missing(obj, NEEDED[obj], fields)
            by_rules = {n: why for n, why in needs.items() if n not in NEEDED[obj]}
            unfit += missing(obj, by_rules, fields)
            # What is mapped has words of its own.
            stays = {*needs, *(self.values if obj == LEADS else ())}
            hidden[obj] = unseen((n for n in self._select[obj] if n not in stays), fields)
            self._select[obj] = [n for n in self._select[obj] if n not in hidden[obj]]
        self.hidden = hidden[LEADS]
        named = [n for n in hidden[LEADS] if "." not in n]
        named += [f"{OBJECTS[DEALS]}.{name}" for name in hidden[DEALS]]
        leads = _with_conversion([_described(field) for field in described[LEADS]])
        self._amounts = [f["name"] for f in leads if f["converted"]]
        return Described(leads, absent, named, unfit)


def missing(obj: str, needs: Mapping[str, str], described: Fields) -> list[str]:
    """A sentence without its full stop for each field that is needed and not described."""
    hidden = unseen(needs, described)
    return [
        gettext(
            "%(OBJECTS)s.%(name)s cannot be seen: %(needs)s",
            OBJECTS=OBJECTS[obj],
            name=name,
            needs=needs[name],
        )
        for name in hidden
    ]


def unseen(names: Iterable[str], described: Fields) -> list[str]:
    """Those of these fields that are not described; one of a parent goes by its reference."""
    seen = {field["name"] for field in described}
    return [n for n in names if (f"{n.partition('.')[0]}Id" if "." in n else n) not in seen]


def _described(field: Mapping[str, Any]) -> dict[str, Any]:
    # Inactive ones too: records keep them.
    values = [value.get("value") for value in field.get("picklistValues") or []]
    return {name: field.get(name) for name in DESCRIBED} | {"values": values[:MAX_VALUES]}


def _with_conversion(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Say of which amounts the values are converted; their rates change without a stamp."""
    has_currencies = any(field["name"] == "CurrencyIsoCode" for field in fields)
    for field in fields:
        field["converted"] = has_currencies and field["type"] == "currency"
        field["calculated"] = field["calculated"] or field["converted"]
    return fields
