"""Salesforce as a CRM: what is asked of an org, and its rows in the form of all.

Leads are Lead, deals are Opportunity.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar, cast

from sync.crm.faults import Fault, Kind
from sync.crm.http.quota import Quota
from sync.crm.http.session import Hosts
from sync.crm.protocol import DEALS, LEADS, DealRow, Described, LeadRow, Look, Obj, Opening, Page, R
from sync.salesforce import cases, soql
from sync.salesforce.access import LEAD_FACTS, OBJECTS, PEOPLE, USER_PREFIX, Access
from sync.salesforce.check_list import CheckList
from sync.salesforce.client import ROWS_PER_WRITE, Client, Row, TokenCache
from webapp.services.crm.credentials import Credentials
from webapp.services.crm.kinds.exchange import PendingWrite
from webapp.services.crm.kinds.salesforce import ENDINGS

HALVED = {cases.QUERY_TOO_LARGE, cases.ANSWER_SLOW}
MIN_PAGE_ROWS = 50
# So many pages in time make up for one that was too much.
CALM_PAGES = 4
# By what the lead of an opportunity may be known.
ACCOUNT, EMAIL = "Account.Name", "Contact.Email"
MAX_ADDRESS_LENGTH = 200
DATE_LENGTH = len("2026-01-31")
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
        self._access = Access(opening)
        self._asked = self._access.asked()
        self._external_id = opening.external_id_field
        self._page_share, self._n_in_time = 1, 0

    def describe(self) -> Described:
        """The fields of Lead; what can be done without is asked for only where it may be seen."""
        seen = {obj: self._client.describe(name) for obj, name in OBJECTS.items()}
        described = self._access.narrow(seen)
        self._asked = self._access.asked()
        return described

    def checks(self, now: datetime, *, writes_scores: bool) -> Mapping[str, Look]:
        needs = self._access.needs
        return CheckList(self._client, needs, now, writes_scores=writes_scores).items

    def time_zone(self) -> str | None:
        """The org's time zone; None where the integration user may not see it, or not now."""
        try:
            rows = self._client.query(soql.TIME_ZONE, ()).rows
        except Fault as fault:
            if fault.kind not in {Kind.CONFIG, Kind.SLOW}:
                raise
            return None
        return next((str(row.get("TimeZoneSidKey")) for row in rows), None)

    def page(self, obj: Obj[R], after: str | tuple[str, str], end: str) -> Page[R]:
        """The rows of a window.

        Pages that are too much for the org or the network are asked for in halves, until some have
        come in time.
        """
        while True:
            n_rows = soql.PAGE_ROWS // self._page_share
            try:
                page = self._page(obj, after, end, n_rows)
            except Fault as fault:
                if fault.case not in HALVED or n_rows // 2 < MIN_PAGE_ROWS:
                    raise
                self._page_share, self._n_in_time = self._page_share * 2, 0
                continue
            self._n_in_time += 1
            if self._page_share > 1 and self._n_in_time >= CALM_PAGES:
                self._page_share, self._n_in_time = self._page_share // 2, 0
            return page

    def by_ids(self, obj: Obj[R], ids: Sequence[str]) -> Iterator[list[R]]:
        for rows in self._by_ids(obj, self._asked[obj], ids):
            yield self._read(obj, rows)

    def shown(self, obj: str, ids: Sequence[str]) -> set[str]:
        found = self._by_ids(obj, ("Id", "SystemModstamp"), ids)
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
        by_ids = partial(self._by_ids, DEALS, ("Id", "SystemModstamp", ACCOUNT), deal_ids)
        for rows in self._if_seen(by_ids):
            yield from ((row["Id"], name) for row in rows if (name := _text_at(row, ACCOUNT)))
        for role in self._if_seen(partial(self._roles, "OpportunityId", deal_ids, EMAIL)):
            if address := _text_at(role, EMAIL):
                yield role["OpportunityId"], address

    def sample(self) -> list[LeadRow]:
        question = soql.sample(OBJECTS[LEADS], self._asked[LEADS])
        return self._read(LEADS, self._client.query(question).rows)

    def count(self, start: str, end: str) -> int:
        question = soql.count(OBJECTS[LEADS], "CreatedDate", start, end)
        return self._client.query(question, include_deleted=False).n_total

    def deleted(self, obj: str, start: datetime, end: datetime) -> list[str]:
        times = {name: _iso(at) for name, at in (("start", start), ("end", end))}
        path = f"sobjects/{OBJECTS[obj]}/deleted/"
        return [row["id"] for row in self._client.rows(path, "deletedRecords", ("id",), times)]

    def write(self, pending: Sequence[PendingWrite], now: datetime) -> list[Fault | None]:
        return self._client.write([record(each, now) for each in pending])

    def _page(self, obj: Obj[R], after: str | tuple[str, str], end: str, n_rows: int) -> Page[R]:
        question = soql.page(OBJECTS[obj], self._asked[obj], after, end, n_rows=n_rows)
        rows, is_whole, n_total = self._client.query(question, ("Id", "SystemModstamp"))
        # A wide page may be short although more follows: only these two together mean the end.
        is_last = is_whole and n_total < n_rows
        if rows and (rows[-1]["SystemModstamp"], rows[-1]["Id"]) == after:
            raise Fault(cases.WRONG_SHAPE, "the same page came twice")
        if not rows and not is_last:
            raise Fault(cases.WRONG_SHAPE, "a page without rows says that more follows")
        return Page(self._read(obj, rows), is_last)

    def _by_ids(self, obj: str, fields: Sequence[str], ids: Sequence[str]) -> Iterator[list[Row]]:
        def ask(some: list[str]) -> list[Row]:
            question = soql.by_ids(OBJECTS[obj], fields, some)
            rows, is_whole, _ = self._client.query(question, ("Id", "SystemModstamp"))
            if is_whole or not rows:
                return rows
            # Of wide rows not all come at once; what is left out is not missing.
            return rows + ask([i for i in some if i not in {row["Id"] for row in rows}])

        for chunk in soql.chunks(ids):
            yield _in_halves(ask, chunk)

    def _referring(
        self, obj: str, fields: Sequence[str], reference: str, ids: Iterable[str]
    ) -> Iterator[Row]:
        """The rows that name one of these ids in a field, deleted ones included."""

        def ask(some: list[str]) -> list[Row]:
            found: list[Row] = []
            while True:
                after = found[-1]["Id"] if found else None
                question = soql.referring(obj, fields, reference, some, after=after)
                rows, is_whole, _ = self._client.query(question, ("Id", reference))
                found += rows
                if not rows or (len(rows) < soql.PAGE_ROWS and is_whole):
                    return found

        for chunk in soql.chunks(ids):
            yield from _in_halves(ask, chunk)

    def _leads_by(self, reference: str, ids: Iterable[str]) -> Iterator[LeadRow]:
        rows = self._referring(OBJECTS[LEADS], self._asked[LEADS], reference, ids)
        yield from self._read(LEADS, rows)

    def _roles(self, reference: str, ids: Iterable[str], *also: str) -> Iterator[Row]:
        """Which contacts have a part in which opportunities."""
        fields = ("Id", "OpportunityId", "ContactId", "IsDeleted", *also)
        rows = self._referring("OpportunityContactRole", fields, reference, ids)
        return (row for row in rows if row.get("IsDeleted") is not True)

    def _if_seen(self, ask: Callable[[], Iterator[T]]) -> Iterator[T]:
        """What is told; nothing where the integration user may not see it."""
        try:
            yield from ask()
        except Fault as fault:
            if fault.kind is not Kind.CONFIG:
                raise

    def _read(self, obj: Obj[R], rows: Iterable[Row]) -> list[R]:
        if obj == DEALS:
            return cast("list[R]", [deal_row(row) for row in rows])
        values, hidden = self._access.values, self._access.hidden
        return cast("list[R]", [lead_row(row, values, self._external_id, hidden) for row in rows])


