"""Salesforce as a CRM: leads are Lead, deals are Opportunity, its rows in the form of all."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from sync.crm.faults import Fault, Kind
from sync.crm.http.quota import Quota
from sync.crm.http.session import Hosts
from sync.crm.protocol import DEALS, LEADS, Described, LeadRow, Look, Opening, Page
from sync.salesforce import access, cases, soql
from sync.salesforce.access import OBJECTS
from sync.salesforce.check_list import CheckList
from sync.salesforce.client import ROWS_PER_WRITE, Client, Row, TokenCache
from sync.salesforce.rows import deal_row, lead_row, text_at
from webapp.services.crm.credentials import Credentials
from webapp.services.crm.kinds.salesforce import ENDINGS

DESCRIBED = ("name", "label", "type", "length", "updateable", "custom", "externalId", "calculated")
# By what the lead of an opportunity may be known.
ACCOUNT, EMAIL = "Account.Name", "Contact.Email"
MAX_VALUES = 2000  # of a picklist, more than any but that of states has
T = TypeVar("T")
# The token of each connection that this process has used, for its next run.
_token_caches: dict[Credentials, TokenCache] = {}


def connect(opening: Opening) -> "SalesforceCrm":
    """Open an org; nothing is called yet."""
    settings, credentials = opening.settings, opening.credentials
    for other in [c for c in _token_caches if c != credentials]:
        del _token_caches[other]
    client = Client(
        credentials,
        Hosts.named(settings.salesforce_extra_host, ENDINGS),
        api_version=settings.salesforce_api_version,
        token_cache=_token_caches.setdefault(credentials, TokenCache()),
        quota=Quota(opening.n_made_today, settings.salesforce_daily_calls),
        clocks=opening.clocks,
    )
    return SalesforceCrm(client, opening)


class SalesforceCrm:
    """One org; see `sync.crm.protocol.Crm`."""

    rows_per_write = ROWS_PER_WRITE
    # Salesforce tells 15 days.
    deletions_told_for = timedelta(days=14)
    field_missing = cases.FIELD_MISSING
    field_read_only = cases.FIELD_READ_ONLY

    def __init__(self, client: Client, opening: Opening) -> None:
        self.meter = client.meter
        self._client = client
        self._values = tuple(opening.lead_fields)
        self._external_id = opening.external_id_field
        self._needs = access.needed(opening)
        leads = dict.fromkeys((*access.LEAD_FIELDS, *self._needs[LEADS], *self._values))
        self._select = {LEADS: tuple(leads), DEALS: access.OPPORTUNITY_FIELDS}
        self._hidden: Sequence[str] = ()
        self._amounts: Collection[str] = ()

    def describe(self) -> Described:
        """The fields of Lead; what can be done without is asked for only where it may be seen."""
        described = {obj: self._client.describe(name) for obj, name in OBJECTS.items()}
        missing, unfit, hidden = [], [], {}
        for obj, fields in described.items():
            needs = self._needs[obj]
            missing += access.missing(obj, access.NEEDED[obj], fields)
            by_rules = {n: why for n, why in needs.items() if n not in access.NEEDED[obj]}
            unfit += access.missing(obj, by_rules, fields)
            # What is mapped has words of its own.
            stays = {*needs, *(self._values if obj == LEADS else ())}
            can_go = [n for n in self._select[obj] if n not in stays]
            hidden[obj] = access.unseen(can_go, fields)
            self._select[obj] = tuple(n for n in self._select[obj] if n not in hidden[obj])
        self._hidden = hidden[LEADS]
        named = [n for n in hidden[LEADS] if "." not in n]
        named += [f"{OBJECTS[DEALS]}.{name}" for name in hidden[DEALS]]
        leads = _with_conversion([_described(field) for field in described[LEADS]])
        amounts = {field["name"] for field in leads if field["converted"]}
        self._amounts = amounts.intersection(self._values)
        return Described(leads, missing, named, unfit)

    def checks(self, now: datetime, *, writes_scores: bool) -> Mapping[str, Look]:
        return CheckList(self._client, self._needs, now, writes_scores=writes_scores).items

    def time_zone(self) -> str | None:
        return self._client.time_zone()

    def page(self, obj: str, after: str | tuple[str, str], end: str) -> Page:
        page = self._client.page(OBJECTS[obj], self._asked(obj), after, end)
        return Page(self._read(obj, page.rows), page.is_last)

    def by_ids(self, obj: str, ids: Sequence[str]) -> Iterator[list[Any]]:
        for rows in self._client.by_ids(OBJECTS[obj], self._asked(obj), ids):
            yield self._read(obj, rows)

    def shown(self, obj: str, ids: Sequence[str]) -> set[str]:
        found = self._client.by_ids(OBJECTS[obj], ("Id", "SystemModstamp"), ids)
        return {row["Id"] for rows in found for row in rows}

    def links(self, contact_ids: Sequence[str]) -> Iterator[tuple[str, str]]:
        for role in self._roles("ContactId", contact_ids):
            yield role["ContactId"], role["OpportunityId"]

    def leads_of(self, deal_ids: Sequence[str]) -> Iterator[tuple[str, LeadRow]]:
        for lead in self._leads_by("ConvertedOpportunityId", deal_ids):
            yield lead.deal_ids[0], lead
        deals: dict[str, set[str]] = defaultdict(set)
        for role in self._if_seen(partial(self._roles, "OpportunityId", deal_ids)):
            deals[role["ContactId"]].add(role["OpportunityId"])
        for lead in self._leads_by("ConvertedContactId", deals):
            # What has an opportunity of its own has no part in that of its contact.
            for deal_id in () if lead.deal_ids else sorted(deals[lead.contact_id or ""]):
                yield deal_id, lead

    def clues(self, deal_ids: Sequence[str]) -> Iterator[tuple[str, str]]:
        by_ids = partial(
            self._client.by_ids, OBJECTS[DEALS], ("Id", "SystemModstamp", ACCOUNT), deal_ids
        )
        for rows in self._if_seen(by_ids):
            yield from ((row["Id"], name) for row in rows if (name := text_at(row, ACCOUNT)))
        for role in self._if_seen(partial(self._roles, "OpportunityId", deal_ids, EMAIL)):
            if address := text_at(role, EMAIL):
                yield role["OpportunityId"], address

    def sample(self) -> list[LeadRow]:
        return self._read(LEADS, self._client.sample(OBJECTS[LEADS], self._asked(LEADS)))

    def count(self, start: str, end: str) -> int:
        return self._client.count(OBJECTS[LEADS], "CreatedDate", start, end)

    def deleted(self, obj: str, start: datetime, end: datetime) -> list[str]:
        return self._client.deleted(OBJECTS[obj], start, end)

    def write(self, pending: Sequence[Any], now: datetime) -> list[Fault | None]:
        return self._client.write([record(each, now) for each in pending])

    def _asked(self, obj: str) -> list[str]:
        amounts = self._amounts if obj == LEADS else ()
        return [soql.converted(n) if n in amounts else n for n in self._select[obj]]

    def _leads_by(self, reference: str, ids: Iterable[str]) -> Iterator[LeadRow]:
        for rows in self._client.referring(OBJECTS[LEADS], self._asked(LEADS), reference, ids):
            yield from self._read(LEADS, rows)

    def _roles(self, reference: str, ids: Iterable[str], *also: str) -> Iterator[Row]:
        """Which contacts have a part in which opportunities."""
        fields = ("Id", "OpportunityId", "ContactId", "IsDeleted", *also)
        for rows in self._client.referring("OpportunityContactRole", fields, reference, ids):
            yield from (row for row in rows if row.get("IsDeleted") is not True)

    def _if_seen(self, ask: Callable[[], Iterator[T]]) -> Iterator[T]:
        """What is told; nothing where the integration user may not see it."""
        try:
            yield from ask()
        except Fault as fault:
            if fault.kind is not Kind.CONFIG:
                raise

    def _read(self, obj: str, rows: Sequence[Row]) -> list[Any]:
        if obj == DEALS:
            return [deal_row(row) for row in rows]
        return [lead_row(row, self._values, self._external_id, self._hidden) for row in rows]


def record(pending: Any, now: datetime) -> dict[str, Any]:
    """The score fields of a `PendingWrite`, as Salesforce takes them."""
    return {
        "id": pending.crm_id,
        "Conversion_Score__c": pending.score,
        "Conversion_Band__c": pending.band,
        "Score_Reasons__c": pending.reasons,
        "Score_Updated_At__c": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z",
        "Score_Model_Version__c": pending.version,
    }


def _described(field: Row) -> dict[str, Any]:
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
