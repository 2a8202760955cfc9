"""The declared fields in the database: each change adds a whole list, and the newest counts."""

import hashlib
import json
from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from ml.fields.checks import field_from
from ml.fields.fields_file import Field, Fields, load
from webapp.config import ROOT
from webapp.database import Base, Key, hold
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
_by_digest: dict[str, Fields] = {}


class Declared(NamedTuple):
    """The fields, with the number of their list: 0 before any list is kept."""

    version: int
    fields: Fields


class KeyRange(NamedTuple):
    """Keys of snapshots: above `after`, up to `through`, both at least 0."""

    after: int
    through: int

    def __contains__(self, key: object) -> bool:
        return isinstance(key, int) and self.after < key <= self.through


@cache
def shipped() -> Fields:
    """The fields of `fields.toml`, which count until a list is kept; else `FieldsFileError`."""
    return load(ROOT / "fields.toml")


def current(session: Session) -> Declared:
    """Read the newest list (0: `fields.toml`): one row of one index where it is known."""
    newest = session.connection().exec_driver_sql(NEWEST).first()
    if newest is None:
        return Declared(0, shipped())
    fields = _by_digest.get(newest.digest)
    if fields is None:
        if len(_by_digest) >= MAX_KEPT:
            _by_digest.clear()
        fields = _by_digest[newest.digest] = at(session, newest.version)
    return Declared(newest.version, fields)


def current_locked(session: Session) -> Declared:
    """The fields as they are now; until the transaction ends nobody else changes them."""
    hold(session, FIELD_LISTS)
    return current(session)


def at(session: Session, version: int) -> Fields:
    """The fields of a list; of one that never was, none but the built-in ones."""
    if version == 0:
        return shipped()
    found = session.get(FieldList, version)
    return Fields(field_from(entry) for entry in (found.entries if found else ()))


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
    entries = list(fields.entries)
    row = FieldList(
        version=before.version + 1 if before else 1,
        digest=hashlib.sha256(json.dumps(entries).encode()).hexdigest(),
        entries=entries,
        meanings=known
        | {
            field.name: _meaning(field, None if field.name in renewed else known.get(field.name))
            for field in fields
            if field.declared or field.retired
        },
        after_snapshot_key=session.scalar(sa.select(sa.func.max(Snapshot.key))) or 0,
        changed_at=now,
        changed_by=actor,
    )
    session.add(row)
    session.flush()
    return Declared(row.version, fields)


def of_another_meaning(session: Session) -> dict[str, list[KeyRange]]:
    """Find, by field, the snapshots whose values mean something else than its values of now."""
    query = sa.select(FieldList.after_snapshot_key, FieldList.meanings).order_by(FieldList.version)
    lists = session.execute(query).all()
    # Before the first list the fields were as it says.
    starts = [0, *(row.after_snapshot_key for row in lists[1:])]
    found: dict[str, list[KeyRange]] = {}
    for row, keys in zip(lists, map(KeyRange, starts, starts[1:]), strict=False):
        for name, meaning in row.meanings.items():
            if keys.after < keys.through and meaning != lists[-1].meanings.get(name, meaning):
                found.setdefault(name, []).append(keys)
    return found


def _meaning(field: Field, known: str | None) -> str:
    """What its values are: their kind, and the unit that they had when that last mattered."""
    measure = field.kind.measure
    if known is not None and known.partition(":")[0] == measure:
        return known
    return f"{measure}:{field.unit or ''}"
