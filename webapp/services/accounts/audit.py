"""The audit log: who promoted, rolled back, signed in, was refused, made or revoked a key.

Entries are added and never changed, by triggers of the database, until they are old.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from webapp.database import change
from webapp.tables import AuditEntry

# Within it, one refusal of the same person at the same place tells as much as a thousand.
REFUSED_AGAIN = timedelta(minutes=5)
# The triggers let nothing go that is younger.
MIN_KEPT_DAYS = 90
DELETED_AT_ONCE = 1000
NOBODY_KNOWN = "unknown account"

log = structlog.stdlib.get_logger("leadloop.audit")


@dataclass(frozen=True)
class Origin:
    """Where a request comes from: its caller and number, and who is signed in, as numbers."""

    caller: str | None = None
    request_id: str | None = None
    account: int | None = None
    key: int | None = None


BACKED_UP = "made a backup"
_origin: list[Callable[[], Origin]] = [Origin]


def ask_origin_of(origin: Callable[[], Origin]) -> None:
    """Say who knows where the present request comes from: the edge, since services do not."""
    _origin[0] = origin


def record(
    session: Session,
    actor: str,
    action: str,
    subject: str,
    *,
    now: datetime,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add an entry, and a log line without names; secrets and lead data belong into neither."""
    origin = _origin[0]()
    session.add(
        AuditEntry(
            at=now,
            actor=actor,
            action=action,
            subject=subject,
            detail=detail or {},
            caller=origin.caller,
            request_id=origin.request_id,
        )
    )
    if origin.request_id is not None:
        told = {"account": origin.account, "key": origin.key, "caller": origin.caller}
        log.info("audit", action=action, **{k: v for k, v in told.items() if v is not None})


def record_refusal(session: Session, actor: str, place: str, now: datetime) -> None:
    """Add that somebody was refused for want of a right; not again within some minutes."""
    query = sa.select(AuditEntry.key).where(
        AuditEntry.at > now - REFUSED_AGAIN,
        AuditEntry.actor == actor,
        AuditEntry.action == "was refused",
        AuditEntry.subject == place,
    )
    if session.scalar(query.limit(1)) is None:
        record(session, actor, "was refused", place, now=now)


def named(lead_id: str) -> str:
    """What the log calls an erased lead, whose id may be an e-mail address: part of a digest."""
    return f"lead {hashlib.sha256(lead_id.encode()).hexdigest()[:12]}"


def last(session: Session, action: str) -> datetime | None:
    """When this was done last; None where it never was, or that is no longer kept."""
    return session.scalar(sa.select(sa.func.max(AuditEntry.at)).where(AuditEntry.action == action))


def latest(session: Session, limit: int = 100, before: int | None = None) -> list[AuditEntry]:
    """The newest entries first, from the one before the given number on."""
    query = sa.select(AuditEntry).order_by(AuditEntry.key.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.key < before)
    return list(session.scalars(query))


def following(session: Session, after: int, limit: int) -> list[AuditEntry]:
    """The entries after the given number, the oldest first."""
    query = sa.select(AuditEntry).where(AuditEntry.key > after).order_by(AuditEntry.key)
    return list(session.scalars(query.limit(limit)))


def forget_old(session: Session, days: int, now: datetime) -> int:
    """Delete some entries older than so many days (0: none); return how many."""
    if not days:
        return 0
    old = sa.select(AuditEntry.key).where(AuditEntry.at < now - timedelta(days=days))
    some = old.order_by(AuditEntry.at).limit(DELETED_AT_ONCE)
    return change(session, sa.delete(AuditEntry).where(AuditEntry.key.in_(some)))


def actor_at(session: Session, at: datetime) -> str | None:
    """Who did something at exactly this time; None where nobody did."""
    return session.scalar(sa.select(AuditEntry.actor).where(AuditEntry.at == at).limit(1))
