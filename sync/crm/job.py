"""The sync job of the worker: claim a run, carry out its mode, and close it with a sentence."""

from functools import partial

import structlog
from sqlalchemy.orm import Session

from ml.scorecard.scorecard import Bands
from sync.crm import phases
from sync.crm.faults import Fault, Kind
from sync.crm.http.calls import Clocks
from sync.crm.mapping import LeadMapping
from sync.crm.protocol import Opening
from sync.crm.sync_run import Reconfigured, SyncContext, SyncRun
from sync.worker import Worker, held
from webapp.database import read, write
from webapp.product import product
from webapp.services.crm import (
    connections,
    saved_mapping,
    sync_runs,
)
from webapp.services.crm.credentials import UnreadableSecret
from webapp.services.crm.kinds import table
from webapp.services.crm.sync_runs import SyncResult
from webapp.services.runs import runs
from webapp.tables import Run

log = structlog.stdlib.get_logger("leadloop.crm")

WAITS_FOR_PERSON = {Kind.AUTH_BROKEN, Kind.CONFIG}


def sync_crm(worker: Worker) -> None:
    """Carry out the run that was asked for or is due."""
    settings = product().settings
    run = write(lambda s: sync_runs.claim(s, settings, worker.name, worker.clock()))
    if run is not None:
        with held(worker, run):
            try:
                carry_out(worker, run)
            except connections.NotConnected as error:
                sentence = str(error)
                write(lambda s: runs.finish(s, run, worker.clock(), error=sentence))


def carry_out(worker: Worker, run: Run) -> None:
    """Do what a claimed run is for, and close it whatever comes of it."""
    try:
        sync_run = read(lambda s: _opened(s, worker, run))
    except UnreadableSecret as error:
        why = ("unreadable credentials", str(error))
        close = partial(sync_runs.fail, run=run, result=SyncResult.of(run), waits_for_person=True)
        write(lambda s: close(s, why=why, now=worker.clock()))
        return
    try:
        with sync_run.alive():
            phases.MODES[sync_run.result.mode](sync_run)
    except Fault as fault:
        write(partial(_close, sync_run, fault))
    except Reconfigured as stopped:
        write(partial(_stop, sync_run, str(stopped)))
    else:
        write(partial(_finish, sync_run))


def _opened(session: Session, worker: Worker, run: Run) -> SyncRun:
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
        clocks=Clocks(now=worker.clock, sleep=worker.wait),
    )
    client = worker.adapters[connection.kind](opening)
    kind, zone = table.of(connection.kind), connections.zone(connection)
    bands = Bands(high=settings.risk_high, medium=settings.risk_medium)
    context = SyncContext(kind, fields, mapping, rules, bands, result, zone=zone)
    return SyncRun(worker, run, client, context, settings_of=connection.changed_at)


def _finish(sync_run: SyncRun, session: Session) -> None:
    sync_run.note_calls(connections.get(session))
    sync_runs.succeed(session, sync_run.run, sync_run.result, sync_run.now)
    log.info("crm read", run=sync_run.run.key, **_figures(sync_run))


def _stop(sync_run: SyncRun, sentence: str, session: Session) -> None:
    """Close a run whose settings were changed as done in part; the next one is due already."""
    sync_run.note_calls(connections.get(session))
    sync_run.result.stopped = sentence
    runs.finish(session, sync_run.run, sync_run.now, sync_run.result.to_json())


def _close(sync_run: SyncRun, fault: Fault, session: Session) -> None:
    connection = connections.get(session, lock=True)
    if connection.changed_at != sync_run.settings_of:
        # What failed is not how Leadloop logs in by now.
        _stop(sync_run, str(Reconfigured()), session)
        return
    sync_run.note_calls(connection)
    run, result, now = sync_run.run, sync_run.result, sync_run.now
    why = (fault.case.name, str(fault))
    log.warning("crm stopped", run=run.key, case=fault.case.name, **_figures(sync_run))
    if fault.kind is Kind.QUOTA:
        sync_runs.stop_for_quota(session, run, result, why=why, now=now)
    else:
        waits = fault.kind in WAITS_FOR_PERSON
        sync_runs.fail(session, run, result, why=why, waits_for_person=waits, now=now)


def _figures(sync_run: SyncRun) -> dict[str, int]:
    return {"n_calls": sync_run.client.meter.n_calls, "n_logins": sync_run.client.meter.n_logins}
