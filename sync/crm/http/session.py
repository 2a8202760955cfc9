"""The HTTP session: only allowed hosts, a limit on every time and size; the client retries."""

import io
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from sync.crm.faults import HostNotAllowed
from sync.crm.http.quota import Meter
from webapp.services.crm.credentials import is_allowed

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
WHOLE_ANSWER_SECONDS = 300.0
MAX_ANSWER_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Hosts:
    """Where calls may go: the CRM's domains, and one address of the settings."""

    extra: SplitResult | None = None

    @classmethod
    def named(cls, extra_url: str | None) -> "Hosts":
        """Allow one more address, such as http://127.0.0.1:8099."""
        return cls(urlsplit(extra_url) if extra_url else None)

    def address(self, host: str) -> str:
        """The https address of an allowed host, given as host or as URL; else HostNotAllowed."""
        parts = urlsplit(host if "://" in host else f"https://{host}")
        self.check(parts)
        return f"https://{parts.netloc.lower()}"

    def check(self, parts: SplitResult) -> None:
        """Raise HostNotAllowed where the address is not an allowed host's."""
        if not is_allowed(parts, self.extra):
            raise HostNotAllowed(f"{parts.hostname or 'no host'} is not allowed")


class _NoNetrc(requests.auth.AuthBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _GuardedAdapter(HTTPAdapter):
    """Sends to allowed hosts only, redirects included, and reads answers within limits."""

    def __init__(self, hosts: Hosts, clock: Callable[[], float]) -> None:
        super().__init__(max_retries=0)
        self.hosts = hosts
        self.clock = clock

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        parts = urlsplit(request.url or "")
        self.hosts.check(parts)
        extra = self.hosts.extra
        if extra is not None and parts.netloc == extra.netloc and extra.scheme == "http":
            request.url = urlunsplit(parts._replace(scheme="http"))
            kwargs["proxies"] = {}
        kwargs["timeout"] = kwargs.get("timeout") or (CONNECT_SECONDS, READ_SECONDS)
        deadline = self.clock() + WHOLE_ANSWER_SECONDS
        response = super().send(request, *args, **kwargs | {"stream": True})
        response.raw = io.BytesIO(self._body(response, deadline))
        return response

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        body = bytearray()
        try:
            while piece := response.raw.read1(2**16, decode_content=True):
                body += piece
                if self.clock() > deadline or len(body) > MAX_ANSWER_BYTES:
                    raise requests.ConnectionError("the answer took too long or was too large")
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(type(error).__name__) from None
        finally:
            response.close()
        return bytes(body)


def build(
    hosts: Hosts,
    meter: Meter,
    headers: Mapping[str, str],
    clock: Callable[[], float] = time.monotonic,
) -> requests.Session:
    """A session that reaches allowed hosts only; plain http is no way out of it."""
    session = requests.Session()
    session.adapters.clear()
    session.mount("https://", _GuardedAdapter(hosts, clock))
    session.headers.update({"Accept-Encoding": "gzip", "User-Agent": "Leadloop"} | dict(headers))
    session.auth = _NoNetrc()
    session.hooks["response"].append(meter.note)
    return session
