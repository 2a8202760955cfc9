"""What is exported: a block of rows at a time, in the order of their keys, never by an offset."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from webapp.intake_tables import WaitingOutcome
from webapp.services.accounts import audit
from webapp.services.exports.columns import (
    EVENT_COLUMNS,
    HISTORY_COLUMNS,
    OTHER_WITHDRAWN,
    OUTCOME_COLUMNS,
    OWN_WITHDRAWN,
    SCORE_COLUMNS,
    STATE_COLUMNS,
)
from webapp.services.leads import lead_query, lead_table, leads, scoring
from webapp.services.leads.lead_query import Query
from webapp.services.leads.records import PEOPLE_FIELDS
from webapp.services.models import registry
from webapp.services.outcomes.outcomes import MEANINGS, UNDONE
from webapp.tables import Lead, Outcome, Score, Snapshot

BLOCK_ROWS = 1_000

Row: TypeAlias = dict[str, Any]
# Rows behind a place (None: from the beginning), and the place behind them, None at the end.
ReadBlock: TypeAlias = Callable[[Session, Any], tuple[list[Row], Any]]


@dataclass(frozen=True)
class Export:
    """One thing to export: its columns, and how rows are read (those of a `query`, if any)."""

    name: str
    columns: tuple[str, ...]
    read_block: ReadBlock
    query: Query | None = None


def leads_asked(
    fields: Fields, asked: Mapping[str, str], *, explore_percent: float, me: str | None = None
) -> Export:
    """The leads that filters and sort name, all without any; else `InvalidQuery`."""
    if not any(asked.values()):
        return _all_leads(fields)
    return _view(fields, lead_query.read(asked, fields, me=me), explore_percent)


def _all_leads(fields: Fields) -> Export:
    def read_block(session: Session, after: int | None) -> tuple[list[Row], int | None]:
        found, following = _behind(session, Lead, after)
        return _lead_rows(session, fields, found), following

    return Export("leads", _lead_columns(fields), read_block)


def _view(fields: Fields, query: Query, explore_percent: float) -> Export:
    def read_block(session: Session, after: Any) -> tuple[list[Row], Any]:
        found, following = lead_table.block(
            session,
            replace(query, after=after),
            size=BLOCK_ROWS,
            explore_percent=explore_percent,
        )
        return _lead_rows(session, fields, found), following

    return Export("leads", _lead_columns(fields), read_block, query)


def outcomes() -> Export:
    """Every outcome event, withdrawals as well, in the order in which they were recorded.

    What an import told that was undone is left out: it is as if nobody had imported it. Outcomes
    that wait for their lead come last.
    """
    columns = ("lead_id", *OUTCOME_COLUMNS, "reason", *EVENT_COLUMNS)

    def read_block(session: Session, after: tuple[bool, int] | None) -> tuple[list[Row], Any]:
        is_waiting, key = after or (False, 0)
        read = _waiting_rows if is_waiting else _outcome_rows
        rows, following = read(session, key)
        if following is None:
            return rows, None if is_waiting else (True, 0)
        return rows, (is_waiting, following)

    return Export("outcomes", columns, read_block)


def scores(fields: Fields) -> Export:
    """The score history: what was known of a lead at each scoring, and the score that it got."""

    def read_block(session: Session, after: int | None) -> tuple[list[Row], int | None]:
        found, following = _behind(session, Snapshot, after)
        return _score_rows(session, fields, found), following

    columns = ("lead_id", *fields.names, *OUTCOME_COLUMNS, "scored_at", *HISTORY_COLUMNS)
    return Export("scores", columns, read_block)


def note(session: Session, export: Export, actor: str, form: str, *, now: datetime) -> None:
    """Put an export on record, without what was searched for: that is somebody's name."""
    detail: dict[str, Any] = {"format": form}
    if export.query is not None:
        filters = sorted(export.query.parameters())
        detail |= {"status": export.query.status, "sort": export.query.sort, "given": filters}
    audit.record(session, actor, "exported", export.name, now=now, detail=detail)


def _lead_columns(fields: Fields) -> tuple[str, ...]:
    known = ("lead_id", *PEOPLE_FIELDS, *fields.names, *OUTCOME_COLUMNS, "scored_at")
    return (*known, *SCORE_COLUMNS, *_state_columns(fields))


def _state_columns(fields: Fields) -> list[str]:
    # A field that the team calls so comes back in; what an import leaves out gives way.
    return [name for name in STATE_COLUMNS if name not in fields]


def _behind(session: Session, table: Any, after: int | None) -> tuple[Sequence[Any], int | None]:
    """The next rows of a table in the order of their keys, and the key behind which it goes on."""
    query = sa.select(table).where(table.key > (after or 0)).order_by(table.key)
    found = session.scalars(query.limit(BLOCK_ROWS)).all()
    return found, found[-1].key if len(found) == BLOCK_ROWS else None


