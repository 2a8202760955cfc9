"""What became of leads: recorded, withdrawn, never erased."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import Lead, Outcome

CLOCK_SKEW = timedelta(minutes=5)


class OutcomeInFuture(ValueError):
    """An outcome is said to have happened later than now."""

    def __init__(self) -> None:
        super().__init__("must not lie in the future")


@dataclass(frozen=True)
class Said:
    """Who said what about an outcome, and where it came from."""

    source: str
    actor: str
    reason: str | None = None
    rule: str | None = None
    idempotency_key: str | None = None


def record(
    session: Session,
    lead: Lead,
    converted: bool | None,
    said: Said,
    *,
    now: datetime,
    happened_at: datetime | None = None,
) -> bool:
    """Add an outcome (None withdraws it) and say whether what counts for the lead has changed.

    1. The same thing said again by the same source adds nothing.
    2. The row is added; the newest by time of happening counts, the later row on a tie.
    3. A lead whose outcome changes becomes a new label for the next training.

    The caller holds the lead's row locked (`leads.find(..., lock=True)` or `leads.upsert`).
    """
    if happened_at is not None and happened_at > now + CLOCK_SKEW:
        raise OutcomeInFuture
    newest = _newest(session, lead)
    row = Outcome(
        lead_key=lead.key,
        result={True: "converted", False: "lost", None: "withdrawn"}[converted],
        source=said.source,
        actor=said.actor,
        # Without a time of its own a statement is about now, and so after all earlier ones.
        happened_at=happened_at or max(now, newest.happened_at if newest else now),
        recorded_at=now,
        reason=said.reason,
        rule=said.rule,
        idempotency_key=said.idempotency_key,
    )
    if (happened_at is None and _repeats(newest, row)) or _is_known(session, row):
        return False
    session.add(row)
    session.flush()
    return _settle(session, lead)


def count(session: Session) -> int:
    """The number of leads whose outcome is known now."""
    return session.scalar(sa.select(sa.func.count()).where(Lead.outcome.is_not(None))) or 0


def _newest(session: Session, lead: Lead) -> Outcome | None:
    query = sa.select(Outcome).where(Outcome.lead_key == lead.key)
    return session.scalar(query.order_by(Outcome.happened_at.desc(), Outcome.key.desc()).limit(1))


def _repeats(newest: Outcome | None, row: Outcome) -> bool:
    """Whether a statement about now says only what counts already."""
    if newest is None:
        return row.result == "withdrawn"
    is_same_source = newest.source == row.source or row.result == "withdrawn"
    return newest.result == row.result and is_same_source


def _is_known(session: Session, row: Outcome) -> bool:
    """Whether this very statement was recorded before: by its key, or by its time."""
    query = sa.select(Outcome.key).where(Outcome.lead_key == row.lead_key).limit(1)
    if row.idempotency_key is not None:
        query = query.where(Outcome.idempotency_key == row.idempotency_key)
    else:
        query = query.where(
            Outcome.result == row.result,
            Outcome.source == row.source,
            Outcome.happened_at == row.happened_at,
        )
    return session.scalar(query) is not None


def _settle(session: Session, lead: Lead) -> bool:
    """Bring the lead's outcome in line with its history."""
    newest = _newest(session, lead)
    assert newest is not None  # a row was just added
    outcome = {"converted": True, "lost": False, "withdrawn": None}[newest.result]
    if outcome == lead.outcome:
        return False
    lead.outcome = outcome
    lead.outcome_at = newest.happened_at if outcome is not None else None
    lead.counted_by_run = None
    return True
