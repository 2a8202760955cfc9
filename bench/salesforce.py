"""How fast years of Salesforce are read, and in how much memory: `make bench-salesforce`.

A made-up org in a process of its own answers over HTTP; the worker's run is timed in this one. On
a busy machine the clock says little: what counts there are the processor seconds of both.
"""

import argparse
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import flask_migrate
from flask import Flask

from demo.salesforce.fake import FakeSalesforce
from demo.salesforce.org.clock import Clock
from sync.crm import phases
from sync.scheduler import ADAPTERS
from sync.worker import Worker
from webapp import database
from webapp.app import create_app
from webapp.config import Settings
from webapp.database import Session, read, utc_now, write
from webapp.product import product
from webapp.services import setup
from webapp.services.crm import connections, sync_runs
from webapp.services.crm.credentials import Credentials
from webapp.services.crm.outcome_rules import CrmRules
from webapp.services.runs import runs
from webapp.tables import Run

DAYS = 700
AT_ONCE = 500
STOP = "stop"
RESULTS = Path(__file__).parent / "results" / "salesforce.json"


def org(n: int, to_parent: Connection) -> None:
    """Serve an org of n leads, half of them converted, and n opportunities, until told to stop.

    Answers every other word with the processor seconds used so far.
    """
    clock = Clock(utc_now() - timedelta(days=DAYS))
    fake = FakeSalesforce(clock)
    fake.quota.limit = 10_000_000
    firsts = range(0, n, AT_ONCE)
    for first in firsts:
        with fake.transaction():
            fill(fake, range(first, min(first + AT_ONCE, n)))
        clock.advance(days=DAYS * 0.99 / len(firsts))
    with fake:
        to_parent.send((fake.url, fake.app.consumer_key, fake.app.consumer_secret))
        while to_parent.recv() != STOP:
            to_parent.send(time.process_time())


def fill(fake: FakeSalesforce, numbers: range) -> None:
    for number in numbers:
        lead = fake.lead(LeadSource="Webinar", Industry="Banking", City=f"City {number % 50}")
        deal = fake.convert(lead) if number % 2 else fake.opportunity()
        if number % 3:
            fake.close(deal, won=number % 3 == 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=100_000)
    n = parser.parse_args().leads
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=org, args=(n, there), daemon=True)
    process.start()
    url, key, secret = here.recv()
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(data_dir=Path(folder), salesforce_extra_host=url))
        with app.app_context():
            credentials = Credentials(
                "client_credentials", url, "", {"consumer_key": key, "consumer_secret": secret}
            )
            found = measured(app, n, credentials, Stopwatch(here))
            database.db.engine.dispose()
    here.send(STOP)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


@dataclass
class Lap:
    """What one run took, in seconds: of the clock, and of the processor here and at the org."""

    run: Run
    wall: float
    worker: float
    org: float


@dataclass
class Stopwatch:
    """Times runs of the worker; the org says over a pipe what it has used."""

    to_org: Connection

    def lap(self) -> Lap:
        wall, worker, org = time.perf_counter(), time.process_time(), self._org_seconds()
        run = run_once()
        assert run.state == "succeeded", run.error
        return Lap(
            run,
            time.perf_counter() - wall,
            time.process_time() - worker,
            self._org_seconds() - org,
        )

    def _org_seconds(self) -> float:
        self.to_org.send("time")
        return float(self.to_org.recv())


def measured(
    app: Flask, n: int, credentials: Credentials, stopwatch: Stopwatch
) -> dict[str, float | list[float]]:
    flask_migrate.upgrade()
    settings = product().settings
    write(lambda s: setup.starter_version(s, None, utc_now()))
    write(lambda s: connections.save(s, credentials, settings, actor="bench", now=utc_now()))
    write(lambda s: connections.pause(s, False, "bench", utc_now()))
    set_rules(writes_scores=False)
    load_before = os.getloadavg()[0]
    history = stopwatch.lap()
    counts = history.run.result["counts"]
    assert counts["leads_read"] >= n, counts
    n_records = counts["leads_read"] + counts["deals_read"]
    quiet = stopwatch.lap()
    set_rules(writes_scores=True)
    writing = stopwatch.lap()
    return {
        "leads": n,
        "records": n_records,
        "processors": os.cpu_count() or 1,
        "load_average_before_and_after": [round(x, 1) for x in (load_before, os.getloadavg()[0])],
        "history_seconds": round(history.wall, 1),
        "history_worker_processor_seconds": round(history.worker, 1),
        "history_org_processor_seconds": round(history.org, 1),
        "records_per_second": round(n_records / history.wall),
        "records_per_processor_second": round(n_records / (history.worker + history.org)),
        "history_calls": history.run.result["n_calls"],
        "quiet_calls": quiet.run.result["n_calls"],
        "quiet_seconds": round(quiet.wall, 2),
        "scores_written": writing.run.result["counts"].get("scores_written", 0),
        "write_seconds": round(writing.wall, 1),
        "worker_megabytes": round(peak_megabytes()),
    }


def set_rules(*, writes_scores: bool) -> None:
    def save(session: Session) -> None:
        rules = CrmRules(writes_scores=writes_scores)
        connections.save_rules(session, rules, "bench", utc_now())
        connections.get(session).rederive_after_id = None

    write(save)


def run_once() -> Run:
    worker = Worker("bench", cast("Any", None), threading.Event(), adapters=ADAPTERS)
    run = write(lambda s: sync_runs.request(s, "live", "bench", utc_now()))
    phases.sync_crm(worker)
    return read(lambda s: runs.by_key(s, run.key))


def peak_megabytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


if __name__ == "__main__":
    main()
