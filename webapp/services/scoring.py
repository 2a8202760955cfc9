"""Scoring one lead: what it is, what it scores now, and why."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields import Fields
from ml.reasons import Reason, explain
from webapp.database import insert
from webapp.models import Lead, Score, Snapshot
from webapp.services import leads, outcomes, registry
from webapp.services.outcomes import Said
from webapp.services.records import LeadRecord


@dataclass(frozen=True)
class Scored:
    """A lead's new score with all that the answer tells about it."""

    lead: Lead
    probability: float
    grade: str
    version: str
    scored_at: datetime
    reasons: list[Reason]
    unknown_fields: list[str]
    previous_probability: float | None


def score_lead(
    session: Session,
    fields: Fields,
    record: LeadRecord,
    said: Said,
    *,
    now: datetime,
    happened_at: datetime | None = None,
) -> Scored:
    """Take in a lead, score it by the champion, and record its outcome if one came with it.

    1. The lead is created or updated.
    2. The inputs are kept as a snapshot with the score they got.
    3. The present score is written for the champion, and for a version being filled beside it.
    4. An outcome, where one was sent, is recorded; null leaves what is known.
    """
    parts = registry.parts(session)
    if registry.CHAMPION not in parts:
        raise registry.NoChampion
    champion = parts[registry.CHAMPION]
    lead = leads.upsert(session, record, now)
    previous = _previous_probability(session, lead)
    card = registry.scorecard(session, champion)
    probability = card.score(record.inputs).probability
    session.add(
        Snapshot(
            lead_key=lead.key,
            version_key=champion.key,
            taken_at=now,
            inputs={k: v for k, v in record.inputs.items() if v is not None},
            probability=probability,
            source=said.source,
            came_with_outcome=record.outcome is not None,
        )
    )
    for part in parts.values():
        score = registry.scorecard(session, part).score(record.inputs).probability
        keep_score(session, part.key, lead.key, score)
    if record.outcome is not None:
        outcomes.record(session, lead, record.outcome, said, now=now, happened_at=happened_at)
    return Scored(
        lead=lead,
        probability=probability,
        grade=card.grade(probability),
        version=champion.name,
        scored_at=now,
        reasons=explain(card, fields, record.inputs),
        unknown_fields=[f.name for f in fields.declared if record.inputs.get(f.name) is None],
        previous_probability=previous,
    )


def keep_score(session: Session, version_key: int, lead_key: int, probability: float) -> None:
    """Write a lead's present score by one version."""
    statement = insert(session, Score).values(
        version_key=version_key, lead_key=lead_key, probability=probability
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["version_key", "lead_key"], set_={"probability": probability}
        )
    )


def risk_category(probability: float, *, high: float, medium: float) -> str:
    """Name the band of a probability: high, medium or low; a bound belongs to the upper band."""
    if probability >= high:
        return "high"
    return "medium" if probability >= medium else "low"


def _previous_probability(session: Session, lead: Lead) -> float | None:
    query = sa.select(Snapshot.probability).where(Snapshot.lead_key == lead.key)
    return session.scalar(query.order_by(Snapshot.taken_at.desc(), Snapshot.key.desc()).limit(1))
