"""Fields that seem to be filled in after the outcome: left out of training until allowed."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import GuardedField, ModelVersion, Run
from webapp.services import audit

ALLOWED, LEFT_OUT, SUSPECTED = "allowed", "left_out", "suspected"


class NotSuspected(LookupError):
    """No training has suspected a field of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"No training has suspected a field {name}")


class Known(NamedTuple):
    """What training is to know: fields that are allowed, and why others are left out, by name."""

    allowed: frozenset[str]
    left_out: dict[str, str]


def known(session: Session) -> Known:
    """What earlier trainings suspected and people decided."""
    rows = every(session)
    return Known(
        frozenset(row.name for row in rows if row.state == ALLOWED),
        {row.name: row.sentence for row in rows if row.state != ALLOWED},
    )


def every(session: Session) -> list[GuardedField]:
    """All fields ever suspected, undecided ones first, then the newest."""
    rows = session.scalars(sa.select(GuardedField).order_by(GuardedField.suspected_at.desc()))
    return sorted(rows, key=lambda row: row.state != SUSPECTED)


def in_use(version: ModelVersion, rows: Iterable[GuardedField]) -> list[str]:
    """The fields left out of training that a version uses all the same."""
    return [row.name for row in rows if row.state != ALLOWED and row.name in version.fields]


def suspect(
    session: Session, suspicions: Iterable[Mapping[str, Any]], run: Run, now: datetime
) -> None:
    """Keep what a training found (`ml.leaks.Suspicion` as JSON); known fields stay as they are."""
    for found in suspicions:
        if session.get(GuardedField, found["field"]) is None:
            about = {name: found[name] for name in ("sign", "sentence", "evidence")}
            row = GuardedField(name=found["field"], state=SUSPECTED, run_key=run.key, **about)
            row.suspected_at = now
            session.add(row)
    session.flush()


def decide(session: Session, name: str, state: str, *, actor: str, now: datetime) -> GuardedField:
    """Allow a suspected field, or confirm that it is left out, from the next training on."""
    row = session.get(GuardedField, name, with_for_update=True) if name.isprintable() else None
    if row is None:
        raise NotSuspected(name)
    row.state, row.decided_by, row.decided_at = state, actor, now
    action = "allowed field" if state == ALLOWED else "left out field"
    audit.record(session, actor, action, f"field {name}", now=now, detail={"sign": row.sign})
    return row
