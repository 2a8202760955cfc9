"""Undo a whole import, some leads at a time: what others have done since stays."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.crm_tables import CrmLead
from webapp.database import change
from webapp.intake_tables import Import, ImportChange, WaitingOutcome
from webapp.services.imports.changes import known_values
from webapp.services.imports.intake import statement_key
from webapp.services.leads import leads, removal, scoring
from webapp.services.leads.leads import AGEING, AGEING_SOURCE, DAY
from webapp.services.leads.records import PEOPLE_FIELDS, LeadRecord
from webapp.services.leads.scoring import ScoringInput
from webapp.services.models import registry
from webapp.services.outcomes import outcomes
from webapp.services.outcomes.outcomes import UNDONE, Attribution, OutcomeEvent
from webapp.tables import Lead, Outcome, Snapshot
from webapp.tables.remarks import REMARKS

LEADS_A_STEP = 200
ROWS_A_STEP = 500


@dataclass(frozen=True)
class _Others:
    """What stands about some leads beside what the import has brought, by the leads' keys."""

    snapshots: set[int]
    outcomes: set[int]
    crm: set[int]
    remarks: set[int]
    # The leads of whose outcome the import has told.
    told: set[int]


def n_left(session: Session, import_key: int) -> int:
    """How many leads the import has changed that are not undone yet."""
    query = sa.select(sa.func.count()).where(ImportChange.import_key == import_key)
    return session.scalar(query) or 0


def take_waiting_back(session: Session, found: Import, after_row: int) -> int | None:
    """Forget outcomes of the next rows that still wait, and find leads that have come since.

    Return the last of these rows, None at the end.
    """
    result = found.found
    if not result.n_waiting or after_row >= result.n_rows:
        return None
    last = min(after_row + ROWS_A_STEP, result.n_rows)
    names = [statement_key(found.key, number) for number in range(after_row + 1, last + 1)]
    waits = WaitingOutcome.idempotency_key.in_(names)
    change(session, sa.delete(WaitingOutcome).where(waits))
    told = Outcome.idempotency_key.in_(names)
    changed = sa.select(ImportChange.lead_key).where(ImportChange.import_key == found.key)
    query = sa.select(Outcome.lead_key).distinct().where(told, Outcome.lead_key.not_in(changed))
    unchanged = {"is_new": False, "before": {}, "after": {}, "snapshots": []}
    for lead_key in session.scalars(query).all():
        session.add(ImportChange(import_key=found.key, lead_key=lead_key, **unchanged))
    return last


def step(session: Session, found: Import, now: datetime) -> int:
    """Undo what the import did to the next leads; return how many these were.

    A lead that it made is deleted, unless somebody else has added to it, changed it or linked it
    since. Of all others untouched values become what they were, the import's snapshots go, and its
    outcomes are withdrawn.
    """
    versions = registry.in_use(session)
    query = sa.select(ImportChange).where(ImportChange.import_key == found.key)
    rows = session.scalars(query.order_by(ImportChange.lead_key).limit(LEADS_A_STEP)).all()
    changes = {row.lead_key: row for row in rows}
    locked = leads.lock_by_key(session, changes)
    others = _others(session, found.key, changes)
    present = {
        key: _as_told(lead, changes[key], now - found.requested_at) for key, lead in locked.items()
    }
    keys = {
        key
        for key, lead in locked.items()
        if _is_untouched(lead, changes[key], present[key], others)
    }
    for row in rows:
        session.delete(row)
    session.flush()
    removal.delete(session, keys, now)
    kept = {key: lead for key, lead in locked.items() if key not in keys}
    _withdraw(session, found, [kept[key] for key in others.told & kept.keys()], now)
    own = [key for lead_key in kept for key in changes[lead_key].snapshots]
    change(session, sa.delete(Snapshot).where(Snapshot.key.in_(own)))
    aged = sa.delete(Snapshot).where(
        Snapshot.source == AGEING_SOURCE,
        Snapshot.taken_at >= found.requested_at,
        Snapshot.lead_key.in_([key for key in kept if AGEING in changes[key].after]),
    )
    change(session, aged)
    newest = scoring.latest_snapshots(session, kept)
    inputs = [
        _before(lead, changes[key], present[key], newest.get(key), now=now)
        for key, lead in kept.items()
    ]
    scoring.score_many(session, versions, inputs, source="csv", now=now)
    return len(rows)


