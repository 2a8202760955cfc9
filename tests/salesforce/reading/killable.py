"""A worker that does nothing but one run of the sync, to be killed in the middle of it."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from sync.crm import phases, reading
from sync.scheduler import ADAPTERS
from sync.worker import Worker
from webapp.app import create_app
from webapp.config import Settings
from webapp.database import write
from webapp.services.crm import sync_runs
from webapp.services.runs import runs


def run(folder: str, database_url: str, extra_host: str) -> None:
    app = create_app(
        Settings(data_dir=Path(folder), database_url=database_url, salesforce_extra_host=extra_host)
    )
    reading.STEP_ROWS = 3
    worker = Worker("killable", cast("Any", None), threading.Event(), adapters=ADAPTERS)
    with app.app_context():
        # One that was killed is gone on with.
        with suppress(runs.AlreadyRunning):
            write(lambda s: sync_runs.request(s, "live", "tests", worker.clock()))
        phases.sync_crm(worker)
