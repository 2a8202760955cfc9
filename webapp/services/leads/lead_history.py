"""How a lead came to its score: its scores one after another, and what changed between them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import pairwise
from operator import itemgetter

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from ml.fields.fields_file import Fields, Value
from ml.scorecard.changes import Explained, explain_change
from ml.scorecard.scorecard import Scorecard
from webapp import field_lists
from webapp.field_lists import Meanings
from webapp.services.leads import leads
from webapp.services.models import lifecycle, registry
from webapp.services.models.lifecycle import Switch
from webapp.services.models.registry import VersionRef
from webapp.tables import AuditEntry, Lead, ModelVersion, Outcome, Snapshot

MAX_SCORINGS = 100
MIN_MOVE = 0.005  # of a probability: less shows as 0 points


@dataclass(frozen=True)
class Change:
    """An input that is not what it was at the scoring before."""

    label: str
    before: Value
    after: Value


@dataclass(frozen=True)
class Scored:
    """What a score came from: a version, and a lead's inputs as a list of fields means them."""

    version: str
    card: Scorecard
    inputs: dict[str, Value]
    field_list: int


@dataclass(frozen=True)
class Scoring:
    """One score that a lead had, and what it and the one before it came from.

    The change is first `by_inputs` (the old version on the new inputs), then `by_model`; both and
    `before` are None at the first. `key` is the snapshot's, None with `source` at a `switch` of
    versions, and where another `field_list` gave values another meaning.
    """

    key: int | None
    switch: int | None
    field_list: int | None
    at: datetime
    probability: float
    source: str | None
    came_with_outcome: bool
    scored: Scored
    before: Scored | None = None
    changes: Sequence[Change] = ()
    by_inputs: float | None = None
    by_model: float | None = None

    @property
    def has_moved(self) -> bool:
        """Whether the score is another one than before, by a point as it is shown."""
        moves = (self.by_inputs, self.by_model)
        return any(abs(move) >= MIN_MOVE for move in moves if move is not None)

    def explained(self) -> Explained | None:
        """The change, field by field; None at the first scoring."""
        if self.before is None:
            return None
        old, new = self.before, self.scored
        return explain_change(old.card, new.card, old.inputs, new.inputs)


def scorings(
    session: Session,
    fields: Fields,
    lead: Lead,
    *,
    until: datetime | None = None,
    limit: int = MAX_SCORINGS,
) -> list[Scoring]:
    """The lead's scores, newest first, at most `limit`, by scorings and changes since.

    With `until` none that came after it.
    """
    snapshots = leads.snapshots(session, lead, limit + 1, until=until)
    each = _each(session, lead, snapshots) if snapshots else []
    later = [_compared(fields, older, newer) for older, newer in pairwise(each)]
    # Most leads have no value of a field that changed.
    told = [s for s in later if s.field_list is None or s.changes or s.has_moved]
    found = [s for s in (*each[:1], *told) if until is None or s.at <= until]
    return found[::-1][:limit]


def standing(history: Iterable[Outcome]) -> list[Outcome]:
    """The statements of a lead's history that nobody has withdrawn, in the same order."""
    rows = list(history)
    cancelled = {row.cancels for row in rows}
    return [row for row in rows if row.result != "withdrawn" and row.key not in cancelled]


def other_opinion(outcomes: Sequence[Outcome]) -> Outcome | None:
    """Find another source's newest statement against the first of `outcomes`, which counts."""
    newest_of = {o.source: o for o in reversed(outcomes) if not o.is_assumed}
    return next((o for o in newest_of.values() if o.result != outcomes[0].result), None)


