"""Outcomes of leads that are not known yet: kept for some days, recorded when the lead comes."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.database import change
from webapp.intake_tables import WaitingOutcome
from webapp.services.outcomes import outcomes
from webapp.services.outcomes.outcomes import MEANINGS, RESULTS, Attribution, OutcomeEvent
from webapp.tables import Lead, Meaning

FORGOTTEN_AT_ONCE = 500


@dataclass(frozen=True)
class WaitingEvent:
    """An outcome reported of a lead that is not known; without a time it is about now."""

    lead_id: str
    converted: Meaning
    attribution: Attribution
    happened_at: datetime | None = None


@dataclass(frozen=True)
class Waiting:
    """How many outcomes wait for their leads, and since when the oldest does."""

    n: int
    oldest_at: datetime | None


def keep(
    session: Session, events: Sequence[WaitingEvent], *, now: datetime, keep_days: int
) -> list[bool]:
    """Keep outcomes of leads that are not known, and say of each whether it is new.

    What the caller, or an idempotency key, has reported already adds nothing. Ids are in their one
    form (`records.clean_lead_id`).
    """
    kept = _kept(session, {event.lead_id for event in events}, now)
    news = []
    for event in events:
        row = _row(event, now, timedelta(days=keep_days))
        is_new = not _is_repeated(kept[event.lead_id], row)
        if is_new:
            kept[event.lead_id].append(row)
            session.add(row)
        for waits in kept[event.lead_id]:
            waits.expires_at = row.expires_at
        news.append(is_new)
    return news


def withdraw(session: Session, lead_id: str, attribution: Attribution, *, now: datetime) -> bool:
    """Cancel the last outcome of this caller that waits; False where it has reported none."""
    kept = _kept(session, {lead_id}, now)[lead_id]
    own = [row for row in kept if _told_by(row) == attribution.told_by]
    if own and own[-1].withdrawn_at is None:
        own[-1].withdrawn_at, own[-1].withdrawn_by = now, attribution.actor
    return bool(own)


def record(session: Session, found: Mapping[str, Lead], now: datetime) -> None:
    """Record what waits for these leads, which the caller holds locked, as of its own time."""
    kept = _kept(session, found, now)
    events = [event for lead_id, rows in kept.items() for event in _events(found[lead_id], rows)]
    if events:
        outcomes.record_many(session, events, now=now)
        keys = [row.key for rows in kept.values() for row in rows]
        change(session, sa.delete(WaitingOutcome).where(WaitingOutcome.key.in_(keys)))


def stragglers(session: Session, limit: int) -> list[str]:
    """Up to `limit` ids of known leads for which outcomes wait: both came at the same moment."""
    query = sa.select(WaitingOutcome.lead_id).join(Lead, Lead.lead_id == WaitingOutcome.lead_id)
    return list(session.scalars(query.distinct().limit(limit)))


def forget(session: Session, lead_ids: Collection[str]) -> None:
    """Delete what waits for these leads."""
    change(session, sa.delete(WaitingOutcome).where(WaitingOutcome.lead_id.in_(lead_ids)))


def forget_expired(session: Session, now: datetime) -> int:
    """Delete some outcomes whose lead did not come in time; return how many, 0 at the end."""
    expired = sa.select(WaitingOutcome.key).where(WaitingOutcome.expires_at <= now)
    some = expired.order_by(WaitingOutcome.expires_at).limit(FORGOTTEN_AT_ONCE)
    return change(session, sa.delete(WaitingOutcome).where(WaitingOutcome.key.in_(some)))


def count(session: Session, now: datetime) -> Waiting:
    """How many outcomes wait; withdrawn and expired ones are left out."""
    query = sa.select(sa.func.count(), sa.func.min(WaitingOutcome.recorded_at)).where(
        WaitingOutcome.withdrawn_at.is_(None), WaitingOutcome.expires_at > now
    )
    return Waiting(*session.execute(query).one())


def standing(
    session: Session, lead_ids: Collection[str], now: datetime
) -> dict[str, list[tuple[Meaning, datetime | None]]]:
    """What waits for these leads, oldest first, each with its time; of most of them nothing."""
    kept = _kept(session, lead_ids, now) if lead_ids else {}
    return {
        lead_id: [(MEANINGS[r.result], r.happened_at) for r in rows if r.withdrawn_at is None]
        for lead_id, rows in kept.items()
    }


def _kept(
    session: Session, lead_ids: Collection[str], now: datetime
) -> dict[str, list[WaitingOutcome]]:
    query = sa.select(WaitingOutcome).where(
        WaitingOutcome.lead_id.in_(lead_ids), WaitingOutcome.expires_at > now
    )
    kept: dict[str, list[WaitingOutcome]] = defaultdict(list)
    for row in session.scalars(query.order_by(WaitingOutcome.key)):
        kept[row.lead_id].append(row)
    return kept


def _row(event: WaitingEvent, now: datetime, keep_for: timedelta) -> WaitingOutcome:
    attribution = event.attribution
    return WaitingOutcome(
        lead_id=event.lead_id,
        result=RESULTS[event.converted],
        source=attribution.source,
        actor=attribution.actor,
        happened_at=event.happened_at,
        recorded_at=now,
        reason=attribution.reason,
        idempotency_key=attribution.idempotency_key,
        expires_at=now + keep_for,
    )


def _is_repeated(kept: Sequence[WaitingOutcome], new: WaitingOutcome) -> bool:
    key = new.idempotency_key
    if key is not None and any(key == row.idempotency_key for row in kept):
        return True
    standing = [row for row in kept if row.withdrawn_at is None]
    if new.happened_at is not None:
        return any(_told(new) == _told(row) for row in standing)
    last = max(standing, key=lambda row: row.happened_at or row.recorded_at, default=None)
    return last is not None and (last.result, _told_by(last)) == (new.result, _told_by(new))


def _told_by(row: WaitingOutcome) -> tuple[str, str]:
    return outcomes.told_by(row.source, row.actor)


def _told(row: WaitingOutcome) -> tuple[str, str, datetime | None]:
    return row.result, row.source, row.happened_at or row.recorded_at


def _events(lead: Lead, rows: Sequence[WaitingOutcome]) -> list[OutcomeEvent]:
    events: list[tuple[datetime, OutcomeEvent]] = []
    for row in rows:
        attribution = Attribution(
            row.source, row.actor, row.reason, idempotency_key=row.idempotency_key
        )
        meaning = MEANINGS[row.result]
        event = OutcomeEvent(lead, meaning, attribution, row.happened_at, row.recorded_at)
        events.append((row.recorded_at, event))
        if row.withdrawn_at is not None:
            withdrawal = Attribution(row.source, row.actor)
            event = OutcomeEvent(lead, None, withdrawal, recorded_at=row.withdrawn_at)
            events.append((row.withdrawn_at, event))
    return [event for _, event in sorted(events, key=itemgetter(0))]
