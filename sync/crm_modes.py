"""Runs that change nothing: testing the connection, a look at twenty leads, a dry run."""

from collections import Counter
from typing import Any

from sqlalchemy.orm import Session

from sync import crm_run
from sync.crm_intake import take_leads, take_opportunities
from sync.crm_org import Org
from sync.crm_reading import LEADS, OPPORTUNITIES, Reading
from sync.crm_write_back import bands, unwritable
from sync.salesforce.client import Row
from sync.salesforce.mapping import OPPORTUNITY_FIELDS
from webapp.database import read, write
from webapp.services import crm_connection, crm_outbox


def check(org: Org) -> None:
    """Log in, describe, and say of each thing that is needed whether it is there."""
    crm_run.check(org)
    described = {str(field["name"]) for field in org.client.describe(OPPORTUNITIES)}
    hidden = [name for name in OPPORTUNITY_FIELDS if name not in described]
    missing = read(lambda s: unwritable(crm_connection.get(s).described))
    meter = org.client.meter
    used = f"{meter.n_used:,} of {meter.n_limit:,} used" if meter.n_limit else "not told"
    org.extra["checks"] = [
        _check("Login", [], "works"),
        _check("Lead fields", [], "all mapped fields are there"),
        _check("Opportunity fields", hidden, "all are there"),
        _check("Score fields", missing, "all are there and can be written"),
        _check("API calls of the last 24 hours", [], used),
    ]


def sample(org: Org) -> None:
    """Map the leads changed last, and tell of each field how many are empty or break its rule."""
    crm_run.check(org)
    mapping, today = org.desk.mapping, org.now.date()
    empty: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    leads: list[dict[str, Any]] = []
    for row in org.client.sample(LEADS, mapping.select):
        parsed = mapping.parse(row)
        inputs, broken = mapping.inputs(parsed.values, today)
        empty.update(name for name in mapping.sources if inputs[name] is None)
        wrong.update(broken)
        leads.append({"id": parsed.id, "inputs": {n: inputs[n] for n in mapping.sources}})
    org.extra["sample"] = {"leads": leads, "n_empty": dict(empty), "n_wrong": dict(wrong)}


def dry(org: Org) -> None:
    """Do with the next page of leads and of opportunities what a run does, and keep nothing."""
    crm_run.check(org)
    leads = Reading(org, LEADS).peek()
    opportunities = Reading(org, OPPORTUNITIES).peek()
    try:
        write(lambda s: _rehearse(s, org, leads, opportunities))
    except _Enough:
        org.extra["rehearsed"] = {"leads": len(leads), "opportunities": len(opportunities)}


class _Enough(Exception):
    """The rehearsal is over: its transaction is undone."""


def _rehearse(session: Session, org: Org, leads: list[Row], opportunities: list[Row]) -> None:
    take_leads(session, org.desk, leads, org.now)
    take_opportunities(session, org.desk, opportunities, org.now)
    connection = crm_connection.get(session)
    n_due = crm_outbox.offer(session, connection, bands(), org.now)
    org.desk.tally.counts["scores_due"] = n_due
    raise _Enough


def _check(name: str, problems: list[str], good: str) -> dict[str, Any]:
    sentence = f"missing or not allowed: {', '.join(problems)}" if problems else good
    return {"name": name, "is_good": not problems, "sentence": sentence}
