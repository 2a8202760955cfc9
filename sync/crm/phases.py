"""The sync job, and what a run does by its mode: sync, dry run, tests, reconciliation."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from sync.crm import reconcile, visibility, write_back
from sync.crm.faults import Fault, Kind
from sync.crm.intake import note_unmatched, take_deals, take_leads
from sync.crm.protocol import DEALS, LEADS, DealRow, Described, LeadRow, Look
from sync.crm.reading import Reading
from sync.crm.recording import record_outcomes, record_outcomes_of
from sync.crm.sync_run import STEP_ROWS, Reconfigured, SyncContext, SyncRun
from sync.worker import Worker, held
from webapp.database import read, write
from webapp.product import product
from webapp.services.crm import (
    conflicts,
    connections,
    field_sources,
    links,
    mirror,
    owners,
    pending_writes,
    sync_runs,
)
from webapp.services.crm.kinds.exchange import WRONG_SETTINGS, Check
from webapp.services.crm.outcome_rules import RuleChanges, StatusChange
from webapp.services.crm.sync_runs import (
    MAPPED_FIELDS,
    Rehearsed,
    Sample,
    SampledLead,
    SyncResult,
)
from webapp.services.leads import leads as our_leads
from webapp.services.runs import runs
from webapp.services.sealing import UnreadableSecret
from webapp.tables import Run

CHUNK = 2000
RECONCILE_EVERY = timedelta(hours=24)
# Rehearsed of each kind: all of it is one transaction, in which nobody else writes on SQLite.
REHEARSED_ROWS = 200
HIDDEN = (
    "The integration user cannot see some optional fields; values that are known already stay."
    " “Test connection” says what to do."
)


def sync_crm(worker: Worker) -> None:
    """Carry out the run that was asked for or is due: the worker's job."""
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
        sync_run = read(lambda s: SyncRun.open(s, worker, run))
    except UnreadableSecret as error:
        why = ("unreadable credentials", str(error))
        close = partial(sync_runs.fail, run=run, result=SyncResult.of(run), waits_for_person=True)
        write(lambda s: close(s, why=why, now=worker.clock()))
        return
    try:
        with sync_run.alive():
            MODES[sync_run.result.mode](sync_run)
    except Fault as fault:
        write(partial(sync_run.fail, fault=fault))
    except Reconfigured as stopped:
        write(partial(sync_run.stop, sentence=str(stopped)))
    else:
        write(sync_run.finish)


def live(sync_run: SyncRun) -> None:
    """Read what has changed, record outcomes, write scores back; reconcile once a day.

    The mapping is checked against what the CRM describes before anything is asked. Leads come
    before deals, then by id what the pages named and did not hold, and the leads that deals miss.
    """
    connection = read(connections.get)
    # The first day counts from the first run.
    reconciled_at = connection.reconciled_at
    check_mapping(sync_run)
    is_due = reconciled_at is not None and sync_run.now - reconciled_at >= RECONCILE_EVERY
    if connection.time_zone is None:
        learn_zone(sync_run)
    if (is_due and not connection.reconciling) or visibility.is_too_much_lost():
        visibility.check_visibility(sync_run)
    apply_rules_again(sync_run)
    Reading(sync_run, LEADS, take_leads).to_the_end()
    Reading(sync_run, DEALS, take_deals, note_unmatched).to_the_end()
    reconcile.read_unread_deals(sync_run)
    while ids := read(lambda s: mirror.to_be_read(s, CHUNK)):
        reconcile.read_leads(sync_run, ids)
    reconcile.find_leads_of_new_deals(sync_run)
    while sync_run.step(partial(_compare, sync_run), stage="Comparing outcomes"):
        pass
    while sync_run.step(partial(_match_owners, sync_run)) == STEP_ROWS:
        pass
    if is_due:
        # First: to look at everything may take days.
        write_back.write_back(sync_run)
        look_again(sync_run)
        apply_rules_again(sync_run)
    write_back.write_back(sync_run)


def check(sync_run: SyncRun) -> None:
    """Go through the check list; what only an administrator can change keeps no other item."""
    rules = sync_run.context.rules
    listed = sync_run.client.checks(sync_run.now, writes_scores=rules.writes_scores)
    mapped: dict[str, Look] = {MAPPED_FIELDS: partial(_mapped_fields, sync_run)}
    if visibility.is_too_much_lost():
        mapped["Records read before"] = partial(_seen_again, sync_run)
    found = sync_run.result.checks = []
    faults = []
    for name, look in {**listed, **mapped}.items():
        try:
            found.append(look(name))
        except Fault as fault:
            found.append(Check(name, False, fault.told(comes_again=False)))
            faults.append(fault)
            if fault.kind is not Kind.CONFIG:
                break
    if faults:
        raise faults[0]