def record(pending: PendingWrite, now: datetime) -> dict[str, Any]:
    """The score fields of a `PendingWrite`, as Salesforce takes them."""
    return {
        "id": pending.crm_id,
        "Conversion_Score__c": pending.score,
        "Conversion_Band__c": pending.band,
        "Score_Reasons__c": pending.reasons,
        "Score_Updated_At__c": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z",
        "Score_Model_Version__c": pending.version,
    }


def lead_row(
    row: Mapping[str, Any],
    fields: Iterable[str] = (),
    external_id_field: str | None = None,
    hidden: Iterable[str] = (),
) -> LeadRow:
    """A lead with the values of these fields; one of a wrong type is as good as none."""
    deal_id = _string(row, "ConvertedOpportunityId")
    return LeadRow(
        id=row["Id"],
        stamp=row["SystemModstamp"],
        created_at=_string(row, "CreatedDate") or row["SystemModstamp"],
        values={name: row.get(name) for name in fields},
        people={name: _at(row, path) for name, path in PEOPLE.items()},
        active_on=_date(row, "LastActivityDate"),
        status=_string(row, "Status"),
        deal_ids=(deal_id,) if deal_id else (),
        is_converted=row.get("IsConverted") is True,
        converted_on=_date(row, "ConvertedDate"),
        contact_id=_string(row, "ConvertedContactId"),
        is_deleted=row.get("IsDeleted") is True,
        merged_into=_string(row, "MasterRecordId"),
        external_id=_string(row, external_id_field) if external_id_field else None,
        owner_id=_string(row, "OwnerId"),
        owner_email=_owner_email(row),
        record_type_id=_string(row, "RecordTypeId"),
        unseen=frozenset(LEAD_FACTS[name] for name in hidden if name in LEAD_FACTS),
    )


