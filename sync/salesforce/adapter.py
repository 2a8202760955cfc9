"""Salesforce as a CRM: leads are Lead, deals are Opportunity, its rows in the form of all."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sync.crm.faults import Fault
from sync.crm.http.quota import Quota
from sync.crm.http.session import Hosts
from sync.crm.protocol import DEALS, LEADS, Described, LeadRow, Look, Opening, Page
from sync.salesforce import cases
from sync.salesforce.check_list import CheckList
from sync.salesforce.client import ROWS_PER_WRITE, Client, Row, TokenCache
from sync.salesforce.rows import LEAD_FIELDS, OPPORTUNITY_FIELDS, PEOPLE, deal_row, lead_row
from webapp.services.crm.credentials import Credentials
from webapp.services.crm.kinds.salesforce import ENDINGS

OBJECTS = {LEADS: "Lead", DEALS: "Opportunity"}
DESCRIBED = ("name", "label", "type", "length", "updateable", "custom", "externalId", "calculated")
MAX_VALUES = 200  # of a picklist
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
    field_missing = cases.FIELD_MISSING
    field_read_only = cases.FIELD_READ_ONLY

    def __init__(self, client: Client, opening: Opening) -> None:
        self.meter = client.meter
        self._client = client
        self._values = tuple(opening.lead_fields)
        self._external_id = opening.external_id_field
        also = ["RecordTypeId"] * opening.reads_record_type
        also += [self._external_id] if self._external_id else []
        self._needed = [*LEAD_FIELDS, *also]
        self._select = tuple(dict.fromkeys((*self._needed, *self._values)))

    def describe(self) -> Described:
        """The fields of Lead; those that people read are asked for only where they may be seen."""
        described = self._client.describe(OBJECTS[LEADS])
        names = {field["name"] for field in described}
        people = {n for n in PEOPLE.values() if "." not in n and n not in self._values}
        hidden = [name for name in PEOPLE.values() if name in people - names]
        self._select = tuple(name for name in self._select if name not in hidden)
        needed = [n for n in self._needed if "." not in n and n not in people]
        fields = [_described(field) for field in described]
        return Described(fields, [n for n in needed if n not in names], hidden)

    def checks(self, now: datetime, *, writes_scores: bool) -> Mapping[str, Look]:
        return CheckList(self._client, now, writes_scores=writes_scores).items

    def time_zone(self) -> str | None:
        return self._client.time_zone()

    def page(self, obj: str, after: str | tuple[str, str], end: str) -> Page:
        page = self._client.page(OBJECTS[obj], self._fields(obj), after, end)
        return Page(self._read(obj, page.rows), page.is_last)

    def by_ids(self, obj: str, ids: Sequence[str]) -> Iterator[list[Any]]:
        for rows in self._client.by_ids(OBJECTS[obj], self._fields(obj), ids):
            yield self._read(obj, rows)

    def links(self, contact_ids: Sequence[str]) -> Iterator[tuple[str, str]]:
        for row in self._client.roles(contact_ids):
            if row.get("IsDeleted") is not True:
                yield row["ContactId"], row["OpportunityId"]

    def sample(self) -> list[LeadRow]:
        return self._read(LEADS, self._client.sample(OBJECTS[LEADS], self._select))

    def count(self, start: str, end: str) -> int:
        return self._client.count(OBJECTS[LEADS], "CreatedDate", start, end)

    def deleted(self, obj: str, start: datetime, end: datetime) -> list[str]:
        return self._client.deleted(OBJECTS[obj], start, end)

    def write(self, pending: Sequence[Any], now: datetime) -> list[Fault | None]:
        return self._client.write([record(each, now) for each in pending])

    def _fields(self, obj: str) -> Sequence[str]:
        return self._select if obj == LEADS else OPPORTUNITY_FIELDS

    def _read(self, obj: str, rows: Sequence[Row]) -> list[Any]:
        if obj == DEALS:
            return [deal_row(row) for row in rows]
        return [lead_row(row, self._values, self._external_id) for row in rows]


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
