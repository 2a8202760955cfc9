"""Calls to Salesforce, each classified, repeated where that helps, and paid from the quota.

Of simple-salesforce only `query` and `restful` are used: its object methods log in again for ever
when a user has lost access, and drop headers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import requests
from simple_salesforce.api import Salesforce

from sync.crm.faults import Fault, Kind, WrongShape
from sync.crm.http.calls import MAX_TRIES, Calls, Clocks
from sync.crm.http.quota import Meter, Quota
from sync.crm.http.session import Hosts, build
from sync.crm.protocol import Page
from sync.crm.windows import CALM_ANSWERS
from sync.salesforce import cases, soql
from sync.salesforce.errors import classify, classify_row
from sync.salesforce.login import Token, log_in
from webapp.services.crm.credentials import Credentials

T = TypeVar("T")
Row = Mapping[str, Any]

# An expired session is renewed once; more logins in this time would lock the user out.
MAX_LOGINS = 2
LOGIN_WINDOW = timedelta(minutes=10)
ROWS_PER_WRITE = 200
HALVED = {cases.QUERY_TOO_LARGE, cases.ANSWER_SLOW}
MIN_PAGE_ROWS = 50
HEADERS = {
    # Absent, an update runs the org's assignment rules and can give the lead to someone else.
    "Sforce-Auto-Assign": "FALSE",
    # A duplicate rule that only warns must not refuse a score.
    "Sforce-Duplicate-Rule-Header": "allowSave=true",
    "Sforce-Query-Options": "batchSize=2000",
}


@dataclass
class TokenCache:
    """The present token and when logins were made: kept from run to run by the worker."""

    token: Token | None = None
    logins_at: list[datetime] = field(default_factory=list)
    # Tokens refused one after another, with no answered call between them.
    n_refused: int = 0


class Client:
    """One org, through one session."""

    def __init__(
        self,
        credentials: Credentials,
        hosts: Hosts,
        *,
        api_version: str,
        token_cache: TokenCache | None = None,
        quota: Quota | None = None,
        clocks: Clocks | None = None,
    ) -> None:
        self._credentials = credentials
        self._hosts = hosts
        self._api_version = api_version
        self._token_cache = token_cache or TokenCache()
        self._clocks = clocks or Clocks()
        self._page_share, self._n_in_time = 1, 0
        self._calls = Calls(self._classified, self._forget_token, quota or Quota(), self._clocks)
        self.meter = self._calls.meter
        self._session = build(hosts, self.meter, HEADERS)
        self._session.hooks["response"].append(partial(_note_usage, self.meter))

    def describe(self, obj: str) -> list[Row]:
        """The fields of an object as the integration user sees them."""
        answer = self._get(f"sobjects/{obj}/describe")
        return _rows(answer, "fields", ("name", "type"))

    def time_zone(self) -> str | None:
        """The org's time zone; None where the integration user may not see it, or not now."""
        try:
            rows = _rows(self._query(soql.TIME_ZONE), "records", ())
        except Fault as fault:
            if fault.kind not in {Kind.CONFIG, Kind.SLOW}:
                raise
            return None
        return next((str(row.get("TimeZoneSidKey")) for row in rows), None)

    def page(self, obj: str, fields: Sequence[str], after: str | tuple[str, str], end: str) -> Page:
        """The rows of a window: from a time on, or behind a row given as its stamp and id.

        Pages that are too much for the org or the network are asked for in halves, until some have
        come in time.
        """
        while True:
            n_rows = soql.PAGE_ROWS // self._page_share
            try:
                answer = self._query(soql.page(obj, fields, after, end, n_rows=n_rows))
                page = _page(answer, after, n_rows)
            except Fault as fault:
                if fault.case not in HALVED or n_rows // 2 < MIN_PAGE_ROWS:
                    raise
                self._page_share, self._n_in_time = self._page_share * 2, 0
                continue
            self._n_in_time += 1
            if self._page_share > 1 and self._n_in_time >= CALM_ANSWERS:
                self._page_share, self._n_in_time = self._page_share // 2, 0
            return page

    def by_ids(self, obj: str, fields: Sequence[str], ids: Sequence[str]) -> Iterator[list[Row]]:
        """The rows with these ids that exist and may be seen, deleted ones included."""

        def ask(some: list[str]) -> list[Row]:
            answer = self._query(soql.by_ids(obj, fields, some))
            rows = _rows(answer, "records", ("Id", "SystemModstamp"))
            if answer.get("done") is True or not rows:
                return rows
            # Of wide rows not all come at once; what is left out is not missing.
            return rows + ask([i for i in some if i not in {row["Id"] for row in rows}])

        for chunk in soql.chunks(ids):
            yield _in_halves(ask, chunk)

    def referring(
        self, obj: str, fields: Sequence[str], reference: str, ids: Iterable[str]
    ) -> Iterator[list[Row]]:
        """The rows that name one of these ids in a field, deleted ones included."""

        def ask(some: list[str]) -> list[Row]:
            found: list[Row] = []
            while True:
                after = found[-1]["Id"] if found else None
                answer = self._query(soql.referring(obj, fields, reference, some, after=after))
                rows = _rows(answer, "records", ("Id", reference))
                found += rows
                if not rows or (len(rows) < soql.PAGE_ROWS and answer.get("done") is True):
                    return found

        for chunk in soql.chunks(ids):
            yield _in_halves(ask, chunk)

    def sample(self, obj: str, fields: Sequence[str]) -> list[Row]:
        return _rows(self._query(soql.sample(obj, fields)), "records", ("Id",))

    def count(self, obj: str, time_field: str, start: str, end: str) -> int:
        """How many rows have a time within a window; deleted ones not included."""
        question = soql.count(obj, time_field, start, end)
        answer = self._call(lambda salesforce: salesforce.query(question))
        if not isinstance(answer, dict) or not isinstance(answer.get("totalSize"), int):
            raise Fault(cases.WRONG_SHAPE, "a count without a number")
        return int(answer["totalSize"])

    def deleted(self, obj: str, start: datetime, end: datetime) -> list[str]:
        """Ids of the rows deleted within a time, purged ones included; 15 days back at most."""
        times = {"start": _iso(start), "end": _iso(end)}
        answer = self._get(f"sobjects/{obj}/deleted/", times)
        return [row["id"] for row in _rows(answer, "deletedRecords", ("id",))]

    def write(self, records: Sequence[Row]) -> list[Fault | None]:
        """Change up to 200 leads; give a verdict for each in order, None where saved.

        Not repeated after a failure of the network: the pending writes are, with fresh data.
        """
        if not 0 < len(records) <= ROWS_PER_WRITE:
            raise ValueError(f"1 to {ROWS_PER_WRITE} records fit a call")
        typed = [{"attributes": {"type": "Lead"}, **record} for record in records]
        body = {"allOrNone": False, "records": typed}
        answer = self._call(
            lambda s: s.restful("composite/sobjects", method="PATCH", json=body), max_tries=1
        )
        if not isinstance(answer, list) or len(answer) != len(records):
            raise Fault(cases.WRONG_SHAPE, "not one result for each record")
        verdicts = (_verdict(row) for row in answer)
        return [fault and fault.without(self._secrets()) for fault in verdicts]

    def _query(self, question: str) -> dict[str, Any]:
        answer = self._call(lambda salesforce: salesforce.query(question, include_deleted=True))
        return answer if isinstance(answer, dict) else {}

    def _get(self, path: str, params: dict[str, str] | None = None) -> dict[str, Any]:
        answer = self._call(lambda salesforce: salesforce.restful(path, params))
        return answer if isinstance(answer, dict) else {}

    def _call(self, ask: Callable[[Salesforce], T], *, max_tries: int = MAX_TRIES) -> T:
        def answered() -> T:
            answer = ask(self._salesforce())
            self._token_cache.n_refused = 0
            return answer

        return self._calls.make(answered, max_tries=max_tries)

    def _classified(self, error: Exception) -> Fault:
        return classify(error).without(self._secrets())

    def _secrets(self) -> list[str]:
        token = self._token_cache.token
        return [*self._credentials.secrets.values(), *([token.text] if token else [])]

    def _salesforce(self) -> Salesforce:
        token = self._token_cache.token
        if token is None:
            self.meter.n_logins += 1
            self._token_cache.logins_at.append(self._clocks.now())
            token = log_in(self._session, self._hosts, self._credentials, self._clocks.now())
            self._token_cache.token = token
        salesforce = Salesforce(
            session_id=token.text,
            instance_url=token.address,
            session=self._session,
            version=self._api_version,
            object_pairs_hook=dict,
        )
        del salesforce.headers["X-PrettyPrint"]  # a third of every answer would be spaces
        return salesforce

    def _forget_token(self, fault: Fault) -> None:
        """Drop a refused token for a new login, unless that would not help or was done just now."""
        self._token_cache.token = None
        self._token_cache.n_refused += 1
        since = self._clocks.now() - LOGIN_WINDOW
        recent = [at for at in self._token_cache.logins_at if at > since]
        self._token_cache.logins_at[:] = recent
        if self._credentials.method == "session":
            raise Fault(cases.SESSION_ENDED, fault.detail, label=fault.label)
        if self._token_cache.n_refused > 1 or len(recent) >= MAX_LOGINS:
            raise Fault(cases.SESSION_REFUSED, fault.detail, label=fault.label)


