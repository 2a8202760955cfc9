"""What the monitors read: bounded samples of recent leads and outcomes, scored by the champion."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from ml.fields.fields_file import Value
from ml.monitoring.drift import N_SCORE_BINS
from ml.scorecard.scorecard import Scorecard
from webapp.services.models import registry, training_data
from webapp.services.outcomes import outcomes
from webapp.tables import Lead, ModelVersion, Outcome, Score, Snapshot

# Newest rows read, however many there are: what drifts shows in these, and memory stays small.
MAX_SCORINGS = 2_000
MAX_OUTCOMES = 4_000
# "Usual" closing time: so many of the outcomes have come by then.
USUAL_SHARE = 0.8


@dataclass(frozen=True)
class ScoredLead:
    """A lead as it came in lately, with its score by the champion."""

    inputs: dict[str, Value]
    probability: float


@dataclass(frozen=True)
class JudgedLead(ScoredLead):
    """A lead as it was before its outcome was first known (`recorded_at`).

    The champion did not learn from one `is_unseen`.
    """

    converted: bool
    first_scored_at: datetime
    outcome_at: datetime
    recorded_at: datetime
    is_unseen: bool


@dataclass(frozen=True)
class Samples:
    """All that one check reads; `learned` is the champion before its recalibration by `shift`."""

    champion: ModelVersion
    learned: ModelVersion
    card: Scorecard
    shift: float
    since: datetime
    recent: list[ScoredLead]
    judged: list[JudgedLead]
    # Leads by score: those with an outcome, and all.
    labelled_by_score: list[int]
    scored_by_score: list[int]

    @property
    def unseen_since(self) -> list[JudgedLead]:
        """The evidence on the champion's level: what came in since it went live."""
        return [lead for lead in self.judged if lead.is_unseen and lead.recorded_at >= self.since]

    @property
    def closing_time(self) -> timedelta:
        """How long leads usually take from their first score to their outcome."""
        waits = sorted(lead.outcome_at - lead.first_scored_at for lead in self.judged)
        return waits[int(USUAL_SHARE * (len(waits) - 1))] if waits else timedelta(0)

    def matured(self, now: datetime) -> list[JudgedLead]:
        """The evidence on the champion's order: leads old enough for slow outcomes, too."""
        latest = now - self.closing_time
        return [lead for lead in self.judged if lead.is_unseen and lead.first_scored_at <= latest]


def read(session: Session) -> Samples:
    """Read the samples for the live version; else `NoChampion`."""
    champion = registry.champion(session)
    card = registry.scorecard(session, champion)
    learned = registry.learned(session, champion)
    labelled, scored = _by_score(session, champion)
    return Samples(
        champion=champion,
        learned=learned,
        card=card,
        shift=card.intercept - registry.scorecard(session, learned).intercept,
        since=registry.champion_since(session),
        recent=list(_recent(session, champion, card)),
        judged=list(_judged(session, champion, card, learned.run_key or 0)),
        labelled_by_score=labelled,
        scored_by_score=scored,
    )


def _recent(session: Session, champion: ModelVersion, card: Scorecard) -> Iterator[ScoredLead]:
    """The leads scored last, each once, as they were at the time and before any outcome."""
    newest = sa.select(Snapshot).order_by(Snapshot.key.desc()).limit(MAX_SCORINGS).subquery()
    row = aliased(Snapshot, newest)
    query = (
        sa.select(row.lead_key, row.inputs, row.probability, row.version_key)
        .join(Lead, Lead.key == row.lead_key)
        .where(~row.came_with_outcome)
        .where(sa.or_(Lead.outcome_at.is_(None), row.taken_at <= Lead.outcome_at))
        .order_by(row.key.desc())
    )
    seen: set[int] = set()
    for lead_key, inputs, probability, version_key in session.execute(query):
        if lead_key not in seen:
            seen.add(lead_key)
            is_own = version_key == champion.key
            yield ScoredLead(inputs, probability if is_own else card.score(inputs).probability)


def _judged(
    session: Session, champion: ModelVersion, card: Scorecard, since_run: int
) -> Iterator[JudgedLead]:
    """The leads whose outcomes were told last; without those never scored before."""
    told_last = sa.select(Outcome.lead_key).order_by(Outcome.key.desc()).limit(MAX_OUTCOMES)
    own = aliased(Snapshot)
    first_scored_at = (
        sa.select(sa.func.min(Snapshot.taken_at))
        .where(Snapshot.lead_key == Lead.key)
        .correlate(Lead)
        .scalar_subquery()
    )
    query = (
        sa.select(own, Lead, outcomes.first_recorded_at(), first_scored_at)
        .join(own, own.key == training_data.last_before_outcome())
        .where(Lead.key.in_(told_last), Lead.outcome.is_not(None))
    )
    for snapshot, lead, recorded_at, scored_at in session.execute(query):
        assert lead.outcome is not None  # so the query asks
        assert lead.outcome_at is not None
        is_own = snapshot.version_key == champion.key
        scored = snapshot if is_own else card.score(snapshot.inputs)
        yield JudgedLead(
            inputs=snapshot.inputs,
            probability=scored.probability,
            converted=lead.outcome,
            first_scored_at=scored_at,
            outcome_at=lead.outcome_at,
            recorded_at=recorded_at,
            is_unseen=lead.counted_by_run is None or lead.counted_by_run > since_run,
        )


def _by_score(session: Session, champion: ModelVersion) -> tuple[list[int], list[int]]:
    # Those in the pipeline are left out: they keep the score from before their conversion.
    bounds = [(Score.probability < n / N_SCORE_BINS, n - 1) for n in range(1, N_SCORE_BINS)]
    place = sa.case(*bounds, else_=N_SCORE_BINS - 1).label("place")
    is_labelled = Score.status.in_(("converted", "lost")).label("is_labelled")
    query = (
        sa.select(place, is_labelled, sa.func.count())
        .where(Score.version_key == champion.key, Score.status != "in_pipeline")
        .group_by("place", "is_labelled")
    )
    labelled, scored = [0] * N_SCORE_BINS, [0] * N_SCORE_BINS
    for bin_, has_outcome, n in session.execute(query):
        scored[bin_] += n
        labelled[bin_] += n if has_outcome else 0
    return labelled, scored
