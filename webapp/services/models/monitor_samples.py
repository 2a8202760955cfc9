"""What the monitors read: bounded samples of recent leads and outcomes, scored by the champion."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from ml.fields.fields_file import Value
from ml.monitoring import claims
from ml.monitoring.drift import N_SCORE_BINS
from ml.monitoring.outcome_delays import OutcomeDelays
from ml.monitoring.performance import (
    MIN_OUTCOMES,
    SETTLE_SIGMAS,
    ScoredOutcome,
    calibration_in_the_large,
    spread_of_groups,
)
from ml.scorecard.scorecard import Scorecard
from webapp.crm_tables import CrmLead
from webapp.services.models import outcome_waits, registry, training_data
from webapp.services.models.outcome_waits import DAY
from webapp.services.outcomes import outcomes
from webapp.tables import Lead, ModelVersion, Outcome, Score, Snapshot

# Newest rows read, however many there are: what drifts shows in these, and memory stays small.
MAX_SCORINGS = 2_000
MAX_OUTCOMES = 4_000
PERHAPS = 1.0  # standard deviations: less says nothing against what more leads show


@dataclass(frozen=True)
class ScoredLead:
    """A lead as it came in lately, with its score by the champion."""

    inputs: dict[str, Value]
    probability: float


@dataclass(frozen=True)
class JudgedLead(ScoredLead):
    """A lead as it was before its outcome was first known (`recorded_at`).

    It has been here since `first_scored_at`, and about since its beginning if it `is_followed`. The
    champion did not learn from one `is_unseen`. `group` is its person or company.
    """

    converted: bool
    group: int
    first_scored_at: datetime
    outcome_at: datetime
    recorded_at: datetime
    is_followed: bool
    counted_by_run: int | None
    is_unseen: bool


@dataclass(frozen=True)
class Evidence:
    """Leads with an outcome, and how much each of them counts.

    What the champion learned of some tells of its level, but not how far its scores should differ.
    `level_error` is what their weights leave uncertain of it, in log-odds.
    """

    leads: list[JudgedLead]
    outcomes: list[ScoredOutcome]
    is_partly_learned: bool = False
    level_error: float = 0.0


@dataclass(frozen=True)
class Samples:
    """All that one check reads; `learned` is the champion before its recalibrations, if any."""

    champion: ModelVersion
    learned: ModelVersion
    card: Scorecard
    learned_card: Scorecard
    since: datetime
    now: datetime
    delays: OutcomeDelays
    recent: list[ScoredLead]
    judged: list[JudgedLead]
    # Leads by score: those with an outcome, and all.
    labelled_by_score: list[int]
    scored_by_score: list[int]

    @property
    def of_level(self) -> Evidence | None:
        """The evidence on the champion's level: what came in since it went live.

        Of leads followed from their beginning, with weights for those still open or ended before.
        Where these and the leads that it learned from, whose slow outcomes may have come since,
        show together that its level is off, and new ones neither deny it nor show more, all of
        these: what its level would be if it were learned today. Not where the claimed order is in
        doubt: then the world may have changed since. None while it is too early to tell how many
        leads end either way.
        """
        if not self.delays.is_known:
            return None
        followed = [lead for lead in self.judged if lead.is_followed]
        new = _evidence(
            (lead, self._weight(lead, since=self.since))
            for lead in followed
            if lead.is_unseen and lead.recorded_at >= self.since
        )
        if not self.learned.metrics or self.met.verdict in {"doubtful", "failed"}:
            return new
        since = self._learned_since
        known = _evidence(
            (lead, self._weight(lead)) for lead in followed if not since or lead.outcome_at >= since
        )
        of_new, of_all = (calibration_in_the_large(each.outcomes) for each in (new, known))
        is_against = abs(of_new.z) > PERHAPS and of_new.z * of_all.z < 0
        error = self.delays.level_error
        inflated = math.sqrt(1 + error**2 * spread_of_groups(known.outcomes))
        is_off = of_all.n_groups >= MIN_OUTCOMES and abs(of_all.z) > SETTLE_SIGMAS * inflated
        if is_off and not is_against and of_new.verdict != "act":
            return replace(known, is_partly_learned=True, level_error=error)
        return new

    @property
    def _learned_since(self) -> datetime | None:
        """When the oldest outcomes happened that are no more outdated; None where none are."""
        about = self.learned.learned_from
        if about is None or not about.n_outdated or not about.first_outcome_at:
            return None
        return datetime.fromisoformat(about.first_outcome_at)

    @property
    def of_order(self) -> Evidence:
        """The evidence on the champion's order: leads that had time to end either way.

        All where nothing is known of that.
        """
        if not self.delays.ages:
            return self.told
        return _evidence((lead, self._weight(lead)) for lead in self.judged if lead.is_unseen)

    @cached_property
    def met(self) -> claims.Met:
        """What became of the claim to rank leads."""
        measured = self.learned.measured
        claimed = claims.Interval(*measured.claimed_auc) if measured else None
        return claims.meet(claimed, self.of_order.outcomes, self.told.outcomes)

    @property
    def after_what(self) -> str:
        """Since when the leads of that evidence were decided, in words."""
        if not self.learned.metrics:
            return "after they were scored"
        return f"after version {self.learned.name} was trained"

    @property
    def told(self) -> Evidence:
        """All outcomes that the champion did not learn from, the oldest first."""
        ordered = sorted(self.judged, key=lambda lead: lead.outcome_at)
        return _evidence((lead, 1.0) for lead in ordered if lead.is_unseen)

    def under(self, version: ModelVersion, card: Scorecard) -> "Samples":
        """The same outcomes as another version, one that was learned, would have ranked them."""
        judged = [
            replace(
                lead,
                probability=card.score(lead.inputs).probability,
                is_unseen=_is_unseen(lead.counted_by_run, version.run_key or 0),
            )
            for lead in self.judged
        ]
        return replace(self, learned=version, learned_card=card, judged=judged)

    def _weight(self, lead: JudgedLead, since: datetime | None = None) -> float:
        age_days = (self.now - lead.first_scored_at) / DAY
        before = max(0.0, (since - lead.first_scored_at) / DAY) if since is not None else 0.0
        return self.delays.weight(age_days, converted=lead.converted, since_days=before)


def _is_unseen(counted_by_run: int | None, trained_by_run: int) -> bool:
    """Whether a version trained by a run (0: by none) has not learned from a lead."""
    return counted_by_run is None or counted_by_run > trained_by_run


def _evidence(weighed: Iterable[tuple[JudgedLead, float]]) -> Evidence:
    counting = [(lead, weight) for lead, weight in weighed if weight]
    return Evidence(
        [lead for lead, _ in counting],
        [
            ScoredOutcome(lead.probability, lead.converted, lead.group, weight)
            for lead, weight in counting
        ],
    )


def read(session: Session, now: datetime) -> Samples:
    """Read the samples for the live version; else `NoChampion`."""
    champion = registry.champion(session)
    card = registry.scorecard(session, champion)
    learned = registry.learned(session, champion)
    labelled, scored = _by_score(session, champion)
    return Samples(
        champion=champion,
        learned=learned,
        card=card,
        learned_card=registry.scorecard(session, learned),
        since=registry.champion_since(session),
        now=now,
        delays=outcome_waits.delays(session, now),
        recent=list(_recent(session, champion, card)),
        judged=list(_judged(session, champion, card, learned.run_key or 0)),
        labelled_by_score=labelled,
        scored_by_score=scored,
    )


def _recent(session: Session, champion: ModelVersion, card: Scorecard) -> Iterator[ScoredLead]:
    """The leads scored last, each once, at the ages of the leads that the champion learned from.

    Later in its life a lead has more visits than those had, though nothing else has changed.
    """
    scored_last = sa.select(Snapshot.lead_key).order_by(Snapshot.key.desc()).limit(MAX_SCORINGS)
    query = (
        sa.select(Snapshot.inputs, Snapshot.probability, Snapshot.version_key)
        .select_from(Lead)
        .join(Snapshot, Snapshot.key == training_data.at_landmark(session))
        .where(Lead.key.in_(scored_last))
    )
    for inputs, probability, version_key in session.execute(query):
        is_own = version_key == champion.key
        yield ScoredLead(inputs, probability if is_own else card.score(inputs).probability)


def _judged(
    session: Session, champion: ModelVersion, card: Scorecard, since_run: int
) -> Iterator[JudgedLead]:
    """The leads whose outcomes were told last; without those never scored before."""
    told_last = sa.select(Outcome.lead_key).order_by(Outcome.key.desc()).limit(MAX_OUTCOMES)
    own = aliased(Snapshot)
    query = (
        sa.select(own, Lead, CrmLead.created_at, outcomes.first_recorded_at())
        .select_from(Lead)
        .join(own, own.key == training_data.at_landmark(session))
        .outerjoin(CrmLead, CrmLead.lead_key == Lead.key)
        # Outcomes of one moment stand in one order, whatever the database.
        .order_by(Lead.key)
        .where(Lead.key.in_(told_last), Lead.outcome.is_not(None))
    )
    rows = session.execute(query).all()
    groups = training_data.groups_of(session, {row[1].key: row[0].inputs for row in rows})
    load_ended = outcome_waits.first_load_ended(session)
    for (snapshot, lead, in_crm_since, recorded_at), group in zip(rows, groups, strict=True):
        assert lead.outcome is not None  # so the query asks
        assert lead.outcome_at is not None
        is_own = snapshot.version_key == champion.key
        scored = snapshot if is_own else card.score(snapshot.inputs)
        yield JudgedLead(
            inputs=snapshot.inputs,
            probability=scored.probability,
            converted=lead.outcome,
            group=group,
            first_scored_at=lead.created_at,
            outcome_at=lead.outcome_at,
            recorded_at=recorded_at,
            is_followed=outcome_waits.is_followed(lead.created_at, in_crm_since, load_ended),
            counted_by_run=lead.counted_by_run,
            is_unseen=_is_unseen(lead.counted_by_run, since_run),
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
