"""A client of many connections, each of which sends its next request once it has its answer."""

import selectors
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import quantiles

from bench.store import StoreFailed

MAX_ANSWER_BYTES = 65_536
SILENT_SECONDS = 30


@dataclass
class Round:
    """What came of one round: answers a second, their times, and how many were wrong."""

    seconds: float
    taken_seconds: list[float] = field(default_factory=list)
    n_wrong: int = 0

    @property
    def per_second(self) -> float:
        return len(self.taken_seconds) / self.seconds

    @property
    def p99_seconds(self) -> float:
        return quantiles(self.taken_seconds, n=100)[98]


@dataclass
class _Connection:
    socket: socket.socket
    sent_at: float = 0.0
    expected: bytes = b""
    received: bytes = b""


@dataclass(frozen=True)
class Sent:
    """A request as bytes, and what its answer must hold."""

    request: bytes
    expected: bytes


def request(method: str, path: str, token: str, body: str = "") -> bytes:
    """An HTTP/1.1 request on a connection that stays open."""
    lines = (
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def run(port: int, requests: Iterator[Sent], seconds: float, n_connections: int = 16) -> Round:
    """Keep so many connections busy for so long; any answer but 200 with what it must is wrong.

    One thread and prepared bytes: the client shall cost little beside what it measures.
    """
    with selectors.DefaultSelector() as selector:
        begun_at = time.perf_counter()
        end_at = begun_at + seconds
        found = Round(seconds)
        for _ in range(n_connections):
            connection = _Connection(socket.create_connection(("127.0.0.1", port)))
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            _send(connection, next(requests))
        while selector.get_map():
            for answered in _answered(selector):
                found.taken_seconds.append(time.perf_counter() - answered.sent_at)
                found.n_wrong += not _is_right(answered)
                _go_on(selector, answered, requests if time.perf_counter() < end_at else None)
        found.seconds = time.perf_counter() - begun_at
    return found


def cycle(make: Callable[[int], Sent]) -> Iterator[Sent]:
    """The requests of 0, 1, 2 and so on."""
    number = 0
    while True:
        yield make(number)
        number += 1


def _go_on(
    selector: selectors.BaseSelector, connection: _Connection, requests: Iterator[Sent] | None
) -> None:
    """Send the next request, or end where there shall be none."""
    if requests is not None:
        _send(connection, next(requests))
        return
    selector.unregister(connection.socket)
    connection.socket.close()


def _answered(selector: selectors.BaseSelector) -> Iterator[_Connection]:
    ready = selector.select(timeout=SILENT_SECONDS)
    if not ready:
        raise StoreFailed(f"no answer within {SILENT_SECONDS} s")
    return (key.data for key, _ in ready if _is_answered(key.data))


def _send(connection: _Connection, sent: Sent) -> None:
    connection.expected, connection.received = sent.expected, b""
    connection.sent_at = time.perf_counter()
    connection.socket.sendall(sent.request)


def _is_answered(connection: _Connection) -> bool:
    more = connection.socket.recv(MAX_ANSWER_BYTES)
    if not more:
        raise StoreFailed("the server closed a connection")
    connection.received += more
    head, found, body = connection.received.partition(b"\r\n\r\n")
    if not found:
        return False
    length = head.lower().partition(b"content-length:")[2].partition(b"\r")[0]
    return len(body) >= int(length)


def _is_right(connection: _Connection) -> bool:
    answer = connection.received
    return answer.startswith(b"HTTP/1.1 200") and connection.expected in answer
