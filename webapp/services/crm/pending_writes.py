"""Pending writes of scores to the CRM: which are due, what was written, what was rejected."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from ml.fields.fields_file import Fields
from ml.scorecard.reasons import explain
from ml.scorecard.scorecard import Bands
from webapp.crm_tables import CrmConnection, CrmLead, CrmScoreWrite
from webapp.database import change, insert
from webapp.services.crm.kinds.exchange import PendingWrite
from webapp.services.leads import leads
from webapp.services.models import registry
from webapp.tables import Lead, Score

# A smaller move of a score, in points of 100, is not worth a write: each runs the org's flows.
MIN_MOVE = 1.0
# Looked at in one transaction: on SQLite nobody else writes meanwhile.
CHUNK = 500
# A scoring may be committed this much later than its time says.
LATE = timedelta(minutes=2)
MAX_ATTEMPTS = 5
MAX_REASONS_LENGTH = 1024
RETRY_AFTER = timedelta(minutes=1)
DEAD_LETTER_AFTER = timedelta(days=1)


def offer_scored(
    session: Session, bands: Bands, *, since: datetime, after_key: int, now: datetime
) -> tuple[int, int | None]:
    """Make due a step of the leads scored since a time; how many are, and how far, None at the end.

    Called again behind the lead that it has come to.
    """
    version = registry.champion(session)
    keys = _keys(session, after_key, Lead.scored_at >= since - LATE)
    n_due = _offer(session, keys, version.key, bands, now=now)
    return n_due, keys[-1] if len(keys) == CHUNK else None


def offer_changed(
    session: Session, connection: CrmConnection, bands: Bands, now: datetime
) -> tuple[int, bool]:
    """Make due a step of what a new version changed; how many are, and whether more follow.

    What was scored until `now` has been made due before.
    """
    version = registry.champion(session)
    connection.offered_since = now
    if connection.offered_version_key != version.key:
        connection.offered_version_key, connection.offered_through_key = version.key, 0
    keys = _keys(session, connection.offered_through_key, sa.true())
    connection.offered_through_key = keys[-1] if keys else connection.offered_through_key
    return _offer(session, keys, version.key, bands, now=now), len(keys) == CHUNK


def offer_again(session: Session, lead_keys: Collection[int], bands: Bands, now: datetime) -> int:
    """Make due what is worth a write of leads that took no scores for a while."""
    return _offer(session, lead_keys, registry.champion(session).key, bands, now=now)


def pending_writes(
    session: Session, fields: Fields, bands: Bands, *, now: datetime, limit: int
) -> list[PendingWrite]:
    """What is due, written from the present state of each lead."""
    version = registry.champion(session)
    card = registry.scorecard(session, version)
    query = (
        sa.select(Lead, CrmLead.id, Score.probability)
        .select_from(CrmScoreWrite)
        .join(Lead, Lead.key == CrmScoreWrite.lead_key)
        .join(CrmLead, CrmLead.lead_key == Lead.key)
        .join(Score, sa.and_(Score.lead_key == Lead.key, Score.version_key == version.key))
        .where(CrmScoreWrite.state == "due", CrmScoreWrite.due_at <= now, *_TAKES_SCORES)
        .order_by(CrmScoreWrite.due_at, CrmScoreWrite.lead_key)
        .limit(limit)
    )
    return [
        PendingWrite(
            lead_key=lead.key,
            crm_id=crm_id,
            score=round(100 * probability, 2),
            band=bands.of(probability).capitalize(),
            reasons=_sentences(explain(card, fields, leads.collected_inputs(lead))),
            version=version.name,
        )
        for lead, crm_id, probability in session.execute(query)
    ]


def drop_undeliverable(session: Session) -> int:
    """Stop writes to leads that take no scores: converted, in the pipeline, deleted, unscorable."""
    takes = sa.select(CrmLead.lead_key).where(
        CrmLead.lead_key == CrmScoreWrite.lead_key, *_TAKES_SCORES
    )
    statement = sa.update(CrmScoreWrite).where(CrmScoreWrite.state == "due", ~takes.exists())
    return change(session, statement.values(state="stopped"))


def mark_sent(session: Session, pending_writes: Sequence[PendingWrite], now: datetime) -> None:
    """Note what was written."""
    done = {"state": "sent", "n_attempts": 0, "case": None, "detail": "", "sent_at": now}
    rows = [
        done
        | {
            "lead_key": pending.lead_key,
            "sent_score": pending.score,
            "sent_band": pending.band,
            "sent_version": pending.version,
        }
        for pending in pending_writes
    ]
    if rows:
        session.execute(sa.update(CrmScoreWrite), rows)


def reject(session: Session, verdicts: Mapping[int, tuple[str, str, bool]], now: datetime) -> int:
    """Note rejected writes (case, text, whether for good) by lead key; return the dead letters."""
    n_dead = 0
    for lead_key, (case, detail, for_good) in verdicts.items():
        row = session.get_one(CrmScoreWrite, lead_key)
        row.n_attempts += 1
        row.case, row.detail = case, detail[:500]
        is_dead = for_good or row.n_attempts >= MAX_ATTEMPTS
        row.state = "dead" if is_dead else "due"
        n_dead += is_dead
        row.due_at = now + (DEAD_LETTER_AFTER if is_dead else RETRY_AFTER * 2**row.n_attempts)
    return n_dead


def retry_later(session: Session, lead_keys: Collection[int], now: datetime) -> None:
    """Leave writes due that the CRM as a whole does not take now; this counts as no attempt."""
    waiting = sa.update(CrmScoreWrite).where(CrmScoreWrite.lead_key.in_(lead_keys))
    change(session, waiting.values(due_at=now + RETRY_AFTER))


def dead_letters(
    session: Session, *, after_key: int = 0, limit: int = 50
) -> list[tuple[CrmScoreWrite, Lead]]:
    """Rejected writes that are not retried before the next day, with their leads."""
    query = (
        sa.select(CrmScoreWrite, Lead)
        .join(Lead, Lead.key == CrmScoreWrite.lead_key)
        .where(CrmScoreWrite.state == "dead", CrmScoreWrite.lead_key > after_key)
        .order_by(CrmScoreWrite.lead_key)
    )
    return [(row, lead) for row, lead in session.execute(query.limit(limit))]


def n_by_state(session: Session) -> dict[str, int]:
    """How many writes are due, sent, stopped or dead letters."""
    query = sa.select(CrmScoreWrite.state, sa.func.count()).group_by(CrmScoreWrite.state)
    return {state: n for state, n in session.execute(query)}  # noqa: C416 - rows are no pairs to mypy


_in_pipeline = aliased(Lead)
_TAKES_SCORES: tuple[sa.ColumnElement[bool], ...] = (
    CrmLead.is_converted.is_(False),
    # Not every CRM converts leads.
    CrmLead.outcome.is_distinct_from("converted"),
    CrmLead.is_deleted.is_(False),
    CrmLead.is_unscorable.is_(False),
    ~sa.exists().where(_in_pipeline.key == CrmLead.lead_key, _in_pipeline.is_in_pipeline),
)


def _keys(session: Session, after_key: int, condition: sa.ColumnElement[bool]) -> list[int]:
    query = sa.select(Lead.key).where(Lead.key > after_key, Lead.crm_id.is_not(None), condition)
    return list(session.scalars(query.order_by(Lead.key).limit(CHUNK)))


def _offer(
    session: Session, keys: Collection[int], version_key: int, bands: Bands, *, now: datetime
) -> int:
    query = (
        sa.select(Lead.key, Score.probability, CrmScoreWrite)
        .join(CrmLead, CrmLead.lead_key == Lead.key)
        .join(Score, sa.and_(Score.lead_key == Lead.key, Score.version_key == version_key))
        .outerjoin(CrmScoreWrite, CrmScoreWrite.lead_key == Lead.key)
        .where(Lead.key.in_(keys), *_TAKES_SCORES)
    )
    due = [
        lead_key
        for lead_key, probability, before in session.execute(query)
        if _is_worth_a_write(before, probability, bands, now)
    ]
    row = {"state": "due", "due_at": now, "n_attempts": 0, "detail": ""}
    if due:
        statement = insert(session, CrmScoreWrite)
        changed = {n: statement.excluded[n] for n in ("state", "due_at", "n_attempts")}
        make_due = statement.on_conflict_do_update(index_elements=["lead_key"], set_=changed)
        session.execute(make_due, [row | {"lead_key": key} for key in due])
    return len(due)


def _is_worth_a_write(
    before: CrmScoreWrite | None, probability: float, bands: Bands, now: datetime
) -> bool:
    if before is None:
        return True
    # A pending write stays as it is; a dead letter is retried after a day.
    is_over = before.state == "dead" and before.due_at <= now
    may_be_tried = before.state in {"sent", "stopped"} or is_over
    if before.sent_score is None:
        return may_be_tried
    moved = abs(round(100 * probability, 2) - before.sent_score) >= MIN_MOVE
    is_other_band = bands.of(probability).capitalize() != before.sent_band
    return (moved or is_other_band) and may_be_tried


def _sentences(reasons: Iterable[Any]) -> str:
    text = ""
    for reason in reasons:
        longer = f"{text}\n{reason.sentence}" if text else reason.sentence
        if len(longer) > MAX_REASONS_LENGTH:
            break
        text = longer
    return text