def _each(session: Session, lead: Lead, snapshots: Sequence[Snapshot]) -> list[Scoring]:
    """The lead's scores, oldest first, not compared yet.

    A switch counts only where it replaced the version that had scored the lead.
    """
    oldest = max(snapshots[-1].taken_at, lead.created_at)
    refs, switches = _versions_and_switches(session, oldest)
    versions = {version.key: version for version in refs}
    by_name = {version.name: version for version in versions.values()}
    meanings = field_lists.current(session).meanings
    events: list[tuple[datetime, Snapshot | Switch | int]] = [
        *((snapshot.taken_at, snapshot) for snapshot in reversed(snapshots)),
        *_between(meanings, lead, oldest, switches),
    ]
    scored: list[Scoring] = []
    for at, event in sorted(events, key=itemgetter(0)):
        if isinstance(event, Snapshot):
            under = meanings.list_of(event.key)
            scored.append(_scored(session, versions[event.version_key], event, under))
            continue
        anew = partial(_anew, session, meanings, scored[-1], at=at)
        last = scored[-1].scored
        if isinstance(event, Switch):
            if last.version == event.before:
                scored.append(anew(by_name[event.after], switch=event.key))
        elif event > last.field_list:
            scored.append(anew(by_name[last.version], field_list=event))
    champion, _ = registry.serving(session)
    if lead.removed_at is None and scored[-1].scored.version != champion.name:
        since = registry.champion_since(session)
        scored.append(_anew(session, meanings, scored[-1], champion, at=since))
    return scored


def _versions_and_switches(
    session: Session, since: datetime
) -> tuple[list[VersionRef], list[Switch]]:
    """All versions as scoring knows them, and the switches to them, oldest first: in one query."""
    entry = aliased(AuditEntry)
    is_its = (
        (entry.subject == sa.literal("version ") + ModelVersion.name)
        & entry.action.in_(lifecycle.SWITCHES)
        & (entry.at >= since)
    )
    rows = session.execute(sa.select(*registry.REF, entry).outerjoin(entry, is_its)).all()
    versions = {row[0]: VersionRef(*row[:4]) for row in rows}
    entries = sorted((row[4] for row in rows if row[4] is not None), key=lambda e: e.key)
    return list(versions.values()), [lifecycle.as_switch(entry) for entry in entries]


def _between(
    meanings: Meanings, lead: Lead, since: datetime, switches: Iterable[Switch]
) -> Iterator[tuple[datetime, Switch | int]]:
    """Yield switches of versions, and lists of fields that gave values another meaning."""
    for switch in switches:
        if lead.removed_at is None or switch.at < lead.removed_at:
            yield switch.at, switch
    for field_list, at in meanings.changes.items():
        if at >= since and (lead.removed_at is None or at < lead.removed_at):
            yield at, field_list


def _scored(session: Session, version: VersionRef, snapshot: Snapshot, field_list: int) -> Scoring:
    card = registry.scorecard(session, version, field_list)
    return Scoring(
        key=snapshot.key,
        switch=None,
        field_list=None,
        at=snapshot.taken_at,
        probability=snapshot.probability,
        source=snapshot.source,
        came_with_outcome=snapshot.came_with_outcome,
        scored=Scored(version.name, card, snapshot.inputs, field_list),
    )


def _anew(
    session: Session,
    meanings: Meanings,
    last: Scoring,
    version: VersionRef,
    *,
    at: datetime,
    switch: int | None = None,
    field_list: int | None = None,
) -> Scoring:
    """The score that a version gave the lead at a switch or a change of fields, by what it knew."""
    under = field_list or last.scored.field_list
    inputs = meanings.still_true(last.scored.inputs, last.scored.field_list, under)
    card = registry.scorecard(session, version, under)
    return replace(
        last,
        key=None,
        switch=switch,
        field_list=field_list,
        at=at,
        probability=card.score(inputs).probability,
        source=None,
        scored=Scored(version.name, card, inputs, under),
    )


def _compared(fields: Fields, older: Scoring, newer: Scoring) -> Scoring:
    before, now, between = older.scored, newer.scored, newer.probability
    if before.version != now.version:
        between = before.card.score(now.inputs).probability
    return replace(
        newer,
        before=before,
        changes=_changes(fields, before.inputs, now.inputs),
        by_inputs=between - older.probability,
        by_model=newer.probability - between,
    )


def _changes(
    fields: Fields, before: dict[str, Value], after: dict[str, Value]
) -> tuple[Change, ...]:
    return tuple(
        Change(fields.named(name).label, before.get(name), after.get(name))
        for name in dict.fromkeys((*fields.names, *before, *after))
        if before.get(name) != after.get(name)
    )