def sample(sync_run: SyncRun) -> None:
    """Map the leads changed last, by an unsaved mapping too: their inputs, gaps and mistakes."""
    wrong, described = _described(sync_run)
    problems = wrong + described.unfit + described.missing
    leads = [] if problems else list(_mapped(sync_run))
    sync_run.result.sample = Sample(
        problems,
        leads,
        n_empty=dict(Counter(name for lead in leads for name in lead.empty)),
        n_wrong=dict(Counter(name for lead in leads for name in lead.wrong)),
    )


def dry(sync_run: SyncRun) -> None:
    """Do with the next leads and deals what a run does, and keep nothing.

    Changed rules are tried on everything that was read.
    """
    check_mapping(sync_run)
    _rehearse_rules(sync_run)
    leads = Reading(sync_run, LEADS, take_leads).peek()[:REHEARSED_ROWS]
    deals = Reading(sync_run, DEALS, take_deals).peek()[:REHEARSED_ROWS]
    try:
        write(lambda s: _rehearse(s, sync_run, leads, deals))
    except _Undone:
        sync_run.result.rehearsed = Rehearsed(len(leads), len(deals))


def reconcile_now(sync_run: SyncRun) -> None:
    """Reconcile, and nothing else."""
    check_mapping(sync_run)
    visibility.check_visibility(sync_run)
    look_again(sync_run)


MODES: dict[str, Callable[[SyncRun], None]] = {
    "live": live,
    "dry": dry,
    "check": check,
    "sample": sample,
    "reconcile": reconcile_now,
}


def look_again(sync_run: SyncRun) -> None:
    """Reconcile, and have the next run read the last days again; or go on with that."""
    if not read(lambda s: connections.get(s).reconciling):
        learn_zone(sync_run)

        def begin(session: Session) -> None:
            visibility.look_back(session)
            reconcile.begin(session)

        sync_run.step(begin)
    sync_run.step(lambda s: None, stage="Reconciling", progress=0.9)
    reconcile.reconcile(sync_run)


def learn_zone(sync_run: SyncRun) -> None:
    """Ask where the CRM's dates are days."""
    found = sync_run.client.time_zone()

    def keep(session: Session) -> ZoneInfo | None:
        connection = connections.get(session)
        connection.time_zone = found or ""
        return connections.zone(connection)

    sync_run.context = replace(sync_run.context, zone=sync_run.step(keep))


def check_mapping(sync_run: SyncRun) -> None:
    """Describe a lead, and refuse to go on where what is to be read of it cannot be."""
    wrong, described = _described(sync_run)
    if described.missing:
        problems = wrong + described.unfit + described.missing
        raise Fault(sync_run.client.field_missing, "; ".join(problems))
    if problems := wrong + described.unfit:
        raise _wrong_settings(sync_run, problems)
    if described.hidden:
        sync_run.warn(HIDDEN, ", ".join(described.hidden))


def apply_rules_again(sync_run: SyncRun) -> None:
    """After a change of rules derive every outcome again from what is here, without a call."""
    while True:
        after_id = read(lambda s: connections.get(s).rederive_after_id)
        if after_id is None:
            return
        sync_run.step(partial(_apply_next, sync_run, after_id), stage="Applying the new rules")


def _described(sync_run: SyncRun) -> tuple[list[str], Described]:
    """Keep how the CRM describes a lead; give what is wrong with the mapping by that, and it."""
    described = sync_run.client.describe()

    def keep(session: Session) -> None:
        connection = connections.get(session)
        connection.described = list(described.fields)
        connection.described_at = sync_run.now
        # The first day until all is looked at again counts from the first run.
        connection.reconciled_at = connection.reconciled_at or sync_run.now

    sync_run.step(keep, stage="Checking the connection")
    fields = sync_run.context.fields
    sources = sync_run.context.mapping.sources.values()
    found = field_sources.problems(sources, fields, described.fields)
    wrong = [f"{fields[field].label}: {sentence}" for field, sentence in found.items()]
    return wrong, described


def _apply_next(sync_run: SyncRun, after_id: str, session: Session) -> None:
    crm_leads = mirror.after(session, after_id, STEP_ROWS)
    record_outcomes(session, sync_run.context, crm_leads, sync_run.now)
    connection = connections.get(session)
    # Rules may have changed once more meanwhile: then it begins anew.
    if connection.rederive_after_id == after_id:
        connection.rederive_after_id = crm_leads[-1].id if crm_leads else None


