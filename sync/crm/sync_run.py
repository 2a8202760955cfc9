"""One run against one org: its client, its claim, its result, and the steps it is made of."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TypeVar

import structlog
from flask import current_app
from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from ml.scorecard.scorecard import Bands
from sync.crm.mapping import LeadMapping
from sync.crm.protocol import Crm
from sync.worker import Worker
from webapp.crm_tables import CrmConnection
from webapp.database import UNAVAILABLE, write
from webapp.services.crm import connections, sync_runs
from webapp.services.crm.kinds.kind import CrmKind
from webapp.services.crm.outcome_rules import CrmRules
from webapp.services.crm.sync_runs import RunWarning, SyncResult
from webapp.services.imports import quality
from webapp.services.imports.quality import Gathered
from webapp.services.runs import runs
from webapp.tables import Run

log = structlog.stdlib.get_logger("leadloop.crm")

T = TypeVar("T")
BEAT_SECONDS = runs.LEASE.total_seconds() / 6
# So many leads or rows are stored in one step: on SQLite nobody else writes meanwhile.
STEP_ROWS = 500


class Reconfigured(RuntimeError):
    """An administrator has set something anew: what was read by the old settings is not kept."""

    def __init__(self) -> None:
        super().__init__("The settings changed during this run; the next run uses the new ones.")


@dataclass(frozen=True)
class SyncContext:
    """What every step works with: what the administrator has set, and the result so far."""

    kind: CrmKind
    fields: Fields
    mapping: LeadMapping
    rules: CrmRules
    bands: Bands
    result: SyncResult = field(default_factory=SyncResult)
    surprises: Gathered = field(default_factory=Gathered)
    # Where the CRM's dates are days; None while that is not known.
    zone: tzinfo | None = None


@dataclass
class SyncRun:
    """What the phases of a run share."""

    worker: Worker
    run: Run
    client: Crm
    context: SyncContext
    # When the settings that this run works by were made.
    settings_of: datetime | None = None
    _n_noted: int = 0
    _stage: str | None = None

    @property
    def result(self) -> SyncResult:
        """What has been done so far, for people and for a worker that goes on."""
        return self.context.result

    @property
    def now(self) -> datetime:
        return self.worker.clock()

    def step(
        self,
        work: Callable[[Session], T],
        *,
        stage: str | None = None,
        progress: float | None = None,
    ) -> T:
        """Work, note the calls and renew the claim in one transaction; else `Reconfigured`."""
        self.worker.go_on()
        self._stage = stage or self._stage

        def whole(session: Session) -> T:
            connection = connections.get(session, lock=True)
            if connection.changed_at != self.settings_of:
                raise Reconfigured
            answer = work(session)
            self.note_calls(connection)
            result = self.result.to_json()
            runs.renew(
                session, self.run, self.now, progress=progress, stage=self._stage, result=result
            )
            return answer

        answer = write(whole)
        self.context.surprises.flush(
            lambda found: write(lambda s: quality.store(s, found, self.now))
        )
        return answer

    def note_calls(self, connection: CrmConnection) -> None:
        meter = self.client.meter
        n_new, self._n_noted = meter.n_calls - self._n_noted, meter.n_calls
        self.result.n_calls += n_new
        self.result.n_logins = meter.n_logins
        usage = (meter.n_used, meter.n_limit)
        sync_runs.count_calls(connection, n_new, self.now, usage)

    def warn(self, message: str, detail: str = "") -> None:
        """Say something about the run, once."""
        warning = RunWarning(message, detail)
        if warning not in self.result.warnings:
            self.result.warnings.append(warning)

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Renew the lease during slow calls, which the page then names.

        A lost claim shows at the next step.
        """
        app, over = current_app._get_current_object(), threading.Event()  # type: ignore[attr-defined]

        def beat() -> None:
            while not over.wait(BEAT_SECONDS):
                with app.app_context():
                    try:
                        stage = self.client.meter.waiting
                        write(lambda s: runs.renew(s, self.run, self.now, stage=stage))  # noqa: B023
                    except runs.LostClaim:
                        return
                    except UNAVAILABLE:
                        # A database that is busy now is not at the next beat.
                        log.warning("lease not renewed", run=self.run.key)

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
