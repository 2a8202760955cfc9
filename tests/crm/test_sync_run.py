"""What keeps a run alive between its steps."""

import threading
from typing import Any, cast

import pytest
import sqlalchemy as sa

from sync.crm import sync_run
from sync.crm.sync_run import SyncRun
from sync.worker import Worker
from tests.crm.memory import MemoryCrm
from webapp.services.runs import runs


@pytest.fixture(scope="session")
def dialect():
    return "sqlite"


def test_a_busy_database_does_not_end_the_heartbeat(app, write, now, monkeypatch):
    beats, second = [], threading.Event()

    def renew(*_, **__):
        beats.append(1)
        if len(beats) == 1:
            raise sa.exc.OperationalError("UPDATE runs", {}, Exception("database is locked"))
        second.set()

    monkeypatch.setattr(sync_run, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(runs, "renew", renew)
    write(lambda s: runs.request(s, "sync", trigger="clock", requested_by="worker", now=now))
    run = write(lambda s: runs.claim(s, "sync", "worker", now))
    nothing = cast("Any", None)
    worker = Worker("worker", nothing, threading.Event(), lambda: now, {})
    with app.app_context(), SyncRun(worker, run, MemoryCrm(now), nothing).alive():
        assert second.wait(10)
