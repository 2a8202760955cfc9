"""Runs that change nothing: testing the connection, a look at twenty leads, a dry run."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy.orm import Session

from sync.crm import phases
from sync.crm.intake import take_leads, take_opportunities
from sync.crm.reading import LEADS, OPPORTUNITIES, Reading
from sync.crm.sync_run import SyncRun
from sync.crm.write_back import bands, unwritable
from sync.salesforce.client import Row
from sync.salesforce.mapping import OPPORTUNITY_FIELDS
from webapp.database import read, write
from webapp.services.crm import connections, pending_writes

MAX_SHOWN_LENGTH = 100
# Rehearsed of each kind: all of it is one transaction, in which nobody else writes on SQLite.
REHEARSED_ROWS = 200


def check(sync_run: SyncRun) -> None:
    """Log in, describe, and say of each thing that is needed whether it is there."""
    phases.check(sync_run)
    described = {str(field["name"]) for field in sync_run.client.describe(OPPORTUNITIES)}
    hidden = [name for name in OPPORTUNITY_FIELDS if name not in described]
    missing = read(lambda s: unwritable(connections.get(s).described))
    meter = sync_run.client.meter
    used = f"{meter.n_used:,} of {meter.n_limit:,} used" if meter.n_limit else "not told"
    sync_run.extra["checks"] = [
        _check("Login", [], "works"),
        _check("Lead fields", [], "all mapped fields are there"),
        _check("Opportunity fields", hidden, "all are there"),
        _check("Score fields", missing, "all are there and can be written"),
        _check("API calls of the last 24 hours", [], used),
    ]


def sample(sync_run: SyncRun) -> None:
    """Map the leads changed last: their inputs, what was empty, and what breaks a field's rule.

    The mapping may be one that is not saved: what is wrong with it is told and stops no run.
    """
    problems = phases.problems(sync_run)
    leads = [] if problems else list(_mapped(sync_run))
    sync_run.extra["sample"] = {
        "problems": problems,
        "leads": leads,
        "n_empty": dict(Counter(name for lead in leads for name in lead["empty"])),
        "n_wrong": dict(Counter(name for lead in leads for name in lead["wrong"])),
    }


def _mapped(sync_run: SyncRun) -> Iterator[dict[str, Any]]:
    """Each lead's inputs, the names of those that Salesforce has not, and values that are wrong."""
    mapping, today = sync_run.context.mapping, sync_run.now.date()
    for row in sync_run.client.sample(LEADS, mapping.select):
        values = mapping.parse(row).values
        inputs, wrong = mapping.inputs(values, today)
        raw = {name: values.get(s.crm_field or "") for name, s in mapping.sources.items()}
        yield {
            "id": row["Id"],
            "inputs": {name: inputs[name] for name in mapping.sources},
            "empty": [n for n in mapping.sources if inputs[n] is None and n not in wrong],
            "wrong": {name: str(raw[name])[:MAX_SHOWN_LENGTH] for name in wrong},
        }


def dry(sync_run: SyncRun) -> None:
    """Do with the next leads and opportunities what a run does, and keep nothing."""
    phases.check(sync_run)
    leads = Reading(sync_run, LEADS).peek()[:REHEARSED_ROWS]
    opportunities = Reading(sync_run, OPPORTUNITIES).peek()[:REHEARSED_ROWS]
    try:
        write(lambda s: _rehearse(s, sync_run, leads, opportunities))
    except _Enough:
        sync_run.extra["rehearsed"] = {"leads": len(leads), "opportunities": len(opportunities)}


class _Enough(Exception):
    """The rehearsal is over: its transaction is undone."""


def _rehearse(
    session: Session, sync_run: SyncRun, leads: list[Row], opportunities: list[Row]
) -> None:
    take_leads(session, sync_run.context, leads, sync_run.now)
    take_opportunities(session, sync_run.context, opportunities, sync_run.now)
    connection = connections.get(session)
    n_due = pending_writes.offer(session, connection, bands(), sync_run.now)
    sync_run.context.run_counts.counts["scores_due"] = n_due
    raise _Enough


def _check(name: str, problems: list[str], good: str) -> dict[str, Any]:
    sentence = f"missing or not allowed: {', '.join(problems)}" if problems else good
    return {"name": name, "is_good": not problems, "sentence": sentence}
