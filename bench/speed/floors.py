"""The least that must be done: bare Flask on the product's server that commits a row a request.

`row` commits each request by itself; `group` has one writer that commits what has gathered.
"""

import queue
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from pydantic_core import from_json, to_json

from webapp.database import safe_sqlite

MAX_AT_ONCE = 64
INSERT = "INSERT INTO requests (lead_id, body) VALUES (?, ?)"


def app(kind: str, folder: Path) -> Flask:
    """The floor of this kind."""
    flask = Flask(__name__)
    path = folder / "floor.db"
    with _connect(path) as connection:
        connection.execute("CREATE TABLE requests (key INTEGER PRIMARY KEY, lead_id, body)")
    keep = _group_commit(path) if kind == "group" else _row_commit(path)

    @flask.post("/score")
    def score() -> Response:
        sent = from_json(request.get_data())
        keep(sent["lead_id"], request.get_data())
        answer = {"lead_id": sent["lead_id"], "conversion_score": 0.5}
        return Response(to_json(answer), mimetype="application/json")

    @flask.put("/feedback/<lead_id>")
    def feedback(lead_id: str) -> Response:
        keep(lead_id, request.query_string)
        answer = {"lead_id": lead_id, "outcome": request.args["outcome"] == "true"}
        return Response(to_json(answer), mimetype="application/json")

    return flask


def _connect(path: Path) -> Any:
    connection = safe_sqlite().connect(path, isolation_level=None, timeout=30)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def _row_commit(path: Path) -> Any:
    of_thread = threading.local()

    def keep(lead_id: str, body: bytes) -> None:
        if not hasattr(of_thread, "connection"):
            of_thread.connection = _connect(path)
        connection = of_thread.connection
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(INSERT, (lead_id, body))
        connection.execute("COMMIT")

    return keep


def _group_commit(path: Path) -> Any:
    waiting: queue.SimpleQueue[tuple[str, bytes, Future[None]]] = queue.SimpleQueue()

    def write() -> None:
        connection = _connect(path)
        while True:
            some = [waiting.get()]
            while len(some) < MAX_AT_ONCE and not waiting.empty():
                some.append(waiting.get())
            connection.execute("BEGIN IMMEDIATE")
            for lead_id, body, _ in some:
                connection.execute(INSERT, (lead_id, body))
            connection.execute("COMMIT")
            for _, _, done in some:
                done.set_result(None)

    threading.Thread(target=write, daemon=True).start()

    def keep(lead_id: str, body: bytes) -> None:
        done: Future[None] = Future()
        waiting.put((lead_id, body, done))
        done.result()

    return keep
