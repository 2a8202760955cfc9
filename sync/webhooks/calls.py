"""One call to an endpoint: to one checked address, within a time, never where it points."""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from webapp.product import VERSION
from webapp.services.webhooks import addresses
from webapp.services.webhooks.addresses import AddressRefused, Target
from webapp.services.webhooks.deliveries import Answer

# To open the connection, then from the first byte sent to the last of the answer's head.
CONNECT_SECONDS = 5.0
CALL_SECONDS = 15.0
# Of a wait that the receiver asks for.
MAX_RETRY_AFTER_SECONDS = 3600.0
MAX_ERROR_LENGTH = 200


class _TooSlow(Exception):
    """The text says what took too long."""


class _Connection(http.client.HTTPSConnection):
    """To the address that was checked; the certificate has to be the name's all the same."""

    def __init__(self, target: Target, address: str) -> None:
        super().__init__(target.host, target.port, timeout=CONNECT_SECONDS)
        self._address, self._is_secure = address, target.scheme == "https"
        self.default_port = target.usual_port

    def connect(self) -> None:
        """Open the connection, without another look at the name."""
        try:
            self.sock = socket.create_connection((self._address, self.port), CONNECT_SECONDS)
            if self._is_secure:
                self.sock = _trust().wrap_socket(self.sock, server_hostname=self.host)
        except TimeoutError:
            raise _TooSlow(f"No connection within {CONNECT_SECONDS:g} s") from None
        self.sock.settimeout(CALL_SECONDS)


def post(
    target: Target, body: str, headers: dict[str, str], clock: Callable[[], datetime]
) -> Answer:
    """Send one message; the answer's body is never read, and no redirect is followed."""
    at, began = clock(), time.monotonic()
    status, retry_after, error = None, None, None
    try:
        status, retry_after = _exchange(target, body, headers)
    except AddressRefused as refused:
        error = str(refused)
    except (OSError, http.client.HTTPException, _TooSlow) as failure:
        error = _in_words(failure)
    return Answer(
        at=at,
        milliseconds=round(1000 * (time.monotonic() - began)),
        status=status,
        error=error and error[:MAX_ERROR_LENGTH],
        retry_after_seconds=_seconds(retry_after),
    )


def _exchange(target: Target, body: str, headers: dict[str, str]) -> tuple[int, str | None]:
    connection = _Connection(target, addresses.resolve(target))
    about = {"User-Agent": f"Leadloop/{VERSION}", "Connection": "close"}
    try:
        connection.connect()
        with _within(CALL_SECONDS, connection):
            connection.request("POST", target.path, body.encode(), about | headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Retry-After")
    finally:
        connection.close()


@cache
def _trust() -> ssl.SSLContext:
    """The authorities of this machine, and those that come with `requests`."""
    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


@contextlib.contextmanager
def _within(seconds: float, connection: _Connection) -> Iterator[None]:
    """Cut the connection after so long: a receiver that sends byte by byte is never silent."""
    is_cut = threading.Event()

    def cut() -> None:
        is_cut.set()
        # It may be closed meanwhile. One of TLS would forget its keys while it is read.
        with contextlib.suppress(OSError, TypeError):
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if is_cut.is_set():
            raise _TooSlow(f"No response within {seconds:g} s")


def _seconds(retry_after: str | None) -> float | None:
    """The wait asked for, at most an hour; the usual back-off where it is a date."""
    if not (retry_after and retry_after.isdecimal()):
        return None
    return min(float(retry_after), MAX_RETRY_AFTER_SECONDS)


def _in_words(failure: Exception) -> str:
    if isinstance(failure, ssl.SSLCertVerificationError):
        return f"The certificate is not trusted: {failure.verify_message}"
    if isinstance(failure, _TooSlow):
        return str(failure)
    if isinstance(failure, TimeoutError):
        return f"No response within {CALL_SECONDS:g} s"
    if isinstance(failure, ConnectionRefusedError):
        return "The connection was refused"
    return f"The connection failed ({type(failure).__name__})"
