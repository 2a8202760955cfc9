"""The audit log: who promoted, rolled back, signed in, made or revoked a key."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.tables import AuditEntry


def record(
    session: Session,
    actor: str,
    action: str,
    subject: str,
    *,
    now: datetime,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add an entry; secrets and lead data do not belong into it."""
    session.add(
        AuditEntry(at=now, actor=actor, action=action, subject=subject, detail=detail or {})
    )


def latest(session: Session, limit: int = 100, before: int | None = None) -> list[AuditEntry]:
    """The newest entries first, from the one before the given number on."""
    query = sa.select(AuditEntry).order_by(AuditEntry.key.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.key < before)
    return list(session.scalars(query))


def actor_at(session: Session, at: datetime) -> str | None:
    """Who did something at exactly this time; None where nobody did."""
    return session.scalar(sa.select(AuditEntry.actor).where(AuditEntry.at == at).limit(1))
