"""One run against one org: opened, made of steps, and closed with its result."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TypeVar

import structlog
from flask import current_app
from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from ml.scorecard.scorecard import Bands
from sync.crm.faults import Fault, Kind
from sync.crm.http.calls import MAX_TRIES, Clocks
from sync.crm.mapping import LeadMapping
from sync.crm.protocol import Crm, Opening, R
from sync.worker import Worker
from webapp.crm_tables import CrmConnection
from webapp.database import UNAVAILABLE, write
from webapp.product import product
from webapp.services.crm import connections, saved_mapping, sync_runs
from webapp.services.crm.kinds import table
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
# A person waits for the answer, and may ask again.
TEST_TRIES = 2
WAITS_FOR_PERSON = {Kind.AUTH_BROKEN, Kind.CONFIG}


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


# Stores rows within a step.
Take = Callable[[Session, SyncContext, Sequence[R], datetime], None]


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

    @classmethod
    def open(cls, session: Session, worker: Worker, run: Run) -> "SyncRun":
        """Open the CRM by what is set at present; `NotConnected`, or `UnreadableSecret`."""
        fields, settings = product().fields, product().settings
        connection = connections.get(session)
        rules = connections.rules(connection)
        tried = sync_runs.sources_to_test(run)
        mapping = LeadMapping(
            fields, saved_mapping.sources(session, fields) if tried is None else tried
        )
        before = SyncResult.of(run)
        result = SyncResult(before.mode, before.counts, before.examples, n_calls=before.n_calls)
        opening = Opening(
            connections.credentials(connection, settings),
            settings,
            mapping.crm_fields,
            rules.external_id_field,
            decisive=rules.decisive,
            n_made_today=sync_runs.n_calls_today(connection, worker.clock()),
            clocks=Clocks(
                now=worker.clock,
                sleep=worker.wait,
                max_tries=TEST_TRIES if before.mode in sync_runs.TESTS else MAX_TRIES,
            ),
        )
        client = worker.adapters[connection.kind](opening)
        kind, zone = table.of(connection.kind), connections.zone(connection)
        bands = Bands(high=settings.risk_high, medium=settings.risk_medium)
        context = SyncContext(kind, fields, mapping, rules, bands, result, zone=zone)
        return cls(worker, run, client, context, settings_of=connection.changed_at)

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

    def store(self, take: Take[R], rows: Sequence[R]) -> None:
        """Take in some rows, all in one step."""
        self.step(lambda s: take(s, self.context, rows, self.now))

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

    def finish(self, session: Session) -> None:
        """Close a run that did all it had to do."""
        self.note_calls(connections.get(session))
        sync_runs.succeed(session, self.run, self.result, self.now)
        log.info("crm read", run=self.run.key, **self._figures())

    def stop(self, session: Session, sentence: str) -> None:
        """Close a run whose settings were changed as done in part; the next one is due already."""
        self.note_calls(connections.get(session))
        self.result.stopped = sentence
        runs.finish(session, self.run, self.now, self.result.to_json())

    def fail(self, session: Session, fault: Fault) -> None:
        """Close a run that a fault has ended, by the fault's kind."""
        connection = connections.get(session, lock=True)
        if connection.changed_at != self.settings_of:
            # What failed is not how Leadloop logs in by now.
            self.stop(session, str(Reconfigured()))
            return
        self.note_calls(connection)
        comes_again = self.result.mode in sync_runs.WHOLE
        why = (fault.case.name, fault.told(comes_again=comes_again))
        log.warning("crm stopped", run=self.run.key, case=fault.case.name, **self._figures())
        if fault.kind is Kind.QUOTA:
            sync_runs.stop_for_quota(session, self.run, self.result, why=why, now=self.now)
        else:
            waits = fault.kind in WAITS_FOR_PERSON
            sync_runs.fail(
                session, self.run, self.result, why=why, waits_for_person=waits, now=self.now
            )

    def _figures(self) -> dict[str, int]:
        return {"n_calls": self.client.meter.n_calls, "n_logins": self.client.meter.n_logins}
