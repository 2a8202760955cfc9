"""Another program locks the database while 30 writers and a reader go on: `make bench-locks`.

Ratios are the slowest of its kind by what is allowed: a read 1 s, a refusal of a writer 6 s, the
first write after the release 1 s.
"""

import argparse
import json
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from bench.speed import made_up, results
from bench.speed.results import Target
from bench.speed.servers import Server, serving
from webapp.database import safe_sqlite

N_WRITERS = 30
LOCK_SECONDS = 60.0
PAUSE_SECONDS = 0.2  # after each answer
SETTLE_SECONDS = 2.0  # before the lock and after it
READS = ("/health", "/info", "/api/leads")
WITHIN = Target("<=", 1)


class Answer(NamedTuple):
    """What was answered, when it was asked, and how long that took."""

    status: int
    at: float
    seconds: float


@dataclass
class Watched:
    """All answers, and when the lock was taken and released."""

    reads: list[Answer] = field(default_factory=list)
    writes: list[Answer] = field(default_factory=list)
    locked_at: float = 0.0
    released_at: float = 0.0


def watch(server: Server, database: Path, seconds: float) -> Watched:
    """Lock the database for so long while writers and a reader go on."""
    found, over = Watched(), threading.Event()
    with ThreadPoolExecutor(N_WRITERS + 1) as pool:
        pool.submit(_read, server, found.reads, over)
        writers = [
            pool.submit(_write, server, number, found.writes, over) for number in range(N_WRITERS)
        ]
        time.sleep(SETTLE_SECONDS)
        other = safe_sqlite().connect(database, isolation_level=None, timeout=30)
        other.execute("BEGIN IMMEDIATE")
        found.locked_at = time.monotonic()
        time.sleep(seconds)
        other.execute("ROLLBACK")
        found.released_at = time.monotonic()
        other.close()
        time.sleep(SETTLE_SECONDS)
        over.set()
        for each in writers:
            each.result()
    return found


def slowest(found: Watched) -> dict[str, float]:
    """By name, the seconds of the slowest read and refusal, and of the first write afterwards."""
    asked = [each for each in found.reads if found.locked_at < each.at < found.released_at]
    refused = [each.seconds for each in found.writes if each.status == 503]
    kinds = {each.status for each in found.writes} | {each.status for each in found.reads}
    assert kinds <= {200, 503}, f"unexpected answers: {kinds}"
    assert all(each.status == 200 for each in found.reads), "a read was refused"
    written = min(
        each.at + each.seconds
        for each in found.writes
        if each.status == 200 and each.at + each.seconds > found.released_at
    )
    return {
        "read": max(each.seconds for each in asked),
        "refusal": max(refused),
        "first write after the release": written - found.released_at,
    }


def _ask(server: Server, connection: HTTPConnection, path: str, body: str | None = None) -> Answer:
    begun_at = time.monotonic()
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    connection.request("POST" if body else "GET", path, body, headers)
    answer = connection.getresponse()
    answer.read()
    return Answer(answer.status, begun_at, time.monotonic() - begun_at)


def _read(server: Server, answers: list[Answer], over: threading.Event) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=120)
    while not over.wait(PAUSE_SECONDS):
        answers.extend(_ask(server, connection, path) for path in READS)


def _write(server: Server, number: int, answers: list[Answer], over: threading.Event) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=120)
    version = 0
    while not over.wait(PAUSE_SECONDS):
        version += 1
        lead_id, values = made_up.lead(number, version)
        body = json.dumps({"lead_id": lead_id, **values})
        answers.append(_ask(server, connection, "/score", body))


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-locks", description="A locked database.")
    parser.add_argument("--seconds", type=float, default=LOCK_SECONDS)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as name, serving(("product",), Path(name)) as servers:
        database = Path(name) / "product" / "leadloop.sqlite3"
        found = watch(servers["product"], database, seconds)
    took = slowest(found)
    n_refused = sum(each.status == 503 for each in found.writes)
    print(f"{len(found.writes)} writes, {n_refused} refused; {len(found.reads)} reads; {took}")
    allowed = {"read": 1.0, "refusal": 6.0, "first write after the release": 1.0}
    results.keep(
        [
            results.row(f"locked {seconds:g} s: {what}, of {most:g} s", [took[what] / most], WITHIN)
            for what, most in allowed.items()
        ]
    )


if __name__ == "__main__":
    main()
