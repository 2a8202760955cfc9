"""The sync job of the worker: claim a run, carry out its mode, and close it with a sentence."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy.orm import Session

from sync.crm import reconcile, write_back
from sync.crm.intake import record_outcomes, take_leads, take_opportunities
from sync.crm.reading import Reading, look_back
from sync.crm.sync_run import STEP_ROWS, Reconfigured, SyncContext, SyncRun
from sync.salesforce import cases
from sync.salesforce.cases import Kind
from sync.salesforce.client import Client, Clocks, Quota, Row, TokenCache
from sync.salesforce.errors import Fault
from sync.salesforce.mapping import LEADS, OPPORTUNITIES, OPPORTUNITY_FIELDS, LeadMapping
from sync.salesforce.session import Hosts
from sync.worker import Worker, held
from webapp.database import read, write
from webapp.product import product
from webapp.services.crm import (
    conflicts,
    connections,
    field_sources,
    mirror,
    pending_writes,
    sync_runs,
)
from webapp.services.crm.credentials import Credentials, UnreadableSecret
from webapp.services.crm.sync_runs import Check, Rehearsed, Sample, SampledLead, SyncResult
from webapp.services.runs import runs
from webapp.tables import Run

log = structlog.stdlib.get_logger("leadloop.salesforce")

CHUNK = 2000
RECONCILE_EVERY = timedelta(hours=24)
DESCRIBED = ("name", "label", "type", "length", "updateable", "custom", "externalId")
MAX_VALUES = 200  # of a picklist
# Rehearsed of each kind: all of it is one transaction, in which nobody else writes on SQLite.
REHEARSED_ROWS = 200
WAITS_FOR_PERSON = {Kind.AUTH_BROKEN, Kind.CONFIG}
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
        sync_run = read(lambda s: _opened(s, worker, run))
    except UnreadableSecret as error:
        why = ("unreadable credentials", str(error))
        close = partial(sync_runs.fail, run=run, result=SyncResult.of(run), waits_for_person=True)
        write(lambda s: close(s, why=why, now=worker.clock()))
        return
    try:
        with sync_run.alive():
            MODES[sync_run.result.mode](sync_run)
    except Fault as fault:
        write(partial(_close, sync_run, fault))
    except Reconfigured as stopped:
        write(partial(_stop, sync_run, str(stopped)))
    else:
        write(partial(_finish, sync_run))


def live(sync_run: SyncRun) -> None:
    """Read what has changed, record outcomes, write scores back; reconcile once a day.

    The mapping is checked against what Salesforce describes before anything is asked. Leads come
    before opportunities, then by id what the pages named and did not hold.
    """
    check_mapping(sync_run)
    apply_rules_again(sync_run)
    Reading(sync_run, LEADS).to_the_end()
    Reading(sync_run, OPPORTUNITIES).to_the_end()
    while ids := read(lambda s: mirror.unread_opportunities(s, CHUNK)):
        reconcile.read_opportunities(sync_run, ids)
    while ids := read(lambda s: mirror.to_be_read(s, CHUNK)):
        reconcile.read_leads(sync_run, ids)
    sync_run.step(lambda s: _compare(s, sync_run), stage="Comparing outcomes")
    # The first day counts from the first run.
    reconciled_at = read(lambda s: connections.get(s).reconciled_at)
    if reconciled_at is not None and sync_run.now - reconciled_at >= RECONCILE_EVERY:
        look_again(sync_run)
        apply_rules_again(sync_run)
    write_back.write_back(sync_run)


def check(sync_run: SyncRun) -> None:
    """Log in, describe, and say of each thing that is needed whether it is there."""
    check_mapping(sync_run)
    described = {str(field["name"]) for field in sync_run.client.describe(OPPORTUNITIES)}
    hidden = [name for name in OPPORTUNITY_FIELDS if name not in described]
    missing = read(lambda s: write_back.unwritable(connections.get(s).described))
    meter = sync_run.client.meter
    used = f"{meter.n_used:,} of {meter.n_limit:,} used" if meter.n_limit else "not told"
    sync_run.result.checks = [
        _check("Login", [], "works"),
        _check("Lead fields", [], "all mapped fields are there"),
        _check("Opportunity fields", hidden, "all are there"),
        _check("Score fields", missing, "all are there and can be written"),
        _check("API calls of the last 24 hours", [], used),
    ]


def sample(sync_run: SyncRun) -> None:
    """Map the leads changed last, by an unsaved mapping too: their inputs, gaps and mistakes."""
    problems = _problems(sync_run)
    leads = [] if problems else list(_mapped(sync_run))
    sync_run.result.sample = Sample(
        problems,
        leads,
        n_empty=dict(Counter(name for lead in leads for name in lead.empty)),
        n_wrong=dict(Counter(name for lead in leads for name in lead.wrong)),
    )


def dry(sync_run: SyncRun) -> None:
    """Do with the next leads and opportunities what a run does, and keep nothing."""
    check_mapping(sync_run)
    leads = Reading(sync_run, LEADS).peek()[:REHEARSED_ROWS]
    opportunities = Reading(sync_run, OPPORTUNITIES).peek()[:REHEARSED_ROWS]
    try:
        write(lambda s: _rehearse(s, sync_run, leads, opportunities))
    except _Enough:
        sync_run.result.rehearsed = Rehearsed(len(leads), len(opportunities))


def reconcile_now(sync_run: SyncRun) -> None:
    """Reconcile, and nothing else."""
    sync_run.client.describe(LEADS)
    look_again(sync_run)


MODES: dict[str, Callable[[SyncRun], None]] = {
    "live": live,
    "dry": dry,
    "check": check,
    "sample": sample,
    "reconcile": reconcile_now,
}


def look_again(sync_run: SyncRun) -> None:
    """Reconcile, and have the next run read the last days again."""
    sync_run.step(look_back, stage="Looking at everything again", progress=0.9)
    reconcile.reconcile(sync_run)


def check_mapping(sync_run: SyncRun) -> None:
    """Describe Lead, and refuse to go on where what is to be read of it cannot be."""
    wrong = _problems(sync_run)
    if wrong:
        raise Fault(cases.FIELD_MISSING, "; ".join(wrong))


def apply_rules_again(sync_run: SyncRun) -> None:
    """After a change of rules derive every outcome again from what is here, without a call."""
    while True:
        after_id = read(lambda s: connections.get(s).settle_after_id)
        if after_id is None:
            return
        sync_run.step(partial(_apply_next, sync_run, after_id), stage="Applying the rules again")


def _opened(session: Session, worker: Worker, run: Run) -> SyncRun:
    fields, settings = product().fields, product().settings
    connection = connections.get(session)
    rules = connections.rules(connection)
    tried = sync_runs.sources_to_test(run)
    mapping = LeadMapping(
        fields,
        field_sources.sources(session, fields) if tried is None else tried,
        external_id_field=rules.external_id_field,
        reads_record_type=bool(rules.record_type_ids),
    )
    before = SyncResult.of(run)
    result = SyncResult(before.mode, before.counts, before.examples, n_calls=before.n_calls)
    credentials = connections.credentials(connection, settings)
    for other in [c for c in _token_caches if c != credentials]:
        del _token_caches[other]
    n_made_today = connections.n_calls_today(connection, worker.clock())
    client = Client(
        credentials,
        Hosts.named(settings.salesforce_extra_host),
        api_version=settings.salesforce_api_version,
        token_cache=_token_caches.setdefault(credentials, TokenCache()),
        quota=Quota(n_made_today, settings.salesforce_daily_calls),
        clocks=Clocks(now=worker.clock, sleep=worker.wait),
    )
    context = SyncContext(fields, mapping, rules, result)
    return SyncRun(worker, run, client, context, settings_of=connection.changed_at)


def _finish(sync_run: SyncRun, session: Session) -> None:
    sync_run.note_calls(session)
    sync_runs.succeed(session, sync_run.run, sync_run.result, sync_run.now)
    log.info("salesforce read", run=sync_run.run.key, **_figures(sync_run))


def _stop(sync_run: SyncRun, sentence: str, session: Session) -> None:
    """Close a run whose settings were changed as done in part; the next one is due already."""
    sync_run.note_calls(session)
    sync_run.result.stopped = sentence
    runs.finish(session, sync_run.run, sync_run.now, sync_run.result.to_json())


def _close(sync_run: SyncRun, fault: Fault, session: Session) -> None:
    sync_run.note_calls(session)
    run, result, now = sync_run.run, sync_run.result, sync_run.now
    why = (fault.case.name, str(fault))
    log.warning("salesforce stopped", run=run.key, case=fault.case.name, **_figures(sync_run))
    if fault.kind is Kind.QUOTA:
        sync_runs.stop_for_quota(session, run, result, why=why, now=now)
    else:
        waits = fault.kind in WAITS_FOR_PERSON
        sync_runs.fail(session, run, result, why=why, waits_for_person=waits, now=now)


def _figures(sync_run: SyncRun) -> dict[str, int]:
    return {"n_calls": sync_run.client.meter.n_calls, "n_logins": sync_run.client.meter.n_logins}


def _problems(sync_run: SyncRun) -> list[str]:
    described = []
    for field in sync_run.client.describe(LEADS):
        values = [
            v.get("value") for v in field.get("picklistValues") or [] if v.get("active", True)
        ]
        kept = {name: field.get(name) for name in DESCRIBED}
        described.append(kept | {"values": values[:MAX_VALUES]})

    def keep(session: Session) -> None:
        connection = connections.get(session)
        connection.described, connection.described_at = described, sync_run.now
        # The first day until all is looked at again counts from the first run.
        connection.reconciled_at = connection.reconciled_at or sync_run.now

    sync_run.step(keep, stage="Checking the connection")
    names = {str(field["name"]) for field in described}
    fields, mapping = sync_run.context.fields, sync_run.context.mapping
    found = field_sources.problems(mapping.sources.values(), fields, described)
    wrong = [f"{fields[name].label}: {sentence}" for name, sentence in found.items()]
    asked = [n for n in mapping.select if "." not in n and n not in mapping.crm_fields]
    wrong += [f"Salesforce has no Lead field {n}, or hides it" for n in asked if n not in names]
    return wrong


def _apply_next(sync_run: SyncRun, after_id: str, session: Session) -> None:
    crm_leads = mirror.after(session, after_id, STEP_ROWS)
    record_outcomes(session, sync_run.context, crm_leads, sync_run.now)
    connection = connections.get(session)
    # Rules may have changed once more meanwhile: then it begins anew.
    if connection.settle_after_id == after_id:
        connection.settle_after_id = crm_leads[-1].id if crm_leads else None


def _compare(session: Session, sync_run: SyncRun) -> None:
    connection = connections.get(session)
    keys, through = conflicts.to_be_compared(session, connection.compared_through_key, CHUNK)
    rule = sync_run.context.rules.conflicts
    n_opened = conflicts.review(session, keys, rule, sync_run.now)
    sync_run.result.counts["conflicts"] += n_opened
    connection.compared_through_key = through


def _check(name: str, problems: list[str], good: str) -> Check:
    sentence = f"missing or not allowed: {', '.join(problems)}" if problems else good
    return Check(name, not problems, sentence)


def _mapped(sync_run: SyncRun) -> Iterator[SampledLead]:
    mapping, today = sync_run.context.mapping, sync_run.now.date()
    for row in sync_run.client.sample(LEADS, mapping.select):
        values = mapping.parse(row).values
        inputs, wrong = mapping.inputs(values, today)
        yield SampledLead(
            row["Id"],
            inputs={name: inputs[name] for name in mapping.sources},
            empty=[n for n in mapping.sources if inputs[n] is None and n not in wrong],
            wrong={name: mapping.shown(name, values) for name in wrong},
        )


class _Enough(Exception):
    """The rehearsal is over: its transaction is undone."""


def _rehearse(
    session: Session, sync_run: SyncRun, leads: list[Row], opportunities: list[Row]
) -> None:
    take_leads(session, sync_run.context, leads, sync_run.now)
    take_opportunities(session, sync_run.context, opportunities, sync_run.now)
    connection = connections.get(session)
    n_due = pending_writes.offer(session, connection, write_back.bands(), sync_run.now)
    sync_run.result.counts["scores_due"] = n_due
    raise _Enough
