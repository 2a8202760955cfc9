"""The REST API: which path does what, for a call that may be made at all."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from demo.salesforce.http import faults
from demo.salesforce.http.describe import describe_object, summarise
from demo.salesforce.http.messages import Answer, Refusal, Request, json_answer, not_found, refuse
from demo.salesforce.http.oauth import OAuth
from demo.salesforce.http.quota import Quota
from demo.salesforce.http.row_errors import DELETED, no_such_field
from demo.salesforce.http.writes import Failing, Writer, refuse_one
from demo.salesforce.org import ids
from demo.salesforce.org.clock import moment, stamp
from demo.salesforce.org.crm import Crm
from demo.salesforce.org.org import RECYCLE_BIN_DAYS
from demo.salesforce.org.schema import SObject
from demo.salesforce.org.table import Row
from demo.salesforce.soql.parse import Path, SoqlError
from demo.salesforce.soql.query import Queries, Reader, plain_getter

MAX_BYTES = 16_384
VERSION = re.compile(r"/services/data/v(\d+)\.0(/.*)?")
SOBJECT = re.compile(r"/sobjects/(\w+)(?:/([\w.-]+))?/?")


class Rest:
    """Answers calls under /services/data."""

    def __init__(self, crm: Crm, oauth: OAuth) -> None:
        self.crm, self.org, self.oauth = crm, crm.org, oauth
        self.queries = Queries(crm.org)
        self.quota = Quota(crm.clock)
        self.first_version, self.last_version = 31, 68
        self.api_is_off_for: str | None = None

    def answer(self, request: Request, failing: Callable[[], Failing]) -> Answer:
        """The answer to one call; `failing` gives the rows of a write that are to fail."""
        check_length(request)
        if request.path.rstrip("/") == "/services/data":
            return json_answer([self._version(n) for n in self._versions()])
        match = VERSION.fullmatch(request.path)
        if match is None:
            not_found()
        self._check(request, int(match[1]))
        try:
            return self._route(request, match[2] or "/", f"/services/data/v{match[1]}.0", failing)
        except SoqlError as error:
            refuse(400, error.code, error.message(request.soql))

    def _versions(self) -> range:
        return range(self.first_version, self.last_version + 1)

    def _version(self, number: int) -> dict[str, str]:
        # Three releases a year: 66 is Spring '26.
        season = ("Spring", "Summer", "Winter")[number % 3]
        year = 26 + (number - 66) // 3 + (season == "Winter")
        place = f"/services/data/v{number}.0"
        return {"label": f"{season} '{year:02}", "url": place, "version": f"{number}.0"}

    def _check(self, request: Request, version: int) -> None:
        if version < self.first_version:
            raise Refusal(faults.answer("version retired"))
        if version > self.last_version:
            not_found()
        self.oauth.check(request)
        if self.api_is_off_for is not None:
            raise Refusal(faults.answer(f"API off for the {self.api_is_off_for}"))
        if self.quota.used >= self.quota.limit:
            raise Refusal(faults.answer("day quota used"))
        self.quota.use()

    def _route(
        self, request: Request, path: str, root: str, failing: Callable[[], Failing]
    ) -> Answer:
        self.org.settle()
        if path.startswith(("/query", "/queryAll")):
            allow(request, "GET")
            return self._query(request, path, root)
        if path.rstrip("/") == "/composite/sobjects":
            allow(request, "PATCH")
            self._check_json(request)
            return Writer(self.crm, request, failing()).write_many()
        if path.rstrip("/") == "/limits":
            allow(request, "GET")
            return json_answer(self._limits())
        if path.rstrip("/") == "/sobjects":
            allow(request, "GET")
            return json_answer(self._all_objects(root))
        match = SOBJECT.fullmatch(path)
        sobject = self.org.sobject(match[1]) if match else None
        if match is None or sobject is None:
            not_found()
        return self._sobject(request, sobject, match[2] or "", root, failing)

    def _sobject(
        self,
        request: Request,
        sobject: SObject,
        rest: str,
        root: str,
        failing: Callable[[], Failing],
    ) -> Answer:
        allow(request, "GET", "PATCH")
        if request.method == "PATCH":
            self._check_json(request)
            return Writer(self.crm, request, failing()).write_one(sobject, rest)
        if rest == "describe":
            return json_answer(describe_object(sobject, root))
        if rest in {"deleted", "updated"}:
            return self._replication(request, sobject, rest)
        if not rest:
            return json_answer({"objectDescribe": summarise(sobject, root), "recentItems": []})
        return json_answer(self._record(request, sobject, rest, root))

    def _check_json(self, request: Request) -> None:
        try:
            body = request.json
        except ValueError:
            body = None
        if not isinstance(body, dict):
            refuse(400, "JSON_PARSER_ERROR", "The HTTP entity body is not a JSON object")

    def _query(self, request: Request, path: str, root: str) -> Answer:
        batch = re.search(r"batchSize=(\d+)", request.headers.get("Sforce-Query-Options", ""))
        size = int(batch[1]) if batch else 2000
        _, name, *locator = path.rstrip("/").split("/")
        if name not in {"query", "queryAll"} or len(locator) > 1:
            not_found()
        if locator:
            return json_answer(self.queries.more(locator[0], root, size))
        if not request.soql:
            refuse(400, "MALFORMED_QUERY", "SOQL statements can not be empty or null")
        deleted = name == "queryAll"
        return json_answer(self.queries.start(request.soql, root, size, deleted=deleted))

    def _limits(self) -> dict[str, Any]:
        left = max(0, self.quota.limit - self.quota.used)
        return {
            "DailyApiRequests": {"Max": self.quota.limit, "Remaining": left},
            "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000},
        }

    def _all_objects(self, root: str) -> dict[str, Any]:
        shown = [summarise(each, root) for each in self.org.objects.values()]
        return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": shown}

    def _record(self, request: Request, sobject: SObject, given: str, root: str) -> Row:
        record_id = ids.normal(given)
        row = self.org.tables[sobject.name.lower()].rows.get(record_id or "")
        if row is None or row["Id"] in self.org.hidden:
            not_found()
        if row.get("IsDeleted"):
            refuse_one(DELETED, given)
        if "fields" in request.params:
            names = [name.strip() for name in request.params["fields"].split(",")]
            unknown = [name for name in names if sobject.find(name) is None]
            if unknown:
                refuse_one(no_such_field(unknown[0], sobject.name), given)
            paths = [Path(name, 0) for name in names]
            return Reader(self.org, sobject, root, deleted=False).renderer(paths)(row)
        place = f"{root}/sobjects/{sobject.name}/{row['Id']}"
        values = {each.name: plain_getter(each)(row) for each in sobject.visible}
        return {"attributes": {"type": sobject.name, "url": place}} | values

    # What was deleted or changed in a time

    def _replication(self, request: Request, sobject: SObject, kind: str) -> Answer:
        start, end = self._span(request)
        if kind == "updated":
            table = self.org.tables[sobject.name.lower()]
            seen = [row["Id"] for row in table.between(start, end) if not row.get("IsDeleted")]
            return json_answer({"ids": seen, "latestDateCovered": end})
        log = self.org.deletions(sobject.name, start, end)
        records = [{"deletedDate": at, "id": record_id} for at, record_id in log]
        oldest = stamp(self.crm.clock.now - timedelta(days=RECYCLE_BIN_DAYS))
        covered = {"earliestDateAvailable": oldest, "latestDateCovered": end}
        return json_answer({"deletedRecords": records} | covered)

    def _span(self, request: Request) -> tuple[str, str]:
        times = [self._time(request.params.get(name, "")) for name in ("start", "end")]
        code = "INVALID_REPLICATION_DATE"
        if times[1] - times[0] <= timedelta(minutes=1):
            refuse(400, code, "The startDate must be less than the endDate by more than a minute")
        now = self.crm.clock.now
        oldest = now - timedelta(days=RECYCLE_BIN_DAYS)
        if times[0] < oldest:
            refuse(400, code, f"startDate before org replication enabled date: {stamp(oldest)}")
        return stamp(times[0]), stamp(min(times[1], now))

    def _time(self, text: str) -> datetime:
        try:
            read = moment(text)
        except ValueError:
            read = None
        if read is None or read.tzinfo is None:
            refuse(400, "INVALID_REPLICATION_DATE", f"not a time with an offset: {text}")
        return read.replace(second=0, microsecond=0)


def allow(request: Request, *methods: str) -> None:
    if request.method not in methods:
        listed = ",".join(methods)
        message = f"HTTP Method '{request.method}' not allowed. Allowed are {listed}"
        refuse(405, "METHOD_NOT_ALLOWED", message)


def check_length(request: Request) -> None:
    """An address, and an address with the headers, have 16,384 bytes at most."""
    address = len(request.target)
    if address > MAX_BYTES:
        raise Refusal(faults.answer("address too long"))
    headers = sum(len(name) + len(value) + 4 for name, value in request.headers.items())
    if address + headers > MAX_BYTES:
        raise Refusal(faults.answer("headers too long"))
