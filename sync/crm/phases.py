"""One run of the sync, phase by phase; a step of it and its cursor are one transaction."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from sync.crm import reconcile, write_back
from sync.crm.reading import LEADS, OPPORTUNITIES, Reading
from sync.crm.settling import settle
from sync.crm.sync_run import STEP_ROWS, SyncRun
from sync.salesforce import cases
from sync.salesforce.errors import Fault
from webapp.database import read
from webapp.services.crm import conflicts, connections, field_sources, mirror

CHUNK = 2000
RECONCILE_EVERY = timedelta(hours=24)
DESCRIBED = ("name", "label", "type", "length", "updateable", "custom", "externalId")


def live(sync_run: SyncRun) -> None:
    """Read what has changed, settle it, write scores back; once a day look at everything again.

    1. The mapping is checked against what Salesforce describes, before anything is asked.
    2. Leads, then opportunities, each to the end of its window.
    3. What the pages named and did not hold is asked for by id.
    4. Scores that have moved are written.
    """
    check(sync_run)
    settle_all(sync_run)
    Reading(sync_run, LEADS).to_the_end()
    Reading(sync_run, OPPORTUNITIES).to_the_end()
    read_missing(sync_run)
    compare(sync_run)
    if is_reconciling_due(sync_run):
        reconcile.reconcile(sync_run)
        settle_all(sync_run)
    write_back.write_back(sync_run)


def check(sync_run: SyncRun) -> None:
    """Describe Lead, and refuse to go on where what is to be read of it cannot be."""
    wrong = problems(sync_run)
    if wrong:
        raise Fault(cases.FIELD_MISSING, "; ".join(wrong))


def problems(sync_run: SyncRun) -> list[str]:
    """Describe Lead, keep that for the mapping page, and say what is wrong with the mapping."""
    described = [_kept(field) for field in sync_run.client.describe(LEADS)]
    sync_run.step(
        lambda s: _keep_described(s, described, sync_run.now), stage="Checking the connection"
    )
    names = {str(field["name"]) for field in described}
    fields, mapping = sync_run.context.fields, sync_run.context.mapping
    found = field_sources.problems(mapping.sources.values(), fields, described)
    wrong = [f"{fields[name].label}: {sentence}" for name, sentence in found.items()]
    asked = [n for n in mapping.select if "." not in n and n not in mapping.crm_fields]
    wrong += [f"Salesforce has no Lead field {n}, or hides it" for n in asked if n not in names]
    return wrong


def settle_all(sync_run: SyncRun) -> None:
    """After a change of rules derive every outcome again from what is here, without a call."""
    while True:
        after_id = read(lambda s: connections.get(s).settle_after_id)
        if after_id is None:
            return
        sync_run.step(partial(_settle_next, sync_run, after_id), stage="Applying the rules again")


def read_missing(sync_run: SyncRun) -> None:
    """Ask by id for opportunities that leads name, and for leads that are to be read again."""
    ids = read(lambda s: mirror.unread_opportunities(s, CHUNK))
    while ids:
        reconcile.read_opportunities(sync_run, ids)
        ids = read(lambda s: mirror.unread_opportunities(s, CHUNK))
    lead_ids = read(lambda s: mirror.to_be_read(s, CHUNK))
    while lead_ids:
        reconcile.read_leads(sync_run, lead_ids)
        lead_ids = read(lambda s: mirror.to_be_read(s, CHUNK))


def compare(sync_run: SyncRun) -> None:
    """List where people here have said something else than Salesforce since the last run."""
    sync_run.step(lambda s: _compare(s, sync_run), stage="Comparing outcomes")


def is_reconciling_due(sync_run: SyncRun) -> bool:
    """Whether a day has gone by since everything was looked at; the first day counts from now."""
    at = read(lambda s: connections.get(s).reconciled_at)
    return at is not None and sync_run.now - at >= RECONCILE_EVERY


def _kept(field: Mapping[str, Any]) -> dict[str, Any]:
    values = [v.get("value") for v in field.get("picklistValues") or [] if v.get("active", True)]
    return {name: field.get(name) for name in DESCRIBED} | {"values": values[:200]}


def _keep_described(session: Session, described: list[dict[str, Any]], now: datetime) -> None:
    connection = connections.get(session)
    connection.described, connection.described_at = described, now
    if connection.reconciled_at is None:
        connection.reconciled_at = now


def _settle_next(sync_run: SyncRun, after_id: str, session: Session) -> None:
    crm_leads = mirror.after(session, after_id, STEP_ROWS)
    settle(session, sync_run.context, crm_leads, sync_run.now)
    connection = connections.get(session)
    # Rules may have changed once more meanwhile: then it begins anew.
    if connection.settle_after_id == after_id:
        connection.settle_after_id = crm_leads[-1].id if crm_leads else None


def _compare(session: Session, sync_run: SyncRun) -> None:
    connection = connections.get(session)
    keys, through = conflicts.to_be_compared(session, connection.compared_through_key, CHUNK)
    rule = sync_run.context.rules.conflicts
    sync_run.context.run_counts.counts["conflicts"] += conflicts.review(
        session, keys, rule, sync_run.now
    )
    connection.compared_through_key = through
