"""How a lead came to its score: its scorings one after another, and what changed between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields import Fields, Value
from ml.scorecard import Scorecard
from webapp.models import Lead, ModelVersion, Outcome, Snapshot
from webapp.services import leads, registry
from webapp.services.registry import VersionRef

MOST_SCORINGS = 100


@dataclass(frozen=True)
class Change:
    """An input that is not what it was at the scoring before."""

    label: str
    before: Value
    after: Value


@dataclass(frozen=True)
class Scoring:
    """One score that a lead had, and why it is not the one before.

    `by_model` and `by_inputs` are the parts of the change: first the new version on the old
    inputs, then the new inputs. Both are None at the first scoring. `source` is None where the
    lead was scored again because a version took over.
    """

    at: datetime
    probability: float
    version: str
    source: str | None
    changes: Sequence[Change] = ()
    by_model: float | None = None
    by_inputs: float | None = None


def scorings(session: Session, fields: Fields, lead: Lead) -> list[Scoring]:
    """The lead's scorings, newest first, at most `MOST_SCORINGS`."""
    champion, _ = registry.serving(session)
    snapshots = leads.snapshots(session, lead, MOST_SCORINGS + 1)
    versions = _versions(session, {champion.key, *(s.version_key for s in snapshots)})
    cards = {key: registry.scorecard(session, version) for key, version in versions.items()}
    found = [
        Scoring(
            newer.taken_at,
            newer.probability,
            versions[newer.version_key].name,
            newer.source,
            _changes(fields, older.inputs, newer.inputs),
            **_split(cards[newer.version_key], newer, older),
        )
        for newer, older in pairwise(snapshots)
    ]
    if len(snapshots) <= MOST_SCORINGS:
        found += [_first(versions, snapshot) for snapshot in snapshots[-1:]]
    is_scored = bool(snapshots) and lead.removed_at is None
    if is_scored and snapshots[0].version_key != champion.key:
        found.insert(0, _taken_over(session, lead, champion, snapshots[0]))
    return found


def other_opinion(outcomes: Sequence[Outcome]) -> Outcome | None:
    """The newest statement of another source that does not say what counts now, if any.

    `outcomes` are the lead's, the one that counts first.
    """
    newest_of = {o.source: o for o in reversed(outcomes)}
    others = (o for o in newest_of.values() if o.result != outcomes[0].result)
    return next((o for o in others if o.result != "withdrawn"), None)


def _versions(session: Session, keys: set[int]) -> dict[int, VersionRef]:
    query = sa.select(ModelVersion.key, ModelVersion.name, ModelVersion.digest)
    found = session.execute(query.where(ModelVersion.key.in_(keys)))
    return {key: VersionRef(key, name, digest) for key, name, digest in found}


def _first(versions: dict[int, VersionRef], snapshot: Snapshot) -> Scoring:
    version = versions[snapshot.version_key].name
    return Scoring(snapshot.taken_at, snapshot.probability, version, snapshot.source)


def _split(card: Scorecard, newer: Snapshot, older: Snapshot) -> dict[str, float]:
    """The parts of a change; `card` is the newer scoring's."""
    between = older.probability
    if newer.version_key != older.version_key:
        between = card.score(older.inputs).probability
    return {"by_model": between - older.probability, "by_inputs": newer.probability - between}


def _changes(
    fields: Fields, before: dict[str, Value], after: dict[str, Value]
) -> tuple[Change, ...]:
    return tuple(
        Change(f.label, before.get(f.name), after.get(f.name))
        for f in fields
        if before.get(f.name) != after.get(f.name)
    )


def _taken_over(session: Session, lead: Lead, champion: VersionRef, newest: Snapshot) -> Scoring:
    """The present score, where a version took over after the newest scoring."""
    probability = leads.current_probability(session, lead)
    assert probability is not None  # a version takes over once it has scored all leads
    return Scoring(
        at=registry.champion_since(session),
        probability=probability,
        version=champion.name,
        source=None,
        by_model=probability - newest.probability,
        by_inputs=0.0,
    )
