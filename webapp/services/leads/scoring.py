"""Scoring leads, one or many: what they are, what they score now, and why."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields, Value
from ml.scorecard.reasons import Reason, explain
from webapp.database import change, insert_into
from webapp.services.leads import leads
from webapp.services.leads.records import LeadRecord
from webapp.services.models import registry
from webapp.services.models.registry import InUse
from webapp.services.outcomes import outcomes, waiting
from webapp.services.outcomes.outcomes import Attribution, OutcomeEvent
from webapp.services.webhooks import events
from webapp.tables import Lead, Score, Snapshot

# Scores a transaction.
MAX_FORGOTTEN = 2_000

# Built once, of plain columns: to build a statement takes longer than to run it.
_scores = cast("sa.Table", Score.__table__)
_ADD_SNAPSHOTS = sa.insert(cast("sa.Table", Snapshot.__table__))
_PRESENT = sa.select(_scores.c.lead_key, _scores.c.probability).where(
    _scores.c.version_key == sa.bindparam("version_key"),
    _scores.c.lead_key.in_(sa.bindparam("keys", expanding=True)),
)
_leads, _snapshots = (cast("sa.Table", each.__table__) for each in (Lead, Snapshot))
_of_lead = _snapshots.alias()
_NEWEST = (
    sa.select(_of_lead.c.key)
    .where(_of_lead.c.lead_key == _leads.c.key)
    .order_by(_of_lead.c.taken_at.desc(), _of_lead.c.key.desc())
    .limit(1)
    .scalar_subquery()
)
_IS_ASKED = _leads.c.key.in_(sa.bindparam("keys", expanding=True))
_LATEST = (
    sa.select(_snapshots.c.lead_key, _snapshots.c.taken_at, _snapshots.c.probability)
    .select_from(_snapshots.join(_leads, _snapshots.c.key == _NEWEST))
    .where(_IS_ASKED)
)
_LATEST_WHOLE = sa.select(Snapshot).join(_leads, Snapshot.key == _NEWEST).where(_IS_ASKED)
_KEPT = ("version_key", "lead_key", "probability", "moved_at", "status", *leads.FACETS)


@dataclass(frozen=True)
class Scored:
    """A lead's new score with all that the answer tells; `outcome` counts after this scoring."""

    lead: Lead
    probability: float
    grade: str
    version: str
    scored_at: datetime
    reasons: list[Reason]
    unknown_fields: list[str]
    outcome: bool | None
    previous_probability: float | None


@dataclass(frozen=True)
class ScoringInput:
    """A lead record to score; a repeat has nothing new to score by and leaves no snapshot."""

    record: LeadRecord
    taken_at: datetime
    came_with_outcome: bool
    is_repeat: bool = False


def score_lead(
    session: Session, fields: Fields, record: LeadRecord, attribution: Attribution, *, now: datetime
) -> Scored:
    """Take in a lead, score it by the champion, and record its outcome if one came with it."""
    return score_leads(session, fields, [record], attribution, now=now)[0]


def score_leads(
    session: Session,
    fields: Fields,
    records: Sequence[LeadRecord],
    attribution: Attribution,
    *,
    now: datetime,
) -> list[Scored]:
    """Take in leads in this order, score them, and record the outcomes that came with them.

    What a record leaves out, a null outcome too, is kept. Without any input only a new lead is
    scored. A lead may come more than once; one that was merged is the one that stays.
    """
    records = of_survivors(session, records)
    versions = registry.in_use(session)
    scored: dict[int, Scored] = {}
    for places in _rounds(records):
        some = [records[place] for place in places]
        answers = _score_round(session, fields, versions, some, attribution=attribution, now=now)
        scored |= zip(places, answers, strict=True)
    return [scored[place] for place in range(len(records))]


def of_survivors(session: Session, records: Sequence[LeadRecord]) -> list[LeadRecord]:
    """The records, each under the id of the lead that goes on."""
    names = leads.survivors(session, [record.lead_id for record in records])
    return [
        record if record.lead_id == name else replace(record, lead_id=name)
        for record in records
        for name in [names[record.lead_id]]
    ]


def _rounds(records: Sequence[LeadRecord]) -> list[list[int]]:
    """The places of the records, so that no lead stands in a round twice."""
    rounds: list[list[int]] = []
    n_seen: dict[str, int] = {}
    for place, record in enumerate(records):
        number = n_seen.get(record.lead_id, 0)
        n_seen[record.lead_id] = number + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(place)
    return rounds


