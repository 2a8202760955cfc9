"""The servers that are timed, each a process of its own behind the product's web server.

`python -m bench.speed.servers KIND FOLDER PORT` serves one.
"""

import importlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from socket import create_connection, create_server

import flask_migrate
import waitress.server
from flask import Flask

from bench.speed import made_up
from bench.store import END_SECONDS, START_SECONDS, StoreFailed
from webapp.app import create_app
from webapp.config import ROOT, Settings
from webapp.database import Session, utc_now, write
from webapp.field_lists import shipped
from webapp.server import WAITRESS
from webapp.services import setup
from webapp.services.accounts import api_keys
from webapp.services.leads import records, scoring
from webapp.services.outcomes.outcomes import Attribution

N_LEADS = 5_000
FLOORS = ("row", "group")
N_AT_ONCE = 500


class Server:
    """A server at work: its port, and the key by which it lets the client in."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        folder.mkdir()
        with create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        command = [sys.executable, "-m", "bench.speed.servers"]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        self._log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [*command, kind, str(folder), str(self.port)],
            cwd=ROOT,
            env=environment,
            stdout=self._log,
            stderr=self._log,
        )
        self._wait(folder)
        self.token = (folder / "token").read_text() if kind == "product" else "none"

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(END_SECONDS)
        self._log.close()

    def _wait(self, folder: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                time.sleep(0.2)
            else:
                return
        raise StoreFailed((folder / "log").read_text()[-2_000:])


@contextmanager
def serving(kinds: tuple[str, ...], folder: Path) -> Iterator[dict[str, Server]]:
    """Start these servers, and end them at last."""
    started: dict[str, Server] = {}
    try:
        for kind in kinds:
            started[kind] = Server(kind, folder / kind)
        yield started
    finally:
        for server in started.values():
            server.end()


def product(folder: Path) -> Flask:
    """The whole product on a new SQLite database with leads in it."""
    app = create_app(Settings(data_dir=folder, log_level="info"))
    with app.app_context():
        flask_migrate.upgrade()
        write(lambda s: setup.starter_version(s, None, utc_now()))
        for first in range(0, N_LEADS, N_AT_ONCE):
            write(partial(_score, range(first, first + N_AT_ONCE)))
        _, token = write(
            lambda s: api_keys.create(s, "bench", ["admin"], created_by="bench", now=utc_now())
        )
    (folder / "token").write_text(token)
    return app


def _score(numbers: range, session: Session) -> None:
    fields = shipped()
    made = (made_up.lead(number) for number in numbers)
    right = [records.clean(fields, {"lead_id": lead_id, **values}) for lead_id, values in made]
    attribution = Attribution("api", "key:bench")
    scoring.score_leads(session, fields, right, attribution, now=utc_now())


def main() -> None:
    kind, folder, port = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    app = _app(kind, folder)
    logging.getLogger("waitress").setLevel(logging.ERROR)
    threads = Settings(data_dir=folder).web_threads
    server = waitress.server.create_server(
        app, host="127.0.0.1", port=port, threads=threads, **WAITRESS
    )
    server.run()


def _app(kind: str, folder: Path) -> Flask:
    if kind == "product":
        return product(folder)
    # What one of them imports is no part of the others' memory.
    module = "bench.speed.floors" if kind in FLOORS else "bench.speed.naive"
    found: Flask = importlib.import_module(module).app(kind, folder)
    return found


if __name__ == "__main__":
    main()
