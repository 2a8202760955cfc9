"""Whether a worker is there: each says so every half minute."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.database import change, insert
from webapp.tables.workers import WorkerProcess

REPORT_SECONDS = 30
# Several reports missed: one step of a job may keep the database to itself for some seconds.
GONE_AFTER = timedelta(minutes=3)
KEPT_FOR = timedelta(days=7)


def report(session: Session, name: str, now: datetime) -> None:
    """Note that this worker is there now."""
    seen = insert(session, WorkerProcess).values(name=name, started_at=now, seen_at=now)
    session.execute(seen.on_conflict_do_update(index_elements=["name"], set_={"seen_at": now}))


def last_seen(session: Session) -> datetime | None:
    """When a worker was there last; None where none ever was."""
    return session.scalar(sa.select(sa.func.max(WorkerProcess.seen_at)))


def is_gone(seen_at: datetime | None, now: datetime) -> bool:
    """Whether no worker is there any more, or none was."""
    return seen_at is None or now - seen_at > GONE_AFTER


def forget_old(session: Session, now: datetime) -> int:
    """Delete those that have not been there for a week; return how many."""
    gone = WorkerProcess.seen_at < now - KEPT_FOR
    return change(session, sa.delete(WorkerProcess).where(gone))


def figures(session: Session) -> dict[str, tuple[str, float]]:
    """The same for Prometheus; empty where no worker ever was."""
    seen_at = last_seen(session)
    if seen_at is None:
        return {}
    about = "When a worker was last at work, in seconds since 1970."
    return {"seen_timestamp_seconds": (about, seen_at.timestamp())}
