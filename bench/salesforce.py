"""How fast years of Salesforce are read, and in how much memory: `make bench-salesforce`.

A made-up org in a process of its own answers over HTTP; the worker's run is timed in this one.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import flask_migrate
from flask import Flask

from sync import crm_jobs
from sync.jobs import Worker
from tests.fake_salesforce.clock import Clock
from tests.fake_salesforce.fake import FakeSalesforce
from webapp import database
from webapp.app import create_app
from webapp.config import Settings
from webapp.database import read, utc_now, write
from webapp.models import Run
from webapp.product import product
from webapp.services import crm_connection, crm_runs, runs, setup
from webapp.services.crm_rules import CrmRules
from webapp.services.crm_secrets import Credentials

DAYS = 700
AT_ONCE = 500
RESULTS = Path(__file__).parent / "results" / "salesforce.json"


def org(n: int, to_parent: Connection) -> None:
    """Serve an org of n leads, half of them converted, and n opportunities, until told to stop."""
    clock = Clock(utc_now() - timedelta(days=DAYS))
    fake = FakeSalesforce(clock)
    fake.quota.limit = 10_000_000
    for first in range(0, n, AT_ONCE):
        with fake.transaction():
            fill(fake, range(first, min(first + AT_ONCE, n)))
        clock.advance(seconds=DAYS * 86_400 / (n / AT_ONCE) * 0.99)
    with fake:
        to_parent.send((fake.url, fake.app.consumer_key, fake.app.consumer_secret))
        to_parent.recv()


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
            found = measured(app, n, Credentials("client_credentials", url, "", key, secret))
            database.db.engine.dispose()
    here.send("stop")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def measured(app: Flask, n: int, credentials: Credentials) -> dict[str, float]:
    flask_migrate.upgrade()
    settings, fields = product().settings, product().fields
    write(lambda s: setup.starter_version(s, fields, None, utc_now()))
    write(lambda s: crm_connection.save(s, credentials, settings, actor="bench", now=utc_now()))
    set_rules(writes_scores=False)
    processor_before = time.process_time()
    history_seconds, run = timed(run_once)
    processor_seconds = time.process_time() - processor_before
    counts = run.result["counts"]
    assert run.state == "succeeded", run.error
    assert counts["leads_read"] >= n, counts
    n_records = counts["leads_read"] + counts["opportunities_read"]
    quiet_seconds, quiet = timed(run_once)
    set_rules(writes_scores=True)
    write_seconds, written = timed(run_once)
    return {
        "leads": n,
        "records": n_records,
        "history_seconds": round(history_seconds, 1),
        "history_processor_seconds": round(processor_seconds, 1),
        "records_per_second": round(n_records / history_seconds),
        "history_calls": run.result["n_calls"],
        "quiet_calls": quiet.result["n_calls"],
        "quiet_seconds": round(quiet_seconds, 2),
        "scores_written": written.result["counts"].get("scores_written", 0),
        "write_seconds": round(write_seconds, 1),
        "worker_megabytes": round(peak_megabytes()),
    }


def set_rules(*, writes_scores: bool) -> None:
    rules = CrmRules(writes_scores=writes_scores)
    write(lambda s: crm_connection.save_rules(s, rules, "bench", utc_now()))
    write(_nothing_to_settle)


def _nothing_to_settle(session: Any) -> None:
    crm_connection.get(session).settle_after_id = None


def timed(work: Callable[[], Run]) -> tuple[float, Run]:
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def run_once() -> Run:
    worker = Worker("bench", cast("Any", None), threading.Event())
    run = write(lambda s: crm_runs.request(s, "live", "bench", utc_now()))
    crm_jobs.sync_crm(worker)
    return read(lambda s: runs.by_key(s, run.key))


def peak_megabytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


if __name__ == "__main__":
    main()