def _score_round(
    session: Session,
    fields: Fields,
    versions: InUse,
    records: Sequence[LeadRecord],
    *,
    attribution: Attribution,
    now: datetime,
) -> list[Scored]:
    known = _upsert(session, records, now)
    newest = latest_scorings(session, [lead.key for lead in known])
    present = _present_scores(session, versions, known)
    # Of a removed lead, its last score.
    previous = {key: scoring.probability for key, scoring in newest.items()} | present
    inputs = [
        # Requests are ordered by row lock, not by clock.
        ScoringInput(
            record,
            _not_before(newest.get(lead.key), now),
            came_with_outcome=record.outcome is not None,
            is_repeat=not record.inputs and lead.key in newest,
        )
        for lead, record in zip(known, records, strict=True)
    ]
    found = _score_known(
        session, versions, known, inputs, present=present, source=attribution.source
    )
    told = [
        OutcomeEvent(lead, record.outcome, attribution)
        for lead, record in zip(known, records, strict=True)
        if record.outcome is not None
    ]
    if told:
        outcomes.record_many(session, told, now=now)
    known_of = {lead.key: leads.known_inputs(lead) for lead in known}
    return [
        Scored(
            lead=lead,
            probability=probability,
            grade=versions.card.grade(probability),
            version=versions.champion.name,
            scored_at=now,
            reasons=explain(versions.card, fields, leads.collected_inputs(lead)),
            unknown_fields=[f.name for f in fields.declared if f.name not in known_of[lead.key]],
            outcome=lead.outcome,
            previous_probability=previous.get(lead.key),
        )
        for lead, probability in found
    ]


def score_many(
    session: Session, versions: InUse, inputs: Sequence[ScoringInput], *, source: str, now: datetime
) -> list[tuple[Lead, float]]:
    """Take in leads, each at most once, and give each with its score by the champion.

    Outcomes that have waited for new leads are recorded, inputs kept as snapshots, and scores
    written for the champion and for a staged version.
    """
    if not inputs:
        return []
    found = _upsert(session, [a.record for a in inputs], now)
    present = {} if source in events.BULK_SOURCES else _present_scores(session, versions, found)
    return _score_known(session, versions, found, inputs, present=present, source=source)


def _upsert(session: Session, records: Sequence[LeadRecord], now: datetime) -> list[Lead]:
    found = leads.upsert_many(session, records, now)
    if made := {lead.lead_id: lead for lead in found if lead.created_at == now}:
        waiting.record(session, made, now)
    return found


def _score_known(
    session: Session,
    versions: InUse,
    found: Sequence[Lead],
    inputs: Sequence[ScoringInput],
    *,
    present: Mapping[int, float],
    source: str,
) -> list[tuple[Lead, float]]:
    known = [leads.collected_inputs(lead) for lead in found]
    scores = {
        version_key: [card.score(values).probability for values in known]
        for version_key, card in versions.cards.items()
    }
    probabilities = scores[versions.champion.key]
    new = [
        snapshot(lead, scoring_input, values, probability, versions=versions)
        for lead, scoring_input, values, probability in zip(
            found, inputs, known, probabilities, strict=True
        )
        if not scoring_input.is_repeat
    ]
    keep_snapshots(session, new, source=source)
    _tell(session, versions, present, zip(found, probabilities, strict=True))
    keep_scores(session, found, scores)
    return list(zip(found, probabilities, strict=True))


def _tell(
    session: Session,
    versions: InUse,
    present: Mapping[int, float],
    scored: Iterable[tuple[Lead, float]],
) -> None:
    moves = [
        events.Move(lead, present[lead.key], probability)
        for lead, probability in scored
        if present.get(lead.key, probability) != probability and lead.removed_at is None
    ]
    if moves:
        events.note_scores(session, moves, versions.champion.name, versions.card.grade)


def snapshot(
    lead: Lead,
    scoring_input: ScoringInput,
    values: Mapping[str, Value],
    probability: float,
    *,
    versions: InUse,
) -> dict[str, Any]:
    """The row that keeps all that was known of a lead then, with the champion's score of it."""
    return {
        "lead_key": lead.key,
        "version_key": versions.champion.key,
        "taken_at": scoring_input.taken_at,
        "inputs": values,
        "probability": probability,
        "came_with_outcome": scoring_input.came_with_outcome,
    }