def _lead_rows(session: Session, fields: Fields, found: Sequence[Lead]) -> list[Row]:
    version, card = registry.serving(session)
    keys = [lead.key for lead in found]
    of_version = sa.select(Score.lead_key, Score.probability).where(
        Score.version_key == version.key, Score.lead_key.in_(keys)
    )
    probabilities = dict(session.execute(of_version).all())
    newest = scoring.latest_snapshots(session, keys)
    events = _events(session, keys)

    def row(lead: Lead) -> Row:
        probability = probabilities.get(lead.key)
        return {
            "lead_id": lead.lead_id,
            **{name: getattr(lead, name) for name in PEOPLE_FIELDS},
            **_declared(fields, leads.known_inputs(lead)),
            **_outcome(events.get((lead.key, lead.status, lead.outcome_at))),
            "scored_at": _time_of_inputs(lead, newest.get(lead.key)),
            "conversion_score": _rounded(probability),
            "grade": None if probability is None else card.grade(probability),
            "model_version": None if probability is None else version.name,
            **{name: getattr(lead, name) for name in _state_columns(fields)},
        }

    return [row(lead) for lead in found]


def _outcome_rows(session: Session, after: int | None) -> tuple[list[Row], int | None]:
    block, following = _behind(session, Outcome, after)
    undone = sa.select(Outcome.cancels).where(
        Outcome.rule == UNDONE, Outcome.cancels.in_([event.key for event in block])
    )
    undone_keys = set(session.scalars(undone))
    found = [e for e in block if e.rule != UNDONE and e.key not in undone_keys]
    ids = leads.ids_by_key(session, {event.lead_key for event in found})
    cancelled = [event.cancels for event in found if event.cancels is not None]
    query = sa.select(Outcome.key, Outcome.source).where(Outcome.key.in_(cancelled))
    sources = dict(session.execute(query).all())

    def row(event: Outcome) -> Row:
        is_of_another = sources.get(event.cancels or 0, event.source) != event.source
        return {
            "lead_id": ids[event.lead_key],
            **_outcome(event),
            **({"actual_outcome": OTHER_WITHDRAWN} if is_of_another else {}),
            "reason": event.reason,
            "recorded_at": event.recorded_at,
            "actor": event.actor,
        }

    # A lead may be erased while it is read.
    return [row(event) for event in found if event.lead_key in ids], following


def _waiting_rows(session: Session, after: int | None) -> tuple[list[Row], int | None]:
    found, following = _behind(session, WaitingOutcome, after)
    return [
        {
            "lead_id": waits.lead_id,
            **_outcome(waits),
            "reason": waits.reason,
            "recorded_at": waits.recorded_at,
            "actor": waits.actor,
        }
        for waits in found
        if waits.withdrawn_at is None
    ], following


def _score_rows(session: Session, fields: Fields, found: Sequence[Snapshot]) -> list[Row]:
    keys = {snapshot.lead_key for snapshot in found}
    ids = leads.ids_by_key(session, keys)
    versions = {version.key: version.name for version in registry.refs(session)}
    together = _events(session, [s.lead_key for s in found if s.came_with_outcome])
    by_time = {(lead, at): event for (lead, result, at), event in together.items()}

    def row(snapshot: Snapshot) -> Row:
        event = by_time.get((snapshot.lead_key, snapshot.taken_at))
        return {
            "lead_id": ids[snapshot.lead_key],
            **_declared(fields, snapshot.inputs),
            **_outcome(event if snapshot.came_with_outcome else None),
            "scored_at": snapshot.taken_at,
            "conversion_score": _rounded(snapshot.probability),
            "model_version": versions[snapshot.version_key],
            "input_source": snapshot.source,
        }

    return [row(snapshot) for snapshot in found if snapshot.lead_key in ids]


def _events(
    session: Session, lead_keys: Sequence[int]
) -> dict[tuple[int, str, datetime | None], Outcome]:
    query = sa.select(Outcome).where(
        Outcome.lead_key.in_(lead_keys), Outcome.result != OWN_WITHDRAWN
    )
    found = session.scalars(query.order_by(Outcome.key.desc()))
    return {(event.lead_key, event.result, event.happened_at): event for event in found}


def _outcome(event: Outcome | WaitingOutcome | None) -> Row:
    if event is None:
        return dict.fromkeys(OUTCOME_COLUMNS)
    meaning = MEANINGS[event.result]
    told = (
        OWN_WITHDRAWN if meaning is None else meaning,
        event.happened_at or event.recorded_at,
        event.source,
        event.rule if isinstance(event, Outcome) else None,
    )
    return dict(zip(OUTCOME_COLUMNS, told, strict=True))


def _declared(fields: Fields, inputs: dict[str, Any]) -> Row:
    return {name: inputs.get(name) for name in fields.names}


def _time_of_inputs(lead: Lead, newest: Snapshot | None) -> datetime | None:
    """When the inputs were so; None where nobody knows that they are older than the outcome."""
    if newest is None:
        return None
    is_apart = newest.came_with_outcome and newest.taken_at != lead.outcome_at
    return None if is_apart else newest.taken_at


def _rounded(probability: float | None) -> float | None:
    return None if probability is None else round(probability, 4)