def _compare(sync_run: SyncRun, session: Session) -> bool:
    """Compare the next outcomes reported here with the CRM's; say whether more follow.

    A withdrawal is no statement: where it was of the CRM's outcome, that is recorded again.
    """
    connection = connections.get(session)
    after_key = connection.compared_through_key
    keys, through, is_more = conflicts.to_be_compared(session, after_key, STEP_ROWS)
    again = conflicts.forget_withdrawn(session, keys)
    record_outcomes_of(session, sync_run.context, again, sync_run.now)
    rule = sync_run.context.rules.conflicts
    n_opened = conflicts.review(session, keys, rule, sync_run.now)
    sync_run.result.counts["conflicts"] += n_opened
    connection.compared_through_key = through
    return is_more


def _mapped_fields(sync_run: SyncRun, name: str) -> Check:
    wrong, _ = _described(sync_run)
    if wrong:
        raise _wrong_settings(sync_run, wrong)
    return Check(name, True, "They can be read.")


def _seen_again(sync_run: SyncRun, name: str) -> Check:
    visibility.check_visibility(sync_run)
    return Check(name, True, "Enough of them can be read again.")


def _wrong_settings(sync_run: SyncRun, problems: list[str]) -> Fault:
    """The fault of fields that the mapping or the rules name: another choice cures it too."""
    case = replace(sync_run.client.field_missing, name=WRONG_SETTINGS)
    return Fault(case, "; ".join(problems))


def _mapped(sync_run: SyncRun) -> Iterator[SampledLead]:
    mapping, today = sync_run.context.mapping, sync_run.now.date()
    for row in sync_run.client.sample():
        values = mapping.parse(row).values
        inputs, wrong = mapping.inputs(values, today)
        yield SampledLead(
            row.id,
            inputs={name: inputs[name] for name in mapping.sources},
            empty=[n for n in mapping.sources if inputs[n] is None and n not in wrong],
            wrong={name: mapping.shown(name, values) for name in wrong},
        )


def _match_owners(sync_run: SyncRun, session: Session) -> int:
    """Give leads to accounts made since the day before all was looked at last."""
    reconciled_at = connections.get(session).reconciled_at or sync_run.now
    since = reconciled_at - RECONCILE_EVERY
    return owners.give_to_new_accounts(session, since, STEP_ROWS, sync_run.now)


class _Undone(Exception):
    """A rehearsal is over: its transaction is undone."""


def _rehearse_rules(sync_run: SyncRun) -> None:
    """Where rules have changed, say what the next run will do to what is here, some at a time."""
    after_id = read(connections.get).rederive_after_id
    if after_id is None:
        return
    found = sync_run.result.rule_changes = RuleChanges()
    while rows := read(partial(mirror.after, crm_lead_id=after_id, limit=STEP_ROWS)):
        with suppress(_Undone):
            write(partial(_rehearse_rules_on, sync_run, [row.id for row in rows]))
        after_id = rows[-1].id
        sync_run.step(lambda s: None, stage=f"Trying the rules: {found.leads:,} leads")


def _rehearse_rules_on(sync_run: SyncRun, ids: list[str], session: Session) -> None:
    connections.get(session, lock=True)
    keys = [row.lead_key for row in mirror.leads_by_id(session, ids).values() if row.lead_key]
    before = {key: lead.status for key, lead in our_leads.by_keys(session, keys).items()}
    aside = _aside(sync_run)
    record_outcomes_of(session, aside, ids, sync_run.now)
    reasons = {example.lead_id: example.reason for example in aside.result.examples}
    found = sync_run.result.rule_changes or RuleChanges()
    found.leads += len(before)
    for key, lead in our_leads.by_keys(session, keys).items():
        if lead.status != before[key]:
            reason = reasons.get(lead.lead_id, "")
            found.count(StatusChange(lead.lead_id, before[key], lead.status, reason))
    raise _Undone


def _aside(sync_run: SyncRun) -> SyncContext:
    """The same context with a result of its own."""
    return replace(sync_run.context, result=SyncResult())


def _rehearse(
    session: Session, sync_run: SyncRun, leads: list[LeadRow], deals: list[DealRow]
) -> None:
    if connections.get(session, lock=True).rederive_after_id is not None:
        # What changed rules do to them is told apart.
        ids = {row.id for row in leads} | links.leads_of(session, [d.id for d in deals]).keys()
        record_outcomes_of(session, _aside(sync_run), ids, sync_run.now)
    take_leads(session, sync_run.context, leads, sync_run.now)
    take_deals(session, sync_run.context, deals, sync_run.now)
    n_due, _ = pending_writes.offer_scored(
        session, sync_run.context.bands, since=sync_run.now, after_key=0, now=sync_run.now
    )
    sync_run.result.counts["scores_due"] = n_due
    raise _Undone
