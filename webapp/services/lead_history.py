"""How a lead came to its score: its scorings one after another, and what changed between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.changes import Explained, explain_change
from ml.fields import Fields, Value
from ml.scorecard import Scorecard
from webapp.models import Lead, ModelVersion, Outcome, Snapshot
from webapp.services import leads, registry
from webapp.services.registry import VersionRef

MOST_SCORINGS = 100
SMALLEST_MOVE = 0.001  # of a probability: less shows as 0.0 points


@dataclass(frozen=True)
class Change:
    """An input that is not what it was at the scoring before."""

    label: str
    before: Value
    after: Value


@dataclass(frozen=True)
class Scored:
    """What a score came from: a version, and a lead's inputs."""

    version: str
    card: Scorecard
    inputs: dict[str, Value]


@dataclass(frozen=True)
class Scoring:
    """One score that a lead had, and what it and the one before it came from.

    `by_inputs` and `by_model` are the parts of the change: first the old version on the new
    inputs, then the new version. `before` and both are None at the first scoring. `key` is the
    snapshot's; it and `source` are None where the lead was scored again because a version took
    over.
    """

    key: int | None
    at: datetime
    probability: float
    source: str | None
    scored: Scored
    before: Scored | None = None
    changes: Sequence[Change] = ()
    by_inputs: float | None = None
    by_model: float | None = None

    @property
    def has_moved(self) -> bool:
        """Whether the score is another one than before, by a tenth of a point or more."""
        moves = (self.by_inputs, self.by_model)
        return any(abs(move) >= SMALLEST_MOVE for move in moves if move is not None)

    def explained(self) -> Explained | None:
        """The change, field by field; None at the first scoring."""
        if self.before is None:
            return None
        old, new = self.before, self.scored
        return explain_change(old.card, new.card, old.inputs, new.inputs)


def scorings(session: Session, fields: Fields, lead: Lead) -> list[Scoring]:
    """The lead's scorings, newest first, at most `MOST_SCORINGS`."""
    champion, _ = registry.serving(session)
    snapshots = leads.snapshots(session, lead, MOST_SCORINGS + 1)
    versions = _versions(session, {champion.key, *(s.version_key for s in snapshots)})
    cards = {key: registry.scorecard(session, version) for key, version in versions.items()}
    each = [
        (s, Scored(versions[s.version_key].name, cards[s.version_key], s.inputs)) for s in snapshots
    ]
    found = [_next(fields, newer, older) for newer, older in pairwise(each)]
    if len(snapshots) <= MOST_SCORINGS:
        found += [Scoring(s.key, s.taken_at, s.probability, s.source, to) for s, to in each[-1:]]
    is_scored = bool(snapshots) and lead.removed_at is None
    if is_scored and snapshots[0].version_key != champion.key:
        now = Scored(champion.name, cards[champion.key], snapshots[0].inputs)
        found.insert(0, _taken_over(session, lead, now, each[0]))
    return found


def other_opinion(outcomes: Sequence[Outcome]) -> Outcome | None:
    """The newest statement of another source that does not say what counts now, if any.

    `outcomes` are the lead's, the one that counts first.
    """
    newest_of = {o.source: o for o in reversed(outcomes) if not o.is_assumed}
    others = (o for o in newest_of.values() if o.result != outcomes[0].result)
    return next((o for o in others if o.result != "withdrawn"), None)


def _versions(session: Session, keys: set[int]) -> dict[int, VersionRef]:
    query = sa.select(ModelVersion.key, ModelVersion.name, ModelVersion.digest)
    found = session.execute(query.where(ModelVersion.key.in_(keys)))
    return {key: VersionRef(key, name, digest) for key, name, digest in found}


def _next(
    fields: Fields, newer: tuple[Snapshot, Scored], older: tuple[Snapshot, Scored]
) -> Scoring:
    (snapshot, scored), (earlier, before) = newer, older
    between = snapshot.probability
    if snapshot.version_key != earlier.version_key:
        between = before.card.score(snapshot.inputs).probability
    return Scoring(
        snapshot.key,
        snapshot.taken_at,
        snapshot.probability,
        snapshot.source,
        scored,
        before,
        _changes(fields, before.inputs, scored.inputs),
        by_inputs=between - earlier.probability,
        by_model=snapshot.probability - between,
    )


def _changes(
    fields: Fields, before: dict[str, Value], after: dict[str, Value]
) -> tuple[Change, ...]:
    return tuple(
        Change(fields.named(name).label, before.get(name), after.get(name))
        for name in dict.fromkeys((*fields.names, *before, *after))
        if before.get(name) != after.get(name)
    )


def _taken_over(
    session: Session, lead: Lead, now: Scored, newest: tuple[Snapshot, Scored]
) -> Scoring:
    """The present score, where a version took over after the newest scoring."""
    snapshot, before = newest
    probability = leads.current_probability(session, lead)
    assert probability is not None  # a version takes over once it has scored all leads
    return Scoring(
        key=None,
        at=registry.champion_since(session),
        probability=probability,
        source=None,
        scored=now,
        before=before,
        by_inputs=0.0,
        by_model=probability - snapshot.probability,
    )
