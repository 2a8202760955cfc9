"""The HTTP session: only allowed hosts, a limit on every time and size; the client retries."""

import contextlib
import io
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit
from weakref import WeakSet

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

from sync.crm.faults import AnswerTooSlow, ForeignRedirect, HostNotAllowed, UntrustedCertificate
from sync.crm.http.quota import Meter
from webapp.services.crm.credentials import is_allowed, is_plain

CONNECT_SECONDS = 5.0
# Of silence.
READ_SECONDS = 55.0
# From the request to the last byte, redirects included; what trickles in is cut off then.
CALL_SECONDS = 60.0
CUT_AGAIN_SECONDS = 1.0
MAX_ANSWER_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Hosts:
    """Where calls may go: hosts with the CRM's endings, and one address of the settings."""

    extra: SplitResult | None = None
    endings: tuple[str, ...] = ()

    @classmethod
    def named(cls, extra_url: str | None, endings: tuple[str, ...] = ()) -> "Hosts":
        """Allow one more address, such as http://127.0.0.1:8099."""
        return cls(urlsplit(extra_url) if extra_url else None, endings)

    def address(self, host: str) -> str:
        """The https address of an allowed host, given as host or as URL; else HostNotAllowed."""
        if not is_plain(host):
            raise HostNotAllowed("an address with blanks is not allowed")
        parts = urlsplit(host if "://" in host else f"https://{host}")
        self.check(parts)
        return f"https://{parts.netloc.lower()}"

    def check(self, parts: SplitResult) -> None:
        """Raise HostNotAllowed where the address is not an allowed host's."""
        if not is_allowed(parts, self.endings, self.extra):
            raise HostNotAllowed(f"{parts.hostname or 'no host'} is not allowed")


class _NoNetrc(requests.auth.AuthBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Connections:
    """All that are open to the CRM, to be cut once a call has taken its time."""

    def __init__(self) -> None:
        self._made: WeakSet[HTTPConnection] = WeakSet()

    def make(self, kind: Callable[..., HTTPConnection], *args: Any, **how: Any) -> HTTPConnection:
        connection = kind(*args, **how)
        self._made.add(connection)
        return connection

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Let a call take so long from now on, headers and body; else raise `AnswerTooSlow`."""
        is_over, is_cut = threading.Event(), threading.Event()
        threading.Thread(target=self._cut, args=(seconds, is_over, is_cut), daemon=True).start()
        try:
            yield
        except requests.RequestException:
            if not is_cut.is_set():
                raise
        finally:
            is_over.set()
        if is_cut.is_set():
            raise AnswerTooSlow(f"not complete after {seconds:.0f} s")

    def _cut(self, seconds: float, is_over: threading.Event, is_cut: threading.Event) -> None:
        while not is_over.wait(CUT_AGAIN_SECONDS if is_cut.is_set() else seconds):
            is_cut.set()
            for sock in [s for each in list(self._made) if (s := each.sock) is not None]:
                # It may be closed meanwhile. One of TLS would forget its keys while it is read.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _GuardedSession(requests.Session):
    @property
    def _adapter(self) -> "_GuardedAdapter":
        return self.adapters["https://"]  # type: ignore[return-value]

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Call, and follow where the answer points, within the time of a call."""
        with self._adapter.meter.call(), self._adapter.connections.within(CALL_SECONDS):
            return super().request(*args, **kwargs)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where an answer points; `ForeignRedirect` where that is not an allowed address."""
        target = super().get_redirect_target(resp)
        parts = urlsplit(urljoin(resp.url, target or ""))
        if target and (parts.scheme != "https" or not self._may_call(parts)):
            raise ForeignRedirect(f"an answer points to {parts.hostname or 'no host'}")
        return target

    def _may_call(self, parts: SplitResult) -> bool:
        try:
            self._adapter.hosts.check(parts)
        except (HostNotAllowed, ValueError):
            return False
        return True


class _GuardedAdapter(HTTPAdapter):
    """Sends to allowed hosts only, and reads answers within limits of time and size."""

    def __init__(self, hosts: Hosts, meter: Meter) -> None:
        super().__init__(max_retries=0)
        self.hosts = hosts
        self.meter = meter
        self.connections = _Connections()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = partial(self.connections.make, type(pool).ConnectionCls)
        return pool

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        parts = urlsplit(request.url or "")
        self.hosts.check(parts)
        extra = self.hosts.extra
        if extra is not None and parts.netloc == extra.netloc and extra.scheme == "http":
            request.url = urlunsplit(parts._replace(scheme="http"))
            kwargs["proxies"] = {}
        kwargs["timeout"] = kwargs.get("timeout") or (CONNECT_SECONDS, READ_SECONDS)
        try:
            response = super().send(request, *args, **kwargs | {"stream": True})
        except requests.exceptions.SSLError as error:
            if reason := _distrust(error):
                raise UntrustedCertificate(f"{parts.hostname}: {reason}") from None
            raise
        response.raw = io.BytesIO(self._body(response))
        return response

    def _body(self, response: requests.Response) -> bytes:
        body = bytearray()
        try:
            while piece := response.raw.read1(2**16, decode_content=True):
                body += piece
                self.meter.n_received = len(body)
                if len(body) > MAX_ANSWER_BYTES:
                    raise requests.ConnectionError("the answer was too large")
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(type(error).__name__) from None
        finally:
            response.close()
        return bytes(body)


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
