"""Backfill: score all leads by a staged version, in small steps that can be repeated."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from webapp.database import BACKFILL, PLAIN_ROWS, change, hold, insert
from webapp.services.leads import leads
from webapp.services.models import registry
from webapp.tables import Lead, ModelVersion, Score

CHUNK = 500


def begin(session: Session, version: ModelVersion, now: datetime) -> None:
    """Stage the version and clear its old scores; from now on live scoring writes to both."""
    registry.stage(session, version, now)
    change(session, sa.delete(Score).where(Score.version_key == version.key))


def fill(session: Session, fields: Fields, version: ModelVersion, after_key: int) -> int | None:
    """Score the next leads behind `after_key`; return the last one's key, None at the end.

    No scoring and no outcome is written in the middle of it. What live scoring has written is
    newer and stays.
    """
    hold(session, BACKFILL)
    shown = sa.select(Lead).where(Lead.key > after_key, Lead.removed_at.is_(None))
    chunk = session.scalars(shown.order_by(Lead.key).limit(CHUNK)).all()
    if not chunk:
        return None
    card = registry.scorecard(session, version)
    rows = [
        {
            "version_key": version.key,
            "lead_key": lead.key,
            "probability": card.score(leads.inputs(lead, fields)).probability,
            **leads.facets(lead),
        }
        for lead in chunk
    ]
    statement = insert(session, Score).on_conflict_do_nothing()
    session.execute(statement, rows, execution_options=PLAIN_ROWS)
    return chunk[-1].key


def forget_others(session: Session) -> int:
    """Delete some scores of versions neither live nor staged; return how many, 0 at the end."""
    in_use = [version.key for version in registry.aliases(session).values()]
    old = sa.select(Score.version_key, Score.lead_key).where(Score.version_key.not_in(in_use))
    rows = session.execute(old.limit(CHUNK)).all()
    if rows:
        pair = sa.tuple_(Score.version_key, Score.lead_key)
        change(session, sa.delete(Score).where(pair.in_([tuple(r) for r in rows])))
    return len(rows)


def n_leads(session: Session) -> int:
    """The number of leads to backfill."""
    return session.scalar(sa.select(sa.func.count()).select_from(Lead)) or 0