def deal_row(row: Mapping[str, Any]) -> DealRow:
    """An opportunity; which leads it came from it does not say."""
    return DealRow(
        id=row["Id"],
        stamp=row["SystemModstamp"],
        created_at=_string(row, "CreatedDate") or row["SystemModstamp"],
        stage_changed_at=_string(row, "LastStageChangeDate"),
        is_closed=row.get("IsClosed") is True,
        is_won=row.get("IsWon") is True,
        is_deleted=row.get("IsDeleted") is True,
        has_source=bool(row.get("LeadSource")),
        name=row.get("Name"),
        stage=row.get("StageName"),
    )


def _text_at(row: Mapping[str, Any], path: str) -> str:
    """A text of the row or of its parent, as in `Account.Name`; empty where it has none."""
    value = _at(row, path)
    return value.strip() if isinstance(value, str) else ""


def _owner_email(row: Mapping[str, Any]) -> str | None:
    """The address of the user who owns a lead; in a sandbox it ends in .invalid, as mail would."""
    address = _at(row, "Owner.Email")
    is_user = (_string(row, "OwnerId") or "").startswith(USER_PREFIX)
    if not is_user or not isinstance(address, str):
        return None
    return address.strip().lower().removesuffix(".invalid")[:MAX_ADDRESS_LENGTH] or None


def _at(row: Mapping[str, Any], path: str) -> Any:
    """A value of the row or of its parent: `Owner.Name`; a queue has a name as well."""
    value: Any = row
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _string(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    return value if isinstance(value, str) and value else None


def _date(row: Mapping[str, Any], name: str) -> str | None:
    value = _string(row, name)
    try:
        return date.fromisoformat(value[:DATE_LENGTH]).isoformat() if value else None
    except ValueError:
        return None


def _in_halves(ask: Callable[[list[str]], list[Row]], ids: list[str]) -> list[Row]:
    """What is said of these ids, asked for in halves where they are too many for one call."""
    try:
        return ask(ids)
    except Fault as fault:
        if fault.kind is not Kind.SLOW or len(ids) == 1:
            raise
    half = len(ids) // 2
    return _in_halves(ask, ids[:half]) + _in_halves(ask, ids[half:])


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
