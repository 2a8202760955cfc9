"""Calls to one org: logged in, classified, repeated where that helps, and paid from the quota.

Of simple-salesforce only `query` and `restful` are used: its object methods log in again for ever
when a user has lost access, and drop headers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, TypeVar

import requests
from simple_salesforce.api import Salesforce

from sync.crm.faults import Fault, WrongShape
from sync.crm.http.calls import MAX_TRIES, Calls, Clocks
from sync.crm.http.quota import Meter, Quota
from sync.crm.http.session import Hosts, build
from sync.salesforce import cases
from sync.salesforce.errors import classify, classify_row
from sync.salesforce.login import Token, log_in
from webapp.services.crm.credentials import Credentials

T = TypeVar("T")
Row = Mapping[str, Any]

# An expired session is renewed once; more logins in this time would lock the user out.
MAX_LOGINS = 2
LOGIN_WINDOW = timedelta(minutes=10)
ROWS_PER_WRITE = 200
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


class Found(NamedTuple):
    """The rows of a query; `is_whole` unless Salesforce says that there are more."""

    rows: list[Row]
    is_whole: bool
    n_total: int


class Client:
    """One org, through one session; every method raises `Fault` where there is no answer."""

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
        self._calls = Calls(self._classified, self._forget_token, quota or Quota(), self._clocks)
        self.meter = self._calls.meter
        self._session = build(hosts, self.meter, HEADERS)
        self._session.hooks["response"].append(partial(_note_usage, self.meter))

    def query(
        self, question: str, texts: Sequence[str] = ("Id",), *, include_deleted: bool = True
    ) -> Found:
        """Ask in SOQL; each row has these texts."""
        ask = partial(Salesforce.query, query=question, include_deleted=include_deleted)
        answer = self._call(ask)
        rows, n_total = _rows(answer, "records", texts), answer.get("totalSize")
        if not isinstance(n_total, int):
            raise Fault(cases.WRONG_SHAPE, "an answer without a number of rows")
        return Found(rows, answer.get("done") is True, n_total)

    def rows(
        self, path: str, key: str, texts: Sequence[str], params: dict[str, str] | None = None
    ) -> list[Row]:
        """The list that a resource has under a key; each row has these texts."""
        return _rows(self._call(lambda salesforce: salesforce.restful(path, params)), key, texts)

    def describe(self, obj: str) -> list[Row]:
        """The fields of an object as the integration user sees them."""
        return self.rows(f"sobjects/{obj}/describe", "fields", ("name", "type"))

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


def _note_usage(meter: Meter, response: requests.Response, *args: object, **kwargs: object) -> None:
    meter.n_calls += "/services/data/" in response.url
    usage = response.headers.get("Sforce-Limit-Info", "").partition("api-usage=")[2]
    used, _, limit = usage.partition(";")[0].partition("/")
    if used.isdecimal() and limit.isdecimal():
        meter.n_used, meter.n_limit = int(used), int(limit)


def _rows(answer: Any, key: str, texts: Sequence[str]) -> list[Row]:
    rows = answer.get(key) if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise Fault(cases.WRONG_SHAPE, f"an answer without {key}")
    if not all(isinstance(r, dict) and all(isinstance(r.get(t), str) for t in texts) for r in rows):
        raise Fault(cases.WRONG_SHAPE, f"a row of {key} without {' and '.join(texts)}")
    return rows


def _verdict(row: Any) -> Fault | None:
    if not isinstance(row, dict):
        return classify(WrongShape("a result that is no object"))
    if row.get("success") is True:
        return None
    errors = row.get("errors")
    return classify_row(
        [e for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []
    )
