"""Backfill: score all leads by a staged version, in small steps that can be repeated."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.database import BACKFILL, change, hold
from webapp.services.leads import leads, scoring
from webapp.services.models import registry
from webapp.tables import Lead, ModelVersion, Score

CHUNK = 500


def begin(session: Session, version: ModelVersion, now: datetime) -> None:
    """Stage the version and clear its old scores; from now on live scoring writes to both.

    The live version's scores stay until each is replaced.
    """
    if version.key != registry.champion(session).key:
        registry.stage(session, version, now)
        change(session, sa.delete(Score).where(Score.version_key == version.key))


def fill(session: Session, version: ModelVersion, after_key: int) -> int | None:
    """Score the next leads behind `after_key`; return the last one's key, None at the end.

    No scoring and no outcome is written in the middle of it, so that it finds what live scoring
    would. Values that mean something else by now are forgotten.
    """
    hold(session, BACKFILL)
    keys = sa.select(Lead.key).where(Lead.key > after_key).order_by(Lead.key).limit(CHUNK)
    chunk = leads.lock_by_key(session, session.scalars(keys).all())
    if not chunk:
        return None
    card, found = registry.scorecard(session, version), list(chunk.values())
    scores = [card.score(leads.collected_inputs(lead)).probability for lead in found]
    scoring.keep_scores(session, found, {version.key: scores})
    return max(chunk)


def forget_others(session: Session) -> int:
    """Delete some scores of versions neither live nor staged; return how many, 0 at the end."""
    in_use = [version.key for version in registry.aliases(session).values()]
    others = sa.select(ModelVersion.key).where(ModelVersion.key.not_in(in_use))
    # Version by version, along the primary key: to look for all at once grows with what is gone.
    for version_key in session.scalars(others.order_by(ModelVersion.key)):
        is_its = Score.version_key == version_key
        first = sa.select(Score.lead_key).where(is_its).order_by(Score.lead_key).limit(CHUNK)
        last = session.scalar(sa.select(sa.func.max(first.subquery().c.lead_key)))
        if last is not None:
            return change(session, sa.delete(Score).where(is_its, Score.lead_key <= last))
    return 0


def n_leads(session: Session) -> int:
    """The number of leads to backfill."""
    return session.scalar(sa.select(sa.func.count()).select_from(Lead)) or 0
