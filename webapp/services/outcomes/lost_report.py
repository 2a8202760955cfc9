"""Why leads were lost: how often each reason was given, by source and grade."""

from collections import Counter
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.services.models import registry
from webapp.services.outcomes.standing import stands
from webapp.tables import Lead, Outcome, Score

MAX_REPORTED = 30


class Line(NamedTuple):
    """How often a reason was given, by lead source and by grade of now."""

    reason: str
    n: int
    by_source: Counter[str]
    by_grade: Counter[str]


def report(session: Session, since: datetime) -> list[Line]:
    """The reasons of leads lost since then, the most frequent first; "" where none was given."""
    version, card = registry.serving(session)
    counts = (Outcome.lead_key == Lead.key, Outcome.result == "lost", stands())
    reason = (
        sa.select(Outcome.reason)
        .where(*counts)
        .order_by(Outcome.is_assumed, Outcome.happened_at.desc(), Outcome.key.desc())
        .limit(1)
        .scalar_subquery()
    )
    lost = sa.select(sa.func.coalesce(reason, ""), Score.lead_source, Score.probability)
    lost = (
        lost.select_from(Lead)
        .join(Score, Score.lead_key == Lead.key)
        .where(Lead.outcome.is_(False), Lead.outcome_at >= since, Score.version_key == version.key)
    )
    found: dict[str, Line] = {}
    for why, source, probability in session.execute(lost):
        line = found.setdefault(why, Line(why, 0, Counter(), Counter()))
        found[why] = line._replace(n=line.n + 1)
        line.by_source[source] += 1
        line.by_grade[card.grade(probability)] += 1
    return sorted(found.values(), key=lambda line: -line.n)[:MAX_REPORTED]
