"""The job of the worker that keeps in step with the CRM: claim, carry out, close in words."""

from collections import Counter
from collections.abc import Callable
from functools import partial

import structlog
from sqlalchemy.orm import Session

from sync.crm import modes, phases, reconcile
from sync.crm.settling import RunCounts, SyncContext
from sync.crm.sync_run import Reconfigured, SyncRun
from sync.jobs import Worker, held
from sync.salesforce.cases import Kind
from sync.salesforce.client import Client, Clocks, TokenCache
from sync.salesforce.errors import Fault
from sync.salesforce.mapping import LeadMapping
from sync.salesforce.quota import Quota
from sync.salesforce.session import Hosts
from webapp.config import Settings
from webapp.database import read, write
from webapp.product import product
from webapp.services.crm import connections, field_sources, sync_runs
from webapp.services.crm.encryption import Credentials, UnreadableSecret
from webapp.services.runs import runs
from webapp.tables import Run

log = structlog.stdlib.get_logger("leadloop.salesforce")

WAITS_FOR_PERSON = {Kind.AUTH_BROKEN, Kind.CONFIG}
MODES: dict[str, Callable[[SyncRun], None]] = {
    "live": phases.live,
    "dry": modes.dry,
    "check": modes.check,
    "sample": modes.sample,
    "reconcile": reconcile.alone,
}
# The token of each connection that this process has used, for its next run.
_token_caches: dict[Credentials, TokenCache] = {}


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
        sync_run = read(lambda s: _org(s, worker, run))
    except UnreadableSecret as error:
        words = ("unreadable credentials", str(error))
        write(
            lambda s: sync_runs.fail(
                s, run, {}, words=words, waits_for_person=True, now=worker.clock()
            )
        )
        return
    try:
        with sync_run.alive():
            MODES[run.task.get("mode", "live")](sync_run)
    except Fault as fault:
        write(partial(_close, sync_run, fault))
    except Reconfigured as stopped:
        write(partial(_stop, sync_run, str(stopped)))
    else:
        write(partial(_finish, sync_run))


def _org(session: Session, worker: Worker, run: Run) -> SyncRun:
    product_ = product()
    connection = connections.get(session)
    rules = connections.rules(connection)
    tried = sync_runs.sources_to_test(run)
    mapping = LeadMapping(
        product_.fields,
        field_sources.sources(session, product_.fields) if tried is None else tried,
        external_id_field=rules.external_id_field,
        reads_record_type=bool(rules.record_type_ids),
    )
    before = run.result
    run_counts = RunCounts(Counter(before.get("counts", {})), before.get("examples", []))
    credentials = connections.credentials(connection, product_.settings)
    n_made = connections.n_calls_today(connection, worker.clock())
    return SyncRun(
        worker=worker,
        run=run,
        client=_client(worker, credentials, product_.settings, n_made),
        context=SyncContext(product_.fields, mapping, rules, run_counts),
        n_calls_before=before.get("n_calls", 0),
        settings_of=connection.changed_at,
    )


def _client(
    worker: Worker, credentials: Credentials, settings: Settings, n_made_today: int
) -> Client:
    for other in [c for c in _token_caches if c != credentials]:
        del _token_caches[other]
    return Client(
        credentials,
        Hosts.named(settings.salesforce_extra_host),
        api_version=settings.salesforce_api_version,
        token_cache=_token_caches.setdefault(credentials, TokenCache()),
        quota=Quota(n_made_today, settings.salesforce_daily_calls),
        clocks=Clocks(now=worker.clock, sleep=lambda seconds: _wait(worker, seconds)),
    )


def _wait(worker: Worker, seconds: float) -> None:
    worker.stop.wait(seconds)
    worker.go_on()


def _finish(sync_run: SyncRun, session: Session) -> None:
    sync_run.note_calls(session)
    sync_runs.succeed(session, sync_run.run, sync_run.result(), sync_run.now)
    log.info("salesforce read", run=sync_run.run.key, **_figures(sync_run))


def _stop(sync_run: SyncRun, words: str, session: Session) -> None:
    """Close a run whose settings were changed as done in part; the next one is due already."""
    sync_run.note_calls(session)
    runs.finish(session, sync_run.run, sync_run.now, sync_run.result() | {"stopped": words})


def _close(sync_run: SyncRun, fault: Fault, session: Session) -> None:
    """Close a run that a fault ended: in part where the quota is used, else as failed."""
    sync_run.note_calls(session)
    words = (fault.case.name, str(fault))
    log.warning(
        "salesforce stopped", run=sync_run.run.key, case=fault.case.name, **_figures(sync_run)
    )
    if fault.kind is Kind.QUOTA:
        sync_runs.stop_for_quota(
            session, sync_run.run, sync_run.result(), words=words, now=sync_run.now
        )
    else:
        waits = fault.kind in WAITS_FOR_PERSON
        sync_runs.fail(
            session,
            sync_run.run,
            sync_run.result(),
            words=words,
            waits_for_person=waits,
            now=sync_run.now,
        )


def _figures(sync_run: SyncRun) -> dict[str, int]:
    return {"n_calls": sync_run.client.meter.n_calls, "n_logins": sync_run.client.meter.n_logins}
