"""A receiver of webhooks on loopback, which answers as a test wants it to."""

import contextlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.factories import NOW, make_lead, make_outcome


class Receiver:
    """Keeps what it is sent; `answer(receiver, handler)` may be replaced."""

    def __init__(self):
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.headers: dict[str, str] = {}
        self.act: Any = lambda handler: None
        self.url = ""

    @property
    def ids(self):
        return [headers["webhook-id"] for headers, _ in self.received]


@contextmanager
def receiving():
    """A receiver that listens on a free port."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
            receiver.act(self)
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            with contextlib.suppress(OSError):  # who has sent it may be gone
                self.end_headers()

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hooks"
    yield receiver
    server.shutdown()
    server.server_close()


def close_a_lead(write, lead_id, now=NOW):
    """Something to tell: a new lead converts."""
    write(lambda s: make_lead(s, lead_id, name="Ann Lee", company="Acme", now=now))
    write(lambda s: make_outcome(s, lead_id, True, now=now))
