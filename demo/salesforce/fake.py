"""A Salesforce that is not Salesforce: a real HTTP server, the org behind it, and faults on order.

    with FakeSalesforce() as fake:
        lead = fake.lead(LeadSource="Webinar")
        deal = fake.convert(lead)
        fake.close(deal, won=True)
        fake.clock.advance(minutes=15)
        fake.fail_next("row lock", on=lead)

Its address is `fake.url`, its consumer `fake.app`. Everything that came in is in `fake.requests`.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Self

from demo.salesforce.http import faults
from demo.salesforce.http.faults import Fault
from demo.salesforce.http.injection import Injection, Injections, with_message
from demo.salesforce.http.messages import (
    JSON,
    Answer,
    Refusal,
    Request,
    html_answer,
    json_answer,
    record_answer,
)
from demo.salesforce.http.oauth import ClientApp, OAuth
from demo.salesforce.http.quota import Quota
from demo.salesforce.http.rest import Rest
from demo.salesforce.http.server import Server
from demo.salesforce.org.clock import Clock
from demo.salesforce.org.crm import Crm

KEPT_REQUESTS = 20_000


class FakeSalesforce(Crm):
    """The org (see Crm), and all that tests do to it from outside."""

    def __init__(self, clock: Clock | None = None, *, port: int = 0) -> None:
        super().__init__(clock or Clock())
        self.oauth = OAuth(self.clock, self.organization)
        self.rest = Rest(self, self.oauth)
        self.requests: deque[Request] = deque(maxlen=KEPT_REQUESTS)
        self._injections = Injections()
        self.crashes: list[Exception] = []
        self._port = port
        self._server: Server | None = None

    # The server

    def start(self) -> Self:
        self._server = Server(self._port, self._answer, lambda: self.clock.now)
        self._port = self._server.server_port
        self.oauth.url = self.url
        self._server.start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        """A mistake of the fake's own must not pass as a fault of Salesforce."""
        self.stop()
        if self.crashes and exception[0] is None:
            raise self.crashes[0]

    @property
    def url(self) -> str:
        """The org's My Domain."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def login_url(self) -> str:
        """What login.salesforce.com is."""
        return f"http://localhost:{self._port}"

    @property
    def app(self) -> ClientApp:
        return self.oauth.app

    @property
    def quota(self) -> Quota:
        return self.rest.quota

    def _answer(self, request: Request) -> Answer:
        with self.org.lock:
            self.requests.append(request)
            answer = self._failed(request) or self._answered(request)
            if request.is_api_call and answer.headers.get("Content-Type", JSON) == JSON:
                answer.headers["Sforce-Limit-Info"] = self.quota.header
            request.status = None if answer.hangup else answer.status
            return answer

    def _failed(self, request: Request) -> Answer | None:
        order = self._injections.whole(request)
        if order is None:
            return None
        if order.fault.hangup is None:
            answer = order.fault.answer
        else:
            answer = self._answered(request) if order.fault.is_done_first else Answer()
            answer.hangup, answer.hang_seconds = order.fault.hangup, order.seconds
        answer.headers.update(order.headers or {})
        return answer

    def _answered(self, request: Request) -> Answer:
        try:
            if request.path == "/services/oauth2/token" and request.method == "POST":
                return self.oauth.answer(request)
            if request.path == "/services/oauth2/revoke":
                return self.oauth.revoke(request)
            if request.path.startswith("/services/Soap/u/"):
                return self.oauth.soap_answer(request)
            if request.path.startswith("/services/data"):
                return self.rest.answer(request, lambda: self._injections.rows(request))
        except Refusal as refusal:
            return refusal.answer
        except Exception as error:
            self.crashes.append(error)
            raise
        return self._page(request.path.strip("/"))

    def _page(self, record_id: str) -> Answer:
        """What people see of a record in a browser: its fields, without a login."""
        try:
            record = self.get(record_id)
        except KeyError:
            return html_answer(404, "URL No Longer Exists")
        return record_answer(self.org.name_of(record_id) or "", record)

    # Faults

    def fail_next(self, name: str, times: int = 1, **how: Any) -> Injection:
        """Fail the next request that this fault can hit, or the next few.

        `on=lead` fails that lead's row, `row=3` the fourth one; `path` narrows the requests;
        `message` gives a rule's words, `headers` more headers, `seconds` how long a hang lasts.
        """
        return self._order(name, times=times, **how)

    def fail_at(self, n: int, name: str, **how: Any) -> Injection:
        """Fail the n-th request from now on that this fault can hit; 1 is the next."""
        return self._order(name, times=1, n_spared=n - 1, **how)

    def fail_for(self, name: str, *, seconds: float, **how: Any) -> Injection:
        """Fail every request that this fault can hit, until the clock is so much later."""
        until = self.clock.now + timedelta(seconds=seconds)
        return self._order(name, times=None, until=until, **how)

    @contextmanager
    def failing(self, name: str, **how: Any) -> Iterator[Injection]:
        """Fail every request within that this fault can hit."""
        order = self._order(name, times=None, **how)
        try:
            yield order
        finally:
            self._injections.cancel(order)

    def answer_next(self, body: Any, status: int = 200, **how: Any) -> Injection:
        """Answer the next call with this body: a recorded one, or one that no rule here makes."""
        canned = Fault(0, "answer", "api", json_answer(body, status))
        with self.org.lock:
            return self._injections.add(Injection(canned, **how))

    def refuse(
        self, record_id: str, name: str, message: str | None = None, *, code: str | None = None
    ) -> Injection:
        """Refuse this record's row in every write, until it is allowed again."""
        return self._order(name, times=None, on=record_id, message=message, code=code)

    def allow(self, record_id: str) -> None:
        self._injections.cancel_for(record_id)

    def heal(self) -> None:
        """Forget all faults on order."""
        self._injections.clear()

    def _order(self, name: str, *, on: str | None = None, **how: Any) -> Injection:
        fault = with_message(faults.named(name), how.pop("message", None), how.pop("code", None))
        with self.org.lock:
            return self._injections.add(Injection(fault, record_id=on, **how))

    # What came in

    @property
    def calls(self) -> list[Request]:
        """Requests to the API, logins not among them."""
        return [each for each in self.requests if each.is_api_call]

    @property
    def logins(self) -> list[Request]:
        return [each for each in self.requests if each.is_login]

    @property
    def queries(self) -> list[str]:
        return [each.soql for each in self.calls if each.is_query and each.soql]

    @property
    def patches(self) -> list[Request]:
        return [each for each in self.calls if each.method == "PATCH"]

    def written(self, record_id: str) -> list[Mapping[str, Any]]:
        """What was sent for this record, refused or not, oldest first."""
        rows = [row for each in self.patches for row in each.records]
        return [row for row in rows if (row.get("id") or row.get("Id")) == record_id]