def _in_halves(ask: Callable[[list[str]], list[Row]], ids: list[str]) -> list[Row]:
    """What is said of these ids, asked for in halves where they are too many for one call."""
    try:
        return ask(ids)
    except Fault as fault:
        if fault.kind is not Kind.SLOW or len(ids) == 1:
            raise
    half = len(ids) // 2
    return _in_halves(ask, ids[:half]) + _in_halves(ask, ids[half:])


def _note_usage(meter: Meter, response: requests.Response, *args: object, **kwargs: object) -> None:
    meter.n_calls += "/services/data/" in response.url
    usage = response.headers.get("Sforce-Limit-Info", "").partition("api-usage=")[2]
    used, _, limit = usage.partition(";")[0].partition("/")
    if used.isdecimal() and limit.isdecimal():
        meter.n_used, meter.n_limit = int(used), int(limit)


def _rows(answer: Mapping[str, Any], key: str, texts: Sequence[str]) -> list[Row]:
    rows = answer.get(key)
    if not isinstance(rows, list):
        raise Fault(cases.WRONG_SHAPE, f"an answer without {key}")
    if not all(isinstance(r, dict) and all(isinstance(r.get(t), str) for t in texts) for r in rows):
        raise Fault(cases.WRONG_SHAPE, f"a row of {key} without {' and '.join(texts)}")
    return rows


def _page(answer: Mapping[str, Any], after: str | tuple[str, str], n_rows: int) -> Page:
    rows = _rows(answer, "records", ("Id", "SystemModstamp"))
    # A wide page may be short although more follows: only these two together mean the end.
    is_last = answer.get("done") is True and answer.get("totalSize", 0) < n_rows
    if rows and (rows[-1]["SystemModstamp"], rows[-1]["Id"]) == after:
        raise Fault(cases.WRONG_SHAPE, "the same page came twice")
    if not rows and not is_last:
        raise Fault(cases.WRONG_SHAPE, "a page without rows says that more follows")
    return Page(rows, is_last)


def _verdict(row: Any) -> Fault | None:
    if not isinstance(row, dict):
        return classify(WrongShape("a result that is no object"))
    if row.get("success") is True:
        return None
    errors = row.get("errors")
    return classify_row(
        [e for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []
    )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