def keep_snapshots(session: Session, rows: Sequence[dict[str, Any]], *, source: str) -> None:
    """Add to the score history."""
    if rows:
        named = [{**row, "source": source} for row in rows]
        session.execute(_ADD_SNAPSHOTS, named)


def keep_scores(
    session: Session, found: Sequence[Lead], scores: Mapping[int, Sequence[float]]
) -> None:
    """Let these be the present scores of leads, by version; of removed ones none are kept."""
    facets = [{"lead_key": lead.key, **leads.facets(lead)} for lead in found]
    rows = [
        {"version_key": version_key, "probability": probability, "moved_at": at, **of_lead}
        for version_key, probabilities in scores.items()
        for lead, of_lead, probability in zip(found, facets, probabilities, strict=True)
        for at in [lead.scored_at]
        if lead.removed_at is None
    ]
    if not rows:
        return
    recent_after = max(lead.scored_at for lead in found) - leads.MOVES_TOGETHER
    statement = _keep_scores(session.get_bind().dialect.name)
    session.execute(statement, [{**row, "recent_after": recent_after} for row in rows])


@cache
def _keep_scores(dialect: str) -> Any:
    statement = insert_into(dialect, _scores)
    statement = statement.values({name: sa.bindparam(name) for name in _KEPT})
    changed = {name: statement.excluded[name] for name in ("probability", "status", *leads.FACETS)}
    changed |= _moves(statement.excluded)
    return statement.on_conflict_do_update(index_elements=["version_key", "lead_key"], set_=changed)


def _moves(new: Any) -> dict[str, sa.ColumnElement[Any]]:
    """By how much scores move, in points as shown; moves within `MOVES_TOGETHER` add up."""
    points = [
        sa.cast(sa.func.round(100 * p), sa.Integer)
        for p in (new.probability, _scores.c.probability)
    ]
    is_same = points[0] == points[1]
    moved, moved_at = _scores.c.moved, _scores.c.moved_at
    recent_after = sa.bindparam("recent_after", type_=moved_at.type)
    is_recent = sa.and_(moved != 0, moved_at > recent_after)
    before = sa.case((is_recent, moved), else_=0)
    return {
        "moved": sa.case((is_same, moved), else_=before + points[0] - points[1]),
        "moved_at": sa.case((sa.or_(is_same, is_recent), moved_at), else_=new.moved_at),
    }


def forget_moves(session: Session, now: datetime) -> int:
    """Let some scores that moved too long ago to tell count as unmoved; give how many there were.

    The table is sorted by moves along an index, which knows no time.
    """
    old = (
        sa.select(Score.version_key, Score.lead_key)
        .where(Score.moved != 0, Score.moved_at <= now - leads.MOVES_TOGETHER)
        .limit(MAX_FORGOTTEN)
    )
    keys = sa.tuple_(Score.version_key, Score.lead_key)
    return change(session, sa.update(Score).where(keys.in_(old)).values(moved=0))


class NewestScoring(NamedTuple):
    """A lead's newest scoring: when it was, and what it gave."""

    taken_at: datetime
    probability: float


def latest_scorings(session: Session, lead_keys: Collection[int]) -> dict[int, NewestScoring]:
    """The newest scoring of each of these leads, by the lead's key."""
    found = session.execute(_LATEST, {"keys": list(lead_keys)})
    return {key: NewestScoring(taken_at, probability) for key, taken_at, probability in found}


def latest_snapshots(session: Session, lead_keys: Collection[int]) -> dict[int, Snapshot]:
    """As `latest_scorings`, with all that was known then."""
    found = session.scalars(_LATEST_WHOLE, {"keys": list(lead_keys)})
    return {snapshot.lead_key: snapshot for snapshot in found}


def _present_scores(session: Session, versions: InUse, found: Sequence[Lead]) -> dict[int, float]:
    """The champion's present score of each lead that has one."""
    of = {"version_key": versions.champion.key, "keys": [lead.key for lead in found]}
    return dict(session.execute(_PRESENT, of).all())


def _not_before(newest: NewestScoring | None, now: datetime) -> datetime:
    return now if newest is None else max(now, newest.taken_at)
