"""The HTTP session: only allowed hosts, a limit on every time and size; the client retries."""

import contextlib
import io
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from sync.crm.faults import AnswerTooSlow, ForeignRedirect, HostNotAllowed, UntrustedCertificate
from sync.crm.http.quota import Meter
from webapp.services.crm.credentials import is_allowed

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
# From the request to the last byte; a body that trickles in is cut off then.
CALL_SECONDS = 60.0
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


class _GuardedSession(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where an answer points; `ForeignRedirect` where that is not an allowed address."""
        target = super().get_redirect_target(resp)
        parts = urlsplit(urljoin(resp.url, target or ""))
        if target and (parts.scheme != "https" or not self._may_call(parts)):
            raise ForeignRedirect(f"an answer points to {parts.hostname or 'no host'}")
        return target

    def _may_call(self, parts: SplitResult) -> bool:
        try:
            self.adapters["https://"].hosts.check(parts)  # type: ignore[attr-defined]
        except (HostNotAllowed, ValueError):
            return False
        return True


class _GuardedAdapter(HTTPAdapter):
    """Sends to allowed hosts only, and reads answers within limits of time and size."""

    def __init__(self, hosts: Hosts, meter: Meter) -> None:
        super().__init__(max_retries=0)
        self.hosts = hosts
        self.meter = meter

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        parts = urlsplit(request.url or "")
        self.hosts.check(parts)
        extra = self.hosts.extra
        if extra is not None and parts.netloc == extra.netloc and extra.scheme == "http":
            request.url = urlunsplit(parts._replace(scheme="http"))
            kwargs["proxies"] = {}
        kwargs["timeout"] = kwargs.get("timeout") or (CONNECT_SECONDS, READ_SECONDS)
        with self.meter.call():
            deadline = time.monotonic() + CALL_SECONDS
            try:
                response = super().send(request, *args, **kwargs | {"stream": True})
            except requests.exceptions.SSLError as error:
                if reason := _distrust(error):
                    raise UntrustedCertificate(f"{parts.hostname}: {reason}") from None
                raise
            response.raw = io.BytesIO(self._body(response, deadline))
        return response

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        body = bytearray()
        with _read_until(deadline, response):
            while piece := response.raw.read1(2**16, decode_content=True):
                body += piece
                self.meter.n_received = len(body)
                if len(body) > MAX_ANSWER_BYTES:
                    raise requests.ConnectionError("the answer was too large")
        return bytes(body)


@contextlib.contextmanager
def _read_until(deadline: float, response: requests.Response) -> Iterator[None]:
    """Let a body be read until a time of the monotonic clock, else raise `AnswerTooSlow`."""
    is_cut = threading.Event()

    def cut() -> None:
        is_cut.set()
        # The whole body may just have been read.
        with contextlib.suppress(RuntimeError, OSError):
            response.raw.shutdown()

    timer = threading.Timer(max(deadline - time.monotonic(), 0), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except urllib3.exceptions.HTTPError as error:
        if not is_cut.is_set():
            raise requests.ConnectionError(type(error).__name__) from None
    finally:
        timer.cancel()
        response.close()
    if is_cut.is_set():
        raise AnswerTooSlow(f"not complete after {CALL_SECONDS:.0f} s")


def _distrust(error: requests.exceptions.SSLError) -> str:
    """Why a certificate was not trusted, in the words of the TLS library; else nothing."""
    reason = getattr(next(iter(error.args), None), "reason", None)
    cause = next(iter(getattr(reason, "args", ())), None)
    return str(getattr(cause, "verify_message", ""))


def build(
    hosts: Hosts,
    meter: Meter,
    headers: Mapping[str, str],
) -> requests.Session:
    """A session that reaches allowed hosts only; plain http is no way out of it."""
    session = _GuardedSession()
    session.adapters.clear()
    session.mount("https://", _GuardedAdapter(hosts, meter))
    session.headers.update({"Accept-Encoding": "gzip", "User-Agent": "Leadloop"} | dict(headers))
    session.auth = _NoNetrc()
    session.hooks["response"].append(meter.note)
    return session
