"""Why leads were lost: how often each reason was given, by source and grade."""

from collections import Counter
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.database import DAY, EPOCH
from webapp.services.leads.filters.kinds import GRADES
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
    lost = _lost(version.key, since).subquery()
    steps = zip(GRADES, card.grades, strict=False)
    grade = sa.case(*((lost.c.p >= low, letter) for letter, low in steps), else_=GRADES[-1])
    # Removed leads have no score, and no grade.
    graded = sa.select(lost.c.reason, lost.c.source, grade.label("grade")).where(
        lost.c.p.is_not(None)
    )
    each = graded.subquery().c
    counted = sa.select(each.reason, each.source, each.grade, sa.func.count())
    found: dict[str, Line] = {}
    for reason, source, letter, n in session.execute(counted.group_by(*each)):
        line = found.setdefault(reason, Line(reason, 0, Counter(), Counter()))
        found[reason] = line._replace(n=line.n + n)
        line.by_source[source] += n
        line.by_grade[letter] += n
    return sorted(found.values(), key=lambda line: -line.n)[:MAX_REPORTED]


def _lost(version_key: int, since: datetime) -> sa.Select[str, str, float]:
    """Each lead lost since then: why, its source, and its score, None without one."""
    reason = (
        sa.select(Outcome.reason)
        .where(Outcome.lead_key == Lead.key, Outcome.result == "lost", stands())
        .order_by(Outcome.is_assumed, Outcome.happened_at.desc(), Outcome.key.desc())
        .limit(1)
    )
    # Not a join: the leads of a time are looked up in the scores, never the other way round.
    score = sa.select(Score.probability).where(
        Score.version_key == version_key, Score.lead_key == Lead.key
    )
    return sa.select(
        sa.func.coalesce(reason.scalar_subquery(), "").label("reason"),
        sa.func.coalesce(Lead.lead_source, "").label("source"),
        score.scalar_subquery().label("p"),
    ).where(
        # Days are kept as numbers: a little less than exact, so the moment decides.
        Lead.outcome_day >= (since - EPOCH) / DAY - 1,
        Lead.outcome_at >= since,
        # Written so that no index on outcomes of all times is tempting.
        Lead.outcome.is_not(None),
        Lead.outcome.is_distinct_from(True),
    )