def _others(session: Session, import_key: int, changes: Mapping[int, ImportChange]) -> _Others:
    own = {key for row in changes.values() for key in row.snapshots}
    prefix = _prefix(import_key)
    snapshots = sa.select(Snapshot.lead_key, Snapshot.key).where(
        Snapshot.lead_key.in_(changes), Snapshot.source != AGEING_SOURCE
    )
    told = sa.select(Outcome.lead_key, Outcome.idempotency_key)
    said = session.execute(told.where(Outcome.lead_key.in_(changes))).all()
    crm = sa.select(CrmLead.lead_key).where(CrmLead.lead_key.in_(changes))
    remarks = sa.union(
        *(sa.select(table.lead_key).where(table.lead_key.in_(changes)) for table in REMARKS)
    )
    return _Others(
        snapshots={lead_key for lead_key, key in session.execute(snapshots) if key not in own},
        outcomes={key for key, name in said if not (name or "").startswith(prefix)},
        crm=set(session.scalars(crm)),
        remarks=set(session.scalars(remarks)),
        told={key for key, name in said if (name or "").startswith(prefix)},
    )


def _as_told(lead: Lead, made: ImportChange, since: timedelta) -> dict[str, Any]:
    """What is known of a lead, its days as the import told them where they only have gone on."""
    present, told = known_values(lead), made.after.get(AGEING)
    if told is not None and 0 <= present.get(AGEING, -1) - told <= since / DAY + 1:
        present[AGEING] = told
    return present


def _is_untouched(
    lead: Lead, made: ImportChange, present: Mapping[str, Any], others: _Others
) -> bool:
    told = others.snapshots | others.outcomes | others.crm | others.remarks
    is_alone = lead.key not in told
    return made.is_new and is_alone and present == made.after


def _withdraw(session: Session, found: Import, told: Iterable[Lead], now: datetime) -> None:
    actor = found.undone_by or found.requested_by
    undone = Attribution("csv", actor, rule=UNDONE, idempotency_key=_prefix(found.key))
    events = [OutcomeEvent(lead, None, undone, withdraws="keyed") for lead in told]
    outcomes.record_many(session, events, now=now)


def _prefix(import_key: int) -> str:
    return statement_key(import_key, 0).removesuffix("0")


def _before(
    lead: Lead,
    made: ImportChange,
    present: Mapping[str, Any],
    newest: Snapshot | None,
    *,
    now: datetime,
) -> ScoringInput:
    """The values of a lead that are still as the import left them, as they were before."""
    undone: dict[str, Any] = {
        name: made.before.get(name) for name, new in made.after.items() if present.get(name) == new
    }
    people = {name: value for name, value in undone.items() if name in PEOPLE_FIELDS}
    inputs = {name: value for name, value in undone.items() if name not in PEOPLE_FIELDS}
    known = leads.collected_inputs(lead) | inputs
    unasked = known.keys() - newest.inputs.keys() if newest is not None else known.keys()
    unasked = {name for name in unasked if known[name] is None}
    is_kept = newest is not None and newest.inputs == {
        name: value for name, value in known.items() if name not in unasked
    }
    record = LeadRecord(lead.lead_id, people, inputs, outcome=None, unasked=frozenset(unasked))
    taken_at = now if newest is None else max(now, newest.taken_at)
    return ScoringInput(record, taken_at, came_with_outcome=False, is_repeat=is_kept)
