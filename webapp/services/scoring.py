"""Scoring leads, one or many: what they are, what they score now, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields import Fields
from ml.reasons import Reason, explain
from webapp.database import insert
from webapp.models import Lead, Score, Snapshot
from webapp.services import leads, outcomes, registry
from webapp.services.outcomes import Said
from webapp.services.records import LeadRecord
from webapp.services.registry import InUse


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


@dataclass(frozen=True)
class Arrival:
    """A lead record on its way in: from when its inputs are, and whether an outcome came along."""

    record: LeadRecord
    taken_at: datetime
    came_with_outcome: bool


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

    A null outcome leaves what is known.
    """
    versions = registry.in_use(session)
    arrival = Arrival(record, now, record.outcome is not None)
    [(lead, probability)] = score_many(session, versions, [arrival], source=said.source, now=now)
    if record.outcome is not None:
        outcomes.record(session, lead, record.outcome, said, now=now, happened_at=happened_at)
    return Scored(
        lead=lead,
        probability=probability,
        grade=versions.card.grade(probability),
        version=versions.champion.name,
        scored_at=now,
        reasons=explain(versions.card, fields, record.inputs),
        unknown_fields=[f.name for f in fields.declared if record.inputs.get(f.name) is None],
        previous_probability=_previous_probability(session, lead),
    )


def score_many(
    session: Session, versions: InUse, arrivals: Sequence[Arrival], *, source: str, now: datetime
) -> list[tuple[Lead, float]]:
    """Take in leads, each at most once, and give each with its score by the champion.

    1. The leads are created or updated.
    2. The inputs are kept as snapshots with the score they got.
    3. The present score is written for the champion, and for a version being filled beside it.
    """
    found = leads.upsert_many(session, [a.record for a in arrivals], now)
    scored = [
        (lead, versions.card.score(arrival.record.inputs).probability)
        for lead, arrival in zip(found, arrivals, strict=True)
    ]
    rows = [
        snapshot(arrival, lead, probability, version_key=versions.champion.key, source=source)
        for (lead, probability), arrival in zip(scored, arrivals, strict=True)
    ]
    session.execute(sa.insert(Snapshot), rows)
    _keep_scores(session, versions, list(zip(found, arrivals, strict=True)))
    return scored


def snapshot(
    arrival: Arrival, lead: Lead, probability: float, *, version_key: int, source: str
) -> dict[str, Any]:
    """The row that keeps a lead's inputs as they arrived, with the score they got."""
    return {
        "lead_key": lead.key,
        "version_key": version_key,
        "taken_at": arrival.taken_at,
        "inputs": {k: v for k, v in arrival.record.inputs.items() if v is not None},
        "probability": probability,
        "source": source,
        "came_with_outcome": arrival.came_with_outcome,
    }


def _keep_scores(session: Session, versions: InUse, placed: list[tuple[Lead, Arrival]]) -> None:
    """Write the leads' present scores by every version in use."""
    rows = [
        {
            "version_key": version_key,
            "lead_key": lead.key,
            "probability": card.score(arrival.record.inputs).probability,
            **leads.facets(lead),
        }
        for version_key, card in versions.cards.items()
        for lead, arrival in placed
    ]
    statement = insert(session, Score)
    changed = {name: statement.excluded[name] for name in ("probability", "status", *leads.FACETS)}
    session.execute(
        statement.on_conflict_do_update(index_elements=["version_key", "lead_key"], set_=changed),
        rows,
    )


def risk_category(probability: float, *, high: float, medium: float) -> str:
    """Name the band of a probability: high, medium or low; a bound belongs to the upper band."""
    if probability >= high:
        return "high"
    return "medium" if probability >= medium else "low"


def _previous_probability(session: Session, lead: Lead) -> float | None:
    """The score before the one just given."""
    query = sa.select(Snapshot.probability).where(Snapshot.lead_key == lead.key)
    newest_first = query.order_by(Snapshot.taken_at.desc(), Snapshot.key.desc())
    return session.scalar(newest_first.limit(1).offset(1))
