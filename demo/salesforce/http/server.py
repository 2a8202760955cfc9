"""The sockets: reads requests, writes answers, and breaks connections where a fault says so."""

import contextlib
import gzip
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from demo.salesforce.http.messages import Answer, Request

Answering = Callable[[Request], Answer]
RESET = struct.pack("ii", 1, 0)


class Server(ThreadingHTTPServer):
    """Answers on a thread for each connection; stopping closes all of them at once."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, answer: Answering, now: Callable[[], datetime]) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.answer, self.now = answer, now
        self.stopping = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
        for each in list(self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._sockets.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._sockets.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error of ours."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def answer_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(
            method=self.command,
            target=self.path,
            headers=self.headers,  # type: ignore[arg-type]
            body=self.rfile.read(length),
            at=self.server.now(),
        )
        answer = self.server.answer(request)
        if answer.hangup == "hang":
            self.server.stopping.wait(answer.hang_seconds)
            self._break(reset=False)
        elif answer.hangup == "reset":
            self._break(reset=True)
        else:
            self._send(answer)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = answer_any  # noqa: N815

    def _send(self, answer: Answer) -> None:
        answer = self._packed(answer)
        lines = [f"HTTP/1.1 {answer.status} {self.responses.get(answer.status, ('',))[0]}"]
        date = format_datetime(self.server.now(), usegmt=True)
        headers = {"Date": date} | answer.headers | {"Content-Length": str(len(answer.body))}
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if answer.hangup == "truncate":
            self.wfile.write(head + answer.body[: len(answer.body) // 2])
            self._break(reset=False)
            return
        if answer.hangup == "trickle":
            self.wfile.write(head)
            self._trickle(answer.body, answer.hang_seconds)
            return
        if answer.hangup == "trickle all":
            self._trickle(head + answer.body, answer.hang_seconds)
            return
        self.wfile.write(head if self.command == "HEAD" else head + answer.body)

    def _trickle(self, text: bytes, seconds: float) -> None:
        """A byte now and then, for so long, so that no single wait is long."""
        for byte in text:
            self.server.stopping.wait(seconds / len(text))
            self.wfile.write(bytes([byte]))

    def _packed(self, answer: Answer) -> Answer:
        if len(answer.body) < 1024 or "gzip" not in self.headers.get("Accept-Encoding", ""):
            return answer
        headers = answer.headers | {"Content-Encoding": "gzip"}
        return replace(answer, body=gzip.compress(answer.body, 1), headers=headers)

    def _break(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.connection.close()

    def log_message(self, *args: Any) -> None:
        """Tests print nothing."""
