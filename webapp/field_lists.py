"""The declared fields in the database: each change adds a whole list, and the newest counts."""

import hashlib
import json
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from ml.fields.checks import field_from
from ml.fields.fields_file import Field, Fields, Value, load
from webapp.config import ROOT
from webapp.database import BACKFILL, Base, Key, hold, look_up_again, once
from webapp.tables import Snapshot


class FieldList(Base):
    """All fields as they were declared at one time; never changed: the newest version counts."""

    __tablename__ = "field_lists"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(sa.String(64))
    # As in a fields file.
    entries: Mapped[list[Any]]
    # What the values of each field are, by its name: where that differs from today's, values of
    # then are not values of now.
    meanings: Mapped[dict[str, Any]]
    # The newest snapshot when this list came: those behind it were taken under it.
    after_snapshot_key: Mapped[int] = mapped_column(Key)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(sa.String(200))


FIELD_LISTS = "field lists"
# Plain text: every request runs it, and as an expression it takes ten times as long.
NEWEST = "SELECT version, digest FROM field_lists ORDER BY version DESC LIMIT 1"
MAX_KEPT = 16


class Kept(NamedTuple):
    """A list as far as it says what values mean."""

    after_snapshot_key: int
    changed_at: datetime
    meanings: dict[str, str]


class Meanings:
    """What the values of each field meant under each list, from the first one on.

    `changes` has when each list came that gave values another meaning; `newest_change` is the last
    of these lists, 0 where there is none.
    """

    def __init__(self, lists: Sequence[Kept] = ()) -> None:
        self._lists = lists
        self._starts = [kept.after_snapshot_key for kept in lists]
        pairs = enumerate(pairwise(lists), 2)
        self.changes = {
            version: kept.changed_at
            for version, (before, kept) in pairs
            if before.meanings.items() - kept.meanings.items()
        }
        self.newest_change = max(self.changes, default=0)
        self._changed: dict[tuple[int, int | None], frozenset[str]] = {}

    def changed(self, then: int, now: int | None = None) -> frozenset[str]:
        """Name the fields whose values mean something else under one list than under another.

        `now` is by default the newest list; before the first one the fields were as it says.
        """
        if not self.changes:
            return frozenset()
        found = self._changed.get((then, now))
        if found is None:
            after = self._lists[-1 if now is None else max(now, 1) - 1].meanings
            found = frozenset(n for n, meaning in after.items() if meaning != self._at(then, n))
            self._changed[then, now] = found
        return found

    def list_of(self, snapshot_key: int) -> int:
        """Give the list that counted when a snapshot was taken."""
        return max(bisect_left(self._starts, snapshot_key), 1)

    def still_true(
        self, inputs: Mapping[str, Value], then: int, now: int | None = None
    ) -> dict[str, Value]:
        """Give the values, known under one list, that mean the same under another."""
        changed = self.changed(then, now)
        return {name: value for name, value in inputs.items() if name not in changed}

    def _at(self, version: int, name: str) -> str:
        # A field that came later has no values of before.
        lists = self._lists[max(version, 1) - 1 :]
        return next(kept.meanings[name] for kept in lists if name in kept.meanings)


class Declared(NamedTuple):
    """The fields, with the number of their list: 0 before any list is kept."""

    version: int
    fields: Fields
    meanings: Meanings = Meanings()


_by_digest: dict[str, Declared] = {}


@cache
def shipped() -> Fields:
    """The fields of `fields.toml`, which count until a list is kept; else `FieldsFileError`."""
    return Fields(load(ROOT / "fields.toml"), 0)


def current(session: Session) -> Declared:
    """The newest list (0: `fields.toml`): one row of one index where it is known, once a `read`."""
    return once(session, FIELD_LISTS, _newest)


def _newest(session: Session) -> Declared:
    newest = session.connection().exec_driver_sql(NEWEST).first()
    return of_version(session, *(newest or (None, None)))


def of_version(session: Session, version: int | None, digest: str | None) -> Declared:
    """The list of this number and digest, as this process keeps it once it has read it.

    None: no list is kept yet.
    """
    if version is None or digest is None:
        return Declared(0, shipped())
    declared = _by_digest.get(digest)
    if declared is None:
        if len(_by_digest) >= MAX_KEPT:
            _by_digest.clear()
        query = sa.select(*(getattr(FieldList, name) for name in Kept._fields))
        kept = session.execute(query.order_by(FieldList.version))
        meanings = Meanings([Kept(*row) for row in kept])
        fields = at(session, version)
        declared = _by_digest[digest] = Declared(version, fields, meanings)
    return declared


def current_locked(session: Session) -> Declared:
    """The fields as they are now; until the transaction ends nobody else changes them."""
    hold(session, FIELD_LISTS)
    return current(session)


def at(session: Session, version: int) -> Fields:
    """The fields of a list; of one that never was, none but the built-in ones."""
    if version == 0:
        return shipped()
    found = session.get(FieldList, version)
    return Fields((field_from(entry) for entry in (found.entries if found else ())), version)


def seed(session: Session, now: datetime) -> None:
    """Keep the fields of `fields.toml` as the first list, where there is none."""
    if current_locked(session).version == 0:
        add(session, shipped(), actor="setup", now=now)


def add(
    session: Session,
    fields: Fields,
    *,
    actor: str,
    now: datetime,
    renewed: Collection[str] = (),
) -> Declared:
    """Keep all fields as the next list, which counts in every process from then on.

    The transaction has asked for `current_locked`. `renewed` names fields whose values mean
    something else from now on, as in another unit; those of another type do anyway.
    """
    before = session.get(FieldList, current(session).version)
    known = before.meanings if before else {}
    meanings = known | {
        field.name: _meaning(field, None if field.name in renewed else known.get(field.name))
        for field in fields
        if field.declared or field.retired
    }
    if any(meaning != meanings[name] for name, meaning in known.items()):
        hold(session, BACKFILL)  # nobody scores while values begin to mean something else
    row = FieldList(
        version=before.version + 1 if before else 1,
        entries=list(fields.entries),
        meanings=meanings,
        after_snapshot_key=session.scalar(sa.select(sa.func.max(Snapshot.key))) or 0,
        changed_at=now,
        changed_by=actor,
    )
    # Of all lists until now: the same digest stands for the same meanings, too.
    stamps = [row.after_snapshot_key, now.isoformat()]
    content = [before.digest if before else "", row.entries, meanings, stamps]
    row.digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    session.add(row)
    session.flush()
    look_up_again(session, FIELD_LISTS)
    return current(session)


def _meaning(field: Field, known: str | None) -> str:
    """What its values are: their kind, and the unit that they had when that last mattered."""
    measure = field.kind.measure
    if known is not None and known.partition(":")[0] == measure:
        return known
    return f"{measure}:{field.unit or ''}"
